"""What readers say of answers, kept as a gold set that the evaluation takes as it is."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eval.check import Findings, check
from rag import Answer, Citation, Library
from rag.cli import main
from rag.doctor import examine_library
from rag.location import FEEDBACK
from rag.schema import AnswerSentence, Span
from rag.web import feedback
from rag.web.feedback import FeedbackError, Marked, Verdict, give_feedback, question_id
from tests.conftest import HARBOUR, LIGHTHOUSE, TOWN, MakeLibrary

TEXTS = {document.id: document.text for document in TOWN}
QUOTE = "They brought 6,200 ships into the port in 2022."
AT = HARBOUR.text.index(QUOTE)
CITED = Citation(1, HARBOUR.id, HARBOUR.title, AT, AT + len(QUOTE), QUOTE, None, None, 1.0, Span(AT + 13, AT + 18))
ANSWER = Answer("How many ships came in 2022?", QUOTE, (AnswerSentence(QUOTE, (1,), 1.0),), (CITED,), confidence=0.9)
REFUSAL = Answer("Who is the king of Ryd?", "Not in these documents.", abstained=True, reason="r", confidence=0.1)
LAMP = LIGHTHOUSE.text.index("Its lamp")
SELECTED = Marked(LIGHTHOUSE.id, LAMP - 1, len(LIGHTHOUSE.text), LIGHTHOUSE.text[LAMP - 1 :])


def give(folder: Path, answer: Answer, verdict: Verdict) -> str:
    return give_feedback(folder, answer, verdict, TEXTS.get)


def rows(folder: Path, name: str = feedback.GOLD) -> list[dict[str, Any]]:
    path = folder / FEEDBACK / name
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def test_an_answer_called_right_becomes_a_question_with_its_citations_as_evidence(tmp_path: Path) -> None:
    assert give(tmp_path, ANSWER, Verdict(True)) == "question"
    (row,) = rows(tmp_path)
    assert row == {
        "id": question_id(ANSWER),
        "question": "How many ships came in 2022?",
        "answers": ["6,200"],
        "answerable": True,
        "evidence": [{"document_id": HARBOUR.id, "start_char": AT, "end_char": AT + len(QUOTE), "quote": QUOTE}],
        "tags": ["feedback", "confirmed"],
    }


def test_a_refusal_called_right_becomes_an_unanswerable_question(tmp_path: Path) -> None:
    give(tmp_path, REFUSAL, Verdict(True))
    (row,) = rows(tmp_path)
    assert (row["answerable"], row["answers"], row["evidence"]) == (False, [], [])


def test_a_follow_up_is_kept_as_it_was_searched(tmp_path: Path) -> None:
    give(tmp_path, replace(ANSWER, question="And in 2022?", query="How many ships came in 2022?"), Verdict(True))
    assert rows(tmp_path)[0]["question"] == "How many ships came in 2022?"


def test_a_corrected_answer_and_a_selected_passage_are_kept_exactly(tmp_path: Path) -> None:
    verdict = Verdict(False, " 31 kilometres ", (SELECTED,), comment=" far <b> ")
    give(tmp_path, REFUSAL, verdict)
    (row,) = rows(tmp_path)
    assert row["answers"] == ["31 kilometres"]
    assert row["comment"] == "far <b>"
    (span,) = row["evidence"]
    assert span["quote"] == "Its lamp can be seen from 31 kilometres."  # without the space that was selected with it
    assert LIGHTHOUSE.text[span["start_char"] : span["end_char"]] == span["quote"]


def test_an_answer_to_what_the_documents_do_not_hold_becomes_an_unanswerable_question(tmp_path: Path) -> None:
    give(tmp_path, ANSWER, Verdict(False, absent=True))
    assert rows(tmp_path)[0]["answerable"] is False


def test_wrong_without_a_word_is_a_complaint_and_no_question(tmp_path: Path) -> None:
    give(tmp_path, ANSWER, Verdict(True))
    assert give(tmp_path, ANSWER, Verdict(False, comment="no")) == "complaint"
    assert rows(tmp_path) == []
    (complaint,) = rows(tmp_path, feedback.COMPLAINTS)
    assert complaint["text"] == QUOTE
    assert complaint["comment"] == "no"


def test_the_last_one_to_speak_of_a_question_is_heard(tmp_path: Path) -> None:
    give(tmp_path, ANSWER, Verdict(False))
    give(tmp_path, replace(ANSWER, question="how many  SHIPS came in 2022?"), Verdict(False, "6,200 ships"))
    give(tmp_path, REFUSAL, Verdict(True))
    assert rows(tmp_path, feedback.COMPLAINTS) == []
    assert [row["answers"] for row in rows(tmp_path)] == [["6,200 ships"], []]
    assert give(tmp_path, ANSWER, Verdict(None)) == "taken back"
    assert [row["question"] for row in rows(tmp_path)] == [REFUSAL.question]


@pytest.mark.parametrize(
    "passage",
    [
        replace(SELECTED, start_char=SELECTED.start_char + 1),
        replace(SELECTED, quote="The lamp"),
        replace(SELECTED, document_id="nowhere.md"),
        replace(SELECTED, start_char=-3),
        replace(SELECTED, start_char=5, end_char=5, quote=""),
        replace(SELECTED, quote="x" * 30_000, start_char=0, end_char=30_000),
    ],
)
def test_a_passage_that_does_not_stand_where_it_is_said_to_is_refused(tmp_path: Path, passage: Marked) -> None:
    with pytest.raises(FeedbackError, match="does not stand in"):
        give(tmp_path, ANSWER, Verdict(False, passages=(passage,)))
    assert rows(tmp_path) == []


def test_an_answer_whose_documents_have_changed_cannot_be_called_right(tmp_path: Path) -> None:
    with pytest.raises(FeedbackError, match="no longer hold"):
        give_feedback(tmp_path, ANSWER, Verdict(True), {HARBOUR.id: "Something else."}.get)


@pytest.mark.parametrize(
    "verdict", [Verdict(False, "x" * 2_001), Verdict(False, "\ud800"), Verdict(True, comment="\udfff")]
)
def test_what_is_too_long_or_no_text_is_refused_in_one_line(tmp_path: Path, verdict: Verdict) -> None:
    with pytest.raises(FeedbackError) as caught:
        give(tmp_path, ANSWER, verdict)
    assert "\n" not in str(caught.value)


def test_lines_that_were_written_by_hand_stay(tmp_path: Path) -> None:
    give(tmp_path, ANSWER, Verdict(True))
    path = tmp_path / FEEDBACK / feedback.GOLD
    path.write_text('{"id": "mine", "question": "?"}\nnot json\n' + path.read_text("utf-8"), "utf-8")
    give(tmp_path, ANSWER, Verdict(False, "6,201"))
    lines = path.read_text("utf-8").splitlines()
    assert lines[:2] == ['{"id": "mine", "question": "?"}', "not json"]
    assert len(lines) == 3


def test_a_full_file_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feedback, "MOST_ROWS", 1)
    give(tmp_path, ANSWER, Verdict(True))
    with pytest.raises(FeedbackError, match="holds 1 rows already"):
        give(tmp_path, REFUSAL, Verdict(True))


def test_a_file_that_has_grown_too_large_is_said_to_be_and_takes_back_what_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(tmp_path, ANSWER, Verdict(True))
    monkeypatch.setattr(feedback, "MOST_BYTES", (tmp_path / "feedback/feedback.jsonl").stat().st_size)
    with pytest.raises(FeedbackError, match="bytes already"):
        give(tmp_path, REFUSAL, Verdict(True))
    assert give(tmp_path, ANSWER, Verdict(None)) == "taken back"


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from rag import Answer; from rag.web.feedback import *\n"
        "for i in range(20):\n"
        "    answer = Answer(f'{sys.argv[2]} {i}', '', abstained=True)\n"
        "    give_feedback(Path(sys.argv[1]), answer, Verdict(True), {}.get)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    others = [subprocess.Popen([*command, name]) for name in "ab"]
    with ThreadPoolExecutor(4) as pool:
        asked = [replace(REFUSAL, question=f"c {i % 10}") for i in range(40)]
        list(pool.map(lambda answer: give(tmp_path, answer, Verdict(True)), asked))
    assert [other.wait(60) for other in others] == [0, 0]
    questions = sorted(row["question"] for row in rows(tmp_path))
    assert questions == sorted([f"{n} {i}" for n in "ab" for i in range(20)] + [f"c {i}" for i in range(10)])


def test_the_evaluation_runs_on_feedback_as_it_is(
    make_library: MakeLibrary, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = make_library(*TOWN)

    def text_of(name: str) -> str | None:
        return library.document(name).text

    given = [
        ("How many ships did the pilots bring into the port in 2022?", Verdict(True)),
        ("Who built the lighthouse of Norrwick?", Verdict(False, "Ada Lindqvist", comment="a comment")),
        ("From how far can the lamp be seen?", Verdict(False, passages=(SELECTED,))),
        ("Which enzyme unwinds the double helix during replication?", Verdict(False, absent=True)),
        ("Who painted the ceiling of the town hall of Ryd?", Verdict(False)),
    ]
    for question, verdict in given:
        give_feedback(library.path, library.ask(question), verdict, text_of)
    path = library.path / FEEDBACK / feedback.GOLD
    assert check(path, library) == Findings(4, (), ())
    capsys.readouterr()
    assert main(["--library", str(library.path), "--json", "eval", str(path)]) == 0
    measured = json.loads(capsys.readouterr().out)
    assert measured["questions"] == 4
    assert measured["citations"]["exact"] == 1.0
    # What else looks at a library's folder passes it over.
    assert [f for f in examine_library(library.path) if not f.healthy] == []
    library.backup(tmp_path / "backup")
    with Library.open(library.path, create=True) as again:
        assert again.ask(given[0][0]).text == library.ask(given[0][0]).text
