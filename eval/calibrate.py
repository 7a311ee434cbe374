"""Fits confidences to how often answers are right, and chooses the threshold for a share of wrong ones.

Knows outcomes and numbers; nothing of libraries, terminals and how a calibration is kept.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.gold import GoldSet, read_gold
from eval.judge import Outcome
from rag.calibration import Calibration, HeldOut, Line, log_odds
from rag.errors import GoldError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FEWEST_QUESTIONS = 30
FOLDS = 5
BINS = 10
# Log-odds beyond this, and slopes below that, differ from certainty and from a level line in no digit that counts.
MOST_LOG_ODDS, LEAST_SLOPE = 36.0, 1e-6
HAIR = 1e-6
# 97.5 % of a normal distribution lies below this.
Z = 1.959963984540054


@dataclass(frozen=True)
class Fit:
    """What was fitted to a gold set, and how good it is.

    Attributes:
        line: Raw to calibrated confidences.
        threshold: The lowest calibrated confidence at which, in the set as a whole, at most the wanted share is wrong.
        wanted_risk: That share, in [0, 1].
        questions: Questions it was fitted on.
        right: Those whose answer is right; all others would be wrong if they were answered.
        coverage: Share of the questions at or above the threshold, in [0, 1].
        coverage_interval: Its 95 % interval.
        risk: Share of wrong answers among them, in [0, 1].
        risk_interval: Its 95 % interval.
        risk_at_half: Lowest share of wrong answers at which at least half of the questions are answered.
        folds: Parts of the cross-validation.
        held_out: What that found: the figures to expect of other questions.
    """

    line: Line
    threshold: float
    wanted_risk: float
    questions: int
    right: int
    coverage: float
    coverage_interval: tuple[float, float]
    risk: float
    risk_interval: tuple[float, float]
    risk_at_half: float
    folds: int
    held_out: HeldOut


def calibrate(outcomes: Sequence[Outcome], *, risk: float, seed: int = 0) -> Fit:
    """Fit a line through log-odds, and choose the threshold of greatest coverage for a share of wrong answers.

    Args:
        outcomes: With raw confidences; those of a system that only searches are left out.
        risk: Greatest share of wrong answers among those given, in [0, 1].
        seed: Of the cross-validation's parts.

    Returns:
        What was fitted, judged by five-fold cross-validation.

    Raises:
        GoldError: There are too few questions, or too few right or wrong answers; the confidence does not tell them
            apart; or no threshold reaches the risk.
    """
    judged = [(o.confidence, o.right) for o in outcomes if o.right is not None and o.confidence is not None]
    confidences = np.array([confidence for confidence, _ in judged], np.float64)
    right = np.array([good for _, good in judged], np.bool_)
    _check(right)
    line = fit_line(confidences, right)
    if line.slope <= LEAST_SLOPE:
        raise GoldError(
            "right answers are no surer than wrong ones on this gold set, so no threshold tells them apart; "
            "give other questions"
        )
    calibrated = _apply(line, confidences)
    threshold = choose_threshold(calibrated, right, risk=risk)
    if threshold is None:
        raise _out_of_reach(calibrated, right, risk=risk)
    threshold = _loosened(threshold, calibrated)
    _, risks, coverages = _curve(calibrated, right)
    given = calibrated >= threshold
    wrong, answered = int((given & ~right).sum()), int(given.sum())
    return Fit(
        line=line,
        threshold=threshold,
        wanted_risk=risk,
        questions=len(right),
        right=int(right.sum()),
        coverage=answered / len(right),
        coverage_interval=wilson(answered, len(right)),
        risk=wrong / answered,
        risk_interval=wilson(wrong, answered),
        risk_at_half=float(risks[coverages >= 0.5].min()),
        folds=FOLDS,
        held_out=cross_validate(confidences, right, risk=risk, seed=seed),
    )


def fit_line(confidences: Floats, right: Flags) -> Line:
    """Return the line through log-odds under which the answers' being right or wrong is likeliest.

    The targets are Platt's, a little off 1 and 0, as if one right and one wrong answer more had been seen for either:
    without that, confidences that happen to part right and wrong answers cleanly would be sent to certainty.

    Args:
        confidences: (n,) float64, in [0, 1].
        right: (n,) bool, with both values.

    Returns:
        The line; where confidences fall as answers get better, as level a one as rises.

    Reference:
        Platt (1999), "Probabilistic Outputs for Support Vector Machines", sections 2.1 and 2.2.
    """
    from sklearn.linear_model import LogisticRegression

    odds = np.clip([log_odds(c) for c in confidences.tolist()], -MOST_LOG_ODDS, MOST_LOG_ODDS)
    targets = np.where(right, (right.sum() + 1) / (right.sum() + 2), 1 / ((~right).sum() + 2))
    slope = intercept = 0.0
    if np.ptp(odds) > 0:
        model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10)
        # A target between 0 and 1 is a right and a wrong answer, each with its share of the weight.
        both = np.concatenate([odds, odds])[:, None]
        model.fit(both, np.repeat([1, 0], len(odds)), sample_weight=np.concatenate([targets, 1 - targets]))
        slope, intercept = float(model.coef_[0, 0]), float(model.intercept_[0])
    if slope <= LEAST_SLOPE:
        return Line(LEAST_SLOPE, log_odds(float(targets.mean())))
    return Line(slope, intercept)


def choose_threshold(calibrated: Floats, right: Flags, *, risk: float) -> float | None:
    """Return the lowest confidence at which the share of wrong among the answers at or above it is at most `risk`.

    Args:
        calibrated: (n,) float64.
        right: (n,) bool.
        risk: Share in [0, 1].

    Returns:
        One of the confidences, ``None`` when there is none such.

    Reference:
        Geifman and El-Yaniv 2017, Selective Classification for Deep Neural Networks, section 3, without their bound:
        it answers nothing on gold sets of a hundred questions; held-out figures are given instead.
    """
    thresholds, risks, _ = _curve(calibrated, right)
    reached = thresholds[risks <= risk + 1e-9]
    return float(reached.min()) if len(reached) else None


def cross_validate(confidences: Floats, right: Flags, *, risk: float, seed: int) -> HeldOut:
    """Judge each fifth of the questions with a line and a threshold from the others, and pool.

    Args:
        confidences: (n,) float64, raw.
        right: (n,) bool.
        risk: Share in [0, 1] that thresholds are chosen for; where none reaches it, that fifth is not answered.
        seed: Of the parts, in each of which right and wrong answers have the same shares.

    Returns:
        What was found.
    """
    from sklearn.model_selection import StratifiedKFold

    calibrated, given = np.zeros_like(confidences), np.zeros_like(right)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    for rest, part in folds.split(confidences, right):
        line = fit_line(confidences[rest], right[rest])
        threshold = choose_threshold(_apply(line, confidences[rest]), right[rest], risk=risk)
        calibrated[part] = _apply(line, confidences[part])
        given[part] = calibrated[part] >= (math.inf if threshold is None else threshold)
    wrong, answered = int((given & ~right).sum()), int(given.sum())
    return HeldOut(
        risk=wrong / answered if answered else None,
        risk_interval=wilson(wrong, answered) if answered else None,
        coverage=answered / len(right),
        coverage_interval=wilson(answered, len(right)),
        log_loss=log_loss(calibrated, right),
        log_loss_before=log_loss(confidences, right),
        calibration_error=calibration_error(calibrated, right),
        calibration_error_before=calibration_error(confidences, right),
    )


def log_loss(confidences: Floats, right: Flags) -> float:
    """Return the mean surprise at answers' being right or wrong, in nats a question."""
    from sklearn.metrics import log_loss

    return float(log_loss(right, confidences, labels=[False, True]))


def calibration_error(confidences: Floats, right: Flags) -> float:
    """Return how far, over ten bins of confidence, its mean is from the share of right answers, in [0, 1].

    Reference:
        Guo, Pleiss, Sun, Weinberger 2017, On Calibration of Modern Neural Networks, equation 3.
    """
    bins = np.minimum((confidences * BINS).astype(np.int64), BINS - 1)
    gaps = np.bincount(bins, confidences - right, minlength=BINS)
    return float(np.abs(gaps).sum() / len(right))


def wilson(part: int, whole: int) -> tuple[float, float]:
    """Return the 95 % interval of a share.

    Reference:
        Wilson 1927, Probable Inference, the Law of Succession, and Statistical Inference.
    """
    share, scale = part / whole, 1 + Z * Z / whole
    centre = (share + Z * Z / (2 * whole)) / scale
    reach = Z * math.sqrt(share * (1 - share) / whole + Z * Z / (4 * whole * whole)) / scale
    return max(0.0, centre - reach), min(1.0, centre + reach)


def rounded_up(share: float) -> float:
    """Return a share with three digits after the point, at or above it."""
    return math.ceil(round(share * 1000, 6)) / 1000


def staleness(calibration: Calibration, gold: GoldSet, *, path: Path | None = None) -> str | None:
    """Return in one line that a gold set is not what it was when a library was calibrated on it; else ``None``.

    Args:
        calibration: The calibration.
        gold: The gold set as it is now.
        path: Where it was read; by that it is told from another of the same name. ``None`` when that is not known.

    Returns:
        What changed, and what to do; ``None`` also when it is another gold set.
    """
    if path is None or calibration.gold_path is None:
        same = calibration.gold_name == gold.name
    else:
        same = path.resolve() == Path(calibration.gold_path).resolve()
    if not same or calibration.gold_digest == gold.digest:
        return None
    where = calibration.gold_path or gold.name
    return f"the gold set {where} has changed since this library was calibrated on it; run: rag calibrate {where}"


def changed_gold(calibration: Calibration) -> str | None:
    """Return in one line that the gold set of a calibration has changed where it was; else, or if it is gone, ``None``.

    Args:
        calibration: The calibration.

    Returns:
        What changed, and what to do.
    """
    path = Path(calibration.gold_path) if calibration.gold_path else None
    if path is None or not path.exists():
        return None
    try:
        return staleness(calibration, read_gold(path), path=path)
    except GoldError as error:
        return f"the gold set that this library was calibrated on cannot be used any more: {error}"


def _check(right: Flags) -> None:
    if len(right) < FEWEST_QUESTIONS:
        raise GoldError(f"{len(right)} questions are too few to calibrate on; give at least {FEWEST_QUESTIONS}")
    fewest, kind = min((int(right.sum()), "right"), (int((~right).sum()), "wrong"))
    if fewest < FOLDS:
        raise GoldError(
            f"{fewest} of {len(right)} answers are {kind}; to calibrate, at least {FOLDS} have to be right and {FOLDS} "
            "wrong (an unanswerable question counts as wrong); add other questions"
        )


def _out_of_reach(calibrated: Floats, right: Flags, *, risk: float) -> GoldError:
    _, risks, coverages = _curve(calibrated, right)
    lowest = float(risks.min())
    coverage = float(coverages[risks == lowest].max())
    return GoldError(
        f"no threshold brings the share of wrong answers down to {risk:g}: the lowest is {lowest:.3f}, where "
        f"{coverage:.3f} of the questions are answered; ask for --risk {rounded_up(lowest):g} or more"
    )


def _curve(calibrated: Floats, right: Flags) -> tuple[Floats, Floats, Floats]:
    """Return every confidence that is a threshold, from the highest, with the risk and the coverage it leads to."""
    order = np.argsort(-calibrated, kind="stable")
    ordered = calibrated[order]
    # Answers of equal confidence are given or held back together.
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    answered = last + 1.0
    return ordered[last], np.cumsum(~right[order])[last] / answered, answered / len(right)


def _loosened(threshold: float, calibrated: Floats) -> float:
    """Return a threshold a hair lower, but above the next lower confidence.

    The question it was taken from would else be refused when its confidence comes out different in the last digit.
    """
    lower = calibrated[calibrated < threshold]
    return max(threshold - HAIR, (threshold + float(lower.max(initial=0.0))) / 2)


def _apply(line: Line, confidences: Floats) -> Floats:
    # The very function that answers are judged by when they are served, so that thresholds mean the same.
    return np.array([line.apply(confidence) for confidence in confidences.tolist()], np.float64)
