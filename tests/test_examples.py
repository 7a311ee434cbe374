"""Which questions are shown as examples, and what is cut out of their documents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.examples import Example, Piece, examples, worst
from eval.excerpts import CUT, EXCERPT_CHARS, cut_out
from eval.gold import Evidence, Question
from eval.judge import Outcome
from eval.ranking import Ranked
from eval.resolve import Corpus
from rag import Document, Library

STORY = "The Elm Bridge was opened in 1932 by Mary Stone. It is 410 metres long."
LONG = " ".join(f"Boat {n} moors at berth {n * 7}." for n in range(80))
TITLES = {"bridge": "A bridge"}
QUESTION = Question("q", "When was it opened?", ("1932",), True, (), ("bridge",), ("date",))
OUTCOME = Outcome(
    question=QUESTION,
    answer="It is 410 metres long.",
    proposed="It is 410 metres long.",
    right=False,
    contains=False,
    em=False,
    f1=0.0,
    ranked=Ranked((2,), (None,), 0),
    citations=None,
    abstained=False,
    confidence=0.5,
    seconds=0.1,
    hits=(("long", 0, 300), ("bridge", 0, 71)),
    cited=(("bridge", 49, 71),),
    stage="answer",
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corpus]:
    with Library.open(tmp_path_factory.mktemp("examples") / "library") as library:
        library.add([Document("bridge", STORY, title="A bridge"), Document("long", LONG)])
        yield Corpus(library)


def lost(name: str, stage: str, confidence: float | None, *, abstained: bool | None = False) -> Outcome:
    question = replace(QUESTION, id=name)
    return replace(OUTCOME, question=question, stage=stage, confidence=confidence, abstained=abstained)


def only(corpus: Corpus, outcome: Outcome) -> Example:
    (example,) = examples([outcome], corpus, titles=TITLES)
    return example


def shown(pieces: tuple[Piece, ...]) -> str:
    return "".join(f"[{piece.text}]" if piece.mark else piece.text for piece in pieces)


def ids(outcomes: list[Outcome]) -> list[str]:
    return [outcome.question.id for outcome in outcomes]


def test_the_surest_wrong_answers_come_first_and_right_ones_not_at_all() -> None:
    outcomes = [
        lost("unsure", "answer", 0.4),
        lost("sure", "answer", 0.9),
        lost("right", "", 0.99),
        lost("refused", "refused", 0.3, abstained=True),
        lost("refused for good", "refused", 0.1, abstained=True),
        lost("refused, and rightly so", "retrieve", 0.2, abstained=True),
    ]
    assert ids(worst(outcomes, 10)) == [
        "sure", "unsure", "refused for good", "refused", "refused, and rightly so",
    ]  # fmt: skip


def test_every_stage_is_represented_however_few_are_shown() -> None:
    outcomes = [lost(f"answer {n}", "answer", 0.9) for n in range(50)]
    outcomes += [lost("cite 0", "cite", 0.1), lost("split 0", "split", 0.2), lost("new 0", "a stage to come", 0.3)]
    assert sorted(ids(worst(outcomes, 4))) == ["answer 0", "cite 0", "new 0", "split 0"]
    assert len(worst(outcomes, 6)) == 6
    assert len(worst(outcomes, 99)) == 53
    assert worst(outcomes, 0) == []


def test_questions_of_a_system_that_only_searches_keep_their_order() -> None:
    outcomes = [lost(name, "retrieve", None, abstained=None) for name in ("b", "a")]
    assert ids(worst(outcomes, 10)) == ["b", "a"]


def test_an_example_says_what_was_asked_expected_and_said(corpus: Corpus) -> None:
    example = only(corpus, OUTCOME)
    assert (example.id, example.question, example.tags) == ("q", "When was it opened?", ("date",))
    assert (example.answers, example.rank, example.stage) == (("1932",), 2, "answer")
    assert (example.answer, example.abstained, example.confidence) == ("It is 410 metres long.", False, 0.5)


def test_evidence_is_marked_where_it_is_expected_retrieved_and_cited(corpus: Corpus) -> None:
    evidence = Evidence("bridge", 19, 33, STORY[19:33])
    asked = replace(QUESTION, evidence=(evidence,))
    example = only(corpus, replace(OUTCOME, question=asked, cited=(("bridge", 0, 48), ("bridge", 49, 71))))
    whole = "The Elm Bridge was [opened in 1932] by Mary Stone. It is 410 metres long."
    assert [shown(item.pieces) for item in example.expected] == [whole]
    assert [item.title for item in example.expected] == ["A bridge"]
    assert [shown(item.pieces) for item in example.cited] == [whole[:50], STORY[49:]]
    assert [(item.number, item.start_char, item.end_char) for item in example.cited] == [(1, 0, 48), (2, 49, 71)]
    first, second = example.retrieved
    assert (first.document_id, first.title, first.number) == ("long", "", 1)
    assert not first.marked
    assert shown(first.pieces) == LONG[:300]
    assert second.marked
    assert shown(second.pieces) == whole
    assert [piece.text for piece in second.pieces if piece.cited and piece.mark] == ["opened in 1932"]
    assert "".join(piece.text for piece in second.pieces if piece.cited) == STORY[:48] + STORY[49:]


def test_evidence_deep_in_a_long_document_is_shown_with_its_surroundings(corpus: Corpus) -> None:
    start = LONG.index("Boat 40 ")
    asked = replace(QUESTION, evidence=(Evidence("long", start, start + 7, "Boat 40"),), document_ids=("long",))
    (excerpt,) = only(corpus, replace(OUTCOME, question=asked)).expected
    text = shown(excerpt.pieces)
    assert text.startswith("… ")
    assert text.endswith(" …")
    before, _, after = text.partition("[Boat 40]")
    assert 80 < len(before) <= 122
    assert 80 < len(after) <= 122
    assert before.removeprefix("… ") + "Boat 40" + after.removesuffix(" …") in LONG
    assert f" {before.removeprefix('… ')}" in LONG  # begins with a whole word


def test_evidence_that_cleaning_dropped_has_its_quote_and_no_place(corpus: Corpus) -> None:
    asked = replace(QUESTION, evidence=(Evidence("bridge", None, None, "gone"),))
    (excerpt,) = only(corpus, replace(OUTCOME, question=asked)).expected
    assert (excerpt.start_char, shown(excerpt.pieces)) == (None, "gone")


def test_lacking_evidence_gold_documents_are_expected_and_gold_answers_marked_in_them(corpus: Corpus) -> None:
    example = only(corpus, replace(OUTCOME, hits=(("bridge", 0, 71), ("long", 0, 300))))
    assert [(item.document_id, item.pieces) for item in example.expected] == [("bridge", ())]
    assert "[1932]" in shown(example.retrieved[0].pieces)
    elsewhere = replace(QUESTION, answers=("boat",))
    example = only(corpus, replace(OUTCOME, question=elsewhere, hits=(("long", 0, 300),)))
    assert not example.retrieved[0].marked
    within = replace(QUESTION, answers=("3",))
    assert not only(corpus, replace(OUTCOME, question=within, hits=(("bridge", 0, 71),))).retrieved[0].marked


def test_what_goes_on_for_pages_is_cut_and_counted(corpus: Corpus) -> None:
    evidence = tuple(Evidence("long", n * 30, n * 30 + 5, LONG[n * 30 : n * 30 + 5]) for n in range(9))
    asked = replace(
        QUESTION, question="why " * 5_000, answers=tuple(f"{n} " * 900 for n in range(30)), evidence=evidence
    )
    outcome = replace(OUTCOME, question=asked, answer="so " * 5_000, proposed="so " * 5_000, hits=(("long", 0, 2_000),))
    example = only(corpus, replace(outcome, cited=(("long", 0, 2_000),) * 7))
    assert (example.expected_count, example.cited_count) == (9, 7)
    assert max(len(example.expected), len(example.cited)) < 7
    assert len(str(example)) < 20_000
    assert example.answer.endswith(" …")


def test_examples_of_many_questions_are_limited(corpus: Corpus) -> None:
    outcomes = [lost(f"{n}", "answer", 0.5) for n in range(7)]
    assert len(examples(outcomes, corpus, most=3)) == 3
    assert len(examples(outcomes, corpus)) == 7


@given(
    text=st.text(alphabet="ab \n界", max_size=1_500),
    cuts=st.lists(st.integers(0, 1_500), min_size=2, max_size=6, unique=True),
    cited=st.tuples(st.integers(0, 1_500), st.integers(0, 1_500)),
)
def test_pieces_are_slices_of_the_text_in_order_and_marks_are_what_was_marked(
    text: str, cuts: list[int], cited: tuple[int, int]
) -> None:
    ordered = sorted(min(cut, len(text)) for cut in cuts)
    bounds = ordered[0], ordered[-1]
    marks = [(a, b) for a, b in zip(ordered[::2], ordered[1::2], strict=False) if a < b]
    shared = max(min(cited), bounds[0]), min(max(cited), bounds[1])
    pieces = cut_out(text, bounds, marks, [shared] if shared[0] < shared[1] else [])
    assert sum(len(piece.text) for piece in pieces) <= EXCERPT_CHARS + 3 * len(CUT)
    at = bounds[0]
    for piece in pieces:
        if piece.text.strip(" ") == "…":
            continue
        at = text.index(piece.text, at)
        assert at + len(piece.text) <= bounds[1]
        if piece.mark:
            assert any(piece.text in text[a:b] for a, b in marks)
        at += len(piece.text)
    if bounds[1] - bounds[0] <= EXCERPT_CHARS:
        assert "".join(piece.text for piece in pieces) == text[bounds[0] : bounds[1]]
        assert "".join(p.text for p in pieces if p.mark) == "".join(text[a:b] for a, b in marks)
    elif marks:
        assert any(piece.mark for piece in pieces)
