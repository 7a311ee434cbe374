"""What each figure of a report means, how it is written, and why it may be missing; computes none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

UNDEFINED = "–"
SECTIONS = {
    "retrieval": "Retrieval",
    "answers": "Answers",
    "citations": "Citations",
    "latency_ms": "Latency",
    "abstention": "Abstention",
}
# By section and name: what it means in a sentence.
MEANINGS = {
    "retrieval.hit@1": "Share of answerable questions whose first passage holds gold evidence.",
    "retrieval.hit@5": "Share of answerable questions with gold evidence among the first 5 passages.",
    "retrieval.hit@10": "Share of answerable questions with gold evidence among the first 10 passages.",
    "retrieval.recall@5": "Share of a question's pieces of gold evidence that the first 5 passages hold, on average.",
    "retrieval.recall@10": "Share of a question's pieces of gold evidence that the first 10 passages hold, on average.",
    "retrieval.mrr@10": "Mean of 1 / rank of the first passage that holds gold evidence; 0 beyond rank 10.",
    "retrieval.ndcg@10": "How near the ranking of the first 10 passages is to the best possible one; 1 is the best.",
    "answers.contains": "Share of answerable questions whose answer holds a gold answer; a refusal counts as wrong.",
    "answers.em": "Share of answers that equal a gold answer (exact match). Answers of whole sentences rarely do.",
    "answers.f1": "Harmonic mean of word precision and word recall against the best gold answer, on average.",
    "answers.mean_chars": "Mean length of the answers given, in characters.",
    "citations.exact": "Share of citations that are, character by character, the cited span of the document.",
    "citations.precision": "Share of citations that overlap gold evidence.",
    "citations.recall": "Share of the pieces of gold evidence that a citation overlaps.",
    "citations.sentence_recall": "Share of the answers' sentences with a citation that overlaps gold evidence.",
    "citations.iou": "Characters both cited and gold evidence, over characters that are either; mean over answers.",
    "abstention.auroc": "How often an answerable question gets more confidence than an unanswerable one; 0.5: chance.",
    "abstention.precision": "Share of refusals that were due: the documents do not answer the question.",
    "abstention.recall": "Share of the unanswerable questions that were refused.",
    "abstention.f1": "Harmonic mean of the precision and recall of refusals.",
    "abstention.coverage": "Share of all questions that were answered.",
    "abstention.risk": "Share of wrong answers among those given; lower is better.",
    "abstention.aurc": "Area under the risk-coverage curve: mean risk over all thresholds; lower is better.",
    "abstention.threshold": "Confidence below which the system refuses.",
    "latency_ms.p50": "Half of the questions were answered within this time, in milliseconds.",
    "latency_ms.p95": "95 of 100 questions were answered within this time, in milliseconds.",
    "latency_ms.p99": "99 of 100 questions were answered within this time, in milliseconds.",
}
_REFUSALS = ("auroc", "precision", "recall", "f1")


@dataclass(frozen=True)
class Figure:
    """A metric as it is shown.

    Attributes:
        key: Section and name.
        name: Its name in the literature.
        meaning: What it means, or ``""``.
        value: The number, or ``None`` where it is undefined.
        interval: Its 95 % interval, or ``None``.
        why: Why it is undefined, or ``""``.
    """

    key: str
    name: str
    meaning: str
    value: float | None
    interval: tuple[float, float] | None
    why: str

    @property
    def text(self) -> str:
        """The value as it is written."""
        return written(self.key, self.value)

    @property
    def range(self) -> str:
        """The interval as it is written, or ``""``."""
        if not self.interval:
            return ""
        low, high = self.interval
        return f"{written(self.key, low)} – {written(self.key, high)}"

    @property
    def is_share(self) -> bool:
        """Whether it lies between 0 and 1."""
        return is_share(self.key)


def is_share(key: str) -> bool:
    """Return whether a metric lies between 0 and 1."""
    return not key.startswith("latency_ms.") and not key.endswith("_chars")


def written(key: str, value: float | None, *, signed: bool = False) -> str:
    """Return a value of a metric as it is written, with its unit."""
    if value is None:
        return UNDEFINED
    sign = "+" if signed else ""
    if key.startswith("latency_ms."):
        return _minus(f"{value:{sign}.1f} ms" if abs(value) < 100 else f"{value:{sign},.0f} ms")
    return _minus(f"{value:{sign}.3f}" if is_share(key) else f"{value:{sign}.0f}")


def _minus(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")


def figures(values: Mapping[str, Any], section: str) -> list[Figure]:
    """Return the metrics of a section of a report."""
    known, intervals = values.get(section) or {}, (values.get("intervals") or {}).get(section) or {}
    found = []
    for name, value in known.items():
        key, interval = f"{section}.{name}", intervals.get(name)
        why = why_undefined(values, key) if value is None else ""
        bounds = (interval[0], interval[1]) if interval else None
        found.append(Figure(key, name, MEANINGS.get(key, ""), value, bounds, why))
    return found


def only_searches(values: Mapping[str, Any]) -> bool:
    """Return whether a report is about a system without answers: only then the share answered is undefined."""
    return (values.get("abstention") or {}).get("coverage") is None


def why_undefined(values: Mapping[str, Any], key: str) -> str:
    """Return why a metric has no value in a report."""
    section, _, name = key.partition(".")
    unanswerable = values["questions"] - values["answerable"]
    if section == "retrieval":
        return "no question says which passages are relevant"
    if section in ("answers", "citations", "abstention") and only_searches(values):
        return "the system only searches"
    if section == "answers":
        return "no answer was given" if name == "mean_chars" else "no question has a gold answer"
    if section == "citations":
        return "nothing was cited" if name == "exact" else "nothing was cited, or no question has gold evidence"
    if name in _REFUSALS and not unanswerable:
        return "every question is answerable"
    return {
        "auroc": "no question is answerable",
        "precision": "nothing was refused",
        "risk": "nothing was answered",
        "threshold": "the system has none",
    }.get(name, "no question counts for it")
