"""Confidence: the logistic function of the signs, in the direction that each of them points."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag.confidence import WEIGHTS, Signs, confidence

CLEAR = Signs(
    read=True,
    glossed=0.0,
    glossed_covered=0.0,
    covered=0.9,
    tokens=0.7,
    stand_ins=0.5,
    unmet=0.3,
    dense=0.7,
    content_terms=6,
    negated=False,
    opposed=False,
    number_not_near=False,
    number_not_here=False,
    number_nowhere=False,
    name_not_here=False,
    name_nowhere=False,
    instead=False,
    no_count=False,
)
UNREAD = replace(CLEAR, read=False)


def test_it_is_the_logistic_function_of_the_weighted_signs() -> None:
    # -3.23 + 3.99 * 0.7 + 1.24 * 0.5 - 1.34 * 0.3 + 2.30 * 0.7 + 0.75 * 6 / 12 = 1.766; 1 / (1 + e^-1.766) = 0.8540
    assert confidence(CLEAR) == pytest.approx(0.8540, abs=1e-4)


def test_what_the_encoder_does_not_read_is_judged_by_its_words() -> None:
    # -4.38 + 13.49 * 0.5 = 2.365; 1 / (1 + e^-2.365) = 0.9141
    assert confidence(replace(UNREAD, covered=0.5)) == pytest.approx(0.9141, abs=1e-4)
    assert confidence(replace(UNREAD, tokens=0.0, dense=0.0)) == confidence(UNREAD)


@pytest.mark.parametrize("sign", [sign for sign, weight in WEIGHTS.items() if weight < 0])
def test_what_does_not_fit_lowers_it(sign: str) -> None:
    assert confidence(replace(CLEAR, **{sign: 1.0})) < confidence(CLEAR)


@pytest.mark.parametrize(
    "signs",
    [
        ("number_not_near", "number_not_here", "number_nowhere", "instead"),
        ("name_not_here", "name_nowhere", "instead"),
    ],
)
def test_a_changed_fact_that_is_nowhere_lowers_it_sharply(signs: tuple[str, ...]) -> None:
    assert confidence(replace(CLEAR, **dict.fromkeys(signs, True))) < 0.4 * confidence(CLEAR)


def test_a_changed_number_lowers_it_where_the_encoder_does_not_read() -> None:
    assert confidence(replace(UNREAD, number_not_here=True)) < confidence(UNREAD)


@pytest.mark.parametrize("sign", ["tokens", "stand_ins", "dense"])
def test_more_likeness_raises_it(sign: str) -> None:
    assert confidence(replace(CLEAR, **{sign: 0.9})) > confidence(CLEAR)


def test_words_beyond_the_twelfth_make_no_difference() -> None:
    assert confidence(replace(CLEAR, content_terms=12)) == confidence(replace(CLEAR, content_terms=40))


def test_what_is_read_word_by_word_counts_more_where_it_is_met() -> None:
    # Half of the question: -0.05 * 0.5 + 4.5 * 0.4 = 1.775 are added to the 1.766 of above.
    assert confidence(replace(CLEAR, glossed=0.5, glossed_covered=0.4)) == pytest.approx(0.9718, abs=1e-4)
    assert confidence(replace(CLEAR, glossed=0.5)) < confidence(CLEAR)
