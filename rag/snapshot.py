"""What a question asks of one published revision of a library: all that its stages know of where it is kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rag.abbreviations import Abbreviation
from rag.schema import Document
from rag.spelling import Near
from rag.stored import Origin, Published, StoredPassage


class Snapshot(Protocol):
    """One published revision; never changes, and is safe to share between threads."""

    @property
    def published(self) -> Published:
        """What is known of it without a look at its documents."""

    @property
    def revision(self) -> int:
        """Its number; later ones are higher."""

    @property
    def token_bits(self) -> int:
        """Bits a component of its token vectors; 0 where it keeps none."""

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1 codes of the documents."""

    def dense(self, vector: NDArray[np.float32], k: int, *, allowed: NDArray[np.int64] | None) -> dict[int, float]:
        """Return cosines of the `k` nearest passages by passage number, best first."""

    def lexical(
        self, terms: Sequence[tuple[str, ...]], k: int, *, allowed: NDArray[np.int64] | None, every: bool = False
    ) -> dict[int, float]:
        """Return BM25 scores of the best `k` passages, of those with every term if asked, by number, best first."""

    def coverage(
        self, terms: Sequence[tuple[str, ...]], weights: Sequence[float], keys: Sequence[int]
    ) -> dict[int, float]:
        """Return the share of a query's terms, by weight, that each of some passages holds, by number."""

    def rarity(self, variants: Sequence[str]) -> float:
        """Return the inverse document frequency of a term, in nats; of its variants the most common counts."""

    def near(self, word: str) -> tuple[Near, ...]:
        """Return the words of the library that a word, in lower case, may be a misspelling of, the likeliest first."""

    def abbreviations(self, keys: Collection[str]) -> list[tuple[Abbreviation, int]]:
        """Return the abbreviations of which either form has one of the keys, with the number of their documents."""

    def holds(self, variants: Sequence[str]) -> bool:
        """Tell whether a passage holds any of a term's variants."""

    def passages(self, keys: Sequence[int]) -> dict[int, StoredPassage]:
        """Return passages by number.

        Args:
            keys: Numbers of passages of this revision.

        Returns:
            All of them.

        Raises:
            LibraryChanged: One has left the library: two commits have passed since this revision.
        """

    def tokens(self, keys: Sequence[int]) -> dict[int, tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """Return (tokens, dim) vectors and (sentences,) starts of sentences by passage number.

        Args:
            keys: Numbers of passages of this revision.

        Returns:
            Those of all of them.

        Raises:
            LibraryChanged: One has left the library: two commits have passed since this revision.
        """

    def similarities(self, query: NDArray[np.float32], keys: Sequence[int]) -> list[NDArray[np.float32]]:
        """Return the best similarity of each query token in each sentence of passages.

        Args:
            query: (q, dim) float32, unit rows.
            keys: Numbers of passages of this revision.

        Returns:
            For each of them (sentences, q) float32; zeros for a sentence without tokens of its own.

        Raises:
            LibraryChanged: One has left the library: two commits have passed since this revision.
        """

    def select(self, filters: Mapping[str, Any] | None) -> NDArray[np.int64] | None:
        """Return the passages that pass the filters, (n,) int64, or ``None`` when there are no filters.

        Args:
            filters: Value, or list of allowed values, by name, as `rag.filters` describes them.

        Returns:
            Passage numbers, ascending.

        Raises:
            FilterError: The filters are not of that kind, or one names what no document has.
        """

    def same_text(self, one: int, other: int) -> bool:
        """Tell whether two documents, by the numbers of their rows, have the same text."""

    def origins(self, ids: Iterable[str]) -> dict[str, Origin]:
        """Return what documents were made from, by id."""

    def newest_date(self) -> str | None:
        """Return the newest document's day, YYYY-MM-DD, or ``None`` where no document has a date."""

    def document(self, document_id: str) -> Document | None:
        """Return a document, or ``None`` when this revision has no such document."""
