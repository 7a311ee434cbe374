"""A report as lines for a terminal; knows the report's JSON document, and nothing of how it came about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eval.gate import Failure

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


def lines(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield a report line by line: metrics with intervals, what lost the questions, tags, systems.

    Args:
        values: The JSON document.

    Yields:
        Lines without their ends.
    """
    yield f"{values['gold']['name']}: {values['questions']} questions, {values['answerable']} answerable"
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
    yield f"library: {index['documents']} documents, {index['passages']} passages; 95 % bootstrap intervals in brackets"


def _systems(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield a table of systems, with the p-value of each difference from the first."""
    p_values = {(found["system"], found["metric"]): found["p_value"] for found in values["comparisons"]}
    names = [key.split(".")[1] for key in HEADLINE]
    width = max(len("system"), *map(len, values["systems"]))
    yield "system".ljust(width) + "".join(name.rjust(17) for name in names)
    for system, part in values["systems"].items():
        cells = []
        for key in HEADLINE:
            section, name = key.split(".")
            p_value = p_values.get((system, key))
            shown = figure(part[section][name])
            cells.append(shown if p_value is None else f"{shown} p={p_value:.4f}")
        yield system.ljust(width) + "".join(cell.rjust(17) for cell in cells)
    yield f"p: paired bootstrap against {next(iter(values['systems']))}, two-sided"


def failure_line(failure: Failure) -> str:
    """Return one line that says what fell, how surely, which questions flipped and at which stage."""
    stages = ", ".join(f"{stage} {count}" for stage, count in failure.stages().items())
    shown = [f"{question} ({stage or 'right'})" for question, stage in failure.flipped[:FLIPPED_SHOWN]]
    more = len(failure.flipped) - len(shown)
    return (
        f"{failure.metric} went from {figure(failure.baseline_value)} to {figure(failure.value)} "
        f"({failure.difference:+.3f}, p = {failure.p_value:.4f}); {len(failure.flipped)} questions flipped"
        + (f", lost at {stages}: " if failure.flipped else "")
        + ", ".join(shown)
        + (f" and {more} more" if more > 0 else "")
    )


def figure(value: object) -> str:
    """Return a number with three digits after the point, ``-`` for an undefined one."""
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _interval(bounds: Sequence[float] | None) -> str:
    return f"[{figure(bounds[0])}, {figure(bounds[1])}]" if bounds else ""


def _table(heading: str, rows: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    width = max(len(heading), *map(len, rows))
    columns = list(next(iter(rows.values())))
    yield heading.ljust(width) + "".join(column.rjust(11) for column in columns)
    for name, row in rows.items():
        yield name.ljust(width) + "".join(figure(row[column]).rjust(11) for column in columns)
