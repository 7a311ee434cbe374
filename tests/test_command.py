"""The command: what it prints, writes, refuses and returns."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
from test_evaluate import QUESTIONS, cache, gold_file, gold_folder, library

from eval.command import add_arguments, run
from eval.gold import read_gold
from rag import Library
from rag.errors import ConfigurationError, GoldError, LibraryNotFound

__all__ = ["cache", "library"]


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--library")
    parser.add_argument("--json", action="store_true")
    add_arguments(parser)
    return parser.parse_args(words)


def test_the_command_prints_one_json_document_and_writes_a_line_a_question(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, details = gold_file(tmp_path / "places.jsonl", *QUESTIONS), tmp_path / "details.jsonl"
    words = (str(path), "--library", str(library.path), "--json", "--threshold", "0", "--details", str(details))
    assert run(arguments(*words)) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["questions"] == 3
    assert values["gold"]["name"] == "places"
    rows = [json.loads(line) for line in details.read_text(encoding="utf-8").splitlines()]
    assert [row["id"] for row in rows] == ["opened", "clocks", "yeast"]
    assert [row["rank"] for row in rows] == [1, 1, None]
    assert (rows[0]["contains"], rows[0]["abstained"]) == (True, False)
    assert "1932" in rows[0]["answer"]


def test_the_command_prints_a_readable_page_with_a_table_by_tag(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = gold_file(tmp_path / "places.jsonl", *QUESTIONS)
    assert run(arguments(str(path), "--library", str(library.path), "--limit", "2")) == 0
    page = capsys.readouterr().out
    assert page.startswith("places: 2 questions, 2 answerable\n")
    assert ["hit@1", "1.000", "[1.000,", "1.000]"] in [line.split() for line in page.splitlines()]
    assert ["auroc", "-"] in [line.split() for line in page.splitlines()]
    assert any(line.split()[:2] == ["number", "1"] for line in page.splitlines())


def test_the_command_indexes_a_folder_without_touching_the_user_s_library(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments(str(gold_folder(tmp_path / "set")), "--library", str(tmp_path / "mine"), "--json")) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["index"]["documents"] == 3
    assert values["index"]["seconds"] > 0
    assert not (tmp_path / "mine").exists()
    assert cache.is_dir()


def test_the_command_never_creates_a_library_for_a_file_of_questions(tmp_path: Path) -> None:
    path = gold_file(tmp_path / "g.jsonl", *QUESTIONS)
    with pytest.raises(LibraryNotFound):
        run(arguments(str(path), "--library", str(tmp_path / "missing")))
    assert not (tmp_path / "missing").exists()


def test_a_details_file_that_cannot_be_written_is_refused(library: Library, tmp_path: Path) -> None:
    path = gold_file(tmp_path / "g.jsonl", *QUESTIONS)
    words = (str(path), "--library", str(library.path), "--details")
    with pytest.raises(ConfigurationError, match="there is no folder"):
        run(arguments(*words, str(tmp_path / "no" / "details.jsonl")))
    with pytest.raises(ConfigurationError, match="name a file"):
        run(arguments(*words, str(tmp_path)))


@pytest.mark.parametrize("words", [("--limit", "0"), ("--limit", "x"), ("--threshold", "1.5"), ("--threshold", "nan")])
def test_arguments_out_of_their_range_are_wrong_usage(words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as refused:
        arguments("gold.jsonl", *words)
    assert refused.value.code == 2


@pytest.mark.parametrize("words", [("check",), ("import", "squad"), ("a.jsonl", "b.jsonl"), ("check", "a", "b")])
def test_words_that_are_none_of_the_three_forms_are_wrong_usage(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        arguments(*words)
    assert refused.value.code == 2
    assert "import FORMAT IN OUT" in capsys.readouterr().err


def test_the_command_checks_and_converts_gold_sets(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = gold_file(tmp_path / "good.jsonl", *QUESTIONS), tmp_path / "bad.jsonl"
    gold_file(bad, QUESTIONS[0] | {"answers": "1932"}, {"id": "x"})
    assert run(arguments("check", str(good), "--library", str(library.path))) == 0
    capsys.readouterr()
    assert run(arguments("check", str(bad), "--library", str(library.path))) == 1
    problems = capsys.readouterr().out
    assert "row 1, field 'answers'" in problems
    assert "row 2, field 'question'" in problems
    squad = {"data": [{"title": "Elm", "paragraphs": [{"context": "It opened in 1932.", "qas": [SQUAD]}]}]}
    (tmp_path / "squad.json").write_text(json.dumps(squad), encoding="utf-8")
    assert run(arguments("import", "squad", str(tmp_path / "squad.json"), str(tmp_path / "set"))) == 0
    assert read_gold(tmp_path / "set").questions[0].evidence[0].quote == "1932"


SQUAD = {"id": "q", "question": "When did it open?", "answers": [{"text": "1932", "answer_start": 13}]}


def test_systems_are_compared_with_the_first_in_one_document_page_and_table(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, table = gold_file(tmp_path / "places.jsonl", *QUESTIONS), tmp_path / "rows.csv"
    words = (str(path), "--library", str(library.path), "--systems", "default,lexical,no-rerank")
    assert run(arguments(*words, "--json", "--csv", str(table))) == 0
    values = json.loads(capsys.readouterr().out)
    assert list(values["systems"]) == ["default", "lexical", "no-rerank"]
    assert values["systems"]["lexical"]["system"]["settings"]["dense_weight"] == 0.0
    assert values["systems"]["default"]["retrieval"] == values["retrieval"]
    assert {found["system"] for found in values["comparisons"]} == {"lexical", "no-rerank"}
    assert {found["reference"] for found in values["comparisons"]} == {"default"}
    assert len(table.read_text(encoding="utf-8-sig").splitlines()) == 1 + 3 * len(QUESTIONS)
    assert run(arguments(*words)) == 0
    page = capsys.readouterr().out
    assert "no-rerank" in page
    assert "p=1.0000" in page


def test_a_run_against_itself_passes_the_gate_and_a_worse_one_fails_it_by_name(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [QUESTIONS[0] | {"id": f"opened {i}"} for i in range(12)]
    path, baseline, report = gold_file(tmp_path / "g.jsonl", *rows), tmp_path / "report.json", tmp_path / "report.html"
    words = (str(path), "--library", str(library.path), "--json")
    assert run(arguments(*words, "--threshold", "0")) == 0
    baseline.write_text(capsys.readouterr().out, encoding="utf-8")
    again = (*words, "--baseline", str(baseline), "--max-drop", "0.01")
    assert run(arguments(*again, "--threshold", "0")) == 0
    assert json.loads(capsys.readouterr().out)["gate"]["passed"] is True
    assert run(arguments(*again, "--threshold", "1", "--report", str(report))) == 1
    printed = capsys.readouterr()
    gate = json.loads(printed.out)["gate"]
    assert gate["passed"] is False
    failed = {failure["metric"]: failure for failure in gate["failures"]}
    assert failed["answers.contains"]["stages"] == {"refused": 12}
    assert "answers.contains went from 1.000 to 0.000" in printed.err
    assert "opened 0 (refused)" in printed.err
    assert "retrieval" not in printed.err
    assert "answers.contains" in report.read_text(encoding="utf-8")


def test_a_baseline_that_is_none_is_refused_before_anything_is_asked(library: Library, tmp_path: Path) -> None:
    path, baseline = gold_file(tmp_path / "g.jsonl", *QUESTIONS), tmp_path / "report.json"
    words = (str(path), "--library", str(library.path), "--baseline", str(baseline))
    with pytest.raises(GoldError, match="cannot be read"):
        run(arguments(*words))
    for content in ("{", "[]", '{"questions": 3}', '{"outcomes": [{"id": "opened"}], "gold": {"digest": "x"}}'):
        baseline.write_text(content, encoding="utf-8")
        with pytest.raises(GoldError, match="is no report of this version"):
            run(arguments(*words))
