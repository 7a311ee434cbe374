"""Late interaction: what packing loses is bounded, and MaxSim equals its definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from embeddings.late import LEVELS, max_similarities, pack, unpack


def unit_rows(seed: int, count: int, dim: int) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).normal(size=(count, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


SEEDS = st.integers(0, 2**32 - 1)
DIMS = st.integers(1, 40).map(lambda half: 2 * half)


@given(seed=SEEDS, count=st.integers(0, 20), dim=DIMS)
@settings(deadline=None)
def test_packing_moves_no_component_by_more_than_half_a_step(seed: int, count: int, dim: int) -> None:
    vectors = unit_rows(seed, count, dim)
    packed = pack(vectors)
    assert len(packed) == count * (dim // 2 + 2)
    found = unpack(packed, dim)
    assert found.shape == vectors.shape
    assert found.dtype == np.float32
    steps = np.abs(vectors).max(axis=1, initial=0.0) / LEVELS
    # The step is kept as a half-precision number, whose error of 2**-11 the largest level multiplies.
    bound = steps * (0.5 + 2 * LEVELS * 2**-11) + 1e-6
    assert (np.abs(found - vectors) <= bound[:, None]).all()


def test_packing_keeps_similarities_of_384_dimensions_to_within_five_hundredths() -> None:
    vectors = unit_rows(0, 200, 384)
    difference = vectors @ unpack(pack(vectors), 384).T - vectors @ vectors.T
    assert np.abs(difference).max() < 0.05


def test_a_vector_of_zeros_stays_one() -> None:
    assert not unpack(pack(np.zeros((3, 8), np.float32)), 8).any()


def test_packing_what_was_packed_changes_nothing_more() -> None:
    once = unpack(pack(unit_rows(1, 50, 64)), 64)
    np.testing.assert_allclose(unpack(pack(once), 64), once, atol=1e-3)


@pytest.mark.parametrize("shape", [(3,), (3, 7), (2, 3, 4)])
def test_only_matrices_with_an_even_number_of_columns_are_packed(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="dim even"):
        pack(np.zeros(shape, np.float32))


def test_bytes_that_do_not_fit_the_dimension_are_refused() -> None:
    with pytest.raises(ValueError, match="dimension 8"):
        unpack(pack(unit_rows(0, 3, 8)) + b"x", 8)


@given(seed=SEEDS, queries=st.integers(1, 6), segments=st.lists(st.integers(1, 5), min_size=1, max_size=8), dim=DIMS)
@settings(deadline=None)
def test_maxsim_equals_a_loop_over_every_pair(seed: int, queries: int, segments: list[int], dim: int) -> None:
    query, tokens = unit_rows(seed, queries, dim), unit_rows(seed + 1, sum(segments), dim)
    starts = np.cumsum([0, *segments[:-1]]).astype(np.int64)
    found = max_similarities(query, tokens, starts)
    assert found.shape == (queries, len(segments))
    ends = [*starts[1:], len(tokens)]
    for row, vector in enumerate(query):
        for column, (start, end) in enumerate(zip(starts, ends, strict=True)):
            best = max(
                sum(float(a) * float(b) for a, b in zip(vector, tokens[t], strict=True)) for t in range(start, end)
            )
            assert found[row, column] == pytest.approx(best, abs=1e-5)
