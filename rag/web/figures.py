"""What libraries hold, looked up aside, so that who asks how the service does never waits for a library."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from rag.errors import LibraryEmpty, RagError

if TYPE_CHECKING:
    from rag.web.collections import Collections

EMPTY: Mapping[str, Any] = {"documents": 0, "passages": 0}


class Figures:
    """The statistics of libraries as they were last seen; safe to share between threads."""

    def __init__(self, collections: Collections) -> None:
        """Take the libraries."""
        self._collections = collections
        self._lock = threading.Lock()
        self._seen: dict[str, dict[str, Any]] = {}
        self._looks: dict[str, Future[None]] = {}
        # A library that is long in opening holds up no look at another one, up to so many of them.
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="rag-figures")

    def close(self) -> None:
        """Look at nothing any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def look(self, name: str) -> Future[None]:
        """Look a library up anew, aside; where that is under way already, wait for the same.

        Args:
            name: The library.

        Returns:
            What tells when it is done.
        """
        with self._lock:
            look = self._looks.get(name)
            if look is None or look.done():
                look = self._looks[name] = self._threads.submit(self._look, name)
            return look

    def seen(self, name: str) -> dict[str, Any]:
        """Return what a library held when it was last looked up, its statistics or ``error``; empty if never."""
        return dict(self._seen.get(name, {}))

    def now(self, name: str, *, wait_s: float = 2.0) -> dict[str, Any]:
        """Return what a library holds, or, where it is not told in time, what it was last seen to hold."""
        with suppress(Late):
            self.look(name).result(wait_s)
        return self.seen(name)

    def names(self) -> list[str]:
        """Return the names of all libraries."""
        return self._collections.names()

    def forget(self, name: str) -> None:
        """Forget a library that was removed."""
        self._seen.pop(name, None)

    def _look(self, name: str) -> None:
        try:
            self._seen[name] = self._collections.library(name).statistics()
        except LibraryEmpty:
            self._seen[name] = dict(EMPTY)
        except RagError as error:
            self._seen[name] = {"error": " ".join(str(error).split())}
