"""Floors under the measured quality: what a change may not fall below."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.document import document
from eval.evaluate import evaluate
from eval.gold import read_gold
from eval.kept import open_gold_library
from rag import Library

ROOT = Path(__file__).resolve().parents[1]
SQUAD2 = ROOT.parent / "shared" / "data" / "squad2"


def test_the_gold_set_on_the_seeds(seeds_library: Library) -> None:
    report = document({"default": evaluate(read_gold(ROOT / "eval" / "gold.jsonl"), seeds_library)})
    assert report["questions"] == 116
    assert report["retrieval"]["hit@5"] >= 0.95
    assert report["answers"]["contains"] >= 0.80
    assert report["citations"]["exact"] == 1.0
    assert report["abstention"]["auroc"] >= 0.75


def test_a_sample_of_squad2() -> None:
    if not SQUAD2.is_dir():
        pytest.skip(f"the public set is not at {SQUAD2}")
    gold = read_gold(SQUAD2)
    with open_gold_library(gold) as library:
        assert max(p.end_char - p.start_char for p in library.passages()) <= 900
        report = document({"default": evaluate(gold, library, limit=1_000)})
    # The whole set gives 0.87 and 0.98.
    assert report["retrieval"]["hit@1"] >= 0.84
    assert report["retrieval"]["hit@5"] >= 0.95
    assert report["citations"]["exact"] == 1.0
