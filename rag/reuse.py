"""Vectors of what was embedded before, for a document of the same bytes: a renamed file, or a copy; encodes nothing."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

from rag import clean
from rag.library_store import LibraryStore
from rag.pipeline import context
from rag.schema import Passage
from rag.stored import PassageVectors

# Passages whose vectors are read at a time.
AT_A_TIME = 128


def known_vectors(
    store: LibraryStore, digest: str, title: str, passages: Sequence[Passage]
) -> Iterator[PassageVectors | None]:
    """Yield the vectors of a document's passages, as far as one made from the same bytes has them in the store.

    Args:
        store: The store.
        digest: Digest of the document's source.
        title: Its title.
        passages: Its passages.

    Yields:
        For each passage its vectors, ``None`` where the encoder has not read the same before.
    """
    keys = {_read(stored.title, stored.passage): stored.key for stored in store.made_from(digest)}
    wanted = [keys.get(_read(title, passage)) for passage in passages]
    for start in range(0, len(wanted), AT_A_TIME):
        part = wanted[start : start + AT_A_TIME]
        found = store.kept([key for key in part if key is not None]) if any(part) else {}
        yield from (None if key is None else found.get(key) for key in part)


def _read(title: str, passage: Passage) -> Hashable:
    """Return what the vectors of a passage are made from, but for the name of a file without a title of its own.

    The encoder reads that too: left out, it cost 4 points of hit@1 where names tell what files are about. A file that
    gets another name keeps the vectors of its first one until its text changes, rather than being embedded again.
    """
    own = "" if is_file_name(title, passage.document_id) else title
    return context(own, passage), passage.start_char, passage.text, passage.sentences


def is_file_name(title: str, document_id: str) -> bool:
    """Tell whether a title is the name of the document's file without its suffix, as where the text has none."""
    stem, dot, _ = document_id.rpartition("/")[2].rpartition(".")
    return bool(stem and dot) and title == " ".join(clean.clean(stem).split())
