"""One generation of a library as a question sees it: its two indexes, and the store as of its revision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings.late import unpack
from rag.generations import Generation
from rag.schema import Document
from rag.store import Store, StoredPassage


@dataclass(frozen=True)
class Snapshot:
    """What every question of one generation reads; safe to share between threads."""

    store: Store
    generation: Generation

    @property
    def revision(self) -> int:
        """The revision of the store that this snapshot shows."""
        return self.generation.manifest.revision

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1 codes of the documents."""
        return self.generation.manifest.languages

    def dense(self, vector: NDArray[np.float32], k: int, *, allowed: NDArray[np.int64] | None) -> dict[int, float]:
        """Return cosines of the `k` nearest passages by passage number, best first."""
        keys, scores = self.generation.vectors.search(vector[None, :], k, allowed=allowed)
        return {int(key): float(score) for key, score in zip(keys[0], scores[0], strict=True)}

    def lexical(
        self, terms: Sequence[tuple[str, ...]], k: int, *, allowed: NDArray[np.int64] | None
    ) -> dict[int, float]:
        """Return BM25 scores of the best `k` passages by passage number, best first."""
        members = None if allowed is None else allowed.tolist()
        return self.generation.lexical.search(terms, k, allowed=members)

    def rarity(self, variants: Sequence[str]) -> float:
        """Return the inverse document frequency of a term, in nats; of its variants the most common counts."""
        return min(self.generation.lexical.rarity(v) for v in variants)

    def passages(self, keys: Sequence[int]) -> dict[int, StoredPassage]:
        """Return passages by number."""
        return self.store.passages(keys)

    def tokens(self, keys: Sequence[int]) -> dict[int, tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """Return (tokens, dim) vectors and (sentences,) starts of sentences by passage number."""
        dim = self.generation.vectors.dim
        return {key: (unpack(packed, dim), starts) for key, (packed, starts) in self.store.tokens(keys).items()}

    def select(self, filters: Mapping[str, Any] | None) -> NDArray[np.int64] | None:
        """Return the passages that pass the filters, (n,) int64, or ``None`` when there are no filters."""
        return self.store.select(filters, revision=self.revision) if filters else None

    def document(self, document_id: str) -> Document | None:
        """Return a document, or ``None`` when this generation has no such document."""
        return self.store.document(document_id, revision=self.revision)
