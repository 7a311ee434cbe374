"""What stands in the place of a missing number or name: of the same kind, near the same word, and not too many."""

from __future__ import annotations

import pytest

from rag.answering.instead import instead


def told(question: str, asked: str, sentence: str) -> tuple[str, ...]:
    start = question.index(asked)
    return instead(question, (start, start + len(asked)), sentence)


@pytest.mark.parametrize(
    ("question", "asked", "sentence", "others"),
    [
        ("How many ships came in 2021?", "2021", "In 2022 the pilots brought 312 ships.", ("2022",)),
        ("How many ships came in 2021?", "2021", "From 2019 to 2022 the pilots brought 312.", ("2019", "2022")),
        ("When was the tenth birthday?", "tenth", "The fourth birthday was in August.", ("fourth",)),
        ("Who runs the 17 projects?", "17", "Some 7 projects began on day 30.", ("7",)),
        ("Whom did she meet in Lund?", "Lund", "She met the mayor in Norrwick.", ("Norrwick",)),
        ("2021年有多少艘船？", "2021", "2022 年有312艘船。", ("2022",)),
    ],
)
def test_what_is_of_the_same_kind_is_told(question: str, asked: str, sentence: str, others: tuple[str, ...]) -> None:
    assert told(question, asked, sentence) == others


@pytest.mark.parametrize(
    ("question", "asked", "sentence"),
    [
        # No year, but a number of other things.
        ("How many ships came in 2021?", "2021", "The pilots brought 312 ships."),
        ("How many ships came in 2021?", "2021", "In 2018, 2019 and 2020 they brought 312."),
        ("Who runs the 17 projects?", "17", "Some 30 pilots came."),
        # Named by the question as well, so nothing is in the other's place.
        ("Did she go from Lund to Ryd?", "Lund", "She came from Ryd."),
        # Behind another word it may be anything.
        ("Whom did she meet in Lund?", "Lund", "She met Ada Lindqvist."),
        ("Whom did she meet in Lund?", "Lund", "She met him in Ryd and in Holm."),
    ],
)
def test_nothing_is_told_where_nothing_or_too_much_could_be_meant(question: str, asked: str, sentence: str) -> None:
    assert told(question, asked, sentence) == ()


def test_the_first_word_of_a_sentence_is_no_name() -> None:
    assert told("Lamps of Ryd?", "Ryd", "Lamps of Norrwick") == ("Norrwick",)
    assert told("What in Ryd?", "Ryd", "Pilots came") == ()
