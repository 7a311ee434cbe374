"""How one answer is judged against its gold question."""

from __future__ import annotations

import json
from dataclasses import replace

from eval.gold import Evidence, Question
from eval.judge import (
    CitationCount,
    Outcome,
    cites_evidence,
    count_citations,
    is_right,
    judge_answer,
    judge_hits,
    retrieved_at,
)
from eval.ranking import Ranked
from rag.schema import Answer, AnswerSentence, Citation, Hit, Passage

TEXT = "Ada wrote it in 2015. Bob read it. Nobody else did."
EVIDENCE = (Evidence("d", 0, 21, TEXT[:21]), Evidence("d", 22, 34, TEXT[22:34]))
QUESTION = Question("q", "When did Ada write it?", ("2015",), True, EVIDENCE, ("d",), ())
PASSAGES = (Passage("d", 0, 34, TEXT[:34]), Passage("d", 35, 51, TEXT[35:]))


def citation(start: int, end: int, quote: str | None = None) -> Citation:
    return Citation(1, "d", "", start, end, TEXT[start:end] if quote is None else quote, None, None, 0.5)


def ranks(question: Question, *passages: Passage) -> tuple[frozenset[int], ...]:
    judgement = judge_hits(question, passages, PASSAGES)
    assert judgement is not None
    return judgement.met


def test_a_passage_meets_the_evidence_it_overlaps() -> None:
    assert ranks(QUESTION, PASSAGES[1], PASSAGES[0]) == (frozenset(), frozenset({0, 1}))
    assert ranks(QUESTION, replace(PASSAGES[0], document_id="e")) == (frozenset(),)
    judgement = judge_hits(QUESTION, (), PASSAGES)
    assert judgement is not None
    assert (judgement.needs, judgement.missed_passages()) == (2, 1)


def test_evidence_lost_in_cleaning_stays_a_need_that_nothing_meets() -> None:
    lost = replace(QUESTION, evidence=(*EVIDENCE, Evidence("d", None, None, "gone")))
    judgement = judge_hits(lost, PASSAGES, PASSAGES)
    assert judgement is not None
    assert (judgement.needs, judgement.missed_passages()) == (3, 1)
    assert count_citations(lost, Answer("q", "a"), {}).evidence == 3


def test_lacking_evidence_a_passage_of_a_gold_document_that_holds_an_answer_is_relevant() -> None:
    bare = replace(QUESTION, evidence=())
    assert ranks(bare, PASSAGES[1], PASSAGES[0]) == (frozenset(), frozenset({0}))
    assert ranks(bare, replace(PASSAGES[0], document_id="e")) == (frozenset(),)
    assert ranks(replace(bare, document_ids=()), replace(PASSAGES[0], document_id="e")) == (frozenset({0}),)


def test_with_a_verdict_or_no_answer_every_passage_of_a_gold_document_is_relevant() -> None:
    for answers in (("no",), ("Yes",), ()):
        bare = replace(QUESTION, evidence=(), answers=answers, document_ids=("e", "d"))
        assert ranks(bare, PASSAGES[1]) == (frozenset({1}),)
        judgement = judge_hits(bare, PASSAGES, PASSAGES)
        assert judgement is not None
        assert judgement.needs == 2


def test_an_unanswerable_question_has_no_relevant_passage_to_judge() -> None:
    assert judge_hits(replace(QUESTION, answerable=False, answers=(), evidence=(), document_ids=()), (), ()) is None


def test_citations_are_counted_exact_by_their_quote_and_relevant_by_overlap() -> None:
    answer = Answer("q", "a", citations=(citation(0, 21), citation(35, 51), citation(2, 5, "xyz")))
    count = count_citations(QUESTION, answer, {"d": TEXT})
    assert (count.cited, count.exact, count.relevant) == (3, 2, 2)
    assert (count.evidence, count.found) == (2, 1)


def test_citations_and_sentences_are_counted_against_the_evidence() -> None:
    sentences = (
        AnswerSentence("one", (1,), 1.0),
        AnswerSentence("two", (2, 3), 1.0),
        AnswerSentence("three", (3,), 1.0),
    )
    places = ((0, 10), (35, 51), (22, 34))
    cited = tuple(replace(citation(*place), number=number) for number, place in enumerate(places, start=1))
    count = count_citations(QUESTION, Answer("q", "a", sentences=sentences, citations=cited), {"d": TEXT})
    assert (count.sentences, count.supported) == (3, 3)
    assert (
        count_citations(QUESTION, Answer("q", "a", sentences=sentences[:1], citations=cited[1:2]), {"d": TEXT})
    ).supported == 0
    # Evidence is [0, 21) and [22, 34); cited are 10 + 16 + 12 characters, 22 of them evidence.
    assert (count.shared_chars, count.covered_chars) == (22, 33 + 16)


def test_a_citation_that_is_no_span_of_its_document_finds_nothing() -> None:
    everywhere = replace(citation(0, 5), start_char=-5, end_char=10**9)
    count = count_citations(QUESTION, Answer("q", "a", citations=(everywhere,)), {"d": TEXT})
    assert (count.cited, count.exact, count.relevant, count.found, count.shared_chars) == (1, 0, 0, 0, 0)


def test_each_need_keeps_the_best_rank_that_a_passage_for_it_had_before_reranking() -> None:
    apart = replace(QUESTION, evidence=(EVIDENCE[0], Evidence("d", 35, 51, TEXT[35:])))
    hits = [
        Hit(PASSAGES[0], "", 1, 0.9, {"retrieved_rank": 7}),
        Hit(PASSAGES[0], "", 2, 0.8, {"retrieved_rank": 3}),
        Hit(replace(PASSAGES[1], document_id="e"), "", 3, 0.7, {"retrieved_rank": 1}),
    ]
    assert retrieved_at(apart, hits) == (3, None)
    assert retrieved_at(apart, [Hit(PASSAGES[1], "", 1, 0.9)]) == (None, None)
    assert retrieved_at(replace(apart, answerable=False), hits) == ()


def test_an_answer_counts_when_it_holds_a_gold_answer_and_a_refusal_never_does() -> None:
    answer = Answer("q", "Ada wrote it in 2015.", confidence=0.7)
    assert judge_answer(QUESTION, answer) == (True, False, 2 * 1 / (5 + 1))
    assert judge_answer(QUESTION, replace(answer, text="Not in 2015.", abstained=True)) == (False, False, 0.0)
    assert is_right(QUESTION, answer)
    assert not is_right(QUESTION, replace(answer, abstained=True))


def test_an_answer_to_a_question_without_gold_answers_is_right_when_it_cites_the_evidence() -> None:
    bare = replace(QUESTION, answers=())
    assert judge_answer(bare, Answer("q", "a")) == (None, None, None)
    assert is_right(bare, Answer("q", "a", citations=(citation(22, 30),)))
    assert not is_right(bare, Answer("q", "a", citations=(citation(35, 51),)))
    assert is_right(replace(bare, evidence=()), Answer("q", "a", citations=(citation(35, 51),)))
    assert not is_right(replace(bare, evidence=()), Answer("q", "a"))


def test_no_answer_to_an_unanswerable_question_is_right() -> None:
    unanswerable = replace(QUESTION, answerable=False, answers=(), evidence=(), document_ids=())
    assert not is_right(unanswerable, Answer("q", "Ada wrote it in 2015."))


def test_citing_is_asked_only_where_there_is_evidence_to_cite() -> None:
    assert cites_evidence(QUESTION, [("d", 0, 3)])
    assert not cites_evidence(QUESTION, [("d", 35, 51)])
    assert cites_evidence(replace(QUESTION, evidence=()), [])
    gone = replace(QUESTION, evidence=(Evidence("d", None, None, "gone"),))
    assert cites_evidence(gone, [("d", 0, 3)])
    assert not cites_evidence(gone, [])


def test_an_outcome_is_equal_after_being_written_and_read() -> None:
    counts = CitationCount(2, 2, 1, 2, 1, 2, 1, 10, 40)
    outcome = Outcome(
        question=QUESTION,
        answer="Ada wrote it in 2015.",
        proposed="Ada wrote it in 2015.",
        right=True,
        contains=True,
        em=False,
        f1=0.5,
        ranked=Ranked((3, 1, None), (4, 1, None), 1),
        citations=counts,
        abstained=False,
        confidence=0.75,
        seconds=0.25,
        hits=(("d", 0, 34),),
        cited=(("d", 0, 21),),
        stage="",
    )
    silent = replace(
        outcome,
        right=None,
        contains=None,
        em=None,
        f1=None,
        ranked=None,
        citations=None,
        abstained=None,
        confidence=None,
    )
    for value in (outcome, silent):
        assert Outcome.from_record(json.loads(json.dumps(value.to_record())), QUESTION) == value
    assert outcome.to_dict()["rank"] == 1
    assert outcome.to_dict()["iou"] == 10 / 40
    assert outcome.to_row()["chars"] == len(outcome.answer)
    assert replace(outcome, abstained=True).to_row()["chars"] is None
    assert set(silent.to_row()) == set(outcome.to_row())
