"""What keeps a library's rows, as those who write and list them see it: documents, passages and settings by revision.

Rows carry the revision that added and the one that removed them: what is written towards a revision is seen by nobody
before that is published, and what was removed stays until nobody reads it any more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rag.abbreviations import Abbreviation
from rag.schema import Document, Passage
from rag.stored import LATEST, DocumentSummary, Origin, PassageVectors, StoredPassage


class LibraryStore(Protocol):
    """The rows of one library; safe to share between threads."""

    @property
    def place(self) -> str:
        """Where they are, as an error names it."""

    def close(self) -> None:
        """Let go of them; the store cannot be used afterwards."""

    # -- settings -----------------------------------------------------------------------------------------------------

    def settings(self) -> dict[str, Any]:
        """Return all settings, JSON values by name."""

    def setting(self, name: str) -> Any:
        """Return a setting, ``None`` where there is none of that name."""

    def put_settings(self, values: Mapping[str, Any]) -> None:
        """Keep settings in place of those of the same names."""

    # -- writing, by one writer at a time -----------------------------------------------------------------------------

    def transaction(self) -> AbstractContextManager[None]:
        """Hold together what is written within, as far as the store can; nobody sees it before it is published."""

    def check_all(self) -> None:
        """See to it that rows of an earlier version have what later ones rely on."""

    def add_document(self, document: Document, *, revision: int) -> int:
        """Add a document as of `revision`, in place of a live one of the same id, and return its number."""

    def seal(self, document_key: int, origin: Origin) -> None:
        """Note that all passages of a document are there, and what it was made from."""

    def add_passage(self, document_key: int, passage: Passage, vectors: PassageVectors) -> int:
        """Add a passage of a document with its vectors and return its number."""

    def add_abbreviations(self, document_key: int, introduced: Iterable[Abbreviation]) -> None:
        """Keep the abbreviations that a document introduces."""

    def put_abbreviations(self, document_id: str, introduced: Iterable[Abbreviation]) -> None:
        """Keep the abbreviations that a live document introduces, in place of those that are there."""

    def remove_documents(self, ids: Iterable[str], *, revision: int) -> int:
        """Mark live documents as removed as of `revision` and return how many there were."""

    def touch(self, document_id: str, origin: Origin) -> None:
        """Note that a live document's source has another place or time of modification and the same bytes."""

    def discard_unsealed(self) -> None:
        """Delete documents whose passages are not all there, because a run was cut short; those before them stand."""

    def discard_staged(self, *, revision: int) -> None:
        """Take back all that a run that was cut short did towards `revision`."""

    def has_staged(self, *, revision: int) -> bool:
        """Tell whether anything was added or removed as of `revision`."""

    def purge(self, *, before: int) -> None:
        """Delete what was removed at or before revision `before`: no reader sees it any more."""

    # -- reading, of what is written ----------------------------------------------------------------------------------

    def origins(self, ids: Iterable[str] | None = None) -> dict[str, Origin]:
        """Return the origins of live documents by document id: of all, or of those with some ids."""

    def made_from(self, digest: str) -> list[StoredPassage]:
        """Return the passages of a document made from a source of that digest, also of one that has left."""

    def kept(self, keys: Sequence[int]) -> dict[int, PassageVectors]:
        """Return what is kept of the encodings of passages, by their numbers; of those that are not there nothing."""

    def count_staged(self, *, after: int) -> int:
        """Return how many whole documents have been added since a revision."""

    # -- reading, of a revision ---------------------------------------------------------------------------------------

    def documents(self, *, revision: int = LATEST) -> list[DocumentSummary]:
        """Return the documents of a revision by id."""

    def document(self, document_id: str, *, revision: int = LATEST) -> Document | None:
        """Return one document of a revision, or ``None`` when it has no such document."""

    def origins_at(self, ids: Iterable[str], *, revision: int) -> dict[str, Origin]:
        """Return what some documents of a revision were made from, by id."""

    def passages_of(self, *, revision: int = LATEST, document_id: str | None = None) -> Iterator[StoredPassage]:
        """Yield the passages of a revision, or of one document of it, in order of their numbers."""

    def count_pages(self, ids: Iterable[str], *, revision: int) -> dict[str, int]:
        """Return the number of the last page that some documents of a revision have text on, by id, where they do."""

    def count_copies(self, *, revision: int) -> int:
        """Return how many documents of a revision are made from the same bytes as another one before them."""

    def passages(self, keys: Sequence[int]) -> dict[int, StoredPassage]:
        """Return passages by their numbers; those that are not there are left out."""

    def tokens(self, keys: Sequence[int]) -> dict[int, tuple[bytes, NDArray[np.int64]]]:
        """Return packed token vectors and (sentences,) starts of sentences by passage number, of those there are."""

    def abbreviations(self, keys: Collection[str], *, revision: int) -> list[tuple[Abbreviation, int]]:
        """Return the abbreviations of a revision of which either form is wanted, with the number of their documents."""
