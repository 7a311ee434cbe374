"""First-stage retrieval: two legs, fused by normalised scores or by ranks; a leg that says nothing has no vote."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from conftest import HARBOUR, TOWN, MakeLibrary
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rag import Document, Library
from rag.evidence import Candidate
from rag.pipeline import Pipeline, Work
from rag.retrieve import METHODS, Fusion, Scores, convex, normalise, reciprocal_rank, retrieve
from rag.settings import FUSIONS

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
    fused = convex(dense, lexical, 0.4)
    assert fused == pytest.approx({1: 0.4, 2: 0.4 * 0.5 + 0.6, 3: 0.0, 4: 0.6 * 0.5})


def test_ranks_are_fused_as_worked_out_by_hand() -> None:
    dense, lexical = {1: 0.9, 2: 0.5, 3: 0.1}, {2: 8.0, 3: 4.0, 4: 6.0}
    ranked = {1: Fraction(1, 61), 2: Fraction(1, 62) + Fraction(1, 61), 3: Fraction(2, 63), 4: Fraction(1, 62)}
    span = ranked[2] - ranked[4]
    expected = {key: (score - ranked[4]) / span for key, score in ranked.items()}
    assert reciprocal_rank(dense, lexical, 0.4) == pytest.approx({k: float(v) for k, v in expected.items()})


@given(SCORES, SCORES)
def test_fused_ranks_do_not_depend_on_the_scale_of_a_leg_or_on_its_weight(
    first: dict[int, float], second: dict[int, float]
) -> None:
    scaled = {key: 4 * score + 1024 for key, score in second.items()}
    # Adding 1024 may round two scores to one, whose order is then another.
    if len({*scaled.values()}) == len({*second.values()}):
        assert reciprocal_rank(first, second, 0.1) == reciprocal_rank(first, scaled, 0.9)


@given(SCORES, SCORES, st.floats(0, 1), st.sampled_from(FUSIONS))
def test_fused_scores_stay_in_range_whatever_the_method(
    first: dict[int, float], second: dict[int, float], weight: float, method: str
) -> None:
    fused = METHODS[method](first, second, weight)
    assert fused.keys() == {*first, *second}
    assert all(0.0 <= v <= 1.0 + 1e-9 for v in fused.values())


@given(SCORES, st.floats(0, 1))
def test_a_leg_that_found_nothing_drops_out(scores: dict[int, float], weight: float) -> None:
    assert convex(scores, {}, weight) == normalise(scores) == convex({}, scores, weight)
    assert reciprocal_rank(scores, {}, weight) == reciprocal_rank({}, scores, weight)
    assert _order(reciprocal_rank(scores, {}, weight)) == _order(scores)


def _order(scores: Scores) -> list[int]:
    return sorted(scores, key=lambda key: (-scores[key], key))


def test_every_fusion_that_can_be_set_is_there() -> None:
    assert set(METHODS) == set(FUSIONS)


@pytest.fixture
def pipeline(town_library: Library) -> Pipeline:
    """The stages over three short documents."""
    return town_library.pipeline()


def candidates(
    pipeline: Pipeline,
    question: str,
    *,
    k: int = 10,
    dense_weight: float = 0.4,
    method: str = "convex",
    allowed: NDArray[np.int64] | None = None,
) -> list[Candidate]:
    query = pipeline.understand(Work(question)).query
    assert query is not None
    fusion = Fusion(leg_k=10, dense_weight=dense_weight, method=method)
    return retrieve(query, pipeline.snapshot, k=k, fusion=fusion, allowed=allowed)


@pytest.mark.parametrize("method", FUSIONS)
def test_both_legs_say_what_they_found(method: str, pipeline: Pipeline) -> None:
    best, *others = candidates(pipeline, "Who built the lighthouse of Norrwick?", method=method)
    assert best.stored.passage.document_id == "old/lighthouse.md"
    assert set(best.signals) == {"dense", "lexical", "coverage", "title", "retrieved_rank"}
    assert best.signals["coverage"] == 1.0
    # Its title and heading say "lighthouse" and "Norrwick", not "built"; those of others say less.
    assert 1.0 > best.signals["title"] > max(c.signals["title"] for c in others)
    assert best.score == 1.0
    assert [c.score for c in others] == sorted((c.score for c in others), reverse=True)


@pytest.mark.parametrize("method", FUSIONS)
@pytest.mark.parametrize(("weight", "leg"), [(1.0, "dense"), (0.0, "lexical")])
def test_a_leg_without_weight_is_not_asked(weight: float, leg: str, method: str, pipeline: Pipeline) -> None:
    found = candidates(pipeline, "Who built the lighthouse of Norrwick?", dense_weight=weight, method=method)
    assert found
    for candidate in found:
        assert set(candidate.signals) == {leg, "coverage", "title", "retrieved_rank"}


@pytest.mark.parametrize("question", ["submarine xylophone", "!?", "🦆"])
def test_a_question_without_known_terms_is_ranked_by_the_dense_leg_alone(question: str, pipeline: Pipeline) -> None:
    found = candidates(pipeline, question)
    cosines = [c.signals["dense"] for c in found]
    assert cosines == sorted(cosines, reverse=True)
    assert all(c.signals.get("coverage", 0.0) == 0.0 and "lexical" not in c.signals for c in found)
    assert [c.signals["retrieved_rank"] for c in found] == list(range(1, len(found) + 1))
    assert (found[0].score, found[-1].score) == (1.0, 0.0)


def test_only_allowed_passages_are_found(pipeline: Pipeline) -> None:
    allowed = pipeline.snapshot.select({"document_id": ["bakery.md", "harbour.md"]})
    found = candidates(pipeline, "Who built the lighthouse of Norrwick?", allowed=allowed)
    assert {c.stored.passage.document_id for c in found} == {"bakery.md", "harbour.md"}
    assert candidates(pipeline, "lighthouse", allowed=np.empty(0, np.int64)) == []


def test_at_most_k_are_found(pipeline: Pipeline) -> None:
    assert len(candidates(pipeline, "Norrwick", k=2)) == 2
    assert len(candidates(pipeline, "Norrwick", k=99)) == len(TOWN)


def test_equal_scores_come_by_document_and_place(make_library: MakeLibrary) -> None:
    words = ("pilots", "harbour", "Norrwick")
    orders = [" ".join(order) + "." for order in permutations(words)]
    library = make_library(*(Document(id=f"order-{n}", text=text) for n, text in enumerate(orders)))
    found = candidates(library.pipeline(), "pilots of the harbour", k=4, dense_weight=0.0)
    assert [c.score for c in found] == [1.0] * 4
    assert [c.stored.passage.document_id for c in found] == [f"order-{n}" for n in range(4)]


def test_of_copies_one_is_found_and_names_the_others(make_library: MakeLibrary) -> None:
    library = make_library(*(replace(HARBOUR, id=f"copy-{n}") for n in range(6)))
    (found,) = candidates(library.pipeline(), "pilots of the harbour", k=4)
    assert (found.stored.passage.document_id, found.also_in) == ("copy-0", tuple(f"copy-{n}" for n in range(1, 6)))
