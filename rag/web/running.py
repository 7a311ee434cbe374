"""Blocking work for requests: in threads of their own number, growing as it comes, ended when whoever asked leaves."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any, Generic, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import HTTPException, Request

from rag.abandon import Abandoned, abandonable, check
from rag.web.queueing import UNGUARDED, Cancelled, Place, asker_of, gate_of
from rag.web.roles import LOCAL

T = TypeVar("T")
# More than a gate lets in; lists, uploads and pages have threads of their own, so that no question keeps them waiting.
MOST_RUNNING = 64
# What servers before us note for a request whose client closed the connection; nobody is left to read it.
CLIENT_LEFT = 499


class Runner:
    """Threads for questions; one for each service. How many are asked at once is the gate's to say."""

    def __init__(self, most: int = MOST_RUNNING) -> None:
        """Make room.

        Args:
            most: How many may be at work at the same time.
        """
        self._limiter = CapacityLimiter(most)

    async def growing(
        self, request: Any, produce: Callable[[], Iterator[T]], *, idle_s: float = 0.0
    ) -> AsyncGenerator[T | None, None]:
        """Yield what an iterator yields in a thread, in its turn; closing this ends the thread's work.

        Args:
            request: Holds a place among the questions, or takes one.
            produce: Returns the iterator.
            idle_s: Yield ``None`` whenever nothing has come for so many seconds; never if 0.

        Yields:
            The values, as they come.

        Raises:
            Busy: Too many questions wait already.
            Cancelled: The service ends before the iterator does.
        """
        async with _placed(request) as place:
            work = _Work[T](asyncio.get_running_loop(), place)
            task = asyncio.ensure_future(
                to_thread.run_sync(work.run, produce, abandon_on_cancel=True, limiter=self._limiter)
            )
            try:
                async for value in work.came(idle_s):
                    yield value
            finally:
                work.gone.set()
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def result(self, request: Any, produce: Callable[[], T]) -> T:
        """Return what a function returns in a thread, in its turn; cancelling this ends its work.

        Args:
            request: As for `growing`.
            produce: The function.

        Returns:
            Its value.

        Raises:
            Busy: As for `growing`.
            Cancelled: As for `growing`.
        """
        async with aclosing(self.growing(request, lambda: iter([produce()]))) as values:
            async for value in values:
                return value  # type: ignore[return-value]
        raise RuntimeError("nothing was produced")


class _Work(Generic[T]):
    """What a thread produces, handed to an event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, place: Place) -> None:
        self.gone = threading.Event()
        self._place = place
        self._values: asyncio.Queue[tuple[str, T | None, Exception | None]] = asyncio.Queue()
        self._loop = loop

    def run(self, produce: Callable[[], Iterator[T]]) -> None:
        try:
            with abandonable(self._is_abandoned):
                for value in produce():
                    self._put(("value", value, None))
                    check()
            self._put(("end", None, None))
        except Abandoned:
            self._put(("error", None, Cancelled()))
        except Exception as error:  # noqa: BLE001 (raised again where it is waited for)
            self._put(("error", None, error))

    async def came(self, idle_s: float) -> AsyncIterator[T | None]:
        while True:
            try:
                async with asyncio.timeout(idle_s or None):
                    kind, value, error = await self._values.get()
            except TimeoutError:
                yield None
                continue
            if error:
                raise error
            if kind == "end":
                return
            yield value

    def _is_abandoned(self) -> bool:
        return self.gone.is_set() or self._place.cancelled

    def _put(self, item: tuple[str, T | None, Exception | None]) -> None:
        with suppress(RuntimeError):  # the loop has ended, and nobody waits
            self._loop.call_soon_threadsafe(self._values.put_nowait, item)


@asynccontextmanager
async def _placed(request: Any) -> AsyncIterator[Place]:
    """Hold a place among the questions; the one that the request holds already, where it does."""
    held: Place | None = getattr(getattr(request, "state", None), "place", None)
    if held is not None:
        yield held
        return
    gate, asker = (gate_of(request), asker_of(request)) if request is not None else (UNGUARDED, LOCAL.name)
    async with gate.entered_async(asker) as place:
        yield place


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
