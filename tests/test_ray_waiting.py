"""What a cluster makes is waited for, but not for ever where it has lost processors."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from rag.cluster import embed
from rag.cluster.waiting import until_lost
from rag.errors import ClusterError


def test_values_come_in_order_and_an_error_after_those_before_it() -> None:
    def failing() -> Iterator[int]:
        yield 1
        yield 2
        raise ClusterError("a worker failed")

    assert list(until_lost(iter(range(50)), processors=lambda: 2.0)) == list(range(50))
    values = until_lost(failing(), processors=lambda: 2.0)
    assert [next(values), next(values)] == [1, 2]
    with pytest.raises(ClusterError, match="a worker failed"):
        next(values)


def test_a_cluster_that_has_lost_processors_and_makes_nothing_is_given_up_in_one_line() -> None:
    there, never = [3.0], threading.Event()

    def stalled() -> Iterator[int]:
        yield 1
        there[0] = 1.0
        never.wait(30)

    values = until_lost(stalled(), processors=lambda: there[0], patience_s=0.2)
    assert next(values) == 1
    with pytest.raises(ClusterError, match=r"has lost 2 of its 3 processors and gets no further; .* run the command"):
        next(values)
    never.set()


def test_a_whole_cluster_may_take_its_time() -> None:
    slow = threading.Event()

    def late() -> Iterator[int]:
        slow.wait(1.0)
        yield 1

    assert list(until_lost(late(), processors=lambda: 2.0, patience_s=0.1)) == [1]


def test_no_more_than_two_values_are_taken_ahead_and_none_when_nobody_reads_any_more() -> None:
    taken: list[int] = []

    def counted() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    values = until_lost(counted(), processors=lambda: 2.0)
    assert [next(values), next(values)] == [0, 1]
    values.close()  # type: ignore[attr-defined]
    assert len(taken) <= 4


def test_an_actor_whose_machine_is_lost_finds_room_beside_another_and_who_reads() -> None:
    assert 2 * embed.EMBED_CPUS + embed.READ_CPUS <= 1.0
