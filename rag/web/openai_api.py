"""The endpoints that OpenAI's clients know, so that any of them can ask: chat completions and models.

A model is a library. What a chat says before its last question becomes the conversation that a follow-up is read in.

Reference: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse, Response

from rag.errors import RagError
from rag.library import Library
from rag.schema import Answer
from rag.web.access import Role, caller_of
from rag.web.collections import DEFAULT
from rag.web.error_responses import openai_error, public, status_of
from rag.web.marked import marked_text, sources_text
from rag.web.metrics import Stopwatch
from rag.web.named import check_role, collections_of
from rag.web.openai_bodies import ERRORS, EXAMPLE, MODEL, ChatRequest, Completion, Model, Models
from rag.web.questions import growing
from rag.web.running import while_connected
from rag.web.sse import COMMENT, event, event_stream

router = APIRouter(tags=["OpenAI-compatible"])
Snapshots = AsyncGenerator[Answer | None, None]


@router.post(
    "/v1/chat/completions",
    summary="Answer the last message of a chat",
    response_model=None,
    responses={
        200: {
            "model": Completion,
            "content": {
                "application/json": {"example": EXAMPLE},
                "text/event-stream": {"example": "data: {…}\n\ndata: [DONE]\n\n"},
            },
        },
        **ERRORS,
    },
)
async def complete(chat: ChatRequest, request: Request) -> Response:
    """Return a chat completion, or its chunks with ``stream``; the extra field ``leadgoose`` is the answer object."""
    name = library_name(chat.model)
    check_role(request, Role.READ, name)
    asked, history = chat.asked()
    library = await to_thread.run_sync(collections_of(request).library, name)
    reply = _Reply(chat, request, library, name)
    snapshots = growing(request, library, asked, history)
    if chat.stream:
        first = await while_connected(request, anext(snapshots))
        return event_stream(reply.chunks(first, snapshots))
    answer = await while_connected(request, _last(snapshots))
    return JSONResponse(reply.whole(answer))


@router.get("/v1/models", summary="List the models", response_model=None, responses={200: {"model": Models}})
def models(request: Request) -> JSONResponse:
    """Return one model for each library that the caller may read."""
    caller = caller_of(request)
    names = [name for name in collections_of(request).names() if caller.may(Role.READ, name)]
    return JSONResponse({"object": "list", "data": [_model(name) for name in names]})


@router.get(
    "/v1/models/{model:path}",
    summary="One model",
    response_model=None,
    responses={200: {"model": Model}, 400: ERRORS[400], 403: ERRORS[403], 404: ERRORS[404]},
)
def model(model: str, request: Request) -> JSONResponse:
    """Return the model of a library."""
    name = library_name(model)
    check_role(request, Role.READ, name)
    if name not in collections_of(request).names():
        raise HTTPException(404, f"no model {model!r}; GET /v1/models lists them")
    return JSONResponse(_model(name))


def library_name(model: str) -> str:
    """Return the name of the library that a model is.

    Args:
        model: ``leadgoose`` for the default one, ``leadgoose/NAME`` for another.

    Returns:
        The name; there need not be a library of it.

    Raises:
        HTTPException: It is no model of ours.
    """
    if model == MODEL:
        return DEFAULT
    prefix, _, name = model.partition("/")
    if prefix != MODEL or not name:
        raise HTTPException(404, f"no model {model!r}; GET /v1/models lists them")
    return name


def _model(name: str) -> dict[str, Any]:
    shown = MODEL if name == DEFAULT else f"{MODEL}/{name}"
    return {"id": shown, "object": "model", "created": 0, "owned_by": MODEL}


async def _last(snapshots: AsyncGenerator[Answer | None, None]) -> Answer:
    last = None
    async for snapshot in snapshots:
        last = snapshot or last
    if last is None:
        raise RuntimeError("there was no answer")
    return last


class _Reply:
    """The reply to one chat, whole or in chunks."""

    def __init__(self, chat: ChatRequest, request: Request, library: Library, name: str) -> None:
        self.chat = chat
        self.request = request
        self.name = name
        # What a chat model is about to replace is not shown: what was sent cannot be taken back.
        self.provisional = "extractive" if library.settings.chat_model else ""
        self.head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": chat.model}
        self.watch = Stopwatch()

    def whole(self, answer: Answer) -> dict[str, Any]:
        message = {"role": "assistant", "content": self._text(answer), "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        self._count(answer)
        return {**self.head, "object": "chat.completion", "choices": [choice], "leadgoose": answer.to_dict()}

    async def chunks(self, first: Answer | None, snapshots: Snapshots) -> AsyncIterator[bytes]:
        sent, last = "", first
        try:
            yield self._chunk({"role": "assistant", "content": ""})
            async with aclosing(snapshots):
                async for snapshot in snapshots:
                    last = snapshot or last
                    more = self._more(snapshot, sent) if snapshot else ""
                    sent += more
                    yield self._chunk({"content": more}) if more else COMMENT
        except RagError as error:
            yield event({"error": openai_error(status_of(error), public(self.request, str(error)))})
            return
        if last:
            text = self._text(last)
            # Hardly ever is what was sent not how the answer begins; then it stands below that, whole.
            rest = text[len(sent) :] if text.startswith(sent) else f"\n\n{text}"
            yield self._chunk({"content": rest})
            yield self._chunk({}, finish_reason="stop", leadgoose=last.to_dict())
            self._count(last)
        yield b"data: [DONE]\n\n"

    def _more(self, snapshot: Answer, sent: str) -> str:
        """Return what a snapshot says beyond what was sent."""
        if snapshot.abstained or snapshot.models.get("answerer") == self.provisional:
            return ""
        text = marked_text(snapshot)
        return text[len(sent) :] if text.startswith(sent) else ""

    def _text(self, answer: Answer) -> str:
        return marked_text(answer) + (sources_text(answer) if self.chat.sources else "")

    def _chunk(self, delta: dict[str, Any], *, finish_reason: str | None = None, **extra: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
        return event({**self.head, "object": "chat.completion.chunk", "choices": [choice], **extra})

    def _count(self, answer: Answer) -> None:
        self.request.app.state.metrics.answered(answer, library=self.name, surface="openai", seconds=self.watch.seconds)
