"""Opposites: a negation is one in all its writings; a word stands against its opposite only where it is not said."""

from __future__ import annotations

import pytest

from rag.answering.opposites import negates, opposed


@pytest.mark.parametrize(
    "text", ["Who did not come?", "What doesn't it do?", "Who didn’t?", "what cant it do", "Nobody came", "谁没有来？"]
)
def test_a_negation_is_told_in_all_its_writings(text: str) -> None:
    assert negates(text)


@pytest.mark.parametrize(
    "text", ["What had never been tried before?", "Which car hadn't been built before, and where?"]
)
def test_never_before_says_that_something_is_the_first(text: str) -> None:
    assert not negates(text)


@pytest.mark.parametrize(
    "text", ["What may not be opened before nine?", "Who never came back?", "Before that, who did not?"]
)
def test_not_before_a_time_is_a_negation(text: str) -> None:
    assert negates(text)


@pytest.mark.parametrize("text", ["Who noted the knot?", "What is in Canton?", "Nonesuch is a word", "谁来了？"])
def test_words_like_a_negation_are_none(text: str) -> None:
    assert not negates(text)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("which is the largest town", "the smallest town is ryd"),
        ("what decreased", "sales increased"),
        ("what is unimportant here", "it is important"),
        ("what is known", "it is unknown"),
        ("who lost", "the king won"),
    ],
)
def test_a_word_against_its_opposite_is_told(asked: str, said: str) -> None:
    assert opposed(set(asked.split()), set(said.split()))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("which is the largest town", "the largest and the smallest town"),
        ("what is dished up", "it is hed"),
        ("what is it", "it is a harbour"),
        ("who is the dean", "a dean is an undean"),
    ],
)
def test_what_is_said_too_or_only_looks_like_an_opposite_is_none(asked: str, said: str) -> None:
    assert not opposed(set(asked.split()), set(said.split()))
