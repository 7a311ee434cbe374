"""A span of a document with what stands around it, its page and its heading; knows no surface."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from rag.errors import SpanError
from rag.library import Library
from rag.schema import Document
from rag.web.api_examples import EXCERPT, shown

MOST_CONTEXT = 10_000


class ExcerptBody(BaseModel):
    """A span of a document, with what stands before and after it."""

    model_config = shown(EXCERPT)
    document_id: str
    title: str
    start_char: int
    end_char: int
    text: str
    before: str
    after: str
    page: int | None
    heading: str | None


def excerpt(library: Library, document: Document, start_char: int, end_char: int, *, context: int) -> dict[str, Any]:
    """Return a span, as JSON values.

    Args:
        library: Has the document.
        document: The document.
        start_char: First character of the span.
        end_char: One past its last character.
        context: Characters before and after it.

    Returns:
        The span's text and what stands before and after it, its title, page and heading.

    Raises:
        SpanError: The document has no such span.
    """
    length = len(document.text)
    if not 0 <= start_char < end_char <= length:
        raise SpanError(
            f"start_char {start_char} and end_char {end_char}: 0 <= start_char < end_char <= {length:,} has to hold, "
            "the length of the document"
        )
    # As a citation names them: those of the passage that the span begins in.
    begun = [p for p in library.passages(document.id) if p.start_char <= start_char]
    passage = max(begun, key=lambda p: p.start_char, default=None)
    return {
        "document_id": document.id,
        "title": document.title,
        "start_char": start_char,
        "end_char": end_char,
        "text": document.text[start_char:end_char],
        "before": document.text[max(0, start_char - context) : start_char],
        "after": document.text[end_char : end_char + context],
        "page": passage.page if passage else None,
        "heading": passage.heading if passage else None,
    }
