"""Draft to answer: numbers the citations and checks that each is an exact span of its document; chooses nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from rag.errors import LibraryChanged
from rag.evidence import Chosen, Draft
from rag.schema import Answer, AnswerSentence, Citation, Document, Hit

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
    sentences = tuple(AnswerSentence(c.quote, (c.number,), support=1.0) for c in citations)
    return Answer(
        question=question,
        text=draft.reason if draft.abstained else join([c.quote for c in citations]),
        sentences=sentences,
        citations=citations,
        abstained=draft.abstained,
        reason=draft.reason,
        confidence=draft.confidence,
        hits=tuple(hits),
    )


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
        sentences, citations = answer.sentences[:count], answer.citations[:count]
        yield replace(answer, text=join([s.text for s in sentences]), sentences=sentences, citations=citations)


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
    )
