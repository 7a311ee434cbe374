"""One generation of a library in a folder as a question sees it: its two indexes, and the store as of its revision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import LibraryChanged, LibraryDamaged, LibraryError
from rag.folder.generations import Generation
from rag.folder.store import Store
from rag.snapshot import Snapshot
from rag.spelling import Near, beginnings, nearest
from rag.stored import REVISION, Published


@dataclass(frozen=True)
class FolderSnapshot(Snapshot):
    """What every question of one generation reads; safe to share between threads."""

    store: Store
    generation: Generation

    @cached_property
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

    def holds(self, variants: Sequence[str]) -> bool:
        """Tell whether a passage holds any of a term's variants."""
        return any(self.generation.lexical.holds(v) for v in variants)

    def _lost(self) -> LibraryError:
        """Return the error for a passage that is not there, after the commits that may take it away or without."""
        if int(self.store.setting(REVISION) or 0) >= self.revision + 2:
            return LibraryChanged()
        return LibraryDamaged(f"passages are missing in {self.store.path}; run: rag doctor")

    def _passing(self, filters: Mapping[str, Any]) -> NDArray[np.int64]:
        return self.store.select(filters, revision=self.revision)

    def _has_metadata(self, name: str) -> bool:
        return self.store.has_metadata(name, revision=self.revision)

    def _metadata_names(self) -> list[str]:
        return self.store.metadata_names(revision=self.revision)

    def same_text(self, one: int, other: int) -> bool:
        """Tell whether two documents, by the numbers of their rows, have the same text."""
        return self.store.same_text(one, other)

    def newest_date(self) -> str | None:
        """Return the newest document's day, YYYY-MM-DD, or ``None`` where no document has a date."""
        return self.store.newest_date(revision=self.revision)


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
