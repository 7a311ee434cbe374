"""Runs a gold set through a system and sums up; knows only the public interface, so it measures what is served."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from eval.copies import told_of
from eval.diagnose import lost_in_answer, lost_in_search
from eval.gold import GoldSet, Question
from eval.journal import Journal, open_journal
from eval.judge import (
    Outcome,
    cited_spans,
    cites_evidence,
    count_citations,
    is_right,
    judge_answer,
    judge_hits,
    passage_span,
    retrieved_at,
)
from eval.kept import build_seconds, code_digest, open_gold_library, runs_folder
from eval.metrics import DocumentSpan
from eval.progress import Progress
from eval.ranking import Ranked
from eval.resolve import Corpus, resolve, sample
from eval.subject import Subject, library_subject
from rag import Answer, Hit, Library, Passage

__all__ = ["Report", "evaluate", "evaluate_subject", "open_gold_library"]

# Passages that a system is asked for where an answer does not bring its own.
SEARCHED_K = 10


@dataclass(frozen=True)
class Report:
    """What came of a gold set.

    Attributes:
        gold: Name, digest and size of the gold set.
        index: Documents and passages of the library, and seconds it took to build (``None`` when it was there before).
        system: Name, versions, encoder, settings, processors, threshold, calibration.
        rows: One outcome a question, in the gold set's order.
    """

    gold: Mapping[str, Any]
    index: Mapping[str, Any]
    system: Mapping[str, Any]
    rows: tuple[Outcome, ...]


def evaluate(
    gold: GoldSet,
    library: Library,
    *,
    threshold: float | None = None,
    limit: int | None = None,
    progress: Progress | None = None,
    journals: ExitStack | None = None,
) -> Report:
    """Ask a library every question of a gold set and judge what it answers.

    Args:
        gold: The questions, whose documents the library holds.
        library: What is measured.
        threshold: Confidence below which it abstains; the library's own when ``None``.
        limit: How many questions to ask, spread evenly over the set; all when ``None``.
        progress: Called with stage, done and total after each question.
        journals: Keeps what was found, for a run that is interrupted, until it closes without an error; until the last
            question is asked when ``None``.

    Returns:
        Outcomes.

    Raises:
        GoldError: A document of the gold set is not in the library, or a quote is not in its document.
        ValueError: ``limit`` is below 1.
    """
    subject = library_subject("default", library, threshold=threshold)
    return evaluate_subject(gold, subject, library, limit=limit, progress=progress, journals=journals)


def evaluate_subject(
    gold: GoldSet,
    subject: Subject,
    library: Library,
    *,
    limit: int | None = None,
    progress: Progress | None = None,
    journals: ExitStack | None = None,
) -> Report:
    """Ask a system every question of a gold set; one that was interrupted goes on where it was.

    Args:
        gold: The questions.
        subject: What is measured.
        library: Holds the documents that the gold set is about.
        limit: How many questions to ask, spread evenly over the set; all when ``None``.
        progress: Called with stage, done and total after each question.
        journals: Keeps what was found, for a run that is interrupted, until it closes without an error; until the last
            question is asked when ``None``.

    Returns:
        Outcomes.

    Raises:
        GoldError: A document of the gold set is not in the library, or a quote is not in its document.
        ValueError: ``limit`` is below 1.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit = {limit}; it has to be a whole number from 1")
    corpus = Corpus(library)
    questions = resolve(gold, sample(gold.questions, limit), corpus)
    rows = []
    with ExitStack() as own:
        journal = (journals or own).enter_context(_journal(gold, subject, library))
        for number, question in enumerate(questions, start=1):
            rows.append(_found_before(question, journal) or _asked(question, subject, corpus, journal))
            if progress:
                progress(f"asking {subject.name}", number, len(questions))
    return Report(_gold(gold, questions), _index(library), {"name": subject.name, **subject.description}, tuple(rows))


def _journal(gold: GoldSet, subject: Subject, library: Library) -> AbstractContextManager[Journal | None]:
    """Open the journal of this gold set, system and library, as they are now."""
    statistics = library.statistics()
    if subject.description.get("adapter"):
        # The code behind an adapter may change without our knowing.
        return nullcontext()
    indexed = [gold.digest, statistics["path"], statistics["digest"]]
    decisive = [code_digest(harness=True), *indexed, subject.name, dict(subject.description)]
    return open_journal(runs_folder() / f"{hashlib.sha256(repr(decisive).encode()).hexdigest()[:24]}.jsonl")


def _found_before(question: Question, journal: Journal | None) -> Outcome | None:
    record = journal.records.get(question.id) if journal else None
    return Outcome.from_record(record, question) if record else None


def _asked(question: Question, subject: Subject, corpus: Corpus, journal: Journal | None) -> Outcome:
    told = told_of(question, subject)
    outcome = _searched(question, told, corpus) if told.ask is None else _answered(question, told, corpus)
    if journal:
        journal.append(outcome.to_record())
    return outcome


def _searched(question: Question, subject: Subject, corpus: Corpus) -> Outcome:
    """Return the outcome of a system that only searches."""
    started = perf_counter()
    hits = subject.search(question.question, SEARCHED_K)
    seconds = perf_counter() - started
    return Outcome(
        question=question,
        answer="",
        proposed="",
        right=None,
        contains=None,
        em=None,
        f1=None,
        ranked=_ranked(question, hits, subject, corpus),
        citations=None,
        abstained=None,
        confidence=None,
        seconds=seconds,
        hits=_spans(hits),
        cited=(),
        stage=_lost(question, hits, subject, corpus) if question.answerable else "",
    )


def _answered(question: Question, subject: Subject, corpus: Corpus) -> Outcome:
    if subject.ask is None:
        raise ValueError(f"system {subject.name!r} only searches")
    started = perf_counter()
    answer = subject.ask(question.question)
    seconds = perf_counter() - started
    # Only what was held back says whether it was right to hold it back.
    proposed = subject.propose(question.question) if answer.abstained and subject.propose else answer
    hits = _hits(question, answer, subject)
    contained, em, f1 = judge_answer(question, answer)
    known = not proposed.abstained or subject.propose is not None or not question.answerable
    right, cited = is_right(question, proposed) if known else None, cited_spans(proposed)
    stage = lost_in_answer(
        question,
        right=right,
        cites=cites_evidence(question, cited),
        abstained=answer.abstained,
        lost="" if right or not question.answerable else _lost(question, hits, subject, corpus),
    )
    return Outcome(
        question=question,
        answer=answer.text,
        proposed="" if proposed.abstained else proposed.text,
        right=right,
        contains=contained,
        em=em,
        f1=f1,
        ranked=_ranked(question, hits, subject, corpus),
        citations=count_citations(question, answer, {i: corpus.text(i).source for i, _, _ in cited_spans(answer)}),
        abstained=answer.abstained,
        confidence=answer.confidence,
        seconds=seconds,
        hits=_spans(hits),
        cited=cited,
        stage=stage,
    )


def _hits(question: Question, answer: Answer, subject: Subject) -> Sequence[Hit]:
    """Return the ranked passages of an answer; searched for where it brings fewer than are judged."""
    wanted = max(SEARCHED_K, subject.context_k)
    return answer.hits if len(answer.hits) >= wanted else subject.search(question.question, wanted)


def _spans(hits: Sequence[Hit]) -> tuple[DocumentSpan, ...]:
    return tuple(passage_span(hit.passage) for hit in hits[:SEARCHED_K])


def _ranked(question: Question, hits: Sequence[Hit], subject: Subject, corpus: Corpus) -> Ranked | None:
    passages = [hit.passage for hit in hits[:SEARCHED_K]]
    judgement = judge_hits(question, passages, _passages(question, corpus))
    if judgement is None:
        return None
    # Whether a candidate met what none of the hits meets.
    unmet = None in judgement.met_at()
    candidates = subject.search(question.question, subject.candidates_k) if unmet else hits
    return judgement.ranked(retrieved_at(question, candidates))


def _lost(question: Question, hits: Sequence[Hit], subject: Subject, corpus: Corpus) -> str:
    return lost_in_search(
        question,
        passages=_passages(question, corpus),
        context=[hit.passage for hit in hits[: subject.context_k]],
        candidates=lambda: [hit.passage for hit in subject.search(question.question, subject.candidates_k)],
    )


def _passages(question: Question, corpus: Corpus) -> list[Passage]:
    return [passage for document in question.document_ids for passage in corpus.passages(document)]


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
