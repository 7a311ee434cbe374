"""The vector index: exact search, ties by id, restriction before ranking, and honest files."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from embeddings.approximate import _QUERIES, RECALL_K, STEPS, TARGET_RECALL, _like_questions, _recall, _sample
from embeddings.errors import EncoderError, UnreadableIndex
from embeddings.index import VectorIndex

Collection = tuple[NDArray[np.int64], NDArray[np.float32]]


def rows(count: int, dim: int, *, seed: int = 0) -> NDArray[np.float32]:
    """Return random unit rows."""
    raw = np.random.default_rng(seed).normal(size=(count, dim))
    return (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)


@st.composite
def collections(draw: st.DrawFn) -> Collection:
    """Ids in any order over vectors of which many are equal: entries are 0 or ±1/2, so every product is exact."""
    signs = draw(st.lists(st.lists(st.sampled_from([-0.5, 0.5]), min_size=4, max_size=4), max_size=40))
    ids = draw(st.lists(st.integers(-(2**62), 2**62), min_size=len(signs), max_size=len(signs), unique=True))
    return np.array(ids, dtype=np.int64), np.array(signs, dtype=np.float32).reshape(-1, 4)


def brute_force(
    collection: Collection, query: NDArray[np.float32], k: int, *, allowed: set[int] | None = None
) -> list[tuple[int, float]]:
    """Return the k best ids and scores by sorting everything."""
    scored = [(int(i), float(v @ query)) for i, v in zip(*collection, strict=True) if allowed is None or i in allowed]
    return sorted(scored, key=lambda pair: (-pair[1], pair[0]))[:k]


def pairs(found: tuple[NDArray[np.int64], NDArray[np.float32]], query: int) -> list[tuple[int, float]]:
    """Return one query's answer as pairs."""
    return list(zip(found[0][query].tolist(), found[1][query].tolist(), strict=True))


@given(collections(), st.integers(1, 45))
def test_search_ranks_as_sorting_everything_does_and_breaks_ties_by_id(collection: Collection, k: int) -> None:
    queries = np.array([[0.5, 0.5, 0.5, 0.5], [0.5, -0.5, 0.5, 0.5]], dtype=np.float32)
    found = VectorIndex.build(*collection).search(queries, k)
    assert [pairs(found, q) for q in range(2)] == [brute_force(collection, query, k) for query in queries]


@given(collections(), st.integers(1, 45), st.data())
def test_a_restricted_search_ranks_the_allowed_vectors_alone(
    collection: Collection, k: int, data: st.DataObject
) -> None:
    known = st.sampled_from(collection[0].tolist()) if len(collection[0]) else st.nothing()
    allowed = data.draw(st.lists(known | st.integers(-5, 5)))
    query = np.array([[0.5, 0.5, -0.5, 0.5]], dtype=np.float32)
    found = VectorIndex.build(*collection).search(query, k, allowed=np.array(allowed, dtype=np.int64))
    assert pairs(found, 0) == brute_force(collection, query[0], k, allowed=set(allowed))


@given(collections())
def test_an_index_read_back_answers_as_the_one_written(
    tmp_path_factory: pytest.TempPathFactory, collection: Collection
) -> None:
    path = tmp_path_factory.mktemp("index") / "vectors.faiss"
    written = VectorIndex.build(*collection)
    written.write(path)
    read = VectorIndex.read(path)
    query = np.array([[0.5, 0.5, 0.5, -0.5]], dtype=np.float32)
    assert (len(read), read.dim) == (len(written), written.dim) == (len(collection[0]), 4)
    assert pairs(read.search(query, 50), 0) == pairs(written.search(query, 50), 0)


def test_scores_of_real_vectors_are_their_inner_products() -> None:
    vectors, queries = rows(500, 384), rows(3, 384, seed=1)
    ids, scores = VectorIndex.build(np.arange(500), vectors).search(queries, 500)
    for query, found, given_scores in zip(queries, ids, scores, strict=True):
        np.testing.assert_allclose(given_scores, vectors[found] @ query, atol=1e-6)
        assert (np.diff(given_scores) <= 0).all()
        assert sorted(found) == list(range(500))


def test_equal_vectors_come_by_id_however_many_queries_are_asked_at_once() -> None:
    vectors = np.repeat(rows(1, 384), 300, axis=0)
    index = VectorIndex.build(np.arange(300)[::-1].copy(), vectors)
    ids, _ = index.search(rows(64, 384, seed=2), 7)
    assert (ids == np.arange(7)).all()


def test_an_answer_is_as_long_as_what_there_is_and_never_padded() -> None:
    index = VectorIndex.build(np.array([7, 3, 5]), rows(3, 8))
    assert index.search(rows(2, 8), 10)[0].shape == (2, 3)
    assert index.search(rows(2, 8), 10, allowed=np.array([5, 99]))[0].tolist() == [[5], [5]]
    assert index.search(rows(2, 8), 10, allowed=np.array([], dtype=np.int64))[0].shape == (2, 0)
    assert index.search(np.empty((0, 8), dtype=np.float32), 10)[0].shape == (0, 3)


def test_an_empty_index_answers_with_nothing() -> None:
    index = VectorIndex.build(np.array([], dtype=np.int64), np.empty((0, 8), dtype=np.float32))
    ids, scores = index.search(rows(2, 8), 3)
    assert (ids.shape, ids.dtype, scores.shape, scores.dtype) == ((2, 0), np.int64, (2, 0), np.float32)
    assert (len(index), index.dim) == (0, 8)


def test_threads_may_share_an_index() -> None:
    index, queries = VectorIndex.build(np.arange(2000), rows(2000, 64)), rows(40, 64, seed=3)
    expected = index.search(queries, 5)[0]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda query: index.search(query[None, :], 5)[0][0], queries))
    np.testing.assert_array_equal(found, expected)


def _with(value: float) -> NDArray[np.float32]:
    vectors = rows(3, 8)
    vectors[1, 2] = value
    return vectors


@pytest.mark.parametrize(
    ("ids", "vectors", "message"),
    [
        (np.arange(2), rows(3, 8), "2 ids for 3 vectors"),
        (np.array([1, 2, 1]), rows(3, 8), "3 ids of which 2 differ"),
        (np.arange(3, dtype=np.int32), rows(3, 8), r"ids is int32 of shape \(3,\); it must be int64"),
        (np.arange(3), rows(3, 8).astype(np.float64), r"vectors is float64 of shape \(3, 8\); it must be float32"),
        (np.arange(3), rows(3, 8)[0], r"of shape \(8,\)"),
        (np.arange(3), np.empty((3, 0), dtype=np.float32), r"of shape \(3, 0\)"),
        (np.arange(3), _with(np.nan), r"vectors\[1\] holds NaN"),
        (np.arange(3), _with(9.0), r"vectors\[1\] has length 9\.\d+; rows must have length 1"),
    ],
)
def test_build_refuses_what_is_no_collection_of_unit_rows(ids: Any, vectors: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VectorIndex.build(ids, vectors)


@pytest.mark.parametrize(
    ("queries", "k", "allowed", "message"),
    [
        (rows(1, 9), 1, None, "queries have dimension 9, the index has 8"),
        (rows(1, 8)[0], 1, None, r"queries is float32 of shape \(8,\)"),
        (rows(1, 8).astype(np.float16), 1, None, "queries is float16"),
        (_with(np.inf), 1, None, r"queries\[1\] holds NaN or infinity"),
        (rows(1, 8), 0, None, "k is 0; it must be at least 1"),
        (rows(1, 8), 1, np.array([1.0]), "allowed is float64"),
    ],
)
def test_search_refuses_what_does_not_fit_the_index(queries: Any, k: int, allowed: Any, message: str) -> None:
    index = VectorIndex.build(np.arange(3), rows(3, 8))
    with pytest.raises(ValueError, match=message):
        index.search(queries, k, allowed=allowed)


def test_a_damaged_file_is_named_and_refused(tmp_path: Path) -> None:
    path = tmp_path / "vectors.faiss"
    VectorIndex.build(np.arange(3), rows(3, 8)).write(path)
    whole = path.read_bytes()
    for damaged in (b"", b"not an index", whole[:40], whole[:-1]):
        path.write_bytes(damaged)
        with pytest.raises(UnreadableIndex, match=r"vectors\.faiss"):
            VectorIndex.read(path)


def test_an_index_of_another_kind_is_refused(tmp_path: Path) -> None:
    vectors = rows(3, 8)
    unordered = faiss.IndexIDMap(faiss.IndexFlatIP(8))
    unordered.add_with_ids(vectors, np.array([2, 1, 3]))
    euclidean = faiss.IndexIDMap(faiss.IndexFlatL2(8))
    euclidean.add_with_ids(vectors, np.arange(3))
    for other in (faiss.IndexFlatIP(8), unordered, euclidean):
        faiss.write_index(other, str(tmp_path / "other.faiss"))
        with pytest.raises(EncoderError, match="build"):
            VectorIndex.read(tmp_path / "other.faiss")


def test_a_missing_file_and_a_missing_folder_are_os_errors(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        VectorIndex.read(tmp_path / "none.faiss")
    with pytest.raises(FileNotFoundError):
        VectorIndex.build(np.arange(3), rows(3, 8)).write(tmp_path / "none" / "vectors.faiss")


def test_writing_replaces_the_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "vectors.faiss"
    for count in (3, 5):
        VectorIndex.build(np.arange(count), rows(count, 8)).write(path)
    assert len(VectorIndex.read(path)) == 5
    assert list(tmp_path.iterdir()) == [path]


def clustered(count: int, dim: int = 16, *, seed: int = 0) -> NDArray[np.float32]:
    """Return random unit rows around a hundred centres, as real texts' are."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(100, dim))
    raw = centres[random.integers(0, 100, count)] + 0.5 * random.normal(size=(count, dim))
    return (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def approximate() -> tuple[VectorIndex, NDArray[np.float32]]:
    """An index of 4,000 vectors with odd ids, in inverted lists, and the vectors."""
    vectors = clustered(4_000)
    return VectorIndex.build(np.arange(4_000) * 2 + 1, vectors, exact_up_to=1_000), vectors


def test_many_vectors_are_searched_in_inverted_lists_that_find_nearly_all_neighbours(
    approximate: tuple[VectorIndex, NDArray[np.float32]],
) -> None:
    index, vectors = approximate
    assert (index.kind, len(index), index.dim) == ("ivf", 4_000, 16)
    assert index.recall is not None
    assert 0.97 <= index.recall <= 1.0
    exact = VectorIndex.build(np.arange(4_000) * 2 + 1, vectors)
    queries = clustered(100, seed=5)
    found, scores = index.search(queries, 10)
    wanted, cosines = exact.search(queries, 10)
    shares = [len(np.intersect1d(a, b)) / 10 for a, b in zip(found, wanted, strict=True)]
    assert np.mean(shares) >= 0.97
    np.testing.assert_allclose(scores[:, 0], cosines[:, 0], atol=1e-3)


def test_a_restricted_search_of_inverted_lists_finds_what_is_far_away(
    approximate: tuple[VectorIndex, NDArray[np.float32]],
) -> None:
    index, vectors = approximate
    farthest = np.argsort(vectors @ vectors[0])[:7]
    found, scores = index.search(vectors[:1], 10, allowed=np.append(farthest * 2 + 1, 4))
    assert sorted(found[0].tolist()) == sorted((farthest * 2 + 1).tolist())
    assert np.all(np.diff(scores[0]) <= 0)


def test_inverted_lists_read_back_answer_as_the_ones_written_and_may_be_deleted(
    approximate: tuple[VectorIndex, NDArray[np.float32]], tmp_path: Path
) -> None:
    index, vectors = approximate
    index.write(tmp_path / "lists.faiss")
    read = VectorIndex.read(tmp_path / "lists.faiss")
    (tmp_path / "lists.faiss").unlink()
    assert (read.kind, len(read), read.recall) == ("ivf", 4_000, None)
    for one, other in zip(read.search(vectors[:20], 15), index.search(vectors[:20], 15), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_row_that_the_lists_cannot_fill_ends_in_minus_one() -> None:
    vectors = clustered(300)
    index = VectorIndex.build(np.arange(300), vectors, exact_up_to=100).without(np.arange(295))
    found, scores = index.search(-vectors[:1], 50)
    assert found.shape == (1, 5)
    assert set(found[0].tolist()) <= {-1, 295, 296, 297, 298, 299}
    assert -1 in found
    assert np.all(np.isneginf(scores[found == -1]))


@pytest.mark.parametrize("exact_up_to", [10_000, 1_000])
def test_vectors_left_out_are_not_found_and_the_index_they_are_in_is_as_it_was(exact_up_to: int) -> None:
    vectors = clustered(2_000)
    whole = VectorIndex.build(np.arange(2_000), vectors, exact_up_to=exact_up_to)
    less = whole.without(np.array([0, 5, 99_999]))
    assert (len(less), len(whole), less.ids[:3].tolist()) == (1_998, 2_000, [1, 2, 3])
    assert 0 in whole.search(vectors[:1], 5)[0]
    assert 0 not in less.search(vectors[:1], 1_998)[0]
    assert less.search(vectors[:1], 3, allowed=np.array([0, 5, 7]))[0].tolist() == [[7]]
    with pytest.raises(ValueError, match="int64"):
        whole.without(np.array([0.5]))


def test_bytes_that_are_no_inverted_lists_are_told(
    approximate: tuple[VectorIndex, NDArray[np.float32]], tmp_path: Path
) -> None:
    path = tmp_path / "lists.faiss"
    approximate[0].write(path)
    whole = path.read_bytes()
    for size in (41, 100, 5_000, len(whole) - 8):
        path.write_bytes(whole[:size])
        with pytest.raises(UnreadableIndex, match=r"lists\.faiss"):
            VectorIndex.read(path)


def test_no_more_lists_are_searched_than_the_target_needs() -> None:
    # Without clusters, so that many lists are needed.
    raw = np.random.default_rng(3).normal(size=(10_000, 24))
    vectors = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)
    index = VectorIndex.build(np.arange(10_000), vectors, exact_up_to=1_000)
    lists = index._inner
    enough = lists.nprobe
    assert 16 < enough < lists.nlist
    assert index.recall is not None
    assert index.recall >= TARGET_RECALL
    queries = _like_questions(_sample(vectors, _QUERIES), vectors)
    _, exact = faiss.knn(queries, vectors, RECALL_K, metric=faiss.METRIC_INNER_PRODUCT)
    # The most that was found to be too few.
    lists.nprobe = enough - max(1, enough // STEPS)
    assert _recall(exact, lists.search(queries, RECALL_K)[1]) < TARGET_RECALL
