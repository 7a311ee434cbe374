"""Whether anybody still waits for what a thread does; known to the thread, so that no stage need pass it on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_OF_THREAD = threading.local()


class Abandoned(Exception):
    """Nobody waits any more; not a `RagError`, since nobody is left to be told."""


@contextmanager
def abandonable(gone: threading.Event) -> Iterator[None]:
    """Let the work of this thread end early.

    Args:
        gone: Set, by another thread, once nobody waits for it.
    """
    before = getattr(_OF_THREAD, "gone", None)
    _OF_THREAD.gone = gone
    try:
        yield
    finally:
        _OF_THREAD.gone = before


def check() -> None:
    """Go on while somebody waits.

    Raises:
        Abandoned: Nobody does.
    """
    gone: threading.Event | None = getattr(_OF_THREAD, "gone", None)
    if gone is not None and gone.is_set():
        raise Abandoned
