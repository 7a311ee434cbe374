"""Which stage is named for a question that went wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eval.diagnose import STAGES, holds_evidence, lost_in_answer, lost_in_search
from eval.gold import Evidence, Question
from rag.schema import Passage

TEXT = "The bridge was opened in 1932 by Mary Stone. It carries two tram lines. Nobody knows its weight."
SENTENCE = Evidence("d", 0, 44, TEXT[:44])
QUESTION = Question("q", "When was the bridge opened?", ("1932",), True, (SENTENCE,), ("d",), ())


def passage(start: int, end: int, document: str = "d") -> Passage:
    return Passage(document, start, end, TEXT[start:end])


FIRST, SECOND, THIRD = passage(0, 44), passage(45, 71), passage(72, 96)


def lost(
    context: list[Passage], candidates: list[Passage], passages: list[Passage], question: Question = QUESTION
) -> str:
    return lost_in_search(question, passages=passages, context=context, candidates=lambda: candidates)


def test_evidence_in_the_context_is_not_lost_and_no_candidates_are_asked_for() -> None:
    def never() -> list[Passage]:
        raise AssertionError("candidates were asked for")

    assert lost_in_search(QUESTION, passages=[FIRST, SECOND], context=[SECOND, FIRST], candidates=never) == ""


def test_evidence_among_the_candidates_alone_is_lost_by_the_reranker_and_elsewhere_by_retrieval() -> None:
    everything = [FIRST, SECOND, THIRD]
    assert lost([SECOND], [SECOND, FIRST], everything) == "rerank"
    assert lost([SECOND], [SECOND, THIRD], everything) == "retrieve"


def test_an_answer_cut_by_the_border_of_passages_is_lost_by_splitting() -> None:
    # "1932" stands in [25, 29).
    assert lost([passage(0, 27)], [passage(0, 27), passage(27, 71)], [passage(0, 27), passage(27, 71)]) == "split"


def test_evidence_that_cleaning_dropped_is_lost_by_splitting() -> None:
    gone = replace(QUESTION, evidence=(Evidence("d", None, None, "gone"),))
    assert lost([FIRST], [FIRST], [FIRST, SECOND], gone) == "split"


def test_where_the_evidence_does_not_spell_the_answer_all_of_it_is_needed() -> None:
    both = replace(QUESTION, answers=("no",), evidence=(SENTENCE, Evidence("d", 45, 71, TEXT[45:71])))
    everything = [FIRST, SECOND, THIRD]
    assert not holds_evidence(both, [FIRST], everything)
    assert holds_evidence(both, [SECOND, FIRST], everything)
    assert lost([FIRST], [FIRST, SECOND], everything, both) == "rerank"


def test_without_a_gold_document_nothing_is_said_to_be_lost_by_splitting() -> None:
    anywhere = replace(QUESTION, evidence=(), document_ids=())
    assert lost([SECOND], [THIRD], [], anywhere) == "retrieve"
    assert lost([FIRST], [], [], anywhere) == ""


@pytest.mark.parametrize(
    ("values", "stage"),
    [
        ({}, ""),
        ({"cites": False}, "cite"),
        ({"abstained": True}, "refused"),
        ({"right": False}, "answer"),
        ({"right": False, "abstained": True}, "answer"),
        ({"right": False, "lost": "rerank"}, "rerank"),
        ({"right": False, "abstained": True, "lost": "retrieve"}, "retrieve"),
        ({"right": None, "abstained": True}, "refused"),
        ({"right": None, "abstained": True, "lost": "retrieve"}, "retrieve"),
    ],
)
def test_an_answerable_question_is_lost_at_the_first_stage_that_failed(values: dict[str, object], stage: str) -> None:
    known = {"right": True, "cites": True, "abstained": False, "lost": "", **values}
    assert lost_in_answer(QUESTION, **known) == stage  # type: ignore[arg-type]
    assert not stage or stage in STAGES


def test_an_unanswerable_question_is_lost_by_answering_it() -> None:
    unanswerable = replace(QUESTION, answerable=False, answers=(), evidence=(), document_ids=())
    assert lost_in_answer(unanswerable, right=False, cites=True, abstained=False, lost="") == "answered"
    assert lost_in_answer(unanswerable, right=False, cites=True, abstained=True, lost="") == ""
