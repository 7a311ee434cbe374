"""How many questions are answered at once, and who waits."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace

import pytest

from rag import Library
from rag.web.chat_events import Chat, Place
from rag.web.collections import Collections
from rag.web.queueing import Busy, Cancelled, Gate, asking


@contextmanager
def waiting(gate: Gate, number: int, done: list[int]) -> Iterator[list[threading.Thread]]:
    """Threads that wait for a place, one after another, and note when they had one."""

    def wait(name: int) -> None:
        with gate.entered():
            done.append(name)

    threads = []
    for name in range(number):
        threads.append(threading.Thread(target=wait, args=(name,)))
        threads[-1].start()
        until(lambda name=name: gate.waiting == name + 1)
    yield threads
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def until(condition) -> None:
    for _ in range(2_000):
        if condition():
            return
        time.sleep(0.002)
    raise AssertionError("it never came")


def test_one_too_many_is_refused_at_once() -> None:
    gate = Gate(askers=2, queue=0)
    with gate.entered(), gate.entered():
        assert gate.running == 2
        start = time.perf_counter()
        with pytest.raises(Busy, match="again in"), gate.entered():
            pass
        assert time.perf_counter() - start < 0.1
    assert gate.idle


def test_one_asker_may_not_take_all_places_of_those_who_wait() -> None:
    gate, done = Gate(askers=1, queue=4), list[str]()

    def wait(asker: str) -> None:
        with gate.entered(asker):
            done.append(asker)

    threads = [threading.Thread(target=wait, args=(asker,)) for asker in ("ann", "ann", "ben")]
    with gate.entered("ann"):
        for number, thread in enumerate(threads[:2], start=1):
            thread.start()
            until(lambda number=number: gate.waiting == number)
        with pytest.raises(Busy), gate.entered("ann"):
            pass
        threads[2].start()
        until(lambda: gate.waiting == 3)
    for thread in threads:
        thread.join(10)
    assert done == ["ann", "ann", "ben"]
    assert gate.idle


def test_those_who_wait_come_in_the_order_in_which_they_came() -> None:
    gate, done = Gate(askers=1, queue=5), list[int]()
    with ExitStack() as held:
        held.enter_context(gate.entered())
        with waiting(gate, 5, done):
            with pytest.raises(Busy), gate.entered():
                pass
            held.close()
    assert done == [0, 1, 2, 3, 4]
    assert gate.idle


def test_who_has_waited_too_long_is_sent_away_and_leaves_no_hole() -> None:
    gate = Gate(askers=1, queue=1, patience_s=0.05)
    with gate.entered():
        with pytest.raises(Busy), gate.entered():
            pass
        assert gate.waiting == 0
    with gate.entered():
        assert gate.running == 1


def test_an_exception_inside_frees_the_place() -> None:
    gate = Gate(askers=1, queue=0)
    with pytest.raises(ZeroDivisionError), gate.entered():
        raise ZeroDivisionError
    assert gate.idle


def test_never_more_are_inside_than_may_be_however_they_come_and_go() -> None:
    gate, inside, most = Gate(askers=3, queue=100), [0], [0]
    lock = threading.Lock()

    def note(change: int) -> None:
        with lock:
            inside[0] += change
            most[0] = max(most[0], inside[0])

    def ask() -> None:
        for _ in range(20):
            with gate.entered():
                note(+1)
                time.sleep(0.0005)
                note(-1)

    async def ask_async(seed: int) -> None:
        for turn in range(20):
            try:
                async with asyncio.timeout(0.001 if (seed + turn) % 3 == 0 else 10), gate.entered_async():
                    note(+1)
                    try:
                        await asyncio.sleep(0.0005)
                    finally:
                        note(-1)
            except TimeoutError:
                pass

    async def all_of_them() -> None:
        await asyncio.gather(*(ask_async(seed) for seed in range(8)))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    asyncio.run(all_of_them())
    for thread in threads:
        thread.join(20)
    assert most[0] <= 3
    assert gate.idle


async def test_a_coroutine_that_is_cancelled_while_it_waits_leaves_the_line() -> None:
    gate = Gate(askers=1, queue=3)

    async def ask() -> None:
        async with gate.entered_async():
            pass

    async with gate.entered_async():
        task = asyncio.create_task(ask())
        await asyncio.sleep(0.01)
        assert gate.waiting == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert gate.waiting == 0
    assert gate.idle


def test_a_closed_gate_sends_away_who_waits_and_lets_those_inside_end() -> None:
    gate = Gate(askers=1, queue=3)
    with gate.entered() as place, ExitStack() as pool:
        refused = list[Busy]()

        def ask() -> None:
            with pytest.raises(Busy) as caught, gate.entered():
                pass
            refused.append(caught.value)

        thread = threading.Thread(target=ask)
        thread.start()
        until(lambda: gate.waiting == 1)
        pool.callback(thread.join, 10)
        gate.close()
        place.check()
        gate.cancel()
        with pytest.raises(Cancelled):
            place.check()
    assert refused
    with pytest.raises(Busy), gate.entered():
        pass


def test_a_request_that_holds_a_place_takes_no_second_one() -> None:
    gate = Gate(askers=1, queue=0)
    request = SimpleNamespace(state=SimpleNamespace(gate=gate))
    with asking(request) as place:
        assert gate.running == 1
        request.state.place = place
        with asking(request) as same:
            assert same is place
            assert gate.running == 1
        assert gate.running == 1
    assert gate.idle


def test_a_question_of_the_page_stands_in_the_same_line(town_library: Library) -> None:
    gate = Gate(askers=1, queue=0)
    request = SimpleNamespace(state=SimpleNamespace(gate=gate))
    chat = Chat(Collections(town_library), [])

    def ask() -> list[str]:
        shown = list(chat.ask("Who built the lighthouse of Norrwick?", (), Place(), asking(request)))
        return [turn.error for turn in shown[-1].turns]

    with gate.entered():
        assert "too many questions" in ask()[0]
    assert ask() == [""]
    assert gate.idle
