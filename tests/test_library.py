"""A library follows its sources, loses nothing, says what is wrong, and answers the same whatever befell its files."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import BAKERY, HARBOUR, LIGHTHOUSE, TOWN, MakeLibrary
from tiny_models import make_tiny_model

from embeddings.errors import UnusableModel
from rag import Answer, Document, Library, Settings
from rag.embed import EmbedHere
from rag.errors import (
    LibraryBusy,
    LibraryChanged,
    LibraryDamaged,
    LibraryError,
    LibraryMismatch,
    LibraryNotFound,
    ModelError,
    QuestionError,
    SourceError,
)
from rag.pipeline import Pipeline, Work

QUESTION = "Who built the lighthouse of Norrwick?"
LONG_AGO_NS = 1_600_000_000 * 10**9


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of three files whose times of modification can be trusted."""
    path = tmp_path / "docs"
    write(path / "harbour.md", HARBOUR.text)
    write(path / "old" / "lighthouse.md", LIGHTHOUSE.text)
    write(path / "bakery.txt", BAKERY.text)
    return path


def write(path: Path, text: str | bytes, *, modified_ns: int = LONG_AGO_NS) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    os.utime(path, ns=(modified_ns, modified_ns))


def counts(report: Any) -> tuple[int, int, int, int]:
    return report.added, report.updated, report.removed, report.unchanged


def ids(library: Library) -> list[str]:
    return [d.id for d in library.documents()]


def answers(library: Library) -> list[Any]:
    """Return what a library says to some questions, without the seconds it took."""
    asked = (QUESTION, "How many pilots does the harbour employ?", "面包店几点开门？")
    found: list[Any] = [replace(library.ask(q, threshold=0.0), timings_s={}) for q in asked]
    return found + [library.search(q) for q in asked]


# -- following the sources --------------------------------------------------------------------------------------------


def test_indexing_again_embeds_nothing_and_publishes_nothing(folder: Path, make_library: MakeLibrary) -> None:
    library = make_library()
    first = library.index(folder)
    assert counts(first) == (3, 0, 0, 0)
    assert first.documents == 3
    assert first.embedded == first.passages >= 3
    before = library.statistics()
    again = library.index(folder)
    assert counts(again) == (0, 0, 0, 3)
    assert again.embedded == 0
    assert library.statistics() == before


def test_what_is_indexed_has_a_digest_that_changes_with_it(make_library: MakeLibrary) -> None:
    library = make_library(HARBOUR)
    before = library.statistics()["digest"]
    assert before == (library.path / "CURRENT").read_text().split()[1]
    library.add([LIGHTHOUSE])
    assert library.statistics()["digest"] == (library.path / "CURRENT").read_text().split()[1] != before


def test_changed_new_and_deleted_files_are_followed(folder: Path, make_library: MakeLibrary) -> None:
    library = make_library()
    library.index(folder)
    write(folder / "harbour.md", "The harbour of Norrwick employs 43 pilots now.", modified_ns=LONG_AGO_NS + 1)
    write(folder / "mill.md", "The mill of Norrwick grinds barley on Tuesdays.")
    (folder / "bakery.txt").unlink()
    report = library.index(folder)
    assert counts(report) == (1, 1, 1, 1)
    assert report.embedded == 2
    assert ids(library) == ["harbour.md", "mill.md", "old/lighthouse.md"]
    assert "43 pilots" in library.search("pilots of the harbour")[0].passage.text
    assert not [h for h in library.search("41 pilots") if "41" in h.passage.text]


def test_a_change_of_equal_size_and_time_shortly_after_indexing_is_seen(
    folder: Path, make_library: MakeLibrary
) -> None:
    library = make_library()
    # A slow machine is not to make it look old.
    now = time.time_ns() + 60_000_000_000
    write(folder / "harbour.md", "The harbour employs 41 pilots.", modified_ns=now)
    library.index(folder)
    write(folder / "harbour.md", "The harbour employs 43 pilots.", modified_ns=now)
    assert library.index(folder).updated == 1
    assert library.document("harbour.md").text == "The harbour employs 43 pilots."


def test_a_renamed_file_is_found_under_its_new_name_alone(folder: Path, make_library: MakeLibrary) -> None:
    library = make_library()
    library.index(folder)
    (folder / "harbour.md").rename(folder / "port.md")
    report = library.index(folder)
    assert (counts(report), report.renamed) == ((0, 0, 0, 2), 1)
    assert ids(library) == ["bakery.txt", "old/lighthouse.md", "port.md"]
    assert library.search("pilots of the harbour")[0].passage.document_id == "port.md"


def test_a_touched_but_equal_file_embeds_nothing(folder: Path, make_library: MakeLibrary) -> None:
    library = make_library()
    library.index(folder)
    before = library.statistics()
    os.utime(folder / "harbour.md", ns=(LONG_AGO_NS + 5, LONG_AGO_NS + 5))
    report = library.index(folder)
    assert (report.unchanged, report.embedded) == (3, 0)
    assert library.statistics() == before


def test_bad_files_are_named_and_stop_no_other(folder: Path, make_library: MakeLibrary) -> None:
    write(folder / "empty.txt", b"")
    write(folder / "binary.txt", bytes(range(256)) * 40)
    write(folder / "picture.xyz", b"\x89PNG")
    library = make_library()
    report = library.index(folder)
    assert report.added == 3
    assert set(report.failed) == {"empty.txt", "binary.txt", str(folder / "picture.xyz")}
    assert all(reason and "\n" not in reason for reason in report.failed.values())


def test_a_document_whose_file_became_unreadable_leaves(folder: Path, make_library: MakeLibrary) -> None:
    library = make_library()
    library.index(folder)
    write(folder / "harbour.md", b"", modified_ns=LONG_AGO_NS + 1)
    report = library.index(folder)
    assert set(report.failed) == {"harbour.md"}
    assert ids(library) == ["bakery.txt", "old/lighthouse.md"]


def test_when_no_file_can_be_read_the_library_is_left_as_it_was(folder: Path, make_library: MakeLibrary) -> None:
    library = make_library()
    library.index(folder)
    before = (library.statistics(), answers(library))
    write(folder.with_name("bad") / "empty.txt", b"")
    write(folder.with_name("bad") / "blank.txt", b" \n ")
    for write_in in (library.index, library.add_files):
        with pytest.raises(SourceError, match=r"blank\.txt.*1 more.*as it was"):
            write_in(folder.with_name("bad"))
    assert (library.statistics(), answers(library)) == before
    assert library.index(folder).embedded == 0


def test_a_missing_path_changes_nothing(folder: Path, make_library: MakeLibrary) -> None:
    library = make_library()
    library.index(folder)
    with pytest.raises(SourceError, match="nowhere"):
        library.index([folder, folder / "nowhere"])
    assert len(library.documents()) == 3


def test_added_files_leave_all_others_alone(folder: Path, make_library: MakeLibrary) -> None:
    library = make_library()
    library.index(folder / "old")
    report = library.add_files([folder / "harbour.md"])
    assert counts(report) == (1, 0, 0, 0)
    assert ids(library) == ["harbour.md", "lighthouse.md"]


def test_an_added_file_never_takes_the_place_of_a_document_from_elsewhere(
    folder: Path, make_library: MakeLibrary
) -> None:
    library = make_library()
    library.index(folder)
    before = (library.statistics(), answers(library))
    other = folder.with_name("other") / "harbour.md"
    write(other, "The harbour of Osterby employs 7 pilots.")
    write(other.with_name("mill.md"), "The mill of Osterby grinds barley.")
    for given in (other, other.parent):
        with pytest.raises(SourceError) as caught:
            library.add_files(given)
        assert f"{other} would replace {folder / 'harbour.md'}" in str(caught.value)
        assert "rag index A B" in str(caught.value)
        assert "\n" not in str(caught.value)
    assert (library.statistics(), answers(library)) == before
    assert library.index([folder, other.parent]).documents == 5


def test_an_added_file_that_is_there_already_keeps_its_id(
    folder: Path, make_library: MakeLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = make_library()
    library.index(folder)
    lighthouse = folder / "old" / "lighthouse.md"
    assert counts(library.add_files(lighthouse)) == (0, 0, 0, 1)
    write(lighthouse, "The lighthouse was torn down.", modified_ns=LONG_AGO_NS + 1)
    monkeypatch.chdir(folder / "old")
    assert counts(library.add_files("lighthouse.md")) == (0, 1, 0, 0)
    assert ids(library) == ["bakery.txt", "harbour.md", "old/lighthouse.md"]
    assert library.document("old/lighthouse.md").text == "The lighthouse was torn down."


def test_a_document_given_as_text_may_name_anything_as_its_source(folder: Path, make_library: MakeLibrary) -> None:
    library = make_library(replace(HARBOUR, source="no\0path"), replace(BAKERY, id="bakery.txt"))
    assert counts(library.add_files(folder / "bakery.txt")) == (0, 1, 0, 0)
    with pytest.raises(SourceError, match=r"same id 'harbour\.md'"):
        library.add_files(folder / "harbour.md")


@pytest.mark.parametrize("name", ["index", "add_files"])
def test_a_moved_folder_is_followed_without_embedding(name: str, folder: Path, make_library: MakeLibrary) -> None:
    library = make_library()
    library.index(folder)
    moved = folder.rename(folder.with_name("moved"))
    report = getattr(library, name)(moved)
    assert counts(report) == (0, 0, 0, 3)
    assert report.embedded == 0
    assert {d.source for d in library.documents()} == {str(moved / d.id) for d in library.documents()}
    assert library.document("harbour.md").source == str(moved / "harbour.md")
    assert library.search("pilots", filters={"source": str(moved / "harbour.md")})


def test_another_file_of_equal_size_and_time_in_another_folder_is_read(folder: Path, make_library: MakeLibrary) -> None:
    library = make_library()
    library.index(folder)
    other = folder.with_name("other")
    write(other / "harbour.md", HARBOUR.text.replace("41", "43"))
    assert library.index(other).updated == 1
    assert "43 pilots" in library.document("harbour.md").text


# -- documents given as text ------------------------------------------------------------------------------------------


def test_documents_are_added_replaced_and_removed(make_library: MakeLibrary) -> None:
    library = make_library(HARBOUR, LIGHTHOUSE)
    report = library.add([replace(HARBOUR, text="The harbour employs 43 pilots."), BAKERY])
    assert counts(report) == (1, 1, 0, 0)
    assert library.document("harbour.md").text == "The harbour employs 43 pilots."
    assert library.remove(["harbour.md", "unknown.md"]) == 1
    assert ids(library) == ["bakery.md", "old/lighthouse.md"]
    with pytest.raises(KeyError):
        library.document("harbour.md")
    assert all(h.passage.document_id != "harbour.md" for h in library.search("pilots of the harbour"))


def test_adding_equal_documents_again_embeds_nothing(make_library: MakeLibrary) -> None:
    library = make_library(*TOWN)
    before = library.statistics()
    report = library.add(TOWN)
    assert (report.unchanged, report.embedded) == (3, 0)
    assert library.statistics() == before


@pytest.mark.parametrize(
    "change", [{"title": "Other"}, {"date": "1999-01-01"}, {"language": "de"}, {"metadata": {"kind": "note"}}]
)
def test_a_change_of_any_field_is_taken_over(change: dict[str, Any], make_library: MakeLibrary) -> None:
    library = make_library(HARBOUR)
    assert library.add([replace(HARBOUR, **change)]).updated == 1
    kept = library.document("harbour.md")
    assert {name: getattr(kept, name) for name in change} == change


@pytest.mark.parametrize("bad", [[replace(HARBOUR, id="")], [HARBOUR, HARBOUR]])
def test_documents_without_an_id_of_their_own_are_refused(bad: list[Document], make_library: MakeLibrary) -> None:
    with pytest.raises(ValueError, match="needs an id of its own"):
        make_library().add(bad)


@pytest.mark.parametrize(
    "day", ["2024", "2024-99-99", "2023-02-29", "20240131", "2024-W05-3", "2024-1-31", "spring", date(2024, 1, 31)]
)
def test_a_date_that_is_no_day_is_refused_before_anything_is_written(day: Any, make_library: MakeLibrary) -> None:
    library = make_library(LIGHTHOUSE)
    with pytest.raises(ValueError, match=r"^date of 'harbour.md' is .*20.*YYYY-MM-DD|spring") as caught:
        library.add([BAKERY, replace(HARBOUR, date=day)])
    assert repr(day) in str(caught.value)
    assert ids(library) == ["old/lighthouse.md"]
    assert "Ada Lindqvist" in library.ask("Who built the lighthouse in 1874?", threshold=0.0).text


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {1: "a"}, (1, 2), Path("x"), b"x", {1}, "\ud800"])
def test_metadata_that_do_not_survive_json_are_refused_before_anything_is_written(
    value: Any, make_library: MakeLibrary
) -> None:
    library = make_library(LIGHTHOUSE)
    with pytest.raises(ValueError, match=r"^metadata of 'harbour.md' do not survive JSON; use .*finite numbers"):
        library.add([BAKERY, replace(HARBOUR, metadata={"kind": value})])
    assert ids(library) == ["old/lighthouse.md"]


def test_a_document_without_text_is_named_and_stops_no_other(make_library: MakeLibrary) -> None:
    library = make_library()
    report = library.add([Document("blank", " \n\u200b"), HARBOUR])
    assert list(report.failed) == ["blank"]
    assert ids(library) == ["harbour.md"]


def test_removing_every_document_leaves_a_library_that_says_so(make_library: MakeLibrary) -> None:
    library = make_library(HARBOUR)
    assert library.remove("harbour.md") == 1
    assert library.documents() == []
    with pytest.raises(LibraryError, match="holds no documents"):
        library.ask(QUESTION)
    assert library.add([HARBOUR]).added == 1
    assert library.search("pilots")


# -- reading ----------------------------------------------------------------------------------------------------------


def test_every_passage_and_hit_equals_its_slice_of_its_document(seeds_library: Library) -> None:
    hits = seeds_library.search("Lingang New Area", k=1_000)
    assert len(hits) == len(list(seeds_library.passages()))
    assert len(hits) == seeds_library.statistics()["passages"]
    for passage in [*seeds_library.passages(), *(h.passage for h in hits)]:
        text = seeds_library.document(passage.document_id).text
        assert passage.text == text[passage.start_char : passage.end_char]


def test_passages_of_one_document_come_in_order(seeds_library: Library) -> None:
    for document in seeds_library.documents():
        passages = list(seeds_library.passages(document.id))
        assert len(passages) == document.passages
        assert {p.document_id for p in passages} == {document.id}
        assert passages == sorted(passages, key=lambda p: p.start_char)
    assert list(seeds_library.passages("no such document")) == []


def test_hits_are_ranked_from_1_with_falling_scores_in_0_to_1(seeds_library: Library) -> None:
    for k in (1, 5, 20, 45):
        hits = seeds_library.search("Who visited Qianhai?", k)
        assert [h.rank for h in hits] == list(range(1, k + 1))
        scores = [h.score for h in hits]
        assert scores == sorted(scores, reverse=True)
        assert scores[-1] >= 0.0
        assert scores[0] <= 1.0


def test_a_k_beyond_all_passages_returns_all_of_them(town_library: Library) -> None:
    everything = town_library.search("Norrwick", k=10**12)
    assert len(everything) == town_library.statistics()["passages"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"language": "zh"}, {"bakery.md"}),
        ({"document_id": ["harbour.md", "bakery.md"]}, {"harbour.md", "bakery.md"}),
        ({"kind": "report"}, {"harbour.md", "bakery.md"}),
        ({"year": 2021}, {"old/lighthouse.md", "bakery.md"}),
        ({"year": [2021, 2023], "kind": "report", "date": "2023-05-02"}, {"harbour.md"}),
        ({"title": "The lighthouse"}, {"old/lighthouse.md"}),
        ({"kind": "novel"}, set()),
        ({"folder": "old"}, {"old/lighthouse.md"}),
        ({"date_from": "2021-11-30", "date_to": "2022-12-31"}, {"old/lighthouse.md"}),
        ({"kind": []}, set()),
        ({}, {"harbour.md", "old/lighthouse.md", "bakery.md"}),
    ],
)
def test_filters_leave_only_passages_of_documents_that_pass_all(
    filters: dict[str, Any], expected: set[str], town_library: Library
) -> None:
    hits = town_library.search("Who built the lighthouse of Norrwick?", k=10, filters=filters)
    assert {h.passage.document_id for h in hits} == expected


@pytest.mark.parametrize(
    "filters",
    [
        {"year": {"$gt": 2022}},
        {"year": None},
        {"year": [2021, None]},
        {"year": [[2021]]},
        {"year": max},
        {"year": float("nan")},
        {"year": [float("inf")]},
        {"year": np.array([2021, 2022])},
        {"kind": "\ud800"},
        {"\ud800": "report"},
        {2021: "report"},
        [("kind", "report")],
        [],
        "kind",
        max,
    ],
)
def test_filters_that_nothing_can_pass_are_refused_in_one_line(filters: Any, town_library: Library) -> None:
    with pytest.raises(ValueError, match=r"^filter .*(give a string|mapping of names|names are strings)") as caught:
        town_library.search(QUESTION, filters=filters)
    assert "\n" not in str(caught.value)
    assert str(caught.value).encode()


def test_filters_are_applied_before_the_best_k_are_taken(make_library: MakeLibrary) -> None:
    crowd = [
        Document(f"crowd-{n}", f"The lighthouse keeper number {n} lit the lighthouse.", metadata={"kind": "crowd"})
        for n in range(130)
    ]
    far = Document("far", "Rye bread is sold at six.", title="Bread", metadata={"kind": "far"})
    library = make_library(*crowd, far)
    (hit,) = library.search("lighthouse keeper", k=1, filters={"kind": "far"})
    assert hit.passage.document_id == "far"


@pytest.mark.parametrize("name", ["a'b", 'say "it"', "a.b", "$", "größe", ""])
def test_metadata_of_any_name_can_be_filtered_by(name: str, make_library: MakeLibrary) -> None:
    library = make_library(replace(HARBOUR, metadata={name: "yes"}), LIGHTHOUSE)
    hits = library.search("Norrwick", filters={name: "yes"})
    assert {h.passage.document_id for h in hits} == {"harbour.md"}


def test_the_stream_ends_with_what_ask_returns(town_library: Library) -> None:
    *_, last = town_library.stream(QUESTION, threshold=0.0)
    asked = town_library.ask(QUESTION, threshold=0.0)
    assert replace(last, timings_s={}) == replace(asked, timings_s={})
    assert asked.timings_s


def test_an_answer_survives_json(town_library: Library) -> None:
    answer = town_library.ask(QUESTION, threshold=0.0)
    assert answer.citations
    assert Answer.from_json(answer.to_json()) == answer


@pytest.mark.parametrize("question", ["", " \n\t", "?" * 100_000])
def test_an_empty_or_endless_question_is_refused(question: str, town_library: Library) -> None:
    for asked in (town_library.ask, town_library.search):
        with pytest.raises(QuestionError):
            asked(question)
    with pytest.raises(QuestionError):
        list(town_library.stream(question))


@pytest.mark.parametrize("question", ["?", "。", "🦆", "\u200b\u200b", "a\ud800b", "[SEP]", "x" * 4_000, "的"])
def test_a_strange_question_gets_an_answer_or_is_refused(question: str, town_library: Library) -> None:
    try:
        answer = town_library.ask(question)
    except QuestionError:
        return
    assert answer.abstained or answer.citations


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_out_of_range_is_a_mistake(threshold: float, town_library: Library) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        town_library.ask(QUESTION, threshold=threshold)


def test_a_k_below_1_is_a_mistake(town_library: Library) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        town_library.search(QUESTION, 0)


# -- opening ----------------------------------------------------------------------------------------------------------


def test_opening_to_read_never_makes_a_library(tmp_path: Path) -> None:
    with pytest.raises(LibraryNotFound, match="make one"):
        Library.open(tmp_path / "typo", create=False)
    assert not (tmp_path / "typo").exists()


def test_a_folder_that_holds_other_things_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path / "letter.txt", "Dear Sir")
    for create in (True, False):
        with pytest.raises(LibraryNotFound):
            Library.open(tmp_path, create=create)
    assert [p.name for p in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("below", ["file", "file/below", "x" * 300])
def test_a_path_that_cannot_be_a_folder_is_named(below: str, tmp_path: Path) -> None:
    write(tmp_path / "file", "text")
    for create in (True, False):
        with pytest.raises(LibraryNotFound, match=below.split("/", maxsplit=1)[0]):
            Library.open(tmp_path / below, create=create)


def test_without_a_path_the_environment_names_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_LIBRARY", str(tmp_path / "named"))
    with Library.open() as library:
        assert library.path == tmp_path / "named"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for unset in ("", None):
        monkeypatch.delenv("RAG_LIBRARY") if unset is None else monkeypatch.setenv("RAG_LIBRARY", unset)
        with Library.open() as library:
            assert library.path.is_relative_to(tmp_path / "data")


def test_a_new_library_that_holds_nothing_says_so(make_library: MakeLibrary) -> None:
    library = make_library()
    for read in (library.documents, library.statistics, library.verify, library.rebuild, lambda: library.ask("?")):
        with pytest.raises(LibraryError, match="holds no documents"):
            read()


def test_opening_one_new_library_many_times_at_once_makes_one(tmp_path: Path) -> None:
    for attempt in range(5):
        path = tmp_path / str(attempt)
        with ThreadPoolExecutor(8) as pool:
            for library in pool.map(lambda _, p=path: Library.open(p), range(8)):
                library.close()
        assert (path / "library.sqlite3").is_file()


def test_what_a_library_was_built_with_cannot_be_changed(make_library: MakeLibrary, tmp_path: Path) -> None:
    make_library(HARBOUR)
    for other in ({"encoder": "other/model"}, {"passage_tokens": 64}, {"passage_chars": 300}):
        ((name, value),) = other.items()
        with pytest.raises(LibraryMismatch, match=rf"built with {name} .*, not {value!r}; .*new library"):
            Library.open(tmp_path / "library", settings=Settings(**other))
    library = make_library(passage_tokens=200)
    assert library.settings.passage_tokens == 200


def test_another_encoder_asked_for_is_named_beside_the_one_it_was_built_with(
    make_library: MakeLibrary, tmp_path: Path
) -> None:
    model = str(make_tiny_model(tmp_path / "tiny"))
    make_library(HARBOUR, name="tiny-library", encoder=model)
    with pytest.raises(LibraryMismatch) as caught:
        Library.open(tmp_path / "tiny-library", settings=Settings(encoder="some/model"))
    assert model in str(caught.value)
    assert "some/model" in str(caught.value)
    reopened = Library.open(tmp_path / "tiny-library")
    assert reopened.settings.encoder == model
    assert reopened.search("pilots")
    reopened.close()
    # Other weights under the same name.
    shutil.rmtree(model)
    make_tiny_model(tmp_path / "tiny", seed=1)
    with Library.open(tmp_path / "tiny-library") as library, pytest.raises(LibraryMismatch, match="weights"):
        library.search("pilots")


def test_an_unknown_model_is_named_and_nothing_is_indexed(make_library: MakeLibrary, folder: Path) -> None:
    library = make_library(encoder="nobody/no-such-model")
    with pytest.raises(ModelError, match="nobody/no-such-model"):
        library.index(folder)


def test_a_failed_first_run_binds_a_library_to_nothing(folder: Path, make_library: MakeLibrary, tmp_path: Path) -> None:
    write(tmp_path / "bad" / "empty.txt", b"")
    library = make_library(passage_chars=300)
    with pytest.raises(SourceError):
        library.index(tmp_path / "bad")
    other = make_library(encoder=str(make_tiny_model(tmp_path / "tiny")), passage_chars=400)
    assert other.index(folder).added == 3
    assert other.statistics()["encoder"] == str(tmp_path / "tiny")
    with pytest.raises(LibraryMismatch, match="built with passage_chars 400, not 300"):
        library.index(folder)


def test_what_an_interrupted_first_run_embedded_with_other_settings_is_embedded_anew(
    folder: Path, make_library: MakeLibrary, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        make_library().index(folder, progress=interrupt_at("index"))
    library = make_library(encoder=str(make_tiny_model(tmp_path / "tiny")))
    report = library.index(folder)
    assert (report.documents, report.embedded) == (3, report.passages)
    library.verify()
    assert library.search("pilots")


def test_a_database_that_is_none_is_named(make_library: MakeLibrary, tmp_path: Path) -> None:
    make_library(HARBOUR).close()
    database = tmp_path / "library" / "library.sqlite3"
    database.write_bytes(b"no database at all, but long enough to be looked at " * 100)
    with pytest.raises(LibraryDamaged, match=r"library\.sqlite3"):
        Library.open(tmp_path / "library")


def test_a_closed_library_says_so(make_library: MakeLibrary) -> None:
    library = make_library(HARBOUR)
    library.close()
    with pytest.raises(ValueError, match=r"[^.]; open the library again"):
        library.document("harbour.md")


# -- several readers and writers --------------------------------------------------------------------------------------


def test_another_object_sees_a_commit_and_a_reopened_library_answers_the_same(
    make_library: MakeLibrary, tmp_path: Path
) -> None:
    first = make_library()
    second = make_library()
    first.add([HARBOUR])
    assert ids(second) == ["harbour.md"]
    first.add([LIGHTHOUSE, BAKERY])
    assert second.search(QUESTION)[0].passage.document_id == "old/lighthouse.md"
    expected = answers(first)
    assert answers(second) == expected
    first.close()
    with Library.open(tmp_path / "library", create=False) as reopened:
        assert answers(reopened) == expected


def test_a_library_opened_while_empty_takes_over_what_another_built_it_with(
    make_library: MakeLibrary, tmp_path: Path
) -> None:
    reader, asker = make_library(), make_library(passage_tokens=100)
    make_library(HARBOUR, passage_tokens=64)
    assert reader.search("pilots")
    assert reader.settings.passage_tokens == 64
    for _attempt in range(2):
        with pytest.raises(LibraryMismatch, match="64, not 100"):
            asker.add([LIGHTHOUSE])


def test_questions_are_answered_while_another_thread_writes(make_library: MakeLibrary) -> None:
    library = make_library(*TOWN)
    other = make_library()
    done = threading.Event()

    def keep_writing() -> None:
        try:
            for number in range(6):
                other.add([replace(HARBOUR, text=f"{HARBOUR.text} Revision {number}."), Document(f"n{number}", "New.")])
                other.remove([f"n{number}"])
        finally:
            done.set()

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(keep_writing)
        asked = 0
        while not done.is_set() or not asked:
            answer = library.ask(QUESTION, threshold=0.0)
            assert "Ada Lindqvist" in answer.text
            asked += 1
        writing.result()


def commit_twice(library: Library) -> None:
    """Let the lighthouse leave, and the generation that showed it with it, and come back under another number."""
    library.remove(["old/lighthouse.md"])
    library.add([LIGHTHOUSE])


def test_a_stream_that_lives_through_two_commits_says_that_the_library_changed(make_library: MakeLibrary) -> None:
    library = make_library(*TOWN)
    stream = library.stream(QUESTION, threshold=0.0)
    assert next(stream).hits
    commit_twice(library)
    with pytest.raises(LibraryChanged, match="the library changed while it was asked; ask again"):
        list(stream)
    assert "Ada Lindqvist" in library.ask(QUESTION, threshold=0.0).text


@pytest.mark.parametrize("stage", ["retrieve", "rerank", "cite"])
def test_a_question_that_lives_through_two_commits_is_asked_once_more(
    stage: str, make_library: MakeLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = make_library(*TOWN)
    name = {"retrieve": "_retrieve"}.get(stage, stage)
    real, before = getattr(Pipeline, name), list[None]()

    def interrupted(self: Pipeline, work: Work, **options: Any) -> Work:
        if len(before) < times:
            before.append(None)
            commit_twice(library)
        return real(self, work, **options)

    asked = [lambda reader: reader.ask(QUESTION, threshold=0.0)]
    if stage != "cite":
        asked.append(lambda reader: reader.search(QUESTION))
    expected = answers(library)
    monkeypatch.setattr(Pipeline, name, interrupted)
    for ask in asked:
        # Each by a reader of its own: what one has read before, it still knows after it has left the library.
        before, times = [], 1
        with Library.open(library.path) as reader:
            ask(reader)
        assert before
        before, times = [], 2
        with Library.open(library.path) as reader, pytest.raises(LibraryChanged):
            ask(reader)
    times = 0
    assert answers(library) == expected


def test_eight_threads_may_ask_one_library_at_once(town_library: Library) -> None:
    expected = answers(town_library)
    with ThreadPoolExecutor(8) as pool:
        assert all(found == expected for found in pool.map(lambda _: answers(town_library), range(8)))


def test_a_second_writing_process_is_told_that_the_library_is_busy(make_library: MakeLibrary, tmp_path: Path) -> None:
    library = make_library(HARBOUR)
    code = "import sys; from rag.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "--library", str(library.path), "remove", "harbour.md"]
    outcome: list[subprocess.CompletedProcess[str]] = []

    def meanwhile(_stage: str, _done: int, _total: int) -> None:
        if not outcome:
            outcome.append(subprocess.run(command, capture_output=True, text=True, check=False, timeout=120))

    library.add([LIGHTHOUSE], progress=meanwhile)
    assert outcome[0].returncode == 1
    assert outcome[0].stdout == ""
    assert outcome[0].stderr.count("\n") == 1
    assert " is writing to the library " in outcome[0].stderr
    assert ids(library) == ["harbour.md", "old/lighthouse.md"]


def test_a_second_writer_of_the_same_process_is_refused_and_reading_goes_on(make_library: MakeLibrary) -> None:
    library = make_library(HARBOUR)
    other = make_library()
    seen: list[list[str]] = []

    def meanwhile(_stage: str, _done: int, _total: int) -> None:
        for one in (library, other):
            with pytest.raises(LibraryBusy):
                one.remove(["harbour.md"])
            seen.append(ids(one))

    library.add([LIGHTHOUSE], progress=meanwhile)
    assert seen
    assert all(found == ["harbour.md"] for found in seen[:2])


# -- interrupted ------------------------------------------------------------------------------------------------------


def interrupt_at(wanted: str, times: int = 1) -> Callable[[str, int, int], None]:
    """Return a progress callback that interrupts the run at a stage's given call."""
    calls: Iterator[int] = iter(range(1, 1_000))

    def progress(stage: str, _done: int, _total: int) -> None:
        if stage == wanted and next(calls) == times:
            raise KeyboardInterrupt

    return progress


def test_an_interrupted_run_leaves_the_old_state_and_is_gone_on_with(
    folder: Path, make_library: MakeLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.embed.BATCH_PASSAGES", 3)
    library = make_library()
    library.index(folder)
    (folder / "bakery.txt").unlink()
    # Answers say already that the file is gone.
    before = answers(library)
    for number in range(6):
        write(folder / f"new-{number}.md", f"Number {number} is a new file. It was written later.")
    with pytest.raises(KeyboardInterrupt):
        library.index(folder, progress=interrupt_at("embed"))
    assert answers(library) == before
    with Library.open(library.path, create=False) as reopened:
        assert answers(reopened) == before
    report = library.index(folder)
    assert report.documents == 8
    assert report.embedded == 3
    assert {f"new-{n}.md" for n in range(6)} < set(ids(library))
    assert "bakery.txt" not in ids(library)
    assert library.index(folder).embedded == 0


def test_a_document_cut_in_two_by_an_interruption_is_made_whole(
    make_library: MakeLibrary, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setattr("rag.embed.BATCH_PASSAGES", 2)
    library = make_library(passage_chars=100)
    library.index(folder)
    write(folder / "harbour.md", "\n\n".join(f"Sentence {n} of a longer text on pilots. " * 2 for n in range(9)))
    with pytest.raises(KeyboardInterrupt):
        library.index(folder, progress=interrupt_at("embed", 2))
    assert library.document("harbour.md").text == HARBOUR.text
    library.index(folder)
    document = library.document("harbour.md")
    assert document.text.startswith("Sentence 0")
    joined = "".join(p.text for p in library.passages("harbour.md"))
    assert "".join(joined.split()) == "".join(document.text.split())


def test_an_interruption_before_publishing_costs_no_embedding(folder: Path, make_library: MakeLibrary) -> None:
    library = make_library()
    with pytest.raises(KeyboardInterrupt):
        library.index(folder, progress=interrupt_at("index"))
    with pytest.raises(LibraryError, match="holds no documents"):
        library.documents()
    report = library.index(folder)
    assert (report.documents, report.embedded) == (3, 0)


def test_what_was_being_published_when_the_process_died_is_published_by_the_next_run(
    folder: Path, make_library: MakeLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = make_library()
    library.index(folder / "old")
    with monkeypatch.context() as patch:
        patch.setattr("rag.folder.manifest.replace_file", raise_interrupt)
        with pytest.raises(KeyboardInterrupt):
            library.index(folder)
    assert ids(library) == ["lighthouse.md"]
    report = library.index(folder)
    assert (report.documents, report.embedded) == (3, 0)
    assert len(ids(library)) == 3


def raise_interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_what_an_interrupted_run_began_is_no_part_of_another_command(folder: Path, make_library: MakeLibrary) -> None:
    library = make_library()
    library.index(folder / "old")
    with pytest.raises(KeyboardInterrupt):
        library.index(folder, progress=interrupt_at("embed"))
    library.add([replace(BAKERY, id="given")])
    assert ids(library) == ["given", "lighthouse.md"]


# -- damaged ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    """A closed library of two generations, to be copied and damaged, and what it answers."""
    path = tmp_path_factory.mktemp("sound") / "library"
    with Library.open(path) as library:
        library.add([replace(HARBOUR, text="It was moved in 1999. Pilots are many."), BAKERY])
        library.add(TOWN)
        return path, answers(library)


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def flip(path: Path, *, bit: int = 3, place: float = 0.5) -> None:
    data = bytearray(path.read_bytes())
    data[int(place * (len(data) - 1))] ^= 1 << bit
    path.write_bytes(data)


def flip_first(path: Path) -> None:
    """Make another revision of the file that names it: 2 becomes 3."""
    flip(path, bit=0, place=0.0)


def name_the_one_before(path: Path) -> None:
    """Name a generation that is there, but is not the newest."""
    path.write_bytes(b"1" + path.read_bytes()[1:])


DERIVED = ("vectors-*.faiss", "lexical/meta.json", "lexical/*.store", "manifest.json", "CURRENT")
DAMAGES = [(name, damage) for name in DERIVED for damage in (Path.unlink, cut_off, flip)]
DAMAGES += [("CURRENT", flip_first), ("CURRENT", name_the_one_before)]


@pytest.mark.parametrize(("name", "damage"), DAMAGES)
def test_a_damaged_derived_file_is_named_and_rebuilt_without_embedding(
    name: str,
    damage: Callable[[Path], None],
    sound: tuple[Path, list[Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = tmp_path / "library"
    shutil.copytree(sound[0], path)
    (damaged,) = path.glob(name) if name == "CURRENT" else path.glob(f"generations/00000002/{name}")
    damage(damaged)
    monkeypatch.setattr("rag.pipeline.encode", None)
    with Library.open(path, create=False) as library:
        with pytest.raises(LibraryDamaged, match=damaged.name):
            library.verify()
        assert answers(library) == sound[1]
        assert damaged.name in caplog.text
        assert "rebuilding" in caplog.text
        caplog.clear()
        library.verify()
    with Library.open(path, create=False) as library:
        library.verify()
        assert ids(library) == ["bakery.md", "harbour.md", "old/lighthouse.md"]
    assert not caplog.text


@pytest.mark.parametrize("names", [["generations"], ["generations", "CURRENT"]])
def test_all_derived_files_may_go(names: list[str], sound: tuple[Path, list[Any]], tmp_path: Path) -> None:
    path = tmp_path / "library"
    shutil.copytree(sound[0], path)
    for name in names:
        shutil.rmtree(path / name) if name == "generations" else (path / name).unlink()
    with Library.open(path, create=False) as library:
        assert answers(library) == sound[1]


@pytest.mark.parametrize("name", ["CURRENT", "generations/00000002/vectors-00000002.faiss"])
def test_a_damaged_library_can_be_written_to(name: str, sound: tuple[Path, list[Any]], tmp_path: Path) -> None:
    path = tmp_path / "library"
    shutil.copytree(sound[0], path)
    flip(path / name)
    with Library.open(path) as library:
        assert library.add([Document("n", "The mill of Norrwick grinds barley.")]).embedded == 1
        assert ids(library) == ["bakery.md", "harbour.md", "n", "old/lighthouse.md"]
        library.verify()


def test_threads_that_meet_a_damaged_file_at_once_all_get_their_answers(
    sound: tuple[Path, list[Any]], tmp_path: Path
) -> None:
    path = tmp_path / "library"
    shutil.copytree(sound[0], path)
    flip(path / "generations/00000002/vectors-00000002.faiss")
    with Library.open(path) as library, ThreadPoolExecutor(4) as pool:
        assert all(found == sound[1] for found in pool.map(lambda _: answers(library), range(4)))


def test_rebuilding_keeps_what_an_interrupted_run_has_embedded(folder: Path, make_library: MakeLibrary) -> None:
    library = make_library()
    library.index(folder / "old")
    with pytest.raises(KeyboardInterrupt):
        library.index(folder, progress=interrupt_at("embed"))
    library.rebuild()
    assert ids(library) == ["lighthouse.md"]
    report = library.index(folder)
    assert (report.documents, report.embedded) == (3, 0)


@pytest.mark.parametrize("blob", [b"", b"abc", bytes(4 * 384), b"\xff" * 4 * 384])
def test_damaged_vectors_in_the_database_are_named(blob: bytes, sound: tuple[Path, list[Any]], tmp_path: Path) -> None:
    path = tmp_path / "library"
    shutil.copytree(sound[0], path)
    with sqlite3.connect(path / "library.sqlite3") as database:
        database.execute("UPDATE vectors SET vector = ? WHERE passage_key = (SELECT max(key) FROM passages)", (blob,))
    database.close()
    with Library.open(path) as library:
        with pytest.raises(
            LibraryDamaged, match=r"the vector of passage \d+ in .*library\.sqlite3 is not what was written there"
        ) as caught:
            library.rebuild()
        assert "\n" not in str(caught.value)


def test_old_generations_are_cleared_away(make_library: MakeLibrary) -> None:
    library = make_library()
    for number in range(5):
        library.add([Document("one", f"This is text number {number}.")])
    kept = sorted(p.name for p in (library.path / "generations").iterdir())
    assert kept == ["00000004", "00000005"]


def test_a_database_restored_from_a_copy_answers_as_it_did_and_goes_on(make_library: MakeLibrary) -> None:
    library = make_library(HARBOUR)
    library.close()
    path = library.path
    copy = (path / "library.sqlite3").read_bytes()
    with Library.open(path) as later:
        later.add([LIGHTHOUSE])
    for name in ("library.sqlite3-wal", "library.sqlite3-shm"):
        (path / name).unlink(missing_ok=True)
    (path / "library.sqlite3").write_bytes(copy)
    with Library.open(path) as restored:
        assert {hit.passage.document_id for hit in restored.search(QUESTION)} == {"harbour.md"}
        restored.add([BAKERY])
        assert ids(restored) == ["bakery.md", "harbour.md"]
        restored.verify()


def test_documents_from_before_abbreviations_were_kept_have_them_after_the_next_commit(
    make_library: MakeLibrary,
) -> None:
    library = make_library(Document("a", "The Harbour Pilot Service (HPS) has four boats."))
    with sqlite3.connect(library.path / "library.sqlite3") as database:
        database.execute("DELETE FROM abbreviations")
        database.execute("DELETE FROM settings WHERE name = 'abbreviations'")
    database.close()
    assert not kept_abbreviations(library)
    library.add([BAKERY])
    assert kept_abbreviations(library) == [("HPS", "Harbour Pilot Service")]
    library.add([LIGHTHOUSE])
    assert len(kept_abbreviations(library)) == 1


def kept_abbreviations(library: Library) -> list[tuple[str, str]]:
    with sqlite3.connect(library.path / "library.sqlite3") as database:
        return database.execute("SELECT short, long FROM abbreviations").fetchall()


def test_a_reader_of_a_damaged_library_waits_for_whoever_is_mending_it(
    sound: tuple[Path, list[Any]], tmp_path: Path
) -> None:
    path = tmp_path / "library"
    shutil.copytree(sound[0], path)
    flip(path / "generations/00000002/vectors-00000002.faiss")
    with Library.open(path) as library, Library.open(path) as other, ThreadPoolExecutor(1) as pool:
        with other._engine.writing():
            waiting = pool.submit(answers, library)
            time.sleep(0.5)
            assert not waiting.done()
            other._engine._rebuild()
        assert waiting.result() == sound[1]


def test_an_encoder_that_cannot_be_loaded_for_documents_is_told_and_loses_nothing(
    make_library: MakeLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = make_library(HARBOUR, LIGHTHOUSE)
    encoder = library._build.encoder()
    encode = encoder.encode

    def for_questions_only(texts: Any, *, kind: Any, threads: int = 1) -> Any:
        if kind == "document":
            raise UnusableModel("the graph cannot be read; fetch the model again")
        return encode(texts, kind=kind, threads=threads)

    with monkeypatch.context() as patch:
        patch.setattr(encoder, "encode", for_questions_only)
        with pytest.raises(ModelError, match="the graph cannot be read"):
            library.add([BAKERY])
        assert len(ids(library)) == 2
        assert library.search(QUESTION)
    assert threading.active_count() < 20
    assert library.add([BAKERY]).documents == 3


def test_an_interruption_ends_encoding_after_a_part_of_a_batch(
    make_library: MakeLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = make_library(HARBOUR)
    encoder = library._build.encoder()
    encode, seen = encoder.encode, []
    begun = threading.Event()

    def slowly(texts: Any, *, kind: Any, threads: int = 1) -> Any:
        seen.append(len(texts))
        begun.set()
        time.sleep(1.5)  # long enough for a busy machine to come to the interruption meanwhile
        return encode(texts[:1], kind=kind, threads=threads) * len(texts)

    def documents() -> Iterator[Document]:
        yield from (Document(f"d{n}", f"Barrel {n} of the harbour is full.") for n in range(200))

    def interrupt(_entries: Any) -> Any:
        yield from _entries
        raise KeyboardInterrupt

    pieces = EmbedHere._pieces
    monkeypatch.setattr(EmbedHere, "_pieces", lambda *arguments: interrupt(pieces(*arguments)))
    monkeypatch.setattr(encoder, "encode", slowly)
    with pytest.raises(KeyboardInterrupt):
        library.add(documents())
    # 200 passages are seven parts; those after the one under way were left.
    assert begun.is_set()
    assert max(seen) <= 32
    assert sum(seen) <= 64
    monkeypatch.undo()
    assert ids(library) == ["harbour.md"]
