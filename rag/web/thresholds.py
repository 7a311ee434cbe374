"""What a library's threshold costs on a gold set, at every threshold; and one of them kept; knows no page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rag.calibration import Calibration, Line
from rag.errors import GoldError

if TYPE_CHECKING:
    from eval.judge import Outcome
    from rag.library import Library

# Thresholds from 0 to 1, both included.
STEPS = 100
UNCHANGED = Line(1.0, 0.0)


@dataclass(frozen=True)
class AtThreshold:
    """What a threshold does on a gold set.

    Attributes:
        threshold: Confidence in [0, 1] below which nothing is answered.
        answered: Questions that are answered.
        wrong: Wrong answers among them; the answer to an unanswerable question is one.
        refused: Answerable questions that are not answered.
        lost: Those of them whose answer would have been right.
        questions: Questions in all.
    """

    threshold: float
    answered: int
    wrong: int
    refused: int
    lost: int
    questions: int

    @property
    def coverage(self) -> float:
        """Share of the questions that are answered, in [0, 1]."""
        return self.answered / self.questions

    @property
    def risk(self) -> float | None:
        """Share of wrong answers among those given, in [0, 1]; ``None`` where none is given."""
        return self.wrong / self.answered if self.answered else None


@dataclass(frozen=True)
class Judged:
    """One question: how sure its answer is, whether that is right, and whether the documents answer it at all."""

    confidence: float
    right: bool
    answerable: bool


def judged(rows: Sequence[Outcome], *, then: Line, now: Line) -> list[Judged]:
    """Return the questions whose answers are known to be right or wrong, with the confidences of today.

    Args:
        rows: What came of a gold set.
        then: The line that its confidences were calibrated with.
        now: The one that the library's are calibrated with.

    Returns:
        The questions.
    """
    known = [(row, row.confidence, row.right) for row in rows]
    return [
        Judged(now.apply(then.undo(confidence)) if then != now else confidence, right, row.question.answerable)
        for row, confidence, right in known
        if confidence is not None and right is not None
    ]


def at_threshold(questions: Sequence[Judged], threshold: float) -> AtThreshold:
    """Return what a threshold does.

    Args:
        questions: At least one.
        threshold: In [0, 1].

    Returns:
        Counts of questions.
    """
    given = [one for one in questions if one.confidence >= threshold]
    held = [one for one in questions if one.confidence < threshold]
    return AtThreshold(
        threshold,
        answered=len(given),
        wrong=sum(not one.right for one in given),
        refused=sum(one.answerable for one in held),
        lost=sum(one.answerable and one.right for one in held),
        questions=len(questions),
    )


def curve(questions: Sequence[Judged]) -> list[AtThreshold]:
    """Return what each of the thresholds 0, 0.01, … 1 does.

    Reference:
        Geifman and El-Yaniv 2017, Selective Classification for Deep Neural Networks, section 2: risk and coverage.
    """
    return [at_threshold(questions, step / STEPS) for step in range(STEPS + 1)]


def line_of(calibration: Mapping[str, Any] | Calibration | None) -> Line:
    """Return the line of a calibration, or of what a report says of one; one that changes nothing where there is none.

    Args:
        calibration: The calibration.

    Returns:
        Its line.
    """
    if calibration is None:
        return UNCHANGED
    if isinstance(calibration, Calibration):
        return Line(calibration.slope, calibration.intercept)
    return Line(calibration["slope"], calibration["intercept"])


def keep_threshold(
    library: Library, rows: Sequence[Outcome], *, then: Line, threshold: float, gold: Mapping[str, Any]
) -> AtThreshold:
    """Fit confidences to a gold set, as ``rag calibrate`` does, and keep them with a threshold that was chosen.

    Args:
        library: The library.
        rows: What came of the gold set.
        then: The line that its confidences were calibrated with.
        threshold: The threshold, of the library's confidences as they are now.
        gold: ``name`` and ``digest`` of the gold set, and ``path`` where it is a file that is known.

    Returns:
        What the threshold does on that gold set.

    Raises:
        GoldError: Nothing is answered at this threshold, or the gold set is too small or tells nothing.
        LibraryError: The library cannot be written to.
    """
    from eval.calibrate import calibrate, wilson
    from eval.calibrate_command import kept_form

    now = line_of(library.calibration)
    known = judged(rows, then=then, now=now)
    chosen = at_threshold(known, threshold) if known else None
    if chosen is None or chosen.risk is None:
        raise GoldError("no question of this gold set is answered at this threshold; choose a lower one")
    raw = [replace(row, confidence=then.undo(row.confidence)) for row in rows if row.confidence is not None]
    fit = calibrate(raw, risk=chosen.risk)
    # No part of the questions chose the threshold, so what it does on them is what it does held out.
    held_out = replace(
        fit.held_out,
        risk=chosen.risk,
        risk_interval=wilson(chosen.wrong, chosen.answered),
        coverage=chosen.coverage,
        coverage_interval=wilson(chosen.answered, chosen.questions),
    )
    fit = replace(fit, threshold=fit.line.apply(now.undo(threshold)), held_out=held_out)
    library.calibrate(kept_form(fit, library, name=gold["name"], digest=gold["digest"], path=gold.get("path")))
    return chosen
