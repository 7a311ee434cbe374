"""Late interaction: what packing loses is bounded, and MaxSim equals its definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from embeddings.late import BITS, LEVELS, max_similarities, pack, unpack


def unit_rows(seed: int, count: int, dim: int) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).normal(size=(count, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


SEEDS = st.integers(0, 2**32 - 1)
DIMS = st.integers(1, 10).map(lambda eighth: 8 * eighth)
SOME_BITS = st.sampled_from(BITS)


@given(seed=SEEDS, count=st.integers(0, 20), dim=DIMS)
@settings(deadline=None)
def test_packing_at_four_bits_moves_no_component_by_more_than_half_a_step(seed: int, count: int, dim: int) -> None:
    vectors = unit_rows(seed, count, dim)
    packed = pack(vectors, 4)
    assert len(packed) == count * (dim // 2 + 2)
    found = unpack([packed], dim, 4)[0]
    assert found.shape == vectors.shape
    assert found.dtype == np.float32
    steps = np.abs(vectors).max(axis=1, initial=0.0) / LEVELS
    # The step is kept as a half-precision number, whose error of 2**-11 the largest level multiplies.
    bound = steps * (0.5 + 2 * LEVELS * 2**-11) + 1e-6
    assert (np.abs(found - vectors) <= bound[:, None]).all()


def test_four_bits_are_kept_as_they_always_were() -> None:
    # Two tokens of eight components: scales of 1 and 0.5 sevenths, then -7 as 1, 0 as 8, 7 as 15, the first of two low.
    vectors = np.array([[1, -1, 0, 1, 0, 0, 0, 0], [0.5, 0, 0, 0, 0, 0, 0, -0.5]], np.float32)
    scales = np.array([1 / 7, 0.5 / 7], np.float16).tobytes()
    assert pack(vectors, 4) == scales + bytes([0x1F, 0xF8, 0x88, 0x88, 0x8F, 0x88, 0x88, 0x18])


def test_few_bits_are_kept_as_signs_and_sizes() -> None:
    # Root mean square 1: the border is 0.9816.
    vector = np.array([[1.2, -0.8, 0.8, -1.2, 1.2, -0.8, 0.8, -1.2]], np.float32) / np.sqrt(1.04).astype(np.float32)
    assert pack(vector, 1)[2:] == bytes([0b01010101])
    assert pack(vector, 2)[2:] == bytes([0b00100111, 0b00100111])
    found = unpack([pack(vector, 2)], 8, 2)[0]
    assert np.sign(found).tolist() == np.sign(vector).tolist()
    assert found[0, 0] / found[0, 2] == pytest.approx(1.510 / 0.4528, rel=1e-3)


@pytest.mark.parametrize(("bits", "spread"), [(1, 0.045), (2, 0.022), (4, 0.008)])
def test_similarities_of_384_dimensions_come_out_as_they_are_on_average(bits: int, spread: float) -> None:
    vectors, noise = unit_rows(0, 400, 384), unit_rows(1, 400, 384)
    kept = unpack([pack(vectors, bits)], 384, bits)[0]
    for share in (0.2, 0.5, 0.8):
        other = share * vectors + np.sqrt(1 - share**2) * noise
        errors = (kept * other).sum(axis=1) - (vectors * other).sum(axis=1)
        assert abs(errors.mean()) < 0.004
        assert errors.std() < spread


@given(bits=SOME_BITS)
def test_a_vector_of_zeros_stays_without_direction(bits: int) -> None:
    assert not unpack([pack(np.zeros((3, 8), np.float32), bits)], 8, bits)[0].any()


@given(seed=SEEDS, bits=SOME_BITS)
@settings(deadline=None)
def test_packing_what_was_packed_changes_nothing_more_than_its_length(seed: int, bits: int) -> None:
    once = unpack([pack(unit_rows(seed, 5, 64), bits)], 64, bits)[0]
    twice = unpack([pack(once, bits)], 64, bits)[0]
    # Levels of two bits spread otherwise than what they stand for, so that few of a small row's change.
    same = (np.sign(twice) == np.sign(once)).mean()
    assert same == 1.0
    if bits == 4:
        np.testing.assert_allclose(twice, once, atol=1e-3)


@pytest.mark.parametrize("shape", [(3,), (3, 7), (3, 12), (2, 3, 8)])
def test_only_matrices_whose_columns_fill_bytes_are_packed(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="multiple of 8"):
        pack(np.zeros(shape, np.float32), 2)


def test_only_some_numbers_of_bits_are_known() -> None:
    with pytest.raises(ValueError, match="bits is 3; it must be one of 1, 2, 4"):
        pack(np.zeros((1, 8), np.float32), 3)


@given(bits=SOME_BITS)
def test_bytes_that_do_not_fit_the_dimension_are_refused(bits: int) -> None:
    with pytest.raises(ValueError, match=f"dimension 8 at {bits} bits"):
        unpack([pack(unit_rows(0, 3, 8), bits) + b"x"], 8, bits)


@given(seed=SEEDS, counts=st.lists(st.integers(0, 5), max_size=6), dim=DIMS, bits=SOME_BITS)
@settings(deadline=None)
def test_texts_unpacked_together_come_out_as_each_alone(seed: int, counts: list[int], dim: int, bits: int) -> None:
    packed = [pack(unit_rows(seed + n, count, dim), bits) for n, count in enumerate(counts)]
    together = unpack(packed, dim, bits)
    assert [len(vectors) for vectors in together] == counts
    for vectors, text in zip(together, packed, strict=True):
        np.testing.assert_array_equal(vectors, unpack([text], dim, bits)[0])


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
