"""Confidence: the logistic function of the signs, in the direction that each of them points."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag.confidence import Signs, confidence

CLEAR = Signs(
    read=True,
    covered=0.9,
    tokens=0.7,
    stand_ins=0.5,
    dense=0.7,
    content_terms=6,
    negated=False,
    opposed=False,
    number_not_here=False,
    number_nowhere=False,
    name_not_here=False,
    name_nowhere=False,
)
UNREAD = replace(CLEAR, read=False)


def test_it_is_the_logistic_function_of_the_weighted_signs() -> None:
    # -5.11 + 5.79 * 0.7 + 1.43 * 0.5 + 2.30 * 0.7 + 0.53 * 6 / 12 = 1.533; 1 / (1 + e^-1.533) = 0.8225
    assert confidence(CLEAR) == pytest.approx(0.8225, abs=1e-4)


def test_what_the_encoder_does_not_read_is_judged_by_its_words() -> None:
    # -2.97 + 8.44 * 0.5 = 1.25; 1 / (1 + e^-1.25) = 0.7773
    assert confidence(replace(UNREAD, covered=0.5)) == pytest.approx(0.7773, abs=1e-4)
    assert confidence(replace(UNREAD, tokens=0.0, dense=0.0)) == confidence(UNREAD)


@pytest.mark.parametrize(
    "sign", ["negated", "opposed", "number_not_here", "number_nowhere", "name_not_here", "name_nowhere"]
)
def test_what_does_not_fit_lowers_it(sign: str) -> None:
    assert confidence(replace(CLEAR, **{sign: True})) < confidence(CLEAR)


@pytest.mark.parametrize("fact", ["number", "name"])
def test_a_changed_fact_that_is_nowhere_lowers_it_sharply(fact: str) -> None:
    changed = replace(CLEAR, **{f"{fact}_not_here": True, f"{fact}_nowhere": True})
    assert confidence(changed) < 0.25 * confidence(CLEAR)


def test_a_changed_number_lowers_it_where_the_encoder_does_not_read() -> None:
    assert confidence(replace(UNREAD, number_not_here=True)) < confidence(UNREAD)


@pytest.mark.parametrize("sign", ["tokens", "stand_ins", "dense"])
def test_more_likeness_raises_it(sign: str) -> None:
    assert confidence(replace(CLEAR, **{sign: 0.9})) > confidence(CLEAR)


def test_words_beyond_the_twelfth_make_no_difference() -> None:
    assert confidence(replace(CLEAR, content_terms=12)) == confidence(replace(CLEAR, content_terms=40))
