"""How one answer is judged against its gold question."""

from __future__ import annotations

from dataclasses import replace

from eval.gold import Evidence, Question
from eval.judge import count_citations, judge, judge_hits
from rag.schema import Answer, Citation, Hit, Passage

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


def test_an_answer_counts_when_it_holds_a_gold_answer_and_a_refusal_never_does() -> None:
    answer = Answer("q", "Ada wrote it in 2015.", confidence=0.7, hits=(Hit(PASSAGES[0], "", 1, 0.9),))
    outcome = judge(QUESTION, answer, texts={"d": TEXT}, passages=PASSAGES, seconds=0.1)
    assert (outcome.contains, outcome.em) == (True, False)
    assert outcome.f1 == 2 * 1 / (5 + 1)
    assert outcome.to_dict()["rank"] == 1
    refused = judge(
        QUESTION, replace(answer, text="Not in 2015.", abstained=True), texts={}, passages=PASSAGES, seconds=0.1
    )
    assert (refused.contains, refused.em, refused.f1) == (False, False, 0.0)
    assert refused.to_dict()["rank"] == 1


def test_an_answer_to_a_question_without_gold_answers_is_not_judged_by_its_text() -> None:
    outcome = judge(replace(QUESTION, answers=()), Answer("q", "a"), texts={}, passages=(), seconds=0.1)
    assert (outcome.contains, outcome.em, outcome.f1) == (None, None, None)
