"""Indexing on a Ray cluster of this machine against one process: time, what passes through the head, and equality.

The cluster is a head that works on nothing and workers of one processor each, on one machine: what is measured is what
the cluster costs, and how it scales as far as the machine has processors.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from eval.bench_corpus import read_corpus
from eval.bench_figures import table
from rag import Library, Settings
from rag.cluster import embed as ray_embed
from rag.cluster import rows as ray_rows
from rag.cluster.joining import import_ray, keep_stdout_clean
from rag.stored import StoredPassage
from rag.writer import IndexReport, Writer

# Of the first documents of the corpus, with the default sizes of passages.
PASSAGE_CHARS = 380
# A place for a library of a name: a folder, or an address.
Place = Callable[[str], str]


@dataclass
class Run:
    """What a run took.

    Attributes:
        report: What it did.
        head_bytes: Bytes of the tables that came to the head.
        writing_s: Seconds that the head wrote.
        first_s: Seconds until the first passages were written.
        killed_s: When a node was lost, in seconds.
    """

    report: IndexReport | None = None
    head_bytes: int = 0
    writing_s: float = 0.0
    first_s: float = 0.0
    killed_s: float = 0.0


@dataclass(frozen=True)
class Difference:
    """How what two libraries hold differs.

    Attributes:
        documents: Documents of the first.
        differing: Those that are not the same in the second, vectors apart, or missing from either.
        furthest: Greatest difference of a component of a passage's vector.
        tokens_equal: Share of the passages whose token vectors are the same bytes.
    """

    documents: int
    differing: int
    furthest: float
    tokens_equal: float


def write_files(corpus: Path, folder: Path, *, passages: int) -> int:
    """Write the first documents of a corpus as files, enough for about so many passages, and return their number."""
    chars, count = passages * PASSAGE_CHARS, 0
    for document in read_corpus(corpus):
        if chars <= 0:
            break
        path = folder / f"{count // 1_000:03}" / f"{count:06}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{document.title}\n\n{document.text}", encoding="utf-8", errors="replace")
        chars -= len(document.text)
        count += 1
    return count


def ray_report(corpus: Path, work: Path, *, passages: int, settings: Settings, place: Place) -> Iterator[str]:
    """Yield what a cluster takes and stores, against one process.

    Args:
        corpus: A JSON Lines file of documents.
        work: An empty folder.
        passages: About how many are indexed.
        settings: Settings of the libraries; the encoder among them.
        place: Where the libraries are.

    Yields:
        Paragraphs.
    """
    docs = work / "docs"
    files = write_files(corpus, docs, passages=passages)
    yield f"{files:,} files of {corpus.name}, encoder {settings.encoder}"
    runs: dict[str, Run] = {}
    rows: list[list[object]] = [
        ["run", "passages", "seconds", "passages/s", "first written after, s", "head writes, s",
         "documents that differ", "furthest component", "token bytes equal"],
    ]  # fmt: skip
    one = place("one")
    for name, threads, workers, kill in (
        ("one process, 1 thread", 1, 0, False),
        (f"one process, {os.cpu_count()} threads", 0, 0, False),
        ("1 worker", 0, 1, False),
        ("2 workers", 0, 2, False),
        ("2 workers, one killed half way", 0, 2, True),
    ):
        at = one if not runs else place(name.replace(" ", "-").replace(",", ""))
        chosen = replace(settings, indexing_threads=threads) if threads else settings
        run = _indexed(docs, at, chosen, workers=workers, kill=kill)
        runs[name] = run
        rows.append([name, *_figures(run), *_compared(one, at, settings)])
    yield table(*rows)
    yield _through_the_head(runs["2 workers"])
    yield f"a node was lost {runs['2 workers, one killed half way'].killed_s:.0f} s after the start"


def _figures(run: Run) -> list[object]:
    report = run.report
    if report is None:
        raise ChildProcessError("a run reported nothing")
    rate = report.embedded / report.seconds
    first, writing = f"{run.first_s:.1f}", f"{run.writing_s:.1f}"
    return [f"{report.passages:,}", f"{report.seconds:.1f}", f"{rate:.0f}", first, writing]


def _compared(one: str, other: str, settings: Settings) -> list[object]:
    if one == other:
        return ["", "", ""]
    with Library.open(one, create=False, settings=settings) as a, Library.open(other, settings=settings) as b:
        found = difference(a, b)
    return [f"{found.differing} of {found.documents:,}", f"{found.furthest:.1e}", f"{found.tokens_equal:.1%}"]


def _through_the_head(run: Run) -> str:
    count = run.report.embedded if run.report else 0
    return (
        f"through the head: {run.head_bytes / max(1, count):,.0f} bytes a passage; it writes "
        f"{count / max(1e-9, run.writing_s):,.0f} passages a second"
    )


def difference(a: Library, b: Library) -> Difference:
    """Return how what two libraries hold differs, document by document.

    Args:
        a: A library.
        b: Another one.

    Returns:
        The difference.
    """
    ids = {d.id for d in a.documents()}
    others = {d.id for d in b.documents()}
    differing, furthest, equal, count = len(ids ^ others), 0.0, 0, 0
    for document_id in sorted(ids & others):
        same = a.document(document_id) == b.document(document_id)
        for one, other in zip_longest(_stored(a, document_id), _stored(b, document_id)):
            if one is None or other is None or one[0].passage != other[0].passage:
                same = False
                continue
            furthest = max(furthest, float(np.abs(one[1].vector - other[1].vector).max()))
            same &= bool(np.array_equal(one[1].sentence_starts, other[1].sentence_starts))
            equal += one[1].tokens == other[1].tokens
            count += 1
        differing += not same
    return Difference(len(ids), differing, furthest, equal / max(1, count))


def _stored(library: Library, document_id: str) -> Iterator[tuple[StoredPassage, Any]]:
    store = library._engine.store
    passages = list(store.passages_of(document_id=document_id))
    for start in range(0, len(passages), 128):
        part = passages[start : start + 128]
        kept = store.kept([passage.key for passage in part])
        yield from ((passage, kept[passage.key]) for passage in part)


def _indexed(docs: Path, place: str, settings: Settings, *, workers: int, kill: bool) -> Run:
    run = Run()
    with _nodes(workers) if workers else nullcontext(None) as cluster, _watched(run):
        start = time.perf_counter()

        def progress(stage: str, done: int, total: int) -> None:
            now = time.perf_counter() - start
            if stage == "embed":
                run.first_s = run.first_s or now
                if kill and cluster and not run.killed_s and done > total / 2:
                    run.killed_s = now
                    # The run does not wait for the node to be gone.
                    threading.Thread(target=cluster.lose).start()

        with Library.open(place, settings=settings) as library:
            run.report = library.index(docs, progress=progress, ray="auto" if workers else None)
    return run


@contextmanager
def _watched(run: Run) -> Iterator[None]:
    """Count what comes to the head, and how long it writes."""
    chunks_in, write = ray_rows.chunks_in, Writer._write

    def counted(rows: Any, ids: Any = ()) -> Any:
        run.head_bytes += rows.nbytes
        return chunks_in(rows, ids)

    def timed(self: Writer, *arguments: Any) -> None:
        start = time.perf_counter()
        write(self, *arguments)
        run.writing_s += time.perf_counter() - start

    with mock.patch.object(ray_embed, "chunks_in", counted), mock.patch.object(Writer, "_write", timed):
        yield


@dataclass
class _Cluster:
    """A cluster of this machine, one of whose workers can be lost."""

    cluster: Any
    workers: list[Any]

    def lose(self) -> None:
        """End a worker as if its machine had lost power."""
        self.cluster.remove_node(self.workers.pop(), allow_graceful=False)


@contextmanager
def _nodes(workers: int) -> Iterator[_Cluster]:
    ray = import_ray()
    keep_stdout_clean()
    from ray.cluster_utils import Cluster

    cluster: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    added = [cluster.add_node(num_cpus=1) for _ in range(workers)]
    ray.init(address=cluster.address, log_to_driver=False, logging_level="error")
    try:
        yield _Cluster(cluster, added)
    finally:
        ray.shutdown()
        cluster.shutdown()
        os.environ.pop("RAY_ADDRESS", None)
