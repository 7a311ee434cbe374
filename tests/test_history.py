"""Conversations as a browser keeps them, and what anybody may send in their place."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import Answer, Citation
from rag.schema import AnswerSentence, Disagreement, Hit, Passage, Reading, Span
from rag.web.history import MOST_TURNS_KEPT, HistoryError, Turn, kept_turn, read_turns

CITED = Citation(1, "a.md", "A", 3, 9, "quoted", 2, "H", 0.5, Span(3, 5), ("b.md",), "changed")
HIT = Hit(Passage("a.md", 0, 4, "text", "H", (Span(0, 4),), 1), "A", 1, 0.5, {"dense": 0.4}, ("b.md",))
READINGS = (Reading("41", 1, "2023-01-01", True), Reading("40", 1, None, False))
ANSWER = Answer(
    "q", "t", (AnswerSentence("t", (1,), 1.0),), (CITED,), confidence=0.4, timings_s={"total": 0.1},
    models={"encoder": "e"}, query="as asked", notice="n", disagreements=(Disagreement(READINGS),),
)  # fmt: skip
REFUSAL = Answer("q", "t", abstained=True, reason="r", hits=(HIT,) * 9)


def sent(*turns: Turn) -> Any:
    """Return what comes back from a browser that kept these turns."""
    return json.loads(json.dumps([kept_turn(turn) for turn in turns]))


def test_what_is_kept_comes_back_without_passages_that_nobody_sees() -> None:
    turns = (Turn("q", replace(ANSWER, hits=(HIT,)), done=True), Turn("q", REFUSAL, done=True), Turn("q", error="away"))
    answered, refused, failed = read_turns(sent(*turns))
    assert answered == Turn("q", ANSWER, done=True)
    assert refused.answer == replace(REFUSAL, hits=(HIT,) * 5)
    assert failed == Turn("q", error="away")


def test_of_a_long_conversation_the_last_turns_come_back() -> None:
    turns = read_turns(sent(*(Turn(str(n), error="away") for n in range(MOST_TURNS_KEPT + 5))))
    assert (len(turns), turns[-1].question) == (MOST_TURNS_KEPT, str(MOST_TURNS_KEPT + 4))


def change(path: str, value: Any) -> Callable[[Any], None]:
    """Return what puts a value in a turn, at a path such as ``answer.citations.0.start_char``."""

    def apply(turn: Any) -> None:
        *parents, last = path.split(".")
        for name in parents:
            turn = turn[int(name)] if isinstance(turn, list) else turn[name]
        turn[last] = value

    return apply


@pytest.mark.parametrize(
    "wrong",
    [
        change("question", None),
        change("question", 7),
        change("question", "half \ud800"),
        change("error", ["x"]),
        change("answer", "text"),
        change("answer", []),
        change("answer.text", None),
        change("answer.text", {"a": 1}),
        change("answer.sentences", 3),
        change("answer.sentences.0.citations", ["x"]),
        change("answer.confidence", 1.5),
        change("answer.confidence", math.nan),
        change("answer.confidence", "sure"),
        change("answer.citations.0.start_char", -1),
        change("answer.citations.0.end_char", 3),
        change("answer.citations.0.end_char", 10**12),
        change("answer.citations.0.number", 0),
        change("answer.citations.0.stale", "x"),
        change("answer.citations.0.quote", None),
        change("answer.citations", [vars(CITED) | {"highlight": None}] * 2),
        change("answer.disagreements.0.readings.0.citation", 9),
        change("answer.text", "x" * 2_000_000),
    ],
)
def test_whatever_is_no_conversation_is_refused(wrong: Callable[[Any], None]) -> None:
    turns = copy.deepcopy(sent(Turn("q", ANSWER, done=True)))
    wrong(turns[0])
    with pytest.raises(HistoryError):
        read_turns(turns)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["question", "answer", "x"]), inner),
    max_leaves=8,
)


@given(json_values)
def test_any_json_is_a_conversation_or_refused(value: Any) -> None:
    try:
        turns = read_turns(value)
    except HistoryError:
        return
    assert all(isinstance(turn, Turn) for turn in turns)
