"""What a library's store is given and gives back: values alone, which know of no database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import LibraryDamaged
from rag.schema import Passage

# Name of the setting under which the newest complete revision is kept.
REVISION = "revision"
# Revisions count up from 1 by commits; none reaches this.
LATEST = 2**62


@dataclass(frozen=True)
class Origin:
    """What tells whether a document's source has changed.

    Attributes:
        digest: SHA-256 of the source's bytes, in hexadecimal.
        size_bytes: Its size.
        modified_ns: Its time of modification; 0 when that cannot be trusted.
        source: Where it is: an absolute path, or what a document given as text named.
    """

    digest: str
    size_bytes: int = 0
    modified_ns: int = 0
    source: str = ""


@dataclass(frozen=True)
class DocumentSummary:
    """A document without its text.

    Attributes:
        id: Its id.
        title: Its title.
        date: Its ISO 8601 day, or ``None``.
        language: Its language.
        source: Where it came from.
        characters: Length of its text.
        passages: Number of its passages.
        same_text_as: Id of the first document made from the same bytes, or ``None`` where it is that itself.
    """

    id: str
    title: str
    date: str | None
    language: str
    source: str
    characters: int
    passages: int
    same_text_as: str | None = None


@dataclass(frozen=True)
class StoredPassage:
    """A passage as kept: with its number, its document's title and metadata, and its vectors.

    Attributes:
        key: Number of the passage in its library, never used twice.
        document_key: Number of its document's row.
        passage: The passage.
        title: Title of its document.
        date: ISO 8601 day of its document, or ``None``.
        language: Language of its document.
        metadata: Metadata of its document.
    """

    key: int
    document_key: int
    passage: Passage
    title: str
    date: str | None
    language: str
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class PassageVectors:
    """What the encoder made of a passage.

    Attributes:
        vector: (dim,) float32, unit length.
        tokens: Token vectors as `embeddings.late.pack` keeps them.
        sentence_starts: (sentences,) int64: number of each sentence's first token.
    """

    vector: NDArray[np.float32]
    tokens: bytes
    sentence_starts: NDArray[np.int64]


@dataclass(frozen=True)
class Damage:
    """Rows that are not what was written.

    Attributes:
        documents: Sources of the live documents that such rows belong to, by id.
        settings: Names of settings.
        lost: Rows that do not say to which document they belong.
    """

    documents: Mapping[str, str]
    settings: tuple[str, ...]
    lost: int


@dataclass(frozen=True)
class Published:
    """A revision that readers see, without its documents.

    Attributes:
        revision: Its number.
        build: What its library was built with.
        documents: Number of its documents.
        passages: Number of its passages.
        languages: ISO 639-1 codes of its documents, sorted.
        recall: Share of the true neighbours that its vector index finds; ``None`` where it is exact, or unknown.
        digest: SHA-256 of what describes it, in hexadecimal.
    """

    revision: int
    build: Mapping[str, Any]
    documents: int
    passages: int
    languages: tuple[str, ...]
    recall: float | None
    digest: str


def damaged_vectors(place: Path | str, reason: str) -> LibraryDamaged:
    """Return the error for a store whose vectors are not what an encoder made."""
    return LibraryDamaged(
        f"the vectors in {place} are damaged ({reason}); restore it from a copy, or index into a new library"
    )
