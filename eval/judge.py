"""Judges one answer against its gold question; knows nothing of libraries and means over questions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from eval.gold import Question
from eval.metrics import (
    CitationCount,
    DocumentSpan,
    Judgement,
    contains,
    exact_match,
    merge,
    overlap,
    token_f1,
    tokens,
)
from rag import Answer, Passage

# Answers that a passage cannot be searched for: nearly every one holds "no".
VERDICTS = (["yes"], ["no"], ["maybe"])


@dataclass(frozen=True)
class Outcome:
    """One question, what came of it, and how that is judged.

    Attributes:
        question: The gold question.
        answer: The answer's text; the reason when it abstained.
        contains: Whether the answer holds a gold answer; ``None`` where there is none to hold.
        em: Whether it equals one; ``None`` likewise.
        f1: Token F1 against the best, in [0, 1]; ``None`` likewise.
        judgement: Its ranked passages; ``None`` where nothing says which are relevant.
        citations: Its citations.
        abstained: Whether it is a refusal.
        confidence: In [0, 1].
        seconds: Wall time of asking.
    """

    question: Question
    answer: str
    contains: bool | None
    em: bool | None
    f1: float | None
    judgement: Judgement | None
    citations: CitationCount
    abstained: bool
    confidence: float
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as flat JSON values."""
        return {
            "id": self.question.id,
            "question": self.question.question,
            "tags": list(self.question.tags),
            "answerable": self.question.answerable,
            "answers": list(self.question.answers),
            "rank": self.judgement.first_rank() if self.judgement else None,
            "answer": self.answer,
            "contains": self.contains,
            "em": self.em,
            "f1": self.f1,
            "citations": self.citations.cited,
            "citations_exact": self.citations.exact,
            "citations_relevant": self.citations.relevant,
            "evidence": self.citations.evidence,
            "evidence_cited": self.citations.found,
            "abstained": self.abstained,
            "confidence": self.confidence,
            "seconds": self.seconds,
        }


def judge(
    question: Question, answer: Answer, *, texts: Mapping[str, str], passages: Iterable[Passage], seconds: float
) -> Outcome:
    """Judge one answer.

    Args:
        question: With evidence in the library's offsets.
        answer: What the library answered.
        texts: Canonical texts of the cited documents, by id.
        passages: All passages of the question's gold documents.
        seconds: Wall time of asking.

    Returns:
        The outcome; abstaining on a question that has gold answers counts as wrong.
    """
    gold, given = question.answers, "" if answer.abstained else answer.text
    judged = bool(gold)
    return Outcome(
        question=question,
        answer=answer.text,
        contains=contains(given, gold) if judged else None,
        em=not answer.abstained and exact_match(given, gold) if judged else None,
        f1=token_f1(given, gold) if judged else None,
        judgement=judge_hits(question, [hit.passage for hit in answer.hits], passages),
        citations=count_citations(question, answer, texts),
        abstained=answer.abstained,
        confidence=answer.confidence,
        seconds=seconds,
    )


def judge_hits(question: Question, ranked: Iterable[Passage], passages: Iterable[Passage]) -> Judgement | None:
    """Judge which needs the ranked passages meet.

    A passage meets a need when it overlaps that span of gold evidence. Lacking evidence there is one need, which a
    passage of a gold document (of any, when none is named) meets that holds a gold answer; and where the only answers
    are yes, no or maybe, or none, each gold document is a need that any of its passages meets.

    Args:
        question: With evidence in the library's offsets.
        ranked: Passages from rank 1.
        passages: All passages of its gold documents.

    Returns:
        The judgement; ``None`` when the question is unanswerable.
    """
    if not question.answerable:
        return None
    spans, lost = evidence_spans(question)
    answers = [answer for answer in question.answers if tokens(answer) not in VERDICTS]

    def met(passage: Passage) -> frozenset[int]:
        document = passage.document_id
        if question.evidence:
            place = (document, passage.start_char, passage.end_char)
            return frozenset(i for i, span in enumerate(spans) if overlap(place, span))
        if answers:
            named = not question.document_ids or document in question.document_ids
            return frozenset((0,) if named and contains(passage.text, answers) else ())
        return frozenset(i for i, name in enumerate(question.document_ids) if name == document)

    needs = len(spans) + lost if question.evidence else 1 if answers else len(question.document_ids)
    if not needs:
        return None
    reachable = tuple(found for passage in passages if (found := met(passage)))
    return Judgement(needs, tuple(met(passage) for passage in ranked), reachable)


def evidence_spans(question: Question) -> tuple[list[DocumentSpan], int]:
    """Return the question's evidence with overlapping spans made one, and how many spans cleaning has dropped."""
    placed = [
        (item.document_id, item.start_char, item.end_char)
        for item in question.evidence
        if item.start_char is not None and item.end_char is not None
    ]
    return merge(placed), len(question.evidence) - len(placed)


def count_citations(question: Question, answer: Answer, texts: Mapping[str, str]) -> CitationCount:
    """Return how many of an answer's citations are exact and relevant, and how much evidence they find."""
    cited = [(citation.document_id, citation.start_char, citation.end_char) for citation in answer.citations]
    spans, lost = evidence_spans(question)
    return CitationCount(
        cited=len(cited),
        exact=sum(texts[c.document_id][c.start_char : c.end_char] == c.quote for c in answer.citations),
        relevant=sum(any(overlap(place, span) for span in spans) for place in cited),
        evidence=len(spans) + lost,
        found=sum(any(overlap(place, span) for place in cited) for span in spans),
    )
