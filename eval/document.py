"""The report of a run as one JSON document: metrics with intervals, shares by stage and tag, curves, comparisons."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from eval.bootstrap import Estimate, difference, estimate
from eval.diagnose import STAGES
from eval.evaluate import Report
from eval.judge import Outcome
from eval.ranking import recall_curve
from eval.summary import FORMAT, METRICS, Table, table

# A curve of six thousand questions looks the same with so many points.
CURVE_POINTS = 200
BINS = 10


def document(reports: Mapping[str, Report]) -> dict[str, Any]:
    """Return the JSON document of one system, or of several compared with the first.

    Args:
        reports: By name of the system, over the same questions of one gold set; at least one.

    Returns:
        The first one's metrics at the top; ``systems`` and ``comparisons`` when there are several.
    """
    tables = {name: table([row.to_row() for row in report.rows]) for name, report in reports.items()}
    estimates = {name: estimate(columns) for name, columns in tables.items()}
    parts = {name: _part(report, tables[name], estimates[name]) for name, report in reports.items()}
    first, *others = reports
    values = {"format": FORMAT, **parts[first], "gold": dict(reports[first].gold)}
    if others:
        values["systems"] = parts
        values["comparisons"] = [
            {"system": name, "reference": first, **asdict(found), "difference": found.difference}
            for name in others
            for found in difference(estimates[name], estimates[first])
        ]
    return values | {"outcomes": [row.to_row() for row in reports[first].rows]}


def to_json(values: Mapping[str, Any]) -> str:
    """Return a report as JSON, indented but for the outcomes, which take a line each."""
    rows = ",\n".join(f"    {json.dumps(row, ensure_ascii=False)}" for row in values["outcomes"])
    rest = json.dumps({**values, "outcomes": []}, ensure_ascii=False, indent=2)
    return rest.replace('\n  "outcomes": []', f'\n  "outcomes": [\n{rows}\n  ]')


def _part(report: Report, columns: Table, estimates: Mapping[str, Estimate]) -> dict[str, Any]:
    """Return what the report says of one system."""
    rows = report.rows
    sections: dict[str, dict[str, Any]] = {metric.section: {} for metric in METRICS}
    intervals: dict[str, dict[str, Any]] = {metric.section: {} for metric in METRICS}
    for metric in METRICS:
        sections[metric.section][metric.name] = estimates[metric.key].value
        intervals[metric.section][metric.name] = estimates[metric.key].interval()
    sections["abstention"]["threshold"] = report.system.get("threshold")
    return {
        "questions": len(rows),
        "answerable": sum(row.question.answerable for row in rows),
        **sections,
        "intervals": intervals,
        "tags": by_tag(rows),
        "diagnosis": diagnosis(rows),
        "curves": curves(rows, columns),
        "index": dict(report.index),
        "system": dict(report.system),
    }


def by_tag(rows: Sequence[Outcome]) -> dict[str, dict[str, float | None]]:
    """Return questions, ``contains``, ``hit@5`` and the share that abstained for each tag, in order of its name."""
    tags = sorted({tag for row in rows for tag in row.question.tags})
    return {tag: _shares([row for row in rows if tag in row.question.tags]) for tag in tags}


def _shares(rows: Sequence[Outcome]) -> dict[str, float | None]:
    return {
        "questions": len(rows),
        "contains": _mean(row.contains for row in rows),
        "hit@5": _mean(bool(row.ranked.recall(5)) for row in rows if row.ranked),
        "abstained": _mean(row.abstained for row in rows),
    }


def _mean(values: Iterable[bool | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def diagnosis(rows: Sequence[Outcome]) -> dict[str, dict[str, float]]:
    """Return how many questions, and which share of them, went right and were lost at each stage.

    Unanswerable questions are left out for a system that only searches: it can do neither right nor wrong on them.
    """
    counts = Counter(row.stage or "right" for row in rows if row.abstained is not None or row.question.answerable)
    judged = max(1, counts.total())
    return {stage: {"questions": counts[stage], "share": counts[stage] / judged} for stage in ("right", *STAGES)}


def curves(rows: Sequence[Outcome], columns: Table) -> dict[str, list[list[float]]]:
    """Return what is drawn: recall@k, risk by coverage, right answers by confidence, questions by latency."""
    # What a system held back without saying so has no place in these.
    known = not np.isnan(columns["confidence"]).any() and not np.isnan(columns["right"]).any()
    return {
        "recall": [list(point) for point in recall_curve([row.ranked for row in rows if row.ranked])],
        "risk_coverage": _risk_coverage(columns) if known else [],
        "reliability": _reliability(columns) if known else [],
        "latency_ms": _latency(columns),
    }


def _risk_coverage(columns: Table) -> list[list[float]]:
    """Return (coverage, risk) for the thresholds between the confidences, coverage rising.

    Reference:
        El-Yaniv, Wiener 2010, On the Foundations of Noise-free Selective Classification.
    """
    order = np.argsort(-columns["confidence"], kind="stable")
    confidence, wrong = columns["confidence"][order], columns["wrong"][order]
    # Answers of equal confidence are given or held back together.
    last = np.flatnonzero(np.append(confidence[1:] != confidence[:-1], True))
    thinned = last[np.unique(np.linspace(0, len(last) - 1, min(CURVE_POINTS, len(last))).astype(np.int64))]
    risks = np.cumsum(wrong)[thinned] / (thinned + 1)
    return [[(place + 1) / len(order), risk] for place, risk in zip(thinned.tolist(), risks.tolist(), strict=True)]


def _reliability(columns: Table) -> list[list[float]]:
    """Return (mean confidence, share right, questions) of ten bins of confidence, empty ones left out.

    Reference:
        DeGroot, Fienberg 1983, The Comparison and Evaluation of Forecasters (reliability diagram).
    """
    bins = np.minimum((columns["confidence"] * BINS).astype(np.int64), BINS - 1)
    found = []
    for number in range(BINS):
        members = bins == number
        if members.any():
            share = float(columns["right"][members].mean())
            found.append([float(columns["confidence"][members].mean()), share, int(members.sum())])
    return found


def _latency(columns: Table) -> list[list[float]]:
    """Return (from, to, questions) of twenty bins in milliseconds, those beyond the 99th percentile in the last one."""
    milliseconds = 1000.0 * columns["seconds"]
    top = float(np.quantile(milliseconds, 0.99)) or 1.0
    counts, edges = np.histogram(np.minimum(milliseconds, top), bins=2 * BINS, range=(0.0, top))
    return [[low, high, count] for low, high, count in zip(edges[:-1], edges[1:], counts.tolist(), strict=True)]
