"""A report as lines for a terminal; knows the report's JSON document, and nothing of how it came about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eval.gate import Failure
from rag.printable import shown

SECTIONS = ("retrieval", "answers", "citations", "abstention", "latency_ms")
# Metrics by which systems are compared at a glance; --json and the HTML report have them all.
HEADLINE = (
    "retrieval.hit@1",
    "retrieval.hit@5",
    "retrieval.ndcg@10",
    "answers.contains",
    "citations.recall",
    "abstention.auroc",
    "latency_ms.p50",
)
FLIPPED_SHOWN = 10
# Behind the latencies of a system that only searches.
ONLY_SEARCHES = "*"


def lines(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield a report line by line: metrics with intervals, what lost the questions, tags, systems.

    Args:
        values: The JSON document.

    Yields:
        Lines without their ends.
    """
    asked = counted(values["questions"], "question")
    yield f"{shown(values['gold']['name'])}: {asked}, {values['answerable']} answerable"
    for section in SECTIONS:
        yield ""
        yield f"{section.removesuffix('_ms')}{' in ms' if section.endswith('_ms') else ''}"
        for name, value in values[section].items():
            yield f"  {name:<16}{figure(value):>9}  {_interval(values['intervals'][section].get(name))}".rstrip()
    yield ""
    yield from _table("outcome", values["diagnosis"])
    if values["tags"]:
        yield ""
        yield from _table("tag", values["tags"])
    if values.get("systems"):
        yield ""
        yield from _systems(values)
    index = values["index"]
    yield ""
    held = f"{counted(index['documents'], 'document')}, {counted(index['passages'], 'passage')}"
    yield f"library: {held}; 95 % bootstrap intervals in brackets"


def wrong_lines(values: Mapping[str, Any]) -> list[str]:
    """Return a line on how to see the questions that went wrong, where any did."""
    wrong = sum(row["questions"] for stage, row in values["diagnosis"].items() if stage != "right")
    how = "--report FILE.html shows which and why, --details FILE.jsonl lists them"
    return [f"{counted(wrong, 'question')} went wrong: {how}"] if wrong else []


def counted(count: int, noun: str) -> str:
    """Return a number of things in words."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _systems(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield a table of systems, with the p-value of each difference from the first."""
    p_values = {(found["system"], found["metric"]): found["p_value"] for found in values["comparisons"]}
    systems = {shown(name): name for name in values["systems"]}
    searching = {name for name, part in values["systems"].items() if _only_searches(part)}
    first = next(iter(values["systems"]))
    width = max(len("system"), *map(len, systems))
    yield "system".ljust(width) + "".join(key.split(".")[1].rjust(17) for key in HEADLINE)
    for label, system in systems.items():
        cells = []
        for key in HEADLINE:
            section, name = key.split(".")
            cell, p_value = figure(values["systems"][system][section][name]), p_values.get((system, key))
            if section == "latency_ms" and searching:
                cell += ONLY_SEARCHES if system in searching else ""
                # To search is a part of what it takes to answer: the difference says nothing of either.
                p_value = None if (system in searching) != (first in searching) else p_value
            cells.append(cell if p_value is None else f"{cell} p={p_value:.4f}")
        yield label.ljust(width) + "".join(cell.rjust(17) for cell in cells)
    yield f"p: paired bootstrap against {shown(first)}, two-sided"
    if searching:
        yield f"{ONLY_SEARCHES} only searches, which takes less than to answer: the two latencies are not compared"


def _only_searches(part: Mapping[str, Any]) -> bool:
    # Of a system that answers, the share of questions answered is a number, if only 0.
    return part["abstention"]["coverage"] is None


def failure_line(failure: Failure) -> str:
    """Return one line that says what fell, how surely, which questions flipped and at which stage."""
    counts = Counter(stage for _, stage in failure.flipped).most_common()
    lost = ", ".join(f"{count} {_fate(stage)}" for stage, count in counts)
    named = [f"{shown(question)} ({stage or _fate(stage)})" for question, stage in failure.flipped[:FLIPPED_SHOWN]]
    more = len(failure.flipped) - len(named)
    return (
        f"{failure.metric} went from {figure(failure.baseline_value)} to {figure(failure.value)} "
        f"({failure.difference:+.3f}, p = {failure.p_value:.4f}); {len(failure.flipped)} questions flipped"
        + (f", {lost}: " if failure.flipped else "")
        + ", ".join(named)
        + (f" and {more} more" if more > 0 else "")
    )


def _fate(stage: str) -> str:
    return f"lost at {stage}" if stage else "not lost"


def figure(value: object) -> str:
    """Return a number with three digits after the point, ``-`` for an undefined one."""
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _interval(bounds: Sequence[float] | None) -> str:
    return f"[{figure(bounds[0])}, {figure(bounds[1])}]" if bounds else ""


def _table(heading: str, rows: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    labels = [shown(name) for name in rows]
    width = max(len(heading), *map(len, labels))
    columns = list(next(iter(rows.values())))
    yield heading.ljust(width) + "".join(column.rjust(11) for column in columns)
    for label, row in zip(labels, rows.values(), strict=True):
        yield label.ljust(width) + "".join(figure(row[column]).rjust(11) for column in columns)
