"""Metrics against fractions worked out by hand, and once against independent implementations."""

from __future__ import annotations

import math
import re
import string
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics import (
    CitationCount,
    Judgement,
    abstention,
    citations,
    contains,
    exact_match,
    mean,
    merge,
    overlap,
    percentile,
    ranking,
    token_f1,
    tokens,
)

ASCII = st.text(alphabet="aAtThHeEnN 019.,-%'_\n", max_size=30)


def needs(*groups: int | tuple[int, ...] | None) -> tuple[frozenset[int], ...]:
    return tuple(frozenset((g,) if isinstance(g, int) else g or ()) for g in groups)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("It took in the 9.0% of 2022.", "9.0%"),
        ("worth 2.04 billion US dollars", "2.04 billion"),
        ("The UN\u00a0Technology\u00a0Bank moved", "UN Technology Bank"),
        ("signed by “Ada’s” heirs", "Ada's"),
        ("Paris—France", "France"),
        ("in 1922–26", "1922-26"),
        ("她在２０２２年来到北京。", "2022年"),
        ("共有15个项目", "15"),
        ("ประเทศไทยสวยงาม", "ไทย"),
        ("東京・大阪で開催", "大阪"),
        ("By a THE Hague court", "the hague"),
    ],
)
def test_an_answer_is_contained_whatever_case_articles_and_punctuation(text: str, answer: str) -> None:
    assert contains(text, ["something else", answer])


@pytest.mark.parametrize(
    ("text", "answer"),
    [("in 2015", "15"), ("15000 people", "15"), ("9.05%", "9.0%"), ("Francesca", "France"), ("共有15个", "5个")],
)
def test_an_answer_is_not_contained_in_a_longer_word_or_number(text: str, answer: str) -> None:
    assert not contains(text, [answer])


@pytest.mark.parametrize("answer", ["", "the", "…", "A"])
def test_an_answer_without_a_token_is_contained_nowhere(answer: str) -> None:
    assert not contains("the answer … a", [answer])


def test_nothing_is_contained_when_there_is_no_answer() -> None:
    assert not contains("text", [])
    assert not exact_match("", [])
    assert token_f1("text", []) == 0.0


def test_em_takes_any_answer_after_folding() -> None:
    assert exact_match("The Normans.", ["Vikings", "normans"])
    assert not exact_match("The Normans came", ["normans"])


def test_f1_is_the_best_over_answers_worked_out_by_hand() -> None:
    # 2 of 3 tokens given, 2 of 4 wanted: precision 2/3, recall 2/4.
    assert token_f1("big red house", ["red house by lake"]) == pytest.approx(2 * (2 / 3) * (2 / 4) / (2 / 3 + 2 / 4))
    assert token_f1("big red house", ["green", "the red house"]) == pytest.approx(4 / 5)
    # A token counts as often as both sides have it.
    assert token_f1("to to to", ["to be"]) == pytest.approx(2 * (1 / 3) * (1 / 2) / (1 / 3 + 1 / 2))


def test_f1_counts_characters_in_scripts_without_spaces() -> None:
    # 3 of 4 characters given, 3 of 3 wanted.
    assert token_f1("北京市区", ["北京市"]) == pytest.approx(2 * 3 / (4 + 3))
    assert tokens("在 iPhone 15 上") == ["在", "iphone", "15", "上"]


@given(ASCII, ASCII)
def test_em_and_f1_equal_the_published_script_on_plain_english(text: str, answer: str) -> None:
    assert exact_match(text, [answer]) == (squad_normalise(text) == squad_normalise(answer))
    assert token_f1(text, [answer]) == pytest.approx(squad_f1(text, answer))


def squad_normalise(text: str) -> str:
    """Return what ``normalize_answer`` of SQuAD's evaluate-v2.0.py returns."""
    text = "".join(char for char in text.lower() if char not in set(string.punctuation))
    return " ".join(re.compile(r"\b(a|an|the)\b", re.UNICODE).sub(" ", text).split())


def squad_f1(text: str, answer: str) -> float:
    """Return what ``compute_f1`` of SQuAD's evaluate-v2.0.py returns."""
    given_tokens, gold_tokens = squad_normalise(text).split(), squad_normalise(answer).split()
    same = sum((Counter(given_tokens) & Counter(gold_tokens)).values())
    if not given_tokens or not gold_tokens:
        return float(given_tokens == gold_tokens)
    if same == 0:
        return 0.0
    precision, recall = same / len(given_tokens), same / len(gold_tokens)
    return 2 * precision * recall / (precision + recall)


def test_overlapping_gold_spans_count_once_and_touching_ones_twice() -> None:
    assert merge([("b", 0, 2), ("a", 4, 9), ("a", 0, 5), ("a", 9, 12)]) == [("a", 0, 9), ("a", 9, 12), ("b", 0, 2)]


def test_spans_overlap_when_they_share_a_character_of_one_document() -> None:
    assert overlap(("a", 0, 5), ("a", 4, 9))
    assert not overlap(("a", 0, 5), ("a", 5, 9))
    assert not overlap(("a", 0, 5), ("b", 0, 5))


def test_ranking_metrics_are_means_over_questions_worked_out_by_hand() -> None:
    values = ranking(
        {
            "first": Judgement(1, needs(0, None), needs(0)),
            "third": Judgement(2, needs(None, None, 0), needs(0, 1)),
            "eleventh": Judgement(1, needs(*[None] * 10, 0), needs(0)),
            "never": Judgement(1, (), ()),
        }
    )
    assert values["hit@1"] == 1 / 4
    assert values["hit@5"] == values["hit@10"] == 2 / 4
    assert values["recall@5"] == (1 + 1 / 2 + 0 + 0) / 4
    assert values["mrr@10"] == pytest.approx((1 + 1 / 3) / 4)
    third = (1 / math.log2(4)) / (1 + 1 / math.log2(3))
    assert values["ndcg@10"] == pytest.approx((1 + third) / 4)


def test_ndcg_is_1_when_one_passage_holds_all_evidence_and_stands_first() -> None:
    assert ranking({"q": Judgement(3, needs((0, 1, 2)), needs((0, 1, 2)))})["ndcg@10"] == pytest.approx(1)


def test_ndcg_credits_the_first_of_the_passages_that_meet_the_same_need() -> None:
    judgement = Judgement(2, needs(0, 0, 1), needs(0, 0, 1))
    assert judgement.credited_ranks() == [1, 3]
    assert ranking({"q": judgement})["ndcg@10"] == pytest.approx((1 + 1 / 2) / (1 + 1 / math.log2(3)))


def test_the_ideal_takes_as_few_passages_as_the_collection_needs() -> None:
    # One passage would give both needs left, so the ideal is two passages, not three.
    judgement = Judgement(3, needs(0), needs(0, 1, (1, 2)))
    assert judgement.missed_passages() == 1
    assert ranking({"q": judgement})["ndcg@10"] == pytest.approx(1 / (1 + 1 / math.log2(3)))


def test_a_need_that_no_passage_meets_still_counts_as_missed() -> None:
    assert Judgement(2, needs(0), needs(0)).missed_passages() == 1


@given(st.integers(1, 4), st.data())
def test_ranking_metrics_lie_between_0_and_1_and_ndcg_agrees_with_an_independent_sum(
    count: int, data: st.DataObject
) -> None:
    groups = st.frozensets(st.integers(0, count - 1), max_size=count)
    met = tuple(data.draw(st.lists(groups, max_size=12)))
    judgement = Judgement(count, met, met)
    values = ranking({"q": judgement})
    assert all(value is not None and 0 <= value <= 1 + 1e-9 for value in values.values())
    ideal = len(judgement.credited_ranks()) + judgement.missed_passages()
    gained = sum(1 / math.log2(rank + 1) for rank in judgement.credited_ranks() if rank <= 10)
    best = sum(1 / math.log2(rank + 1) for rank in range(1, min(ideal, 10) + 1))
    assert values["ndcg@10"] == pytest.approx(gained / best)
    first = judgement.first_rank()
    assert values["mrr@10"] == pytest.approx(1 / first if first and first <= 10 else 0)


def test_ranking_metrics_of_no_question_are_undefined() -> None:
    assert set(ranking({})) == {"hit@1", "hit@5", "hit@10", "recall@5", "mrr@10", "ndcg@10"}
    assert set(ranking({}).values()) == {None}


def test_citation_metrics_are_pooled_over_citations_and_evidence() -> None:
    counts = [
        CitationCount(cited=3, exact=3, relevant=1, evidence=2, found=1),
        CitationCount(cited=1, exact=1, relevant=1, evidence=1, found=1),
        CitationCount(cited=0, exact=0, relevant=0, evidence=1, found=0),
        CitationCount(cited=2, exact=1, relevant=0, evidence=0, found=0),
    ]
    assert citations(counts) == {"exact": 5 / 6, "precision": 2 / 4, "recall": 2 / 4}


def test_citation_metrics_without_citation_or_evidence_are_undefined() -> None:
    assert citations([]) == {"exact": None, "precision": None, "recall": None}
    assert citations([CitationCount(1, 1, 0, 0, 0)]) == {"exact": 1.0, "precision": None, "recall": None}


def test_abstention_metrics_are_worked_out_by_hand_with_unanswerable_as_positive() -> None:
    values = abstention(
        answerable=[True, True, True, False, False],
        confidences=[0.9, 0.4, 0.2, 0.4, 0.1],
        abstained=[False, False, True, False, True],
    )
    # Of 6 pairs of an unanswerable and an answerable question: 0.1 is below all three; 0.4 below one, level with one.
    assert values["auroc"] == pytest.approx((3 + 1 + 1 / 2) / 6)
    assert values["precision"] == 1 / 2
    assert values["recall"] == 1 / 2
    assert values["f1"] == 1 / 2


def test_abstention_metrics_agree_with_an_independent_implementation() -> None:
    from sklearn.metrics import precision_recall_fscore_support

    answerable = [i % 3 > 0 for i in range(60)]
    abstained = [i % 4 == 0 for i in range(60)]
    values = abstention(answerable=answerable, confidences=[0.5] * 60, abstained=abstained)
    expected = precision_recall_fscore_support([not a for a in answerable], abstained, average="binary")
    assert [values["precision"], values["recall"], values["f1"]] == pytest.approx(list(expected[:3]))
    assert values["auroc"] == 0.5


def test_abstention_metrics_are_undefined_where_there_is_nothing_to_judge() -> None:
    none = {"auroc": None, "precision": None, "recall": None, "f1": None}
    assert abstention(answerable=[True], confidences=[0.5], abstained=[True]) == none
    never = abstention(answerable=[False, True], confidences=[0.5, 0.6], abstained=[False, False])
    assert never == {"auroc": 1.0, "precision": None, "recall": 0.0, "f1": 0.0}
    alone = abstention(answerable=[False], confidences=[0.5], abstained=[True])
    assert alone == {"auroc": None, "precision": 1.0, "recall": 1.0, "f1": 1.0}


def test_means_and_percentiles_of_nothing_are_undefined() -> None:
    assert mean([]) is None
    assert percentile([], 50) is None
    assert mean([1, 2]) == 1.5
    assert percentile([4.0, 1.0, 3.0, 2.0], 50) == 2.5
    assert percentile([float(i) for i in range(101)], 95) == 95.0
