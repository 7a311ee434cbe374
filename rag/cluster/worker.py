"""What the workers of a Ray cluster do: read and split files, and embed passages, with the code that one process runs.

What is wrong with a file, or with the worker itself, comes back as a row that says so: an exception would end the run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pyarrow as pa

import embeddings
from embeddings.encoder import Encoder
from rag import pipeline
from rag.build import precision_of
from rag.cluster.joining import import_ray
from rag.cluster.rows import Chunk, chunks_in, chunks_table, sources_in
from rag.embed import BATCH_PASSAGES, encode_alike
from rag.errors import SourceError
from rag.installed import code_digest, installed_version
from rag.settings import Settings
from rag.sources import SourceFile


@dataclass(frozen=True)
class Job:
    """What every worker is told.

    Attributes:
        settings: The library's settings.
        encoder_digest: SHA-256 of its encoder's weights.
        code: Version and digest of the code, as `code_here` gives them.
    """

    settings: Settings
    encoder_digest: str
    code: tuple[str, str]


@cache
def code_here() -> tuple[str, str]:
    """Return the version of leadgoose that this process runs, and the first digits of its code's SHA-256."""
    folders = [Path(__file__).parents[1], *map(Path, embeddings.__path__)]
    return installed_version() or "(not installed)", code_digest(folders)[:12]


@cache
def _loaded(model: str, precision: str) -> Encoder:
    from embeddings.encoder import load_encoder

    return load_encoder(model, precision="int8" if precision == "int8" else "float32")


def fault_here(job: Job) -> str:
    """Return in one line why this worker cannot do a job; ``""`` if it can."""
    from embeddings.errors import EncoderError

    here = code_here()
    if here[1] != job.code[1]:
        return (
            f"runs leadgoose {here[0]} (code {here[1]}) and this machine {job.code[0]} (code {job.code[1]}); "
            "install the same version on both"
        )
    try:
        found = _encoder(job).digest
    except (EncoderError, OSError) as error:
        return f"has no encoder: {error}"
    if found != job.encoder_digest:
        return (
            f"has other weights of {job.settings.encoder} ({found[:12]}) than this library "
            f"({job.encoder_digest[:12]}); put the same ones there"
        )
    return ""


def _encoder(job: Job) -> Encoder:
    return _loaded(str(job.settings.encoder), precision_of(job.settings))


def _fault_row(fault: str) -> pa.Table:
    return chunks_table([Chunk(0, fault=f"the worker {_address()} {fault}")])


def _address() -> str:
    return str(import_ray().util.get_node_ip_address())


def read_and_split(table: pa.Table, job: Job) -> Iterator[pa.Table]:
    """Yield the chunks of files, or why there are none.

    Args:
        table: The files, as `rag.cluster.rows.sources_table` gives them.
        job: What to do.

    Yields:
        Tables of chunks without vectors.
    """
    if fault := fault_here(job):
        yield _fault_row(fault)
        return
    for entry, source in sources_in(table):
        yield from (chunks_table([chunk]) for chunk in _chunks(entry, source, job))


def _chunks(entry: int, source: SourceFile, job: Job) -> Iterator[Chunk]:
    try:
        document = pipeline.read(source, job.settings.parse_limits)
        passages = pipeline.split_document(document, _encoder(job), job.settings)
    except (OSError, SourceError) as error:
        yield Chunk(entry, failed=str(error))
        return
    for start in range(0, len(passages), BATCH_PASSAGES):
        part = tuple(passages[start : start + BATCH_PASSAGES])
        yield Chunk(entry, start, len(passages), document.title, None if start else document, part)


class EmbedChunks:
    """An actor that holds one encoder."""

    def __init__(self, job: Job) -> None:
        """Load the encoder."""
        self._job = job
        self._fault = fault_here(job)

    def __call__(self, table: pa.Table) -> Iterator[pa.Table]:
        """Yield chunks with their vectors.

        Args:
            table: The chunks.

        Yields:
            The same ones in their order, some at a time.
        """
        if self._fault:
            yield _fault_row(self._fault)
            return
        for chunks in _batches(chunks_in(table)):
            yield chunks_table(self._embedded(chunks))

    def _embedded(self, chunks: Sequence[Chunk]) -> list[Chunk]:
        pairs = [(chunk.title, passage) for chunk in chunks for passage in chunk.passages]
        bits = self._job.settings.token_bits or 0
        # As many threads as Ray gives an actor processors.
        encodings = encode_alike(pairs, _encoder(self._job), threads=int(os.environ.get("OMP_NUM_THREADS", "1")))
        kept = iter(pipeline.to_keep(*pair, e, token_bits=bits) for pair, e in zip(pairs, encodings, strict=True))
        return [replace(chunk, vectors=tuple(next(kept) for _ in chunk.passages)) for chunk in chunks]


def _batches(chunks: Sequence[Chunk]) -> Iterator[list[Chunk]]:
    """Yield chunks together that have passages for a batch."""
    batch: list[Chunk] = []
    passages = 0
    for chunk in chunks:
        if batch and passages + len(chunk.passages) > BATCH_PASSAGES:
            yield batch
            batch, passages = [], 0
        batch.append(chunk)
        passages += len(chunk.passages)
    if batch:
        yield batch
