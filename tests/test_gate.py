"""What the gate calls worse, and which questions it names."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eval.gate import Baseline, Failure, failures, flipped, gate_values, gate_warnings, read_baseline
from eval.gold import Question
from eval.judge import CitationCount, Outcome
from eval.ranking import Ranked
from eval.summary import FORMAT, METRICS, table
from eval.terminal import failure_line
from rag.errors import GoldError

BY_KEY = {metric.key: metric for metric in METRICS}


def outcome(number: int, *, right: bool = True, rank: int | None = 1, **values: Any) -> Outcome:
    return Outcome(
        question=Question(f"q{number}", "?", ("a",), True, (), ("d",), ()),
        answer="a",
        proposed="a",
        right=right,
        ranked=Ranked((rank,), (values.pop("retrieved", rank),), 0 if rank else 1),
        citations=values.pop("citations", CitationCount(1, 1, int(right), 1, int(right), 1, int(right), 5, 10)),
        **{
            "contains": right,
            "em": False,
            "f1": 0.5 if right else 0.0,
            "abstained": False,
            "confidence": 0.5,
            "seconds": 0.01,
            "hits": (),
            "cited": (),
            "stage": "" if right else "answer",
            **values,
        },
    )


def baseline(rows: list[Outcome]) -> Baseline:
    # As it comes back from a file.
    return Baseline(
        Path("report.json"),
        "digest",
        "default",
        {row.question.id: json.loads(json.dumps(row.to_row())) for row in rows},
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
    worse = [outcome(i, rank=3, retrieved=1 if i < 10 else 2) if i < 15 else row for i, row in enumerate(GOOD)]
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


def test_a_need_that_was_lost_is_blamed_on_the_stage_that_lost_it_whatever_became_of_the_others() -> None:
    before = replace(GOOD[0], ranked=Ranked((1, 2), (1, 2), 0))
    # The first need stays where it was; the second is no candidate any more, though the answer blames the reranker.
    after = replace(before, ranked=Ranked((1, None), (1, None), 1), stage="rerank")
    rows = [replace(row, question=replace(row.question, id=f"q{i}")) for i, row in enumerate([after] * 30)]
    then = [replace(row, question=replace(row.question, id=f"q{i}")) for i, row in enumerate([before] * 30)]
    found = {failure.metric: failure for failure in failures(rows, baseline(then), max_drop=0.0)}
    assert found["retrieval.recall@5"].stages() == {"retrieve": 30}


def test_a_share_that_fell_names_the_questions_whose_share_fell() -> None:
    def cited(relevant: int, count: int) -> CitationCount:
        return CitationCount(count, count, relevant, 1, 1, count, relevant, 5, 10)

    then = [outcome(i, citations=cited(1, 1)) for i in range(40)]
    now = [outcome(i, citations=cited(1, 3) if i < 30 else cited(1, 1)) for i in range(40)]
    found = {failure.metric: failure for failure in failures(now, baseline(then), max_drop=0.01)}
    assert len(found["citations.precision"].flipped) == len(found["citations.sentence_recall"].flipped) == 30
    assert "citations.recall" not in found


def test_confidence_that_turned_the_wrong_way_names_its_questions() -> None:
    nothing = Question("u", "?", (), False, (), (), ())
    unanswerable = [
        replace(outcome(i, right=False, confidence=0.2), question=replace(nothing, id=f"u{i}"), ranked=None)
        for i in range(30)
    ]
    then = [*(outcome(i, confidence=0.8 - i / 1000) for i in range(30)), *unanswerable]
    now = [*then[:30], *(replace(row, confidence=0.9) for row in unanswerable)]
    found = {failure.metric: failure for failure in failures(now, baseline(then), max_drop=0.01)}
    assert {question for question, _ in found["abstention.auroc"].flipped} == {f"u{i}" for i in range(30)}


def test_the_gate_says_how_much_was_compared() -> None:
    values = gate_values([], GOOD, baseline(GOOD[:10]), 0.01)
    assert (values["passed"], values["questions"]) == (True, 10)
    said = gate_warnings(GOOD, baseline(GOOD[:10]), digest="other", system="lexical")
    assert len(said) == 3
    assert "only the 10 questions" in said[2]
    assert gate_warnings(GOOD, baseline(GOOD), digest="digest", system="default") == []


@pytest.mark.parametrize(
    "change",
    [
        {"contains": "yes"},
        {"met_at": []},
        {"met_at": [0]},
        {"met_at": [1, 2]},
        {"retrieved_at": None},
        {"missed": None},
    ],
)
def test_a_report_with_a_row_that_metrics_cannot_be_computed_of_is_refused(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    row = GOOD[0].to_row()
    values = {"format": FORMAT, "gold": {"digest": "x"}, "system": {"name": "default"}, "outcomes": [row]}
    path = tmp_path / "report.json"
    path.write_text(json.dumps(values), encoding="utf-8")
    assert read_baseline(path).rows["q0"]["contains"] is True
    path.write_text(json.dumps({**values, "outcomes": [{**row, **change}]}), encoding="utf-8")
    with pytest.raises(GoldError, match="no report of this version"):
        read_baseline(path)
    for name in row:
        path.write_text(json.dumps({**values, "outcomes": [{k: v for k, v in row.items() if k != name}]}))
        with pytest.raises(GoldError, match="no report of this version"):
            read_baseline(path)
    path.write_text(json.dumps({**values, "format": FORMAT + 1}), encoding="utf-8")
    with pytest.raises(GoldError, match=f"format {FORMAT + 1}"):
        read_baseline(path)


def test_a_failure_without_flipped_questions_still_reads_as_a_line() -> None:
    assert failure_line(Failure("citations.iou", 0.1, 0.3, 0.01, ())) == (
        "citations.iou went from 0.300 to 0.100 (-0.200, p = 0.0100); 0 questions flipped"
    )
