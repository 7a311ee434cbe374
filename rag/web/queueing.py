"""How many questions are answered at once and how many wait; knows neither questions nor who asks them.

with asking(request) as place:               # `Busy` at once where too many wait already
    for answer in library.stream(question):
        place.check()                        # `Cancelled` once the asker has left or the service ends
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from rag.errors import RagError
from rag.web.roles import LOCAL

RETRY_AFTER_S = 5
Granted = Future[None]


class Busy(RagError):
    """As many questions as may, of all or of one asker, are waiting already; a little later may go better."""

    retry_after_s = RETRY_AFTER_S

    def __init__(self) -> None:
        """Say so."""
        super().__init__(f"too many questions are waiting; ask again in {RETRY_AFTER_S} seconds")


class Cancelled(RagError):
    """Nobody waits for the answer any more."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("the question was given up: its asker left, or the service is ending")


class Place:
    """The right of one question to be answered, until it is left."""

    def __init__(self) -> None:
        """Take it."""
        self._cancelled = threading.Event()

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Note that nobody waits for the answer any more; from any thread."""
        self._cancelled.set()

    def check(self) -> None:
        """Go on, if somebody still waits for the answer.

        Raises:
            Cancelled: Nobody does.
        """
        if self.cancelled:
            raise Cancelled


class Gate:
    """Lets so many questions in at once, and so many wait, in the order in which they came; the others are refused.

    Half of those who wait may be of one asker, so that nobody keeps all others out; without tokens all are of one.
    Threads and coroutines wait in one line. Safe to share between threads.
    """

    def __init__(self, *, askers: int, queue: int, patience_s: float = 120.0) -> None:
        """Open it.

        Args:
            askers: Questions answered at the same time.
            queue: Questions that may wait besides.
            patience_s: Seconds that one waits at most.
        """
        self.askers = askers
        self.queue = queue
        self.patience_s = patience_s
        self._lock = threading.Lock()
        self._waiting: dict[Granted, str] = {}  # whose each is, in order
        self._inside: set[Place] = set()
        self._free = askers
        self._closed = False

    @property
    def running(self) -> int:
        """Questions being answered."""
        with self._lock:
            return self.askers - self._free

    @property
    def waiting(self) -> int:
        """Questions that wait."""
        with self._lock:
            return len(self._waiting)

    @property
    def idle(self) -> bool:
        """Whether nothing is being answered and nothing waits."""
        with self._lock:
            return self._free == self.askers and not self._waiting

    @contextmanager
    def entered(self, asker: str = LOCAL.name) -> Iterator[Place]:
        """Hold a place, once there is one; for threads.

        Args:
            asker: Name of who asks.

        Yields:
            The place.

        Raises:
            Busy: Too many wait already, or this one has waited too long, or the service is ending.
        """
        granted = self._join(asker)
        try:
            granted.result(self.patience_s)
        except Late:
            self._give_up(granted)
            raise Busy from None
        except BaseException:
            self._give_up(granted)
            raise
        with self._held() as place:
            yield place

    @asynccontextmanager
    async def entered_async(self, asker: str = LOCAL.name) -> AsyncIterator[Place]:
        """Hold a place, once there is one; for coroutines, which may be cancelled while they wait.

        Args:
            asker: Name of who asks.

        Yields:
            The place.

        Raises:
            Busy: As for `entered`.
        """
        granted = self._join(asker)
        try:
            # Shielded: whoever is cancelled must not take back a place that was given to them in the same moment.
            await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(granted)), self.patience_s)
        except TimeoutError:
            self._give_up(granted)
            raise Busy from None
        except BaseException:
            self._give_up(granted)
            raise
        with self._held() as place:
            yield place

    def close(self) -> None:
        """Let nobody in any more, and send away those who wait; those inside go on."""
        with self._lock:
            self._closed = True
            waiting, self._waiting = list(self._waiting), {}
        for granted in waiting:
            granted.set_exception(Busy())

    def cancel(self) -> None:
        """Tell all inside that nobody waits for their answers any more."""
        with self._lock:
            inside = list(self._inside)
        for place in inside:
            place.cancel()

    def _join(self, asker: str) -> Granted:
        granted: Granted = Future()
        with self._lock:
            if self._closed or (not self._free and self._is_full(asker)):
                raise Busy
            if self._free:
                self._free -= 1
                granted.set_result(None)
            else:
                self._waiting[granted] = asker
        return granted

    def _is_full(self, asker: str) -> bool:
        own = sum(name == asker for name in self._waiting.values()) if asker != LOCAL.name else 0
        return len(self._waiting) >= self.queue or own >= max(1, self.queue // 2)

    def _give_up(self, granted: Granted) -> None:
        with self._lock:
            if self._waiting.pop(granted, None) is not None:
                return
        # It is being given, or refused, this very moment; what was given is given back.
        if granted.exception() is None:
            self._leave()

    @contextmanager
    def _held(self) -> Iterator[Place]:
        place = Place()
        with self._lock:
            self._inside.add(place)
        try:
            yield place
        finally:
            with self._lock:
                self._inside.discard(place)
            self._leave()

    def _leave(self) -> None:
        with self._lock:
            following = next(iter(self._waiting), None)
            if following is None:
                self._free += 1
            else:
                del self._waiting[following]
        if following is not None:
            following.set_result(None)


# What is asked without a service around it, as in a test of the endpoints alone.
UNGUARDED = Gate(askers=8, queue=1_000)


def gate_of(request: Any) -> Gate:
    """Return the gate that questions of a request pass.

    Args:
        request: A request, or the ``gr.Request`` of a page.

    Returns:
        The gate of the service.
    """
    found: Gate = getattr(request.state, "gate", UNGUARDED)
    return found


def asker_of(request: Any) -> str:
    """Return the name of who asks."""
    return str(getattr(request.state, "caller", LOCAL).name)


@contextmanager
def asking(request: Any) -> Iterator[Place]:
    """Hold a place for a question of a request; the one that it holds already, where it does.

    Args:
        request: As for `gate_of`.

    Yields:
        The place; `Place.check` it between what is made of the answer.

    Raises:
        Busy: As for `Gate.entered`; it is answered with 429 where nobody catches it.
    """
    held: Place | None = getattr(request.state, "place", None)
    if held is not None:
        yield held
        return
    with gate_of(request).entered(asker_of(request)) as place:
        yield place
