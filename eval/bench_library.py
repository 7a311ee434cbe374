"""Our library as speed comparisons measure it, in a process of its own (see `eval.bench_child`)."""

from __future__ import annotations

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

from rag import Document, Library
from rag.folder.snapshot import in_folder

# What is indexed before the clock starts, so that the encoder is loaded, as the other side's is.
WARM_UP = Document("warm-up", "The encoder reads a first sentence.")


class ServedLibrary:
    """A library of text files, made anew by each `index`, that is searched by any number of threads."""

    def __init__(self) -> None:
        """Take a folder for libraries."""
        self._folder = Path(tempfile.mkdtemp(prefix="leadgoose-bench-"))
        self._library: Library | None = None
        self._pools: dict[int, ThreadPoolExecutor] = {}

    def close(self) -> None:
        """End the threads and remove the libraries."""
        for pool in self._pools.values():
            pool.shutdown()
        if self._library:
            self._library.close()
        shutil.rmtree(self._folder)

    def index(self, folder: str) -> dict[str, Any]:
        """Index a folder into a new library: parse, split, embed, both indexes, commit.

        Args:
            folder: Holds text files.

        Returns:
            Seconds and passages.

        Raises:
            ValueError: A file was left out.
        """
        if self._library:
            self._library.close()
            shutil.rmtree(self._library.path)
        self._library = Library.open(Path(tempfile.mkdtemp(dir=self._folder)))
        self._library.add([WARM_UP])
        start = perf_counter()
        report = self._library.index(folder)
        seconds = perf_counter() - start
        if report.failed:
            raise ValueError(f"files were left out: {dict(report.failed)}")
        return {"seconds": seconds, "passages": report.passages}

    def search(self, questions: list[str], k: int) -> list[float]:
        """Return the seconds that a search for each question takes, one after the other, reranking included."""
        return [self._seconds(question, k) for question in questions]

    def together(self, questions: list[str], k: int, threads: int) -> float:
        """Return the seconds in which a number of threads, each with its share of the questions, search for all."""
        shares = [questions[number::threads] for number in range(threads)]
        # Kept, as a server keeps them: what a thread opens it opens once.
        pool = self._pools.setdefault(threads, ThreadPoolExecutor(threads))
        start = perf_counter()
        list(pool.map(lambda share: self.search(share, k), shares))
        return perf_counter() - start

    def threads(self) -> str:
        """Return what is to be known about threads."""
        return "one a search, all processors for indexing"

    def _seconds(self, question: str, k: int) -> float:
        if self._library is None:
            raise ValueError("nothing is indexed yet")
        start = perf_counter()
        self._library.search(question, k)
        return perf_counter() - start


def token_line(library: Library, *, sampled: int = 1_000) -> str:
    """Return what the token vectors of a passage take, which late interaction reads.

    Args:
        library: The library.
        sampled: About how many passages are looked at, spread evenly.

    Returns:
        A line.
    """
    keys = _sampled(library, sampled)
    size_bytes = token_bytes(library, sampled=sampled)
    tokens = sum(len(vectors) for vectors, _ in library.pipeline().snapshot.tokens(keys).values()) / len(keys)
    return (
        f"token vectors take {size_bytes:,.0f} bytes a passage of {tokens:.1f} tokens, "
        f"{size_bytes / tokens:.0f} a token (mean of {len(keys):,} passages)"
    )


def token_bytes(library: Library, *, sampled: int = 1_000) -> float:
    """Return the mean bytes of a passage's token vectors, 0 where none are kept; ``sampled`` passages are looked at."""
    keys = _sampled(library, sampled)
    store = in_folder(library.pipeline().snapshot).store
    return sum(len(packed) for packed, _ in store.tokens(keys).values()) / len(keys)


def _sampled(library: Library, sampled: int) -> list[int]:
    snapshot = in_folder(library.pipeline().snapshot)
    every = max(1, snapshot.generation.manifest.passages // sampled)
    stored = islice(snapshot.store.passages_of(revision=snapshot.revision), 0, None, every)
    return [passage.key for passage in stored]
