"""Questions with one thing changed: exactly that is changed, the same way every time."""

from __future__ import annotations

import pytest

from eval.near_misses import changed, pool_of
from eval.questions import Question


def question(text: str, document: str = "port") -> Question:
    return Question(text, text, ("x",), True, (), (document,), ())


QUESTIONS = [
    question("When did the pilots of Norrwick visit the harbour in 1874?"),
    question("Which boats of Bergen were painted by Ada Lindqvist?"),
    question("How many lights were mended in Kyoto?", "lamp"),
]


@pytest.mark.parametrize("seed", range(20))
def test_one_thing_is_changed_and_the_rest_is_left(seed: int) -> None:
    original = QUESTIONS[0].question
    made = changed(QUESTIONS[0], pool_of(QUESTIONS), seed=seed)
    assert set(made) in ({"number", "name", "word"}, {"number", "other_name", "word"})
    assert made["number"].startswith(original[:-5])
    assert made["number"] != original
    name = made.get("name") or made["other_name"].replace("Kyoto", "Bergen")
    assert name.replace("Bergen", "Norrwick").replace("Ada Lindqvist", "Norrwick") == original
    # "pilots" gave way to "boats" or "lights"; nothing else ends alike.
    assert made["word"] in (original.replace("pilots", other) for other in ("boats", "lights"))


def test_the_same_seed_gives_the_same_changes_and_others_give_others() -> None:
    pool = pool_of(QUESTIONS)
    made = [changed(QUESTIONS[0], pool, seed=seed) for seed in range(10)]
    assert made == [changed(QUESTIONS[0], pool_of(QUESTIONS), seed=seed) for seed in range(10)]
    assert len({tuple(one.items()) for one in made}) > 1


def test_what_cannot_be_changed_is_not() -> None:
    alone = question("why is it so?")
    assert changed(alone, pool_of([alone]), seed=0) == {}
