"""The weights of the confidence, fitted on something tiny: what tells the answerable weighs, and the table is whole."""

from __future__ import annotations

import random
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from eval import fit_confidence
from eval.fit_confidence import SHIPPED, SHIPPED_UNREAD, Case, auroc, fit, read_sets, table, threshold
from rag.confidence import UNREAD_WEIGHTS, WEIGHTS, confidence
from tests.test_confidence import CLEAR, UNREAD
from tests.test_fit_rerank import FACTS, gold_folder


@pytest.fixture(autouse=True)
def _own_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.kept._cache", lambda: tmp_path / "kept")


def drawn_cases() -> list[Case]:
    draw = random.Random(0)
    values = [(draw.random(), draw.random(), draw.random()) for _ in range(200)]
    return [
        Case(
            "answerable" if unmet < 0.5 else "number",
            n % 2 == 1,
            replace(CLEAR, tokens=tokens, unmet=unmet, dense=dense),
        )
        for n, (tokens, unmet, dense) in enumerate(values)
    ]


def test_a_sign_that_tells_what_is_not_answerable_is_weighed_against_it() -> None:
    model = fit({"qed": drawn_cases()}, list(WEIGHTS))
    assert max(model.weights, key=lambda sign: abs(model.weights[sign])) == "unmet"
    assert model.weights["unmet"] < 0 < model.intercept


def test_fitting_twice_gives_the_same() -> None:
    assert fit({"qed": drawn_cases()}, list(WEIGHTS)) == fit({"qed": drawn_cases()}, list(WEIGHTS))


def test_auroc_counts_pairs() -> None:
    # Of six pairs four are in order and one is equal: 4.5 / 6.
    assert auroc([0.9, 0.5, 0.2], [0.1, 0.5]) == pytest.approx(4.5 / 6)


def test_the_threshold_refuses_as_few_answerable_questions_as_the_rule_says() -> None:
    cases = [Case("answerable", False, replace(CLEAR, tokens=n / 100)) for n in range(100)]
    chosen = threshold({"squad2": cases}, SHIPPED)
    below = sum(confidence(case.signs) < chosen for case in cases)
    assert 0 < below <= 8 < sum(confidence(case.signs) < chosen + 0.01 for case in cases)


@pytest.mark.parametrize(("signs", "shipped"), [(CLEAR, SHIPPED), (UNREAD, SHIPPED_UNREAD)])
def test_shipped_weights_give_the_confidence_of_the_service(signs: object, shipped: fit_confidence.Model) -> None:
    cases = [Case("number", False, replace(signs, covered=n / 9, number_not_here=n > 4)) for n in range(10)]
    assert shipped.confidences(cases) == pytest.approx([confidence(case.signs) for case in cases])


def test_the_table_shows_weights_and_what_they_tell_on_the_other_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gold_folder(tmp_path / "data" / "qed", FACTS)
    monkeypatch.setattr(sys, "argv", ["fit_confidence", "--data", str(tmp_path / "data")])
    assert fit_confidence.main() == 0
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    weights = {sign.strip("| "): shipped.strip("| ") for sign, _, shipped in rows[3 : len(WEIGHTS) + 3]}
    assert weights == {sign: f"{weight:.2f}" for sign, weight in WEIGHTS.items()}
    assert [row[:2] for row in rows[-2:]] == [["| qed", "fitted"], ["| qed", "shipped"]]
    # What was asked is what the service would say of it.
    read, unread, glossed = read_sets(tmp_path / "data")
    assert SHIPPED.confidences(read["qed"]) == pytest.approx([confidence(case.signs) for case in read["qed"]])
    assert not unread
    assert not glossed


def test_signs_that_are_weighed_are_signs() -> None:
    assert {*WEIGHTS, *UNREAD_WEIGHTS} < set(vars(CLEAR))


def test_where_there_is_no_set_that_is_said(tmp_path: Path) -> None:
    assert table(tmp_path).startswith("nothing to fit on: ")
