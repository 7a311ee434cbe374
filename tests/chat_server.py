"""An OpenAI-compatible chat server on loopback that speaks, misbehaves or obeys as it is told; real sockets."""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HARBOUR_REPLY = "The harbour of Norrwick employs 41 pilots [1]. They brought 6,200 ships into the port in 2022 [1]."


@dataclass
class Request:
    """One request as it came."""

    path: str
    authorization: str
    body: dict[str, Any]

    @property
    def prompt(self) -> str:
        """Everything that the model is told."""
        return "\n".join(m["content"] for m in self.body["messages"])


Behaviour = Callable[["Handler", Request], None]


class Handler(BaseHTTPRequestHandler):
    """Notes requests, and leaves the answer to the server's behaviour."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(length))
        request = Request(self.path, self.headers.get("authorization") or "", body)
        self.server.requests.append(request)
        self.close_connection = True
        with contextlib.suppress(OSError):  # whoever asked has gone, as it should
            self.server.behaviour(self, request)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def start(self, status: int = 200, kind: str = "text/event-stream", **headers: str) -> None:
        """Send the status and headers; the body ends when the connection does."""
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("connection", "close")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def say(self, text: str) -> None:
        """Send one piece of a streamed reply."""
        delta = {"role": "assistant", "content": text}
        self.event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})

    def end(self) -> None:
        """End a streamed reply."""
        self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        self.wfile.write(b"data: [DONE]\n\n")

    def event(self, data: Any) -> None:
        known = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "fake"}
        self.wfile.write(f"data: {json.dumps(known | data)}\n\n".encode())
        self.wfile.flush()

    def wait(self, seconds: float) -> None:
        """Wait, unless the server is closed meanwhile."""
        self.server.closing.wait(seconds)


class Server(ThreadingHTTPServer):
    """The server; `requests` are those that came, `behaviour` may be exchanged at any time."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, behaviour: Behaviour) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behaviour = behaviour
        self.requests: list[Request] = []
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        """Address to be set as ``chat_base_url``."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    @property
    def settings(self) -> dict[str, Any]:
        """Settings that make it the chat model, with a deadline that a busy machine keeps."""
        return {"chat_model": "fake", "chat_base_url": self.url, "chat_timeout_s": 120.0}

    def handle_error(self, *_: Any) -> None:
        """Say nothing when a client goes away."""


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[Server]:
    """A server for as long as the context lasts."""
    server = Server(behaviour)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


# -- behaviours -------------------------------------------------------------------------------------------------------


def says(text: str, *, piece_chars: int = 7, pause_s: float = 0.0) -> Behaviour:
    """A model that says a text, in pieces."""

    def behave(handler: Handler, _: Request) -> None:
        handler.start()
        for at in range(0, len(text), piece_chars):
            handler.say(text[at : at + piece_chars])
            handler.wait(pause_s) if pause_s else None
        handler.end()

    return behave


def refuses(status: int, **headers: str) -> Behaviour:
    """A server that answers with an error whose text repeats the key it was sent."""

    def behave(handler: Handler, request: Request) -> None:
        body = json.dumps(
            {"error": {"message": f"refused: {request.authorization}", "type": "x", "code": "y"}}
        ).encode()
        handler.start(status, "application/json", content_length=str(len(body)), **headers)
        handler.wfile.write(body)

    return behave


def sends(raw: bytes, kind: str = "text/event-stream") -> Behaviour:
    """A server that sends these bytes and closes."""

    def behave(handler: Handler, _: Request) -> None:
        handler.start(kind=kind)
        handler.wfile.write(raw)

    return behave


def hangs(handler: Handler, _: Request) -> None:
    """A server that accepts and says nothing."""
    handler.wait(60)


def falls_silent(handler: Handler, _: Request) -> None:
    """A model that stops in the middle of a sentence and keeps the connection."""
    handler.start()
    handler.say("The harbour of Norrwick employs 41 pilots [1]. They ")
    handler.wait(60)


def breaks_off(handler: Handler, _: Request) -> None:
    """A connection that is cut in the middle of a promised body."""
    handler.start(content_length="100000")
    handler.say("The harbour of Norrwick employs 41 pilots [1]. They ")


def trickles(handler: Handler, _: Request) -> None:
    """A model that sends a letter now and then, for ever."""
    handler.start()
    for letter in _for_ever("The harbour of Norrwick employs 41 pilots and "):
        handler.say(letter)
        handler.wait(0.1)


def comments(handler: Handler, _: Request) -> None:
    """A server that keeps the connection alive with comments and never says a word."""
    handler.start()
    while not handler.server.closing.is_set():
        handler.wfile.write(b": still here\n\n")
        handler.wait(0.05)


def never_ends(handler: Handler, _: Request) -> None:
    """A model that goes on with ever new words."""
    handler.start()
    number = 0
    while not handler.server.closing.is_set():
        number += 1
        handler.say(f"Harbour {number} of Norrwick employs {number * 7} pilots [1]. ")


def never_ends_a_line(handler: Handler, _: Request) -> None:
    """A server that sends one line without end."""
    handler.start()
    handler.wfile.write(b"data: ")
    while not handler.server.closing.is_set():
        handler.wfile.write(b"x" * 4096)
        handler.wait(0.002)


def goes_round(handler: Handler, _: Request) -> None:
    """A model caught in a loop."""
    handler.start()
    while not handler.server.closing.is_set():
        handler.say("The harbour of Norrwick employs 41 pilots [1]. ")
        handler.wait(0.005)


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """A server that behaves differently at each request, as the last of these from then on."""
    left = list(behaviours)

    def behave(handler: Handler, request: Request) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(handler, request)

    return behave


def obeys(handler: Handler, request: Request) -> None:
    """A model that does whatever it reads: it says what stands behind ``REPLY WITH:``, to the end of the line."""
    orders = re.findall(r"REPLY WITH: (.*)", request.prompt)
    says("\n".join(orders) or HARBOUR_REPLY)(handler, request)


def _for_ever(text: str) -> Iterator[str]:
    while True:
        yield from text


def elapsed(since_s: float) -> float:
    """Seconds since a moment on the monotonic clock."""
    return time.monotonic() - since_s
