"""What stands before every route: who may ask what, how often, how much and how long; knows no answers and no pages."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from contextlib import suppress

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag import tracing
from rag.errors import AccessError
from rag.web import bodies, needed
from rag.web.access import refusal
from rag.web.guarded import Guarded
from rag.web.house import House
from rag.web.login import LOGIN_POLICY, login_page
from rag.web.origin import host_fault, origin_fault
from rag.web.queueing import Busy
from rag.web.roles import LOCAL, Caller
from rag.web.traces import caller_context


class Guard:
    """ASGI middleware: refuses what is not to be answered, and lets through the rest with a note of who asks."""

    def __init__(self, app: ASGIApp, house: House) -> None:
        """Wrap an application.

        Args:
            app: What answers.
            house: What the service consists of.
        """
        self.app = app
        self.house = house
        self._running: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            request = Guarded(self.house, scope, send)
            receive = bodies.ending(receive, self.house.closing)
            refused = self._refusal(request)
            with tracing.span(request.name, request.told, parent=caller_context(request.headers)) as span:
                try:
                    await (refused(scope, receive, request.send) if refused else self._answer(request, receive))
                finally:
                    request.log()
                    if span is not None:
                        span.set_attribute("http.response.status_code", request.status)
        else:  # no route here is a web socket
            await send({"type": "websocket.close", "code": 1008})

    def _refusal(self, request: Guarded) -> Response | None:
        """Return why a request is not answered, and nothing of what there is before it is known who asks."""
        house = self.house
        if fault := host_fault(request.headers.get("host", ""), names=house.names, addresses=house.addresses):
            return _error(400, fault)
        if fault := origin_fault(request.method, request.headers):
            return _error(403, fault)
        try:
            caller = house.known.caller(request.headers)
        except AccessError as error:
            return _error(503, str(error))
        return self._too_often(request, caller) or (self._unfit(request, caller) if caller else self._unknown(request))

    def _too_often(self, request: Guarded, caller: Caller | None) -> Response | None:
        wait_s = self.house.rate.take(request.counted_as(caller)) if needed.is_counted(request.path) else 0
        return _later(f"more than {self.house.rate.per_minute} requests a minute", wait_s) if wait_s else None

    def _unfit(self, request: Guarded, caller: Caller) -> Response | None:
        request.note(caller)
        if not request.route:
            return _error(404, "there is nothing here; GET /openapi.json lists what there is")
        role = needed.least_role(request.method, request.path)
        if not caller.may_anywhere(role):
            return _error(403, "this token may only read")
        if message := next(filter(None, (refusal(caller, role, name) for name in needed.libraries(request.scope))), ""):
            return _error(403, message)
        return _too_large(request) if bodies.announced_bytes(request.headers) > request.most_bytes else None

    def _unknown(self, request: Guarded) -> Response | None:
        if request.path == needed.LOGIN:
            request.note(Caller("nobody", {}))
            return _too_large(request) if bodies.announced_bytes(request.headers) > request.most_bytes else None
        if request.path == needed.HEALTH and request.method in ("GET", "HEAD"):
            return JSONResponse({"status": "ok"})
        challenge = {"www-authenticate": 'Bearer realm="leadgoose"'}
        if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            own = {"content-security-policy": LOGIN_POLICY, "vary": "accept"}
            return HTMLResponse(login_page(request.headers), status_code=401, headers=own)
        return _error(401, "this service needs a token: Authorization: Bearer TOKEN", challenge)

    async def _answer(self, request: Guarded, receive: Receive) -> None:
        """Answer within the time limit; what is not ready by then goes on alone, since no thread can be ended."""
        gone = asyncio.Event()
        receive = bodies.ending(bodies.limited(receive, request.most_bytes), gone)
        task = asyncio.create_task(self._answered(request, receive))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        begun = asyncio.ensure_future(request.begun.wait())
        limit_s = self.house.limits.begins_s if needed.is_timed(request.method, request.path) else None
        try:
            await asyncio.wait({task, begun}, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
            if task.done() or begun.done():
                await task
            else:
                gone.set()
                await request.give_up(_error(503, f"no answer within {limit_s:g} seconds"), receive)
        except asyncio.CancelledError:
            gone.set()
            task.cancel()
            raise
        finally:
            begun.cancel()

    async def _answered(self, request: Guarded, receive: Receive) -> None:
        try:
            if request.asks:
                await self._in_turn(request, receive)
            else:
                await self.app(request.scope, receive, request.send)
        except bodies.TooLarge as error:
            await _error(error.status_code, error.detail)(request.scope, receive, request.send)
        except Busy as busy:
            await _later(str(busy), busy.retry_after_s)(request.scope, receive, request.send)

    async def _in_turn(self, request: Guarded, receive: Receive) -> None:
        """Answer a question when it is its turn, unless its asker leaves before."""
        messages = await bodies.whole(receive)
        left = asyncio.ensure_future(receive())
        turn = asyncio.create_task(self._turn(request, bodies.again(messages, _then(left, receive)), messages))
        try:
            await asyncio.wait({left, turn}, return_when=asyncio.FIRST_COMPLETED)
            if not turn.done():
                request.abandon(turn)
            with suppress(asyncio.CancelledError):
                await turn
        except asyncio.CancelledError:
            turn.cancel()
            raise
        finally:
            left.cancel()

    async def _turn(self, request: Guarded, receive: Receive, body: list[Message]) -> None:
        async with self.house.gate.entered_async(request.caller or LOCAL.name) as place:
            request.place = request.state["place"] = place
            self.house.requests.question(request, body)
            await self.app(request.scope, receive, request.send)


def _then(first: asyncio.Future[Message], receive: Receive) -> Receive:
    async def receive_then() -> Message:
        return await (receive() if first.cancelled() else asyncio.shield(first))

    return receive_then


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"error": message}, status_code=status, headers=dict(headers or {}))


def _later(message: str, wait_s: float) -> Response:
    return _error(429, message, {"retry-after": str(max(1, math.ceil(wait_s)))})


def _too_large(request: Guarded) -> Response:
    return _error(413, f"more than {request.most_bytes:,} bytes were sent", {"connection": "close"})
