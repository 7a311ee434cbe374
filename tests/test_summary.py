"""Metrics of a run against fractions worked out by hand and independent implementations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.summary import METRICS, aurc, auroc, measure, table

UNSAID = dict.fromkeys(
    ("cited", "exact", "relevant", "evidence", "found", "sentences", "supported", "shared_chars", "covered_chars"), 0
)


def row(number: int, **values: Any) -> dict[str, Any]:
    """A question answered right, at rank 1, citing nothing, unless told otherwise."""
    return {
        "id": str(number),
        "answerable": True,
        "right": True,
        "contains": True,
        "em": False,
        "f1": 0.5,
        "chars": 10,
        "met_at": [1],
        "retrieved_at": [1],
        "missed": 0,
        **UNSAID,
        "abstained": False,
        "confidence": 0.5,
        "seconds": 0.01,
        "stage": "",
        **values,
    }


UNANSWERABLE = {
    "answerable": False,
    "right": False,
    "contains": None,
    "em": None,
    "f1": None,
    "chars": None,
    "met_at": None,
    "retrieved_at": None,
    "missed": None,
}


def refusals(answerable: list[bool], confidences: list[float], abstained: list[bool]) -> dict[str, float | None]:
    rows = [
        row(i, **({} if can else UNANSWERABLE), confidence=sure, abstained=refused)
        for i, (can, sure, refused) in enumerate(zip(answerable, confidences, abstained, strict=True))
    ]
    return {key.split(".")[1]: value for key, value in measure(table(rows)).items() if key.startswith("abstention")}


def test_ranking_and_answer_metrics_are_means_over_the_questions_that_have_them() -> None:
    values = measure(table([row(1), row(2, met_at=[None], missed=1, contains=False, f1=0.0), row(3, **UNANSWERABLE)]))
    assert values["retrieval.hit@1"] == values["retrieval.ndcg@10"] == values["answers.contains"] == 1 / 2
    assert values["answers.f1"] == 1 / 4
    assert values["answers.mean_chars"] == 10


def test_citation_metrics_are_pooled_over_citations_and_evidence() -> None:
    values = measure(
        table(
            [
                row(1, cited=3, exact=3, relevant=1, evidence=2, found=1, sentences=2, supported=1),
                row(2, cited=1, exact=1, relevant=1, evidence=1, found=1, sentences=1, supported=1),
                row(3, evidence=1, abstained=True),
                row(4, cited=2, exact=1, sentences=2),
            ]
        )
    )
    assert values["citations.exact"] == 5 / 6
    assert values["citations.precision"] == 2 / 4
    assert values["citations.recall"] == 2 / 4
    assert values["citations.sentence_recall"] == 2 / 3


def test_the_overlap_of_spans_is_a_mean_over_answers_given_where_there_is_evidence() -> None:
    values = measure(
        table(
            [
                row(1, evidence=1, shared_chars=3, covered_chars=12),
                row(2, evidence=1, shared_chars=0, covered_chars=9),
                row(3, evidence=1, shared_chars=0, covered_chars=5, abstained=True),
                row(4, covered_chars=8),
            ]
        )
    )
    assert values["citations.iou"] == (3 / 12 + 0) / 2


def test_citation_metrics_without_citation_or_evidence_are_undefined() -> None:
    values = measure(table([row(1)]))
    assert [values[f"citations.{name}"] for name in ("exact", "precision", "recall", "iou")] == [None] * 4
    assert measure(table([row(1, cited=1, exact=1)]))["citations.exact"] == 1


def test_abstention_metrics_are_worked_out_by_hand_with_unanswerable_as_positive() -> None:
    values = refusals([True, True, True, False, False], [0.9, 0.4, 0.2, 0.4, 0.1], [False, False, True, False, True])
    # Of 6 pairs of an unanswerable and an answerable question: 0.1 is below all three; 0.4 below one, level with one.
    assert values["auroc"] == pytest.approx((3 + 1 + 1 / 2) / 6)
    assert values["precision"] == values["recall"] == values["f1"] == 1 / 2
    assert values["coverage"] == 3 / 5
    assert values["risk"] == 1 / 3
    # Answering down to 0.9, 0.4 (the unanswerable one is wrong), 0.2, 0.1.
    assert values["aurc"] == pytest.approx((0 + 2 * (1 / 3) + 1 / 4 + 2 / 5) / 5)


def test_abstention_metrics_agree_with_an_independent_implementation() -> None:
    from sklearn.metrics import precision_recall_fscore_support

    answerable = [i % 3 > 0 for i in range(60)]
    abstained = [i % 4 == 0 for i in range(60)]
    values = refusals(answerable, [0.5] * 60, abstained)
    expected = precision_recall_fscore_support([not a for a in answerable], abstained, average="binary")
    assert [values["precision"], values["recall"], values["f1"]] == pytest.approx(list(expected[:3]))
    assert values["auroc"] == 0.5


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.1, 0.2, 0.5, 0.7, 0.9])), min_size=2, max_size=30))
def test_auroc_agrees_with_an_independent_implementation_ties_included(pairs: list[tuple[bool, float]]) -> None:
    from sklearn.metrics import roc_auc_score

    answerable, confidences = [a for a, _ in pairs], [c for _, c in pairs]
    value = refusals(answerable, confidences, [False] * len(pairs))["auroc"]
    if len(set(answerable)) == 1:
        assert value is None
    else:
        assert value == pytest.approx(roc_auc_score([not a for a in answerable], [1 - c for c in confidences]))


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.1, 0.2, 0.5, 0.7])), min_size=1, max_size=20), st.data())
def test_a_weight_counts_a_question_as_often_as_repeating_it_does(
    pairs: list[tuple[bool, float]], data: st.DataObject
) -> None:
    times = data.draw(st.lists(st.integers(1, 3), min_size=len(pairs), max_size=len(pairs)))
    rows = [
        row(
            i,
            **({} if can else UNANSWERABLE),
            confidence=sure,
            seconds=sure,
            cited=i,
            exact=i // 2,
            evidence=i % 3,
            relevant=i // 2,
        )
        for i, (can, sure) in enumerate(pairs)
    ]
    repeated = [r | {"id": f"{r['id']}.{n}"} for r, count in zip(rows, times, strict=True) for n in range(count)]
    weights = np.array([times], np.float64)
    once, often = table(rows), measure(table(repeated))
    for metric in METRICS:
        value = float(metric.measure(once, weights)[0])
        assert (None if np.isnan(value) else pytest.approx(value)) == often[metric.key]


def test_abstention_metrics_are_undefined_where_there_is_nothing_to_judge() -> None:
    only_answerable = refusals([True], [0.5], [True])
    assert [only_answerable[name] for name in ("auroc", "precision", "recall", "f1", "risk")] == [None] * 5
    never = refusals([False, True], [0.5, 0.6], [False, False])
    assert (never["auroc"], never["precision"], never["recall"], never["f1"]) == (1.0, None, 0.0, 0.0)
    alone = refusals([False], [0.5], [True])
    assert (alone["auroc"], alone["precision"], alone["recall"], alone["f1"]) == (None, 1.0, 1.0, 1.0)


def test_percentiles_are_values_that_occur() -> None:
    values = measure(table([row(i, seconds=i / 1000) for i in range(1, 101)]))
    assert values["latency_ms.p50"] == pytest.approx(50)
    assert values["latency_ms.p95"] == pytest.approx(95)
    assert values["latency_ms.p99"] == pytest.approx(99)
    assert measure(table([row(1, seconds=0.004)]))["latency_ms.p99"] == pytest.approx(4)


def test_a_system_that_only_searches_has_retrieval_metrics_and_no_others() -> None:
    silent = {name: None for name in ("right", "contains", "em", "f1", "chars", "abstained", "confidence", *UNSAID)}
    values = measure(table([row(1, **silent), row(2, **UNANSWERABLE | silent)]))
    assert values["retrieval.hit@1"] == 1
    assert values["latency_ms.p50"] == pytest.approx(10)
    assert {v for k, v in values.items() if not k.startswith(("retrieval", "latency"))} == {None}


def test_every_metric_has_a_name_of_its_own() -> None:
    keys = [metric.key for metric in METRICS]
    assert len(keys) == len(set(keys))


def test_ranking_by_a_perfect_confidence_has_the_least_area_under_the_risk_coverage_curve() -> None:
    rows = [row(1, confidence=0.9), row(2, confidence=0.8, right=False), row(3, confidence=0.7, right=False)]
    best = table(rows)
    worst = table([rows[0] | {"confidence": 0.1}, *rows[1:]])
    one = np.ones((1, 3))
    assert aurc(best, one)[0] == pytest.approx((0 + 1 / 2 + 2 / 3) / 3)
    assert aurc(worst, one)[0] == pytest.approx((1 + 1 + 2 / 3) / 3)
    assert np.isnan(auroc(best, one)[0])
