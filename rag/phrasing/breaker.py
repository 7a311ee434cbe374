"""A circuit breaker: after several failures in a row a remote service is left alone for a while; knows no service.

Reference:
    M. Nygard, Release It!, second edition, 2018, chapter 5: closed, open, half-open.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Breaker:
    """Whether a service may be called; safe to share between threads.

    Closed, it lets every call through. After `failures` failures in a row it is open and lets none through. After
    `rest_s` seconds it is half-open: one call may try, and its outcome closes or opens it.
    """

    def __init__(self, *, failures: int, rest_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin closed.

        Args:
            failures: Failures in a row that open it.
            rest_s: Seconds that it then stays open.
            clock: Seconds since some moment.
        """
        self._most = failures
        self._rest_s = rest_s
        self._clock = clock
        self._lock = threading.Lock()
        self._failed = 0
        self._opened_s: float | None = None
        self._trying = False

    def admit(self) -> bool:
        """Tell whether a call may go through; whoever is told so says afterwards how it went."""
        with self._lock:
            if self._opened_s is None:
                return True
            if self._trying or self._clock() - self._opened_s < self._rest_s:
                return False
            self._trying = True
            return True

    def rest_s(self) -> float:
        """Return the seconds until a call may try again; 0 when one may now."""
        with self._lock:
            if self._opened_s is None:
                return 0.0
            return max(0.0, self._opened_s + self._rest_s - self._clock())

    def succeeded(self) -> None:
        """Note that a call went well."""
        with self._lock:
            self._failed, self._opened_s, self._trying = 0, None, False

    def failed(self) -> None:
        """Note that a call failed."""
        with self._lock:
            self._failed += 1
            if self._trying or self._failed >= self._most:
                self._opened_s = self._clock()
            self._trying = False

    def undecided(self) -> None:
        """Note that a call was given up before it was seen how it goes."""
        with self._lock:
            self._trying = False
