"""Initials: a name in full speaks of its short form, and the short form of the name; other names do not."""

from __future__ import annotations

import pytest

from rag.initials import other_forms, short_forms


def speaks_of(text: str, question: str, word: str) -> bool:
    start = question.index(word)
    return not short_forms(text).isdisjoint(other_forms(question, start, start + len(word)))


@pytest.mark.parametrize(
    ("text", "question", "word"),
    [
        ("A former observer for the United Nations.", "Who served the UN?", "UN"),
        ("He pushed the UN Technology Bank.", "Which United Nations body did he push?", "United"),
        ("He pushed the UN Technology Bank.", "Which United Nations body did he push?", "Nations"),
        ("In the Court of Justice of the European Union", "When did Denmark join the EU?", "EU"),
        ("A ruling of the ECJ", "What did the European Court of Justice say of the European Union?", "Court"),
        ("Yesterday the American Automobile Association said", "What does the AAA say?", "AAA"),
    ],
)
def test_a_name_and_its_initials_speak_of_each_other(text: str, question: str, word: str) -> None:
    assert speaks_of(text, question, word)


@pytest.mark.parametrize(
    ("text", "question", "word"),
    [
        # A word in small letters is no short form, nor is one name's short form another's.
        ("they told us that they left", "Who governs the United States?", "States"),
        ("Universal Newspapers of Norrwick", "Who served the United Nations?", "Nations"),
        ("Ada Lindqvist built it.", "Who served the UN?", "UN"),
        ("Ada Lindqvist built it.", "Who is Lindqvist?", "Lindqvist"),
    ],
)
def test_other_names_do_not(text: str, question: str, word: str) -> None:
    assert not speaks_of(text, question, word)
