"""Evidence in a copy is the same evidence: which of several files with one text is shown costs nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from eval.copies import firsts, told_answer, told_of
from eval.document import document
from eval.evaluate import evaluate
from eval.gold import read_gold
from eval.questions import Question
from eval.subject import library_subject
from rag import Document, Library

LETTER = "The Elm Bridge was opened in 1932 by Mary Stone. It is 410 metres long and carries two tram lines."
TEXTS = {
    "a/letter.txt": LETTER,
    "b/copy.txt": LETTER,
    "c/second-copy.txt": LETTER,
    "bridge.txt": "The Elm Bridge is painted green. It was opened long ago.",
    "museum.txt": "The Clock Museum in Harlow shows 2,300 clocks. Admission costs 9 euros for adults.",
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("library") / "places") as opened:
        opened.add(Document(id=name, text=text) for name, text in TEXTS.items())
        yield opened


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.kept._cache", lambda: tmp_path / "kept")


def asked(library: Library, folder: Path, names: Sequence[str], quote: str = "opened in 1932") -> Mapping[str, Any]:
    """The report on one question whose evidence is in some documents."""
    row = {
        "id": "opened",
        "question": "When was the Elm Bridge opened by Mary Stone?",
        "answers": ["1932"],
        "answerable": True,
        "evidence": [{"document_id": name, "quote": quote} for name in names],
        "tags": [],
    }
    path = folder / "gold.jsonl"
    path.write_text(json.dumps(row) + "\n")
    return document({"default": evaluate(read_gold(path), library, threshold=0.0)})


@pytest.mark.parametrize(
    "names", [["a/letter.txt"], ["b/copy.txt"], ["c/second-copy.txt"], ["a/letter.txt", "c/second-copy.txt"]]
)
def test_a_passage_that_stands_in_a_gold_document_too_is_a_hit_and_its_citation_is_evidence(
    names: list[str], library: Library, tmp_path: Path
) -> None:
    values = asked(library, tmp_path, names)
    assert values["retrieval"]["hit@1"] == values["retrieval"]["recall@5"] == values["retrieval"]["ndcg@10"] == 1.0
    assert values["citations"]["precision"] == values["citations"]["recall"] == values["citations"]["exact"] == 1.0


def test_another_place_of_a_copy_and_another_text_are_no_evidence(library: Library, tmp_path: Path) -> None:
    values = asked(library, tmp_path, ["bridge.txt"], quote="It was opened long ago")
    assert values["retrieval"]["hit@1"] == 0.0
    question = Question("q", "?", (), True, (), ("museum.txt",), ())
    plain, told = library_subject("plain", library), told_of(question, library_subject("told", library))
    assert told.search("Elm Bridge", 3) == plain.search("Elm Bridge", 3)


def test_what_is_shown_has_the_name_that_the_gold_set_gives_it(library: Library) -> None:
    answer = library.ask("When was the Elm Bridge opened by Mary Stone?", threshold=0.0)
    (shown,) = {c.document_id for c in answer.citations if c.also_in}
    for other in {"a/letter.txt", "b/copy.txt", "c/second-copy.txt"} - {shown}:
        assert other in {c.document_id for c in told_answer(answer, [other]).citations}
    assert told_answer(answer, ["museum.txt", shown]) == answer


def test_of_documents_with_one_text_the_first_stands_for_all() -> None:
    texts = {"a": "one", "b": "two", "c": "one", "d": "", "e": ""}
    assert firsts("abcdea", texts.__getitem__) == {"a": "a", "b": "b", "c": "a", "d": "d", "e": "e"}
    assert firsts(["c"], texts.__getitem__) == {"c": "c"}
