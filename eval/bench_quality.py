"""Quality of ours, of its two legs alone and of the LangChain quick start on one gold set, with intervals and stars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eval.compare import compare
from eval.document import document
from eval.evaluate import Report
from eval.gate import SIGNIFICANT
from eval.gold import GoldSet
from eval.systems import read_systems
from rag import Library

SYSTEMS = "default,dense,lexical,langchain"
LEGS = ("dense", "lexical")
METRICS = (
    "retrieval.hit@1",
    "retrieval.hit@5",
    "retrieval.ndcg@10",
    "answers.contains",
    "citations.recall",
    "abstention.auroc",
    "latency_ms.p50",
)
RANKING = METRICS[:3]
HEADING = "\n".join(
    "| " + " | ".join(cells) + " |"
    for cells in (["set", "questions", "system", *METRICS], ["---"] * (3 + len(METRICS)))
)
# Passages whose length together is told: as many as hit@5 looks at.
FIRST = 5


def quality(gold: GoldSet, library: Library, limit: int | None) -> tuple[str, str]:
    """Compare the systems on a gold set.

    Args:
        gold: The questions.
        library: Holds its documents.
        limit: How many questions are asked, spread evenly over the set; all when ``None``.

    Returns:
        A row of the table for each system, under `HEADING`; and a line on ours.
    """
    reports = compare(gold, library, read_systems(SYSTEMS), limit=limit)
    values = document(reports)
    return "\n".join(_rows(gold.name, values)), summary(gold.name, values, reports["default"])


def _rows(name: str, values: Mapping[str, Any]) -> list[str]:
    """Return a row a system: metrics with 95 % intervals, a star where it differs from the first with p < 0.05."""
    significant = {(d["system"], d["metric"]) for d in values["comparisons"] if d["p_value"] < SIGNIFICANT}
    return [
        f"| {name} | {values['questions']} | {system} | "
        + " | ".join(_cell(part, key, star=(system, key) in significant) for key in METRICS)
        + " |"
        for system, part in values["systems"].items()
    ]


def _cell(part: Mapping[str, Any], key: str, *, star: bool) -> str:
    section, name = key.split(".")
    value, interval = part[section][name], part["intervals"][section][name]
    if value is None:
        return "-"
    digits = 0 if value > 1 else 3
    low, high = (f"{bound:.{digits}f}" for bound in interval)
    return f"{value:.{digits}f} [{low}, {high}]{'*' if star else ''}"


def summary(name: str, values: Mapping[str, Any], ours: Report) -> str:
    """Return where ours ranks significantly worse than a leg alone, and how long its first passages are together.

    Args:
        name: Of the gold set.
        values: The document of all systems' reports.
        ours: Our report.

    Returns:
        One line.
    """
    chars = [sum(end - start for _, start, end in row.hits[:FIRST]) for row in ours.rows]
    return (
        f"{name}: {below(values)}; the first {FIRST} passages together have {sum(chars) / len(chars):,.0f} "
        f"characters on average, {max(chars):,} at most"
    )


def below(values: Mapping[str, Any]) -> str:
    """Return in words where ``default`` is significantly below dense or lexical search alone, p < 0.05."""
    worse = [
        f"{found['system']} on {found['metric'].partition('.')[2]} "
        f"({-found['difference']:.3f}, p = {found['p_value']:.3f})"
        for found in values["comparisons"]
        if found["system"] in LEGS
        and found["metric"] in RANKING
        and found["difference"] > 0
        and found["p_value"] < SIGNIFICANT
    ]
    names = ", ".join(metric.partition(".")[2] for metric in RANKING)
    where = f"BELOW {', '.join(worse)}" if worse else f"nowhere significantly below {' or '.join(LEGS)} ({names})"
    return f"default is {where}"
