"""The command line: what it prints, its exit codes, and one clear line for everything that is wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import HARBOUR, LIGHTHOUSE, SEEDS

from rag import Answer, Document, Library
from rag.cli import main

RAG = [sys.executable, "-m", "rag"]
QUESTION = "Who built the lighthouse of Norrwick?"


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """What was said on stderr, line by line."""
        return self.err.splitlines()


Run = Callable[..., Outcome]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Run:
    """Run a command in this process."""

    def run(*arguments: str | Path) -> Outcome:
        capsys.readouterr()
        try:
            code = main([str(a) for a in arguments])
        except SystemExit as end:
            code = int(end.code or 0)
        return Outcome(code, *capsys.readouterr())

    return run


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder of two good files."""
    path = tmp_path / "docs"
    (path / "old").mkdir(parents=True)
    (path / "harbour.md").write_text(HARBOUR.text)
    (path / "old" / "lighthouse.md").write_text(LIGHTHOUSE.text)
    return path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of a closed library of two documents."""
    path = tmp_path_factory.mktemp("built") / "library"
    with Library.open(path) as library:
        library.add([HARBOUR, LIGHTHOUSE])
    return path


@pytest.fixture
def own(built: Path, tmp_path: Path) -> Path:
    """A copy of that library, to be written to."""
    return Path(shutil.copytree(built, tmp_path / "own"))


# -- what is printed --------------------------------------------------------------------------------------------------


def test_index_says_what_it_did(docs: Path, tmp_path: Path, run: Run) -> None:
    outcome = run("--library", tmp_path / "l", "index", docs)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("2 documents, 2 passages")
    assert "2 added, 0 updated, 0 removed, 0 unchanged, 0 failed; 2 passages embedded in" in outcome.out


def test_index_with_some_bad_files_is_done_and_names_them(docs: Path, tmp_path: Path, run: Run) -> None:
    (docs / "empty.txt").touch()
    (docs / "binary.md").write_bytes(bytes(range(256)) * 8)
    (docs / "song.mp3").write_bytes(b"ID3")
    outcome = run("--library", tmp_path / "l", "index", docs)
    assert outcome.code == 0
    assert "2 added" in outcome.out
    assert "3 failed" in outcome.out
    assert len(outcome.lines) == 3
    for name in ("empty.txt", "binary.md", "song.mp3"):
        assert any(name in line for line in outcome.lines)


def test_names_that_would_steer_the_terminal_are_printed_escaped(tmp_path: Path, run: Run) -> None:
    docs, library = tmp_path / "docs", tmp_path / "l"
    docs.mkdir()
    (docs / "red\x1b[31m\n\u202e.md").write_text(LIGHTHOUSE.text)
    (docs / "bad\x1b[31m.txt").touch()
    outcomes = [
        run("--library", library, "index", docs),
        run("--library", library, "list"),
        run("--library", library, "ask", QUESTION, "--threshold", "0"),
        run("--library", library, "ask", QUESTION, "--threshold", "1"),
        run("--library", library, "search", "lighthouse"),
        run("--library", library, "add", docs / "gone\x1b[31m.txt"),
        run("--library", tmp_path / "typo\x1b[31m", "list"),
        run("--library", library, "list", "--\x1b[31m"),
    ]
    assert [o.code for o in outcomes] == [0, 0, 0, 0, 0, 1, 1, 2]
    for outcome in outcomes:
        said = outcome.out + outcome.err
        assert "\\x1b[31m" in said
        assert not [c for c in said if c in "\x1b\u202e"]
    assert outcomes[1].out.startswith("red\\x1b[31m\\n\\u202e.md\t")
    listed = json_of(run("--library", library, "list", "--json"))
    assert [d["id"] for d in listed] == ["red\x1b[31m\n\u202e.md"]


def test_the_library_may_be_named_before_or_after_the_command(built: Path, run: Run) -> None:
    before, after = run("--library", built, "list"), run("list", "--library", built)
    assert before.code == after.code == 0
    assert before.out == after.out
    assert [line.split("\t")[0] for line in after.out.splitlines()] == ["harbour.md", "old/lighthouse.md"]


def test_ask_prints_the_answer_with_its_marks_then_the_quoted_sources(built: Path, run: Run) -> None:
    outcome = run("--library", built, "ask", QUESTION, "--threshold", "0")
    assert (outcome.code, outcome.err) == (0, "")
    answer, _, sources = outcome.out.partition("\n\nSources (confidence ")
    assert "Ada Lindqvist" in answer
    assert "[1]" in answer
    assert "\n[1] old/lighthouse.md:0-" in sources
    assert '"The lighthouse of Norrwick was built' in sources


def test_filters_hold_for_ask_and_search(built: Path, run: Run) -> None:
    where = ("--filter", "folder=nowhere", "--filter", "date_from=2020-01-01")
    outcome = run("--library", built, "ask", QUESTION, *where)
    assert outcome.code == 0
    assert "folder=nowhere, date_from=2020-01-01" in " ".join(outcome.out.split())
    assert json_of(run("--library", built, "search", "pilots", "--json", *where))["hits"] == []
    for command in ("ask", "search"):
        only = json_of(run("--library", built, command, "pilots", "--json", "--filter", "document_id=harbour.md"))
        assert {hit["document_id"] for hit in only["hits"]} == {"harbour.md"}


@pytest.mark.parametrize("command", ["ask", "search"])
@pytest.mark.parametrize(
    ("typed", "words"), [("colour=red", ["'colour'", "known are"]), ("date_to=2024", ["YYYY-MM-DD"])]
)
def test_a_filter_that_cannot_be_meant_is_one_line(
    command: str, typed: str, words: list[str], built: Path, run: Run
) -> None:
    assert_one_line(run("--library", built, command, "pilots", "--filter", typed), 1, *words)


def test_search_prints_ranked_passages(built: Path, run: Run) -> None:
    outcome = run("--library", built, "search", "lighthouse", "-k", "1")
    assert outcome.code == 0
    assert outcome.out.startswith("1. old/lighthouse.md:0-")
    assert "\n2. " not in outcome.out


def test_add_and_remove_leave_other_documents_alone(own: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "mill.md").write_text("The mill of Norrwick grinds barley on Tuesdays.")
    assert run("--library", own, "add", tmp_path / "mill.md").code == 0
    assert run("--library", own, "remove", "harbour.md").out == "1 removed\n"
    listed = run("--library", own, "list").out
    assert [line.split("\t")[0] for line in listed.splitlines()] == ["mill.md", "old/lighthouse.md"]


def test_doctor_mends_a_damaged_index_and_says_so(own: Path, run: Run) -> None:
    (next(own.glob("generations/*")) / "vectors-00000001.faiss").write_bytes(b"nothing")
    outcome = run("--library", own, "doctor")
    assert outcome.code == 0
    assert "vectors-00000001.faiss does not match its digest: rebuilt" in outcome.out
    assert run("--library", own, "doctor").out.count("rebuilt") == 0


def test_help_names_every_command(run: Run) -> None:
    outcome = run("--help")
    assert outcome.code == 0
    for command in (
        "index",
        "add",
        "remove",
        "list",
        "ask",
        "search",
        "serve",
        "eval",
        "calibrate",
        "doctor",
        "backup",
        "restore",
    ):
        assert f"\n    {command} " in outcome.out
        assert run(command, "--help").out.startswith(f"usage: rag {command}")


def test_the_version_is_printed(run: Run) -> None:
    assert run("--version").out.startswith("leadgoose ")


# -- JSON -------------------------------------------------------------------------------------------------------------


def json_of(outcome: Outcome) -> Any:
    """Return the one JSON document on stdout."""
    assert outcome.code == 0
    return json.loads(outcome.out)


def test_index_add_and_remove_report_in_json(docs: Path, tmp_path: Path, run: Run) -> None:
    library = tmp_path / "l"
    (docs / "empty.txt").touch()
    report = json_of(run("--library", library, "--json", "index", docs))
    assert (report["added"], report["documents"], list(report["failed"])) == (2, 2, ["empty.txt"])
    report = json_of(run("--library", library, "add", docs / "harbour.md", "--json"))
    assert report["unchanged"] + report["updated"] == 1
    assert json_of(run("--library", library, "remove", "harbour.md", "--json")) == {"removed": 1}


def test_list_search_and_ask_print_what_the_library_returns(built: Path, run: Run) -> None:
    with Library.open(built, create=False) as library:
        listed = json_of(run("--library", built, "--json", "list"))
        assert [d["id"] for d in listed] == [d.id for d in library.documents()]
        searched = json_of(run("--library", built, "search", "pilots", "--json"))
        assert searched == {"query": "pilots", "hits": [h.to_dict() for h in library.search("pilots")]}
        answer = Answer.from_dict(json_of(run("--library", built, "ask", QUESTION, "--json", "--threshold", "0")))
        assert answer.citations == library.ask(QUESTION, threshold=0.0).citations
        for citation in answer.citations:
            text = library.document(citation.document_id).text
            assert text[citation.start_char : citation.end_char] == citation.quote


def test_eval_and_doctor_print_one_document(built: Path, tmp_path: Path, run: Run) -> None:
    gold = {
        "id": "q1",
        "question": QUESTION,
        "answers": ["Ada Lindqvist"],
        "answerable": True,
        "evidence": [{"document_id": "old/lighthouse.md", "quote": "built in 1874 by Ada Lindqvist"}],
        "tags": [],
    }
    (tmp_path / "gold.jsonl").write_text(json.dumps(gold) + "\n")
    measured = json_of(run("--library", built, "--json", "eval", tmp_path / "gold.jsonl"))
    assert measured["retrieval"]["hit@1"] == 1.0
    checked = json_of(run("--library", built, "--json", "doctor"))
    assert checked["healthy"] is True
    assert {"python", "database", "indexes", "encoder"} <= {f["subject"] for f in checked["findings"]}


# -- the world is wrong -----------------------------------------------------------------------------------------------


def assert_one_line(outcome: Outcome, code: int, *words: str) -> None:
    """One line says what is wrong and what next; nothing else is printed."""
    assert outcome.code == code
    assert outcome.out == ""
    assert len(outcome.lines) == 1, outcome.err
    assert outcome.err.startswith("rag: ")
    for word in words:
        assert word in outcome.err


def listing(path: Path) -> dict[str, bytes]:
    """Return the files that hold a library's content, all but the database, what stands beside it, and empty locks."""
    kept = [p for p in path.rglob("*") if p.is_file() and p.suffix != ".lock"]
    return {str(p.relative_to(path)): p.read_bytes() for p in kept if not p.name.startswith("library.sqlite3")}


@pytest.mark.parametrize("command", ["index", "add"])
def test_a_missing_path_is_named_and_makes_no_library(command: str, tmp_path: Path, run: Run) -> None:
    outcome = run("--library", tmp_path / "l", command, tmp_path / "nowhere")
    assert_one_line(outcome, 1, "nowhere", "check the path")
    assert not (tmp_path / "l").exists()


@pytest.mark.parametrize("command", ["index", "add"])
def test_an_empty_folder_is_named_and_loses_nothing(command: str, own: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "empty").mkdir()
    before = listing(own)
    assert_one_line(run("--library", own, command, tmp_path / "empty"), 1, "empty")
    assert listing(own) == before
    assert run("--library", own, "list").out.count("\n") == 2


@pytest.mark.parametrize("command", ["index", "add"])
@pytest.mark.parametrize(
    ("name", "data"), [("e.txt", b""), ("b.txt", bytes(range(256)) * 8), ("s.txt", b" \n"), ("x.bin", b"\0")]
)
def test_a_file_without_text_alone_is_named_and_loses_nothing(
    command: str, name: str, data: bytes, own: Path, tmp_path: Path, run: Run
) -> None:
    (tmp_path / name).write_bytes(data)
    before = listing(own)
    assert_one_line(run("--library", own, command, tmp_path / name), 1, name)
    assert listing(own) == before
    assert run("--library", own, "list").out.count("\n") == 2


def test_a_file_without_text_makes_no_library_that_answers(tmp_path: Path, run: Run) -> None:
    (tmp_path / "empty.txt").touch()
    assert_one_line(run("--library", tmp_path / "l", "index", tmp_path / "empty.txt"), 1, "empty.txt")
    assert_one_line(run("--library", tmp_path / "l", "ask", "Why?"), 1, "no documents", "rag index")


def test_an_unknown_model_is_named(docs: Path, tmp_path: Path, run: Run) -> None:
    for model in ("nobody/no-such-model", str(docs), "no such model"):
        outcome = run("--library", tmp_path / "l", "--encoder", model, "index", docs)
        assert_one_line(outcome, 1, model)


@pytest.mark.parametrize("command", [["index", str(SEEDS)], ["ask", QUESTION], ["list"]])
def test_a_library_built_with_another_encoder_names_both(command: list[str], built: Path, run: Run) -> None:
    outcome = run("--library", built, "--encoder", "some/model", *command)
    assert_one_line(outcome, 1, "all-MiniLM-L6-v2", "some/model", "new library")


@pytest.mark.parametrize("question", ["", "  \n ", "why? " * 20_000])
@pytest.mark.parametrize("command", ["ask", "search"])
def test_an_empty_or_endless_question_is_refused(command: str, question: str, built: Path, run: Run) -> None:
    assert_one_line(run("--library", built, command, question), 1, "question", "ask something")


@pytest.mark.parametrize(
    "command",
    [
        ["ask", "Why?"],
        ["search", "why"],
        ["list"],
        ["remove", "a"],
        ["serve"],
        ["eval", "GOLD"],
        ["calibrate", "GOLD"],
        ["calibrate", "--reset"],
    ],
)
def test_a_missing_library_is_named_and_not_made(command: list[str], tmp_path: Path, run: Run) -> None:
    gold = tmp_path / "gold.jsonl"
    shutil.copy(SEEDS.parent / "eval" / "gold.jsonl", gold)
    outcome = run("--library", tmp_path / "typo", *(str(gold) if a == "GOLD" else a for a in command))
    assert_one_line(outcome, 1, str(tmp_path / "typo"), "index PATH")
    assert not (tmp_path / "typo").exists()


def test_a_folder_of_documents_is_not_taken_for_a_library(docs: Path, run: Run) -> None:
    outcome = run("--library", docs, "ask", "Why?")
    assert_one_line(outcome, 1, f"{docs} is a folder of documents", f"rag --library NEW index {docs}")


def test_doctor_on_a_missing_library_makes_none(tmp_path: Path, run: Run) -> None:
    outcome = run("--library", tmp_path / "typo", "doctor")
    assert outcome.code == 1
    assert "BAD  library: there is no library at" in outcome.out
    assert not (tmp_path / "typo").exists()


def test_an_unknown_id_is_named_and_nothing_is_removed(own: Path, run: Run) -> None:
    outcome = run("--library", own, "remove", "harbour.md", "harbor.md")
    assert_one_line(outcome, 1, "'harbor.md'", "rag list", "nothing was removed")
    assert run("--library", own, "list").out.count("\n") == 2


@pytest.mark.parametrize(
    "command",
    [["index", "DOCS"], ["add", "DOCS"], ["ask", "Why?"], ["search", "why"], ["list"], ["remove", "a"], ["serve"]],
)
@pytest.mark.parametrize("below", ["", "below"])
def test_a_library_path_that_is_a_file_is_named(
    command: list[str], below: str, docs: Path, tmp_path: Path, run: Run
) -> None:
    (tmp_path / "file").write_text("a file")
    arguments = [str(docs) if a == "DOCS" else a for a in command]
    assert_one_line(run("--library", tmp_path / "file" / below, *arguments), 1, str(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "a file"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"leg_k = ", ["cannot read the settings file", "RAG_CONFIG"]),
        (b"\xff\xfe", ["cannot read the settings file"]),
        (None, ["cannot read the settings file"]),
        (b"leg_kk = 5", ["unknown setting 'leg_kk'", "leg_k"]),
        (b"threshold = 1.5", ["threshold = 1.5", "from 0 to 1"]),
        (b"leg_k = 'many'", ["leg_k = 'many'", "whole number"]),
    ],
)
def test_settings_that_cannot_be_used_are_named(
    content: bytes | None, words: list[str], built: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    toml = tmp_path / "settings.toml"
    if content is not None:
        toml.write_bytes(content)
    monkeypatch.setenv("RAG_CONFIG", str(toml))
    assert_one_line(run("--library", built, "ask", QUESTION), 1, *words)


def test_an_unknown_environment_variable_is_named(built: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_TRESHOLD", "0.5")
    assert_one_line(run("--library", built, "ask", QUESTION), 1, "RAG_TRESHOLD", "RAG_THRESHOLD")


def test_a_damaged_database_is_named(own: Path, run: Run) -> None:
    (own / "library.sqlite3").write_bytes(b"no database " * 1_000)
    assert_one_line(run("--library", own, "ask", QUESTION), 1, "library.sqlite3", "restore it")


def test_a_full_disk_is_said_in_one_line(run: Run, monkeypatch: pytest.MonkeyPatch, docs: Path, tmp_path: Path) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "vectors.faiss")

    monkeypatch.setattr("rag.folder.generations.build_anew", full)
    assert_one_line(run("--library", tmp_path / "l", "index", docs), 1, "No space left", "vectors.faiss")


def test_an_interruption_says_how_to_go_on(
    docs: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("rag.folder.generations.build_anew", interrupt)
        assert_one_line(run("--library", tmp_path / "l", "index", docs), 130, "again")
    outcome = run("--library", tmp_path / "l", "index", docs)
    assert "0 passages embedded" in outcome.out


# -- wrong usage ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["COMMAND", "rag --help"]),
        (["frobnicate"], ["'frobnicate'", "index"]),
        (["ask"], ["QUESTION", "rag ask --help"]),
        (["index"], ["PATH"]),
        (["remove"], ["ID"]),
        (["eval"], ["GOLD"]),
        (["ask", "Why?", "--treshold", "1"], ["--treshold", "rag ask --help"]),
        (["ask", "who", "built", "it?"], ["in quotes: rag ask 'who built it?'", "rag ask --help"]),
        (["search", "old", "mill", "--json"], ["in quotes: rag search 'old mill'"]),
        (["list", "all"], ["unrecognized arguments: all", "rag list --help"]),
        (["search", "x", "-k", "0"], ["-k", "'0'", "from 1"]),
        (["search", "x", "-k", "-3"], ["-k"]),
        (["ask", "x", "--filter", "year"], ["--filter", "'year'", "NAME=VALUE"]),
        (["search", "x", "-k", "ten"], ["-k", "'ten'"]),
        (["search", "x", "-k", "²"], ["-k", "'²'"]),
        (["ask", "x", "--threshold", "1.01"], ["--threshold", "1.01", "0 to 1"]),
        (["ask", "x", "--threshold", "nan"], ["--threshold", "nan"]),
        (["ask", "x", "--threshold", "high"], ["--threshold", "'high'"]),
        (["--library", "", "list"], ["--library", "names no folder"]),
        (["index", "docs", "--library="], ["--library", "names no folder"]),
        (["index", ""], ["PATH", "'' names no file or folder", "rag index --help"]),
        (["add", "docs", ""], ["PATH", "'' names no file or folder"]),
        (["eval", ""], ["GOLD", "'' names no file or folder"]),
        (["eval", "check", ""], ["GOLD", "'' names no file or folder"]),
        (["calibrate", ""], ["GOLD", "'' names no file or folder"]),
        (["backup", ""], ["DEST", "'' names no file or folder"]),
        (["restore", ""], ["SRC", "'' names no file or folder"]),
        (["serve", "--port", "0"], ["--port", "'0'", "65535"]),
        (["serve", "--port", "65536"], ["--port", "'65536'"]),
        (["serve", "--port", "http"], ["--port", "'http'"]),
        (["eval", "gold.jsonl", "--limit", "0"], ["--limit", "'0'"]),
    ],
)
def test_wrong_usage_is_said_in_one_line(arguments: list[str], words: list[str], run: Run) -> None:
    assert_one_line(run(*arguments), 2, *words)


# -- as a process of its own ------------------------------------------------------------------------------------------


def process(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*RAG, *map(str, arguments)],
        capture_output=True,
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONIOENCODING": "utf-8:strict", **environment},
    )


def test_a_process_answers_and_exits_with_0(built: Path) -> None:
    done = process("--library", built, "ask", QUESTION, "--threshold", "0")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"Ada Lindqvist" in done.stdout


def test_a_process_that_fails_exits_with_1_and_no_traceback(tmp_path: Path) -> None:
    done = process("--library", tmp_path / "typo", "ask", QUESTION)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.count(b"\n") == 1


def test_any_text_can_be_printed_on_a_terminal_that_knows_only_ascii(tmp_path: Path) -> None:
    with Library.open(tmp_path / "l") as library:
        library.add([Document("bäckerei", "磨坊街的面包店早上六点开门。它出售黑麦面包。")])
    command = ("--library", tmp_path / "l", "search", "面包店")
    done = process(*command, PYTHONIOENCODING="ascii:strict")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"1. b\\xe4ckerei:0-")
    done = process(*command, "--json", PYTHONIOENCODING="ascii:strict")
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["hits"][0]["document_id"] == "bäckerei"


def test_a_question_that_is_no_valid_text_is_refused(built: Path) -> None:
    done = process("--library", built, "ask", os.fsdecode(b"Who built the lighthouse \xff?"), "--json")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.count(b"\n") == 1
    assert b"type it anew" in done.stderr


def test_a_reader_that_stops_reading_ends_the_command_quietly(built: Path) -> None:
    with subprocess.Popen(
        [*RAG, "--library", str(built), "search", "pilots", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout
        assert running.stderr
        running.stdout.close()
        assert running.stderr.read() == b""
