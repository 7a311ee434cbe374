"""Ranking metrics against fractions worked out by hand, and an independent sum."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.ranking import RANKING_METRICS, Judgement, Ranked, ranking, recall_curve


def needs(*groups: int | tuple[int, ...] | None) -> tuple[frozenset[int], ...]:
    return tuple(frozenset((g,) if isinstance(g, int) else g or ()) for g in groups)


def rated(judgement: Judgement) -> dict[str, float]:
    return ranking({"q": judgement.ranked()})["q"]


def test_ranking_metrics_of_each_question_are_worked_out_by_hand() -> None:
    values = ranking(
        {
            "first": Judgement(1, needs(0, None), needs(0)).ranked(),
            "third": Judgement(2, needs(None, None, 0), needs(0, 1)).ranked(),
            "eleventh": Judgement(1, needs(*[None] * 10, 0), needs(0)).ranked(),
            "never": Judgement(1, (), ()).ranked(),
        }
    )
    assert set(values["first"]) == set(RANKING_METRICS)
    assert set(values["first"].values()) == {1.0}
    third = (1 / math.log2(4)) / (1 + 1 / math.log2(3))
    assert values["third"] == pytest.approx(
        {"hit@1": 0, "hit@5": 1, "hit@10": 1, "recall@5": 1 / 2, "recall@10": 1 / 2, "mrr@10": 1 / 3, "ndcg@10": third}
    )
    assert set(values["eleventh"].values()) == set(values["never"].values()) == {0.0}


def test_ndcg_is_1_when_one_passage_holds_all_evidence_and_stands_first() -> None:
    assert rated(Judgement(3, needs((0, 1, 2)), needs((0, 1, 2))))["ndcg@10"] == pytest.approx(1)


def test_ndcg_credits_the_first_of_the_passages_that_meet_the_same_need() -> None:
    judgement = Judgement(2, needs(0, 0, 1), needs(0, 0, 1))
    assert judgement.met_at() == (1, 3)
    assert Judgement(3, needs(None, 2), ()).met_at() == (None, None, 2)
    assert rated(judgement)["ndcg@10"] == pytest.approx((1 + 1 / 2) / (1 + 1 / math.log2(3)))


def test_smaller_passages_that_share_the_evidence_are_judged_like_one_that_holds_it() -> None:
    whole = Judgement(1, needs(None, 0), needs(0))
    halves = Judgement(1, needs(None, 0, 0), needs(0, 0))
    assert rated(whole) == rated(halves)


def test_the_ideal_takes_as_few_passages_as_the_collection_needs() -> None:
    # One passage would give both needs left, so the ideal is two passages, not three.
    judgement = Judgement(3, needs(0), needs(0, 1, (1, 2)))
    assert judgement.missed_passages() == 1
    assert rated(judgement)["ndcg@10"] == pytest.approx(1 / (1 + 1 / math.log2(3)))


def test_a_need_that_no_passage_meets_still_counts_as_missed() -> None:
    assert Judgement(2, needs(0), needs(0)).missed_passages() == 1


@given(st.integers(1, 4), st.data())
def test_ranking_metrics_lie_between_0_and_1_and_agree_with_independent_sums(count: int, data: st.DataObject) -> None:
    groups = st.frozensets(st.integers(0, count - 1), max_size=count)
    met = tuple(data.draw(st.lists(groups, max_size=12)))
    judgement = Judgement(count, met, met)
    values = rated(judgement)
    assert all(0 <= value <= 1 + 1e-9 for value in values.values())
    seen: set[int] = set()
    credited = []
    for rank, group in enumerate(met, start=1):
        if not group <= seen:
            credited.append(rank)
        seen |= group
    ideal = len(credited) + judgement.missed_passages()
    gained = sum(1 / math.log2(rank + 1) for rank in credited if rank <= 10)
    best = sum(1 / math.log2(rank + 1) for rank in range(1, min(ideal, 10) + 1))
    assert values["ndcg@10"] == pytest.approx(gained / best)
    first = judgement.ranked().first_rank()
    assert first == (credited[0] if credited else None)
    assert values["mrr@10"] == pytest.approx(1 / first if first and first <= 10 else 0)
    assert values["recall@5"] == pytest.approx(len(frozenset().union(*met[:5])) / count)


def test_recall_is_drawn_for_each_k_as_a_mean_over_questions() -> None:
    curve = dict(recall_curve([Ranked((4, 1), (None, None), 0), Ranked((None,), (None,), 1)]))
    assert (curve[1], curve[3], curve[4], curve[10]) == (1 / 4, 1 / 4, 1 / 2, 1 / 2)
    assert recall_curve([]) == []
