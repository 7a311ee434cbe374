"""What the gate calls worse, and which questions it names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eval.gate import Baseline, Failure, failures, flipped
from eval.gold import Question
from eval.judge import CitationCount, Outcome
from eval.ranking import Ranked
from eval.summary import METRICS, table
from eval.terminal import failure_line
from rag.errors import GoldError

BY_KEY = {metric.key: metric for metric in METRICS}


def outcome(number: int, *, right: bool = True, rank: int | None = 1, **values: Any) -> Outcome:
    return Outcome(
        question=Question(f"q{number}", "?", ("a",), True, (), ("d",), ()),
        answer="a",
        proposed="a",
        right=right,
        ranked=Ranked(1, (rank,), 0) if rank else Ranked(1, (), 1),
        citations=CitationCount(1, 1, int(right), 1, int(right), 1, int(right), 5, 10),
        **{
            "contains": right,
            "em": False,
            "f1": 0.5 if right else 0.0,
            "abstained": False,
            "confidence": 0.5,
            "seconds": 0.01,
            "retrieved_rank": rank,
            "hits": (),
            "cited": (),
            "stage": "" if right else "answer",
            **values,
        },
    )


def baseline(rows: list[Outcome]) -> Baseline:
    # As it comes back from a file.
    return Baseline(
        Path("report.json"), "digest", {row.question.id: json.loads(json.dumps(row.to_row())) for row in rows}
    )


GOOD = [outcome(i) for i in range(60)]


def test_a_run_against_itself_has_no_failure_even_if_nothing_may_fall() -> None:
    mixed = [outcome(i, right=i % 3 > 0, rank=i % 4 or None) for i in range(60)]
    assert failures(mixed, baseline(mixed), max_drop=0.0) == []


def test_what_fell_far_and_surely_is_named_with_the_questions_that_flipped_and_their_stages() -> None:
    worse = [outcome(i, right=False, rank=None, stage="retrieve") if i < 15 else row for i, row in enumerate(GOOD)]
    found = {failure.metric: failure for failure in failures(worse, baseline(GOOD), max_drop=0.01)}
    assert {"retrieval.hit@1", "answers.contains", "citations.recall", "abstention.risk"} <= found.keys()
    assert "answers.mean_chars" not in found
    failure = found["retrieval.hit@1"]
    assert (failure.value, failure.baseline_value) == (0.75, 1.0)
    assert failure.p_value < 0.05
    assert failure.flipped == tuple((f"q{i}", "retrieve") for i in range(15))
    assert failure.stages() == {"retrieve": 15}
    line = failure_line(failure)
    assert "\n" not in line
    assert "retrieval.hit@1 went from 1.000 to 0.750" in line
    assert "q0 (retrieve)" in line
    assert "and 5 more" in line
    # A share of wrong answers that rises is worse.
    assert found["abstention.risk"].value > found["abstention.risk"].baseline_value


def test_a_ranking_that_fell_is_blamed_on_the_stage_that_moved_the_passage() -> None:
    # The answers are as right as before; ten passages came to the reranker where they had come, five came later.
    worse = [outcome(i, rank=3, retrieved_rank=1 if i < 10 else 2) if i < 15 else row for i, row in enumerate(GOOD)]
    found = {failure.metric: failure for failure in failures(worse, baseline(GOOD), max_drop=0.01)}
    assert found["retrieval.hit@1"].stages() == {"rerank": 10, "retrieve": 5}
    assert "answers.contains" not in found


def test_what_rose_is_no_failure() -> None:
    worse = [outcome(i, right=i > 20) for i in range(60)]
    assert failures(GOOD, baseline(worse), max_drop=0.0) == []


def test_a_fall_that_is_small_or_may_be_chance_is_accepted() -> None:
    one_worse = [outcome(0, right=False), *GOOD[1:]]
    assert failures(one_worse, baseline(GOOD), max_drop=0.0) == []
    many_worse = [outcome(i, right=i >= 15) for i in range(60)]
    assert failures(many_worse, baseline(GOOD), max_drop=0.6) == []


def test_only_questions_of_both_runs_are_compared() -> None:
    worse = [outcome(i, right=i >= 15) for i in range(60)]
    assert failures(worse, baseline(GOOD[15:]), max_drop=0.0) == []
    with pytest.raises(GoldError, match="no question in common"):
        failures(GOOD, baseline([outcome(99)]), max_drop=0.0)


def test_refusing_flips_a_question_only_where_it_is_wrong_to_refuse() -> None:
    answered, refused = outcome(0).to_row(), outcome(0, abstained=True).to_row()
    metric = BY_KEY["abstention.f1"]
    assert flipped(metric, table([refused]), table([answered])) == [0]
    assert flipped(metric, table([answered]), table([refused])) == []
    unanswerable = {"answerable": False}
    assert flipped(metric, table([refused | unanswerable]), table([answered | unanswerable])) == []
    assert flipped(metric, table([answered | unanswerable]), table([refused | unanswerable])) == [0]


def test_a_failure_without_flipped_questions_still_reads_as_a_line() -> None:
    assert failure_line(Failure("citations.iou", 0.1, 0.3, 0.01, ())) == (
        "citations.iou went from 0.300 to 0.100 (-0.200, p = 0.0100); 0 questions flipped"
    )
