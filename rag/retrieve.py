"""Query to candidates: dense and lexical search, fused by normalised scores or by ranks; knows nothing of answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rag.copies import without_copies
from rag.evidence import Candidate, Query
from rag.phrases import boosted, share_held
from rag.snapshot import Snapshot
from rag.stored import StoredPassage
from rag.terms import document_terms

Scores = Mapping[int, float]
# Damps the difference between the first ranks.
RANK_OFFSET = 60
# Titles and headings whose terms are kept, some hundred bytes each.
TITLES_KEPT = 4_096


@dataclass(frozen=True)
class Fusion:
    """How the dense and the lexical leg become one ranking.

    Attributes:
        leg_k: Passages that each leg contributes.
        dense_weight: Share in [0, 1] of the dense leg; the lexical leg has the rest. One whose share is 0 is not asked.
        method: A name of `METHODS`.
    """

    leg_k: int
    dense_weight: float
    method: str = "convex"


def retrieve(
    query: Query, snapshot: Snapshot, *, k: int, fusion: Fusion, allowed: NDArray[np.int64] | None = None
) -> list[Candidate]:
    """Return the best `k` passages by fused score, best first, ties by document and place; of copies one.

    Args:
        query: The query.
        snapshot: The generation searched.
        k: At most this many candidates.
        fusion: How the two legs become one ranking.
        allowed: Numbers of the passages that may be found; all when ``None``.

    Returns:
        Candidates with fused scores in [0, 1].
    """
    leg_k, weight = fusion.leg_k, fusion.dense_weight
    dense = snapshot.dense(query.vector, leg_k, allowed=allowed) if weight > 0 else {}
    terms = [term.variants for term in query.terms]
    lexical = snapshot.lexical(terms, leg_k, allowed=allowed) if weight < 1 else {}
    fused = METHODS[fusion.method](dense, lexical, weight)
    quoting = _quoting(query, snapshot, leg_k, allowed=allowed)
    if quoting:
        fused = {key: boosted(fused.get(key, 0.0), quoting.get(key, 0.0)) for key in {**fused, **quoting}}
    # Pairs are compared without a call for each: a question has a hundred and fifty.
    ranked = [key for _, key in sorted((-score, key) for key, score in fused.items())]
    found = without_copies(ranked, k, scores=fused, snapshot=snapshot)
    keys = [one.stored.key for one in found]
    coverage = snapshot.coverage(terms, query.weights, keys)
    titles = {one.stored.key: _above(one.stored) for one in found}
    # Many stand below the same title.
    shares = {terms: query.coverage(terms) for terms in set(titles.values())}
    above = {key: shares[terms] for key, terms in titles.items()}
    legs = {"dense": dense, "lexical": lexical, "phrase": quoting, "coverage": coverage, "title": above}
    # Kept for whoever has to tell what the reranker did from what it was given.
    return [
        Candidate(one.stored, fused[key], _signals(legs, key, rank), also_in=one.also_in)
        for rank, (key, one) in enumerate(zip(keys, found, strict=True), start=1)
    ]


def _above(stored: StoredPassage) -> frozenset[str]:
    """Return the terms of what stands above a passage."""
    return _title_terms(stored.title, stored.passage.heading or "", stored.language)


# A passage's neighbours, often found with it, stand below the same.
@lru_cache(maxsize=TITLES_KEPT)
def _title_terms(title: str, heading: str, language: str) -> frozenset[str]:
    return frozenset(document_terms(f"{title}\n{heading}", language=language))


def _quoting(query: Query, snapshot: Snapshot, k: int, *, allowed: NDArray[np.int64] | None) -> dict[int, float]:
    """Return the share of the quoted phrases that passages hold; the best `k` with all words of a phrase are read."""
    if not query.phrases:
        return {}
    keys = {key for phrase in query.phrases for key in snapshot.lexical(phrase.terms, k, allowed=allowed, every=True)}
    texts = {key: f"{stored.title}\n{stored.passage.text}" for key, stored in snapshot.passages(sorted(keys)).items()}
    shares = {key: share_held(query.phrases, text) for key, text in texts.items()}
    return {key: share for key, share in shares.items() if share > 0}


def convex(first: Scores, second: Scores, first_weight: float) -> dict[int, float]:
    """Return the convex combination of two legs' min-max normalised scores, in [0, 1].

    A leg that found nothing drops out instead of voting; a passage that only one leg found has 0 in the other.

    Reference:
        Bruch, Gai, Ingber (2023), "An Analysis of Fusion Functions for Hybrid Retrieval", equation 3.
    """
    if not first or not second:
        return normalise(first or second)
    one, other = normalise(first), normalise(second)
    combined = {key: first_weight * score for key, score in one.items()}
    for key, score in other.items():
        combined[key] = combined.get(key, 0.0) + (1.0 - first_weight) * score
    return combined


def reciprocal_rank(first: Scores, second: Scores, _first_weight: float) -> dict[int, float]:
    """Return the reciprocal rank fusion of two legs, min-max normalised to [0, 1]; the legs count alike.

    Scores decide nothing but the order in their leg, equal ones by passage number.

    Reference:
        Cormack, Clarke, Büttcher (2009), "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning
        Methods", with their k of 60.
    """
    fused: dict[int, float] = {}
    for leg in (first, second):
        for rank, key in enumerate(sorted(leg, key=lambda key: (-leg[key], key)), start=1):
            fused[key] = fused.get(key, 0.0) + 1.0 / (RANK_OFFSET + rank)
    return normalise(fused)


# The names are those of the setting `fusion`.
METHODS: Mapping[str, Callable[[Scores, Scores, float], dict[int, float]]] = {"convex": convex, "rrf": reciprocal_rank}


def normalise(scores: Scores) -> dict[int, float]:
    """Return the scores mapped linearly to [0, 1]; equal scores all become 1."""
    if not scores:
        return {}
    low, high = min(scores.values()), max(scores.values())
    return {key: (score - low) / (high - low) if high > low else 1.0 for key, score in scores.items()}


def _signals(legs: Mapping[str, Scores], key: int, rank: int) -> dict[str, float]:
    signals = {name: scores[key] for name, scores in legs.items() if key in scores}
    signals["retrieved_rank"] = rank
    return signals
