"""The tools that programs are given over the Model Context Protocol; knows libraries, not how messages travel."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from anyio import to_thread
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rag.errors import AccessError, LibraryEmpty, RagError, SpanError
from rag.schema import Answer, Hit
from rag.web.access import LOCAL, Caller, Role, caller_of, refusal
from rag.web.answer_body import AnswerBody, HitsBody
from rag.web.asked import MOST_HISTORY, EarlierAnswer, Filters, Text
from rag.web.collections import DEFAULT
from rag.web.discreet import shown_source, told
from rag.web.excerpt import MOST_CONTEXT, ExcerptBody, excerpt
from rag.web.marked import marked_text, sources_text
from rag.web.matching import matching
from rag.web.running import Runner

if TYPE_CHECKING:
    from rag.library import Library
    from rag.web.collections import Collections

Library_ = Annotated[Text, Field(description="Name of the library; leave it out for the default one")]
SHOWN_CHARS = 500


class Ask(BaseModel):
    """Answer a question from the documents, with citations to the exact source passages, or say that they do not.

    The answer's text is made of what the documents say; open a citation with open_source to read around it.
    """

    model_config = ConfigDict(extra="forbid")
    question: Text
    library: Library_ = DEFAULT
    threshold: Annotated[float, Field(ge=0, le=1, description="Confidence below which it abstains")] | None = None
    filters: Filters | None = None
    history: Annotated[
        list[EarlierAnswer], Field(max_length=MOST_HISTORY, description="Earlier answers, for a follow-up")
    ] = []


class Search(BaseModel):
    """Find the passages that fit a query best."""

    model_config = ConfigDict(extra="forbid")
    query: Text
    k: Annotated[int, Field(ge=1, le=100)] = 10
    library: Library_ = DEFAULT
    filters: Filters | None = None


class OpenSource(BaseModel):
    """Read a span of a document, as a citation or a passage names it, with the text before and after it."""

    model_config = ConfigDict(extra="forbid")
    document_id: Text
    start_char: Annotated[int, Field(ge=0, le=2**53)]
    end_char: Annotated[int, Field(ge=0, le=2**53)]
    context: Annotated[int, Field(ge=0, le=MOST_CONTEXT, description="Characters before and after it")] = 1_000
    library: Library_ = DEFAULT


class ListDocuments(BaseModel):
    """List the documents of a library: ids, titles, dates, sizes."""

    model_config = ConfigDict(extra="forbid")
    query: Annotated[Text, Field(description="Only those whose title or id holds this text")] = ""
    offset: Annotated[int, Field(ge=0, le=2**53)] = 0
    limit: Annotated[int, Field(ge=1, le=1_000)] = 100
    library: Library_ = DEFAULT


class DocumentsBody(BaseModel):
    """Documents by id, and how many there are in all."""

    documents: list[dict[str, Any]]
    total: int


# Text for who reads nothing else, and the whole as JSON values.
Result = tuple[str, dict[str, Any]]
Work = Callable[["Tools", Any, Any], Awaitable[Result]]


class ToolError(Exception):
    """A call that cannot be answered; the message is for whoever called."""


class Tools:
    """What the tools do with the libraries of one service."""

    def __init__(self, collections: Collections, runner: Runner | None = None) -> None:
        """Take the libraries.

        Args:
            collections: The libraries.
            runner: The service's threads; ``None`` for some of its own.
        """
        self._collections = collections
        self._runner = runner or Runner()

    async def call(self, name: str, arguments: dict[str, Any], request: Any) -> Result:
        """Call a tool; when the call is cancelled, so is what it does.

        Args:
            name: The tool.
            arguments: What it is called with.
            request: The HTTP request, which tells who calls; ``None`` for whoever started this process.

        Returns:
            Text, and the same as JSON values.

        Raises:
            ToolError: There is no such tool, the arguments cannot be used, or the world is wrong.
        """
        if name not in TOOLS:
            raise ToolError(f"no tool {name!r}; there are {', '.join(TOOLS)}")
        kind, work, _ = TOOLS[name]
        caller = _caller(request)
        try:
            asked = kind.model_validate(arguments)
            if message := refusal(caller, Role.READ, asked.library):  # type: ignore[attr-defined]
                raise AccessError(message)
            return await work(self, asked, request)
        except ValidationError as error:
            named = (f"{'.'.join(map(str, e['loc'])) or 'arguments'}: {e['msg']}" for e in error.errors())
            raise ToolError("; ".join(named)) from None
        except RagError as error:
            raise ToolError(told(caller, str(error))) from None

    async def ask(self, asked: Ask, request: Any) -> Result:
        """Answer a question."""
        library = await self._library(asked.library)
        history = [earlier.answer() for earlier in asked.history]
        options: dict[str, Any] = {"threshold": asked.threshold, "filters": asked.filters, "history": history}
        answer: Answer = await self._runner.result(request, lambda: library.ask(asked.question, **options))
        return marked_text(answer) + sources_text(answer), answer.to_dict()

    async def search(self, asked: Search, request: Any) -> Result:
        """Rank passages."""
        library = await self._library(asked.library)
        hits: list[Hit] = await self._runner.result(
            request, lambda: library.search(asked.query, asked.k, filters=asked.filters)
        )
        return "\n\n".join(map(_hit_text, hits)) or "nothing found", {"hits": [hit.to_dict() for hit in hits]}

    async def open_source(self, asked: OpenSource, _request: Any) -> Result:
        """Read a span."""
        library = await self._library(asked.library)
        found = await to_thread.run_sync(_open, library, asked)
        return found["before"] + found["text"] + found["after"], found

    async def list_documents(self, asked: ListDocuments, request: Any) -> Result:
        """List documents."""
        library = await self._library(asked.library)
        found = await to_thread.run_sync(_list, library, asked, _caller(request))
        lines = (f"{d['id']}\t{d['date'] or '-'}\t{d['title']}" for d in found["documents"])
        return "\n".join(lines) or "no documents", found

    async def _library(self, name: str) -> Library:
        return await to_thread.run_sync(self._collections.library, name)


# By name: what it is called with, what it does, and what comes out.
TOOLS: dict[str, tuple[type[BaseModel], Work, type[BaseModel]]] = {
    "ask": (Ask, Tools.ask, AnswerBody),
    "search": (Search, Tools.search, HitsBody),
    "open_source": (OpenSource, Tools.open_source, ExcerptBody),
    "list_documents": (ListDocuments, Tools.list_documents, DocumentsBody),
}


def _open(library: Library, asked: OpenSource) -> dict[str, Any]:
    try:
        document = library.document(asked.document_id)
    except (KeyError, LibraryEmpty):
        raise SpanError(f"no document {asked.document_id!r} in this library; list_documents shows the ids") from None
    return excerpt(library, document, asked.start_char, asked.end_char, context=asked.context)


def _caller(request: Any) -> Caller:
    return LOCAL if request is None else caller_of(request)


def _list(library: Library, asked: ListDocuments, caller: Caller) -> dict[str, Any]:
    found = matching(library, asked.query)
    page = found[asked.offset : asked.offset + asked.limit]
    listed = [asdict(one) | {"source": shown_source(caller, asked.library, one.source)} for one in page]
    return {"documents": listed, "total": len(found)}


def _hit_text(hit: Hit) -> str:
    passage = hit.passage
    place = f"{passage.document_id}:{passage.start_char}-{passage.end_char}"
    return f"{hit.rank}. {place} {hit.title}\n{passage.text[:SHOWN_CHARS]}"
