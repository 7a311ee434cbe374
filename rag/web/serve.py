"""One process, one address: the HTTP API and the chat page over a library; knows sockets and headers, not answers."""

from __future__ import annotations

import contextlib
import socket
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse

from rag.errors import RagError
from rag.web.api import create_api
from rag.web.collections import Collections
from rag.web.ui import create_page, mount_page

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from rag.library import Library

LOCAL = ("127.0.0.1", "localhost")
# What the page itself asks for. Gradio has many more routes: files, uploads, a proxy, records of past calls.
PAGE_PATHS = frozenset(
    {"/", "/documents", "/quality", "/config", "/theme.css", "/manifest.json", "/favicon.ico", "/robots.txt"}
)
PAGE_CALLS = frozenset(f"/gradio_api/{name}" for name in ("queue/join", "queue/data", "run/predict", "cancel", "reset"))
PAGE_FOLDERS = ("/assets/", "/static/", "/gradio_api/heartbeat/")
API_PATHS = ("/v1/", "/health", "/ready", "/metrics", "/openapi.json")
# Gradio compiles its templates in the browser, hence unsafe-eval; no resource of any other host is ever loaded.
POLICY = (
    "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'; object-src 'none'"
)


class OnlyWhatIsNeeded:
    """ASGI middleware: 404 for every path that neither the page nor the API needs, and no resources of other hosts."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap ``app``."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                policy = [(b"content-security-policy", POLICY.encode()), (b"x-content-type-options", b"nosniff")]
                message = {**message, "headers": [*message["headers"], *policy]}
            await send(message)

        allowed = scope["type"] == "http" and _is_needed(scope["path"])
        target = self.app if allowed else PlainTextResponse("not found", status_code=404)
        await target(scope, receive, send_with_policy)


def create_app(collections: Collections, *, host: str = "127.0.0.1", examples: Sequence[str] | None = None) -> FastAPI:
    """Return the API of libraries with the pages at ``/``.

    Args:
        collections: What is asked.
        host: The address it will be served at. On this machine's own addresses, requests that name another host are
            refused, so that no web site can read the documents through the browser by pointing its name here.
        examples: Questions the page offers at the start.

    Returns:
        The application, ready for a server.
    """
    app = create_api(collections)
    mount_page(app, create_page(collections, examples=examples))
    app.add_middleware(OnlyWhatIsNeeded)
    if host in LOCAL:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(LOCAL), www_redirect=False)
    return app


def serve(
    library: Library,
    *,
    host: str = "127.0.0.1",
    port: int = 7860,
    open_browser: bool = False,
    examples: Sequence[str] | None = None,
    root: Path | None = None,
) -> None:
    """Serve the chat page and the HTTP API until interrupted.

    Args:
        library: What is asked.
        host: Address to listen on; by default this machine alone can connect.
        port: Port to listen on; 0 takes a free one.
        open_browser: Whether to open the page in the default browser once it is ready.
        examples: Questions the page offers at the start; ``None`` offers some that the library is seen to answer.
        root: Folder of further libraries, each served under the name of its subfolder; ``None`` for none.

    Raises:
        RagError: The address cannot be listened on, or the library cannot answer.
    """
    with _listen(host, port) as listener, Collections(library, root=root) as collections:
        library.warm_up()  # what is wrong with it is said now, and the first question need not wait
        app = create_app(collections, host=host, examples=examples)
        config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1, server_header=False)
        server = _AnnouncingServer(config, _address(listener), open_browser=open_browser)
        with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C is the way to end it, not an error
            server.run(sockets=[listener])


class _AnnouncingServer(uvicorn.Server):
    """A server that says where it is once it answers, not before."""

    def __init__(self, config: uvicorn.Config, address: str, *, open_browser: bool) -> None:
        super().__init__(config)
        self.address = address
        self.open_browser = open_browser

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        sys.stderr.write(f"leadgoose is ready at {self.address} (Ctrl-C ends it)\n")
        sys.stderr.flush()
        if self.open_browser:
            webbrowser.open(self.address)


def _is_needed(path: str) -> bool:
    exact = path in PAGE_PATHS or path in PAGE_CALLS
    return exact or path.startswith(PAGE_FOLDERS) or path.startswith(API_PATHS)


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65_535:
        raise RagError(f"port {port} does not exist: ports go from 0 to 65535; choose one with --port")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (")[0]  # what follows repeats the address
        raise RagError(f"cannot listen on {host}:{port}: {reason}; choose a free port with --port") from error


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
