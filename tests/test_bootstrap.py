"""Intervals and paired tests, against closed forms and an independent implementation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from test_summary import row

from eval.bootstrap import difference, estimate
from eval.summary import Floats, table


def run(right: list[bool]) -> dict[str, Floats]:
    return table([row(i, contains=value, seconds=(i + 1) / 1000) for i, value in enumerate(right)])


def p_value(one: list[bool], other: list[bool]) -> float:
    found = {d.metric: d for d in difference(estimate(run(one)), estimate(run(other)))}
    return found["answers.contains"].p_value


def test_an_interval_of_a_share_is_as_wide_as_its_standard_error_says() -> None:
    known = estimate(run([i % 5 > 0 for i in range(400)]))["answers.contains"]
    assert known.value == pytest.approx(0.8)
    low, high = known.interval() or (0.0, 0.0)
    half = 1.96 * math.sqrt(0.8 * 0.2 / 400)
    assert (low, high) == pytest.approx((0.8 - half, 0.8 + half), abs=0.006)


def test_intervals_agree_with_an_independent_bootstrap() -> None:
    from scipy.stats import bootstrap

    confidence = np.random.default_rng(1).random(150)
    known = estimate(table([row(i, f1=float(value)) for i, value in enumerate(confidence)]))["answers.f1"]
    theirs = bootstrap((confidence,), np.mean, method="percentile", n_resamples=2_000, rng=2).confidence_interval
    assert known.interval() == pytest.approx((theirs.low, theirs.high), abs=0.01)


def test_the_same_seed_gives_the_same_interval_and_another_one_another() -> None:
    columns = run([i % 3 > 0 for i in range(50)])
    first, again, other = (estimate(columns, seed=seed)["answers.contains"].resampled for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_an_undefined_metric_has_no_interval() -> None:
    known = estimate(run([True, False]))
    assert known["abstention.auroc"].value is None
    assert known["abstention.auroc"].interval() is None


def test_a_run_differs_from_itself_by_nothing() -> None:
    columns = run([i % 3 > 0 for i in range(80)])
    for found in difference(estimate(columns), estimate(columns)):
        assert (found.difference, found.p_value, found.interval) == (0.0, 1.0, (0.0, 0.0))


def test_the_p_value_of_a_difference_agrees_with_a_randomisation_test() -> None:
    from scipy.stats import permutation_test

    generator = np.random.default_rng(3)
    one = generator.random(300) < 0.75
    other = np.where(generator.random(300) < 0.1, ~one, one) & (generator.random(300) < 0.97)
    theirs = permutation_test(
        (one.astype(float), other.astype(float)),
        lambda a, b, axis: np.mean(a - b, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=4_999,
        rng=4,
    )
    assert p_value(one.tolist(), other.tolist()) == pytest.approx(theirs.pvalue, abs=0.03)


def test_a_few_questions_that_flip_both_ways_are_no_significant_difference_and_many_one_way_are() -> None:
    one = [True] * 200
    both = [False] * 4 + [True] * 196
    mixed = [i not in (0, 1, 2) for i in range(200)]
    assert p_value(both, mixed) > 0.5
    assert p_value([False] * 40 + [True] * 160, one) < 0.005


def test_equal_systems_are_called_different_as_seldom_as_the_level_says() -> None:
    generator = np.random.default_rng(5)
    found = [
        p_value((generator.random(120) < 0.7).tolist(), (generator.random(120) < 0.7).tolist()) for _ in range(120)
    ]
    # Of 120 tests at the 5 % level six are expected to fail; sixteen or more would happen once in 4,000 times.
    assert sum(value < 0.05 for value in found) < 16
