"""Waits for what a cluster makes, but not for ever where it has lost the machines for it; knows no documents."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

from rag.errors import ClusterError

T = TypeVar("T")
# Seconds without anything after which a cluster that has lost processors is given up. Finding out that a machine is
# gone, starting an encoder elsewhere and doing its work again took less than half a minute.
PATIENCE_S = 300.0


def until_lost(values: Iterator[T], *, processors: Callable[[], float], patience_s: float = PATIENCE_S) -> Iterator[T]:
    """Yield values that another thread takes from a cluster, at most two ahead.

    Args:
        values: The values.
        processors: Returns how many processors the cluster has now.
        patience_s: Seconds that are waited for the next one before the processors are counted again.

    Yields:
        The values.

    Raises:
        ClusterError: For so long none came, and the cluster has fewer processors than it had.
    """
    came: queue.Queue[tuple[bool, T | None, BaseException | None]] = queue.Queue(maxsize=1)
    gone = threading.Event()
    before = processors()
    threading.Thread(target=_take, args=(values, came, gone), name="rag-cluster", daemon=True).start()
    try:
        while True:
            try:
                going_on, value, error = came.get(timeout=patience_s)
            except queue.Empty:
                if (left := processors()) < before:
                    raise ClusterError(
                        f"the Ray cluster has lost {before - left:g} of its {before:g} processors and gets no further; "
                        "what was embedded so far is kept, run the command again"
                    ) from None
                continue
            if error:
                raise error
            if not going_on:
                return
            yield value  # type: ignore[misc]
    finally:
        gone.set()


def _take(
    values: Iterator[T], came: queue.Queue[tuple[bool, T | None, BaseException | None]], gone: threading.Event
) -> None:
    def put(item: tuple[bool, T | None, BaseException | None]) -> None:
        while not gone.is_set():
            try:
                return came.put(item, timeout=1.0)
            except queue.Full:
                continue

    try:
        for value in values:
            put((True, value, None))
            if gone.is_set():
                return
        put((False, None, None))
    except BaseException as error:  # noqa: BLE001 (raised again where it is waited for)
        put((False, None, error))
