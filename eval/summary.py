"""The metrics of a run as functions of one table of its questions, each question with a weight; knows no gold format.

The weights make one formula serve both the run itself (every weight 1) and its bootstrap resamples (how often each
question was drawn). A metric that is undefined (a mean over nothing, abstention without an unanswerable question) is
not a number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.ranking import RANKING_METRICS, Ranked, ranking

Floats = NDArray[np.float64]
# One column a name, each (questions,) float64, NaN where a question has no such value.
Table = Mapping[str, Floats]
# From a table and weights, (resamples, questions) float64, to one value a resample.
Measure = Callable[[Table, Floats], Floats]

# Of the rows that a report keeps; raised whenever they change, so that a gate never compares what cannot be.
FORMAT = 1
RANKED = ("met_at", "retrieved_at", "missed")
PLAIN = (
    "answerable",
    "right",
    "contains",
    "em",
    "f1",
    "chars",
    "cited",
    "exact",
    "relevant",
    "evidence",
    "found",
    "sentences",
    "supported",
    "shared_chars",
    "covered_chars",
    "abstained",
    "confidence",
    "seconds",
)


@dataclass(frozen=True)
class Metric:
    """One figure of a report.

    Attributes:
        section: Where the report shows it.
        name: Its name there.
        measure: Computes it.
        better: 1 when higher is better, -1 when lower is, 0 when neither is.
        judged: Column of which less than before makes a question one that became worse; ``""`` when none does.
        slack: By how much less it has to be.
    """

    section: str
    name: str
    measure: Measure
    better: int
    judged: str
    slack: float = 1e-9

    @property
    def key(self) -> str:
        """Its section and name, as comparisons call it."""
        return f"{self.section}.{self.name}"


def table(rows: Sequence[Mapping[str, Any]]) -> dict[str, Floats]:
    """Return the columns of the rows that ``Outcome.to_row`` makes, one question each, with its ranking metrics."""
    columns = {name: _column(row.get(name) for row in rows) for name in PLAIN}
    ranked = {
        row["id"]: Ranked(tuple(row["met_at"]), tuple(row["retrieved_at"]), row["missed"])
        for row in rows
        if row["met_at"] is not None
    }
    rated = ranking(ranked)
    columns |= {name: _column(rated.get(row["id"], {}).get(name) for row in rows) for name in RANKING_METRICS}
    answered = 1.0 - columns["abstained"]
    with_evidence = columns["evidence"] > 0
    columns["unanswerable"] = 1.0 - columns["answerable"]
    columns["answered"] = answered
    columns["wrong"] = 1.0 - columns["right"]
    # Citations are judged where evidence says what to cite; whether a question without any should have been answered
    # at all is what the abstention metrics say.
    columns["judged_citations"] = np.where(with_evidence, columns["cited"], 0.0)
    columns["judged_sentences"] = np.where(with_evidence, columns["sentences"], 0.0)
    overlapping = _divide(columns["shared_chars"], columns["covered_chars"])
    columns["iou"] = np.where(with_evidence & (answered > 0), overlapping, np.nan)
    return columns | _goodness(columns)


def _goodness(columns: Table) -> dict[str, Floats]:
    """Return columns that tell which questions became worse on metrics that are no means: more is better in each."""
    sure, refused = columns["confidence"], columns["abstained"]
    return {
        "exact_share": _divide(columns["exact"], columns["cited"]),
        "precision_share": _divide(columns["relevant"], columns["judged_citations"]),
        "supported_share": _divide(columns["supported"], columns["judged_sentences"]),
        "found_share": _divide(columns["found"], columns["evidence"]),
        "refused_well": np.where(columns["unanswerable"] > 0, refused, -refused),
        "not_misled": -columns["answered"] * columns["wrong"],
        "sure_if_answerable": np.where(columns["unanswerable"] > 0, -sure, sure),
        "sure_if_right": np.where(columns["right"] > 0, sure, -sure),
    }


def _column(values: Iterable[Any]) -> Floats:
    return np.array([np.nan if value is None else float(value) for value in values], np.float64)


def measure(columns: Table) -> dict[str, float | None]:
    """Return every metric of a table by key; ``None`` where it is undefined."""
    everything = np.ones((1, len(columns["answerable"])))
    values = {metric.key: float(metric.measure(columns, everything)[0]) for metric in METRICS}
    return {key: None if np.isnan(value) else value for key, value in values.items()}


def mean_of(name: str) -> Measure:
    """Return the measure that is the mean of a column over the questions that have it."""

    def measured(columns: Table, weights: Floats) -> Floats:
        known = ~np.isnan(columns[name])
        return _divide(weights @ np.where(known, columns[name], 0.0), weights @ known.astype(np.float64))

    return measured


def share_of(part: str, whole: str) -> Measure:
    """Return the measure that is the sum of one column over the sum of another, pooled over questions."""

    def measured(columns: Table, weights: Floats) -> Floats:
        return _divide(weights @ np.nan_to_num(columns[part]), weights @ np.nan_to_num(columns[whole]))

    return measured


def percentile_of(name: str, share: float, scale: float = 1.0) -> Measure:
    """Return the measure that is the smallest value which ``share`` of the questions do not exceed, times ``scale``."""

    def measured(columns: Table, weights: Floats) -> Floats:
        order = np.argsort(columns[name], kind="stable")
        reached = np.cumsum(weights[:, order], axis=1)
        # Sums of whole numbers are exact, the product with a share is not.
        wanted = share * reached[:, -1:] - 1e-9
        values: Floats = scale * columns[name][order]
        return np.asarray(values[np.argmax(reached >= wanted, axis=1)])

    return measured


def refusals(part: str) -> Measure:
    """Return precision, recall or F1 of refusals, unanswerable being the positive class."""

    def measured(columns: Table, weights: Floats) -> Floats:
        right = weights @ (columns["unanswerable"] * np.nan_to_num(columns["abstained"]))
        refused, positive = weights @ np.nan_to_num(columns["abstained"]), weights @ columns["unanswerable"]
        whole = {"precision": refused, "recall": positive, "f1": (refused + positive) / 2}[part]
        value = _divide(right, whole)
        return np.where(positive > 0, value, np.nan)

    return measured


def auroc(columns: Table, weights: Floats) -> Floats:
    """Return how well 1 − confidence ranks unanswerable questions above answerable ones; ties count half.

    Reference:
        Fawcett 2006, An introduction to ROC analysis; as the Mann-Whitney statistic (Hanley, McNeil 1982).
    """
    order, starts = _groups(columns["confidence"])
    negatives = np.add.reduceat((weights * columns["answerable"])[:, order], starts, axis=1)
    positives = np.add.reduceat((weights * columns["unanswerable"])[:, order], starts, axis=1)
    # Groups run from the highest confidence down, so an unanswerable question beats the answerable ones before it.
    before = np.cumsum(negatives, axis=1) - negatives
    won = (positives * (before + negatives / 2)).sum(axis=1)
    return _divide(won, positives.sum(axis=1) * negatives.sum(axis=1))


def aurc(columns: Table, weights: Floats) -> Floats:
    """Return the area under the risk-coverage curve: the mean, over questions, of the risk of answering down to each.

    Reference:
        Geifman, Uziel, El-Yaniv 2019, Bias-Reduced Uncertainty Estimation for Deep Neural Classifiers, section 2.
    """
    order, starts = _groups(columns["confidence"])
    drawn = np.add.reduceat(weights[:, order], starts, axis=1)
    wrong = np.add.reduceat((weights * columns["wrong"])[:, order], starts, axis=1)
    risk = _divide(np.cumsum(wrong, axis=1), np.cumsum(drawn, axis=1))
    return _divide(np.nansum(drawn * risk, axis=1), drawn.sum(axis=1))


def risk(columns: Table, weights: Floats) -> Floats:
    """Return the share of wrong answers among those given."""
    given = weights @ np.nan_to_num(columns["answered"])
    return _divide(weights @ np.nan_to_num(columns["answered"] * columns["wrong"]), given)


def _groups(values: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the order from the highest value down, and where each run of equal values starts in it."""
    order = np.argsort(-values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(values)])
    return order, starts


def _divide(part: Floats, whole: Floats) -> Floats:
    """Return the quotients, NaN where the divisor is 0."""
    return np.asarray(np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0))


def _only_known(measured: Measure) -> Measure:
    """Return a measure that is undefined where it is not known of every answer, given or held back, if it is right."""

    def guarded(columns: Table, weights: Floats) -> Floats:
        if np.isnan(columns["right"]).any():
            return np.full(len(weights), np.nan)
        return measured(columns, weights)

    return guarded


def _only_asked(measured: Measure) -> Measure:
    """Return a measure that is undefined for a system that only searches: it has no confidence."""

    def guarded(columns: Table, weights: Floats) -> Floats:
        if np.isnan(columns["confidence"]).any():
            return np.full(len(weights), np.nan)
        return measured(columns, weights)

    return guarded


# A question counts as one that became worse on a ranking by confidence when it moved by more than this.
SURENESS = 0.05
METRICS = (
    *(Metric("retrieval", name, mean_of(name), 1, name) for name in RANKING_METRICS),
    Metric("answers", "contains", mean_of("contains"), 1, "contains"),
    Metric("answers", "em", mean_of("em"), 1, "em"),
    Metric("answers", "f1", mean_of("f1"), 1, "f1"),
    Metric("answers", "mean_chars", mean_of("chars"), 0, ""),
    Metric("citations", "exact", share_of("exact", "cited"), 1, "exact_share"),
    Metric("citations", "precision", share_of("relevant", "judged_citations"), 1, "precision_share"),
    Metric("citations", "recall", share_of("found", "evidence"), 1, "found_share"),
    Metric("citations", "sentence_recall", share_of("supported", "judged_sentences"), 1, "supported_share"),
    Metric("citations", "iou", mean_of("iou"), 1, "iou"),
    Metric("abstention", "auroc", _only_asked(auroc), 1, "sure_if_answerable", SURENESS),
    Metric("abstention", "precision", _only_asked(refusals("precision")), 1, "refused_well"),
    Metric("abstention", "recall", _only_asked(refusals("recall")), 1, "refused_well"),
    Metric("abstention", "f1", _only_asked(refusals("f1")), 1, "refused_well"),
    Metric("abstention", "coverage", _only_asked(mean_of("answered")), 0, ""),
    Metric("abstention", "risk", _only_asked(risk), -1, "not_misled"),
    Metric("abstention", "aurc", _only_known(aurc), -1, "sure_if_right", SURENESS),
    Metric("latency_ms", "p50", percentile_of("seconds", 0.5, 1000.0), 0, ""),
    Metric("latency_ms", "p95", percentile_of("seconds", 0.95, 1000.0), 0, ""),
    Metric("latency_ms", "p99", percentile_of("seconds", 0.99, 1000.0), 0, ""),
)
