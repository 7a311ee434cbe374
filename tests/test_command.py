"""The command: what it prints, writes, refuses and returns."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
from test_calibration import calibration_of
from test_evaluate import QUESTIONS, TEXTS, cache, gold_file, gold_folder, library

from eval import report as reports
from eval.command import add_arguments, run
from eval.gold import read_gold
from rag import Document, Library
from rag.cli import main
from rag.errors import ConfigurationError, GoldError, LibraryError, LibraryNotFound

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


def test_the_page_ends_with_how_many_questions_went_wrong_and_how_to_see_them(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = gold_file(tmp_path / "places.jsonl", *QUESTIONS[:1])
    words = (str(path), "--library", str(library.path), "--threshold", "1")
    assert run(arguments(*words)) == 0
    page = capsys.readouterr().out
    assert page.startswith("places: 1 question, 1 answerable\n")
    assert page.splitlines()[-1].startswith("1 question went wrong: --report FILE.html shows which")
    assert run(arguments(*words, "--details", str(tmp_path / "details.jsonl"))) == 0
    assert "went wrong" not in capsys.readouterr().out


def test_rows_are_checked_alone_where_the_default_library_is_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Library.open(tmp_path / "empty").close()
    path = gold_file(tmp_path / "places.jsonl", *QUESTIONS[:1])
    monkeypatch.setenv("RAG_LIBRARY", str(tmp_path / "empty"))
    assert run(arguments("check", str(path))) == 0
    assert "the evidence was not checked" in capsys.readouterr().out
    with pytest.raises(LibraryError):
        run(arguments("check", str(path), "--library", str(tmp_path / "empty")))


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
        run(arguments(*words))
    assert refused.value.code == 2
    assert "import FORMAT IN OUT" in capsys.readouterr().err


def test_a_format_that_there_is_not_is_wrong_usage_and_those_there_are_are_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["eval", "import", "trec", str(tmp_path / "a"), str(tmp_path / "b")])
    assert refused.value.code == 2
    error = capsys.readouterr().err
    assert "'trec'" in error
    assert "squad, beir, ragas" in error
    assert error.count("\n") == 1


def test_options_may_stand_between_the_words(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gold, where = str(gold_file(tmp_path / "g.jsonl", *QUESTIONS)), str(library.path)
    for words in (
        ("eval", "check", "--library", where, gold, "--json"),
        ("eval", "--library", where, "--json", "check", gold),
        ("--json", "eval", "check", gold, "--library", where),
    ):
        assert main(words) == 0
        assert json.loads(capsys.readouterr().out)["problems"] == []
    squad = {"data": [{"title": "Elm", "paragraphs": [{"context": TEXTS["bridge.txt"], "qas": [IMPOSSIBLE]}]}]}
    (tmp_path / "squad.json").write_text(json.dumps(squad), encoding="utf-8")
    target = tmp_path / "new.jsonl"
    words = ("eval", "import", "squad", "--library", where, str(tmp_path / "squad.json"), "--json", str(target))
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["questions"] == 1
    assert target.is_file()


IMPOSSIBLE = {"id": "q", "question": "Who dug the tunnel?", "answers": [], "is_impossible": True}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("eval", "check", "--frob", "3", "g.jsonl"), "unrecognized arguments: --frob 3"),
        (("eval", "g.jsonl", "--limit", "2", "h.jsonl"), "'g.jsonl h.jsonl' is neither GOLD"),
        (("list", "more"), "more"),
    ],
)
def test_what_is_no_word_of_the_command_is_wrong_usage(
    words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        main(words)
    assert refused.value.code == 2
    assert told in capsys.readouterr().err


def test_help_shows_all_three_forms(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["eval", "--help"])
    shown = capsys.readouterr().out
    for form in ("rag eval GOLD", "rag eval check GOLD", "rag eval import FORMAT IN OUT"):
        assert form in shown


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
    printed = capsys.readouterr()
    assert json.loads(printed.out)["gate"]["passed"] is True
    assert f"no metric has fallen since {baseline}" in printed.err
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


def test_outputs_never_take_the_place_of_what_is_read_or_of_each_other(library: Library, tmp_path: Path) -> None:
    path, folder = gold_file(tmp_path / "g.jsonl", *QUESTIONS), gold_folder(tmp_path / "set")
    for name in ("base.json", "systems.toml"):
        (tmp_path / name).write_text("kept", encoding="utf-8")
    (tmp_path / "link.jsonl").symlink_to(path)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    base, systems = str(tmp_path / "base.json"), str(tmp_path / "systems.toml")
    for gold, *words in (
        (path, "--details", str(path)),
        (path, "--report", str(tmp_path / "set" / ".." / "g.jsonl")),
        (path, "--csv", str(tmp_path / "link.jsonl")),
        (folder, "--details", str(folder / "corpus.jsonl")),
        (folder, "--details", str(folder / "queries.jsonl")),
        (path, "--csv", base, "--baseline", base),
        (path, "--csv", systems, "--systems-file", systems),
        (path, "--csv", str(tmp_path / "a"), "--report", str(tmp_path / "a")),
    ):
        with pytest.raises(ConfigurationError, match="name another file"):
            run(arguments(str(gold), "--library", str(library.path), *words))
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


def test_details_that_cannot_be_written_whole_leave_what_was_there(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, details = gold_file(tmp_path / "g.jsonl", *QUESTIONS), tmp_path / "details.jsonl"
    details.write_text("earlier", encoding="utf-8")
    written = Path.write_bytes

    def fill_up(self: Path, content: bytes) -> int:
        written(self, content[:10])
        raise OSError(28, "No space left on device")

    words = (str(path), "--library", str(library.path), "--details", str(details))
    with monkeypatch.context() as patch:
        patch.setattr(reports.Path, "write_bytes", fill_up)
        with pytest.raises(ConfigurationError, match="No space left"):
            run(arguments(*words))
    assert details.read_text(encoding="utf-8") == "earlier"
    assert sorted(file.name for file in tmp_path.iterdir() if file.is_file()) == ["details.jsonl", "g.jsonl"]
    # What was found is kept until all is written: nothing is asked again.
    monkeypatch.setattr(Library, "ask", lambda *_, **__: pytest.fail("it was asked again"))
    assert run(arguments(*words)) == 0
    assert len(details.read_text(encoding="utf-8").splitlines()) == len(QUESTIONS)


def test_a_library_that_a_folder_makes_needless_is_said_not_to_be_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, words = str(gold_folder(tmp_path / "set")), ("--library", str(tmp_path / "missing"))
    for command in ((folder,), ("check", folder)):
        assert run(arguments(*command, *words)) == 0
        assert ["--library is not used" in line for line in capsys.readouterr().err.splitlines()] == [True]
        assert run(arguments(*command)) == 0
        assert capsys.readouterr().err == ""


def test_a_calibration_in_use_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = gold_file(tmp_path / "g.jsonl", *QUESTIONS)
    with Library.open(tmp_path / "own") as own:
        own.add(Document(id=name, text=text) for name, text in TEXTS.items())
        own.calibrate(calibration_of(own, gold_name="mine", threshold=0.8466))
    words = (str(path), "--library", str(tmp_path / "own"))
    assert run(arguments(*words)) == 0
    assert capsys.readouterr().err == "rag: calibrated on mine, 2026-01-31: threshold 0.847\n"
    assert run(arguments(*words, "--threshold", "0.5")) == 0
    assert "with --threshold 0.5 instead of 0.847" in capsys.readouterr().err


def test_the_library_is_warm_before_the_first_question_is_timed(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, called = gold_file(tmp_path / "g.jsonl", *QUESTIONS), []
    warm_up, ask = Library.warm_up, Library.ask
    monkeypatch.setattr(Library, "warm_up", lambda self: (called.append("warm up"), warm_up(self))[1])
    monkeypatch.setattr(Library, "ask", lambda self, *a, **o: (called.append("ask"), ask(self, *a, **o))[1])
    assert run(arguments(str(path), "--library", str(library.path))) == 0
    assert called[:2] == ["warm up", "ask"]


def test_documents_without_text_count_as_lost_evidence_and_the_rest_is_evaluated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = gold_folder(tmp_path / "set", TEXTS | {"empty": "", "front": "---\ntitle: Only that\n---\n"})
    rows = [
        {"id": "opened", "question": "When was the Elm Bridge opened?", "doc_ids": ["bridge.txt"]},
        {"id": "half", "question": "How long is the Elm Bridge?", "doc_ids": ["empty", "bridge.txt"]},
        {
            "id": "span",
            "question": "What else?",
            "answers": ["No."],
            "spans": [{"doc_id": "front", "start": 11, "end": 20}],
        },
    ]
    gold_file(folder / "questions.jsonl", *(row | {"answerable": True} for row in rows))
    for _ in range(2):
        # Built, then kept.
        report = tmp_path / "report.html"
        assert run(arguments(str(folder), "--json", "--report", str(report))) == 0
        printed = capsys.readouterr()
        (line,) = printed.err.splitlines()
        assert line == ("rag: 2 documents could not be indexed, 'empty' for one: lost evidence of 2 questions")
        outcomes = {row["id"]: row for row in json.loads(printed.out)["outcomes"]}
        assert {name: row["met_at"].count(None) for name, row in outcomes.items()} == {
            "opened": 0,
            "half": 1,
            "span": 1,
        }
        assert (len(outcomes["half"]["met_at"]), outcomes["span"]["stage"]) == (2, "split")


def test_a_folder_of_which_nothing_can_be_indexed_is_refused(tmp_path: Path) -> None:
    folder = gold_folder(tmp_path / "set")
    gold_file(folder / "corpus.jsonl", {"id": "bridge.txt", "title": "T", "text": ""})
    gold_file(
        folder / "questions.jsonl", {"id": "a", "question": "Who?", "doc_ids": ["bridge.txt"], "answerable": True}
    )
    with pytest.raises(GoldError, match="none of its documents could be indexed"):
        run(arguments(str(folder)))


def test_a_question_too_long_for_the_library_is_refused_by_its_row_before_anything_is_asked(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [*QUESTIONS, QUESTIONS[2] | {"id": "long", "question": "x" * 4001}]
    monkeypatch.setattr(Library, "ask", lambda *_, **__: pytest.fail("it was asked"))
    with pytest.raises(GoldError, match=r"row 4 \(question 'long'\), field 'question': has 4,001 characters"):
        run(arguments(str(gold_file(tmp_path / "g.jsonl", *rows)), "--library", str(library.path)))
