"""Conversations as they are read, held and judged, and those on the seeds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import MakeLibrary

from eval.check import check
from eval.dialogues import holds_dialogues, read_dialogues, tied
from eval.judge import evidence_spans
from eval.talk import FollowUp, Verdict, converse, document, figures, lines, verdict
from rag import Answer, Document, Library
from rag.cli import main
from rag.errors import GoldError

DIALOGUES = Path(__file__).parents[1] / "eval" / "dialogues.jsonl"
LIGHTHOUSE = "The lighthouse of Norrwick was built in 1874 by Ada Lindqvist. Its lamp can be seen from 31 kilometres."
BUILT = {"document_id": "lighthouse.md", "quote": "The lighthouse of Norrwick was built in 1874 by Ada Lindqvist."}
LAMP = {"document_id": "lighthouse.md", "quote": "Its lamp can be seen from 31 kilometres."}
TURNS: list[dict[str, Any]] = [
    {
        "question": "Who built the lighthouse of Norrwick?",
        "answers": ["Ada Lindqvist"],
        "answerable": True,
        "evidence": [BUILT],
    },
    {
        "question": "How far can its lamp be seen?",
        "stand_alone": "How far can the lamp of the lighthouse of Norrwick be seen?",
        "answers": ["31 kilometres"],
        "answerable": True,
        "evidence": [LAMP],
        "tags": ["pronoun"],
    },
    {"question": "Who won the World Cup in 2022?", "answers": [], "answerable": False, "tags": ["topic-change"]},
]


def written(folder: Path, *turns: dict[str, Any]) -> Path:
    path = folder / "talk.jsonl"
    row = {"id": "lighthouse", "half": "held-out", "tags": [], "turns": list(turns)}
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    return path


def test_the_conversations_on_the_seeds_are_what_they_are_said_to_be(seeds_library: Library) -> None:
    found = tied(read_dialogues(DIALOGUES), seeds_library)
    follow_ups = [turn for dialogue in found for turn in dialogue.turns[1:]]
    assert len(found) >= 20
    assert all(2 <= len(dialogue.turns) <= 5 and not dialogue.turns[0].stand_alone for dialogue in found)
    assert {dialogue.half for dialogue in found} == {"development", "held-out"}
    kinds = {"pronoun", "ellipsis", "what-about", "demonstrative", "topic-change", "unanswerable"}
    assert kinds <= {tag for turn in follow_ups for tag in turn.question.tags}
    for turn in follow_ups:
        assert ("topic-change" in turn.question.tags) is not bool(turn.stand_alone)
        spans, lost = evidence_spans(turn.question)
        assert bool(spans) is turn.question.answerable
        assert not lost


def test_follow_ups_are_answered_as_well_as_alone(seeds_library: Library) -> None:
    dialogues = read_dialogues(DIALOGUES)
    values = document(dialogues, converse(dialogues, seeds_library))
    assert values["as_well"] >= 0.85
    assert values["as_well_where_right"] >= 0.85
    assert values["halves"]["held-out"]["as_well"] >= 0.85
    assert values["left_alone"] == 1.0
    assert values["without_rewriting"] < values["as_well"]


def test_a_conversation_is_held_with_the_answers_it_gets(tmp_path: Path, make_library: MakeLibrary) -> None:
    library = make_library(Document(id="lighthouse.md", title="The lighthouse", text=LIGHTHOUSE, language="en"))
    follow_up, change = converse(read_dialogues(written(tmp_path, *TURNS)), library)
    assert follow_up.query == "How far can the lighthouse of Norrwick’s lamp be seen?"
    assert follow_up.told.as_well_as(follow_up.alone)
    assert (change.query, change.stand_alone, change.told) == ("", "", change.alone)


def test_a_verdict_needs_the_answer_and_its_evidence(tmp_path: Path, make_library: MakeLibrary) -> None:
    library = make_library(Document(id="lighthouse.md", title="The lighthouse", text=LIGHTHOUSE, language="en"))
    (dialogue,) = tied(read_dialogues(written(tmp_path, *TURNS)), library)
    built, _, unanswerable = (turn.question for turn in dialogue.turns)
    answer = library.ask(built.question, threshold=0.0)
    assert verdict(built, answer) == Verdict(said=True, cited=True)
    assert verdict(built, Answer("", "Ada Lindqvist")) == Verdict(said=True, cited=False)
    assert verdict(built, Answer("", "no Ada Lindqvist", abstained=True)) == Verdict(said=False, cited=False)
    assert verdict(unanswerable, Answer("", "", abstained=True)).right
    assert not verdict(unanswerable, answer).right


def row(
    name: str, told: bool, alone: bool, *, plain: bool = False, stand_alone: str = "x", query: str = "x"
) -> FollowUp:
    verdicts = [Verdict(said, True) for said in (told, alone, plain)]
    return FollowUp(name, "", (), "q", stand_alone, query, *verdicts, 0.1)


def test_the_shares_are_those_worked_out_by_hand() -> None:
    rows = [
        row("a/2", True, True),
        row("a/3", False, True),
        row("b/2", True, False, plain=True),
        row("b/3", False, False),
        row("b/4", True, True, stand_alone="", query=""),
        row("b/5", True, True, stand_alone="", query="changed"),
    ]
    found = figures(rows)
    assert (found["follow_ups"], found["as_well"], found["right_alone"]) == (4, 3 / 4, 2)
    assert found["as_well_where_right"] == 1 / 2
    assert found["without_rewriting"] == 2 / 4
    assert (found["stand_alone"], found["left_alone"]) == (2, 1 / 2)
    low, high = found["interval"]
    assert (low, high) == (1 / 2, 1.0)
    assert figures([])["as_well"] is None


@pytest.mark.parametrize(
    ("turns", "named"),
    [
        ([TURNS[0]], "turns"),
        ([TURNS[0], {**TURNS[1], "answers": [], "evidence": []}], "answers"),
        ([TURNS[0], {**TURNS[1], "question": " "}], "question"),
        ([TURNS[0], {**TURNS[1], "answerable": "yes"}], "answerable"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(tmp_path: Path, turns: list[dict[str, Any]], named: str) -> None:
    with pytest.raises(GoldError, match=rf"row 1.*field '{named}'"):
        read_dialogues(written(tmp_path, *turns))


def test_conversations_are_told_from_questions(tmp_path: Path) -> None:
    assert holds_dialogues(written(tmp_path, *TURNS))
    assert not holds_dialogues(DIALOGUES.with_name("gold.jsonl"))
    assert not holds_dialogues(tmp_path)
    (tmp_path / "broken").write_bytes(b"\xff")
    assert not holds_dialogues(tmp_path / "broken")


def test_conversations_are_checked_as_conversations(
    tmp_path: Path, seeds_library: Library, make_library: MakeLibrary
) -> None:
    found = check(DIALOGUES, seeds_library)
    assert found.problems == ()
    assert found.questions == sum(len(dialogue.turns) for dialogue in read_dialogues(DIALOGUES).dialogues)
    library = make_library(Document(id="lighthouse.md", title="The lighthouse", text=LIGHTHOUSE, language="en"))
    lost = {**TURNS[1], "evidence": [{**LAMP, "quote": "seen from 13 kilometres"}]}
    found = check(written(tmp_path, TURNS[0], lost, {**TURNS[2], "answerable": "no", "evidense": []}), library)
    assert found.questions == 3
    assert [problem.partition(": ")[2].partition(": ")[0] for problem in found.problems] == [
        "row 1, turns[2], field 'answerable'",
        "row 1, turns[1], evidence[0] (question 'lighthouse/2'), field 'quote'",
    ]
    assert "did you mean 'evidence'?" in found.warnings[0]


def test_the_command_prints_lines_or_one_document(
    tmp_path: Path, make_library: MakeLibrary, capsys: pytest.CaptureFixture[str]
) -> None:
    library = make_library(Document(id="lighthouse.md", title="The lighthouse", text=LIGHTHOUSE, language="en"))
    talk = str(written(tmp_path, *TURNS))
    assert main(["--library", str(library.path), "eval", talk, "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["dialogues"], values["follow_ups"], values["as_well"]) == (1, 1, 1.0)
    assert [outcome["id"] for outcome in values["outcomes"]] == ["lighthouse/2", "lighthouse/3"]
    assert main(["--library", str(library.path), "eval", talk]) == 0
    assert "| all | 1 | 1.000 |" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stopped:
        main(["--library", str(library.path), "eval", talk, "--systems", "dense"])
    assert stopped.value.code == 2
    assert "--systems does not go with conversations" in capsys.readouterr().err


def test_what_was_not_as_good_is_listed() -> None:
    values = {**figures([]), "gold": {"name": "t"}, "dialogues": 0, "halves": {}, "tags": {}}
    lost = {"id": "a/2", "question": "Why?", "query": "", "as_well": False}
    assert list(lines({**values, "outcomes": [lost]}))[-1] == "- a/2: Why? -> as asked"
