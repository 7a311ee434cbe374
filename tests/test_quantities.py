"""Numbers, shares and days: all writings come to one form, and what is something else is left alone."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.quantities import quantities


def forms(text: str) -> list[str]:
    return [q.form for q in quantities(text)]


@pytest.mark.parametrize(
    "text",
    ["2.04 billion", "2,040,000,000", "2.04bn", "2.040 Billion", "2,040 million", "2040 mn", "20.4亿", "20.4 亿元"],
)
def test_a_number_has_one_form(text: str) -> None:
    assert forms(f"about {text} yuan") == forms(text) == ["2040000000"]
    (found,) = quantities(f"投资{text}。")
    assert f"投资{text}。"[found.start_char : found.end_char] == text.removesuffix("元")


@pytest.mark.parametrize("text", ["9%", "9 percent", "9 per cent", "9.0 %", "9％"])
def test_a_share_has_one_form(text: str) -> None:
    assert forms(f"up {text}.") == ["9%"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("on Aug 20th", ["august", "20"]),
        ("on 20 Aug. 2024", ["august"]),
        ("the 5th of Sept", ["5", "september"]),
        ("in Oct 2021", ["october"]),
        ("2024-08-05", ["august", "5"]),
        ("8月20日", ["august"]),
        ("August 20", []),
    ],
)
def test_months_and_days_are_words_of_their_own(text: str, expected: list[str]) -> None:
    assert forms(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "v1.2.3",
        "127.0.0.1",
        "1,2,3",
        "in 2021",
        "the 1990s",
        "13月",
        "2024-13-40",
        "1234567890123456",
        "marx 5",
        "2021 May",
        "94 000",
    ],
)
def test_what_has_no_other_writing_is_left_alone(text: str) -> None:
    assert forms(text) == []


@given(st.integers(0, 10**12))
def test_separators_change_nothing(number: int) -> None:
    assert set(forms(f"{number:,}")) | {str(number)} == {str(number)}


@given(st.text("0123456789.,% 月日亿-Augsth", max_size=30))
def test_what_is_found_is_in_the_text_and_does_not_overlap(text: str) -> None:
    found = quantities(text)
    assert all(0 <= q.start_char < q.end_char <= len(text) for q in found)
    assert all(a.end_char <= b.start_char for a, b in pairwise(found))
