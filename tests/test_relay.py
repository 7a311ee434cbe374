"""Values from another thread, waited for until a deadline and no longer."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from rag.phrasing.relay import Relay


def test_values_come_in_order_and_end() -> None:
    assert list(Relay[int]().values(lambda: iter([1, 2, 3]), ends_s=time.monotonic() + 60)) == [1, 2, 3]


def test_what_goes_wrong_there_is_raised_here() -> None:
    def fails() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError

    values = Relay[int]().values(fails, ends_s=time.monotonic() + 60)
    assert next(values) == 1
    with pytest.raises(ZeroDivisionError):
        next(values)


def test_work_that_cannot_be_stopped_is_left_at_the_deadline() -> None:
    done = threading.Event()

    def stuck() -> Iterator[int]:
        done.wait(30)
        yield 1

    start_s = time.monotonic()
    with pytest.raises(TimeoutError):
        list(Relay[int]().values(stuck, ends_s=start_s + 0.2))
    assert time.monotonic() - start_s < 20
    done.set()


def test_work_is_told_when_nobody_waits_any_more() -> None:
    relay = Relay[int]()
    values = relay.values(lambda: iter([1, 2]), ends_s=time.monotonic() + 60)
    next(values)
    values.close()  # type: ignore[attr-defined]
    assert relay.abandoned.is_set()
