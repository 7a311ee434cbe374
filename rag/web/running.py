"""Blocking work for requests: in threads of their own number, growing as it comes, ended when whoever asked leaves."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, suppress
from typing import Generic, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import HTTPException, Request

from rag.abandon import Abandoned, abandonable

T = TypeVar("T")
# Questions under way at once; beyond them questions wait, while lists, uploads and pages have threads of their own.
MOST_RUNNING = 64
# What servers before us note for a request whose client closed the connection; nobody is left to read it.
CLIENT_LEFT = 499


class Runner:
    """Threads for questions; one for each service.

    Attributes:
        running: How many are at work now, waiting ones included.
    """

    def __init__(self, most: int = MOST_RUNNING) -> None:
        """Make room.

        Args:
            most: How many may be at work at the same time.
        """
        self.running = 0
        self._limiter = CapacityLimiter(most)

    async def growing(
        self, produce: Callable[[], Iterator[T]], *, idle_s: float = 0.0
    ) -> AsyncGenerator[T | None, None]:
        """Yield what an iterator yields in a thread; closing this ends the thread's work.

        Args:
            produce: Returns the iterator.
            idle_s: Yield ``None`` whenever nothing has come for so many seconds; never if 0.

        Yields:
            The values, as they come.
        """
        work = _Work[T](asyncio.get_running_loop())
        self.running += 1
        task = asyncio.ensure_future(
            to_thread.run_sync(work.run, produce, abandon_on_cancel=True, limiter=self._limiter)
        )
        try:
            while True:
                try:
                    async with asyncio.timeout(idle_s or None):
                        kind, value, error = await work.values.get()
                except TimeoutError:
                    yield None
                    continue
                if error:
                    raise error
                if kind == "end":
                    return
                yield value
        finally:
            self.running -= 1
            work.gone.set()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def result(self, produce: Callable[[], T]) -> T:
        """Return what a function returns in a thread; cancelling this ends its work.

        Args:
            produce: The function.

        Returns:
            Its value.
        """
        async with aclosing(self.growing(lambda: iter([produce()]))) as values:
            async for value in values:
                return value  # type: ignore[return-value]
        raise RuntimeError("nothing was produced")


class _Work(Generic[T]):
    """What a thread produces, handed to an event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.gone = threading.Event()
        self.values: asyncio.Queue[tuple[str, T | None, Exception | None]] = asyncio.Queue()
        self._loop = loop

    def run(self, produce: Callable[[], Iterator[T]]) -> None:
        try:
            with abandonable(self.gone):
                for value in produce():
                    self._put(("value", value, None))
                    if self.gone.is_set():
                        return
            self._put(("end", None, None))
        except Abandoned:
            return
        except Exception as error:  # noqa: BLE001 (raised again where it is waited for)
            self._put(("error", None, error))

    def _put(self, item: tuple[str, T | None, Exception | None]) -> None:
        with suppress(RuntimeError):  # the loop has ended, and nobody waits
            self._loop.call_soon_threadsafe(self.values.put_nowait, item)


async def while_connected(request: Request, work: Awaitable[T]) -> T:
    """Return what work comes to, unless the client leaves before; then it is cancelled.

    Args:
        request: The request, whose body has been read.
        work: What it waits for.

    Returns:
        Its value.

    Raises:
        HTTPException: The client has left.
    """
    task, left = asyncio.ensure_future(work), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({task, left}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise HTTPException(CLIENT_LEFT, "the client left before there was an answer")
    finally:
        for waiting in (left, task):
            waiting.cancel()
        await asyncio.gather(left, task, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
