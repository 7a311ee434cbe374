"""What kind of answer a question asks for, and whether a sentence holds one."""

from __future__ import annotations

import pytest

from rag.expected import Kind, expected_kind, holds


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("How many cases were formed?", "number"),
        ("What percentage of exports?", "number"),
        ("When did the forum open?", "date"),
        ("In which year was it founded?", "date"),
        ("Who is the chairman when the mayor is away?", "person"),
        ("Where was it held?", "place"),
        ("Which city hosts the port?", "place"),
        ("Why did it close?", "other"),
        ("Explain the sandbox", "other"),
        ("谁是董事长？", "person"),
        ("什么时候开幕？", "date"),
        ("有多少个项目？", "number"),
        ("会议在哪里举行？", "place"),
    ],
)
def test_question_words_tell_the_kind_of_answer(question: str, kind: Kind) -> None:
    assert expected_kind(question) == kind


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("number", "They employ 41 pilots."),
        ("number", "It attracted nearly fifty firms."),
        ("date", "It opened on 3 November."),
        ("date", "Founded in 1874."),
        ("date", "The lamp went out on Friday."),
        ("person", "It was built by Ada Lindqvist."),
        ("place", "They met in Taipei."),
    ],
)
def test_a_sentence_with_something_of_the_kind_holds_one(kind: Kind, sentence: str) -> None:
    assert holds(kind, sentence, question="Tell me")


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("number", "They employ many pilots."),
        ("number", "It opened on 3 May 1922."),
        ("date", "The pier is long."),
        ("person", "the pier is long."),
        ("place", "They met twice."),
    ],
)
def test_a_sentence_without_holds_none(kind: Kind, sentence: str) -> None:
    assert not holds(kind, sentence, question="Tell me")


def test_what_the_question_says_itself_is_no_answer() -> None:
    assert not holds("date", "In 2022 it grew.", question="When in 2022 did it grow?")
    assert holds("date", "In 2022 it grew more than in 2021.", question="When after 2022 did it grow?")


def test_any_sentence_will_do_where_the_kind_is_unknown() -> None:
    assert holds("other", "So it is.", question="Why?")
