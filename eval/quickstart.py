"""The usual LangChain quick start as a system to compare with: 1,000-character chunks in its in-memory vector store.

Knows documents and an encoder; nothing of libraries, gold sets and metrics.

Reference:
    https://docs.langchain.com/oss/python/langchain/rag, "Splitting documents" and "Storing documents".
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore
from numpy.typing import NDArray

from embeddings.encoder import DEFAULT_MODEL, Encoder
from embeddings.files import write_whole
from embeddings.graph_cache import default_cache_dir
from rag import Document, Hit, Passage
from rag.errors import ConfigurationError

if TYPE_CHECKING:
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    from eval.progress import Progress

CHUNK_CHARS, OVERLAP_CHARS = 1_000, 200
BATCH_TEXTS = 64
STAGE = "embedding for LangChain"


def build(
    documents: Sequence[Document],
    *,
    encoder: str = DEFAULT_MODEL,
    progress: Progress | None = None,
    folder: Path | None = None,
) -> QuickStart:
    """Return the quick start over documents, embedded with the encoder of the library it is compared with.

    Args:
        documents: What it searches.
        encoder: Hub id or path of the encoder.
        progress: Called with stage, done and total while chunks are embedded.
        folder: Where vectors are kept; ``eval/vectors`` in the cache folder when ``None``.

    Returns:
        The system.

    Raises:
        ConfigurationError: LangChain's splitters are not installed.
    """
    from embeddings.encoder import load_encoder

    splitter = _splitter()
    kept = default_cache_dir().parent / "eval" / "vectors" if folder is None else folder
    return QuickStart(documents, splitter, KeptEmbeddings(load_encoder(encoder), kept, progress=progress))


class QuickStart:
    """Chunks by LangChain's splitter, found by LangChain's vector store."""

    def __init__(
        self, documents: Sequence[Document], splitter: RecursiveCharacterTextSplitter, embeddings: Embeddings
    ) -> None:
        """Split, embed and store the documents.

        Args:
            documents: What is searched.
            splitter: What cuts their texts.
            embeddings: What turns chunks and queries into vectors.
        """
        self._passages = [
            (document.title, passage)
            for document in documents
            for passage in chunk_passages(document, splitter.split_text(document.text))
        ]
        self._store = InMemoryVectorStore(embeddings)
        self._store.add_texts(
            [passage.text for _, passage in self._passages],
            metadatas=[{"number": number} for number in range(len(self._passages))],
        )

    def search(self, query: str, k: int) -> list[Hit]:
        """Return the ``k`` chunks nearest to a query, best first; scores are cosines, at least 0."""
        hits = []
        for rank, (chunk, cosine) in enumerate(self._store.similarity_search_with_score(query, k), start=1):
            title, passage = self._passages[chunk.metadata["number"]]
            hits.append(Hit(passage, title, rank, min(1.0, max(0.0, cosine)), {"dense": cosine}))
        return hits


def chunk_passages(document: Document, chunks: Sequence[str]) -> Iterator[Passage]:
    """Yield the chunks of a document as passages.

    LangChain's own ``start_index`` is the first place where a chunk's text occurs after a guess, or −1.

    Args:
        document: What was split.
        chunks: The texts, in order.

    Yields:
        One passage a chunk.

    Raises:
        ValueError: A chunk is not in the document.
    """
    end = 0
    for chunk in chunks:
        start = _start(document.text, chunk, end)
        if start < 0:
            raise ValueError(f"document {document.id!r} does not hold the chunk {chunk[:60]!r} after character {end}")
        end = start + len(chunk)
        yield Passage(document.id, start, end, chunk)


def _start(text: str, chunk: str, end: int) -> int:
    """Return where a chunk stands, given where the one before it ends; -1 for nowhere."""
    # No chunk starts before the overlap, and each ends after the one before it with nothing but white space between;
    # only where a text consists of white space and repetitions can stripping make one end sooner.
    earliest = max(0, end - OVERLAP_CHARS)
    start = text.find(chunk, max(earliest, end - len(chunk) + 1))
    return text.find(chunk, earliest) if start < 0 or text[end:start].strip() else start


class KeptEmbeddings(Embeddings):
    """An encoder as LangChain embeddings; vectors of documents are kept, for thousands of chunks take minutes."""

    def __init__(self, encoder: Encoder, folder: Path, *, progress: Progress | None = None) -> None:
        """Take an encoder.

        Args:
            encoder: What turns texts into vectors.
            folder: Where vectors are kept, a file for each list of texts and encoder.
            progress: Called with stage, done and total while texts are embedded.
        """
        self._encoder = encoder
        self._folder = folder
        self._progress = progress

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a query: dim numbers, unit length."""
        vector: list[float] = self._encoder.encode([text], kind="query")[0].vector.tolist()
        return vector

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return the vectors of parts of documents: dim numbers each, unit length; text beyond the model's is cut."""
        content = json.dumps([self._encoder.id, self._encoder.digest, texts]).encode()
        file = self._folder / f"{hashlib.sha256(content).hexdigest()}.npz"
        vectors = _read(file)
        if vectors is None:
            vectors = self._embed(texts)
            _write(file, vectors)
        rows: list[list[float]] = vectors.tolist()
        return rows

    def _embed(self, texts: list[str]) -> NDArray[np.float32]:
        vectors = np.empty((len(texts), self._encoder.dim), dtype=np.float32)
        # In batches, because an encoding brings the vectors of its tokens along.
        for start in range(0, len(texts), BATCH_TEXTS):
            batch = texts[start : start + BATCH_TEXTS]
            encodings = self._encoder.encode(batch, kind="document", threads=os.cpu_count() or 1)
            vectors[start : start + len(batch)] = [encoding.vector for encoding in encodings]
            if self._progress:
                self._progress(STAGE, start + len(batch), len(texts))
        return vectors


def _read(file: Path) -> NDArray[np.float32] | None:
    """Return the vectors kept in a file; ``None`` when it is missing or damaged, which the archive's checksum tells."""
    try:
        with np.load(file, allow_pickle=False) as archive:
            vectors: NDArray[np.float32] = archive["vectors"]
            return vectors
    except (OSError, EOFError, ValueError, KeyError, TypeError, BadZipFile):
        # It is a cache: what cannot be used is made again.
        return None


def _write(file: Path, vectors: NDArray[np.float32]) -> None:
    archive = BytesIO()
    np.savez(archive, vectors=vectors)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, archive.getvalue())


def _splitter() -> RecursiveCharacterTextSplitter:
    try:
        from langchain_text_splitters import RecursiveCharacterTextSplitter
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "the system 'langchain' needs langchain-text-splitters; install it: pip install 'leadgoose[compare]'"
        ) from error
    return RecursiveCharacterTextSplitter(chunk_size=CHUNK_CHARS, chunk_overlap=OVERLAP_CHARS)
