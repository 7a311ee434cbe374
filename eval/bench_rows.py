"""Reports of several systems on the same questions to rows of a Markdown table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eval.document import document
from eval.evaluate import Report

RANKING = ("retrieval.hit@1", "retrieval.hit@5", "retrieval.ndcg@10", "answers.contains")


def compared(reports: Mapping[str, Report], metrics: Sequence[str]) -> list[list[str]]:
    """Return a row for each report, with the difference from the first one, and its p-value, in brackets."""
    values = document(reports)
    found = {(one["system"], one["metric"]): one for one in values["comparisons"]}
    return [
        [name, *(_cell(part, key, found.get((name, key))) for key in metrics)]
        for name, part in values["systems"].items()
    ]


def _cell(part: Mapping[str, Any], key: str, found: Mapping[str, Any] | None) -> str:
    section, name = key.split(".")
    value = part[section][name]
    if value is None:
        return "-"
    return f"{value:.3f}" + (f" ({found['difference']:+.3f}, p {found['p_value']:.4f})" if found else "")


def short(metrics: Iterable[str]) -> list[str]:
    """Return metrics as a heading calls them."""
    return [key.partition(".")[2] for key in metrics]
