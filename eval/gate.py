"""Compares a run with an earlier one on the same questions, and says whether it has become worse; prints nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eval.bootstrap import difference, estimate
from eval.judge import Outcome
from eval.summary import METRICS, Floats, Metric, Table, table
from rag.errors import GoldError

# Two-sided. Metrics are tested one by one: with some twenty of them a run that is only differently good, not worse,
# may fail now and then; a run of unchanged code gives the same answers and never does.
SIGNIFICANT = 0.05
SEARCHING = ("split", "retrieve", "rerank")


@dataclass(frozen=True)
class Failure:
    """A metric that fell.

    Attributes:
        metric: Section and name.
        value: Now.
        baseline_value: Then.
        p_value: Two-sided, of the paired bootstrap.
        flipped: Id of each question that became worse on it, and the stage that made it so (``""`` for none).
    """

    metric: str
    value: float
    baseline_value: float
    p_value: float
    flipped: tuple[tuple[str, str], ...]

    @property
    def difference(self) -> float:
        """How much the value has changed."""
        return self.value - self.baseline_value

    def stages(self) -> dict[str, int]:
        """Return how many of the flipped questions each stage lost, most first."""
        return dict(Counter(stage or "right" for _, stage in self.flipped).most_common())

    def to_dict(self) -> dict[str, Any]:
        """Return the failure as JSON values."""
        return {
            "metric": self.metric,
            "value": self.value,
            "baseline_value": self.baseline_value,
            "difference": self.difference,
            "p_value": self.p_value,
            "stages": self.stages(),
            "flipped": [{"id": question, "stage": stage} for question, stage in self.flipped],
        }


@dataclass(frozen=True)
class Baseline:
    """An earlier run.

    Attributes:
        path: The report it was read from.
        digest: SHA-256 of its gold set.
        rows: Its outcomes by question id.
    """

    path: Path
    digest: str
    rows: Mapping[str, Mapping[str, Any]]


def read_baseline(path: Path) -> Baseline:
    """Read an earlier run.

    Args:
        path: What ``rag eval GOLD --json`` printed.

    Returns:
        The run.

    Raises:
        GoldError: It cannot be read, or is no such report.
    """
    rule = "give a file that `rag eval GOLD --json` wrote"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        rows = {row["id"]: row for row in values["outcomes"]}
        # Computed here so that a report which lacks a column is refused before any question is asked.
        table(list(rows.values()))
        return Baseline(path, values["gold"]["digest"], rows)
    except OSError as error:
        raise GoldError(f"the baseline {path} cannot be read: {error.strerror}; {rule}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise GoldError(f"the baseline {path} is no report of this version ({error!r}); {rule}") from error


def failures(rows: Sequence[Outcome], baseline: Baseline, *, max_drop: float) -> list[Failure]:
    """Return the metrics that fell by more than ``max_drop``, significantly so.

    Args:
        rows: Outcomes of the run.
        baseline: The earlier run; questions that only one of the two has are left out.
        max_drop: Greatest fall that is accepted.

    Returns:
        Worst first; empty when the gate is passed.

    Raises:
        GoldError: The two have no question in common.
    """
    common = [row for row in rows if row.question.id in baseline.rows]
    if not common:
        raise GoldError(
            f"the baseline {baseline.path} has no question in common with this gold set; "
            "make a new one: rag eval GOLD --json > report.json"
        )
    now = table([row.to_row() for row in common])
    then = table([baseline.rows[row.question.id] for row in common])
    better = {metric.key: metric for metric in METRICS if metric.better}
    fallen = [
        Failure(
            metric=found.metric,
            value=found.value,
            baseline_value=found.reference_value,
            p_value=found.p_value,
            flipped=tuple(
                (common[i].question.id, _blamed(better[found.metric], common[i], baseline))
                for i in flipped(better[found.metric], now, then)
            ),
        )
        for found in difference(estimate(now), estimate(then))
        if found.metric in better
        and -better[found.metric].better * found.difference > max_drop
        and found.p_value < SIGNIFICANT
    ]
    return sorted(fallen, key=lambda failure: -abs(failure.difference))


def flipped(metric: Metric, now: Table, then: Table) -> list[int]:
    """Return the places of the questions that became worse on what a metric is made of."""
    worse = np.zeros(len(now["answerable"]), bool)
    for name in metric.judged:
        # A question without a value, such as the overlap of citations in a refusal, compares as not worse.
        worse |= _goodness(name, now) < _goodness(name, then) - 1e-9
    return np.flatnonzero(worse).tolist()


def _blamed(metric: Metric, row: Outcome, baseline: Baseline) -> str:
    """Return the stage that made a question worse on a metric.

    A ranking may have become worse while the answer is as right as before. Then it is the reranker's doing if the
    passage came to it where it came before, and the retriever's if it came later or not at all.
    """
    if metric.section != "retrieval" or row.stage in SEARCHING:
        return row.stage
    before = baseline.rows[row.question.id]["retrieved_rank"]
    kept = row.retrieved_rank is not None and before is not None and row.retrieved_rank <= before
    return "rerank" if kept else "retrieve"


def _goodness(name: str, columns: Table) -> Floats:
    """Return a column turned so that more of it is better: to refuse is good for unanswerable questions alone."""
    if name == "abstained":
        return np.where(columns["unanswerable"] > 0, columns[name], -columns[name])
    return columns[name]
