"""What a question asks of one published revision of a library: all that its stages know of where it is kept.

What is read of passages and documents is the same wherever the rows are; how they are searched is up to those that keep
them, `rag.folder.snapshot` and `rag.milvus.snapshot`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings.late import unpack
from embeddings.packed import segment_similarities
from rag.abbreviations import Abbreviation
from rag.errors import LibraryError
from rag.filters import check_filters, metadata_name, unknown
from rag.library_store import LibraryStore
from rag.schema import Document
from rag.settings import EARLIER
from rag.spelling import Near
from rag.stored import Origin, Published, StoredPassage


class Snapshot(ABC):
    """One published revision; never changes, and is safe to share between threads.

    Attributes:
        store: The rows of its library, also those of other revisions.
    """

    store: LibraryStore

    @property
    @abstractmethod
    def published(self) -> Published:
        """What is known of it without a look at its documents."""

    @property
    def revision(self) -> int:
        """Its number; later ones are higher."""
        return self.published.revision

    @property
    def token_bits(self) -> int:
        """Bits a component of its token vectors; 0 where it keeps none."""
        return int(self.published.build.get("token_bits", EARLIER["token_bits"]))

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1 codes of the documents."""
        return self.published.languages

    # -- search -------------------------------------------------------------------------------------------------------

    @abstractmethod
    def dense(self, vector: NDArray[np.float32], k: int, *, allowed: NDArray[np.int64] | None) -> dict[int, float]:
        """Return cosines of the `k` nearest passages by passage number, best first."""

    @abstractmethod
    def lexical(
        self, terms: Sequence[tuple[str, ...]], k: int, *, allowed: NDArray[np.int64] | None, every: bool = False
    ) -> dict[int, float]:
        """Return BM25 scores of the best `k` passages, of those with every term if asked, by number, best first."""

    @abstractmethod
    def coverage(
        self, terms: Sequence[tuple[str, ...]], weights: Sequence[float], keys: Sequence[int]
    ) -> dict[int, float]:
        """Return the share of a query's terms, by weight, that each of some passages holds, by number."""

    # -- terms --------------------------------------------------------------------------------------------------------

    @abstractmethod
    def rarity(self, variants: Sequence[str]) -> float:
        """Return the inverse document frequency of a term, in nats; of its variants the most common counts."""

    @abstractmethod
    def holds(self, variants: Sequence[str]) -> bool:
        """Tell whether a passage holds any of a term's variants."""

    @abstractmethod
    def near(self, word: str) -> tuple[Near, ...]:
        """Return the words of the library that a word, in lower case, may be a misspelling of, the likeliest first."""

    def abbreviations(self, keys: Collection[str]) -> list[tuple[Abbreviation, int]]:
        """Return the abbreviations of which either form has one of the keys, with the number of their documents."""
        return self.store.abbreviations(keys, revision=self.revision)

    # -- passages and documents ---------------------------------------------------------------------------------------

    def passages(self, keys: Sequence[int]) -> dict[int, StoredPassage]:
        """Return passages by number.

        Args:
            keys: Numbers of passages of this revision.

        Returns:
            All of them.

        Raises:
            LibraryChanged: One has left the library, in which others have written since.
            LibraryDamaged: One is missing, and nobody has taken it away.
        """
        found = self.store.passages(keys)
        if len(found) < len(set(keys)):
            raise self._lost()
        return found

    def tokens(self, keys: Sequence[int]) -> dict[int, tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """Return (tokens, dim) vectors and (sentences,) starts of sentences by passage number.

        Args:
            keys: Numbers of passages of this revision.

        Returns:
            Those of all of them.

        Raises:
            LibraryChanged: One has left the library, in which others have written since.
            LibraryDamaged: One is missing, and nobody has taken it away.
        """
        found = self._packed(keys)
        vectors = unpack([packed for packed, _ in found.values()], int(self.published.build["dim"]), self.token_bits)
        return {key: (own, starts) for own, (key, (_, starts)) in zip(vectors, found.items(), strict=True)}

    def similarities(self, query: NDArray[np.float32], keys: Sequence[int]) -> list[NDArray[np.float32]]:
        """Return the best similarity of each query token in each sentence of passages.

        Args:
            query: (q, dim) float32, unit rows.
            keys: Numbers of passages of this revision.

        Returns:
            For each of them (sentences, q) float32; zeros for a sentence without tokens of its own.

        Raises:
            LibraryChanged: One has left the library, in which others have written since.
            LibraryDamaged: One is missing, and nobody has taken it away.
        """
        found = self._packed(keys)
        packed, starts = [found[key][0] for key in keys], [found[key][1] for key in keys]
        return segment_similarities(query, packed, starts, bits=self.token_bits)

    def _packed(self, keys: Sequence[int]) -> dict[int, tuple[bytes, NDArray[np.int64]]]:
        found = self.store.tokens(keys)
        if len(found) < len(set(keys)):
            raise self._lost()
        return found

    @abstractmethod
    def _lost(self) -> LibraryError:
        """Return the error for a passage that is not there, after the commits that may take it away or without."""

    def select(self, filters: Mapping[str, Any] | None) -> NDArray[np.int64] | None:
        """Return the passages that pass the filters, (n,) int64, or ``None`` when there are no filters.

        Args:
            filters: Value, or list of allowed values, by name, as `rag.filters` describes them.

        Returns:
            Passage numbers, ascending.

        Raises:
            FilterError: The filters are not of that kind, or one names what no document has.
        """
        check_filters(filters)
        if not filters:
            return None
        for name in filters:
            own = metadata_name(name)
            if own is not None and not self._has_metadata(own):
                raise unknown(name, self._metadata_names())
        return self._passing(filters)

    @abstractmethod
    def _passing(self, filters: Mapping[str, Any]) -> NDArray[np.int64]:
        """Return the passages that pass filters which are some, ascending."""

    @abstractmethod
    def _has_metadata(self, name: str) -> bool:
        """Tell whether a document has metadata of a name."""

    @abstractmethod
    def _metadata_names(self) -> list[str]:
        """Return the names of all metadata of the documents, sorted."""

    @abstractmethod
    def same_text(self, one: int, other: int) -> bool:
        """Tell whether two documents, by the numbers of their rows, have the same text."""

    def origins(self, ids: Iterable[str]) -> dict[str, Origin]:
        """Return what documents were made from, by id."""
        return self.store.origins_at(ids, revision=self.revision)

    @abstractmethod
    def newest_date(self) -> str | None:
        """Return the newest document's day, YYYY-MM-DD, or ``None`` where no document has a date."""

    def document(self, document_id: str) -> Document | None:
        """Return a document, or ``None`` when this revision has no such document."""
        return self.store.document(document_id, revision=self.revision)
