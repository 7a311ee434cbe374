"""Nearest neighbours by inner product over unit rows: exact for some ten thousand, approximate above that.

One of the homes of FAISS; knows only ids and vectors.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from embeddings.approximate import EXACT_UP_TO, every_processor, search_far_enough, train_lists
from embeddings.errors import UnreadableIndex
from embeddings.files import write_whole

import faiss  # isort: skip  # after approximate, which says how many threads it takes

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]
Kind = Literal["flat", "ivf"]

_UNIT_TOLERANCE = 1e-3  # of the length of a row; float32 arithmetic stays a thousand times below it
_KINDS: dict[type, Kind] = {faiss.IndexFlatIP: "flat", faiss.IndexIVFScalarQuantizer: "ivf"}
# Where FAISS's file of an IndexIDMap names the index inside, and the name of inverted lists of scalars.
_INNER_KIND, _LISTS = slice(37, 41), b"IwSq"


class VectorIndex:
    """Unit vectors with ids. Immutable, and safe to share between threads.

    FAISS alone leaves the order of equal scores open and pads short answers with -1; here equal scores are ordered by
    ascending id, also, where it is exact, those that straddle the last place; and an exact answer is as long as what
    there is.

    Attributes:
        recall: Mean share in [0, 1] of a query's ten exact neighbours that a search finds, as measured when it was
            built; ``None`` where it is exact, or was read from a file, which does not tell.
    """

    def __init__(self, mapped: faiss.IndexIDMap, *, recall: float | None = None, removed: Ids | None = None) -> None:
        """Wrap an index with ascending ids; callers use ``build``, ``read`` or ``without``."""
        self.recall = recall
        self._mapped = mapped
        # One of `_KINDS`, which the stubs do not tell.
        self._inner: Any = faiss.downcast_index(mapped.index)
        self._ids: Ids = np.array(faiss.vector_to_array(mapped.id_map), dtype=np.int64)
        self._live = None if removed is None else np.isin(self._ids, removed, invert=True)

    @classmethod
    def build(cls, ids: Ids, vectors: Vectors, *, exact_up_to: int = EXACT_UP_TO) -> VectorIndex:
        """Return an index of vectors: exact, or, of very many, approximate, by the rule of `embeddings.approximate`.

        Args:
            ids: ``(n,) int64``, unique, in any order.
            vectors: ``(n, dim) float32``, unit rows; ``n`` may be 0.
            exact_up_to: Most vectors that are searched exactly.

        Returns:
            The index, which holds copies.

        Raises:
            ValueError: If shapes, types, lengths or ids are not as said.
        """
        _check_ids(ids, name="ids")
        _check_vectors(vectors, name="vectors")
        if len(ids) != len(vectors):
            raise ValueError(f"{len(ids)} ids for {len(vectors)} vectors; there must be one each")
        # Not numpy.linalg.norm, which squares a copy of them all.
        lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        if np.any(np.abs(lengths - 1) > _UNIT_TOLERANCE):
            worst = int(np.argmax(np.abs(lengths - 1)))
            raise ValueError(f"vectors[{worst}] has length {lengths[worst]:.4f}; rows must have length 1")
        if np.any(np.diff(ids) <= 0):  # a copy of a million vectors is worth avoiding
            order = np.argsort(ids, kind="stable")
            ids, vectors = ids[order], vectors[order]
        if np.any(np.diff(ids) == 0):
            raise ValueError(f"{len(ids)} ids of which {len(np.unique(ids))} differ; ids must be unique")
        if len(ids) <= exact_up_to:
            mapped = faiss.IndexIDMap(faiss.IndexFlatIP(vectors.shape[1]))
            mapped.add_with_ids(vectors, ids)
            return cls(mapped)
        with every_processor():
            lists = train_lists(vectors)
            mapped = faiss.IndexIDMap(lists)
            mapped.add_with_ids(vectors, ids)
            return cls(mapped, recall=search_far_enough(lists, vectors))

    def __len__(self) -> int:
        """Return the number of vectors."""
        return len(self._ids) if self._live is None else int(self._live.sum())

    @property
    def dim(self) -> int:
        """Dimension of the vectors."""
        return int(self._inner.d)

    @property
    def kind(self) -> Kind:
        """``flat`` where it is searched exactly, ``ivf`` (inverted lists) where it is not."""
        return _KINDS[type(self._inner)]

    @property
    def ids(self) -> Ids:
        """Ids of the vectors, ``(n,) int64``, ascending."""
        return self._ids if self._live is None else self._ids[self._live]

    def without(self, removed: Ids) -> VectorIndex:
        """Return an index that shares this one's vectors and finds all but some of them.

        Args:
            removed: ``(m,) int64``, all ids that are not found any more; unknown ones are ignored.

        Returns:
            The index.

        Raises:
            ValueError: If ``removed`` is not an array of ids.
        """
        _check_ids(removed, name="removed")
        return VectorIndex(self._mapped, recall=self.recall, removed=removed)

    def search(self, queries: Vectors, k: int, *, allowed: Ids | None = None) -> tuple[Ids, Vectors]:
        """Return the nearest vectors of each query.

        Args:
            queries: ``(q, dim) float32``.
            k: How many, from 1.
            allowed: ``(m,) int64``, ids to which the search is restricted beforehand, which makes it search all
                lists; unknown ones are ignored.

        Returns:
            Ids and scores, both ``(q, k')`` with ``k'`` the smaller of ``k`` and the number of vectors searched; best
            first, equal scores by ascending id. The scores of an approximate index are off by about 1e-4, and where
            its lists hold fewer for a query, the last of a row have id -1 and a score of minus infinity.

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
            found_ids[number] = np.where(rows < 0, -1, self._ids[rows])
            found_scores[number] = scores
        return found_ids, found_scores

    def write(self, path: Path) -> None:
        """Write the index whole or not at all, what `without` left out included.

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
            The index: an exact one wholly in memory, an approximate one mapped from the file, which must not be
            overwritten but may be replaced or deleted afterwards.

        Raises:
            OSError: If the file is missing or cannot be read.
            UnreadableIndex: If its bytes are not such an index.
        """
        try:
            mapped = _read(path)
        except (RuntimeError, MemoryError) as error:
            size_bytes = path.stat().st_size
            raise UnreadableIndex(f"{path} is no FAISS index ({size_bytes} bytes); build it again") from error
        if not isinstance(mapped, faiss.IndexIDMap):
            raise UnreadableIndex(f"{path} holds a {type(mapped).__name__}, not an IndexIDMap; build it again")
        index = cls(mapped)
        if type(index._inner) not in _KINDS or mapped.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise UnreadableIndex(f"{path} is not an index of inner products as written here; build it again")
        if len(index) != mapped.ntotal or np.any(np.diff(index._ids) <= 0):
            raise UnreadableIndex(f"{path} has {len(index)} ids for {mapped.ntotal} vectors, or unordered; build again")
        return index

    def _restriction(self, allowed: Ids | None) -> tuple[faiss.SearchParameters | None, int]:
        """Return what confines FAISS to the rows that may be found, and how many rows that leaves."""
        mask = self._live
        if allowed is not None:
            _check_ids(allowed, name="allowed")
            mask = np.isin(self._ids, allowed) if mask is None else mask & np.isin(self._ids, allowed)
        if mask is None:
            return None, len(self)
        bitmap = np.packbits(mask, bitorder="little")
        # The stubs describe the C++ signatures; FAISS's Python wrappers take an array and keep what they are given.
        selector = faiss.IDSelectorBitmap(bitmap)  # type: ignore[call-arg, arg-type]
        if self.kind == "flat":
            return faiss.SearchParameters(sel=selector), int(mask.sum())  # type: ignore[call-arg]
        # What a filter lets through may lie far from the query: only all lists have it for certain.
        nprobe = self._inner.nprobe if allowed is None else self._inner.nlist
        return faiss.SearchParametersIVF(sel=selector, nprobe=nprobe), int(mask.sum())  # type: ignore[call-arg]

    def _nearest(
        self, query: Vectors, top_k: int, *, searched: int, parameters: faiss.SearchParameters | None
    ) -> tuple[Ids, Vectors]:
        """Return rows and scores of one query, ties by row; fetches on until no tie straddles the last place."""
        fetch_k = min(top_k + 1, searched)
        while True:
            scores, rows = self._inner.search(query, fetch_k, params=parameters)
            # Equal components make equal scores only where they are exact.
            if self.kind != "flat" or fetch_k == searched or scores[0, -1] < scores[0, top_k - 1]:
                break
            fetch_k = min(2 * fetch_k, searched)
        scores[rows < 0] = -np.inf
        order = np.lexsort((rows[0], -scores[0]))[:top_k]  # rows ascend with ids
        return rows[0][order], scores[0][order]


def _read(path: Path) -> faiss.Index:
    with path.open("rb") as file:
        head = file.read(_INNER_KIND.stop)
    if head[_INNER_KIND] == _LISTS:
        return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    return faiss.deserialize_index(np.frombuffer(path.read_bytes(), dtype=np.uint8))


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
