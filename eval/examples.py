"""Picks the questions worth reading and cuts out what was expected, retrieved and cited; knows no page."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from eval.diagnose import STAGES
from eval.excerpts import CUT, Excerpt, Piece, Range, cut_out
from eval.gold import Question
from eval.judge import Outcome, evidence_spans, spoken_answers
from eval.metrics import DocumentSpan, merge, overlap
from eval.resolve import Corpus

__all__ = ["Example", "Excerpt", "Piece", "examples", "worst"]

# Shown of one question; what is longer or more is cut, and said to be.
SAID_CHARS = 600
ANSWERS_SHOWN = 8
RETRIEVED_SHOWN = 3
EXCERPTS_SHOWN = 4


@dataclass(frozen=True)
class Example:
    """A question that was lost, for people to read.

    Attributes:
        id: The question's id.
        question: The question.
        tags: Its tags.
        answers: Gold answers; the first eight of many.
        answerable: Whether the documents answer it.
        stage: The stage that lost it.
        answer: The answer as served, or the reason for refusing.
        proposed: What it says when it may not abstain.
        abstained: Whether it refused; ``None`` for a system that only searches.
        confidence: In [0, 1], or ``None`` likewise.
        rank: Of the first passage that holds something expected, from 1, or ``None``.
        expected: Gold evidence in its surroundings; at most four.
        expected_count: How many there are.
        retrieved: The first passages, at most three.
        cited: What the proposed answer cites; at most four.
        cited_count: How many there are.
    """

    id: str
    question: str
    tags: tuple[str, ...]
    answers: tuple[str, ...]
    answerable: bool
    stage: str
    answer: str
    proposed: str
    abstained: bool | None
    confidence: float | None
    rank: int | None
    expected: tuple[Excerpt, ...]
    expected_count: int
    retrieved: tuple[Excerpt, ...]
    cited: tuple[Excerpt, ...]
    cited_count: int


def examples(
    outcomes: Sequence[Outcome], corpus: Corpus, *, titles: Mapping[str, str] | None = None, most: int = 200
) -> list[Example]:
    """Return the worst questions, most confidently wrong answers first, refusals last.

    Every stage that lost questions is represented: they are taken in turn, the worst of each stage first.

    Args:
        outcomes: Of one system.
        corpus: The documents they refer to.
        titles: Title of each document by id; those that are missing have none.
        most: How many at most.

    Returns:
        Examples; none of questions that went right.
    """
    known = titles or {}
    return [_example(outcome, corpus, known) for outcome in worst(outcomes, most)]


def worst(outcomes: Iterable[Outcome], most: int) -> list[Outcome]:
    """Return at most ``most`` outcomes that were lost, from every stage in turn, worst first."""
    by_stage: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in sorted(outcomes, key=_badness, reverse=True):
        if outcome.stage:
            by_stage[outcome.stage].append(outcome)
    stages = [by_stage.pop(stage) for stage in STAGES if stage in by_stage]
    in_turn = [found for found_each in zip_longest(*stages, *by_stage.values()) for found in found_each if found]
    return sorted(in_turn[:most], key=_badness, reverse=True)


def _badness(outcome: Outcome) -> tuple[bool, float]:
    """A wrong answer given surely is worst; of right answers that were held back, the one least believed in."""
    confidence = outcome.confidence or 0.0
    return not outcome.abstained, 1.0 - confidence if outcome.stage == "refused" else confidence


def _example(outcome: Outcome, corpus: Corpus, titles: Mapping[str, str]) -> Example:
    question = outcome.question
    expected = _expected(question, corpus, titles)
    return Example(
        id=question.id,
        question=_shortened(question.question),
        tags=question.tags,
        answers=_answers(question),
        answerable=question.answerable,
        stage=outcome.stage,
        answer=_shortened(outcome.answer),
        proposed=_shortened(outcome.proposed),
        abstained=outcome.abstained,
        confidence=outcome.confidence,
        rank=outcome.ranked.first_rank() if outcome.ranked else None,
        expected=expected[:EXCERPTS_SHOWN],
        expected_count=len(expected),
        retrieved=tuple(
            _excerpt(number, place, question, corpus, titles=titles, cited=outcome.cited)
            for number, place in enumerate(outcome.hits[:RETRIEVED_SHOWN], start=1)
        ),
        cited=tuple(
            _excerpt(number, place, question, corpus, titles=titles)
            for number, place in enumerate(outcome.cited[:EXCERPTS_SHOWN], start=1)
        ),
        cited_count=len(outcome.cited),
    )


def _answers(question: Question) -> tuple[str, ...]:
    shown = tuple(_shortened(answer) for answer in question.answers[:ANSWERS_SHOWN])
    return shown if len(question.answers) <= ANSWERS_SHOWN else (*shown, CUT.strip())


def _shortened(text: str) -> str:
    return text if len(text) <= SAID_CHARS else text[:SAID_CHARS] + CUT.rstrip()


def _expected(question: Question, corpus: Corpus, titles: Mapping[str, str]) -> tuple[Excerpt, ...]:
    """Return the evidence in its surroundings; lacking evidence, the gold documents without any text."""
    found = []
    for number, item in enumerate(question.evidence, start=1):
        document, start, end = item.document_id, item.start_char, item.end_char
        if start is None or end is None:
            pieces = cut_out(item.quote, (0, len(item.quote)), [])
        else:
            text = corpus.text(document).source
            pieces = cut_out(text, (0, len(text)), [(start, end)])
        found.append(Excerpt(document, titles.get(document, ""), start, end, number, pieces))
    if found:
        return tuple(found)
    return tuple(
        Excerpt(document, titles.get(document, ""), None, None, number, ())
        for number, document in enumerate(question.document_ids, start=1)
    )


def _excerpt(
    number: int,
    place: DocumentSpan,
    question: Question,
    corpus: Corpus,
    *,
    titles: Mapping[str, str],
    cited: Iterable[DocumentSpan] = (),
) -> Excerpt:
    document, start, end = place
    text = corpus.text(document).source
    pieces = cut_out(text, (start, end), _marks(question, place, text), _clipped(merge(cited), place))
    return Excerpt(document, titles.get(document, ""), start, end, number, pieces)


def _clipped(spans: Iterable[DocumentSpan], place: DocumentSpan) -> list[Range]:
    """Return what spans share with a place."""
    _, start, end = place
    return [(max(span[1], start), min(span[2], end)) for span in spans if overlap(place, span)]


def _marks(question: Question, place: DocumentSpan, text: str) -> list[Range]:
    """Return what of a place is evidence; for a question without evidence, where a gold answer stands in it."""
    document, start, end = place
    if question.evidence:
        return _clipped(evidence_spans(question)[0], place)
    if question.document_ids and document not in question.document_ids:
        return []
    words = [re.escape(answer) for answer in spoken_answers(question) if answer.strip()]
    if not words:
        return []
    pattern = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(words)})(?![A-Za-z0-9])", re.IGNORECASE)
    return [found.span() for found in pattern.finditer(text, start, end)]
