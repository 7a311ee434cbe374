"""Packed texts compared all at once come out as each unpacked and compared alone, and equal ones equally."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from embeddings.late import BITS, max_similarities, pack, unpack
from embeddings.packed import BLOCK, segment_similarities

SEEDS = st.integers(0, 2**32 - 1)


def unit_rows(seed: int, rows: int, dim: int) -> NDArray[np.float32]:
    raw = np.random.default_rng(seed).normal(size=(rows, dim)).astype(np.float32)
    return raw / np.linalg.norm(raw, axis=1, keepdims=True)


@given(
    seed=SEEDS,
    queries=st.integers(1, 6),
    texts=st.lists(st.lists(st.integers(0, 2 * BLOCK), min_size=1, max_size=4), max_size=5),
    bits=st.sampled_from(BITS),
)
@settings(deadline=None)
def test_all_at_once_is_as_one_by_one(seed: int, queries: int, texts: list[list[int]], bits: int) -> None:
    query = unit_rows(seed, queries, 16)
    packed = [pack(unit_rows(seed + n, sum(segments), 16), bits) for n, segments in enumerate(texts)]
    starts = [np.cumsum([0, *segments[:-1]]).astype(np.int64) for segments in texts]
    found = segment_similarities(query, packed, starts, bits=bits)
    assert [text.shape for text in found] == [(len(segments), queries) for segments in texts]
    for text, own, similarities, segments in zip(packed, starts, found, texts, strict=True):
        for start, count, best in zip(own, segments, similarities, strict=True):
            tokens = unpack([text], 16, bits)[0][start : start + count]
            one = max_similarities(query, [tokens], np.array([0]))[:, 0] if count else np.zeros(queries)
            np.testing.assert_allclose(best, one, atol=1e-5)


@given(seed=SEEDS, queries=st.integers(1, 30), counts=st.lists(st.integers(1, 250), min_size=3, max_size=20))
@settings(deadline=None, max_examples=30)
def test_the_same_text_comes_out_equal_to_the_last_bit_wherever_it_stands(
    seed: int, queries: int, counts: list[int]
) -> None:
    query = unit_rows(seed, queries, 384)
    packed = [pack(unit_rows(seed + n, count, 384), 2) for n, count in enumerate(counts)]
    packed = [packed[0], *packed, packed[0]]
    first, *others = segment_similarities(query, packed, [np.array([0])] * len(packed), bits=2)
    np.testing.assert_array_equal(first, others[0])
    np.testing.assert_array_equal(first, others[-1])


def test_bytes_that_do_not_fit_the_query_are_refused() -> None:
    with pytest.raises(ValueError, match="dimension 16 at 2 bits"):
        segment_similarities(unit_rows(0, 2, 16), [b"x"], [np.array([0])], bits=2)
