"""A report's JSON values as the sentences and rows of its page, in words and written numbers; knows no HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eval.diagnose import STAGES
from eval.glossary import figures, only_searches, written
from eval.summary import METRICS

SIGNIFICANT = 0.05
TAGS_SHOWN = 30
COMPARED = (
    "retrieval.hit@1",
    "retrieval.hit@5",
    "retrieval.ndcg@10",
    "answers.contains",
    "citations.precision",
    "citations.recall",
    "abstention.auroc",
    "abstention.aurc",
    "latency_ms.p50",
)
_BETTER = {metric.key: metric.better for metric in METRICS}


@dataclass(frozen=True)
class Cell:
    """A system's value of a metric beside the reference's.

    Attributes:
        value: As written.
        difference: To the reference, as written; ``""`` for the reference itself.
        interval: Of the difference, as written, or ``""``.
        p_value: As written, or ``""``.
        verdict: ``better``, ``worse`` or ``differs`` when the difference is significant, else ``""``.
    """

    value: str
    difference: str = ""
    interval: str = ""
    p_value: str = ""
    verdict: str = ""


def summary(values: Mapping[str, Any]) -> list[str]:
    """Return what a run comes to, in plain sentences."""
    rows = values.get("outcomes") or []
    answerable = [row for row in rows if row["answerable"]]
    others = [row for row in rows if not row["answerable"]]
    if only_searches(values):
        return _searched(values)
    sentences = []
    if answerable:
        given = [row for row in answerable if not row["abstained"]]
        right = sum(bool(row["right"]) for row in given)
        refused = len(answerable) - len(given)
        sentences.append(
            f"Of {_count(len(answerable), 'answerable question')}, {right:,} {_are(right)} answered right, "
            f"{len(given) - right:,} wrong, and {refused:,} {_are(refused)} refused{_held_back(answerable)}."
        )
    if others:
        refused = sum(bool(row["abstained"]) for row in others)
        sentences.append(
            f"Of {_count(len(others), 'question')} that the documents do not answer, {refused:,} {_are(refused)} "
            f"refused and {len(others) - refused:,} {_are(len(others) - refused)} answered all the same."
        )
    return [*sentences, *_losses(rows)]


def _searched(values: Mapping[str, Any]) -> list[str]:
    share, questions = (values.get("retrieval") or {}).get("hit@5"), values["answerable"]
    if share is None:
        return ["The system only searches, and no question says what it should find."]
    found = round(share * questions)
    return [
        f"For {found:,} of {_count(questions, 'answerable question')}, the first 5 passages hold gold evidence. "
        "The system only searches: it gives no answers to judge."
    ]


def _held_back(rows: Sequence[Mapping[str, Any]]) -> str:
    right = sum(bool(row["abstained"] and row["right"]) for row in rows)
    return f" ({right:,} of those answers would have been right)" if right else ""


def _losses(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    stages = Counter(row["stage"] for row in rows if row["stage"]).most_common(3)
    if not stages:
        return []
    named = ", ".join(f"{stage} ({number:,})" for stage, number in stages)
    return [f"The stages that lost most questions: {named}."]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def notes(values: Mapping[str, Any]) -> list[str]:
    """Return what a reader has to know before trusting the figures."""
    gold, found = values["gold"], []
    if (lost := gold.get("evidence_lost_in_cleaning") or 0) > 0:
        found.append(
            f"{lost:,} of {gold['evidence']:,} pieces of gold evidence are not in the library's texts: cleaning "
            "dropped them. They count as missed."
        )
    if (left_out := gold.get("rows_without_question") or 0) > 0:
        found.append(f"{_count(left_out, 'row')} of the gold set without a question {_are(left_out)} left out.")
    calibration = (values.get("system") or {}).get("calibration")
    if calibration and calibration.get("gold_digest") == gold.get("digest"):
        found.append(
            "The confidence was calibrated on this very gold set, so the figures of abstention and reliability are "
            f"in-sample{_cross_validated(calibration.get('held_out') or {})}."
        )
    return found


def _cross_validated(held_out: Mapping[str, Any]) -> str:
    """Return what to expect on new questions instead, as far as it is known."""
    if held_out.get("risk") is None:
        return ""
    low, high = held_out["risk_interval"]
    share = f"{held_out['risk']:.3f} ({low:.3f} – {high:.3f})"
    return f": on new questions expect the cross-validated risk, {share} at a coverage of {held_out['coverage']:.3f}"


def comparison(values: Mapping[str, Any]) -> tuple[list[str], dict[str, list[Cell]]]:
    """Return the metrics compared, and for each system a cell a metric; both empty when there is one system."""
    systems: Mapping[str, Any] = values.get("systems") or {}
    shown = {name: {f.key: f.value for part in _sections(COMPARED) for f in figures(system, part)}
             for name, system in systems.items()}  # fmt: skip
    keys = [key for key in COMPARED if any(known.get(key) is not None for known in shown.values())]
    differences = {(found["system"], found["metric"]): found for found in values.get("comparisons") or []}
    rows = {
        name: [_cell(key, known.get(key), differences.get((name, key))) for key in keys]
        for name, known in shown.items()
    }
    return (keys, rows) if len(rows) > 1 else ([], {})


def _sections(keys: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(key.partition(".")[0] for key in keys))


def _cell(key: str, value: float | None, found: Mapping[str, Any] | None) -> Cell:
    if found is None:
        return Cell(written(key, value))
    difference, interval = written(key, found["difference"], signed=True), ""
    if found["interval"]:
        low, high = (written(key, end, signed=True).removesuffix(" ms") for end in found["interval"])
        interval = f"[{low}, {high}]"
    p_value = found["p_value"]
    verdict = ""
    if p_value < SIGNIFICANT:
        gain = _BETTER.get(key, 0) * found["difference"]
        verdict = "better" if gain > 0 else "worse" if gain < 0 else "differs"
    probability = "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"
    return Cell(written(key, value), difference, interval, probability, verdict)


def diagnosis(values: Mapping[str, Any]) -> list[tuple[str, str, int, float]]:
    """Return stage, what it means, questions and share of all, for what went right and every stage that can lose."""
    found = values.get("diagnosis") or {}
    known = {"right": "nothing went wrong", **STAGES}
    return [
        (stage, known.get(stage, ""), int(row["questions"]), float(row["share"]))
        for stage, row in found.items()
    ]  # fmt: skip


def tags(values: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the tags with most questions, those answered worst first; tags without gold answers last."""
    found: Mapping[str, Mapping[str, Any]] = values.get("tags") or {}
    largest = sorted(found, key=lambda tag: -found[tag]["questions"])[:TAGS_SHOWN]

    def how_good(tag: str) -> tuple[bool, float]:
        row = found[tag]
        measured = row["contains"] if row["contains"] is not None else row["hit@5"]
        return measured is None, row["abstained"] or 0.0 if measured is None else measured

    return [(tag, found[tag]) for tag in sorted(largest, key=how_good)]


def facts(values: Mapping[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """Return what was measured, under headings: name and value as text."""
    gold, index, system = (values.get(name) or {} for name in ("gold", "index", "system"))
    nested = ("versions", "settings", "calibration")
    parts = {
        "Gold set": gold,
        "Library": index,
        "System": {name: value for name, value in system.items() if name not in nested},
        "Calibration": _renamed(system.get("calibration") or {}, held_out="cross-validated"),
        "Settings": system.get("settings") or {},
        "Versions": system.get("versions") or {},
    }
    return {heading: _flat(part) for heading, part in parts.items() if part}


def _renamed(part: Mapping[str, Any], **names: str) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in part.items()}


def _flat(part: Mapping[str, Any], within: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in part.items():
        label = f"{within}{name}".replace("_", " ")
        found += _flat(value, f"{label}: ") if isinstance(value, Mapping) else [(label, _plain(value))]
    return found


def _plain(value: Any) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.4g}"
        case list() | tuple():
            return ", ".join(_plain(item) for item in value) or "–"
        case _:
            return str(value)
