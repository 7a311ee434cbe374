"""Several vector indexes searched as one, so that adding vectors rewrites little of what is there; knows no FAISS.

Reference:
    Segments merged by size are those of O'Neil, Cheng, Gawlick, O'Neil (1996), "The Log-Structured Merge-Tree".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embeddings.index import VectorIndex

# A segment is merged with the one before it unless that one is this many times as large. A vector is then written anew
# a few times for each tenfold growth, and a library of a million has some ten segments.
GROWTH = 4


@dataclass(frozen=True)
class SegmentedIndex:
    """Vector indexes whose ids do not overlap; immutable, and safe to share between threads.

    Attributes:
        segments: The indexes, at least one.
    """

    segments: tuple[VectorIndex, ...]

    def __len__(self) -> int:
        """Return the number of vectors."""
        return sum(map(len, self.segments))

    @property
    def dim(self) -> int:
        """Dimension of the vectors."""
        return self.segments[0].dim

    def search(
        self, queries: NDArray[np.float32], k: int, *, allowed: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the nearest vectors of each query, as `VectorIndex.search` does.

        Args:
            queries: ``(q, dim) float32``.
            k: How many, from 1.
            allowed: ``(m,) int64``, ids to which the search is restricted beforehand; unknown ones are ignored.

        Returns:
            Ids and scores, both ``(q, k')`` with ``k'`` at most ``k``, best first, equal scores by ascending id.

        Raises:
            ValueError: If ``queries`` does not fit the index, ``k`` is below 1, or ``allowed`` is not an array of ids.
        """
        found = [segment.search(queries, k, allowed=allowed) for segment in self.segments]
        if len(found) == 1:
            return found[0]
        ids = np.concatenate([ids for ids, _ in found], axis=1)
        scores = np.concatenate([scores for _, scores in found], axis=1)
        order = np.lexsort((ids, -scores), axis=1)[:, :k]
        return np.take_along_axis(ids, order, axis=1), np.take_along_axis(scores, order, axis=1)


def kept_whole(sizes: Sequence[int], added: int) -> int:
    """Return how many segments stay as they are when vectors are added; the others are merged with the new ones.

    Args:
        sizes: Vectors in each segment, oldest first.
        added: Vectors to be added.

    Returns:
        The number of segments kept, from the oldest on.
    """
    kept = len(sizes)
    while kept and sizes[kept - 1] < GROWTH * added:
        kept -= 1
        added += sizes[kept]
    return kept
