"""Metrics against fractions worked out by hand, and once against independent implementations."""

from __future__ import annotations

import re
import string
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics import (
    contains,
    exact_match,
    merge,
    overlap,
    shared_chars,
    token_f1,
    tokens,
)

ASCII = st.text(alphabet="aAtThHeEnN 019.,-%'_\n", max_size=30)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("It took in the 9.0% of 2022.", "9.0%"),
        ("worth 2.04 billion US dollars", "2.04 billion"),
        ("The UN\u00a0Technology\u00a0Bank moved", "UN Technology Bank"),
        ("signed by “Ada’s” heirs", "Ada's"),
        ("Paris—France", "France"),
        ("in 1922–26", "1922-26"),
        ("她在２０２２年来到北京。", "2022年"),
        ("共有15个项目", "15"),
        ("ประเทศไทยสวยงาม", "ไทย"),
        ("東京・大阪で開催", "大阪"),
        ("By a THE Hague court", "the hague"),
    ],
)
def test_an_answer_is_contained_whatever_case_articles_and_punctuation(text: str, answer: str) -> None:
    assert contains(text, ["something else", answer])


@pytest.mark.parametrize(
    ("text", "answer"),
    [("in 2015", "15"), ("15000 people", "15"), ("9.05%", "9.0%"), ("Francesca", "France"), ("共有15个", "5个")],
)
def test_an_answer_is_not_contained_in_a_longer_word_or_number(text: str, answer: str) -> None:
    assert not contains(text, [answer])


@pytest.mark.parametrize("answer", ["", "the", "…", "A"])
def test_an_answer_without_a_token_is_contained_nowhere(answer: str) -> None:
    assert not contains("the answer … a", [answer])


def test_nothing_is_contained_when_there_is_no_answer() -> None:
    assert not contains("text", [])
    assert not exact_match("", [])
    assert token_f1("text", []) == 0.0


def test_em_takes_any_answer_after_folding() -> None:
    assert exact_match("The Normans.", ["Vikings", "normans"])
    assert not exact_match("The Normans came", ["normans"])


def test_f1_is_the_best_over_answers_worked_out_by_hand() -> None:
    # 2 of 3 tokens given, 2 of 4 wanted: precision 2/3, recall 2/4.
    assert token_f1("big red house", ["red house by lake"]) == pytest.approx(2 * (2 / 3) * (2 / 4) / (2 / 3 + 2 / 4))
    assert token_f1("big red house", ["green", "the red house"]) == pytest.approx(4 / 5)
    # A token counts as often as both sides have it.
    assert token_f1("to to to", ["to be"]) == pytest.approx(2 * (1 / 3) * (1 / 2) / (1 / 3 + 1 / 2))


def test_f1_counts_characters_in_scripts_without_spaces() -> None:
    # 3 of 4 characters given, 3 of 3 wanted.
    assert token_f1("北京市区", ["北京市"]) == pytest.approx(2 * 3 / (4 + 3))
    assert tokens("在 iPhone 15 上") == ["在", "iphone", "15", "上"]


@given(ASCII, ASCII)
def test_em_and_f1_equal_the_published_script_on_plain_english(text: str, answer: str) -> None:
    assert exact_match(text, [answer]) == (squad_normalise(text) == squad_normalise(answer))
    assert token_f1(text, [answer]) == pytest.approx(squad_f1(text, answer))


def squad_normalise(text: str) -> str:
    """Return what ``normalize_answer`` of SQuAD's evaluate-v2.0.py returns."""
    text = "".join(char for char in text.lower() if char not in set(string.punctuation))
    return " ".join(re.compile(r"\b(a|an|the)\b", re.UNICODE).sub(" ", text).split())


def squad_f1(text: str, answer: str) -> float:
    """Return what ``compute_f1`` of SQuAD's evaluate-v2.0.py returns."""
    given_tokens, gold_tokens = squad_normalise(text).split(), squad_normalise(answer).split()
    same = sum((Counter(given_tokens) & Counter(gold_tokens)).values())
    if not given_tokens or not gold_tokens:
        return float(given_tokens == gold_tokens)
    if same == 0:
        return 0.0
    precision, recall = same / len(given_tokens), same / len(gold_tokens)
    return 2 * precision * recall / (precision + recall)


def test_overlapping_gold_spans_count_once_and_touching_ones_twice() -> None:
    assert merge([("b", 0, 2), ("a", 4, 9), ("a", 0, 5), ("a", 9, 12)]) == [("a", 0, 9), ("a", 9, 12), ("b", 0, 2)]


def test_spans_overlap_when_they_share_a_character_of_one_document() -> None:
    assert overlap(("a", 0, 5), ("a", 4, 9))
    assert not overlap(("a", 0, 5), ("a", 5, 9))
    assert not overlap(("a", 0, 5), ("b", 0, 5))


def test_shared_and_covered_characters_are_counted_once_whatever_overlaps() -> None:
    cited = [("a", 0, 10), ("a", 5, 15), ("b", 0, 4)]
    evidence = [("a", 12, 20), ("c", 0, 3)]
    # Cited: 15 of a and 4 of b; evidence: 8 of a and 3 of c; they share [12, 15).
    assert shared_chars(cited, evidence) == (3, 15 + 4 + 8 + 3 - 3)
    assert shared_chars([], []) == (0, 0)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 20), st.integers(1, 8))), st.data())
def test_shared_characters_agree_with_sets_of_characters(
    places: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    spans = [(document, start, start + size) for document, start, size in places]
    split = data.draw(st.integers(0, len(spans)))

    def characters(some: list[tuple[str, int, int]]) -> set[tuple[str, int]]:
        return {(document, i) for document, start, end in some for i in range(start, end)}

    ones, others = characters(spans[:split]), characters(spans[split:])
    assert shared_chars(spans[:split], spans[split:]) == (len(ones & others), len(ones | others))
