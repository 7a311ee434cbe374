"""Checking and importing gold sets from the command line: what is printed where, and the exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eval.gold_command import run_check, run_import
from rag.errors import GoldError

GOOD: dict[str, Any] = {"id": "q1", "question": "When?", "answers": ["1932"], "answerable": True}
SQUAD: dict[str, Any] = {
    "data": [
        {
            "title": "Bridge",
            "paragraphs": [
                {
                    "context": "It was opened in 1932.",
                    "qas": [
                        {"id": "a", "question": "When?", "answers": [{"text": "1932", "answer_start": 3}]},
                        {"id": "b", "question": "Who?", "answers": [{"text": "Eve", "answer_start": 3}]},
                        {"id": "c", "question": "Why?", "answers": [], "is_impossible": True},
                        {"id": "d", "question": "", "answers": [], "is_impossible": True},
                    ],
                }
            ],
        }
    ]
}


def gold(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "dev.json"
    path.write_text(json.dumps(SQUAD), encoding="utf-8")
    return path


def test_a_check_prints_a_line_a_problem_then_the_warnings_then_the_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = gold(tmp_path / "mine.jsonl", GOOD, GOOD | {"answers": "1932"}, GOOD | {"id": "q3", "question": ""})
    assert run_check(path, library=None, json_document=False) == 1
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert ["field 'answers'" in lines[0], "field 'id'" in lines[1], "field 'question'" in lines[2]] == [True] * 3
    assert all(line.startswith("warning: ") for line in lines[3:-1])
    assert lines[-1] == f"mine.jsonl: 3 questions, 3 problems, {len(lines) - 4} warnings"
    assert printed.err == ""


def test_a_check_without_problems_ends_well_for_all_its_warnings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_check(gold(tmp_path / "mine.jsonl", GOOD), library=None, json_document=False) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "mine.jsonl: 1 question, 0 problems, 1 warning"


@pytest.mark.parametrize(("answers", "code"), [(["1932"], 0), ("1932", 1)])
def test_a_check_prints_one_json_document(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], answers: Any, code: int
) -> None:
    assert run_check(gold(tmp_path / "g.jsonl", GOOD | {"answers": answers}), library=None, json_document=True) == code
    values = json.loads(capsys.readouterr().out)
    assert set(values) == {"questions", "problems", "warnings"}
    assert (values["questions"], len(values["problems"])) == (1, code)


def test_an_import_prints_what_became_of_the_set_and_the_rest_on_standard_error(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "set"
    assert run_import("squad", source, target, library=None, json_document=False) == 0
    printed = capsys.readouterr()
    assert printed.out == (
        f"{target}: 3 questions, 1 unanswerable, 1 document, 1 answer moved to where it stands, 1 not located, "
        "1 left out\n"
    )
    errors = printed.err.splitlines()
    assert len(errors) == 3
    assert errors[0].endswith("qas[0], answers[0], field 'answer_start': '1932' does not stand at 3; moved to 17")
    assert errors[1].endswith("qas[1], answers[0], field 'text': 'Eve' is not in its paragraph")
    assert errors[2].startswith("left out: ")
    assert "qas[3], field 'question'" in errors[2]
    assert run_check(target, library=None, json_document=False) == 0


def test_an_import_prints_one_json_document(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "set"
    assert run_import("squad", source, target, library=None, json_document=True) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["target"] == str(target)
    assert (values["format"], values["questions"], len(values["moved"])) == ("squad", 3, 1)
    assert values["documents"] == 1
    assert (values["unanswerable"], len(values["not_located"]), len(values["left_out"])) == (1, 1, 1)


def test_what_would_steer_the_terminal_is_printed_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    question = {"id": "a", "question": "Who?", "answers": [{"text": "Eve", "answer_start": 3}]}
    article = {"title": "Red\x1b[31m", "paragraphs": [{"context": "It was opened.", "qas": [question]}]}
    (tmp_path / "dev\x1b[1m.json").write_text(json.dumps({"data": [article]}), encoding="utf-8")
    run_import("squad", tmp_path / "dev\x1b[1m.json", tmp_path / "red\x1b[31m", library=None, json_document=False)
    printed = capsys.readouterr()
    questions = tmp_path / "red\x1b[31m" / "questions.jsonl"
    row = json.loads(questions.read_text(encoding="utf-8"))
    gold(questions, row | {"evidence": ["Eve"]})
    assert run_check(tmp_path / "red\x1b[31m", library=None, json_document=False) == 1
    said = capsys.readouterr()
    for text in (printed.out, printed.err, said.out, said.err):
        assert text.replace("\n", "").isprintable()
    assert "Red\\x1b[31m" in said.out


def test_an_import_that_cannot_be_written_is_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(GoldError, match="not written over"):
        run_import("squad", source, tmp_path, library=None, json_document=False)
