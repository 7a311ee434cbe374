"""BM25 over terms: the scores of the formula, ties by number, filters before the best k, and honest errors."""

from __future__ import annotations

import gc
import math
import weakref
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.errors import LibraryDamaged
from rag.folder.lexical import LexicalIndex, LexicalPassage

K1, B = 1.2, 0.75
CORPUS = [
    "the harbour employs pilots",
    "pilots bring ships into the harbour harbour",
    "the lighthouse was built by ada",
    "bread is sold at six",
    "pilots pilots pilots",
    "the the the the",
]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> LexicalIndex:
    """The corpus, its passages numbered 10, 11, …"""
    return build(tmp_path_factory.mktemp("lexical"), CORPUS)


def build(folder: Path, texts: Sequence[str], *, first: int = 10) -> LexicalIndex:
    return LexicalIndex.build(folder, [LexicalPassage(n, t.split()) for n, t in enumerate(texts, start=first)])


def bm25(query: Sequence[str], texts: Sequence[str]) -> dict[int, float]:
    """Return the scores of the formula, worked out term by term."""
    documents = [t.split() for t in texts]
    mean = sum(map(len, documents)) / len(documents)
    scores: dict[int, float] = {}
    for number, words in enumerate(documents, start=10):
        for term in dict.fromkeys(query):
            found = sum(term in d for d in documents)
            idf = math.log(1 + (len(documents) - found + 0.5) / (found + 0.5))
            frequency = words.count(term)
            weight = frequency * (K1 + 1) / (frequency + K1 * (1 - B + B * len(words) / mean)) if frequency else 0.0
            scores[number] = scores.get(number, 0.0) + idf * weight
    return {n: s for n, s in scores.items() if s > 0}


def variants(words: str) -> list[tuple[str, ...]]:
    return [(w,) for w in words.split()]


@pytest.mark.parametrize("query", ["pilots", "harbour pilots", "the harbour", "ada built bread", "pilots pilots the"])
def test_scores_are_those_of_the_formula(query: str, index: LexicalIndex) -> None:
    found = index.search(variants(query), 10)
    assert found == pytest.approx(bm25(query.split(), CORPUS), rel=1e-5)
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_coverage_is_the_share_of_the_terms_by_weight_that_a_passage_holds_in_any_variant(index: LexicalIndex) -> None:
    terms = [("harbor", "harbour"), ("pilots",), ("nowhere",), ("the",)]
    held = index.coverage(terms, [2.0, 1.0, 1.0, 0.0], [10, 13, 14, 15])
    assert held == pytest.approx({10: 0.75, 13: 0.0, 14: 0.25, 15: 0.0})
    assert index.coverage([("a b",), ("pilots bring",)], [1.0, 3.0], [11]) == pytest.approx({11: 0.75})


def test_where_no_term_counts_or_no_passage_is_asked_about_nothing_is_covered(index: LexicalIndex) -> None:
    assert index.coverage([("pilots",)], [0.0], [10]) == index.coverage([("pilots",)], [1.0], []) == {}


WORDS = st.lists(st.sampled_from("a b c d e".split()), min_size=1, max_size=6)


@given(texts=st.lists(WORDS.map(" ".join), min_size=1, max_size=8), query=WORDS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_scores_are_those_of_the_formula_for_any_small_corpus(
    texts: list[str], query: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    index = build(tmp_path_factory.mktemp("any"), texts)
    assert index.search([(w,) for w in query], 10) == pytest.approx(bm25(query, texts), rel=1e-5)


def test_equal_scores_are_ordered_by_number_also_where_the_last_place_is(tmp_path: Path) -> None:
    index = build(tmp_path, ["same words here"] * 20)
    for k in (1, 7, 20):
        assert list(index.search(variants("words"), k)) == list(range(10, 10 + k))


def test_of_the_variants_of_a_term_the_best_counts_once(index: LexicalIndex) -> None:
    both = index.search([("pilots", "harbour")], 10)
    pilots, harbour = index.search(variants("pilots"), 10), index.search(variants("harbour"), 10)
    assert both == pytest.approx({n: max(pilots.get(n, 0), harbour.get(n, 0)) for n in {**pilots, **harbour}}, rel=1e-5)


def test_only_allowed_passages_are_found_with_their_usual_scores(index: LexicalIndex) -> None:
    everything = index.search(variants("the harbour"), 10)
    for allowed in ([10], [12, 15], [13], [10, 11, 12, 13, 14, 15, 99], []):
        found = index.search(variants("the harbour"), 10, allowed=allowed)
        assert found == pytest.approx({n: s for n, s in everything.items() if n in allowed}, rel=1e-6)
    assert list(index.search(variants("the harbour"), 1, allowed=[15])) == [15]


@pytest.mark.parametrize(("query", "k"), [("", 10), ("submarine", 10), ("pilots", 0)])
def test_nothing_is_found_where_there_is_nothing(query: str, k: int, index: LexicalIndex) -> None:
    assert index.search(variants(query), k) == {}


def test_a_k_beyond_all_memory_returns_what_there_is(index: LexicalIndex) -> None:
    assert index.search(variants("pilots"), 10**15) == index.search(variants("pilots"), 10)


def test_rarity_falls_with_the_number_of_passages_that_hold_a_term(index: LexicalIndex) -> None:
    assert index.rarity("the") == pytest.approx(math.log(1 + 2.5 / 4.5))
    assert index.rarity("submarine") > index.rarity("ada") > index.rarity("pilots") > index.rarity("the") > 0


def test_an_index_without_passages_finds_nothing(tmp_path: Path) -> None:
    index = build(tmp_path, [])
    assert len(index) == 0
    assert index.search(variants("pilots"), 5) == {}
    assert index.rarity("pilots") >= 0


def test_opening_what_was_built_gives_the_same(tmp_path: Path) -> None:
    built = build(tmp_path, CORPUS)
    opened = LexicalIndex.open(tmp_path)
    assert len(opened) == len(CORPUS)
    assert opened.search(variants("the harbour"), 10) == built.search(variants("the harbour"), 10)


def test_a_folder_that_holds_no_index_is_named(tmp_path: Path) -> None:
    with pytest.raises(LibraryDamaged, match=str(tmp_path)):
        LexicalIndex.open(tmp_path)
    (tmp_path / "meta.json").write_text("{}")
    with pytest.raises(LibraryDamaged, match=str(tmp_path)):
        LexicalIndex.open(tmp_path)


def test_words_are_found_by_how_they_begin_with_the_number_of_passages(tmp_path: Path) -> None:
    spelt = [{"harbour", "pilots"}, {"harbours"}, {"harbour", "the"}]
    index = LexicalIndex.build(tmp_path, [LexicalPassage(n, ["term"], words) for n, words in enumerate(spelt)])
    assert index.words("har") == (("harbour", 2), ("harbours", 1))
    assert index.words("x") == ()
    assert index.holds("term")
    assert not index.holds("harbour")


def test_words_are_read_once_and_those_of_a_changed_index_anew(tmp_path: Path) -> None:
    index = LexicalIndex.build(tmp_path, [LexicalPassage(1, ["term"], {"harbour"})])
    assert index.words("h") is index.words("h")
    assert LexicalIndex.extend(tmp_path, [LexicalPassage(2, ["term"], {"hall"})], removed=[]).words("h") == (
        ("hall", 1),
        ("harbour", 1),
    )
    # Nothing keeps an index alive that nobody holds, such as that of an earlier generation.
    kept = weakref.ref(index)
    gc.disable()
    try:
        del index
        assert kept() is None
    finally:
        gc.enable()


def test_every_term_is_held_by_what_is_found_where_that_is_asked(index: LexicalIndex) -> None:
    either = index.search(variants("pilots harbour"), 10)
    both = index.search(variants("pilots harbour"), 10, every=True)
    assert both == pytest.approx({n: either[n] for n in (10, 11)}, rel=1e-6)
    assert index.search([("submarine", "ada"), ("built",)], 10, every=True).keys() == {12}
    assert index.search(variants("pilots harbour"), 10, every=True, allowed=[11, 12]).keys() == {11}
    assert index.search(variants("pilots submarine"), 10, every=True) == {}


def test_words_of_passages_that_have_left_are_listed_but_not_spelt(tmp_path: Path) -> None:
    passages = [LexicalPassage(n, [w], {w}) for n, w in enumerate(("zepplin", "balloon", "balloon"))]
    LexicalIndex.build(tmp_path, passages)
    index = LexicalIndex.extend(tmp_path, [], removed=[0, 1])
    assert index.words("z") == (("zepplin", 1),)
    assert not index.spells("zepplin")
    assert index.spells("balloon")
    assert index.holds("balloon")
    assert not index.holds("zepplin")
    # More passages that have left than there are.
    assert index.rarity("balloon") > 0
    assert list(index.search([("balloon",)], 5)) == [2]
