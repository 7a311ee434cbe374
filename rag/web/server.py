"""The server of one process: says where it is once it answers, and ends as those who still wait would have it."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

import uvicorn
from anyio import to_thread

from rag.errors import RagError

if TYPE_CHECKING:
    from rag.web.house import House

# What is left of connections after answers have ended or were cancelled: to send what they hold.
CLOSING_S = 2
LOOK_S = 0.05


class Server(uvicorn.Server):
    """Ends in order: takes nothing new, lets answers end, cancels those that take longer, and then closes."""

    def __init__(self, config: uvicorn.Config, house: House, *, address: str, grace_s: float, browser: bool) -> None:
        """Prepare it.

        Args:
            config: Of the server below.
            house: Of the service.
            address: Where it will be.
            grace_s: Seconds that answers may take once it ends.
            browser: Whether to show the page.
        """
        super().__init__(config)
        self.house = house
        self.address = address
        self.grace_s = grace_s
        self.browser = browser

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin, and say so."""
        # Questions of the page wait for their turn in these threads, which others need besides.
        gate = self.house.gate
        to_thread.current_default_thread_limiter().total_tokens += gate.askers + gate.queue
        await super().startup(sockets=sockets)
        sys.stderr.write(f"leadgoose is ready at {self.address} (Ctrl-C ends it)\n")
        sys.stderr.flush()
        if self.browser:
            webbrowser.open(self.address)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End, in the order above; a second Ctrl-C does not wait for answers."""
        for server in self.servers:
            server.close()
        self.house.gate.close()
        ends_s = time.monotonic() + self.grace_s
        while not self.house.gate.idle and time.monotonic() < ends_s and not self.force_exit:
            await asyncio.sleep(LOOK_S)
        self.house.gate.cancel()
        self.house.closing.set()
        await super().shutdown(sockets=sockets)


def configuration(app: Any, *, proxies: list[str]) -> uvicorn.Config:
    """Return how an application is served.

    Args:
        app: The application.
        proxies: Addresses whose word is taken for who asks and by what scheme; nobody else's is.

    Returns:
        The configuration.
    """
    trusted: dict[str, Any] = {"proxy_headers": bool(proxies), "forwarded_allow_ips": proxies}
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=CLOSING_S,
        server_header=False,
        ws="none",
        h11_max_incomplete_event_size=64 * 1024,
        **trusted,
    )


@contextmanager
def ending_quietly() -> Iterator[None]:
    """Let SIGTERM, which is how services are ended, and Ctrl-C end what runs inside, neither of them an error."""
    former: Any = None

    def end(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        former = signal.signal(signal.SIGTERM, end)
    except ValueError:  # not the main thread, which alone hears signals
        former = None
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        if former is not None:
            signal.signal(signal.SIGTERM, former)


def listen(host: str, port: int) -> socket.socket:
    """Return what hears at an address; who connects waits until a server takes it up.

    Args:
        host: Name or address of this machine.
        port: 0 for a free one.

    Returns:
        The listening socket.

    Raises:
        RagError: The address cannot be listened on.
    """
    if not 0 <= port <= 65_535:
        raise RagError(f"port {port} does not exist: ports go from 0 to 65535; choose one with --port")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (")[0]  # what follows repeats the address
        raise RagError(f"cannot listen on {host}:{port}: {reason}; choose a free port with --port") from error


def address_of(listener: socket.socket) -> str:
    """Return the address of a listening socket, as browsers write it."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
