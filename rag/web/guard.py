"""What stands before every route: who may ask what, how often, how much and how long; knows no answers and no pages."""

from __future__ import annotations

import asyncio
import math
import re
import secrets
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag import tracing
from rag.errors import AccessError
from rag.settings import Settings
from rag.web import bodies, needed
from rag.web.access import refusal
from rag.web.headers import is_page, page_policy, with_headers
from rag.web.known import Known
from rag.web.login import LOGIN_POLICY, login_page
from rag.web.origin import host_fault, is_forwarded, origin_fault
from rag.web.queueing import Busy, Gate, Place
from rag.web.rate import Rate
from rag.web.request_log import Requests
from rag.web.roles import LOCAL, Caller
from rag.web.traces import caller_context

REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Limits:
    """What requests may take.

    Attributes:
        body_bytes: Of what one sends.
        upload_bytes: Of what one sends where documents are uploaded.
        begins_s: Seconds until its answer begins.
    """

    body_bytes: int
    upload_bytes: int
    begins_s: float

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """Return those of settings."""
        upload = settings.serve_upload_mb * MEGABYTE
        return cls(settings.serve_body_mb * MEGABYTE, upload, settings.serve_timeout_s)


@dataclass(frozen=True)
class House:
    """What a service consists of beside its routes.

    Attributes:
        needed: Its paths.
        known: Who has a token or has logged in.
        gate: What questions pass.
        rate: How often each caller may ask.
        limits: What requests may take.
        requests: Where requests are logged.
        names: Names it is asked under.
        addresses: Whether it may be asked under any IP address.
        closing: Set when answers that still run are to end.
    """

    needed: needed.Needed
    known: Known
    gate: Gate
    rate: Rate
    limits: Limits
    requests: Requests
    names: Collection[str]
    addresses: bool = False
    closing: asyncio.Event = field(default_factory=asyncio.Event)


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
            request = _Request(self.house, scope, send)
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

    def _refusal(self, request: _Request) -> Response | None:
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

    def _too_often(self, request: _Request, caller: Caller | None) -> Response | None:
        wait_s = self.house.rate.take(request.counted_as(caller)) if needed.is_counted(request.path) else 0
        return _later(f"more than {self.house.rate.per_minute} requests a minute", wait_s) if wait_s else None

    def _unfit(self, request: _Request, caller: Caller) -> Response | None:
        request.note(caller)
        if not request.route:
            return _error(404, "there is nothing here; GET /openapi.json lists what there is")
        role = needed.least_role(request.method, request.path)
        if not caller.may_anywhere(role):
            return _error(403, "this token may only read")
        if message := next(filter(None, (refusal(caller, role, name) for name in needed.libraries(request.scope))), ""):
            return _error(403, message)
        return _too_large(request) if bodies.announced_bytes(request.headers) > request.most_bytes else None

    def _unknown(self, request: _Request) -> Response | None:
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

    async def _answer(self, request: _Request, receive: Receive) -> None:
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

    async def _answered(self, request: _Request, receive: Receive) -> None:
        try:
            if request.asks:
                await self._in_turn(request, receive)
            else:
                await self.app(request.scope, receive, request.send)
        except bodies.TooLarge as error:
            await _error(error.status_code, error.detail)(request.scope, receive, request.send)
        except Busy as busy:
            await _later(str(busy), busy.retry_after_s)(request.scope, receive, request.send)

    async def _in_turn(self, request: _Request, receive: Receive) -> None:
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

    async def _turn(self, request: _Request, receive: Receive, body: list[Message]) -> None:
        async with self.house.gate.entered_async(request.caller or LOCAL.name) as place:
            request.place = request.state["place"] = place
            self.house.requests.question(request, body)
            await self.app(request.scope, receive, request.send)


def _then(first: asyncio.Future[Message], receive: Receive) -> Receive:
    async def receive_then() -> Message:
        return await (receive() if first.cancelled() else asyncio.shield(first))

    return receive_then


class _Request:
    """A request on its way, and what was answered."""

    def __init__(self, house: House, scope: Scope, send: Send) -> None:
        self.started_s = time.perf_counter()
        self.requests = house.requests
        self.headers: Mapping[str, str] = _headers(scope)
        self.scope: Scope = {**scope, "headers": [h for h in scope["headers"] if not is_forwarded(h[0])]}
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.route = house.needed.route(scope)
        self.address: str = (scope.get("client") or ("",))[0]
        given = self.headers.get("x-request-id", "")
        self.id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        self.caller = ""
        self.status = 0
        self.over = False
        self._head: Message | None = None
        self._page: list[bytes] = []
        self.begun = asyncio.Event()
        self.place: Place | None = None
        self.asks = self.method == "POST" and self.path in needed.ASKING
        upload = self.path in needed.UPLOADS
        self.most_bytes = house.limits.upload_bytes if upload else house.limits.body_bytes
        self.state: dict[str, Any] = self.scope.setdefault("state", {})
        self.state |= {"gate": house.gate, "request_id": self.id, "log": house.requests}
        self._https = scope.get("scheme") == "https"
        self._send = send

    @property
    def name(self) -> str:
        """What a trace calls it."""
        return f"{self.method} {self.route}".rstrip()

    @property
    def told(self) -> dict[str, str]:
        """What a trace tells of it."""
        return {"http.request.method": self.method, "http.route": self.route, "rag.request_id": self.id}

    def note(self, caller: Caller) -> None:
        """Note who asks, for all that comes after."""
        self.caller = caller.name
        self.state["caller"] = caller

    def counted_as(self, caller: Caller | None) -> str:
        """Return under what name a request counts: that of a token, or else the address that it came from."""
        return caller.name if caller and caller is not LOCAL else f"address {self.address}"

    def abandon(self, turn: asyncio.Task[None]) -> None:
        """Let nobody wait for the answer: it leaves the line, or hears of it between what is made of it."""
        if self.place:
            self.place.cancel()
        else:
            turn.cancel()

    async def give_up(self, response: Response, receive: Receive) -> None:
        """Send a response in place of one that has not begun, which is not sent any more."""
        self.over = True
        await response(self.scope, receive, self._send_on)

    async def send(self, message: Message) -> None:
        """Send a part of the response, with what browsers are told; nothing once it was given up."""
        if self.over:
            return
        if message["type"] == "http.response.start" and is_page(message):
            self._head = message
        await (self._send_page(message) if self._head else self._send_on(message))

    async def _send_on(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.begun.set()
            kept = needed.may_be_kept(self.path) and self.status == 200
            message = with_headers(message, https=self._https, request_id=self.id, kept=kept)
        await self._send(message)

    async def _send_page(self, message: Message) -> None:
        """Send a page once it is whole, since what stands in it decides what may run."""
        if message["type"] == "http.response.body":
            self._page.append(message.get("body", b""))
        if message["type"] != "http.response.body" or message.get("more_body") or self._head is None:
            return
        html, head, self._head = b"".join(self._page), self._head, None
        policy = (b"content-security-policy", page_policy(html).encode())
        await self._send_on({**head, "headers": [*head["headers"], policy]})
        await self._send_on({"type": "http.response.body", "body": html})

    def log(self) -> None:
        """Log what became of it."""
        if needed.is_counted(self.path):
            self.requests.answered(self, seconds=time.perf_counter() - self.started_s)


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"error": message}, status_code=status, headers=dict(headers or {}))


def _later(message: str, wait_s: float) -> Response:
    return _error(429, message, {"retry-after": str(max(1, math.ceil(wait_s)))})


def _too_large(request: _Request) -> Response:
    return _error(413, f"more than {request.most_bytes:,} bytes were sent", {"connection": "close"})
