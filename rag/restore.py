"""Documents taken out of a store as they stand in it, and put back without being read, split or embedded again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rag.abbreviations import find_abbreviations
from rag.errors import LibraryChanged
from rag.library_store import LibraryStore
from rag.schema import Document, Passage
from rag.stored import Origin, PassageVectors, damaged_vectors


@dataclass(frozen=True)
class KeptDocument:
    """A document with all that a library holds of it.

    Attributes:
        document: The document, with its text.
        origin: What it was made from.
        passages: Its passages with their vectors, in order.
    """

    document: Document
    origin: Origin
    passages: Sequence[tuple[Passage, PassageVectors]]


def take(store: LibraryStore, ids: Iterable[str], *, revision: int) -> Iterator[KeptDocument]:
    """Yield documents of a revision with all that the store holds of them.

    Args:
        store: The store.
        ids: Ids of documents; those that are not there are passed over.
        revision: Of which revision.

    Yields:
        The documents.

    Raises:
        LibraryChanged: One has left the store meanwhile: two commits have passed since the revision.
        LibraryDamaged: Something of one is missing, or is not what was written.
    """
    wanted = list(ids)
    origins = store.origins_at(wanted, revision=revision)
    for document_id in wanted:
        document = store.document(document_id, revision=revision)
        if document is None:
            continue
        stored = list(store.passages_of(revision=revision, document_id=document_id))
        vectors = store.kept([passage.key for passage in stored])
        # It leaves all at once: while it is there, its passages are.
        if document_id not in store.origins_at([document_id], revision=revision):
            raise LibraryChanged
        if len(vectors) < len(stored):
            raise damaged_vectors(store.place, "some are missing")
        yield KeptDocument(document, origins[document_id], [(s.passage, vectors[s.key]) for s in stored])


def put_back(store: LibraryStore, kept: Iterable[KeptDocument], *, revision: int) -> int:
    """Put documents into a store, as of a revision that is not published yet, and return how many.

    Args:
        store: The store, in which those of the same ids are left as they are.
        kept: What `take` gave.
        revision: Of which revision they are to be.

    Returns:
        How many were put in.
    """
    with store.transaction():
        store.discard_staged(revision=revision)
    count = 0
    for one in _missing(store, list(kept)):
        with store.transaction():
            key = store.add_document(one.document, revision=revision)
            store.add_abbreviations(key, find_abbreviations(f"{one.document.title}\n{one.document.text}"))
            for passage, vectors in one.passages:
                store.add_passage(key, passage, vectors)
            store.seal(key, one.origin)
        count += 1
    return count


def _missing(store: LibraryStore, kept: Sequence[KeptDocument]) -> Sequence[KeptDocument]:
    known: Mapping[str, Origin] = store.origins(one.document.id for one in kept)
    return [one for one in kept if one.document.id not in known]
