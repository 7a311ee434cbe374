"""Fitting a calibration: against fractions worked out by hand and other implementations, and through the command."""

from __future__ import annotations

import json
import math
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.calibrate import (
    FEWEST_QUESTIONS,
    calibrate,
    calibration_error,
    changed_gold,
    choose_threshold,
    cross_validate,
    fit_line,
    log_loss,
    rounded_up,
    staleness,
    wilson,
)
from eval.gold import read_gold
from eval.judge import Outcome
from eval.kept import open_gold_library
from rag import Document, Library
from rag.calibration import CALIBRATION, Line, log_odds, probability
from rag.cli import main
from rag.confidence import DEFAULT_THRESHOLD
from rag.errors import GoldError
from rag.folder.checks import row_crc
from rag.library import DATABASE

PLACES = "Holm Ryd Lund Oslund Vik Sund Berga Torp Aby Mora Kil Os Eda Lom Voss".split()
FERRIES = {place: f"The ferry to {place} has {number} seats." for number, place in enumerate(PLACES, start=20)}
# The surest half of the answers is right half the time, the others never.
HALF_WRONG, HALF_RIGHT = [0.2, 0.4, 0.8, 0.8] * 10, [False, False, False, True] * 10
JUDGED = st.lists(st.tuples(st.sampled_from([i / 20 for i in range(1, 20)]), st.booleans()), min_size=1, max_size=40)


def outcomes(confidences: Any, right: Any) -> list[Outcome]:
    """Return outcomes of which only the confidence and whether the answer is right matter."""
    others: dict[str, Any] = dict.fromkeys(f.name for f in fields(Outcome))
    pairs = zip(list(confidences), list(right), strict=True)
    return [Outcome(**others | {"confidence": float(c), "right": bool(r)}) for c, r in pairs]


def drawn(line: Line, count: int, seed: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """Return raw confidences, and answers that are right as often as the line says of each confidence."""
    generator = np.random.default_rng(seed)
    raw = np.array([probability(x) for x in generator.normal(0.0, 1.5, count)])
    return raw, generator.random(count) < np.array([line.apply(c) for c in raw])


# -- the line ---------------------------------------------------------------------------------------------------------


def test_the_line_that_right_answers_were_drawn_from_is_found() -> None:
    confidences, right = drawn(Line(1.7, -0.8), 20_000)
    found = fit_line(confidences, right)
    assert found.slope == pytest.approx(1.7, abs=0.08)
    assert found.intercept == pytest.approx(-0.8, abs=0.08)


@pytest.mark.parametrize("seed", range(4))
def test_the_line_is_that_of_an_independent_minimiser_of_platt_s_likelihood(seed: int) -> None:
    from scipy.optimize import minimize

    confidences, right = drawn(Line(0.7, 0.4), 60, seed)
    odds = np.log(confidences / (1 - confidences))
    target = np.where(right, (right.sum() + 1) / (right.sum() + 2), 1 / ((~right).sum() + 2))

    def surprise(line: np.ndarray) -> float:
        moved = line[0] * odds + line[1]
        return float(np.sum(np.logaddexp(0.0, moved) - target * moved))

    best = minimize(surprise, [1.0, 0.0], tol=1e-12).x
    found = fit_line(confidences, right)
    assert (found.slope, found.intercept) == pytest.approx(tuple(best), abs=1e-4)


def test_confidences_that_part_right_and_wrong_cleanly_are_not_sent_to_certainty() -> None:
    confidences = np.array([0.2] * 20 + [0.8] * 20)
    found = fit_line(confidences, confidences > 0.5)
    # Platt: of 20 right answers and none wrong, 21 in 22.
    assert found.apply(0.8) == pytest.approx(21 / 22)
    assert found.apply(0.2) == pytest.approx(1 / 22)


def test_certain_confidences_are_no_crash() -> None:
    confidences = np.array([0.0, 1.0, 0.3, 0.7] * 10)
    line = fit_line(confidences, confidences > 0.5)
    assert line.apply(0.0) == 0.0 < line.apply(0.3) < 0.5 < line.apply(0.7) < line.apply(1.0) == 1.0


# -- the threshold ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("risk", "threshold"), [(0.0, 0.9), (0.24, 0.9), (0.25, 0.6), (0.33, 0.6), (0.34, 0.6), (0.4, 0.4), (0.5, 0.2)]
)
def test_the_threshold_is_the_lowest_at_which_the_share_of_wrong_is_small_enough(risk: float, threshold: float) -> None:
    # Down to each, wrong of given: 0.9 0/1, 0.8 1/2, 0.7 1/3, 0.6 1/4, 0.4 2/5, 0.2 3/6.
    calibrated = np.array([0.2, 0.9, 0.4, 0.8, 0.7, 0.6])
    right = np.array([False, True, False, False, True, True])
    assert choose_threshold(calibrated, right, risk=risk) == threshold


def test_answers_of_equal_confidence_are_given_or_held_back_together() -> None:
    calibrated, right = np.array([0.9, 0.5, 0.5, 0.5]), np.array([True, True, True, False])
    assert choose_threshold(calibrated, right, risk=0.24) == 0.9
    assert choose_threshold(calibrated, right, risk=0.25) == 0.5


def test_where_the_surest_answer_is_wrong_no_threshold_may_do() -> None:
    calibrated, right = np.array([0.9, 0.5, 0.4]), np.array([False, True, True])
    assert choose_threshold(calibrated, right, risk=0.3) is None
    assert choose_threshold(calibrated, right, risk=0.34) == 0.4


@given(JUDGED, st.floats(0, 1))
def test_no_lower_threshold_would_do(judged: list[tuple[float, bool]], risk: float) -> None:
    calibrated, right = np.array([c for c, _ in judged]), np.array([r for _, r in judged])
    chosen = choose_threshold(calibrated, right, risk=risk)
    for confidence in {c for c, _ in judged}:
        given = right[calibrated >= confidence]
        fits = np.mean(~given) <= risk + 1e-9
        assert not fits if chosen is None or confidence < chosen else fits or confidence > chosen


# -- the figures ------------------------------------------------------------------------------------------------------


def test_log_loss_and_calibration_error_are_those_worked_out_by_hand() -> None:
    confidences, right = np.array([0.5, 0.75, 0.25, 0.25]), np.array([True, True, False, True])
    expected = -(math.log(1 / 2) + math.log(3 / 4) + math.log(3 / 4) + math.log(1 / 4)) / 4
    assert log_loss(confidences, right) == pytest.approx(expected)
    # Bins: 0.5 against 1 of 1; 0.75 against 1 of 1; 0.25 against 1 of 2, for two questions.
    assert calibration_error(confidences, right) == pytest.approx((0.5 + 0.25 + 2 * 0.25) / 4)
    assert calibration_error(np.array([1.0, 0.0]), np.array([True, False])) == 0.0


def test_a_share_is_rounded_up_so_that_it_is_reached() -> None:
    assert [rounded_up(s) for s in (0.0, 0.1, 1 / 3, 0.5, 0.2001)] == [0.0, 0.1, 0.334, 0.5, 0.201]


@pytest.mark.parametrize(("part", "whole"), [(0, 7), (1, 40), (12, 30), (99, 100), (5, 5)])
def test_intervals_of_shares_are_those_of_scipy(part: int, whole: int) -> None:
    from scipy.stats import binomtest

    expected = binomtest(part, whole).proportion_ci(method="wilson")
    assert wilson(part, whole) == pytest.approx((expected.low, expected.high))


def test_figures_of_cross_validation_are_of_questions_that_were_not_fitted() -> None:
    # Whether an answer is right has nothing to do with its confidence: only one that was looked at can be foretold.
    generator, risks, losses = np.random.default_rng(3), [], []
    for _ in range(10):
        confidences, right = generator.uniform(0.05, 0.95, 300), generator.random(300) < 0.7
        found = cross_validate(confidences, right, risk=0.25, seed=0)
        risks.append(found.risk or 0.0)
        losses.append(found.log_loss)
    assert np.mean(risks) == pytest.approx(0.3, abs=0.03)
    assert np.mean(losses) == pytest.approx(-0.7 * math.log(0.7) - 0.3 * math.log(0.3), abs=0.02)


def test_calibrating_makes_confidences_truer_and_keeps_the_risk() -> None:
    confidences, right = drawn(Line(2.0, -1.5), 4_000)
    fit = calibrate(outcomes(confidences, right), risk=0.2)
    held = fit.held_out
    assert held.log_loss < held.log_loss_before - 0.05
    assert held.calibration_error < 0.03 < held.calibration_error_before
    assert fit.risk <= 0.2
    assert held.risk_interval is not None
    assert held.risk_interval[0] < 0.2 < held.risk_interval[1]
    assert fit.coverage == pytest.approx(held.coverage, abs=0.05)
    assert (fit.questions, fit.right) == (4_000, right.sum())


def test_the_same_outcomes_give_the_same_fit_and_another_seed_only_another_cross_validation() -> None:
    judged = outcomes(*drawn(Line(1.0, 0.0), 100))
    first, again, other = calibrate(judged, risk=0.3), calibrate(judged, risk=0.3), calibrate(judged, risk=0.3, seed=1)
    assert first == again
    assert other.held_out != first.held_out
    assert replace(other, held_out=first.held_out) == first


def test_the_threshold_gives_every_answer_it_was_chosen_for_also_when_the_last_digit_differs() -> None:
    confidences, right = drawn(Line(1.0, 0.0), 200)
    fit = calibrate(outcomes(confidences, right), risk=0.2)
    calibrated = np.array([fit.line.apply(c) for c in confidences])
    for noise in (-1e-12, 0.0, 1e-12):
        assert np.mean(calibrated + noise >= fit.threshold) == fit.coverage


def test_outcomes_of_a_system_that_only_searches_are_left_out() -> None:
    judged = outcomes(*drawn(Line(1.0, 0.0), 60))
    silent = [replace(o, confidence=None, right=None) for o in judged]
    assert calibrate(judged + silent, risk=0.5) == calibrate(judged, risk=0.5)


# -- what cannot be fitted --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("confidences", "right", "risk", "said"),
    [
        ([0.2, 0.8] * 14, [False, True] * 14, 0.1, "28 questions are too few.* at least 30"),
        ([0.2, 0.8] * 20, [True, True] * 20, 0.1, "0 of 40 answers are wrong.*at least 5.*add other questions"),
        ([0.2, 0.8] * 20, [False, False] * 20, 0.1, "0 of 40 answers are right"),
        ([0.2] * 36 + [0.9] * 4, [True] * 36 + [False] * 4, 0.1, "4 of 40 answers are wrong"),
        ([0.2, 0.8] * 20, [True, False] * 20, 0.1, "no surer than wrong ones"),
        ([0.4] * 40, [True, False] * 20, 0.1, "no surer than wrong ones"),
        (
            HALF_WRONG,
            HALF_RIGHT,
            0.1,
            r"down to 0\.1: the lowest is 0\.500, where 0\.500 of the questions.*--risk 0\.5",
        ),
    ],
)
def test_what_cannot_be_calibrated_on_is_said_in_one_line(
    confidences: list[float], right: list[bool], risk: float, said: str
) -> None:
    with pytest.raises(GoldError, match=said) as caught:
        calibrate(outcomes(confidences, right), risk=risk)
    assert "\n" not in str(caught.value)


@settings(max_examples=15)
@given(JUDGED)
def test_the_risk_at_which_half_of_the_questions_are_answered_is_the_lowest_such(
    judged: list[tuple[float, bool]],
) -> None:
    confidences = [0.01] * 30 + [0.99] * 30 + [c for c, _ in judged]
    right = [False] * 30 + [True] * 30 + [r for _, r in judged]
    fit = calibrate(outcomes(confidences, right), risk=1.0)
    at_half = calibrate(outcomes(confidences, right), risk=fit.risk_at_half)
    assert (at_half.coverage >= 0.5, at_half.risk) == (True, pytest.approx(fit.risk_at_half))
    if fit.risk_at_half > 0:
        assert calibrate(outcomes(confidences, right), risk=fit.risk_at_half - 1e-6).coverage < 0.5


def test_a_fifth_whose_risk_is_out_of_reach_is_not_answered() -> None:
    held = cross_validate(np.array(HALF_WRONG), np.array(HALF_RIGHT), risk=0.1, seed=0)
    assert (held.coverage, held.risk, held.risk_interval) == (0.0, None, None)


# -- the command ------------------------------------------------------------------------------------------------------

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process; give its exit code and what it printed."""

    def run(*words: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = main([str(word) for word in words])
        except SystemExit as end:
            code = int(end.code or 0)
        return code, *capsys.readouterr()

    return run


@pytest.fixture(autouse=True)
def _kept_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep gold libraries and journals in the test's folder, and the exported model where it is."""
    monkeypatch.setattr("eval.kept._cache", lambda: tmp_path / "kept")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of a closed library of ferries."""
    path = tmp_path_factory.mktemp("built") / "library"
    with Library.open(path) as library:
        library.add([Document(place, text, title=place) for place, text in FERRIES.items()])
    return path


@pytest.fixture
def ferries(built: Path, tmp_path: Path) -> Path:
    """A copy of it, to be calibrated."""
    return Path(shutil.copytree(built, tmp_path / "ferries"))


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    """A gold set on it: plain questions, near misses and unrelated ones."""
    return write_rows(tmp_path / "mine.jsonl", questions(named="evidence"))


def questions(*, named: str) -> list[dict[str, Any]]:
    """Return the rows of a gold set that names its documents in the field given."""
    plain = [
        {"question": f"How many seats has the ferry to {place}?", "answers": [text.split()[-2]], "answerable": True}
        | {named: [place] if named == "doc_ids" else [{"document_id": place, "quote": text}]}
        for place, text in FERRIES.items()
    ]
    near = [f"How many cabins has the ferry to {place}?" for place in list(FERRIES)[:8]]
    far = [f"Who painted the ceiling of chapel {n} in Toledo?" for n in range(12)]
    rows = plain + [{"question": question, "answerable": False, "answers": []} for question in near + far]
    return [row | {"id": f"q{number}"} for number, row in enumerate(rows)]


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_calibrating_keeps_what_it_prints_and_again_gives_the_same(ferries: Path, gold: Path, run: Run) -> None:
    words = ("calibrate", gold, "--library", ferries, "--risk", "0.3", "--json")
    asked = [question.question for question in read_gold(gold).questions]
    with Library.open(ferries, create=False) as library:
        raw = library.ask(asked[0], threshold=0.0).confidence
        code, out, err = run(*words)
        first = json.loads(out)
        assert (code, err) == (0, "")
        kept = library.calibration
        assert kept is not None
        assert kept.to_dict() == first["calibration"]
        assert (kept.gold_name, kept.gold_digest, kept.questions) == ("mine", read_gold(gold).digest, len(asked))
        assert library.threshold == kept.threshold == first["threshold"]
        assert library.ask(asked[0]).confidence == kept.apply(raw)
        again = json.loads(run(*words)[1])
        assert _numbers(again) == pytest.approx(_numbers(first), abs=1e-6)
        # What is at or above the threshold in the set as a whole is what is answered.
        answered = sum(not library.ask(question).abstained for question in asked)
    assert again["in_sample"]["coverage"] == first["in_sample"]["coverage"] == answered / len(asked)
    assert 0 < again["in_sample"]["risk"] <= 0.3


def _numbers(values: Any) -> list[float]:
    """Return all numbers of a JSON document, in order."""
    if isinstance(values, dict | list):
        return [n for v in (values.values() if isinstance(values, dict) else values) for n in _numbers(v)]
    return [values] if isinstance(values, int | float) else []


def test_the_figures_are_printed_and_a_calibration_can_be_taken_back(ferries: Path, gold: Path, run: Run) -> None:
    code, out, err = run("calibrate", gold, "--library", ferries, "--risk", "0.3")
    assert (code, err) == (0, "")
    said = (
        "mine: 35 questions, 15 answered right",
        "log loss",
        "calibration error",
        "coverage",
        "risk",
        "threshold 0.",
    )
    assert all(words in out for words in said)
    with Library.open(ferries, create=False) as library:
        assert library.calibration is not None
        code, out, _ = run("calibrate", "--reset", "--library", ferries)
        assert (code, out) == (0, f"{ferries} has no calibration now; threshold {DEFAULT_THRESHOLD:.3f}\n")
        assert library.calibration is None
    assert json.loads(run("calibrate", "--reset", "--library", ferries, "--json")[1])["calibration"] is None


def test_a_risk_that_other_questions_do_not_keep_is_said_plainly(
    ferries: Path, gold: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAG_THRESHOLD", "0.25")
    _, out, _ = run("calibrate", gold, "--library", ferries, "--risk", "0.2")
    with Library.open(ferries, create=False) as library:
        assert library.calibration is not None
        risk = library.calibration.held_out.risk
    assert risk is not None
    assert risk > 0.2
    assert f"{risk:.3f} of the answers are wrong, more than the 0.2 wanted" in out
    assert "the setting threshold = 0.25 goes before the one found here" in out


def test_a_risk_at_which_little_is_answered_is_told_with_one_at_which_half_is(
    ferries: Path, gold: Path, run: Run
) -> None:
    words = ("calibrate", gold, "--library", ferries)
    _, out, _ = run(*words, "--risk", "0.1")
    assert "Less than half of the questions are answered so surely" in out
    half = out.partition("half are at --risk ")[2].partition(".\n")[0]
    assert float(half) > 0.1
    _, out, _ = run(*words, "--risk", half)
    assert "Less than half" not in out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--limit", "20"), 1, "rag: 20 questions are too few to calibrate on"),
        (("--risk", "1.5"), 2, "--risk: 1.5 is not from 0 to 1"),
        (("--limit", "0"), 2, "--limit: '0' is not a whole number"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_kept(
    words: tuple[str, ...], code: int, said: str, ferries: Path, gold: Path, run: Run
) -> None:
    found = run("calibrate", gold, "--library", ferries, *words)
    assert (found[0], found[1]) == (code, "")
    assert said in found[2]
    assert len(found[2].splitlines()) == 1
    with Library.open(ferries, create=False) as library:
        assert library.calibration is None


def test_a_gold_set_or_reset_has_to_be_given(ferries: Path, run: Run) -> None:
    code, out, err = run("calibrate", "--library", ferries)
    assert (code, out) == (2, "")
    assert "give GOLD" in err


def test_resetting_with_a_gold_file_is_wrong_usage_and_changes_nothing(
    calibrated: Library, gold: Path, run: Run
) -> None:
    code, out, err = run("calibrate", gold, "--reset", "--library", calibrated.path)
    assert (code, out) == (2, "")
    assert "leave GOLD out" in err
    assert calibrated.calibration is not None


def test_a_gold_folder_calibrates_its_own_library(tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    write_rows(folder / "corpus.jsonl", [{"id": p, "title": p, "text": text} for p, text in FERRIES.items()])
    rows = [{"doc_ids": [], "evidence": []} | row for row in questions(named="doc_ids")]
    write_rows(folder / "questions.jsonl", rows)
    code, out, err = run("calibrate", folder, "--risk", "0.3", "--json")
    assert (code, err) == (0, "")
    values = json.loads(out)
    with open_gold_library(read_gold(folder)) as library:
        assert str(library.path) == values["library"]
        assert library.calibration is not None
        assert library.calibration.to_dict() == values["calibration"]
        assert not library.ask(rows[0]["question"]).abstained
        assert library.ask(rows[-1]["question"]).abstained
        said = f"kept with {library.path}, the library that was made for this gold set, until it is made anew"
        assert said in run("calibrate", folder, "--risk", "0.3")[1]
        code, out, err = run("calibrate", folder, "--reset", "--library", tmp_path / "nowhere")
        assert (code, out.startswith(str(library.path))) == (0, True)
        assert err == "rag: --library is not used: a gold set that is a folder is calibrated on a library of its own\n"
        assert library.calibration is None


# -- a gold set that changed ------------------------------------------------------------------------------------------


@pytest.fixture
def calibrated(ferries: Path, gold: Path, run: Run) -> Iterator[Library]:
    """A library calibrated on the gold set."""
    assert run("calibrate", gold, "--library", ferries, "--risk", "0.3")[0] == 0
    with Library.open(ferries, create=False) as library:
        yield library


def test_a_gold_set_that_changed_since_is_named(calibrated: Library, gold: Path, ferries: Path, run: Run) -> None:
    made = calibrated.calibration
    assert made is not None
    assert staleness(made, read_gold(gold)) is None
    assert changed_gold(made) is None
    assert "threshold" in run("doctor", "--library", ferries)[1]
    gold.write_text("".join(gold.read_text().splitlines(keepends=True)[:-1]))
    said = f"the gold set {gold} has changed since this library was calibrated on it; run: rag calibrate {gold}"
    assert staleness(made, read_gold(gold)) == changed_gold(made) == said
    code, out, _ = run("doctor", "--library", ferries)
    assert code == 1
    assert f"BAD  calibration: {said}\n" in out
    gold.write_text("{}\n")
    assert "cannot be used any more" in str(changed_gold(made))
    gold.unlink()
    assert changed_gold(made) is None


def test_calibrating_on_a_gold_set_that_changed_says_so(calibrated: Library, gold: Path, run: Run) -> None:
    gold.write_text("".join(gold.read_text().splitlines(keepends=True)[:-1]))
    code, out, _ = run("calibrate", gold, "--library", calibrated.path, "--risk", "0.3")
    assert code == 0
    assert "mine, which has changed since" in out
    assert calibrated.calibration is not None
    assert calibrated.calibration.questions == 34


def test_another_gold_set_is_none_that_changed(calibrated: Library, tmp_path: Path, gold: Path) -> None:
    made = calibrated.calibration
    assert made is not None
    other = Path(shutil.copy(gold, tmp_path / "other.jsonl"))
    other.write_text(other.read_text() + "\n")
    assert staleness(made, read_gold(other)) is None
    assert staleness(replace(made, gold_path=None), read_gold(gold)) is None


def test_a_gold_set_of_the_same_name_elsewhere_is_none_that_changed(
    calibrated: Library, tmp_path: Path, gold: Path, run: Run
) -> None:
    made = calibrated.calibration
    assert made is not None
    other = tmp_path / "elsewhere" / gold.name
    other.parent.mkdir()
    other.write_text("".join(gold.read_text().splitlines(keepends=True)[:-1]))
    assert staleness(made, read_gold(other), path=other) is None
    code, out, _ = run("calibrate", other, "--library", calibrated.path, "--risk", "0.3")
    assert (code, "instead of the calibration of" in out) == (0, True)
    assert "changed since" not in out
    link = tmp_path / "link"
    link.symlink_to(gold.parent)
    shutil.copy(other, gold)
    assert "has changed since" in str(staleness(made, read_gold(gold), path=link / gold.name))
    # Without a path only the name tells.
    assert "has changed since" in str(staleness(made, read_gold(other)))


def test_a_calibration_that_cannot_be_read_is_replaced(calibrated: Library, gold: Path, run: Run) -> None:
    library = ("--library", calibrated.path)
    spoil(calibrated)
    assert "cannot be read" in run("ask", "Which ferry?", *library)[2]
    code, out, err = run("calibrate", gold, *library, "--risk", "0.3")
    assert (code, err) == (0, f"rag: the calibration kept in {calibrated.path} cannot be read and is taken back\n")
    assert "instead of" not in out
    assert calibrated.calibration is not None
    assert calibrated.calibration.gold_name == "mine"
    spoil(calibrated)
    assert run("calibrate", "--reset", *library)[0] == 0
    assert calibrated.calibration is None


def spoil(library: Library) -> None:
    """Leave nothing of a library's calibration that could be read."""
    with sqlite3.connect(library.path / DATABASE) as database:
        values = (row_crc(CALIBRATION, "{}"), CALIBRATION)
        changed = database.execute("UPDATE settings SET value = '{}', crc = ? WHERE name = ?", values).rowcount
    database.close()
    assert changed == 1


def test_fitted_lines_use_the_odds_that_answers_are_judged_by() -> None:
    assert [log_odds(p) for p in (0.0, 0.5, 1.0)] == [-math.inf, 0.0, math.inf]
    assert probability(log_odds(0.123)) == pytest.approx(0.123)
    assert FEWEST_QUESTIONS == 30
