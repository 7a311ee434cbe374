"""The weights of reranking, fitted on something tiny: what can be learned is, and where nothing can, that is said."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from eval import bench, fit_rerank
from eval.fit_rerank import Choice, fit, rate, table
from eval.ranking import Judgement

FACTS = {
    "harbour": "The harbour of Norrwick employs 41 pilots.",
    "lighthouse": "The lighthouse of Norrwick was built in 1874.",
    "bakery": "The bakery of Norrwick sells rye bread.",
    "station": "The station of Norrwick has seven platforms.",
}
ASKED = {
    "harbour": "How many pilots does the harbour employ?",
    "lighthouse": "When was the lighthouse built?",
    "bakery": "What bread does the bakery sell?",
    "station": "How many platforms does the station have?",
}


def gold_folder(path: Path, facts: dict[str, str]) -> Path:
    """Write a gold set of one question a document."""
    path.mkdir(parents=True)
    documents = [{"id": name, "title": name, "text": text} for name, text in facts.items()]
    questions = [
        {"id": name, "question": ASKED[name], "answerable": True, "doc_ids": [name], "evidence": [text]}
        for name, text in facts.items()
    ]
    for file, rows in (("corpus.jsonl", documents), ("questions.jsonl", questions)):
        (path / file).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _own_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.kept._cache", lambda: tmp_path / "kept")


def choice(relevant: int, *features: tuple[float, ...]) -> Choice:
    met = tuple(frozenset({0} if number == relevant else ()) for number in range(len(features)))
    return Choice(np.array(features), Judgement(1, met, (frozenset({0}),)))


def test_the_feature_that_tells_the_relevant_candidate_weighs_most() -> None:
    told = [
        choice(1, (1.0, 0.5, 0.5, 0.0, 0.4), (0.0, 0.5, 0.5, 1.0, 0.6)),
        choice(0, (0.5, 0.5, 0.5, 1.0, 0.6), (0.5, 0.5, 0.5, 0.0, 0.4)),
    ]
    weights = fit({"squad2": told, "qed": []})
    assert weights.argmax() == 3
    assert rate(told, weights) == {"hit@1": 1.0, "hit@5": 1.0, "ndcg@10": 1.0}
    assert rate(told, np.array([1.0, 0.0, 0.0, 0.0, 0.0]))["hit@1"] == 0.5


def test_the_table_shows_fitted_and_shipped_weights_of_the_sets_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gold_folder(tmp_path / "data" / "qed", FACTS)
    monkeypatch.setattr(sys, "argv", ["fit_rerank", "--data", str(tmp_path / "data")])
    assert fit_rerank.main() == 0
    head, _, fitted, shipped = capsys.readouterr().out.splitlines()
    assert head == "| weights | first stage | coverage | title | passage | sentence | qed hit@1/hit@5/ndcg@10 |"
    assert fitted.startswith("| fitted | ")
    assert shipped == "| shipped | 0.04 | 0.12 | 0.12 | 0.36 | 0.36 | 1.000 / 1.000 / 1.000 |"


def test_where_no_question_is_held_out_no_metric_is_shown(tmp_path: Path) -> None:
    gold_folder(tmp_path / "data" / "qed", FACTS)
    assert table(tmp_path / "data", limit=1).splitlines()[-1] == "| shipped | 0.04 | 0.12 | 0.12 | 0.36 | 0.36 | - |"


def test_a_set_of_one_passage_gives_nothing_to_fit_on(tmp_path: Path) -> None:
    gold_folder(tmp_path / "data" / "squad2", {"harbour": FACTS["harbour"]})
    assert table(tmp_path / "data").startswith("nothing to fit on: of squad2, qed, no gold set in ")


def test_the_benchmark_has_a_part_of_the_sets_that_are_fitted_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.main(["--only", "weights", "--data", str(tmp_path)]) == 0
    assert "left out: " in capsys.readouterr().out
    for name in ("qed", "covidqa"):
        gold_folder(tmp_path / name, FACTS)
    assert bench.main(["--only", "weights", "--data", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "## weights" in out
    assert "| fitted | " in out
    assert "covidqa" not in out
