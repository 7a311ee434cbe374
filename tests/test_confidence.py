"""Confidence: the logistic function of the signs, in the direction that each of them points."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag.confidence import Signs, confidence

CLEAR = Signs(0.8, 0.7, 6, False, False, False, False)


def test_it_is_the_logistic_function_of_the_weighted_signs() -> None:
    # -4.08 + 3.24 * 0.8 + 3.45 * 0.7 + 0.96 * 6 / 12 = 1.407; 1 / (1 + e^-1.407) = 0.8033
    assert confidence(CLEAR) == pytest.approx(0.8033, abs=1e-4)


@pytest.mark.parametrize("sign", ["number_not_here", "number_nowhere", "name_not_here", "name_nowhere"])
def test_a_missing_fact_lowers_it(sign: str) -> None:
    assert confidence(replace(CLEAR, **{sign: True})) < confidence(CLEAR)


def test_a_changed_year_that_is_nowhere_lowers_it_sharply() -> None:
    changed = replace(CLEAR, number_not_here=True, number_nowhere=True)
    assert confidence(changed) < 0.5 * confidence(CLEAR)


def test_more_likeness_raises_it() -> None:
    assert confidence(replace(CLEAR, sentence=0.9)) > confidence(CLEAR) < confidence(replace(CLEAR, dense=0.9))


def test_words_beyond_the_twelfth_make_no_difference() -> None:
    assert confidence(replace(CLEAR, content_terms=12)) == confidence(replace(CLEAR, content_terms=40))
