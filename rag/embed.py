"""Entries to passages with vectors, by the threads of this process; writes nothing."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from embeddings.encoder import Encoder, Encoding
from rag import pipeline
from rag.entries import Batch, Entry, Failed, Piece, piece_of
from rag.errors import SourceError
from rag.library_store import LibraryStore
from rag.reuse import known_vectors
from rag.schema import Document, Passage
from rag.settings import Settings

# Passages embedded, and kept, at a time: enough to batch passages of like length, little enough to lose. Two or three
# such batches are in memory at once, 40 MB each.
BATCH_PASSAGES = 128
# Passages that are encoded before it is asked whether to go on.
SLICE_PASSAGES = 32


@dataclass(frozen=True)
class EmbedHere:
    """Reads, splits and embeds entries in this process.

    Attributes:
        store: Where vectors of the same bytes may be known from.
        encoder: What embeds.
        settings: How documents are read, split and embedded.
    """

    store: LibraryStore
    encoder: Encoder
    settings: Settings

    def __call__(self, entries: Sequence[Entry]) -> Generator[Batch | Failed, None, None]:
        """Yield what comes of the entries, in order but for what failed, which comes at once.

        One batch is encoded while the one before it is packed and written and the one after it is read and split, so
        that no processor waits for the database or for a file.

        Args:
            entries: What to embed.

        Yields:
            Batches of pieces with their vectors, and what cannot be read.
        """
        ended = threading.Event()
        with ThreadPoolExecutor(1) as worker:
            under_way: deque[tuple[list[Piece], Future[list[Encoding]]]] = deque()
            try:
                for batch in self._batches(entries):
                    if isinstance(batch, Failed):
                        yield batch
                        continue
                    under_way.append((batch, worker.submit(self._encode, batch, ended)))
                    if len(under_way) > 1:
                        yield self._packed(*under_way.popleft())
                while under_way:
                    yield self._packed(*under_way.popleft())
            finally:
                # What is not written by now never will be, as after Ctrl-C, which must not wait for a whole batch.
                ended.set()
                worker.shutdown(cancel_futures=True)

    def _batches(self, entries: Sequence[Entry]) -> Iterator[list[Piece] | Failed]:
        batch: list[Piece] = []
        for piece in self._pieces(entries):
            if isinstance(piece, Failed):
                yield piece
                continue
            batch.append(piece)
            if len(batch) == BATCH_PASSAGES:
                yield batch
                batch = []
        if batch:
            yield batch

    def _pieces(self, entries: Sequence[Entry]) -> Iterator[Piece | Failed]:
        for entry in entries:
            try:
                document = document_of(entry, self.settings)
                passages = pipeline.split_document(document, self.encoder, self.settings)
            except (OSError, SourceError) as error:
                yield Failed(entry, str(error))
                continue
            count = len(passages)
            vectors = known_vectors(self.store, entry.origin.digest, document.title, passages)
            for number, (passage, known) in enumerate(zip(passages, vectors, strict=True)):
                yield replace(piece_of(entry, document, passage, number=number, count=count), known=known)

    def _encode(self, batch: Sequence[Piece], ended: threading.Event) -> list[Encoding]:
        pairs = [(piece.document.title, piece.passage) for piece in batch if piece.known is None]
        return encode_alike(pairs, self.encoder, threads=self.settings.indexing_threads, ended=ended)

    def _packed(self, batch: list[Piece], encoded: Future[list[Encoding]]) -> Batch:
        bits = self.settings.token_bits or 0
        encodings = iter(encoded.result())
        return [
            (p, p.known or pipeline.to_keep(p.document.title, p.passage, next(encodings), token_bits=bits))
            for p in batch
        ]


def document_of(entry: Entry, settings: Settings) -> Document:
    """Return the document to be put, as it is kept.

    Args:
        entry: What to put.
        settings: What reading a file may take.

    Returns:
        The document.

    Raises:
        UnreadableSource: There is no text in it that can be read.
    """
    if isinstance(entry.source, Document):
        return pipeline.prepare(entry.source)
    return pipeline.read(entry.source, settings.parse_limits)


def encode_alike(
    pairs: Sequence[tuple[str, Passage]], encoder: Encoder, *, threads: int, ended: threading.Event | None = None
) -> list[Encoding]:
    """Return what the encoder makes of passages, those of like length encoded together, as it wants them.

    Args:
        pairs: Passages with their documents' titles.
        encoder: The encoder.
        threads: Processor threads to use.
        ended: Set once nobody waits for the encodings.

    Returns:
        An encoding for each passage, in their order; none once `ended` is set.
    """
    encodings: dict[int, Encoding] = {}
    order = sorted(range(len(pairs)), key=lambda n: -len(pairs[n][1].text))
    for start in range(0, len(order), SLICE_PASSAGES):
        if ended is not None and ended.is_set():
            return []
        numbers = order[start : start + SLICE_PASSAGES]
        encoded = pipeline.encode([pairs[n] for n in numbers], encoder, threads=threads)
        encodings |= zip(numbers, encoded, strict=True)
    return [encodings[n] for n in range(len(pairs))]
