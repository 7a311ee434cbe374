"""Several indexes searched as one answer as one index of everything, and few vectors are written anew."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.index import VectorIndex
from embeddings.segments import GROWTH, SegmentedIndex, kept_whole


@st.composite
def parted(draw: st.DrawFn) -> list[tuple[np.ndarray, np.ndarray]]:
    """Ids and vectors in several parts; many vectors are equal, and every product is exact."""
    signs = st.lists(st.sampled_from([-0.5, 0.5]), min_size=4, max_size=4)
    parts = draw(st.lists(st.lists(signs, max_size=8), min_size=1, max_size=4))
    ids = iter(draw(st.permutations(range(sum(map(len, parts))))))
    return [
        (np.array([next(ids) for _ in part], np.int64), np.array(part, np.float32).reshape(-1, 4)) for part in parts
    ]


@given(parted(), st.integers(1, 40), st.booleans(), st.sets(st.integers(0, 30)))
def test_segments_answer_as_one_index_of_all_their_vectors(
    parts: list[tuple[np.ndarray, np.ndarray]], k: int, filtered: bool, some: set[int]
) -> None:
    segmented = SegmentedIndex(tuple(VectorIndex.build(ids, vectors) for ids, vectors in parts))
    whole = VectorIndex.build(np.concatenate([i for i, _ in parts]), np.concatenate([v for _, v in parts]))
    queries = np.array([[0.5, 0.5, 0.5, -0.5], [0.5, -0.5, 0.5, 0.5]], np.float32)
    allowed = np.array(sorted(some), np.int64) if filtered else None
    assert (len(segmented), segmented.dim) == (len(whole), 4)
    for found, wanted in zip(
        segmented.search(queries, k, allowed=allowed), whole.search(queries, k, allowed=allowed), strict=True
    ):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ("sizes", "added", "kept"),
    [([], 5, 0), ([100], 3, 1), ([100], 25, 1), ([100], 26, 0), ([1000, 100, 10], 3, 2), ([1000, 100, 10], 20, 1)],
)
def test_a_segment_stays_when_it_is_several_times_what_is_added(sizes: list[int], added: int, kept: int) -> None:
    assert kept_whole(sizes, added) == kept


@given(st.lists(st.integers(1, 500), min_size=1, max_size=200))
def test_segments_stay_few_and_each_vector_is_seldom_written(commits: list[int]) -> None:
    sizes: list[int] = []
    written = 0
    for added in commits:
        kept = kept_whole(sizes, added)
        sizes = [*sizes[:kept], added + sum(sizes[kept:])]
        written += sizes[-1]
    assert all(one >= GROWTH * other for one, other in itertools.pairwise(sizes))
    assert written <= sum(commits) * (2 + 5 * np.log2(1 + sum(commits)))
