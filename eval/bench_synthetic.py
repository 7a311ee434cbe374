"""Synthetic vectors with the neighbourhoods of real ones, in any number; knows arrays only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
BLOCK_ROWS = 50_000


@dataclass(frozen=True)
class Mixture:
    """A mixture of Gaussians on the unit sphere whose variance falls from direction to direction, as an encoder's does.

    A vector is the unit vector of ``common * m + R (s * c) + R (spread * s * g)``: ``m`` one unit vector of all, ``c``
    its centre and ``g`` its own noise, both standard normal; ``s`` the standard deviations, ``(i + 1) ** -decay`` in
    direction ``i`` and of unit length together; ``R`` one random rotation, so that no coordinate is a direction.
    Centres are drawn with log-normal weights, so that clusters differ in size. A query is a vector with
    ``query_spread`` more noise.

    The constants make the cosines of real vectors (all-MiniLM-L6-v2): see `eval/LOG.md`, "Synthetic vectors".

    Attributes:
        clusters: Number of centres.
        dim: Dimension.
        common: Length of what all vectors share.
        decay: How fast standard deviations fall.
        spread: Length of a vector's own noise, where its centre's is 1.
        query_spread: Length of a query's noise beside the vector that it is near.
        seed: Of all draws.
    """

    clusters: int = 20_000
    dim: int = 384
    common: float = 0.5
    decay: float = 0.42
    spread: float = 0.9
    query_spread: float = 1.25
    seed: int = 0

    def vectors(self, count: int) -> Vectors:
        """Return vectors.

        Args:
            count: How many.

        Returns:
            ``(count, dim) float32``, unit rows.
        """
        draw = np.random.default_rng([self.seed, 1])
        weights = np.exp(draw.standard_normal(self.clusters))
        chosen = draw.choice(self.clusters, size=count, p=weights / weights.sum())
        scaled_centres = draw.standard_normal((self.clusters, self.dim), dtype=np.float32) * self._deviations()
        found = np.empty((count, self.dim), dtype=np.float32)
        for start in range(0, count, BLOCK_ROWS):
            block = scaled_centres[chosen[start : start + BLOCK_ROWS]]
            own = np.random.default_rng([self.seed, 2, start]).standard_normal(block.shape, dtype=np.float32)
            mixed = (block + np.float32(self.spread) * self._deviations() * own) @ self._rotation() + self._shared()
            found[start : start + len(block)] = _unit(mixed)
        return found

    def queries(self, vectors: Vectors, count: int) -> Vectors:
        """Return queries near vectors that are drawn from those given.

        Args:
            vectors: ``(n, dim) float32``, unit rows.
            count: How many.

        Returns:
            ``(count, dim) float32``, unit rows.
        """
        draw = np.random.default_rng([self.seed, 3])
        near = vectors[draw.integers(0, len(vectors), count)]
        noise = draw.standard_normal(near.shape, dtype=np.float32) * self._deviations() @ self._rotation()
        return _unit((near + self.query_spread * noise).astype(np.float32))

    def _deviations(self) -> Vectors:
        falling = np.arange(1, self.dim + 1, dtype=np.float64) ** -self.decay
        return (falling / np.linalg.norm(falling)).astype(np.float32)

    def _rotation(self) -> Vectors:
        square = np.random.default_rng([self.seed, 4]).standard_normal((self.dim, self.dim))
        return np.linalg.qr(square)[0].astype(np.float32)

    def _shared(self) -> Vectors:
        direction = np.random.default_rng([self.seed, 5]).standard_normal(self.dim, dtype=np.float32)
        shared: Vectors = np.float32(self.common) * _unit(direction[None, :])
        return shared


def exact_ids(vectors: Vectors, queries: Vectors, k: int) -> NDArray[np.int64]:
    """Return the rows of the nearest vectors by inner product, computed in full.

    Args:
        vectors: ``(n, dim) float32``, unit rows.
        queries: ``(q, dim) float32``.
        k: How many, at most ``n``.

    Returns:
        ``(q, k) int64``, in no order.
    """
    scores = np.empty((len(queries), 0), dtype=np.float32)
    rows = np.empty((len(queries), 0), dtype=np.int64)
    for start in range(0, len(vectors), BLOCK_ROWS):
        block = vectors[start : start + BLOCK_ROWS]
        places = np.broadcast_to(np.arange(start, start + len(block)), (len(queries), len(block)))
        scores = np.concatenate([scores, queries @ block.T], axis=1)
        rows = np.concatenate([rows, places], axis=1)
        best = np.argpartition(-scores, min(k, scores.shape[1]) - 1, axis=1)[:, :k]
        scores, rows = np.take_along_axis(scores, best, axis=1), np.take_along_axis(rows, best, axis=1)
    return rows


def recall(found: NDArray[np.int64], exact: NDArray[np.int64]) -> float:
    """Return the share of the exact neighbours, row by row, that were found."""
    shared = [len(np.intersect1d(one, other)) for one, other in zip(found, exact, strict=True)]
    return sum(shared) / exact.size


def _unit(rows: Vectors) -> Vectors:
    scaled: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled
