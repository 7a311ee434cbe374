"""Calibrations: worked out by hand, kept with the library, applied to the next question, void when they do not fit."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import TOWN, MakeLibrary
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from rag import Document, Library, Settings
from rag.calibration import CALIBRATION, Calibration, HeldOut, Line
from rag.confidence import CONFIDENCE_VERSION, DEFAULT_THRESHOLD
from rag.errors import LibraryBusy, LibraryDamaged, LibraryError, LibraryMismatch

QUESTION = "Who built the lighthouse of Norrwick?"
SHARES = st.floats(0, 1)
LINES = st.builds(Line, st.floats(0.05, 20), st.floats(-5, 5))
HELD_OUT = HeldOut(0.1, (0.05, 0.2), 0.7, (0.6, 0.8), 0.5, 0.6, 0.04, 0.12)


def calibration_of(library: Library, **changes: Any) -> Calibration:
    """Return a calibration that fits the library's confidences."""
    statistics = library.statistics()
    made = Calibration(
        slope=2.0,
        intercept=-1.0,
        threshold=0.6,
        risk=0.1,
        gold_name="gold",
        gold_digest="0" * 64,
        gold_path=None,
        encoder=statistics["encoder"],
        encoder_digest=statistics["encoder_digest"],
        confidence_version=CONFIDENCE_VERSION,
        questions=100,
        folds=5,
        held_out=HELD_OUT,
        made="2026-01-31",
    )
    return replace(made, **changes)


@pytest.fixture
def library(make_library: MakeLibrary) -> Library:
    """Three short documents, to be calibrated."""
    return make_library(*TOWN)


# -- the line ---------------------------------------------------------------------------------------------------------


def test_a_confidence_is_moved_as_worked_out_by_hand() -> None:
    # Odds of 3 to 1 squared are 9 to 1; even odds doubled are 2 to 1.
    assert Line(2.0, 0.0).apply(0.75) == pytest.approx(0.9)
    assert Line(1.0, math.log(2)).apply(0.5) == pytest.approx(2 / 3)
    assert Line(1.0, 0.0).apply(0.3) == pytest.approx(0.3)


@given(LINES, SHARES)
def test_a_moved_confidence_stays_in_range_and_0_and_1_stay_what_they_are(line: Line, confidence: float) -> None:
    assert 0.0 <= line.apply(confidence) <= 1.0
    assert (line.apply(0.0), line.apply(1.0)) == (0.0, 1.0)


@given(LINES, SHARES, SHARES)
def test_moving_keeps_the_order(line: Line, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert line.apply(low) <= line.apply(high)


@given(LINES, st.integers(1, 99))
def test_moving_keeps_confidences_apart_where_floats_can_tell_them(line: Line, percent: int) -> None:
    low, high = line.apply(percent / 100), line.apply(percent / 100 + 0.005)
    # Within 1e-12 of certainty the two may be the same float.
    assert low < high or (low == high and low > 1 - 1e-12)


@given(LINES, st.floats(0.02, 0.98))
def test_undoing_gives_back_the_raw_confidence(line: Line, confidence: float) -> None:
    moved = line.apply(confidence)
    if 1e-12 < moved < 1 - 1e-4:
        assert line.undo(moved) == pytest.approx(confidence, abs=1e-6)


@pytest.mark.parametrize(
    ("slope", "intercept"), [(0.0, 0.0), (-1.0, 0.0), (math.inf, 0.0), (math.nan, 0.0), (1.0, math.nan)]
)
def test_a_line_that_does_not_rise_is_refused(slope: float, intercept: float) -> None:
    with pytest.raises(ValueError, match="slope is above 0"):
        Line(slope, intercept)


def test_a_calibration_survives_json(library: Library) -> None:
    for made in (
        calibration_of(library, gold_path="/gold.jsonl", slope=1 / 3),
        calibration_of(library, held_out=replace(HELD_OUT, risk=None, risk_interval=None)),
    ):
        written = json.loads(json.dumps(made.to_dict(), allow_nan=False))
        assert Calibration.from_dict(written) == made
        assert Calibration.from_dict(written | {"of a later version": 1}) == made


@pytest.mark.parametrize("threshold", [-0.1, 1.1, math.nan])
def test_a_threshold_that_is_no_confidence_is_refused(threshold: float, library: Library) -> None:
    with pytest.raises(ValueError, match="threshold = "):
        calibration_of(library, threshold=threshold)


# -- kept and applied -------------------------------------------------------------------------------------------------


def test_a_library_without_a_calibration_has_the_shipped_threshold(library: Library) -> None:
    assert (library.calibration, library.calibration_fault, library.threshold) == (None, None, DEFAULT_THRESHOLD)


def test_a_calibration_moves_every_confidence_and_sets_the_threshold(library: Library) -> None:
    raw = library.ask(QUESTION, threshold=0.0)
    made = calibration_of(library)
    library.calibrate(made)
    assert (library.calibration, library.threshold) == (made, 0.6)
    answer = library.ask(QUESTION, threshold=0.0)
    assert answer.confidence == made.apply(raw.confidence) != raw.confidence
    assert answer.citations == raw.citations
    *_, streamed = library.stream(QUESTION, threshold=0.0)
    assert streamed.confidence == answer.confidence


def test_an_answer_is_held_back_below_the_calibrated_threshold_and_given_at_it(library: Library) -> None:
    raw = library.ask(QUESTION, threshold=0.0).confidence
    made = calibration_of(library)
    at = made.apply(raw)
    library.calibrate(replace(made, threshold=at))
    assert not library.ask(QUESTION).abstained
    library.calibrate(replace(made, threshold=math.nextafter(at, 1.0)))
    assert library.ask(QUESTION).abstained


@pytest.mark.parametrize("asked", [0.0, 1.0])
def test_an_explicit_threshold_wins_over_the_calibrated_one(asked: float, make_library: MakeLibrary) -> None:
    library = make_library(*TOWN, threshold=asked)
    library.calibrate(calibration_of(library))
    assert library.calibration is not None
    assert library.threshold == asked
    assert library.ask(QUESTION).abstained == (asked == 1.0)
    assert library.ask(QUESTION, threshold=1.0 - asked).abstained == (asked == 0.0)


def test_taking_a_calibration_back_leaves_everything_as_it_was(library: Library) -> None:
    before = library.ask(QUESTION).confidence
    library.calibrate(calibration_of(library))
    library.calibrate(None)
    assert (library.calibration, library.threshold) == (None, DEFAULT_THRESHOLD)
    assert library.ask(QUESTION).confidence == before
    library.calibrate(None)


def test_calibrating_makes_no_generation_and_survives_indexing_and_rebuilding(library: Library) -> None:
    before, current = library.statistics(), (library.path / "CURRENT").read_bytes()
    made = calibration_of(library)
    library.calibrate(made)
    assert library.statistics() == before
    assert (library.path / "CURRENT").read_bytes() == current
    library.add([Document("mill", "The mill of Norrwick grinds barley.")])
    library.rebuild()
    assert library.calibration == made


def test_whoever_has_the_library_open_applies_it_to_the_next_question(library: Library) -> None:
    with Library.open(library.path, create=False) as reader:
        raw = reader.ask(QUESTION, threshold=0.0).confidence
        made = calibration_of(library)
        library.calibrate(made)
        assert reader.ask(QUESTION, threshold=0.0).confidence == made.apply(raw)
        library.calibrate(None)
        assert reader.ask(QUESTION, threshold=0.0).confidence == raw


def test_a_library_opened_while_it_was_empty_finds_what_others_calibrated(tmp_path: Path) -> None:
    with Library.open(tmp_path / "new") as early, Library.open(tmp_path / "new") as writer:
        writer.add(TOWN)
        made = calibration_of(writer)
        writer.calibrate(made)
        assert (early.calibration, early.calibration_fault) == (made, None)


def test_an_empty_library_cannot_be_calibrated(library: Library, tmp_path: Path) -> None:
    with Library.open(tmp_path / "empty") as empty:
        with pytest.raises(LibraryError, match="holds no documents"):
            empty.calibrate(calibration_of(library))
        empty.calibrate(None)


def test_a_calibration_is_not_kept_while_another_writes(library: Library) -> None:
    made = calibration_of(library)
    with FileLock(library.path / "writer.lock"), pytest.raises(LibraryBusy):
        library.calibrate(made)
    assert library.calibration is None
    library.calibrate(made)
    assert library.calibration == made


# -- void -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"encoder": "other/model"}, ("other/model", "all-MiniLM-L6-v2")),
        ({"encoder_digest": "f" * 64}, ("ffffffffffff", "53aa51172d14")),
        (
            {"confidence_version": CONFIDENCE_VERSION + 1},
            (f"version {CONFIDENCE_VERSION + 1}", f"version {CONFIDENCE_VERSION}"),
        ),
    ],
)
def test_a_calibration_of_other_confidences_is_refused_and_where_kept_not_applied(
    changes: dict[str, Any], named: tuple[str, str], library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    raw = library.ask(QUESTION, threshold=0.0).confidence
    other = calibration_of(library, gold_path="/my gold.jsonl", **changes)
    with pytest.raises(LibraryMismatch, match=r"run: rag calibrate /my gold\.jsonl"):
        library.calibrate(other)
    library._store.put_settings({CALIBRATION: other.to_dict()})
    with caplog.at_level(logging.WARNING, logger="rag.library"):
        for _ in range(3):
            assert library.ask(QUESTION, threshold=0.0).confidence == raw
    assert (library.calibration, library.threshold) == (None, DEFAULT_THRESHOLD)
    (warning,) = caplog.messages
    assert warning == library.calibration_fault
    assert all(name in warning for name in named)
    assert "not applied; run: rag calibrate /my gold.jsonl" in warning


@pytest.mark.parametrize(
    "spoil", [lambda d: d.pop("slope"), lambda d: d.update(slope=-1.0), lambda d: d.update(held_out=3)]
)
def test_a_damaged_calibration_is_named_and_can_be_taken_back(
    spoil: Callable[[dict[str, Any]], object], library: Library
) -> None:
    kept = calibration_of(library).to_dict()
    spoil(kept)
    library._store.put_settings({CALIBRATION: kept})
    with pytest.raises(LibraryDamaged, match="rag calibrate --reset"):
        library.ask(QUESTION)
    library.calibrate(None)
    assert not library.ask(QUESTION, threshold=0.0).abstained


def test_settings_of_the_environment_leave_the_threshold_open(library: Library) -> None:
    library.calibrate(calibration_of(library))
    with Library.open(library.path, settings=Settings.read(environ={}, overrides={})) as reader:
        assert reader.threshold == 0.6
    with Library.open(library.path, settings=Settings.read(environ={"RAG_THRESHOLD": "0.2"}, overrides={})) as reader:
        assert reader.threshold == 0.2
