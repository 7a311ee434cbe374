"""Late interaction: what packing loses is bounded, and MaxSim equals its definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from embeddings.late import LEVELS, max_similarities, pack, reduce, unpack


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
    found = unpack([packed], dim)[0]
    assert found.shape == vectors.shape
    assert found.dtype == np.float32
    steps = np.abs(vectors).max(axis=1, initial=0.0) / LEVELS
    # The step is kept as a half-precision number, whose error of 2**-11 the largest level multiplies.
    bound = steps * (0.5 + 2 * LEVELS * 2**-11) + 1e-6
    assert (np.abs(found - vectors) <= bound[:, None]).all()


def test_packing_keeps_similarities_of_384_dimensions_to_within_five_hundredths() -> None:
    vectors = unit_rows(0, 200, 384)
    difference = vectors @ unpack([pack(vectors)], 384)[0].T - vectors @ vectors.T
    assert np.abs(difference).max() < 0.05


def test_a_vector_of_zeros_stays_one() -> None:
    assert not unpack([pack(np.zeros((3, 8), np.float32))], 8)[0].any()


def test_packing_what_was_packed_changes_nothing_more() -> None:
    once = unpack([pack(unit_rows(1, 50, 64))], 64)[0]
    np.testing.assert_allclose(unpack([pack(once)], 64)[0], once, atol=1e-3)


@pytest.mark.parametrize("shape", [(3,), (3, 7), (2, 3, 4)])
def test_only_matrices_with_an_even_number_of_columns_are_packed(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="dim even"):
        pack(np.zeros(shape, np.float32))


def test_bytes_that_do_not_fit_the_dimension_are_refused() -> None:
    with pytest.raises(ValueError, match="dimension 8"):
        unpack([pack(unit_rows(0, 3, 8)) + b"x"], 8)


@given(seed=SEEDS, counts=st.lists(st.integers(0, 5), max_size=6), dim=DIMS)
@settings(deadline=None)
def test_texts_unpacked_together_come_out_as_each_alone(seed: int, counts: list[int], dim: int) -> None:
    packed = [pack(unit_rows(seed + n, count, dim)) for n, count in enumerate(counts)]
    together = unpack(packed, dim)
    assert [len(vectors) for vectors in together] == counts
    for vectors, text in zip(together, packed, strict=True):
        np.testing.assert_array_equal(vectors, unpack([text], dim)[0])


def test_reduction_keeps_similarities_of_384_dimensions_on_average_and_in_order() -> None:
    vectors = unit_rows(0, 200, 384)
    noise = unit_rows(1, 200, 384)
    similar = [share * vectors + np.sqrt(1 - share**2) * noise for share in (0.2, 0.5, 0.8)]
    reduced = [(reduce(vectors, 128) * reduce(other.astype(np.float32), 128)).sum(axis=1) for other in similar]
    assert [values.mean() for values in reduced] == pytest.approx([0.2, 0.5, 0.8], abs=0.02)
    assert max(values.std() for values in reduced) < 0.1
    np.testing.assert_allclose(np.linalg.norm(reduce(vectors, 128), axis=1), 1.0, atol=1e-5)


def test_reduction_to_as_many_dimensions_or_more_changes_nothing() -> None:
    vectors = unit_rows(0, 3, 8)
    assert reduce(vectors, 8) is vectors
    assert reduce(vectors, 128) is vectors


def test_the_projection_is_the_one_that_libraries_were_built_with() -> None:
    # Of another numpy or processor too: a library's vectors and those of a question to it have to be made alike.
    expected = [[0.379329, -0.925262], [0.843257, -0.537511]]
    np.testing.assert_allclose(reduce(np.eye(6, dtype=np.float32)[:2], 2), expected, atol=1e-5)


@given(seed=SEEDS, queries=st.integers(1, 6), segments=st.lists(st.integers(1, 5), min_size=1, max_size=8), dim=DIMS)
@settings(deadline=None)
def test_maxsim_equals_a_loop_over_every_pair(seed: int, queries: int, segments: list[int], dim: int) -> None:
    query, tokens = unit_rows(seed, queries, dim), unit_rows(seed + 1, sum(segments), dim)
    starts = np.cumsum([0, *segments[:-1]]).astype(np.int64)
    # The same for one text as for several that have these segments.
    border = int(starts[len(starts) // 2])
    found = max_similarities(query, [tokens[:border], tokens[border:]], starts)
    np.testing.assert_allclose(found, max_similarities(query, [tokens], starts), atol=1e-6)
    assert found.shape == (queries, len(segments))
    ends = [*starts[1:], len(tokens)]
    for row, vector in enumerate(query):
        for column, (start, end) in enumerate(zip(starts, ends, strict=True)):
            best = max(
                sum(float(a) * float(b) for a, b in zip(vector, tokens[t], strict=True)) for t in range(start, end)
            )
            assert found[row, column] == pytest.approx(best, abs=1e-5)
