"""leadgoose: answers from your own documents, every one with citations to the exact source passage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

# Before anything here imports numpy: it says how many threads numpy is to use.
import embeddings as embeddings

if TYPE_CHECKING:
    from rag.errors import RagError
    from rag.library import Library
    from rag.schema import Answer, Citation, Document, Hit, Passage
    from rag.settings import Settings

__all__ = ["Answer", "Citation", "Document", "Hit", "Library", "Passage", "RagError", "Settings", "ask"]

# Loaded when first used, so that `import rag` costs nothing.
_HOMES = {
    "Answer": "rag.schema",
    "Citation": "rag.schema",
    "Document": "rag.schema",
    "Hit": "rag.schema",
    "Library": "rag.library",
    "Passage": "rag.schema",
    "RagError": "rag.errors",
    "Settings": "rag.settings",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def ask(question: str) -> Answer:
    """Return the default library's answer to a question.

    Args:
        question: The question.

    Returns:
        The answer, with exact citations, or with the reason why there is none.

    Raises:
        LibraryNotFound: There is no default library yet.
        QuestionError: The question is empty or too long.
    """
    from rag.library import Library

    with Library.open(create=False) as library:
        return library.ask(question)
