"""The documents of a library whose names hold a text; knows no surface."""

from __future__ import annotations

from rag.errors import LibraryEmpty
from rag.library import Library
from rag.stored import DocumentSummary


def matching(library: Library, query: str = "") -> list[DocumentSummary]:
    """Return documents without their texts, by id.

    Args:
        library: The library; one that holds nothing yet has none.
        query: What their title or id holds, whatever its case.

    Returns:
        The documents.
    """
    try:
        found = library.documents()
    except LibraryEmpty:
        return []
    wanted = query.casefold()
    return [s for s in found if wanted in s.title.casefold() or wanted in s.id.casefold()]
