"""What makes confidences true on a user's own questions: a map of them and a threshold, kept with the library.

Knows nothing of gold sets and of how a calibration is fitted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from rag.errors import LibraryDamaged
from rag.library_store import LibraryStore

# Name of what the store keeps.
CALIBRATION = "calibration"


@dataclass(frozen=True)
class Line:
    """A rising straight line through log-odds: raw confidences to calibrated ones, in the same order.

    Attributes:
        slope: Calibrated log-odds are ``slope * raw log-odds + intercept``; above 0.
        intercept: Likewise, in nats.

    Reference:
        Platt (1999), "Probabilistic Outputs for Support Vector Machines", section 2.1, with log-odds as the input.
    """

    slope: float
    intercept: float

    def __post_init__(self) -> None:
        """Refuse a line that is level or falls: it would lose or turn round the order.

        Raises:
            ValueError: It does, or a number is not finite.
        """
        if not (0.0 < self.slope < math.inf and math.isfinite(self.intercept)):
            raise ValueError(f"slope {self.slope}, intercept {self.intercept}; both are finite, the slope is above 0")

    def apply(self, confidence: float) -> float:
        """Return the calibrated confidence, in [0, 1], for a raw one; 0 and 1 stay what they are."""
        return probability(self.slope * log_odds(confidence) + self.intercept)

    def undo(self, confidence: float) -> float:
        """Return the raw confidence, in [0, 1], that a calibrated one was made from."""
        return probability((log_odds(confidence) - self.intercept) / self.slope)


@dataclass(frozen=True)
class HeldOut:
    """What cross-validation found: every question judged by a map and a threshold fitted without it.

    Attributes:
        risk: Share of wrong answers among those given, in [0, 1]; ``None`` where none was given.
        risk_interval: Its 95 % interval; ``None`` likewise.
        coverage: Share of the questions that are answered, in [0, 1].
        coverage_interval: Its 95 % interval.
        log_loss: Of the calibrated confidences, in nats a question; lower is better.
        log_loss_before: Of the raw ones.
        calibration_error: Expected calibration error of the calibrated confidences, in [0, 1].
        calibration_error_before: Of the raw ones.
    """

    risk: float | None
    risk_interval: tuple[float, float] | None
    coverage: float
    coverage_interval: tuple[float, float]
    log_loss: float
    log_loss_before: float
    calibration_error: float
    calibration_error_before: float


@dataclass(frozen=True)
class Calibration(Line):
    """A line through log-odds, and the threshold that was chosen on the confidences it gives.

    Attributes:
        threshold: Calibrated confidence in [0, 1] below which an answer abstains.
        risk: Share of wrong answers among those given, in [0, 1], that the threshold was chosen for.
        gold_name: The gold set it was fitted on.
        gold_digest: That gold set's digest.
        gold_path: Where that gold set was, or ``None``.
        encoder: Id of the encoder that the confidences came from.
        encoder_digest: Digest of its weights.
        confidence_version: `rag.confidence.CONFIDENCE_VERSION` of the code that they came from.
        questions: Questions it was fitted on.
        folds: Parts of the cross-validation.
        held_out: What cross-validation found.
        made: ISO 8601 day.
    """

    threshold: float
    risk: float
    gold_name: str
    gold_digest: str
    gold_path: str | None
    encoder: str
    encoder_digest: str
    confidence_version: int
    questions: int
    folds: int
    held_out: HeldOut
    made: str

    def __post_init__(self) -> None:
        """Refuse a line that `Line` refuses, and a threshold that is no confidence.

        Raises:
            ValueError: It is one.
        """
        super().__post_init__()
        if not 0.0 <= self.threshold <= 1.0:
            raise ValueError(f"threshold = {self.threshold}; it has to be from 0 to 1")

    def fault(self, build: Mapping[str, Any], *, confidence_version: int) -> str | None:
        """Return in one line why it does not hold for a library's confidences as they are now, ``None`` if it does.

        Args:
            build: What the library was built with.
            confidence_version: That of the code at hand.

        Returns:
            What differs, and what to do.
        """
        then = f"{self.encoder} ({self.encoder_digest[:12]}), confidences of version {self.confidence_version}"
        now = f"{build['encoder']} ({build['encoder_digest'][:12]}), confidences of version {confidence_version}"
        ours = (self.encoder, self.encoder_digest, self.confidence_version)
        if ours == (build["encoder"], build["encoder_digest"], confidence_version):
            return None
        gold = self.gold_path or "GOLD"
        return f"the calibration is for {then}, and the library has {now}: not applied; run: rag calibrate {gold}"

    def to_dict(self) -> dict[str, Any]:
        """Return the calibration as JSON values."""
        values = asdict(self)
        for name in ("risk_interval", "coverage_interval"):
            interval = values["held_out"][name]
            values["held_out"][name] = None if interval is None else list(interval)
        return values

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Calibration:
        """Return the calibration that ``to_dict`` gave as JSON values; what a later version added is passed over."""
        held_out = {field.name: data["held_out"][field.name] for field in fields(HeldOut)}
        for name in ("risk_interval", "coverage_interval"):
            held_out[name] = None if held_out[name] is None else tuple(held_out[name])
        own = {field.name: data[field.name] for field in fields(cls)}
        return cls(**own | {"held_out": HeldOut(**held_out)})


def log_odds(probability: float) -> float:
    """Return the logarithm of the odds of a probability in [0, 1], in nats; infinite at its ends."""
    if probability <= 0.0:
        return -math.inf
    return math.inf if probability >= 1.0 else math.log(probability) - math.log1p(-probability)


def probability(log_odds: float) -> float:
    """Return the probability in [0, 1] with those log-odds, in nats; never overflows."""
    if log_odds >= 0.0:
        return 1.0 / (1.0 + math.exp(-log_odds))
    odds = math.exp(log_odds)
    return odds / (1.0 + odds)


def read_calibration(store: LibraryStore) -> Calibration | None:
    """Return the calibration kept in a store, ``None`` if there is none.

    Args:
        store: The store.

    Returns:
        The calibration.

    Raises:
        LibraryDamaged: What is kept is no calibration.
    """
    kept = store.setting(CALIBRATION)
    if kept is None:
        return None
    try:
        return Calibration.from_dict(kept)
    except (KeyError, TypeError, ValueError) as error:
        raise LibraryDamaged(
            f"the calibration kept in {store.place} cannot be read ({error!r}); run: rag calibrate GOLD, or to go "
            "without: rag calibrate --reset"
        ) from error


def keep_calibration(store: LibraryStore, calibration: Calibration | None) -> None:
    """Keep a calibration in a store in place of the one there, or none."""
    store.put_settings({CALIBRATION: calibration.to_dict() if calibration else None})
