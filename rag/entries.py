"""What an indexing run is to put into a library, and what comes of each part of it: values that pass between steps."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

from rag.schema import Document, Passage
from rag.sources import SourceFile
from rag.stored import Origin, PassageVectors


@dataclass(frozen=True)
class Entry:
    """A document to be put, read when its turn comes.

    Attributes:
        id: Its id.
        size_bytes: Its share of the run, in bytes of the files.
        origin: What it is made from.
        source: The file, or the document where it was given as text.
    """

    id: str
    size_bytes: int
    origin: Origin
    source: SourceFile | Document


@dataclass(frozen=True)
class Piece:
    """A passage on its way into a library.

    Attributes:
        entry: What it is made from.
        document: The document as it is kept; what `first` is not need not hold its text.
        passage: The passage.
        first: Whether it is its document's first.
        last: Whether it is its last.
        size_bytes: Its share of the entry's bytes.
        known: Its vectors, where the encoder has read the same before.
    """

    entry: Entry
    document: Document
    passage: Passage
    first: bool
    last: bool
    size_bytes: int
    known: PassageVectors | None = None


@dataclass(frozen=True)
class Failed:
    """A document that cannot be put.

    Attributes:
        entry: What there was to put.
        reason: Why not, in one line.
    """

    entry: Entry
    reason: str


Batch = list[tuple[Piece, PassageVectors]]
# Reads, splits and embeds entries. The pieces of a document come in order, each once, and are written together with
# those of their batch before the next one is asked for; documents come in any order. Closed when it is given up.
Embed = Callable[[Sequence[Entry]], Generator[Batch | Failed, None, None]]


def piece_of(entry: Entry, document: Document, passage: Passage, *, number: int, count: int) -> Piece:
    """Return a document's passage as a piece that is still to be embedded.

    Args:
        entry: What the document is made from.
        document: The document.
        passage: Its passage.
        number: Number of the passage in the document, from 0.
        count: How many passages the document has.

    Returns:
        The piece, with its share of the entry's bytes.
    """
    size = entry.size_bytes
    share = size * (number + 1) // count - size * number // count
    return Piece(entry, document, passage, number == 0, number == count - 1, share)
