"""Changed sentences: one thing differs, the same seed changes the same, and what cannot be changed is left out."""

from __future__ import annotations

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.perturb import changed_answer, changes, find_names

SENTENCE = "On August 20th, 1974 the mayor Ada Brandt said that 102 ships were built in Norrwick."


def by_kind(sentence: str, seed: int = 0) -> dict[str, str]:
    return {change.kind: change.text for change in changes(sentence, seed=seed, names=("Kurt Weber", "Oslo"))}


def test_each_kind_changes_one_thing() -> None:
    found = by_kind(SENTENCE)
    assert set(found) == {"number", "date", "name", "negation"}
    for changed in found.values():
        blocks = difflib.SequenceMatcher(None, SENTENCE.split(), changed.split()).get_opcodes()
        assert sum(tag != "equal" for tag, *_ in blocks) == 1


def test_the_same_seed_gives_the_same_changes_and_others_others() -> None:
    assert by_kind(SENTENCE) == by_kind(SENTENCE)
    assert len({by_kind(SENTENCE, seed)["number"] for seed in range(20)}) > 5


def test_numbers_keep_their_form() -> None:
    for seed in range(20):
        changed = by_kind("They paid 2,040,000 yuan.", seed)["number"]
        assert changed != "They paid 2,040,000 yuan."
        assert len(changed) == len("They paid 2,040,000 yuan.")


def test_a_denial_is_taken_away_where_there_is_one() -> None:
    assert by_kind("The harbour was not closed.")["negation"] == "The harbour was closed."
    assert by_kind("The harbour wasn't closed.")["negation"] == "The harbour was closed."
    assert by_kind("The harbour was closed.")["negation"] == "The harbour was not closed."


def test_a_sentence_with_several_denials_is_not_turned() -> None:
    assert "negation" not in by_kind("It was not closed, nor was it ever sold.")


def test_names_come_from_those_given() -> None:
    assert by_kind("They met the mayor Ada Brandt.")["name"] == "They met the mayor Kurt Weber."


@pytest.mark.parametrize("answer", ["102", "in 1974", "Ada Brandt", "twelve ships"])
def test_an_answer_is_changed(answer: str) -> None:
    changed = changed_answer(answer, seed=0, names=("Kurt Weber",))
    assert changed is not None
    assert changed.text != answer


def test_an_answer_without_values_and_names_is_left() -> None:
    assert changed_answer("the lack of rules", seed=0) is None


def test_names_are_those_inside_sentences() -> None:
    assert find_names("Yesterday the mayor Ada Brandt came on Monday to Norrwick.") == ["Ada Brandt", "Norrwick"]


@given(st.text(max_size=100), st.integers())
def test_any_text_can_be_changed_or_not(text: str, seed: int) -> None:
    assert all(change.text != text for change in changes(text, seed=seed))
