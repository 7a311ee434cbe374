"""The vector index alone, on synthetic vectors of any number: build, disk, memory, speed, and recall against exact."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np

from embeddings.index import VectorIndex
from eval.bench_child import Child
from eval.bench_figures import megabytes, milliseconds, peak_bytes, percentile, table
from eval.bench_synthetic import Mixture, exact_ids, recall

STEPS = "eval.bench_vectors:VectorSteps"
K = 10
WARM_UP_QUERIES = 20
VECTORS, QUERIES, EXACT, INDEX = "vectors.npy", "queries.npy", "exact.npy", "vectors.index"


class VectorSteps:
    """The steps of the measurement on files of one folder; each is to be done in a process of its own."""

    def __init__(self, folder: str) -> None:
        """Take the folder."""
        self._folder = Path(folder)

    def close(self) -> None:
        """Leave the folder to whoever made it."""

    def make(self, count: int, queries: int) -> float:
        """Make vectors, queries and their exact neighbours; return the mean cosine of a query's tenth neighbour."""
        mixture = Mixture(clusters=max(1, min(Mixture.clusters, count // 50)))
        vectors = mixture.vectors(count)
        asked = mixture.queries(vectors, queries + WARM_UP_QUERIES)
        exact = exact_ids(vectors, asked, K)
        np.save(self._folder / VECTORS, vectors)
        np.save(self._folder / QUERIES, asked)
        np.save(self._folder / EXACT, exact)
        return float(np.mean([(vectors[rows] @ query).min() for query, rows in zip(asked, exact, strict=True)]))

    def build(self) -> dict[str, Any]:
        """Build the index of the vectors and write it."""
        vectors = np.load(self._folder / VECTORS)
        ids = np.arange(len(vectors), dtype=np.int64)
        before = peak_bytes()
        start = perf_counter()
        index = VectorIndex.build(ids, vectors)
        built = perf_counter()
        index.write(self._folder / INDEX)
        written = perf_counter()
        disk = _size(self._folder / INDEX)
        return {
            "kind": index.kind,
            "own_recall": index.recall,
            "build_s": built - start,
            "write_s": written - built,
            "disk_bytes": disk,
            "before_bytes": before,
            "peak_bytes": peak_bytes(),
        }

    def search(self) -> dict[str, Any]:
        """Read the index and search for each query, one after the other."""
        queries, exact = np.load(self._folder / QUERIES), np.load(self._folder / EXACT)
        before = peak_bytes()
        start = perf_counter()
        index = VectorIndex.read(self._folder / INDEX)
        read = perf_counter() - start
        seconds, found = [], []
        for query in queries:
            start = perf_counter()
            ids, _ = index.search(query[None, :], K)
            seconds.append(perf_counter() - start)
            found.append(ids[0])
        return {
            "count": len(index),
            "read_s": read,
            "before_bytes": before,
            "peak_bytes": peak_bytes(),
            "seconds": seconds[WARM_UP_QUERIES:],
            "recall": recall(np.array(found)[WARM_UP_QUERIES:], exact[WARM_UP_QUERIES:]),
        }


def vectors_report(count: int, *, queries: int = 500, work: Path | None = None) -> str:
    """Build an index of synthetic vectors and report what it costs and finds.

    Args:
        count: How many vectors.
        queries: How many are searched for.
        work: Where a temporary folder of some gigabytes is made; the system's place for those when ``None``.

    Returns:
        A table.
    """
    with TemporaryDirectory(prefix="leadgoose-bench-", dir=work) as folder:
        with Child(STEPS, folder) as child:
            cosine = child.call("make", count=count, queries=queries)
        with Child(STEPS, folder) as child:
            built = child.call("build")
        with Child(STEPS, folder) as child:
            searched = child.call("search")
    seconds = searched["seconds"]
    p50, p95 = percentile(seconds, 0.5), percentile(seconds, 0.95)
    own = built["own_recall"]
    figures = [
        ["kind", built["kind"]],
        ["build", f"{built['build_s']:.1f} s"],
        ["write", f"{built['write_s']:.1f} s"],
        ["read", f"{searched['read_s']:.1f} s"],
        ["disk", megabytes(built["disk_bytes"])],
        *(
            [f"peak memory, {name}", f"{megabytes(step['peak_bytes'])}, {megabytes(step['before_bytes'])} before"]
            for name, step in (("building", built), ("searching", searched))
        ),
        ["search p50 / p95", f"{milliseconds(p50)} / {milliseconds(p95)} ms"],
        [f"recall@{K} against exact", f"{searched['recall']:.4f}"],
        ["recall that the index measured of itself", "-" if own is None else f"{own:.4f}"],
    ]
    return (
        f"{searched['count']:,} synthetic vectors of {Mixture.dim} dimensions, {len(seconds)} queries one by one "
        f"(mean cosine of the {K}th neighbour {cosine:.2f}):\n\n{table(['vector index alone', ''], *figures)}"
    )


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*")) if path.is_dir() else path.stat().st_size
