"""How sure a figure is: bootstrap intervals, and paired tests of one system against another on the same questions.

Reference:
    Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapters 13 (percentile intervals) and 16.4 (tests);
    Berg-Kirkpatrick, Burkett, Klein 2012, An Empirical Investigation of Statistical Significance in NLP (paired test).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from eval.summary import METRICS, Floats, Table, measure

RESAMPLES = 2_000
# Resamples at a time: with 6,000 questions a block of weights takes 12 MB.
BLOCK = 250
TAIL = 0.025


@dataclass(frozen=True)
class Estimate:
    """A metric of a run, and what it would have been on other draws of the questions.

    Attributes:
        value: On the questions as they are; ``None`` where it is undefined.
        resampled: (resamples,) float64; NaN where a draw leaves it undefined.
    """

    value: float | None
    resampled: Floats

    def interval(self) -> tuple[float, float] | None:
        """Return the 95 % percentile interval, ``None`` where the metric is undefined."""
        return None if self.value is None else _percentiles(self.resampled)


@dataclass(frozen=True)
class Difference:
    """How far a system is from the reference on one metric, over the same questions.

    Attributes:
        metric: Section and name.
        value: Of the system.
        reference_value: Of the reference.
        interval: 95 % percentile interval of the difference.
        p_value: Two-sided, that the difference would be so far from 0 if the systems were equally good.
    """

    metric: str
    value: float
    reference_value: float
    interval: tuple[float, float] | None
    p_value: float

    @property
    def difference(self) -> float:
        """The system's value less the reference's."""
        return self.value - self.reference_value


def estimate(columns: Table, *, resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Estimate]:
    """Return every metric with its resampled values, by key.

    Tables of as many questions are resampled by the same draws, which is what makes `difference` a paired test.

    Args:
        columns: Of ``eval.summary.table``.
        resamples: How many draws.
        seed: Of the draws.

    Returns:
        Estimates by metric key.
    """
    values = measure(columns)
    blocks: dict[str, list[Floats]] = {metric.key: [] for metric in METRICS}
    with warnings.catch_warnings():
        # A draw without any answerable question has no mean over them; it counts as undefined, not as a mistake.
        warnings.simplefilter("ignore", RuntimeWarning)
        for weights in _draws(len(columns["answerable"]), resamples, seed):
            for metric in METRICS:
                blocks[metric.key].append(metric.measure(columns, weights))
    return {key: Estimate(value, np.concatenate(blocks[key])) for key, value in values.items()}


def difference(system: Mapping[str, Estimate], reference: Mapping[str, Estimate]) -> list[Difference]:
    """Return the differences of two systems on the same questions, for each metric that both have.

    Args:
        system: Estimates of the system.
        reference: Estimates of the reference, with the same draws.

    Returns:
        One difference a metric, in the order of ``METRICS``.
    """
    return [
        _difference(metric.key, system[metric.key], reference[metric.key])
        for metric in METRICS
        if system[metric.key].value is not None and reference[metric.key].value is not None
    ]


def _difference(key: str, one: Estimate, other: Estimate) -> Difference:
    value, reference = one.value or 0.0, other.value or 0.0
    observed = value - reference
    drawn = one.resampled - other.resampled
    drawn = drawn[~np.isnan(drawn)]
    # How often chance alone, the draws centred on no difference, takes it as far from 0 as it was seen to be.
    as_far = np.abs(drawn - observed) >= abs(observed) - 1e-12
    p_value = (1 + int(as_far.sum())) / (1 + len(drawn))
    return Difference(key, value, reference, _percentiles(drawn), p_value)


def _draws(questions: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Yield how often each question is drawn, (block, questions) float64."""
    generator = np.random.default_rng(seed)
    for start in range(0, resamples, BLOCK):
        size = min(BLOCK, resamples - start)
        drawn = generator.integers(0, questions, (size, questions))
        yield np.stack([np.bincount(row, minlength=questions) for row in drawn]).astype(np.float64)


def _percentiles(values: Floats) -> tuple[float, float] | None:
    known = values[~np.isnan(values)]
    if not len(known):
        return None
    low, high = np.quantile(known, [TAIL, 1 - TAIL])
    return float(low), float(high)
