"""The values that travel between the stages of a question: the query as searched and passages as candidates for evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rag.schema import Hit
from rag.store import StoredPassage
from rag.terms import Term


@dataclass(frozen=True)
class Query:
    """A question as searched.

    Attributes:
        text: The question.
        vector: (dim,) float32, unit length.
        token_vectors: (tokens, dim) float32, unit rows.
        token_weights: (tokens,) float32, adding up to 1: how rare each token's word is in the library.
        terms: Index terms with their places in `text`.
        rarities: Inverse document frequency of each term, in nats, in the order of `terms`.
    """

    text: str
    vector: NDArray[np.float32]
    token_vectors: NDArray[np.float32]
    token_weights: NDArray[np.float32]
    terms: tuple[Term, ...]
    rarities: tuple[float, ...]


@dataclass(frozen=True)
class Candidate:
    """A passage on its way to become a hit.

    Attributes:
        stored: The passage as kept.
        score: Higher is better; in [0, 1] within one query.
        signals: What each leg said, by name.
        sentence_late: For each sentence of the passage how far it covers the query, in about [0, 1]; empty before
            reranking.
    """

    stored: StoredPassage
    score: float
    signals: Mapping[str, float] = field(default_factory=dict)
    sentence_late: tuple[float, ...] = ()

    def to_hit(self, rank: int) -> Hit:
        """Return the candidate as it leaves the service."""
        return Hit(self.stored.passage, self.stored.title, rank, self.score, dict(self.signals))
