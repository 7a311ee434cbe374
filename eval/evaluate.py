"""Runs a gold set through a library and sums up; knows only the public interface, so it measures what is served."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from time import perf_counter
from typing import Any

from eval.gold import GoldSet, Question
from eval.judge import Outcome, judge
from eval.kept import build_seconds, open_gold_library
from eval.metrics import abstention, citations, mean, percentile, ranking
from eval.resolve import Corpus, resolve, sample
from rag import Library

__all__ = ["Report", "evaluate", "open_gold_library"]

PACKAGES = ("leadgoose", "faiss-cpu", "numpy", "onnxruntime", "sentencex", "tantivy", "tokenizers")


@dataclass(frozen=True)
class Report:
    """What came of a gold set.

    Attributes:
        gold: Name, digest and size of the gold set.
        index: Documents and passages of the library, and seconds it took to build (``None`` when it was there before).
        system: Versions, encoder, settings, processors, threshold.
        rows: One outcome a question, in the gold set's order.
    """

    gold: Mapping[str, Any]
    index: Mapping[str, Any]
    system: Mapping[str, Any]
    rows: tuple[Outcome, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the metrics as JSON values; those that are undefined on this gold set are ``None``."""
        rows = self.rows
        judged = [row for row in rows if row.contains is not None]
        seconds = [row.seconds * 1000 for row in rows]
        refusals = abstention(
            answerable=[row.question.answerable for row in rows],
            confidences=[row.confidence for row in rows],
            abstained=[row.abstained for row in rows],
        )
        return {
            "questions": len(rows),
            "answerable": sum(row.question.answerable for row in rows),
            "retrieval": ranking({row.question.id: row.judgement for row in rows if row.judgement}),
            "answers": {
                "contains": mean([bool(row.contains) for row in judged]),
                "em": mean([bool(row.em) for row in judged]),
                "f1": mean([row.f1 or 0.0 for row in judged]),
                "mean_chars": mean([len(row.answer) for row in judged if not row.abstained]),
            },
            "citations": citations(row.citations for row in rows),
            "abstention": refusals | {"threshold": self.system["threshold"]},
            "latency_ms": {"p50": percentile(seconds, 50), "p95": percentile(seconds, 95)},
            "index": dict(self.index),
            "gold": dict(self.gold),
            "system": dict(self.system),
        }

    def by_tag(self) -> dict[str, dict[str, float | None]]:
        """Return questions, ``contains``, ``hit@5`` and the share that abstained for each tag, in order of its name."""
        tags = sorted({tag for row in self.rows for tag in row.question.tags})
        return {tag: _shares([row for row in self.rows if tag in row.question.tags]) for tag in tags}


def evaluate(
    gold: GoldSet,
    library: Library,
    *,
    threshold: float | None = None,
    limit: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Report:
    """Ask a library every question of a gold set and judge what it answers.

    Args:
        gold: The questions, whose documents the library holds.
        library: What is measured.
        threshold: Confidence below which it abstains; the library's own setting when ``None``.
        limit: How many questions to ask, spread evenly over the set; all when ``None``.
        progress: Called with stage, done and total after each question.

    Returns:
        Metrics and outcomes.

    Raises:
        GoldError: A document of the gold set is not in the library, or a quote is not in its document.
        ValueError: ``limit`` is below 1.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit = {limit}; it has to be a whole number from 1")
    corpus = Corpus(library)
    questions = resolve(gold, sample(gold.questions, limit), corpus)
    rows = []
    for number, question in enumerate(questions, start=1):
        rows.append(_outcome(question, library, corpus, threshold))
        if progress:
            progress("asking", number, len(questions))
    return Report(_gold(gold, questions), _index(library), _system(library, threshold), tuple(rows))


def _outcome(question: Question, library: Library, corpus: Corpus, threshold: float | None) -> Outcome:
    started = perf_counter()
    answer = library.ask(question.question, threshold=threshold)
    seconds = perf_counter() - started
    texts = {citation.document_id: corpus.text(citation.document_id).source for citation in answer.citations}
    passages = [passage for document in question.document_ids for passage in corpus.passages(document)]
    return judge(question, answer, texts=texts, passages=passages, seconds=seconds)


def _shares(rows: Iterable[Outcome]) -> dict[str, float | None]:
    rows = list(rows)
    ranks = [row.judgement.first_rank() for row in rows if row.judgement]
    return {
        "questions": len(rows),
        "contains": mean([row.contains for row in rows if row.contains is not None]),
        "hit@5": mean([rank is not None and rank <= 5 for rank in ranks]),
        "abstained": mean([row.abstained for row in rows]),
    }


def _gold(gold: GoldSet, questions: Iterable[Question]) -> dict[str, Any]:
    evidence = [item for question in questions for item in question.evidence]
    return {
        "name": gold.name,
        "digest": gold.digest,
        "evidence": len(evidence),
        "evidence_lost_in_cleaning": sum(item.start_char is None for item in evidence),
        "rows_without_question": len(gold.left_out),
    }


def _index(library: Library) -> dict[str, Any]:
    statistics = library.statistics()
    return {
        "documents": statistics["documents"],
        "passages": statistics["passages"],
        "seconds": build_seconds(library),
    }


def _system(library: Library, threshold: float | None) -> dict[str, Any]:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            # Run from a source tree that is not installed, or with another backend.
            continue
    return {
        "versions": versions,
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "encoder": library.statistics()["encoder"],
        "threshold": library.settings.threshold if threshold is None else threshold,
        "settings": asdict(library.settings),
    }
