"""How many requests each caller may send in a time; knows callers by a name alone."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

MOST = 10_000


class Rate:
    """A token bucket for each caller: full at first, emptied by requests, filled again evenly; safe between threads.

    Reference: J. Turner, New directions in communications, IEEE Communications 24 (1986), 8-15: the leaky bucket.
    """

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic, most: int = MOST) -> None:
        """Fill all buckets.

        Args:
            per_minute: Requests a minute; as many may come at once.
            clock: Seconds, never going back.
            most: Callers that are remembered; who was not seen for longest is forgotten, and has a full bucket then.
        """
        self.per_minute = per_minute
        self._clock = clock
        self._most = most
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> float:
        """Count a request.

        Args:
            name: Whose.

        Returns:
            0 where it may be answered, else the seconds after which the next one may.
        """
        now = self._clock()
        with self._lock:
            left, since = self._buckets.pop(name, (float(self.per_minute), now))
            left = min(float(self.per_minute), left + (now - since) * self.per_minute / 60)
            wait = 0.0 if left >= 1 else (1 - left) * 60 / self.per_minute
            self._buckets[name] = (left if wait else left - 1, now)
            while len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        return wait
