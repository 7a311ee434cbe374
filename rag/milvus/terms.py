"""BM25 over terms kept in Milvus: weights that find candidates, and the exact score of each; knows no collection.

A candidate is found by the inner product of weights that were fixed when its passage was written, and scored anew with
what is true of the revision asked, as `rag.folder.lexical` does: both give the same scores, to a float's last bits.

Reference:
    Robertson, Zaragoza (2009), "The Probabilistic Relevance Framework: BM25 and Beyond", equation 3.15, with tantivy's
    k1 = 1.2, b = 0.75 and one byte for the length of a passage.
"""

from __future__ import annotations

import hashlib
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence

K1, B = 1.2, 0.75
# Length of a passage that fixed weights take for the mean; scores do not depend on it.
USUAL_TERMS = 150.0
# Milvus takes numbers of 32 bits, but the last, for the dimensions of sparse vectors.
DIMENSIONS = 2**32 - 2


def _lengths() -> list[int]:
    """Return the lengths that a byte can say: exact below 40, then with three bits of mantissa."""
    lengths, step = list(range(40)), 2
    while len(lengths) < 256:
        first = lengths[-1] + (step // 2)
        lengths += range(first, first + 8 * step, step)
        step *= 2
    return lengths[:256]


LENGTHS = _lengths()


def number(text: str) -> int:
    """Return 63 bits of a text's digest, by which it is looked up."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()) >> 1


def dimension(term: str) -> int:
    """Return the dimension of a term in sparse vectors; two may share one, which costs a candidate, never a score."""
    return number(term) % DIMENSIONS


def document_weights(counts: Mapping[str, int]) -> dict[int, float]:
    """Return the sparse vector of a passage from how often it holds its terms."""
    length = sum(counts.values())
    weights: dict[int, float] = {}
    for term, count in counts.items():
        own = dimension(term)
        weights[own] = weights.get(own, 0.0) + saturated(count, length, USUAL_TERMS)
    # Milvus refuses a vector of nothing.
    return weights or {DIMENSIONS - 1: 1e-6}


def saturated(count: int, length: int, mean_length: float) -> float:
    """Return what a term counts for in a passage that holds it `count` times, below k1 + 1."""
    kept = LENGTHS[bisect_right(LENGTHS, length) - 1]
    return (K1 + 1.0) * count / (count + K1 * (1.0 - B + B * kept / mean_length))


def rarity(holding: int, passages: int) -> float:
    """Return the inverse document frequency of a term that `holding` of all passages hold, in nats, at least 0."""
    holding = min(holding, passages)
    return math.log(1.0 + (passages - holding + 0.5) / (holding + 0.5))


def score(
    terms: Sequence[tuple[str, ...]],
    counts: Mapping[str, int],
    rarities: Mapping[str, float],
    mean_length: float,
    *,
    every: bool = False,
) -> float:
    """Return the BM25 score of a passage.

    Args:
        terms: The query's terms; the variants of one count once, by the best of them; a variant with spaces in it is
            several terms that have to be there together.
        counts: How often the passage holds its terms.
        rarities: Rarity of each single term.
        mean_length: Mean number of terms of a passage.
        every: Whether a passage without one of the terms has the score 0.

    Returns:
        The score; 0 where it holds nothing.
    """
    length, total = sum(counts.values()), 0.0
    for variants in terms:
        best = 0.0
        for variant in variants:
            parts = variant.split(" ")
            if all(part in counts for part in parts):
                best = max(best, sum(rarities[p] * saturated(counts[p], length, mean_length) for p in parts))
        if every and best <= 0.0:
            return 0.0
        total += best
    return total
