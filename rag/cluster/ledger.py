"""What has come back from the workers of a cluster: puts chunks in order, and lets none in twice; knows no Ray."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rag.cluster.rows import Chunk
from rag.embed import BATCH_PASSAGES
from rag.entries import Batch, Entry, Failed, piece_of
from rag.errors import ClusterError
from rag.schema import Document

Outcome = Batch | Failed


class Ledger:
    """Chunks of entries that came back; what is read again after a node was lost may come twice or in another order."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        """Begin with nothing back."""
        self._entries = entries
        self._done: set[int] = set()
        self._next: dict[int, int] = {}
        self._held: dict[int, dict[int, Chunk]] = {}
        self._documents: dict[int, Document] = {}

    def take(self, chunks: Sequence[Chunk]) -> Iterator[Outcome]:
        """Yield what can be written now.

        Args:
            chunks: What came back.

        Yields:
            Batches of the pieces that are next in their documents, and what cannot be read.

        Raises:
            ClusterError: A worker cannot work.
        """
        batch: Batch = []
        for chunk in chunks:
            if chunk.fault:
                raise ClusterError(f"{chunk.fault}; what was embedded so far is kept")
            if chunk.entry in self._done:
                continue
            if chunk.failed:
                self._done.add(chunk.entry)
                yield Failed(self._entries[chunk.entry], chunk.failed)
                continue
            self._held.setdefault(chunk.entry, {}).setdefault(chunk.start, chunk)
            batch += self._ready(chunk.entry)
            if len(batch) >= BATCH_PASSAGES:
                yield batch
                batch = []
        if batch:
            yield batch

    def missing(self) -> int:
        """Return how many entries have not come back whole."""
        return len(self._entries) - len(self._done)

    def _ready(self, entry: int) -> Batch:
        held, ready = self._held[entry], Batch()
        while (chunk := held.pop(self._next.get(entry, 0), None)) is not None:
            ready += self._pieces(chunk)
            self._next[entry] = chunk.start + len(chunk.passages)
            if self._next[entry] == chunk.total:
                self._done.add(entry)
                del self._held[entry], self._next[entry], self._documents[entry]
                return ready
        # What was taken before may have come again.
        for start in [start for start in held if start < self._next.get(entry, 0)]:
            del held[start]
        return ready

    def _pieces(self, chunk: Chunk) -> Batch:
        if chunk.document is not None:
            self._documents[chunk.entry] = chunk.document
        document = self._documents[chunk.entry]
        entry, total = self._entries[chunk.entry], chunk.total
        return [
            (piece_of(entry, document, passage, number=chunk.start + number, count=total), vectors)
            for number, (passage, vectors) in enumerate(zip(chunk.passages, chunk.vectors, strict=True))
        ]
