"""The endpoints for those who run the service: alive, ready, measured; none of them waits for a library or a model."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from rag.errors import LibraryEmpty, RagError
from rag.web.access import EVERY_LIBRARY, Role, caller_of
from rag.web.api_examples import HEALTH, METRICS
from rag.web.collections import DEFAULT
from rag.web.error_responses import Responses, beside_text, documented, error_response
from rag.web.figures import Figures
from rag.web.metrics import Metrics
from rag.web.named import check_role
from rag.web.queueing import gate_of

if TYPE_CHECKING:
    from rag.library import Library

router = APIRouter(tags=["service"])
# Health waits no longer for fresh figures.
FRESH_S = 0.5
# What cannot be got ready is tried again no more often.
AGAIN_S = 5.0
READY_AGAIN_S = 2
READY: Responses = {200: {"content": {"application/json": {"example": {"status": "ready"}}}}}
TEXT: Responses = {200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": METRICS}}}}


@router.get(
    "/health",
    summary="Whether the service answers, and what it holds",
    responses={200: {"content": {"application/json": {"example": HEALTH}}}},
)
async def health(request: Request) -> dict[str, Any]:
    """Return at once that the service is alive, and what the library ``default`` held when it was last seen."""
    caller = caller_of(request)
    if not caller.may(Role.READ, DEFAULT):
        return {"status": "ok"}
    figures: Figures = request.app.state.figures
    await asyncio.wait([asyncio.wrap_future(figures.look(DEFAULT))], timeout=FRESH_S)
    held = figures.seen(DEFAULT)
    if "path" in held and not caller.may(Role.ADMIN, EVERY_LIBRARY):
        held["path"] = PurePath(held["path"]).name
    return {"status": "ok", "statistics": held}


@router.get(
    "/ready",
    summary="Whether questions can be answered now",
    response_model=None,
    responses=READY | documented(503),
)
async def ready(request: Request) -> JSONResponse:
    """Return 200 once the library is open and its models are loaded, and 503 before."""
    readiness: Readiness = request.app.state.readiness
    readiness.begin()
    if readiness.is_ready:
        return JSONResponse({"status": "ready"})
    headers = {"Retry-After": str(READY_AGAIN_S)}
    return error_response(request, 503, readiness.reason, headers=headers)


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_model=None,
    response_class=Response,
    responses=TEXT | beside_text(403),
)
def metrics(request: Request) -> Response:
    """Return counts of requests and abstentions, latencies, and what the libraries hold, in Prometheus' text format."""
    check_role(request, Role.READ, EVERY_LIBRARY)
    measured: Metrics = request.app.state.metrics
    return Response(measured.text(gate_of(request)), media_type=measured.media_type)


class Readiness:
    """Whether a library is open and its models are loaded, which is done aside.

    Attributes:
        is_ready: Whether they are.
        reason: Why not.
    """

    def __init__(self, library: Library) -> None:
        """Take the library, which is not touched before `begin`."""
        self.is_ready = False
        self.reason = "the library is being opened and its models are being loaded; try again soon"
        self._library = library
        self._lock = threading.Lock()
        self._working = False
        self._tried_s = -AGAIN_S

    def begin(self) -> None:
        """Load what is not loaded, in a thread; nothing happens where that is done, under way, or has just failed."""
        with self._lock:
            if self.is_ready or self._working or time.monotonic() - self._tried_s < AGAIN_S:
                return
            self._working = True
        threading.Thread(target=self._load, name="rag-ready", daemon=True).start()

    def _load(self) -> None:
        try:
            self._library.warm_up()
            self.is_ready = True
        except LibraryEmpty:
            # It can be filled, and says so to those who ask.
            self.is_ready = True
        except RagError as error:
            self.reason = str(error)
        finally:
            self._tried_s = time.monotonic()
            self._working = False
