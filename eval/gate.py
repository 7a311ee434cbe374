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
from eval.summary import FORMAT, METRICS, PLAIN, RANKED, Metric, Table, table
from rag.errors import GoldError

# Two-sided. Metrics are tested one by one: with some twenty of them a run that is only differently good, not worse,
# may fail now and then; a run of unchanged code gives the same answers and never does.
SIGNIFICANT = 0.05


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
        return dict(Counter(stage or "not lost" for _, stage in self.flipped).most_common())

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
        system: Name of its system.
        rows: Its outcomes by question id.
    """

    path: Path
    digest: str
    system: str
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
        if values["format"] != FORMAT:
            raise ValueError(f"format {values['format']}, not {FORMAT}")
        rows = {_checked(row)["id"]: row for row in values["outcomes"]}
        return Baseline(path, values["gold"]["digest"], values["system"]["name"], rows)
    except OSError as error:
        raise GoldError(f"the baseline {path} cannot be read: {error.strerror}; {rule}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise GoldError(f"the baseline {path} is no report of this version ({error!r}); {rule}") from error


def _checked(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a row of a report, or raise ``ValueError`` or ``TypeError`` for one that metrics cannot be computed of."""
    missing = [name for name in ("id", "stage", *RANKED, *PLAIN) if name not in row]
    if missing:
        raise ValueError(f"row {row.get('id')!r} lacks {missing[0]}")
    for name in PLAIN:
        if not isinstance(row[name], int | float | None):
            raise TypeError(f"row {row['id']!r}: {name} is {row[name]!r}")
    met, retrieved = row["met_at"], row["retrieved_at"]
    if met is not None and not (met and len(met) == len(retrieved) and isinstance(row["missed"], int)):
        raise ValueError(f"row {row['id']!r}: met_at is {met!r}, retrieved_at {retrieved!r}")
    for rank in [*(met or ()), *(retrieved or ())]:
        if rank is not None and (not isinstance(rank, int) or rank < 1):
            raise ValueError(f"row {row['id']!r}: {rank!r} is no rank")
    return row


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
    if not metric.judged:
        return []
    # A question without a value on either side, such as the precision of no citation, compares as not worse.
    return np.flatnonzero(now[metric.judged] < then[metric.judged] - metric.slack).tolist()


def _blamed(metric: Metric, row: Outcome, baseline: Baseline) -> str:
    """Return the stage that made a question worse on a metric.

    A ranking may have become worse while the answer is as right as before. Then it is the reranker's doing if the
    passage came to it no later than before, and the retriever's if it came later or not at all.
    """
    before = baseline.rows[row.question.id]
    if metric.section != "retrieval" or row.ranked is None or len(row.ranked.met_at) != len(before["met_at"] or ()):
        return row.stage
    places = zip(row.ranked.met_at, before["met_at"], row.ranked.retrieved_at, before["retrieved_at"], strict=True)
    for met, met_before, retrieved, retrieved_before in places:
        if met_before is not None and (met is None or met > met_before):
            kept = retrieved is not None and retrieved_before is not None and retrieved <= retrieved_before
            return "rerank" if kept else "retrieve"
    return row.stage


def gate_values(
    fallen: Sequence[Failure], rows: Sequence[Outcome], baseline: Baseline, max_drop: float
) -> dict[str, Any]:
    """Return what a report says of the gate, as JSON values."""
    return {
        "passed": not fallen,
        "baseline": str(baseline.path),
        "max_drop": max_drop,
        "questions": sum(row.question.id in baseline.rows for row in rows),
        "failures": [failure.to_dict() for failure in fallen],
    }


def gate_warnings(rows: Sequence[Outcome], baseline: Baseline, *, digest: str, system: str) -> list[str]:
    """Return what makes a comparison less than it seems: another gold set or system, questions of one run only."""
    common = sum(row.question.id in baseline.rows for row in rows)
    said = []
    if baseline.digest != digest:
        said.append(f"the gold set has changed since {baseline.path} was made")
    if baseline.system != system:
        said.append(f"{baseline.path} is of the system {baseline.system!r}, and this run of {system!r}")
    if common < max(len(rows), len(baseline.rows)):
        said.append(f"only the {common} questions of both {baseline.path} and this run are compared")
    return said
