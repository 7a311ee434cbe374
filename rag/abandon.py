"""Whether anybody still waits for what a thread does; known to the thread, so that no stage need pass it on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_OF_THREAD = threading.local()


class Abandoned(Exception):
    """Nobody waits any more; not a `RagError`, since nobody is left to be told."""


@contextmanager
def abandonable(gone: Callable[[], bool]) -> Iterator[None]:
    """Let the work of this thread end early.

    Args:
        gone: Tells whether nobody waits for it any more; asked often.
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
    gone: Callable[[], bool] | None = getattr(_OF_THREAD, "gone", None)
    if gone is not None and gone():
        raise Abandoned
