"""Misspelt words: edits counted as by hand and by another way, and the nearest words in a definite order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.spelling import Near, beginnings, edits, may_be_misspelt, nearest

LETTERS = "abc"
WORDS = st.text(LETTERS, min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("harbour", "harbour", 0),
        ("harbour", "harbor", 1),
        ("harbuor", "harbour", 1),
        ("habour", "harbour", 1),
        ("harpour", "harbour", 1),
        ("hrabuor", "harbour", 2),
        ("lighthouse", "light", 3),
        ("ca", "abc", 3),
    ],
)
def test_edits_are_those_counted_by_hand(one: str, other: str, expected: int) -> None:
    assert edits(one, other, most=2) == expected


def one_edit(word: str) -> set[str]:
    """Return all that one edit makes of a word."""
    cuts = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    left_out = {a + b[1:] for a, b in cuts if b}
    exchanged = {a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1}
    replaced = {a + c + b[1:] for a, b in cuts if b for c in LETTERS}
    return left_out | exchanged | replaced | {a + c + b for a, b in cuts for c in LETTERS}


@given(WORDS, WORDS)
def test_one_edit_is_what_makes_one_word_of_the_other(one: str, other: str) -> None:
    expected = 0 if one == other else 1 if other in one_edit(one) else 2
    assert edits(one, other, most=1) == edits(other, one, most=1) == expected


def test_the_fewest_edits_come_first_then_the_most_frequent() -> None:
    known = [("harbour", 2), ("harbours", 9), ("hardcover", 30), ("harvour", 5)]
    assert nearest("harbuor", known) == (Near("harbour", pytest.approx(6 / 7)),)
    assert [n.word for n in nearest("harbjour", known)] == ["harbour"]
    assert [n.word for n in nearest("haribour", known)] == ["harbour"]
    assert [n.word for n in nearest("harour", known)] == ["harvour", "harbour"]


def test_two_edits_are_allowed_in_long_words_only() -> None:
    assert [n.word for n in nearest("lighthuose", [("lighthouse", 1), ("lightness", 1)])] == ["lighthouse"]
    assert [n.word for n in nearest("lihgthuose", [("lighthouse", 1)])] == ["lighthouse"]
    assert nearest("polits", [("pilots", 1)]) == ()
    assert nearest("pliots", [("pilots", 1)]) != ()


def test_short_words_and_numbers_are_never_misspelt() -> None:
    assert [w for w in ("pier", "bay", "", "2021", "4th", "covid19") if may_be_misspelt(w)] == ["pier"]


def test_a_word_that_is_meant_begins_with_the_same_letter_or_the_first_two_exchanged() -> None:
    assert beginnings("ahrbour") == ("a", "ha")


def test_a_word_that_no_passage_holds_any_more_is_nobodys_meaning() -> None:
    known = [("zepplin", 1), ("zeppelins", 2)]
    assert [n.word for n in nearest("zepplinn", known)] == ["zepplin"]
    assert [n.word for n in nearest("zepplinn", known, lives=lambda word: word != "zepplin")] == ["zeppelins"]
    assert nearest("zepplinn", known, lives=lambda _: False) == ()


def test_a_word_that_is_named_again_is_meant_once() -> None:
    # "aardvark" begins both with the same letter and with the first two exchanged.
    known = [("aardvark", 3), ("aardvarks", 1), ("aardvark", 3)]
    assert [n.word for n in nearest("aardvarkz", known)] == ["aardvark", "aardvarks"]
