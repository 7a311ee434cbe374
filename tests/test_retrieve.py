"""First-stage retrieval: two legs, fused by normalised scores; a leg that says nothing has no vote."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from conftest import HARBOUR, TOWN, MakeLibrary
from hypothesis import given
from hypothesis import strategies as st

from rag import Library
from rag.evidence import Candidate
from rag.pipeline import Pipeline, Work
from rag.retrieve import fuse, normalise, retrieve

SCORES = st.dictionaries(st.integers(0, 9), st.floats(-1, 40, allow_nan=False), max_size=8)


@given(SCORES)
def test_normalised_scores_run_from_0_to_1_in_the_same_order(scores: dict[int, float]) -> None:
    found = normalise(scores)
    assert found.keys() == scores.keys()
    assert all(0.0 <= v <= 1.0 for v in found.values())
    if scores:
        assert max(found.values()) == 1.0
        assert all(found[a] <= found[b] for a in scores for b in scores if scores[a] <= scores[b])


def test_scores_are_normalised_as_worked_out_by_hand() -> None:
    assert normalise({1: 2.0, 2: 5.0, 3: 3.0}) == pytest.approx({1: 0, 2: 1, 3: Fraction(1, 3)})
    assert normalise({1: 2.0, 2: 2.0}) == {1: 1.0, 2: 1.0}
    assert normalise({}) == {}


def test_scores_are_fused_as_worked_out_by_hand() -> None:
    dense, lexical = {1: 0.9, 2: 0.5, 3: 0.1}, {2: 8.0, 3: 4.0, 4: 6.0}
    fused = fuse(dense, lexical, first_weight=0.4)
    assert fused == pytest.approx({1: 0.4, 2: 0.4 * 0.5 + 0.6, 3: 0.0, 4: 0.6 * 0.5})


@given(SCORES, SCORES, st.floats(0, 1))
def test_a_leg_that_found_nothing_drops_out_and_fused_scores_stay_in_range(
    first: dict[int, float], second: dict[int, float], weight: float
) -> None:
    fused = fuse(first, second, first_weight=weight)
    assert fused.keys() == {*first, *second}
    assert all(0.0 <= v <= 1.0 + 1e-9 for v in fused.values())
    assert fuse(first, {}, first_weight=weight) == normalise(first)
    assert fuse({}, second, first_weight=weight) == normalise(second)


@pytest.fixture
def pipeline(town_library: Library) -> Pipeline:
    """The stages over three short documents."""
    return town_library.pipeline()


def candidates(pipeline: Pipeline, question: str, **options: object) -> list[Candidate]:
    query = pipeline.understand(Work(question)).query
    assert query is not None
    chosen = {"k": 10, "leg_k": 10, "dense_weight": 0.4} | options
    return retrieve(query, pipeline.snapshot, **chosen)  # type: ignore[arg-type]


def test_both_legs_say_what_they_found(pipeline: Pipeline) -> None:
    best, *others = candidates(pipeline, "Who built the lighthouse of Norrwick?")
    assert best.stored.passage.document_id == "old/lighthouse.md"
    assert set(best.signals) == {"dense", "lexical"}
    assert best.score == 1.0
    assert [c.score for c in others] == sorted((c.score for c in others), reverse=True)


@pytest.mark.parametrize(("weight", "leg"), [(1.0, "dense"), (0.0, "lexical")])
def test_a_leg_without_weight_is_not_asked(weight: float, leg: str, pipeline: Pipeline) -> None:
    for candidate in candidates(pipeline, "Who built the lighthouse of Norrwick?", dense_weight=weight):
        assert set(candidate.signals) == {leg}


@pytest.mark.parametrize("question", ["submarine xylophone", "!?", "🦆"])
def test_a_question_without_known_terms_is_ranked_by_the_dense_leg_alone(question: str, pipeline: Pipeline) -> None:
    found = candidates(pipeline, question)
    cosines = [c.signals["dense"] for c in found]
    assert cosines == sorted(cosines, reverse=True)
    assert all(set(c.signals) == {"dense"} for c in found)
    assert (found[0].score, found[-1].score) == (1.0, 0.0)


def test_only_allowed_passages_are_found(pipeline: Pipeline) -> None:
    allowed = pipeline.snapshot.select({"document_id": ["bakery.md", "harbour.md"]})
    found = candidates(pipeline, "Who built the lighthouse of Norrwick?", allowed=allowed)
    assert {c.stored.passage.document_id for c in found} == {"bakery.md", "harbour.md"}
    assert candidates(pipeline, "lighthouse", allowed=np.empty(0, np.int64)) == []


def test_at_most_k_are_found(pipeline: Pipeline) -> None:
    assert len(candidates(pipeline, "Norrwick", k=2)) == 2
    assert len(candidates(pipeline, "Norrwick", k=99)) == len(TOWN)


def test_equal_scores_come_by_number(make_library: MakeLibrary) -> None:
    library = make_library(*(replace(HARBOUR, id=f"copy-{n}") for n in range(6)))
    found = candidates(library.pipeline(), "pilots of the harbour", k=4)
    assert [c.score for c in found] == [1.0] * 4
    keys = [c.stored.key for c in found]
    assert keys == list(range(keys[0], keys[0] + 4))
