"""Counts a document with the same text as gold evidence for that evidence; knows no library and no metric.

A passage that says that it stands in another document too, at the same place of the same text, is a passage of that
one: which of the copies is shown is for the system to choose.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from eval.questions import Question
from eval.subject import Subject
from rag import Answer, Hit


def told_of(question: Question, subject: Subject) -> Subject:
    """Return a system whose passages and citations of copies have the ids of the question's gold documents.

    Args:
        question: With the library's document ids.
        subject: The system.

    Returns:
        The system, for that question alone.
    """
    ask, propose = subject.ask, subject.propose
    return replace(
        subject,
        search=lambda query, k: [_hit(hit, question.document_ids) for hit in subject.search(query, k)],
        ask=ask and _asking(ask, question.document_ids),
        propose=propose and _asking(propose, question.document_ids),
    )


def told_answer(answer: Answer, wanted: Collection[str]) -> Answer:
    """Return an answer whose hits and citations of copies have the ids of wanted documents."""
    return replace(
        answer,
        hits=tuple(_hit(hit, wanted) for hit in answer.hits),
        citations=tuple(replace(c, document_id=_named(c.document_id, c.also_in, wanted)) for c in answer.citations),
    )


def firsts(ids: Iterable[str], text: Callable[[str], str]) -> Mapping[str, str]:
    """Return by id the first of the documents that have its text: evidence in each of them is the same.

    Args:
        ids: Ids of documents.
        text: Returns the text of one.

    Returns:
        An id for each id.
    """
    by_text: dict[str, str] = {}
    several = list(dict.fromkeys(ids))
    if len(several) < 2:
        return {name: name for name in several}
    # An empty text is of a document that is not there, and equal to no other.
    return {name: by_text.setdefault(text(name) or name, name) for name in several}


def _asking(ask: Callable[[str], Answer], wanted: Collection[str]) -> Callable[[str], Answer]:
    return lambda question: told_answer(ask(question), wanted)


def _hit(hit: Hit, wanted: Collection[str]) -> Hit:
    named = _named(hit.passage.document_id, hit.also_in, wanted)
    return hit if named == hit.passage.document_id else replace(hit, passage=replace(hit.passage, document_id=named))


def _named(own: str, also_in: Sequence[str], wanted: Collection[str]) -> str:
    return own if own in wanted else next((name for name in also_in if name in wanted), own)
