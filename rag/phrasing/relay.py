"""What another thread produces, relayed until a deadline; work that cannot be stopped holds up nobody."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from rag import abandon

T = TypeVar("T")
# Who waits looks this often whether anybody waits for them.
LOOK_S = 0.1


class Relay(Generic[T]):
    """The values of an iterator that runs in a thread of its own.

    Attributes:
        abandoned: Set when nobody waits any more; the iterator is to look at it now and then.
    """

    def __init__(self) -> None:
        """Begin with nobody gone."""
        self.abandoned = threading.Event()
        self._values: queue.SimpleQueue[tuple[str, T | None, Exception | None]] = queue.SimpleQueue()

    def values(self, produce: Callable[[], Iterator[T]], *, ends_s: float) -> Iterator[T]:
        """Yield the values as they come.

        Args:
            produce: Returns the iterator.
            ends_s: Moment on the monotonic clock after which no value is waited for.

        Yields:
            The values.

        Raises:
            TimeoutError: The moment has come.
            Abandoned: Nobody waits for who reads the values.
        """
        threading.Thread(target=self._run, args=(produce,), name="rag-phrase", daemon=True).start()
        try:
            while True:
                kind, value, error = self._next(ends_s)
                if error:
                    raise error
                if kind == "end":
                    return
                yield value  # type: ignore[misc]
        finally:
            # Read to the end, given up, or too late: nobody waits any more.
            self.abandoned.set()

    def _next(self, ends_s: float) -> tuple[str, T | None, Exception | None]:
        while True:
            left_s = max(0.0, ends_s - time.monotonic())
            try:
                return self._values.get(timeout=min(LOOK_S, left_s))
            except queue.Empty:
                if left_s <= LOOK_S:
                    raise TimeoutError from None
            abandon.check()

    def _run(self, produce: Callable[[], Iterator[T]]) -> None:
        try:
            for value in produce():
                self._values.put(("value", value, None))
            self._values.put(("end", None, None))
        except Exception as error:  # noqa: BLE001 (raised again where it is waited for)
            self._values.put(("error", None, error))
