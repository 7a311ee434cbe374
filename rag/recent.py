"""What was read last, by number, kept in memory up to a total size; knows nothing of what it keeps."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """Values that never change, by number; safe to share between threads.

    All is forgotten when there is no more room: an order of use would have to be kept up at every look.
    """

    def __init__(self, most: int) -> None:
        """Make room.

        Args:
            most: Size of all values together that is kept.
        """
        self._most = most
        self._lock = threading.Lock()
        self._size = 0
        self._values: dict[int, T] = {}

    def get(self, keys: Iterable[int]) -> dict[int, T]:
        """Return those of the values that are kept."""
        # Put in place anew when all is forgotten, never emptied: another thread may be here.
        values = self._values
        return {key: values[key] for key in keys if key in values}

    def put(self, found: Mapping[int, T], *, size: int) -> None:
        """Keep further values.

        Args:
            found: Values by number; two threads may have read the same.
            size: Of all of them together, in the unit of `most`.
        """
        with self._lock:
            if self._size + size > self._most:
                self._size, self._values = 0, {}
            if size <= self._most:
                self._size += size
                self._values.update(found)
