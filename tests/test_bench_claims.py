"""The measurement of the claim check: its figures by hand, and the promised rates, on the project's gold set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from embeddings.encoder import load_encoder
from eval.bench_claims import balanced_accuracy, best_border, gold_cases, judged, rates_table, rejected
from eval.claim_cases import BEYOND, Case, question_cases, statement, told
from eval.gold import Evidence, Question, read_gold
from rag.claims import Verdict
from rag.settings import DEFAULT_ENCODER

ROOT = Path(__file__).resolve().parent.parent


def test_statements_put_the_answer_where_it_is_asked_for() -> None:
    assert statement("Who opened the harbour?", "Ada Brandt") == "Ada Brandt opened the harbour."
    assert statement("How many ships were built in 1974?", "12") == "12 were built in 1974."
    assert statement("Name the harbour.", "Norrwick") == ""
    assert statement("Who is the head of the harbour?", "Ada Brandt") == "The head of the harbour is Ada Brandt."
    assert statement("港口是谁建的？", "李刚") == "港口是李刚建的。"


def test_a_statement_is_told_by_evidence_that_has_its_numbers_and_names() -> None:
    evidence = ("In 1974 the mayor Ada Brandt opened the Norwegian harbour.",)
    assert told("The harbour of Norway was opened by Ada Brandt in 1974.", evidence)
    assert not told("The harbour was opened in 197.", evidence)
    assert not told("The harbour was opened by Kurt Weber.", evidence)


def test_a_question_gives_true_claims_and_changed_ones() -> None:
    text = "Norrwick is old.\nOn May 2, 1974 the mayor Ada Brandt opened the harbour. It has 41 pilots.\n"
    quote = "the mayor Ada Brandt opened the harbour"
    question = Question("q", "Who opened it?", ("Ada Brandt",), True, (Evidence("d", None, None, quote),), ("d",), ())
    cases = list(question_cases([question], {"d": text}, source="own"))
    passage = "On May 2, 1974 the mayor Ada Brandt opened the harbour. It has 41 pilots."
    assert {case.evidence for case in cases} == {(passage,)}
    true = {case.kind: case.claim for case in cases if case.true}
    assert true["answer"] == "Ada Brandt"
    assert true["sentence"] == "On May 2, 1974 the mayor Ada Brandt opened the harbour."
    assert {"date", "name", "name, answer", "name, statement"} <= {case.kind for case in cases if not case.true}
    assert all(case.claim not in passage for case in cases if not case.true)


def test_rates_are_shares_of_a_kind() -> None:
    cases = [Case("name", False, "a", ("b",)), Case("name", False, "c", ("b",)), Case("sentence", True, "b", ("b",))]
    found = list(zip(cases, (Verdict(0.1, ("a is not in the passage",)), Verdict(0.9), Verdict(1.0)), strict=True))
    assert rejected(found) == {(False, "name"): (0.5, 2), (True, "sentence"): (0.0, 1)}
    assert "| changed: name | 0.500 (2) |" in rates_table({"own": found})


def test_balanced_accuracy_gives_both_classes_half() -> None:
    truth = np.array([True, False, False, False])
    assert balanced_accuracy(truth, np.array([True] * 4)) == 0.5
    assert balanced_accuracy(truth, np.array([True, False, False, True])) == pytest.approx(5 / 6)
    assert best_border(truth, np.array([0.9, 0.1, 0.2, 0.3])) == 0.9


def test_changed_claims_of_the_gold_set_are_found_and_true_ones_kept() -> None:
    cases = gold_cases(read_gold(ROOT / "eval" / "gold.jsonl"), ROOT / "seeds")
    # A statement may say what the passage does not say: reported by the benchmark, not promised.
    promised = [case for case in cases if case.kind != BEYOND and "of the passage" not in case.kind]
    found = judged(promised, load_encoder(DEFAULT_ENCODER, precision="int8"))

    def share(*kinds: str) -> float:
        values = [not verdict.supported for case, verdict in found if case.kind.split(",")[0] in kinds]
        assert len(values) >= 20
        return sum(values) / len(values)

    assert share("number", "date") >= 0.95
    assert share("name") >= 0.90
    assert share("negation") >= 0.80
    assert share("sentence", "clause", "answer") <= 0.05
    assert share("statement") <= 0.05
