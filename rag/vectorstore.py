"""A library as a LangChain vector store, and its encoder as LangChain embeddings.

    store = LibraryVectorStore(Library.open("my-library"))
    store.add_texts(["text"], ids=["a"])
    store.similarity_search("query", k=4, filter={"year": 2024})

Knows nothing of answers, nor of how passages are found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import numpy as np
from langchain_core.documents import Document as LangChainDocument
from langchain_core.embeddings import Embeddings
from langchain_core.runnables.config import run_in_executor
from langchain_core.vectorstores import VectorStore

from embeddings.encoding import Kind, unit
from rag.clean import clean
from rag.errors import LibraryChanged, LibraryEmpty
from rag.filters import check_filters
from rag.given import check_k, check_question
from rag.library import Library
from rag.metadata import find_title
from rag.pipeline import Pipeline
from rag.schema import Document, Passage, is_day

PASSAGE_ID = re.compile(r"(.+)#(\d+)-(\d+)", re.DOTALL)
# Metadata that are fields of a document, under which filters look them up, and what tells that a text can be one.
FIELDS: dict[str, Callable[[str], object]] = {
    "title": re.compile(r".*\S.*").fullmatch,
    "date": is_day,
    "language": re.compile(r"[a-z]{2}").fullmatch,
    "source": re.compile(r".+").fullmatch,
}
OPENING_CHARS = 80
BATCH_TEXTS = 256

Scored = list[tuple[LangChainDocument, float]]
FindDocument = Callable[[str], Document]


class LibraryEmbeddings(Embeddings):
    """The encoder of a library, with the prompts its model has for queries and for documents.

    A library embeds a passage behind its title and heading, so its own vectors differ a little from these. An empty
    library raises ``LibraryError``.
    """

    def __init__(self, library: Library) -> None:
        """Take the library whose encoder it is."""
        self._library = library

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a query: dim numbers, unit length."""
        return self._embed([text], kind="query")[0]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return the vectors of parts of documents: dim numbers each, unit length; text beyond the model's is cut."""
        # In batches, because an encoding brings the vectors of its tokens along.
        starts = range(0, len(texts), BATCH_TEXTS)
        return [v for start in starts for v in self._embed(texts[start : start + BATCH_TEXTS], kind="document")]

    def _embed(self, texts: list[str], *, kind: Kind) -> list[list[float]]:
        threads = self._library.settings.indexing_threads
        encodings = self._library.pipeline().encoder.encode(texts, kind=kind, threads=threads)
        return [[float(number) for number in encoding.vector] for encoding in encodings]


class LibraryVectorStore(VectorStore):
    """A library as a LangChain vector store.

    Texts are cleaned when added: ``page_content`` is the canonical text, which may differ from what was given in white
    space, invisible characters and repeated boilerplate. A text that fits one passage is found as it was added, with
    its id and metadata. Of a longer one, and of an indexed file, passages are found: their id is ``ID#START-END``, and
    their metadata gain ``document_id``, ``title``, ``start_char`` and ``end_char``.

    ``similarity_search`` is the library's full search, by meaning and by words, reranked; its scores order the hits of
    one query. ``similarity_search_with_relevance_scores`` ranks by cosine alone, which can be compared between queries.
    An empty store finds nothing.
    """

    def __init__(self, library: Library) -> None:
        """Take the library it is a view of."""
        self.library = library

    @property
    def embeddings(self) -> LibraryEmbeddings:
        """The library's encoder."""
        return LibraryEmbeddings(self.library)

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings | None = None,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        library: Library | str | Path | None = None,
        **kwargs: Any,
    ) -> Self:
        """Add texts to a library, which need not be new, and return it as a store.

        Args:
            texts: The texts.
            embedding: ``None``: the library embeds with the encoder of its settings.
            metadatas: Metadata of each text, JSON values.
            ids: Id of each text.
            library: The library, or its folder; it has to be named, since LangChain's stores are new where none is,
                and the default library is not.
            **kwargs: Ignored, as by ``add_texts``.

        Returns:
            A store over the whole library, with what it held before.

        Raises:
            ValueError: `library` is not named, `embedding` is another encoder, or the texts cannot be added.
        """
        if library is None:
            raise ValueError("no library is named; say which the texts go to: from_texts(texts, library='my-library')")
        if embedding is not None and not isinstance(embedding, LibraryEmbeddings):
            raise ValueError(
                f"embedding is a {type(embedding).__name__}; a library embeds with the encoder it is made with: "
                "pass None, and name another encoder in Settings(encoder=...)"
            )
        store = cls(library if isinstance(library, Library) else Library.open(library))
        store.add_texts(texts, metadatas, ids=ids, **kwargs)
        return store

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: Sequence[str | None] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Add texts, replacing those of the same ids, in one commit, and return their ids.

        Args:
            texts: The texts.
            metadatas: Metadata of each text, JSON values; ``title``, ``date`` (ISO 8601), ``language`` (ISO 639-1) and
                ``source`` also become those of the document.
            ids: Id of each text; where it is missing one is made.
            **kwargs: Ignored; LangChain passes a ``batch_size``, and a library chooses its own.

        Returns:
            One id a text, in the order of the texts; those that were made are random UUIDs.

        Raises:
            ValueError: A text is empty, an id is given twice, metadata are not JSON, or the numbers differ.
            LibraryBusy: Another process is writing to the library.
        """
        given = list(texts)
        all_metadata = metadatas or [{}] * len(given)
        all_ids = ids or [None] * len(given)
        if not len(given) == len(all_metadata) == len(all_ids):
            raise ValueError(f"{len(given)} texts, {len(all_metadata)} metadatas, {len(all_ids)} ids; give one each")
        documents = [
            _document(text, metadata, identifier or str(uuid4()))
            for text, metadata, identifier in zip(given, all_metadata, all_ids, strict=True)
        ]
        if documents:
            self.library.add(documents)
        return [document.id for document in documents]

    def delete(self, ids: list[str] | None = None, **kwargs: Any) -> bool:
        """Remove documents, files among them; ids that are not there are ignored.

        Args:
            ids: Ids of documents; ``None``, as LangChain defines it, removes everything.
            **kwargs: Ignored.

        Returns:
            ``True``.

        Raises:
            ValueError: An id is that of a passage, which cannot leave its document.
            LibraryBusy: Another process is writing to the library.
        """
        if _is_empty(self.library):
            return True
        known = {document.id for document in self.library.documents()}
        for match in filter(None, map(PASSAGE_ID.fullmatch, ids or ())):
            if match[0] not in known and match[1] in known:
                raise ValueError(f"{match[0]!r} is a passage; only documents can be deleted: delete {match[1]!r}")
        self.library.remove(known if ids is None else known.intersection(ids))
        return True

    def get_by_ids(self, ids: Sequence[str], /) -> list[LangChainDocument]:
        """Return whole documents, and passages, by id, in the order of the ids; ids that are not there are left out."""
        found: list[LangChainDocument] = []
        if _is_empty(self.library):
            return found
        for identifier in ids:
            with suppress(KeyError):
                found.append(self._by_id(identifier))
        return found

    def _by_id(self, identifier: str) -> LangChainDocument:
        with suppress(KeyError):
            return _whole(self.library.document(identifier))
        match = PASSAGE_ID.fullmatch(identifier)
        for passage in self.library.passages(match[1]) if match else ():
            if identifier == _passage_id(passage):
                return _part(passage, self.library.document(passage.document_id))
        raise KeyError(identifier)

    def similarity_search(
        self, query: str, k: int = 4, *, filter: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> list[LangChainDocument]:
        """Return the best `k` documents or passages for a query.

        Args:
            query: What to look for.
            k: At most this many.
            filter: Value, or list of allowed values, by name; what does not pass is not ranked. Names are those of
                metadata, and those that `Library.search` takes beside them, such as ``folder`` and ``date_from``.
            **kwargs: None is known; any is refused.

        Returns:
            Best first; fewer than `k` where fewer pass `filter` or match, none from an empty store.

        Raises:
            TypeError: An unknown argument.
            ValueError: `k` is below 1, or `filter` holds a name that no document has or a value of the wrong kind.
            QuestionError: The query is empty or too long.
        """
        return [document for document, _ in self.similarity_search_with_score(query, k, filter=filter, **kwargs)]

    def similarity_search_with_score(
        self, query: str, k: int = 4, *, filter: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> Scored:
        """Return what `similarity_search` does, with scores in [0, 1]; higher is better, within one query."""
        pipeline = self._pipeline(k, filter, kwargs)
        if pipeline is None:
            return []
        find = _finder(pipeline)
        return [(_found(hit.passage, find), hit.score) for hit in pipeline.search(query, k, filter)]

    def similarity_search_by_vector(
        self, embedding: list[float], k: int = 4, *, filter: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> list[LangChainDocument]:
        """Return the `k` documents or passages nearest to a vector by cosine.

        Args:
            embedding: As `LibraryEmbeddings.embed_query` gives it: dim numbers; any norm will do.
            k: At most this many.
            filter: As for `similarity_search`.
            **kwargs: None is known; any is refused.

        Returns:
            Highest cosine first, however low; fewer than `k` where fewer pass `filter`, none from an empty store.

        Raises:
            TypeError: An unknown argument.
            ValueError: The vector has another dimension than the library's, or another argument is out of range.
        """
        pipeline = self._pipeline(k, filter, kwargs)
        return [document for document, _ in _nearest(pipeline, embedding, k, filter)] if pipeline else []

    def _similarity_search_with_relevance_scores(
        self, query: str, k: int = 4, *, filter: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> Scored:
        # Scores of the full search are scaled within each query: a threshold on them would always let the best pass.
        pipeline = self._pipeline(k, filter, kwargs)
        if pipeline is None:
            return []
        check_question(query, most_chars=pipeline.settings.question_chars)
        found = _nearest(pipeline, self.embeddings.embed_query(query), k, filter)
        return [(document, min(1.0, max(0.0, cosine))) for document, cosine in found]

    async def _asimilarity_search_with_relevance_scores(self, query: str, k: int = 4, **kwargs: Any) -> Scored:
        return await run_in_executor(None, self._similarity_search_with_relevance_scores, query, k, **kwargs)

    def _pipeline(self, k: int, filters: Mapping[str, Any] | None, unknown: Mapping[str, Any]) -> Pipeline | None:
        """Check the arguments of a search and return what answers it, or ``None`` when the store is empty."""
        if unknown:
            raise TypeError(f"unknown argument {next(iter(unknown))!r}; known are k and filter")
        check_k(k)
        check_filters(filters)
        return None if _is_empty(self.library) else self.library.pipeline()


def _is_empty(library: Library) -> bool:
    try:
        return not library.statistics()["passages"]
    except LibraryEmpty:
        return True


def _document(text: str, metadata: Mapping[str, Any], identifier: str) -> Document:
    """Return a text as a document of the library."""
    canonical = clean(text)
    if not canonical:
        raise ValueError(f"the text {identifier!r} is empty, or nothing is left of it after cleaning; leave it out")
    given = {
        name: metadata[name]
        for name, fits in FIELDS.items()
        if isinstance(metadata.get(name), str) and fits(metadata[name])
    }
    # An id says nothing of the content, and a title is embedded and searched with it.
    title = find_title(canonical, fallback=canonical.partition("\n")[0][:OPENING_CHARS])
    return Document(identifier, canonical, **{"title": title} | given, metadata=dict(metadata))


def _nearest(pipeline: Pipeline, embedding: Sequence[float], k: int, filters: Mapping[str, Any] | None) -> Scored:
    """Return the `k` nearest documents or passages with their cosines, best first."""
    snapshot, find = pipeline.snapshot, _finder(pipeline)
    cosines = snapshot.dense(unit(np.asarray(embedding, np.float32)), k, allowed=snapshot.select(filters))
    stored = snapshot.passages(list(cosines))
    return [(_found(stored[key].passage, find), cosine) for key, cosine in cosines.items()]


def _finder(pipeline: Pipeline) -> FindDocument:
    """Return what finds documents of the pipeline's own generation, each read once."""

    @cache
    def find(document_id: str) -> Document:
        document = pipeline.snapshot.document(document_id)
        if document is None:
            raise LibraryChanged
        return document

    return find


def _found(passage: Passage, find: FindDocument) -> LangChainDocument:
    document = find(passage.document_id)
    is_all = (passage.start_char, passage.end_char) == (0, len(document.text))
    return _whole(document) if is_all and not _is_file(document) else _part(passage, document)


def _is_file(document: Document) -> bool:
    """Whether it came from a file: then its source is not what its metadata say."""
    return bool(document.source and document.source != document.metadata.get("source"))


def _whole(document: Document) -> LangChainDocument:
    own = {"title": document.title, "source": document.source} if _is_file(document) else {}
    return LangChainDocument(page_content=document.text, id=document.id, metadata=own | dict(document.metadata))


def _part(passage: Passage, document: Document) -> LangChainDocument:
    place = {
        "document_id": document.id,
        "title": document.title,
        "start_char": passage.start_char,
        "end_char": passage.end_char,
    }
    return LangChainDocument(
        page_content=passage.text, id=_passage_id(passage), metadata=dict(document.metadata) | place
    )


def _passage_id(passage: Passage) -> str:
    return f"{passage.document_id}#{passage.start_char}-{passage.end_char}"
