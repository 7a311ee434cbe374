"""The weights of the confidence, fitted on something tiny: what tells the answerable weighs, and the table is whole."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np
import pytest

from eval import fit_confidence
from eval.fit_confidence import FEATURES, Case, auroc, fit, table
from tests.test_fit_rerank import FACTS, gold_folder


@pytest.fixture(autouse=True)
def _own_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.kept._cache", lambda: tmp_path / "kept")


def test_a_sign_that_tells_what_is_not_answerable_is_weighed_against_it() -> None:
    draw = random.Random(0)
    cases = []
    for number in range(200):
        features = np.array([draw.random() for _ in FEATURES])
        cases.append(Case("answerable" if features[4] < 0.5 else "number", number % 2 == 1, features, 0.5))
    weights, intercept = fit({"qed": cases})
    assert int(np.abs(weights).argmax()) == 4
    assert weights[4] < 0 < intercept


def test_auroc_counts_pairs() -> None:
    # Of six pairs four are in order and one is equal: 4.5 / 6.
    assert auroc([0.9, 0.5, 0.2], [0.1, 0.5]) == pytest.approx(4.5 / 6)


def test_the_table_shows_weights_and_what_they_tell_on_the_other_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gold_folder(tmp_path / "data" / "qed", FACTS)
    monkeypatch.setattr(sys, "argv", ["fit_confidence", "--data", str(tmp_path / "data")])
    assert fit_confidence.main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1 : len(FEATURES) + 1]] == list(FEATURES)
    assert lines[-4] == "| set | weights | unanswerable | number | name | without | other |"
    assert [line.split(" | ")[:2] for line in lines[-2:]] == [["| qed", "fitted"], ["| qed", "shipped"]]


def test_where_there_is_no_set_that_is_said(tmp_path: Path) -> None:
    assert table(tmp_path).startswith("nothing to fit on: ")
