"""Reranking: weighted late interaction with the passage and its best sentence, as the formula says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rag.evidence import Candidate, Query
from rag.rerank import (
    AGE_SHARE,
    COVERAGE,
    FIRST_STAGE,
    PASSAGE,
    RARITY,
    SENTENCE,
    TITLE,
    by_sentence,
    prefer_recent,
    rerank,
    rescore,
)
from rag.schema import Passage, Span
from rag.stored import StoredPassage

DIM = 8
AXES = np.eye(DIM, dtype=np.float32)
# Two tokens, the first worth three times the second, belonging to two terms.
QUERY = Query(
    text="a b",
    vector=AXES[0],
    token_vectors=AXES[:2],
    token_weights=np.array([0.75, 0.25], np.float32),
    terms=(),
    weights=(),
)


class Shelf:
    """Compares with token vectors by passage number, as a snapshot does."""

    def __init__(self, tokens: dict[int, tuple[NDArray[np.float32], list[int]]]) -> None:
        self._tokens = tokens

    def similarities(self, query: NDArray[np.float32], keys: Sequence[int]) -> list[NDArray[np.float32]]:
        return [by_sentence(query, (self._tokens[k][0], np.array(self._tokens[k][1], np.int64))) for k in keys]


def candidate(key: int, score: float, *, sentences: int = 1) -> Candidate:
    spans = tuple(Span(n, n + 1) for n in range(sentences))
    passage = Passage("d", 0, 9, "x" * 9, None, spans)
    stored = StoredPassage(key, key, passage, title="", date=None, language="en", metadata={})
    return Candidate(stored, score, {"dense": 1})


def between(first: int, second: int) -> NDArray[np.float32]:
    """A unit vector at 45 degrees to two axes."""
    return ((AXES[first] + AXES[second]) / np.sqrt(2)).astype(np.float32)


SHELF = Shelf(
    {
        1: (AXES[[5, 6]], [0]),  # nothing of the query
        2: (np.stack([AXES[0], AXES[5], AXES[1]]), [0, 2]),  # each token of the query in another sentence
        3: (np.stack([AXES[7], between(0, 1)]), [0, 1]),  # both, less clearly, in one sentence
        4: (np.empty((0, DIM), np.float32), [0, 0]),  # beyond what the encoder reads
        5: (AXES[[0, 1]], [0, 2]),  # its second sentence beyond it
        6: (AXES[[0]], [0]),  # the first token of the query alone
    }
)
ROOT_HALF = float(np.sqrt(0.5))
# What the first token counts when passages are ranked.
FIRST_SHARE = RARITY * 0.75 + (1 - RARITY) * 0.5


def reranked(*candidates: Candidate, reorder: bool = True, query: Query = QUERY) -> list[Candidate]:
    return rerank(query, candidates, SHELF, reorder=reorder)


def test_late_interaction_is_as_worked_out_by_hand() -> None:
    nothing, apart, together = reranked(
        candidate(1, 1), candidate(2, 1, sentences=2), candidate(3, 1, sentences=2), reorder=False
    )
    assert nothing.sentence_late == (0.0,)
    assert apart.sentence_late == pytest.approx((0.75, 0.25))
    assert together.sentence_late == pytest.approx((0.0, ROOT_HALF))
    assert [c.signals["sentence"] for c in (nothing, apart, together)] == pytest.approx([0, FIRST_SHARE, ROOT_HALF])
    assert [c.signals["late"] for c in (nothing, apart, together)] == pytest.approx([0, 1, ROOT_HALF])
    assert apart.signals["dense"] == 1


def test_passages_are_ranked_by_words_half_by_rarity_and_half_evenly() -> None:
    (half,) = reranked(candidate(6, 1), reorder=False)
    assert half.signals["late"] == half.signals["sentence"] == pytest.approx(0.625)
    assert half.sentence_late == pytest.approx((0.75,))


def test_the_score_is_the_weighted_sum_of_normalised_parts() -> None:
    found = reranked(candidate(1, 1.0), candidate(2, 0.5, sentences=2), candidate(3, 0.0, sentences=2))
    assert [c.stored.key for c in found] == [2, 3, 1]
    expected = [
        FIRST_STAGE * 0.5 + PASSAGE + SENTENCE * FIRST_SHARE / ROOT_HALF,
        PASSAGE * ROOT_HALF + SENTENCE,
        FIRST_STAGE,
    ]
    assert [c.score for c in found] == pytest.approx(expected)


@pytest.mark.parametrize(("signal", "weight"), [("coverage", COVERAGE), ("title", TITLE)])
def test_words_of_the_question_that_a_passage_or_its_title_holds_count_as_they_are(signal: str, weight: float) -> None:
    covered = [
        replace(c, signals={**c.signals, signal: share})
        for c, share in ((candidate(2, 0.5, sentences=2), 0.5), (candidate(3, 0.0, sentences=2), 0.25))
    ]
    bare = reranked(candidate(2, 0.5, sentences=2), candidate(3, 0.0, sentences=2))
    assert [c.score for c in reranked(*covered)] == pytest.approx(
        [bare[0].score + weight * 0.5, bare[1].score + weight * 0.25]
    )


def test_a_sentence_without_tokens_covers_nothing() -> None:
    empty, half = reranked(candidate(4, 1, sentences=2), candidate(5, 1, sentences=2), reorder=False)
    assert empty.sentence_late == (0.0, 0.0)
    assert half.sentence_late == pytest.approx((1.0, 0.0))
    assert empty.signals["late"] == 0.0


def test_without_reordering_order_and_scores_stay() -> None:
    unranked = [candidate(1, 0.9), candidate(2, 0.5, sentences=2)]
    assert [(c.stored.key, c.score) for c in reranked(*unranked, reorder=False)] == [(1, 0.9), (2, 0.5)]


def test_equal_candidates_keep_their_order() -> None:
    found = reranked(*(replace(candidate(2, 0.5, sentences=2), signals={"dense": n}) for n in range(5)))
    assert [c.signals["dense"] for c in found] == [0, 1, 2, 3, 4]
    assert [c.score for c in found] == pytest.approx([FIRST_STAGE + PASSAGE + SENTENCE] * 5)


class Judge:
    """Scores texts by what they say they are worth."""

    id = digest = "judge"

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        assert query == QUERY.text
        return np.array([float(text) for text in texts], np.float32)


def test_a_cross_encoder_alone_orders_what_it_reads() -> None:
    before = [candidate(1, 0.9), candidate(2, 0.8), candidate(3, 0.7), candidate(4, 0.6)]
    found = rescore(QUERY, before, ["-1", "3", "1", "3"], Judge())
    assert [(c.stored.key, c.score) for c in found] == [(2, 1.0), (4, 1.0), (3, 0.5), (1, 0.0)]
    assert [c.signals["cross"] for c in found] == [3, 3, 1, -1]
    assert all(c.signals["dense"] == 1 for c in found)
    assert rescore(QUERY, [], [], Judge()) == []


def dated(key: int, score: float, day: str | None) -> Candidate:
    plain = candidate(key, score)
    return replace(plain, stored=replace(plain.stored, date=day))


def test_age_is_taken_off_as_worked_out_by_hand() -> None:
    before = [
        dated(1, 1.0, "2022-01-01"),
        dated(2, 0.95, "2024-01-01"),
        dated(3, 0.5, None),
        dated(4, 0.4, "2023-01-01"),
    ]
    found = prefer_recent(before, "2024-01-01", half_life_days=365)
    assert [c.stored.key for c in found] == [2, 1, 3, 4]
    assert [c.score for c in found] == pytest.approx([0.95, 1 - 0.2 * 0.75, 0.5, 0.4 * 0.9])
    assert [c.signals.get("recency") for c in found] == pytest.approx([1.0, 0.85, None, 0.9])
    assert prefer_recent(before, None, half_life_days=365) == before


DAYS = st.one_of(st.none(), st.dates().map(lambda day: day.isoformat()))


@given(st.lists(st.tuples(st.floats(0, 1), DAYS), max_size=8), st.floats(1e-3, 1e6))
def test_age_costs_at_most_its_share_and_nothing_where_there_is_no_date(
    passages: list[tuple[float, str | None]], half_life_days: float
) -> None:
    passages = sorted(passages, key=lambda passage: -passage[0])
    before = [dated(key, score, day) for key, (score, day) in enumerate(passages)]
    newest = max((day for _, day in passages if day), default=None)
    found = prefer_recent(before, newest, half_life_days=half_life_days)
    assert [c.score for c in found] == sorted((c.score for c in found), reverse=True)
    assert sorted(c.stored.key for c in found) == list(range(len(before)))
    for aged in found:
        score, day = passages[aged.stored.key]
        assert (1 - AGE_SHARE) * score - 1e-12 <= aged.score <= score
        if day in (None, newest):
            assert aged.score == score


def test_nothing_comes_of_nothing() -> None:
    assert reranked() == []
    wordless = replace(QUERY, token_vectors=AXES[:0], token_weights=np.empty(0, np.float32))
    assert reranked(candidate(1, 0.5), query=wordless) == [candidate(1, 0.5)]
