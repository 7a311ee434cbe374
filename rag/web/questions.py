"""The endpoints that ask: an answer at once or as it grows, and ranked passages; know no stage of a question."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from rag.errors import LibraryChanged, RagError
from rag.library import Library
from rag.schema import Answer
from rag.web.answer_body import EXAMPLE, AnswerBody, HitsBody
from rag.web.asked import AskRequest, SearchRequest
from rag.web.collections import DEFAULT
from rag.web.error_responses import Responses, documented, public, returns
from rag.web.metrics import Stopwatch
from rag.web.named import Readable
from rag.web.queueing import asking
from rag.web.running import Runner, while_connected
from rag.web.sse import COMMENT, IDLE_S, event, event_stream

router = APIRouter(tags=["questions"])
EVENTS = "event: partial\ndata: {…an answer that lacks its end…}\n\nevent: answer\ndata: {…the answer…}\n\n"
ANSWERED: Responses = {
    200: {
        "model": AnswerBody,
        "description": "The answer; as events, `partial` ones with what there is so far and one `answer` at the end, "
        "or `error` in its place",
        "content": {
            "application/json": {"example": EXAMPLE},
            "text/event-stream": {"example": EVENTS},
        },
    }
}


@router.post(
    "/v1/ask",
    summary="Answer a question with exact citations",
    response_model=None,
    responses=ANSWERED | documented(403, 404, 409, 422, 429, 503),
)
async def ask(asked: AskRequest, request: Request, library: Readable) -> Response:
    """Return the answer as JSON, or as Server-Sent Events; when the client leaves, the question is given up."""
    runner: Runner = request.app.state.runner
    history, watch = asked.answers(), Stopwatch()
    if asked.stream or accepts_events(request):
        snapshots = growing(request, library, asked, history)
        # What is wrong with the question is a status, not an event.
        first = await while_connected(request, anext(snapshots))
        return event_stream(_events(request, first, snapshots, watch))
    answer = await while_connected(
        request,
        runner.result(
            request,
            lambda: library.ask(asked.question, threshold=asked.threshold, filters=asked.filters, history=history),
        ),
    )
    _count(request, answer, watch)
    return JSONResponse(answer.to_dict())


@router.post(
    "/v1/search",
    summary="Rank passages",
    response_model=None,
    responses=returns(HitsBody, 403, 404, 409, 422, 429, 503),
)
def search(asked: SearchRequest, request: Request, library: Readable) -> JSONResponse:
    """Return the best passages for a query, best first."""
    with asking(request):
        hits = library.search(asked.query, asked.k, filters=asked.filters)
    return JSONResponse({"hits": [hit.to_dict() for hit in hits]})


def accepts_events(request: Request) -> bool:
    """Tell whether a client asks for events rather than JSON."""
    return "text/event-stream" in request.headers.get("accept", "")


def growing(
    request: Request, library: Library, asked: AskRequest, history: list[Answer]
) -> AsyncGenerator[Answer | None, None]:
    """Return an answer as it grows, and ``None`` now and then while nothing comes.

    Args:
        request: What asks.
        library: What is asked.
        asked: The question.
        history: The answers before it.

    Returns:
        Snapshots, the last of which is complete.
    """

    def produce() -> Iterator[Answer]:
        options: dict[str, Any] = {"threshold": asked.threshold, "filters": asked.filters, "history": history}
        try:
            yield from library.stream(asked.question, **options)
        except LibraryChanged:
            # Whoever reads a stream cannot be told to ask again any better than we can do it.
            yield library.ask(asked.question, **options)

    runner: Runner = request.app.state.runner
    return runner.growing(request, produce, idle_s=IDLE_S)


async def _events(
    request: Request, first: Answer | None, snapshots: AsyncGenerator[Answer | None, None], watch: Stopwatch
) -> AsyncIterator[bytes]:
    last = first
    try:
        yield event(first.to_dict(), "partial") if first else COMMENT
        async with aclosing(snapshots):
            async for snapshot in snapshots:
                last = snapshot or last
                yield event(snapshot.to_dict(), "partial") if snapshot else COMMENT
    except RagError as error:
        yield event({"error": public(request, str(error))}, "error")
        return
    if last:
        _count(request, last, watch)
        yield event(last.to_dict(), "answer")


def _count(request: Request, answer: Answer, watch: Stopwatch) -> None:
    library = request.query_params.get("library", DEFAULT)
    request.app.state.metrics.answered(answer, library=library, surface="api", seconds=watch.seconds)
