"""Follow-ups made to stand alone, what is remembered of a conversation, and what is left as it is."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import Answer, Citation, Library
from rag.dialogue.conversation import MOST_CHARS, MOST_TURNS, Turn, recent
from rag.follow_up import is_faithful, stand_alone
from rag.schema import AnswerSentence, Span

GOLD = Path(__file__).parents[1] / "eval" / "gold.jsonl"

PILOTS = Turn(
    "How many pilots did the Norrwick Pilot Authority employ in 2022?",
    "How many pilots did the Norrwick Pilot Authority employ in 2022?",
    "In 2022 the Norrwick Pilot Authority employed 41 pilots, 5 of them women.",
)
BUILDER = Turn(
    "Who built the lighthouse of Norrwick?",
    "Who built the lighthouse of Norrwick?",
    "The lighthouse was built in 1874 by Ada Lindqvist, Chief Engineer of the Harbour Board.",
)
MEETING = Turn("Whom did Ada Lindqvist meet in Oslo?", "Whom did Ada Lindqvist meet in Oslo?", "She met Jens Holm.")
SHOW = Turn(
    "Which exhibition opened at the Norrwick Museum?",
    "Which exhibition opened at the Norrwick Museum?",
    'In May "Ropes and Tides: Work at Sea" opened at the Norrwick Museum.',
)
FAIR = Turn("How many firms took part in the Norrwick job fair?", "How many firms took part in the Norrwick job fair?")
FERRY = Turn("How many cars does the old ferry carry?", "How many cars does the old ferry carry?", "It carries 77.")
MILL = Turn("霍尔姆磨坊位于哪里？", "霍尔姆磨坊位于哪里？", "它在霍尔姆。")
ZH = Turn(
    "Norrwick Museum 在 2022 年有多少参观者？", "Norrwick Museum 在 2022 年有多少参观者？", "It had 9,000 visitors."
)
BAKERY = Turn("磨坊街的面包店几点开门？", "磨坊街的面包店几点开门？", "磨坊街的面包店早上六点开门。")


@pytest.mark.parametrize(
    ("turn", "question", "alone"),
    [
        (PILOTS, "What about 2021?", "How many pilots did the Norrwick Pilot Authority employ in 2021?"),
        (PILOTS, "And in 2021?", "How many pilots did the Norrwick Pilot Authority employ in 2021?"),
        (
            PILOTS,
            "And how many of those are women?",
            "How many of the pilots are women (the Norrwick Pilot Authority)?",
        ),
        (PILOTS, "Who is its director?", "Who is the Norrwick Pilot Authority’s director?"),
        (PILOTS, "When was it founded?", "When was the Norrwick Pilot Authority founded?"),
        (
            PILOTS,
            "What about the Bergen Pilot Authority?",
            "How many pilots did the Bergen Pilot Authority employ in 2022?",
        ),
        (PILOTS, "Why?", "Why did the Norrwick Pilot Authority employ in 2022 (pilots)?"),
        (BUILDER, "When was she born?", "When was Ada Lindqvist born?"),
        (BUILDER, "What else did she build?", "What else did Ada Lindqvist build?"),
        (BUILDER, "What was her profession?", "What was Ada Lindqvist’s profession?"),
        (BUILDER, "How tall is it?", "How tall is the lighthouse of Norrwick?"),
        (BUILDER, "Who else?", "Who else built the lighthouse of Norrwick?"),
        (MEETING, "And in Bergen?", "Whom did Ada Lindqvist meet in Bergen?"),
        (MEETING, "What did she do there?", "What did Ada Lindqvist do in Oslo?"),
        (MEETING, "And Jens Holm?", "Whom did Jens Holm meet in Oslo?"),
        (SHOW, "When does it close?", 'When does the "Ropes and Tides" exhibition close?'),
        (SHOW, "How old is that museum?", "How old is the Norrwick Museum?"),
        (FERRY, "Who is its captain?", "Who is the old ferry’s captain?"),
        (FERRY, "When was it built?", "When was the old ferry built?"),
        (FAIR, "What did they pay?", "What did the firms pay (the Norrwick job fair)?"),
        (ZH, "那 2021 年呢？", "Norrwick Museum 在 2021 年有多少参观者？"),
        (ZH, "它的馆长是谁？", "Norrwick Museum 的馆长是谁？"),
        (ZH, "Bergen Museum 呢？", "Bergen Museum 在 2022 年有多少参观者？"),
        (MILL, "它雇用了多少人？", "霍尔姆磨坊雇用了多少人？"),
        (BAKERY, "它出售什么？", "磨坊街的面包店出售什么？"),
        (BAKERY, "为什么？", "为什么：磨坊街的面包店几点开门？"),
    ],
)
def test_a_follow_up_is_made_to_stand_alone(turn: Turn, question: str, alone: str) -> None:
    assert stand_alone(question, [turn]) == alone


@pytest.mark.parametrize("turn", [PILOTS, BUILDER, MEETING, SHOW, FAIR, ZH, BAKERY])
@pytest.mark.parametrize(
    "question",
    [
        "Who is the CEO of Geespace?",
        "Frangelica Liang job title",
        "How long does it take to sail from Oslo to Bergen?",
        "How many lighthouses are there in Sweden?",
        "What does Sweden do when it snows?",
        "How long should bread prove before it goes into the oven?",
        "Which company said that Oslo was sold?",
        "Did Jens Holm finish what he began?",
        "Who expressed his gratitude to the king?",
        "Which dog lost its tail in the Bergen storm?",
        "What is the difference between patients with a cold and those with measles?",
        "Wer hat den Leuchtturm gebaut?",
        "自从华沙成为一座城市以来，她一直是一座什么样的城市？",
        "其他国家有多少人口？",
    ],
)
def test_a_question_that_stands_alone_is_left_exactly_as_it_is(turn: Turn, question: str) -> None:
    assert stand_alone(question, [turn]) == question


def test_no_gold_question_is_changed_when_it_is_asked_after_another(seeds_library: Library) -> None:
    questions = [json.loads(line)["question"] for line in GOLD.read_text("utf-8").splitlines()]
    before = [Turn.of(seeds_library.ask(question, threshold=0.0)) for question in questions[::9]]
    assert not [(q, turn.question) for q in questions for turn in before if stand_alone(q, [turn]) != q]


@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=200))
def test_any_text_comes_back_as_a_text_of_bounded_length(question: str, before: str, answer: str) -> None:
    assert stand_alone(question, ()) == question
    assert len(stand_alone(question, [Turn(before, before, answer)])) <= len(question) + 300


def test_a_long_question_takes_no_longer_for_its_conversation() -> None:
    question = "What is " + "her " * 900 + "?"
    start_s = time.process_time()
    assert stand_alone(question, [BUILDER]) == question
    assert time.process_time() - start_s < 1.0


def test_a_chain_of_follow_ups_keeps_what_it_is_about() -> None:
    turns = [PILOTS]
    for question in ("What about 2021?", "And in 2020?"):
        turns.append(Turn(question, stand_alone(question, turns), "None."))
    assert turns[-1].query == "How many pilots did the Norrwick Pilot Authority employ in 2020?"
    assert stand_alone("Who is its director?", turns) == "Who is the Norrwick Pilot Authority’s director?"


def test_a_model_may_say_it_better() -> None:
    asked: list[tuple[str, int]] = []

    def rewrite(question: str, turns: Sequence[Turn]) -> str:
        asked.append((question, len(turns)))
        return " When did the life of Ada Lindqvist begin? "

    assert stand_alone("When was she born?", [BUILDER], rewrite=rewrite) == "When did the life of Ada Lindqvist begin?"
    assert stand_alone("Who is the CEO of Geespace?", [BUILDER], rewrite=rewrite) == "Who is the CEO of Geespace?"
    assert asked == [("When was she born?", 1)]


@pytest.mark.parametrize(
    "said",
    ["", "  ", "two\nlines", "Who is it?" * 100, "How many pilots did the authority employ?", None, 7],
)
def test_what_a_model_says_is_used_only_when_it_can_be_searched(said: object) -> None:
    question = "What about 2021 in Oslo?"
    assert not is_faithful(said, question)
    assert stand_alone(question, [PILOTS], rewrite=lambda *_: said) == stand_alone(question, [PILOTS])


def test_a_model_that_fails_costs_nothing_but_its_word() -> None:
    def broken(question: str, turns: Sequence[Turn]) -> str:
        raise TimeoutError("away")

    assert stand_alone("When was she born?", [BUILDER], rewrite=broken) == "When was Ada Lindqvist born?"


def answer(number: int, *, chars: int = 100) -> Answer:
    quote = f"Pilot {number} " + "x" * chars
    citation = Citation(1, "d", "Title", 0, len(quote), quote, None, None, 1.0, highlight=Span(0, 5))
    return Answer(
        f"Question {number}?", quote, (AnswerSentence(quote, (1,), 1.0),), (citation,), query=f"Query {number}?"
    )


def test_a_turn_keeps_the_question_as_searched_and_what_was_asked_for() -> None:
    turn = Turn.of(answer(1))
    assert (turn.question, turn.query, turn.focus) == ("Question 1?", "Query 1?", "Pilot")
    refused = Turn.of(Answer("Who?", "Not in these documents.", abstained=True))
    assert (refused.query, refused.answer, refused.cited) == ("Who?", "", ())


def test_only_the_last_turns_are_kept_and_only_so_many_characters() -> None:
    turns = recent([answer(n) for n in range(60)])
    assert [turn.question for turn in turns] == [f"Question {n}?" for n in range(60 - MOST_TURNS, 60)]
    assert sum(turn.chars for turn in recent([answer(n, chars=100_000) for n in range(60)])) <= MOST_CHARS
    assert recent(()) == ()


def test_the_last_turn_is_remembered_however_much_it_cites() -> None:
    quotes = [f"Quote {number} " + "x" * 900 for number in range(10)]
    cited = tuple(
        Citation(n, "d", "Title", 0, len(q), q, None, None, 1.0, highlight=Span(0, len(q)))
        for n, q in enumerate(quotes, start=1)
    )
    long = Answer("Who built the lighthouse of Norrwick?", "Ada Lindqvist did.", citations=cited)
    (turn,) = recent([long])
    assert turn.question == long.question
    assert turn.cited[0] == quotes[0]
    assert turn.chars <= MOST_CHARS


class Counting(Sequence[Answer]):
    """A history that counts how many of its answers are looked at."""

    def __init__(self, answers: list[Answer]) -> None:
        self.answers, self.looked_at = answers, 0

    def __len__(self) -> int:
        return len(self.answers)

    def __getitem__(self, place: slice) -> list[Answer]:  # type: ignore[override]
        found = self.answers[place]
        self.looked_at += len(found)
        return found


def test_a_conversation_of_sixty_turns_stays_flat(town_library: Library) -> None:
    history = [town_library.ask("Who built the lighthouse of Norrwick?")]
    looked_at, seconds = [], []
    for _ in range(60):
        counting = Counting(history)
        started = time.perf_counter()
        history.append(town_library.ask("When was it built?", history=counting))
        seconds.append(time.perf_counter() - started)
        looked_at.append(counting.looked_at)
    assert max(looked_at) == MOST_TURNS
    assert {found.query for found in history[1:]} == {"When was the lighthouse of Norrwick built?"}
    # The middle of ten: a machine that others use has slow moments.
    assert sorted(seconds[-10:])[5] < 3 * sorted(seconds[5:15])[5]


def test_an_answer_says_how_a_follow_up_was_searched(town_library: Library) -> None:
    first = town_library.ask("Who built the lighthouse of Norrwick?")
    second = town_library.ask("How far can its lamp be seen?", history=[first])
    assert (second.question, second.query) == (
        "How far can its lamp be seen?",
        "How far can the lighthouse of Norrwick’s lamp be seen?",
    )
    assert "31 kilometres" in second.text
    *_, streamed = town_library.stream("How far can its lamp be seen?", history=[first])
    assert (streamed.query, streamed.text) == (second.query, second.text)
    other = town_library.ask("How many pilots does the harbour of Norrwick employ?", history=[first, second])
    assert other.query == ""
