"""A library follows its files: renamed ones and copies are not embedded again, copies are told apart and shown once."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import BAKERY, HARBOUR, LIGHTHOUSE, MakeLibrary

from rag import Document, Library
from rag.cli import main
from rag.errors import SourceError
from rag.remote import find_sources
from rag.reuse import is_file_name
from rag.schema import Answer, Citation

LONG_AGO_NS = 1_600_000_000 * 10**9
QUESTION = "Who built the lighthouse of Norrwick?"


def write(path: Path, text: str, *, modified_ns: int = LONG_AGO_NS) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    os.utime(path, ns=(modified_ns, modified_ns))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "docs"
    write(path / "harbour.md", f"# {HARBOUR.title}\n\n{HARBOUR.text}")
    write(path / "old/lighthouse.txt", f"# {LIGHTHOUSE.title}\n\n{LIGHTHOUSE.text}")
    write(path / "bakery.txt", f"# {BAKERY.title}\n\n{BAKERY.text}")
    return path


def counts(report: Any) -> dict[str, int]:
    names = ("added", "updated", "removed", "renamed", "unchanged", "embedded", "copies")
    return {name: getattr(report, name) for name in names if getattr(report, name)}


def state(library: Library) -> list[Any]:
    """Return all that a library holds and says, but for where and when."""
    documents = [replace(library.document(d.id), source="") for d in library.documents()]
    passages = sorted(library.passages(), key=lambda p: (p.document_id, p.start_char))
    hits = [[(h.passage, h.rank, round(h.score, 5), h.also_in) for h in library.search(QUESTION)]]
    answer = library.ask(QUESTION, threshold=0.0)
    cited = [(c.document_id, c.quote, c.also_in) for c in answer.citations]
    return [documents, passages, hits, answer.text, cited, round(answer.confidence, 5)]


def rebuilt(folder: Path, make_library: MakeLibrary) -> list[Any]:
    fresh = make_library(name="fresh")
    fresh.index(folder)
    return state(fresh)


def test_a_list_of_no_files_is_refused_and_nothing_is_lost(folder: Path, make_library: MakeLibrary) -> None:
    library = make_library()
    library.index(folder)
    before = state(library)
    for write_none in (library.index_sources, library.add_sources):
        with pytest.raises(SourceError, match=r"no files were given; the library is as it was"):
            write_none([])
    assert state(library) == before


def test_a_folder_is_looked_through_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    looked: list[Any] = []

    def counted(paths: Any, *limits: Any) -> Any:
        looked.append(paths)
        return find_sources(paths, *limits)

    monkeypatch.setattr("rag.remote.find_sources", counted)
    monkeypatch.setattr("rag.library.find_sources", counted)
    for command in ("index", "add"):
        assert main(["--library", str(tmp_path / command), command, str(folder)]) == 0
        assert "3 added" in capsys.readouterr().out
    assert looked == [[str(folder)]] * 2


# -- renamed ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("new", ["old/beacon.txt", "new/deep/lighthouse.md"])
def test_a_renamed_file_is_not_embedded_again_and_equals_a_rebuild(
    new: str, folder: Path, make_library: MakeLibrary
) -> None:
    library = make_library()
    library.index(folder)
    (folder / new).parent.mkdir(parents=True, exist_ok=True)
    (folder / "old/lighthouse.txt").rename(folder / new)
    assert counts(library.index(folder)) == {"renamed": 1, "unchanged": 2}
    assert state(library) == rebuilt(folder, make_library)


def test_a_title_that_is_the_name_of_the_file_follows_it_and_one_in_the_text_stays(
    folder: Path, make_library: MakeLibrary
) -> None:
    write(folder / "old/lighthouse.txt", LIGHTHOUSE.text)
    library = make_library()
    library.index(folder)
    (folder / "old/lighthouse.txt").rename(folder / "beacon.txt")
    (folder / "harbour.md").rename(folder / "port.md")
    assert counts(library.index(folder)) == {"renamed": 2, "unchanged": 1}
    titles = {d.id: d.title for d in library.documents()}
    assert (titles["beacon.txt"], titles["port.md"]) == ("beacon", HARBOUR.title)
    assert library.search("beacon")[0].passage.document_id == "beacon.txt"


def test_two_files_that_change_places_are_not_embedded_again(folder: Path, make_library: MakeLibrary) -> None:
    library = make_library()
    library.index(folder)
    (folder / "bakery.txt").rename(folder / "tmp")
    (folder / "old/lighthouse.txt").rename(folder / "bakery.txt")
    (folder / "tmp").rename(folder / "old/lighthouse.txt")
    assert counts(library.index(folder)) == {"updated": 2, "unchanged": 1}
    assert state(library) == rebuilt(folder, make_library)


def test_a_renamed_folder_is_followed_without_embedding(folder: Path, make_library: MakeLibrary) -> None:
    library = make_library()
    library.index(folder)
    (folder / "old").rename(folder / "history")
    assert counts(library.index(folder)) == {"renamed": 1, "unchanged": 2}


def test_a_renamed_file_that_changed_too_is_a_new_one(folder: Path, make_library: MakeLibrary) -> None:
    library = make_library()
    library.index(folder)
    (folder / "bakery.txt").unlink()
    write(folder / "baker.txt", "磨坊街的面包店早上七点开门。")
    assert counts(library.index(folder)) == {"added": 1, "removed": 1, "unchanged": 2, "embedded": 1}


def test_of_a_renamed_file_and_a_copy_of_it_one_is_renamed_and_one_added(
    folder: Path, make_library: MakeLibrary
) -> None:
    library = make_library()
    library.index(folder)
    (folder / "bakery.txt").rename(folder / "a.txt")
    shutil.copy2(folder / "a.txt", folder / "b.txt")
    assert counts(library.index(folder)) == {"added": 1, "renamed": 1, "unchanged": 2, "copies": 1}


def test_a_text_that_comes_back_right_after_it_left_is_not_embedded_again(
    folder: Path, make_library: MakeLibrary
) -> None:
    library = make_library()
    library.index(folder)
    write(folder / "bakery.txt", "Another text altogether.", modified_ns=LONG_AGO_NS + 1)
    assert counts(library.index(folder)) == {"updated": 1, "unchanged": 2, "embedded": 1}
    write(folder / "bakery.txt", f"# {BAKERY.title}\n\n{BAKERY.text}", modified_ns=LONG_AGO_NS + 2)
    assert counts(library.index(folder)) == {"updated": 1, "unchanged": 2}


@pytest.mark.parametrize(
    ("title", "document_id", "is_name"),
    [
        ("lighthouse", "old/lighthouse.txt", True),
        ("café", "cafe\u0301.txt", True),
        ("two words", "two  words.md", True),
        ("The lighthouse", "old/lighthouse.txt", False),
        # A document given as text may be called by its title.
        ("lighthouse", "lighthouse", False),
        ("", ".txt", False),
    ],
)
def test_a_title_is_the_name_of_a_file_or_not(title: str, document_id: str, is_name: bool) -> None:
    assert is_file_name(title, document_id) is is_name


# -- copies -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def copies(folder: Path) -> Path:
    for name in ("z.txt", "old/a.txt", "old/b.txt"):
        shutil.copy2(folder / "old/lighthouse.txt", folder / name)
    return folder


def test_copies_are_embedded_once_kept_and_shown_as_such(copies: Path, make_library: MakeLibrary) -> None:
    library = make_library()
    report = library.index(copies)
    assert counts(report) == {"added": 6, "embedded": report.passages - 3, "copies": 3}
    same = {d.id: d.same_text_as for d in library.documents()}
    assert same == {
        "bakery.txt": None, "harbour.md": None, "old/a.txt": None,
        "old/b.txt": "old/a.txt", "old/lighthouse.txt": "old/a.txt", "z.txt": "old/a.txt",
    }  # fmt: skip


def test_of_copies_one_is_found_and_cited_and_the_others_are_named(copies: Path, make_library: MakeLibrary) -> None:
    library = make_library()
    library.index(copies)
    hits = library.search(QUESTION)
    assert len(hits) == 3
    (cited,) = library.ask(QUESTION, threshold=0.0).citations[:1]
    every = {"old/a.txt", "old/b.txt", "old/lighthouse.txt", "z.txt"}
    for found in (hits[0], cited):
        own = found.document_id if isinstance(found, Citation) else found.passage.document_id
        assert {own, *found.also_in} == every
    only = library.search(QUESTION, filters={"document_id": "z.txt"})
    assert [(h.passage.document_id, h.also_in) for h in only] == [("z.txt", ())]


def test_copies_that_leave_and_come_equal_a_rebuild(copies: Path, make_library: MakeLibrary) -> None:
    library = make_library()
    library.index(copies)
    (copies / "old/a.txt").unlink()
    library.index(copies)
    shutil.copy2(copies / "z.txt", copies / "a.txt")
    assert counts(library.index(copies)) == {"added": 1, "unchanged": 5, "copies": 3}
    assert state(library) == rebuilt(copies, make_library)


def test_the_same_words_in_texts_that_differ_are_no_copies(make_library: MakeLibrary) -> None:
    line = "It was built in 1874 by Ada Lindqvist."
    library = make_library(
        Document(id="a", title="The lighthouse", text=f"{line}\n\n# Later\n\nIt was painted red."),
        Document(id="b", title="The chapel", text=f"{line}\n\n# Later\n\nIt was sold."),
        passage_tokens=16,
    )
    first = [h for h in library.search("Who built it in 1874?") if h.passage.text == line]
    assert sorted(h.passage.document_id for h in first) == ["a", "b"]
    assert [h.also_in for h in first] == [(), ()]


def test_the_command_line_names_copies(copies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library = ["--library", str(tmp_path / "library")]
    assert main([*library, "index", str(copies)]) == 0
    assert "3 of them with the same text as another one" in capsys.readouterr().out
    main([*library, "list"])
    assert "z.txt\t-\t1 passages\tThe lighthouse\tsame text as old/a.txt\n" in capsys.readouterr().out
    main([*library, "ask", QUESTION, "--threshold", "0"])
    out = capsys.readouterr().out
    assert "(same text in " in out
    assert out.count("[1] ") == 1


def test_copies_and_staleness_survive_json_and_older_json_is_read() -> None:
    citation = Citation(1, "a", "A", 0, 4, "Text", None, None, 0.5, also_in=("b", "c"), stale="gone")
    answer = Answer("q", "Text", citations=(citation,))
    assert Answer.from_json(answer.to_json()) == answer
    older = answer.to_dict()
    for name in ("also_in", "stale"):
        del older["citations"][0][name]
    assert Answer.from_dict(older).citations == (replace(citation, also_in=(), stale=None),)
