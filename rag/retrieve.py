"""Query to candidates: dense and lexical search, fused by normalised scores; knows nothing of answers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rag.evidence import Candidate, Query
from rag.snapshot import Snapshot


def retrieve(
    query: Query,
    snapshot: Snapshot,
    *,
    k: int,
    leg_k: int,
    dense_weight: float,
    allowed: NDArray[np.int64] | None = None,
) -> list[Candidate]:
    """Return the best `k` passages by fused score, best first, ties by passage number.

    Args:
        query: The query.
        snapshot: The generation searched.
        k: At most this many candidates.
        leg_k: Passages that each leg contributes.
        dense_weight: Share in [0, 1] of the dense leg; the lexical leg has the rest.
        allowed: Numbers of the passages that may be found; all when ``None``.

    Returns:
        Candidates with fused scores in [0, 1].
    """
    dense = snapshot.dense(query.vector, leg_k, allowed=allowed) if dense_weight > 0 else {}
    terms = [term.variants for term in query.terms]
    lexical = snapshot.lexical(terms, leg_k, allowed=allowed) if dense_weight < 1 else {}
    fused = fuse(dense, lexical, first_weight=dense_weight)
    keys = sorted(fused, key=lambda key: (-fused[key], key))[:k]
    stored = snapshot.passages(keys)
    legs = {"dense": dense, "lexical": lexical}
    return [Candidate(stored[key], fused[key], _signals(legs, key)) for key in keys]


def fuse(first: Mapping[int, float], second: Mapping[int, float], *, first_weight: float) -> dict[int, float]:
    """Return the convex combination of two legs' min-max normalised scores, in [0, 1].

    A leg that found nothing drops out instead of voting; a passage that only one leg found has 0 in the other.

    Reference:
        Bruch, Gai, Ingber (2023), "An Analysis of Fusion Functions for Hybrid Retrieval", equation 3.
    """
    if not first or not second:
        return normalise(first or second)
    one, other = normalise(first), normalise(second)
    return {
        key: first_weight * one.get(key, 0.0) + (1.0 - first_weight) * other.get(key, 0.0) for key in {**one, **other}
    }


def normalise(scores: Mapping[int, float]) -> dict[int, float]:
    """Return the scores mapped linearly to [0, 1]; equal scores all become 1."""
    if not scores:
        return {}
    low, high = min(scores.values()), max(scores.values())
    return {key: (score - low) / (high - low) if high > low else 1.0 for key, score in scores.items()}


def _signals(legs: Mapping[str, Mapping[int, float]], key: int) -> dict[str, float]:
    return {name: scores[key] for name, scores in legs.items() if key in scores}
