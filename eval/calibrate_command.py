"""The ``rag calibrate`` command: asks a gold set, keeps what was fitted, prints it; knows arguments, no formula."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.arguments import count, path, share

if TYPE_CHECKING:
    from eval.calibrate import Fit
    from eval.gold import GoldSet
    from eval.progress import Progress
    from rag import Library, Settings
    from rag.calibration import Calibration


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes beside the options of every command (``--library``, ``--json``)."""
    parser.add_argument(
        "gold",
        nargs="?",
        type=lambda text: Path(path(text)),
        metavar="GOLD",
        help="a JSON Lines file of questions on the library, or a folder with corpus.jsonl and questions.jsonl, whose "
        "own library is then calibrated; at least 30 questions",
    )
    parser.add_argument(
        "--risk",
        type=share,
        default=0.1,
        metavar="R",
        help="greatest share of wrong answers among those given (default: 0.1)",
    )
    parser.add_argument("--limit", type=count, metavar="N", help="ask N questions spread evenly over the set")
    parser.add_argument("--reset", action="store_true", help="take the library's calibration back")
    # Of two arguments one has to be given, which argparse cannot say of one that has a place and one that has a name.
    parser.set_defaults(usage_error=parser.error)


def run(arguments: argparse.Namespace, *, settings: Settings | None = None) -> int:
    """Calibrate a library, or take its calibration back, and print what was done.

    Args:
        arguments: Those of `add_arguments`, with ``library`` and ``json``.
        settings: Those of the library opened; those of the environment when ``None``.

    Returns:
        The exit code.

    Raises:
        GoldError: The gold set cannot be used, or nothing can be fitted to it; the library is left as it was,
            but for a calibration that cannot be read, which is taken back.
        LibraryError: The library cannot be opened or written.
    """
    from eval.gold import read_gold
    from eval.progress import bars

    if arguments.gold is None and not arguments.reset:
        arguments.usage_error("give GOLD, the questions to calibrate on, or --reset")
    if arguments.reset and arguments.gold and not arguments.gold.is_dir():
        # A folder names the library it brings; a file names none.
        arguments.usage_error("--reset asks no questions and is for the library of --library: leave GOLD out")
    gold = read_gold(arguments.gold) if arguments.gold else None
    with ExitStack() as opened:
        progress = opened.enter_context(bars())
        library = opened.enter_context(_open(gold, arguments.library, settings, progress))
        if gold is None or arguments.reset:
            values, lines = _reset(library)
        else:
            values, lines = _calibrate(gold, library, arguments, progress)
    text = json.dumps(values, ensure_ascii=False, indent=2) if arguments.json else "\n".join(lines)
    sys.stdout.write(text + "\n")
    return 0


def _open(gold: GoldSet | None, path: str | None, settings: Settings | None, progress: Progress) -> Library:
    from eval.kept import open_gold_library
    from rag import Library
    from rag.address import MilvusAddress, read_address

    if gold is None or gold.documents is None:
        return Library.open(path, create=False, settings=settings)
    place = read_address(path)
    root = place if isinstance(place, MilvusAddress) else None
    if path is not None and root is None:
        sys.stderr.write(
            "rag: --library is not used: a gold set that is a folder is calibrated on a library of its own\n"
        )
    return open_gold_library(gold, settings=settings, root=root, progress=progress)


def _reset(library: Library) -> tuple[dict[str, Any], Sequence[str]]:
    library.calibrate(None)
    lines = [f"{library.address} has no calibration now; threshold {library.threshold:.3f}"]
    return {"library": library.address, "calibration": None, "threshold": library.threshold}, lines


def _calibrate(
    gold: GoldSet, library: Library, arguments: argparse.Namespace, progress: Progress
) -> tuple[dict[str, Any], Sequence[str]]:
    from eval.calibrate import calibrate
    from eval.evaluate import evaluate

    before = _before(library)
    # Nothing is held back: whether an answer is right has to be known of every question.
    report = evaluate(gold, library, threshold=0.0, limit=arguments.limit, progress=progress)
    outcomes = [replace(o, confidence=_raw(o.confidence, before)) for o in report.rows]
    fit = calibrate(outcomes, risk=arguments.risk)
    made = kept_form(fit, library, name=gold.name, digest=gold.digest, path=str(arguments.gold.absolute()))
    library.calibrate(made)
    values = {
        "library": library.address,
        "calibration": made.to_dict(),
        "threshold": library.threshold,
        "right": fit.right,
        "in_sample": {
            "coverage": fit.coverage,
            "coverage_interval": fit.coverage_interval,
            "risk": fit.risk,
            "risk_interval": fit.risk_interval,
            "risk_at_half": fit.risk_at_half,
        },
    }
    lines = [*_lines(fit, gold, library), *([_replaced(before, gold, arguments.gold)] if before else [])]
    return values, lines


def _before(library: Library) -> Calibration | None:
    """Return the calibration at hand; one that cannot be read is taken back, for nothing can be asked with it."""
    from rag.errors import LibraryDamaged

    try:
        return library.calibration
    except LibraryDamaged:
        library.calibrate(None)
        sys.stderr.write(f"rag: the calibration kept in {library.address} cannot be read and is taken back\n")
        return None


def _raw(confidence: float | None, calibration: Calibration | None) -> float | None:
    """Return a confidence as it was before the calibration at hand, so that a second one builds on no first one."""
    return calibration.undo(confidence) if calibration and confidence is not None else confidence


def kept_form(fit: Fit, library: Library, *, name: str, digest: str, path: str | None) -> Calibration:
    """Return a fit as a library keeps it.

    Args:
        fit: The fit.
        library: The library.
        name: Name of the gold set.
        digest: Its digest.
        path: Where it is, if that is known.

    Returns:
        The calibration, as of today.
    """
    from rag.calibration import Calibration
    from rag.confidence import CONFIDENCE_VERSION

    statistics = library.statistics()
    return Calibration(
        slope=fit.line.slope,
        intercept=fit.line.intercept,
        threshold=fit.threshold,
        risk=fit.wanted_risk,
        gold_name=name,
        gold_digest=digest,
        gold_path=path,
        encoder=statistics["encoder"],
        encoder_digest=statistics["encoder_digest"],
        confidence_version=CONFIDENCE_VERSION,
        questions=fit.questions,
        folds=fit.folds,
        held_out=fit.held_out,
        made=date.today().isoformat(),
    )


def _lines(fit: Fit, gold: GoldSet, library: Library) -> Iterator[str]:
    """Yield what was fitted, line by line; the figures of other questions than those it was fitted on stand last."""
    from eval.calibrate import rounded_up

    held = fit.held_out
    yield f"{gold.name}: {fit.questions} questions, {fit.right} answered right"
    yield ""
    yield f"{'':<20}{'before':>22}{'cross-validated':>24}"
    yield f"{'log loss':<20}{held.log_loss_before:>22.3f}{held.log_loss:>24.3f}"
    yield f"{'calibration error':<20}{held.calibration_error_before:>22.3f}{held.calibration_error:>24.3f}"
    yield ""
    yield f"threshold {fit.threshold:.3f}, so that at most {fit.wanted_risk:g} of the answers given are wrong"
    yield f"{'':<20}{'on all questions':>22}{'cross-validated':>24}"
    for name, own, other in (
        ("coverage", (fit.coverage, fit.coverage_interval), (held.coverage, held.coverage_interval)),
        ("risk", (fit.risk, fit.risk_interval), (held.risk, held.risk_interval)),
    ):
        yield f"{name:<20}{_with_interval(*own):>22}{_with_interval(*other):>24}"
    yield f"95 % intervals in brackets; {fit.folds} parts, each judged with what was fitted to the others"
    yield ""
    if fit.coverage < 0.5:
        half = rounded_up(fit.risk_at_half)
        yield f"Less than half of the questions are answered so surely; half are at --risk {half:g}."
    if held.risk is None:
        yield "In cross-validation nothing was answered: this risk cannot be promised; ask for a higher --risk."
    elif held.risk > fit.wanted_risk:
        yield (
            f"On questions it was not fitted on, {held.risk:.3f} of the answers are wrong, more than the "
            f"{fit.wanted_risk:g} wanted: expect that of other questions. With more questions the two come closer."
        )
    if gold.documents is None:
        yield f"kept with the library {library.address}, for every question from now on"
    else:
        yield f"kept with {library.address}, the library that was made for this gold set, until it is made anew"
    if library.threshold != fit.threshold:
        yield f"but the setting threshold = {library.threshold:g} goes before the one found here"


def _replaced(before: Calibration, gold: GoldSet, path: Path) -> str:
    from eval.calibrate import staleness

    since = ", which has changed since" if staleness(before, gold, path=path) else ""
    return f"instead of the calibration of {before.made} on {before.gold_name}{since}"


def _with_interval(value: float | None, interval: tuple[float, float] | None) -> str:
    if value is None or interval is None:
        return "-"
    return f"{value:.3f} [{interval[0]:.3f}, {interval[1]:.3f}]"
