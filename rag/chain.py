"""The service as LangChain runnables: a chain whose steps are the pipeline's stages, and a retriever of its passages.

    chain = answer_chain(Library.open("my-library"))
    answer = chain.invoke("question")  # also ainvoke, batch, abatch, stream, astream, or a step of a longer chain

Knows nothing of how a stage works.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document as LangChainDocument
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda, RunnableSequence
from langchain_core.runnables.config import run_in_executor
from langchain_core.runnables.graph import Graph
from pydantic import Field

from rag.library import Library
from rag.pipeline import Pipeline, Work, finish, timed
from rag.schema import Answer, Hit


@dataclass(frozen=True)
class _Asked:
    """A question between two steps, with the pipeline it began with: one question sees one generation throughout."""

    pipeline: Pipeline
    work: Work

    def after(self, name: str) -> _Asked:
        stage = dict(self.pipeline.stages())[name]
        return _Asked(self.pipeline, timed(name, stage)(self.work))


class AnswerChain(Runnable[str, Answer]):
    """Question to answer; ``answer_chain`` makes one.

    ``stream`` and ``astream`` yield snapshots, each of them a whole ``Answer`` that says more than the one before it:
    the passages found, then sentence by sentence; the last equals what ``invoke`` returns. They replace each other and
    are not to be added up. To a tracer streaming is one run; ``invoke`` and ``batch`` are one run a stage.
    """

    def __init__(
        self, library: Library, *, threshold: float | None = None, filters: Mapping[str, Any] | None = None
    ) -> None:
        """Build the steps.

        Args:
            library: The library asked; every question sees its newest generation.
            threshold: Confidence below which an answer abstains; ``None`` for the library's setting.
            filters: As `Library.ask` takes them.

        Raises:
            LibraryError: The library is empty.
            ValueError: `threshold` is not from 0 to 1.
        """
        self._library = library
        self._asking: dict[str, Any] = {"threshold": threshold, "filters": filters}
        self._steps = _sequence(library, **self._asking)

    @property
    def InputType(self) -> type[str]:  # noqa: N802 (LangChain's name)
        """Type of a question."""
        return str

    @property
    def OutputType(self) -> type[Answer]:  # noqa: N802 (LangChain's name)
        """Type of an answer."""
        return Answer

    def get_graph(self, config: RunnableConfig | None = None) -> Graph:
        """Return the steps as a graph."""
        return self._steps.get_graph(config)

    def invoke(self, input: str, config: RunnableConfig | None = None, **kwargs: Any) -> Answer:
        """Return the answer to a question.

        Args:
            input: The question, no longer than the setting ``question_chars``.
            config: Callbacks, tags, metadata and name for tracing; it changes nothing in the answer.
            **kwargs: None is known; any is refused with a ``TypeError``.

        Returns:
            The answer with its citations; where the documents do not answer, one that abstains and says why.

        Raises:
            QuestionError: The question is empty or too long.
        """
        return self._steps.invoke(input, config, **kwargs)

    async def ainvoke(self, input: str, config: RunnableConfig | None = None, **kwargs: Any) -> Answer:
        """Return the answer to a question; the event loop goes on meanwhile.

        Args:
            input: The question, no longer than the setting ``question_chars``.
            config: Callbacks, tags, metadata and name for tracing; it changes nothing in the answer.
            **kwargs: None is known; any is refused with a ``TypeError``.

        Returns:
            The answer with its citations; where the documents do not answer, one that abstains and says why.

        Raises:
            QuestionError: The question is empty or too long.
        """
        return await self._steps.ainvoke(input, config, **kwargs)

    def stream(self, input: str, config: RunnableConfig | None = None, **kwargs: Any) -> Iterator[Answer]:
        """Yield the answer as it grows, in snapshots that replace each other.

        Args:
            input: The question, no longer than the setting ``question_chars``.
            config: Callbacks, tags, metadata and name for tracing; it changes nothing in the answer.
            **kwargs: None is known; any is refused with a ``TypeError``.

        Yields:
            First the hits without text, then one sentence more each time, at last what `invoke` returns.

        Raises:
            QuestionError: The question is empty or too long.
        """
        yield from self._transform_stream_with_config(iter([input]), self._grow, config, **kwargs)

    async def astream(self, input: str, config: RunnableConfig | None = None, **kwargs: Any) -> AsyncIterator[Answer]:
        """Yield the answer as it grows, in snapshots that replace each other; the event loop goes on meanwhile.

        Args:
            input: The question, no longer than the setting ``question_chars``.
            config: Callbacks, tags, metadata and name for tracing; it changes nothing in the answer.
            **kwargs: None is known; any is refused with a ``TypeError``.

        Yields:
            First the hits without text, then one sentence more each time, at last what `ainvoke` returns.

        Raises:
            QuestionError: The question is empty or too long.
        """
        async for snapshot in self._atransform_stream_with_config(_only(input), self._agrow, config, **kwargs):
            yield snapshot

    def _grow(self, questions: Iterator[str]) -> Iterator[Answer]:
        for question in questions:
            yield from self._library.stream(question, **self._asking)

    async def _agrow(self, questions: AsyncIterator[str]) -> AsyncIterator[Answer]:
        async for question in questions:
            snapshots = await run_in_executor(None, self._library.stream, question, **self._asking)
            while snapshot := await run_in_executor(None, next, snapshots, None):
                yield snapshot


def answer_chain(
    library: Library, *, threshold: float | None = None, filters: Mapping[str, Any] | None = None
) -> AnswerChain:
    """Return question -> understand -> retrieve -> rerank -> answer -> cite as a LangChain runnable.

    Args:
        library: The library asked; every question sees its newest generation.
        threshold: Confidence below which an answer abstains; ``None`` for the library's setting.
        filters: As `Library.ask` takes them; they are checked when a question comes.

    Returns:
        A chain from ``str`` to `Answer`, usable as a step of a longer one, batched and streamed.

    Raises:
        LibraryError: The library is empty.
        ValueError: `threshold` is not from 0 to 1.
    """
    return AnswerChain(library, threshold=threshold, filters=filters)


def _sequence(
    library: Library, *, threshold: float | None, filters: Mapping[str, Any] | None
) -> RunnableSequence[str, Answer]:
    *names, last = (name for name, _ in library.pipeline(threshold=threshold).stages())
    # Lambdas: of annotated types LangChain would make pydantic schemas, and a pipeline has none.
    begin: RunnableLambda[str, _Asked] = RunnableLambda(
        lambda question: _begin(library.pipeline(threshold=threshold), question, filters), name="question"
    )
    steps: list[RunnableLambda[_Asked, _Asked]] = [RunnableLambda(_step(name), name=name) for name in names]
    end: RunnableLambda[_Asked, Answer] = RunnableLambda(lambda asked: finish(asked.after(last).work), name=last)
    return RunnableSequence(begin, *steps, end, name="AnswerChain")


def _begin(pipeline: Pipeline, question: str, filters: Mapping[str, Any] | None) -> _Asked:
    return _Asked(pipeline, pipeline.begin(question, filters))


def _step(name: str) -> Callable[[_Asked], _Asked]:
    return lambda asked: asked.after(name)


async def _only(question: str) -> AsyncIterator[str]:
    yield question


class PassageRetriever(BaseRetriever):
    """The best passages for a query, as LangChain documents that say where in which document they stand.

    ``invoke(query, k=3, filters={...})`` overrides the fields for one query. An empty library raises ``LibraryError``.

    Attributes:
        library: The library searched.
        k: Passages returned, at most.
        filters: Value, or list of allowed values, by name, as `Library.search` takes them.
    """

    library: Library
    k: int = Field(default=10, ge=1)
    filters: Mapping[str, Any] | None = None

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,
        k: int | None = None,
        filters: Mapping[str, Any] | None = None,
    ) -> list[LangChainDocument]:
        top_k = self.k if k is None else k
        hits = self.library.search(query, top_k, filters=self.filters if filters is None else filters)
        return [_langchain_document(hit) for hit in hits]

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **overrides: Any
    ) -> list[LangChainDocument]:
        # BaseRetriever's own does not pass on what overrides the fields.
        sync = run_manager.get_sync()
        return await run_in_executor(None, self._get_relevant_documents, query, run_manager=sync, **overrides)


def _langchain_document(hit: Hit) -> LangChainDocument:
    p = hit.passage
    metadata = {
        "document_id": p.document_id,
        "title": hit.title,
        "heading": p.heading,
        "page": p.page,
        "start_char": p.start_char,
        "end_char": p.end_char,
        "score": hit.score,
        "rank": hit.rank,
    }
    identifier = f"{p.document_id}#{p.start_char}-{p.end_char}"
    return LangChainDocument(page_content=p.text, id=identifier, metadata=metadata)
