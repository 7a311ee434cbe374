"""Approximate nearest neighbours for many vectors: how the index is laid out, trained, and how far it is searched.

The rule, from the number of vectors alone:

    up to `EXACT_UP_TO`   exact: a flat index
    above                 inverted lists around 4 * sqrt(n) centroids, half precision, trained on a sample; as many
                          lists are searched as `TARGET_RECALL` of the exact neighbours needs, measured when it is built

One of the homes of FAISS; knows arrays, never ids or files.

Reference:
    Inverted lists: Jégou, Douze, Schmid (2011), "Product Quantization for Nearest Neighbor Search", section IV, without
    product quantisation: half precision is searched as fast as eight bits a component and loses no neighbour. Number
    of lists and size of the sample: guidelines of Douze et al. (2024), "The Faiss library", section 4.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

# Read by OpenMP when it is loaded: with its default, two askers at once wait for each other's threads
# (51 queries/s together against 139 with one thread each).
os.environ.setdefault("OMP_NUM_THREADS", "1")
import faiss

Vectors = NDArray[np.float32]

EXACT_UP_TO = 50_000
TARGET_RECALL = 0.995
# Below this the neighbours that an index finds are not what it promises.
LEAST_RECALL = 0.97
RECALL_K = 10
# Queries whose neighbours are compared with the exact ones: vectors of the index, turned away from themselves to where
# questions are, in directions that mixtures of other vectors point to. On 103,208 real passages as many lists find
# 0.996 of their neighbours as find 0.983 of the neighbours of questions about them; turned in random directions, in
# which no list lies, they find theirs in a third of the lists. The same queries for the same vectors.
_QUERIES, _QUERY_COSINE, _MIXED = 400, 0.4, 8
_SEED = 0
# Iterations of k-means and vectors a centroid is trained on; FAISS warns below 39.
_ITERATIONS, _SAMPLE_PER_LIST = 8, 40
_FEWEST_LISTS_SEARCHED = 8
# The number of lists searched is settled to this part of itself.
STEPS = 8


def train_lists(vectors: Vectors) -> faiss.IndexIVFScalarQuantizer:
    """Return empty inverted lists whose centroids fit the vectors.

    Args:
        vectors: ``(n, dim) float32``, unit rows, some thousands at least.

    Returns:
        The lists, to which the vectors can be added.
    """
    count, dim = vectors.shape
    lists = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(dim),
        dim,
        4 * math.isqrt(count),
        faiss.ScalarQuantizer.QT_fp16,
        faiss.METRIC_INNER_PRODUCT,
        False,  # components as they are, not what is left of them beside the centroid
    )
    lists.cp.niter = _ITERATIONS
    lists.cp.spherical = True
    lists.train(_sample(vectors, lists.nlist * _SAMPLE_PER_LIST))
    return lists


def search_far_enough(lists: faiss.IndexIVFScalarQuantizer, vectors: Vectors) -> float:
    """Set how many lists are searched: about the fewest that reach the target, doubled first and then halved between.

    Args:
        lists: Lists that hold the vectors, numbered by row.
        vectors: ``(n, dim) float32``, the vectors.

    Returns:
        Mean share in [0, 1] of a query's `RECALL_K` exact neighbours that a search then finds.
    """
    queries = _like_questions(_sample(vectors, _QUERIES), vectors)
    _, exact = faiss.knn(queries, vectors, RECALL_K, metric=faiss.METRIC_INNER_PRODUCT)

    def measured(nprobe: int) -> float:
        lists.nprobe = nprobe
        _, found = lists.search(queries, RECALL_K)
        return _recall(exact, found)

    # Taken or known to be too few, and the fewest known to be enough.
    few, enough = _FEWEST_LISTS_SEARCHED, min(2 * _FEWEST_LISTS_SEARCHED, lists.nlist)
    while (recall := measured(enough)) < TARGET_RECALL and enough < lists.nlist:
        few, enough = enough, min(2 * enough, lists.nlist)
    # A search's time grows with its lists: what is measured here at most, an eighth too many, is not felt.
    while enough - few > max(1, enough // STEPS):
        between = (few + enough) // 2
        found = measured(between)
        if found >= TARGET_RECALL:
            enough, recall = between, found
        else:
            few = between
    lists.nprobe = enough
    return recall


def _like_questions(vectors: Vectors, every: Vectors) -> Vectors:
    """Return each vector turned by a fixed angle to where a mixture of other vectors points."""
    random = np.random.default_rng(_SEED)
    shares = random.standard_normal((len(vectors), _MIXED, 1), dtype=np.float32)
    mixed = every[random.integers(len(every), size=(len(vectors), _MIXED))] - vectors.mean(axis=0)
    away = np.asarray((shares * mixed).sum(axis=1), np.float32)
    away -= (away * vectors).sum(axis=1, keepdims=True) * vectors
    away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-12)
    return np.asarray(_QUERY_COSINE * vectors + math.sqrt(1 - _QUERY_COSINE**2) * away, np.float32)


def _recall(exact: NDArray[np.int64], found: NDArray[np.int64]) -> float:
    shares = [len(np.intersect1d(one, other)) / len(one) for one, other in zip(exact, found, strict=True)]
    return float(np.mean(shares))


def _sample(vectors: Vectors, size: int) -> Vectors:
    if size >= len(vectors):
        return vectors
    rows = np.random.default_rng(_SEED).choice(len(vectors), size, replace=False)
    # In their order, so that rows of a memory-mapped array are read forwards.
    return vectors[np.sort(rows)]


@contextmanager
def every_processor() -> Iterator[None]:
    """Let FAISS use every processor, as building an index may and answering a question must not."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(os.cpu_count() or 1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
