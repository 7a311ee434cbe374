"""One generation of a library in a folder as a question sees it: its two indexes, and the store as of its revision."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings.late import unpack
from embeddings.packed import segment_similarities
from rag.abbreviations import Abbreviation
from rag.errors import LibraryChanged, LibraryDamaged, LibraryError
from rag.filters import check_filters, metadata_name, unknown
from rag.generations import Generation
from rag.schema import Document
from rag.settings import EARLIER
from rag.snapshot import Snapshot
from rag.spelling import Near, beginnings, nearest
from rag.store import REVISION, Origin, Published, Store, StoredPassage


@dataclass(frozen=True)
class FolderSnapshot:
    """What every question of one generation reads; safe to share between threads."""

    store: Store
    generation: Generation

    @property
    def published(self) -> Published:
        """What its manifest says of it."""
        manifest = self.generation.manifest
        return Published(
            revision=manifest.revision,
            build=manifest.build,
            documents=manifest.documents,
            passages=manifest.passages,
            languages=manifest.languages,
            recall=manifest.recall,
            digest=self.generation.manifest_sha256,
        )

    @property
    def revision(self) -> int:
        """The revision of the store that this snapshot shows."""
        return self.generation.manifest.revision

    @property
    def token_bits(self) -> int:
        """Bits a component of its token vectors; 0 where it keeps none."""
        return int(self.generation.manifest.build.get("token_bits", EARLIER["token_bits"]))

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1 codes of the documents."""
        return self.generation.manifest.languages

    def dense(self, vector: NDArray[np.float32], k: int, *, allowed: NDArray[np.int64] | None) -> dict[int, float]:
        """Return cosines of the `k` nearest passages by passage number, best first."""
        keys, scores = self.generation.vectors.search(vector[None, :], k, allowed=allowed)
        # An approximate index may find fewer and says so with numbers below zero.
        return {int(key): float(score) for key, score in zip(keys[0], scores[0], strict=True) if key >= 0}

    def lexical(
        self, terms: Sequence[tuple[str, ...]], k: int, *, allowed: NDArray[np.int64] | None, every: bool = False
    ) -> dict[int, float]:
        """Return BM25 scores of the best `k` passages, of those with every term if asked, by number, best first."""
        members = None if allowed is None else allowed.tolist()
        return self.generation.lexical.search(terms, k, allowed=members, every=every)

    def coverage(
        self, terms: Sequence[tuple[str, ...]], weights: Sequence[float], keys: Sequence[int]
    ) -> dict[int, float]:
        """Return the share of a query's terms, by weight, that each of some passages holds, by number."""
        return self.generation.lexical.coverage(terms, weights, keys)

    def rarity(self, variants: Sequence[str]) -> float:
        """Return the inverse document frequency of a term, in nats; of its variants the most common counts."""
        return min(self.generation.lexical.rarity(v) for v in variants)

    def near(self, word: str) -> tuple[Near, ...]:
        """Return the words of the library that a word, in lower case, may be a misspelling of, the likeliest first."""
        lexical = self.generation.lexical
        known = [found for start in beginnings(word) for found in lexical.words(start)]
        return nearest(word, known, lives=lexical.spells)

    def abbreviations(self, keys: Collection[str]) -> list[tuple[Abbreviation, int]]:
        """Return the abbreviations of which either form has one of the keys, with the number of their documents."""
        return self.store.abbreviations(keys, revision=self.revision)

    def holds(self, variants: Sequence[str]) -> bool:
        """Tell whether a passage holds any of a term's variants."""
        return any(self.generation.lexical.holds(v) for v in variants)

    def passages(self, keys: Sequence[int]) -> dict[int, StoredPassage]:
        """Return passages by number.

        Args:
            keys: Numbers of passages of this generation.

        Returns:
            All of them.

        Raises:
            LibraryChanged: One has left the store: two commits have passed since this generation.
        """
        found = self.store.passages(keys)
        if len(found) < len(set(keys)):
            raise self._lost()
        return found

    def tokens(self, keys: Sequence[int]) -> dict[int, tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """Return (tokens, dim) vectors and (sentences,) starts of sentences by passage number.

        Args:
            keys: Numbers of passages of this generation.

        Returns:
            Those of all of them.

        Raises:
            LibraryChanged: One has left the store: two commits have passed since this generation.
        """
        found = self._packed(keys)
        dim = self.generation.vectors.dim
        vectors = unpack([packed for packed, _ in found.values()], dim, self.token_bits)
        return {key: (own, starts) for own, (key, (_, starts)) in zip(vectors, found.items(), strict=True)}

    def similarities(self, query: NDArray[np.float32], keys: Sequence[int]) -> list[NDArray[np.float32]]:
        """Return the best similarity of each query token in each sentence of passages.

        Args:
            query: (q, dim) float32, unit rows.
            keys: Numbers of passages of this generation.

        Returns:
            For each of them (sentences, q) float32; zeros for a sentence without tokens of its own.

        Raises:
            LibraryChanged: One has left the store: two commits have passed since this generation.
        """
        found = self._packed(keys)
        packed, starts = [found[key][0] for key in keys], [found[key][1] for key in keys]
        return segment_similarities(query, packed, starts, bits=self.token_bits)

    def _packed(self, keys: Sequence[int]) -> dict[int, tuple[bytes, NDArray[np.int64]]]:
        found = self.store.tokens(keys)
        if len(found) < len(set(keys)):
            raise self._lost()
        return found

    def _lost(self) -> LibraryError:
        """Return the error for a passage that is not there, after the commits that may take it away or without."""
        if int(self.store.setting(REVISION) or 0) >= self.revision + 2:
            return LibraryChanged()
        return LibraryDamaged(f"passages are missing in {self.store.path}; run: rag doctor")

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
            if own is not None and not self.store.has_metadata(own, revision=self.revision):
                raise unknown(name, self.store.metadata_names(revision=self.revision))
        return self.store.select(filters, revision=self.revision)

    def same_text(self, one: int, other: int) -> bool:
        """Tell whether two documents, by the numbers of their rows, have the same text."""
        return self.store.same_text(one, other)

    def origins(self, ids: Iterable[str]) -> dict[str, Origin]:
        """Return what documents were made from, by id."""
        return self.store.origins_at(ids, revision=self.revision)

    def newest_date(self) -> str | None:
        """Return the newest document's day, YYYY-MM-DD, or ``None`` where no document has a date."""
        return self.store.newest_date(revision=self.revision)

    def document(self, document_id: str) -> Document | None:
        """Return a document, or ``None`` when this generation has no such document."""
        return self.store.document(document_id, revision=self.revision)


def in_folder(snapshot: Snapshot) -> FolderSnapshot:
    """Return a snapshot as that of a library in a folder.

    Args:
        snapshot: The snapshot.

    Returns:
        The same.

    Raises:
        LibraryError: Its library is kept elsewhere.
    """
    if not isinstance(snapshot, FolderSnapshot):
        raise LibraryError("that needs a library in a folder: --library PATH")
    return snapshot
