"""A request on its way through the guard, and what was answered; knows not who may do what."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from rag.web import needed
from rag.web.headers import is_page, page_policy, with_headers
from rag.web.house import House
from rag.web.origin import is_forwarded
from rag.web.queueing import Place
from rag.web.roles import LOCAL, Caller

REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


class Guarded:
    """A request on its way, and what was answered."""

    def __init__(self, house: House, scope: Scope, send: Send) -> None:
        """Take a request in.

        Args:
            house: What the service consists of.
            scope: What was asked.
            send: Sends a part of the response to who asked.
        """
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
