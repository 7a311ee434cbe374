"""Rows that pass between the head and the workers of a Ray cluster: Arrow tables of plain values, no pickles.

A document travels in chunks of passages, a row each; its text comes with its first chunk alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from rag.schema import Document, Passage, Span
from rag.sources import SourceFile
from rag.stored import PassageVectors

SOURCES = pa.schema([("entry", pa.int64()), ("source", pa.large_binary())])
CHUNKS = pa.schema(
    [
        ("entry", pa.int64()),
        ("start", pa.int64()),
        ("total", pa.int64()),
        ("fault", pa.string()),
        ("failed", pa.string()),
        ("title", pa.string()),
        ("document", pa.large_binary()),
        ("passages", pa.large_binary()),
        ("vectors", pa.large_binary()),
        ("tokens", pa.list_(pa.large_binary())),
        ("starts", pa.list_(pa.large_binary())),
    ]
)


@dataclass(frozen=True)
class Chunk:
    """Passages of one document that follow each other, or why there are none.

    Attributes:
        entry: Number of the document in its run.
        start: Number of its first passage in the document, from 0.
        total: How many passages the document has; 0 where it failed.
        title: The document's title.
        document: The document, with the first chunk; ``None`` with the others.
        passages: The passages.
        vectors: Their vectors, once they are embedded.
        failed: Why the document cannot be read, or ``""``.
        fault: Why the worker cannot work at all, or ``""``.
    """

    entry: int
    start: int = 0
    total: int = 0
    title: str = ""
    document: Document | None = None
    passages: tuple[Passage, ...] = ()
    vectors: tuple[PassageVectors, ...] = ()
    failed: str = ""
    fault: str = ""


def sources_table(sources: Iterable[tuple[int, SourceFile]]) -> pa.Table:
    """Return files with the numbers of their documents as a table."""
    rows = [{"entry": entry, "source": _packed(_plain(source))} for entry, source in sources]
    return pa.Table.from_pylist(rows, schema=SOURCES)


def sources_in(table: pa.Table) -> list[tuple[int, SourceFile]]:
    """Return the files in a table, with the numbers of their documents."""
    return [(row["entry"], _source(json.loads(row["source"]))) for row in table.to_pylist()]


def _plain(source: SourceFile) -> dict[str, Any]:
    values = asdict(source)
    return values | {name: str(values[name]) for name in ("path", "target", "archive") if values[name]}


def _source(values: dict[str, Any]) -> SourceFile:
    paths = {name: Path(values[name]) for name in ("path", "target", "archive") if values[name]}
    return SourceFile(**(values | paths | {"member": tuple(values["member"])}))


def chunks_table(chunks: Iterable[Chunk]) -> pa.Table:
    """Return chunks as a table."""
    return pa.Table.from_pylist([_row(chunk) for chunk in chunks], schema=CHUNKS)


def _row(chunk: Chunk) -> dict[str, Any]:
    vectors = [v.vector.astype("<f4").tobytes() for v in chunk.vectors]
    return {
        "entry": chunk.entry,
        "start": chunk.start,
        "total": chunk.total,
        "fault": chunk.fault,
        "failed": chunk.failed,
        "title": chunk.title,
        "document": _packed(asdict(chunk.document)) if chunk.document else b"",
        "passages": _packed([_passage_values(passage) for passage in chunk.passages]),
        "vectors": b"".join(vectors),
        "tokens": [v.tokens for v in chunk.vectors],
        "starts": [v.sentence_starts.astype("<i8").tobytes() for v in chunk.vectors],
    }


def chunks_in(table: pa.Table, ids: Sequence[str] = ()) -> list[Chunk]:
    """Return the chunks in a table.

    Args:
        table: The table.
        ids: Ids of the documents by number; without them passages do not say to which document they belong.

    Returns:
        The chunks.
    """
    return [_chunk(row, ids) for row in table.to_pylist()]


def _chunk(row: dict[str, Any], ids: Sequence[str]) -> Chunk:
    document_id = ids[row["entry"]] if ids else ""
    passages = tuple(_passage(values, document_id) for values in json.loads(row["passages"]))
    return Chunk(
        entry=row["entry"],
        start=row["start"],
        total=row["total"],
        title=row["title"],
        document=_document(json.loads(row["document"])) if row["document"] else None,
        passages=passages,
        vectors=_vectors(row, len(passages)) if row["tokens"] else (),
        failed=row["failed"],
        fault=row["fault"],
    )


def _vectors(row: dict[str, Any], count: int) -> tuple[PassageVectors, ...]:
    vectors = np.frombuffer(row["vectors"], dtype="<f4").reshape(count, -1)
    kept = zip(vectors, row["tokens"], row["starts"], strict=True)
    return tuple(PassageVectors(v, tokens, np.frombuffer(starts, dtype="<i8")) for v, tokens, starts in kept)


def _passage_values(passage: Passage) -> list[Any]:
    spans = [[span.start_char, span.end_char] for span in passage.sentences]
    return [passage.start_char, passage.end_char, passage.text, passage.heading, passage.page, spans]


def _passage(values: list[Any], document_id: str) -> Passage:
    start_char, end_char, text, heading, page, spans = values
    return Passage(document_id, start_char, end_char, text, heading, tuple(Span(*span) for span in spans), page)


def _document(values: dict[str, Any]) -> Document:
    return replace(Document(**values), page_starts=tuple(values["page_starts"]))


def _packed(values: Any) -> bytes:
    return json.dumps(values, ensure_ascii=False).encode("utf-8", "surrogatepass")
