"""Draft to answer: numbers the citations and checks that each is an exact span of its document; chooses nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from rag.errors import LibraryChanged
from rag.evidence import Chosen, Claim, Draft
from rag.schema import Answer, AnswerSentence, Citation, Disagreement, Document, Hit, Reading

FindDocument = Callable[[str], Document | None]


class InexactCitationError(AssertionError):
    """A citation does not equal its slice of the document: a bug, never the user's fault."""


def cite(question: str, draft: Draft, *, documents: FindDocument, hits: Sequence[Hit]) -> Answer:
    """Return the answer with numbered citations, every one checked against its document.

    Args:
        question: The question as asked.
        draft: The sentences chosen, or the reason why there are none.
        documents: Returns a document by id.
        hits: The passages the answer was made from.

    Returns:
        The answer; its text is the reason when it abstains.

    Raises:
        InexactCitationError: A chosen sentence is not a verbatim span of its document.
        LibraryChanged: A cited document has left the library.
    """
    citations = tuple(_citation(number, chosen) for number, chosen in enumerate(draft.sentences, start=1))
    for citation in citations:
        check(citation, documents(citation.document_id))
    sentences = [*_verdict(draft, citations), *_verbatim(draft, citations)]
    return Answer(
        question=question,
        text=draft.reason if draft.abstained else join([s.text for s in sentences]),
        sentences=tuple(sentences),
        citations=citations,
        abstained=draft.abstained,
        reason=draft.reason,
        confidence=draft.confidence,
        hits=tuple(hits),
        disagreements=_disagreements(draft.claims),
    )


def _verdict(draft: Draft, citations: Sequence[Citation]) -> list[AnswerSentence]:
    """Return the yes or no that goes before the quotes, if there is one."""
    resting = [citations[place] for place in draft.rests_on]
    if not draft.verdict or not resting:
        return []
    return [AnswerSentence(draft.verdict, tuple(c.number for c in resting), support=min(c.score for c in resting))]


def _verbatim(draft: Draft, citations: Sequence[Citation]) -> Iterator[AnswerSentence]:
    """Yield the sentences of the quotes, all of one quote with its number."""
    for chosen, citation in zip(draft.sentences, citations, strict=True):
        for part in chosen.parts or (citation.quote,):
            yield AnswerSentence(part, (citation.number,), support=1.0)


def _disagreements(claims: Sequence[Claim]) -> tuple[Disagreement, ...]:
    """Return what the claims give for the one thing they are about, newest first."""
    dates = [claim.date for claim in claims]
    newest = max((date for date in dates if date), default="")
    # Where a date is missing, or two are the same, none is known to be the newest.
    is_known = all(dates) and dates.count(newest) == 1
    readings = [Reading(c.value, c.quote + 1, c.date, is_known and c.date == newest) for c in claims]
    ordered = sorted(readings, key=lambda reading: reading.date or "", reverse=True)
    return (Disagreement(tuple(ordered)),) if ordered else ()


def check(citation: Citation, document: Document | None) -> None:
    """Make sure that a citation is an exact span.

    Args:
        citation: The citation.
        document: The document it names, ``None`` when it has left the library.

    Raises:
        InexactCitationError: It is not.
        LibraryChanged: There is no document to compare it with.
    """
    if document is None:
        raise LibraryChanged
    where = f"{citation.document_id}[{citation.start_char}:{citation.end_char}]"
    if document.text[citation.start_char : citation.end_char] != citation.quote or not citation.quote:
        raise InexactCitationError(f"citation {citation.number} does not equal {where}: {citation.quote[:80]!r}")


def growing(answer: Answer) -> Iterator[Answer]:
    """Yield the answer with one sentence, with two, and so on, short of all."""
    for count in range(1, len(answer.sentences)):
        sentences = answer.sentences[:count]
        last = max(number for sentence in sentences for number in sentence.citations)
        # What sources disagree on is said when all of them are there.
        yield replace(
            answer,
            text=join([s.text for s in sentences]),
            sentences=sentences,
            citations=answer.citations[:last],
            disagreements=(),
        )


def join(sentences: Sequence[str]) -> str:
    """Return sentences as one text; no space goes between those of scripts that put none."""
    text = ""
    for sentence in sentences:
        text += sentence if not text or text[-1] in "。！？…」』）" else f" {sentence}"
    return text


def _citation(number: int, chosen: Chosen) -> Citation:
    return Citation(
        number=number,
        document_id=chosen.passage.document_id,
        title=chosen.title,
        start_char=chosen.span.start_char,
        end_char=chosen.span.end_char,
        quote=chosen.text,
        page=chosen.passage.page,
        heading=chosen.passage.heading,
        score=chosen.score,
        highlight=chosen.highlight,
        also_in=chosen.also_in,
    )
