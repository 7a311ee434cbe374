"""Exact nearest neighbours by inner product over unit rows; the one home of FAISS, and knows only ids and vectors."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embeddings.errors import UnreadableIndex
from embeddings.files import write_whole

# Read by OpenMP when it is loaded: with its default, two askers at once wait for each other's threads
# (51 queries/s together against 139 with one thread each).
os.environ.setdefault("OMP_NUM_THREADS", "1")
import faiss

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]

_UNIT_TOLERANCE = 1e-3  # of the length of a row; float32 arithmetic stays a thousand times below it


class VectorIndex:
    """Unit vectors with ids, searched exactly. Immutable, and safe to share between threads.

    FAISS alone leaves the order of equal scores open and pads short answers with -1; here equal scores are ordered by
    ascending id, also where they straddle the last place, and the answer is as long as what there is.
    """

    def __init__(self, mapped: faiss.IndexIDMap) -> None:
        """Wrap a flat index with ascending ids; callers use ``build`` or ``read``."""
        self._mapped = mapped
        self._flat = faiss.downcast_index(mapped.index)
        self._ids: Ids = np.array(faiss.vector_to_array(mapped.id_map), dtype=np.int64)

    @classmethod
    def build(cls, ids: Ids, vectors: Vectors) -> VectorIndex:
        """Return an index of vectors.

        Args:
            ids: ``(n,) int64``, unique, in any order.
            vectors: ``(n, dim) float32``, unit rows; ``n`` may be 0.

        Returns:
            The index, which holds copies.

        Raises:
            ValueError: If shapes, types, lengths or ids are not as said.
        """
        _check_ids(ids, name="ids")
        _check_vectors(vectors, name="vectors")
        if len(ids) != len(vectors):
            raise ValueError(f"{len(ids)} ids for {len(vectors)} vectors; there must be one each")
        lengths = np.linalg.norm(vectors, axis=1)
        if np.any(np.abs(lengths - 1) > _UNIT_TOLERANCE):
            worst = int(np.argmax(np.abs(lengths - 1)))
            raise ValueError(f"vectors[{worst}] has length {lengths[worst]:.4f}; rows must have length 1")
        order = np.argsort(ids, kind="stable")
        if np.any(np.diff(ids[order]) == 0):
            raise ValueError(f"{len(ids)} ids of which {len(np.unique(ids))} differ; ids must be unique")
        mapped = faiss.IndexIDMap(faiss.IndexFlatIP(vectors.shape[1]))
        mapped.add_with_ids(vectors[order], ids[order])
        return cls(mapped)

    def __len__(self) -> int:
        """Return the number of vectors."""
        return len(self._ids)

    @property
    def dim(self) -> int:
        """Dimension of the vectors."""
        return int(self._flat.d)

    def search(self, queries: Vectors, k: int, *, allowed: Ids | None = None) -> tuple[Ids, Vectors]:
        """Return the nearest vectors of each query.

        Args:
            queries: ``(q, dim) float32``.
            k: How many, from 1.
            allowed: ``(m,) int64``, ids to which the search is restricted beforehand; unknown ones are ignored.

        Returns:
            Ids and scores, both ``(q, k')`` with ``k'`` the smaller of ``k`` and the number of vectors searched; best
            first, equal scores by ascending id.

        Raises:
            ValueError: If ``queries`` does not fit the index, ``k`` is below 1, or ``allowed`` is not an array of ids.
        """
        _check_vectors(queries, name="queries")
        if queries.shape[1] != self.dim:
            raise ValueError(f"queries have dimension {queries.shape[1]}, the index has {self.dim}; they must be equal")
        if k < 1:
            raise ValueError(f"k is {k}; it must be at least 1")
        parameters, searched = self._restriction(allowed)
        top_k = min(k, searched)
        found_ids = np.empty((len(queries), top_k), dtype=np.int64)
        found_scores = np.empty((len(queries), top_k), dtype=np.float32)
        # One query at a time: ties at the last place make some queries fetch further than others.
        for number, query in enumerate(np.ascontiguousarray(queries) if top_k else ()):
            rows, scores = self._nearest(query[None, :], top_k, searched=searched, parameters=parameters)
            found_ids[number], found_scores[number] = self._ids[rows], scores
        return found_ids, found_scores

    def write(self, path: Path) -> None:
        """Write the index whole or not at all.

        Args:
            path: The file; its folder exists.

        Raises:
            OSError: If the file cannot be written completely.
        """
        # Not faiss.write_index: on a full disk it may leave half a file and raise nothing.
        write_whole(path, faiss.serialize_index(self._mapped).data)

    @classmethod
    def read(cls, path: Path) -> VectorIndex:
        """Return the index that ``write`` wrote. FAISS keeps no checksum: keep one beside the file.

        Args:
            path: The file.

        Returns:
            The index, wholly in memory; the file may be replaced afterwards.

        Raises:
            OSError: If the file is missing or cannot be read.
            UnreadableIndex: If its bytes are not such an index.
        """
        data = np.frombuffer(path.read_bytes(), dtype=np.uint8)
        try:
            mapped = faiss.deserialize_index(data)
        except RuntimeError as error:
            raise UnreadableIndex(f"{path} is no FAISS index ({len(data)} bytes); build it again") from error
        if not isinstance(mapped, faiss.IndexIDMap):
            raise UnreadableIndex(f"{path} holds a {type(mapped).__name__}, not an IndexIDMap; build it again")
        index = cls(mapped)
        if not isinstance(index._flat, faiss.IndexFlat) or mapped.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise UnreadableIndex(f"{path} is not a flat index of inner products; build it again")
        if len(index) != mapped.ntotal or np.any(np.diff(index._ids) <= 0):
            raise UnreadableIndex(f"{path} has {len(index)} ids for {mapped.ntotal} vectors, or unordered; build again")
        return index

    def _restriction(self, allowed: Ids | None) -> tuple[faiss.SearchParameters | None, int]:
        """Return what confines FAISS to the allowed rows, and how many rows that leaves."""
        if allowed is None:
            return None, len(self)
        _check_ids(allowed, name="allowed")
        mask = np.isin(self._ids, allowed)
        bitmap = np.packbits(mask, bitorder="little")
        # The stubs describe the C++ signatures; FAISS's Python wrappers take an array and keep what they are given.
        selector = faiss.IDSelectorBitmap(bitmap)  # type: ignore[call-arg, arg-type]
        return faiss.SearchParameters(sel=selector), int(mask.sum())  # type: ignore[call-arg]

    def _nearest(
        self, query: Vectors, top_k: int, *, searched: int, parameters: faiss.SearchParameters | None
    ) -> tuple[Ids, Vectors]:
        """Return rows and scores of one query, ties by row; fetches on until no tie straddles the last place."""
        fetch_k = min(top_k + 1, searched)
        while True:
            scores, rows = self._flat.search(query, fetch_k, params=parameters)
            if fetch_k == searched or scores[0, -1] < scores[0, top_k - 1]:
                break
            fetch_k = min(2 * fetch_k, searched)
        order = np.lexsort((rows[0], -scores[0]))[:top_k]  # rows ascend with ids
        return rows[0][order], scores[0][order]


def _check_ids(ids: Ids, *, name: str) -> None:
    """Raise ValueError unless ``ids`` is a row of int64."""
    if ids.dtype != np.int64 or ids.ndim != 1:
        raise ValueError(f"{name} is {ids.dtype} of shape {ids.shape}; it must be int64 of shape (n,)")


def _check_vectors(vectors: Vectors, *, name: str) -> None:
    """Raise ValueError unless ``vectors`` are rows of finite float32."""
    if vectors.dtype != np.float32 or vectors.ndim != 2 or vectors.shape[1] == 0:
        raise ValueError(f"{name} is {vectors.dtype} of shape {vectors.shape}; it must be float32 of shape (n, dim)")
    if not np.isfinite(vectors).all():
        row = int(np.argmin(np.isfinite(vectors).all(axis=1)))
        raise ValueError(f"{name}[{row}] holds NaN or infinity; every number must be finite")
