"""What a system of others gives, held to its promise: values of the right types, and hits that are exact spans.

Knows the types of `rag` and the texts they refer to; nothing of where a system comes from, of gold sets and metrics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import index
from typing import Any, TypeVar

from rag import Answer, Citation, Hit, Passage
from rag.schema import AnswerSentence

SHOWN_CHARS = 60
T = TypeVar("T")


def checked_hits(hits: Any, texts: Mapping[str, str]) -> tuple[Hit, ...]:
    """Return hits with plain numbers; NumPy's are taken too.

    Args:
        hits: What a system found.
        texts: Canonical text by document id.

    Returns:
        The hits.

    Raises:
        ValueError: They are no sequence of hits ranked from 1 whose passages are exact spans of the texts.
    """
    if not isinstance(hits, Sequence):
        raise ValueError(f"it gave a {type(hits).__name__}; it has to be a sequence of rag.Hit")
    return tuple(_hit(hit, rank, texts) for rank, hit in enumerate(hits, start=1))


def checked_answer(answer: Any, texts: Mapping[str, str]) -> Answer:
    """Return an answer with plain numbers; NumPy's are taken too.

    Whether its citations are exact is not checked: that is measured.

    Args:
        answer: What a system answered.
        texts: Canonical text by document id.

    Returns:
        The answer.

    Raises:
        ValueError: It is no answer, a field is of another type than `rag.Answer` says, or it cites what is not there.
    """
    if not isinstance(answer, Answer):
        raise ValueError(f"it gave a {type(answer).__name__}; it has to be a rag.Answer")
    confidence = _number(answer.confidence, "confidence")
    if not 0.0 <= confidence <= 1.0:
        raise ValueError(f"confidence = {confidence}; it has to be from 0 to 1")
    return replace(
        answer,
        question=_text(answer.question, "question"),
        text=_text(answer.text, "text"),
        sentences=tuple(
            _sentence(sentence, f"sentence {number}")
            for number, sentence in enumerate(_sequence(answer.sentences, AnswerSentence, "sentences"), start=1)
        ),
        citations=tuple(_citation(citation, texts) for citation in _sequence(answer.citations, Citation, "citations")),
        abstained=_flag(answer.abstained, "abstained"),
        reason=_text(answer.reason, "reason"),
        confidence=confidence,
        hits=checked_hits(_sequence(answer.hits, Hit, "hits"), texts),
    )


def shown(text: str) -> str:
    """Return a text in quotation marks on one line, cut where it is long."""
    return repr(text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…")


def _hit(hit: Any, rank: int, texts: Mapping[str, str]) -> Hit:
    place = f"hit {rank}"
    if not isinstance(hit, Hit):
        raise ValueError(f"{place}: it is a {type(hit).__name__}; it has to be a rag.Hit")
    if hit.rank != rank:
        raise ValueError(f"{place}: its rank is {_brief(hit.rank)}; ranks count from 1")
    if not isinstance(hit.passage, Passage):
        raise ValueError(f"{place}: passage = {_brief(hit.passage)}; it has to be a rag.Passage")
    passage = replace(
        hit.passage,
        start_char=_whole(hit.passage.start_char, f"{place}: start_char"),
        end_char=_whole(hit.passage.end_char, f"{place}: end_char"),
    )
    if problem := _problem(passage, texts):
        raise ValueError(f"{place}: {problem}")
    return replace(
        hit,
        passage=passage,
        title=_text(hit.title, f"{place}: title"),
        rank=rank,
        score=_number(hit.score, f"{place}: score"),
    )


def _problem(passage: Passage, texts: Mapping[str, str]) -> str:
    """Return what is wrong with a passage; ``""`` when it is an exact span."""
    text = texts.get(passage.document_id)
    if text is None:
        return _stranger(passage.document_id)
    place = f"[{passage.start_char}, {passage.end_char}) of document {passage.document_id!r}"
    if not 0 <= passage.start_char < passage.end_char <= len(text):
        return f"{place} is no span of its {len(text)} characters"
    stands = text[passage.start_char : passage.end_char]
    if passage.text != stands:
        rule = "give the document's own text, as eval.systems.passage_at does"
        return f"{place} holds {shown(stands)}, not {_brief(passage.text)}; {rule}"
    return ""


def _sentence(sentence: AnswerSentence, place: str) -> AnswerSentence:
    return AnswerSentence(
        text=_text(sentence.text, f"{place}: text"),
        citations=tuple(
            _whole(number, f"{place}: citations")
            for number in _sequence(sentence.citations, object, f"{place}: citations")
        ),
        support=_number(sentence.support, f"{place}: support"),
    )


def _citation(citation: Citation, texts: Mapping[str, str]) -> Citation:
    place = f"citation {_brief(citation.number)}"
    if _text(citation.document_id, f"{place}: document_id") not in texts:
        raise ValueError(f"{place}: {_stranger(citation.document_id)}")
    return replace(
        citation,
        number=_whole(citation.number, f"{place}: number"),
        start_char=_whole(citation.start_char, f"{place}: start_char"),
        end_char=_whole(citation.end_char, f"{place}: end_char"),
        quote=_text(citation.quote, f"{place}: quote"),
        score=_number(citation.score, f"{place}: score"),
    )


def _stranger(document_id: Any) -> str:
    return f"document {_brief(document_id)} is none of those the factory got"


def _sequence(values: Any, kind: type[T], name: str) -> Sequence[T]:
    if not isinstance(values, Sequence) or isinstance(values, str):
        of_what = "whole numbers" if kind is object else f"rag.{kind.__name__}"
        raise ValueError(f"{name} = {_brief(values)}; it has to be a sequence of {of_what}")
    for value in values:
        if not isinstance(value, kind):
            raise ValueError(f"{name} hold a {type(value).__name__}; each has to be a rag.{kind.__name__}")
    return values


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} = {_brief(value)}; it has to be a str")
    # Half of a surrogate pair is no character and could not be written down.
    value.encode()
    return value


def _number(value: Any, name: str) -> float:
    try:
        if not isinstance(value, str | bytes):
            return float(value)
    except (TypeError, ValueError):
        # Told below, with the name of the field.
        pass
    raise ValueError(f"{name} = {_brief(value)}; it has to be a number")


def _whole(value: Any, name: str) -> int:
    try:
        return index(value)
    except TypeError as error:
        raise ValueError(f"{name} = {_brief(value)}; it has to be a whole number") from error


def _flag(value: Any, name: str) -> bool:
    if value not in (True, False):
        raise ValueError(f"{name} = {_brief(value)}; it has to be True or False")
    return bool(value)


def _brief(value: Any) -> str:
    if isinstance(value, str):
        return shown(value)
    text = repr(value)
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"
