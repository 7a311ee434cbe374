"""What was read last is kept up to a size, by any number of threads at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from rag.recent import Recent


def test_what_was_put_is_had_and_what_was_not_is_left_out() -> None:
    recent = Recent[str](10)
    recent.put({1: "a", 2: "b"}, size=4)
    assert recent.get([2, 3]) == {2: "b"}


def test_all_is_forgotten_when_there_is_no_more_room() -> None:
    recent = Recent[str](10)
    recent.put({1: "a"}, size=6)
    recent.put({2: "b"}, size=4)
    assert recent.get([1, 2]) == {1: "a", 2: "b"}
    recent.put({3: "c"}, size=1)
    assert recent.get([1, 2, 3]) == {3: "c"}


def test_what_is_larger_than_all_room_is_not_kept() -> None:
    recent = Recent[str](10)
    recent.put({1: "a"}, size=11)
    assert recent.get([1]) == {}


def test_threads_that_read_and_put_at_once_get_what_is_right() -> None:
    recent = Recent[int](50)

    def work(offset: int) -> bool:
        right = True
        for number in range(offset, 2_000 + offset):
            right &= all(value == 2 * key for key, value in recent.get([number, number - 1, number % 7]).items())
            recent.put({number: 2 * number}, size=1)
        return right

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))
