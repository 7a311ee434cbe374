"""A removal that is undone: the documents are as they were, and nothing is read or embedded for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag import Library
from rag.errors import LibraryChanged, LibraryDamaged
from rag.folder.store import Store
from tests.conftest import HARBOUR, LIGHTHOUSE, MakeLibrary

QUESTION = "Who built the lighthouse of Norrwick?"


def held(library: Library) -> object:
    documents = [library.document(s.id) for s in library.documents()]
    return documents, list(library.passages()), library.origins(d.id for d in documents)


def test_documents_that_are_put_back_are_what_they_were_and_are_not_embedded_again(make_library: MakeLibrary) -> None:
    library = make_library(HARBOUR, LIGHTHOUSE)
    before, answer = held(library), library.ask(QUESTION)
    kept = library.take([LIGHTHOUSE.id, HARBOUR.id, "never-there.md"])
    assert library.remove([LIGHTHOUSE.id]) == 1
    assert "Lindqvist" not in library.ask(QUESTION).text
    report = library.put_back(kept)
    assert (report.added, report.embedded, report.documents) == (1, 0, 2)
    assert held(library) == before
    again = library.ask(QUESTION)
    assert (again.text, again.citations, again.confidence) == (answer.text, answer.citations, answer.confidence)


def test_others_may_write_between_a_removal_and_its_undoing(make_library: MakeLibrary) -> None:
    library = make_library(HARBOUR, LIGHTHOUSE)
    kept = library.take([LIGHTHOUSE.id])
    library.remove([LIGHTHOUSE.id])
    for number in range(3):
        library.add([HARBOUR.__class__(id=f"new-{number}", title="New", text=f"New text number {number}.")])
    assert library.put_back(kept).embedded == 0
    assert "Lindqvist" in library.ask(QUESTION).text
    library.verify()


def test_what_came_in_its_place_meanwhile_stays(make_library: MakeLibrary) -> None:
    library = make_library(HARBOUR, LIGHTHOUSE)
    kept = library.take([LIGHTHOUSE.id])
    library.remove([LIGHTHOUSE.id])
    library.add([HARBOUR.__class__(id=LIGHTHOUSE.id, title="Other", text="Another text altogether.")])
    assert library.put_back(kept).added == 0
    assert library.document(LIGHTHOUSE.id).title == "Other"


def test_a_file_that_is_put_back_counts_as_unchanged_when_it_is_indexed_again(
    make_library: MakeLibrary, tmp_path: Path
) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("# Ropes\n\nThe ropes of Norrwick are twisted from hemp.")
    (folder / "b.md").write_text("# Boats\n\nThe boats of Norrwick are built of oak.")
    library = make_library()
    library.index(folder)
    kept = library.take(["a.md"])
    library.remove(["a.md"])
    library.put_back(kept)
    report = library.index(folder)
    assert (report.unchanged, report.embedded, report.added) == (2, 0, 0)


def test_folders_that_were_indexed_are_remembered_once(make_library: MakeLibrary, tmp_path: Path) -> None:
    library = make_library(HARBOUR)
    assert library.folders() == []
    library.note_folders([tmp_path / "b", tmp_path / "a"])
    library.note_folders([tmp_path / "a"])
    assert library.folders() == [tmp_path / "b", tmp_path / "a"]
    with Library.open(library.path, create=False) as other:
        assert other.folders() == library.folders()
        assert other.ask(QUESTION).abstained


def test_a_document_that_leaves_while_it_is_taken_is_not_taken_in_part(
    make_library: MakeLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    library, kept = make_library(HARBOUR, LIGHTHOUSE), Store.kept

    def late(store: Store, keys: list[int]) -> object:
        # Two commits of another process.
        with Library.open(library.path, create=False) as other:
            other.remove([LIGHTHOUSE.id])
            other.add([HARBOUR.__class__(id="new.md", title="New", text="Something new.")])
        return kept(store, keys)

    monkeypatch.setattr(Store, "kept", late)
    with pytest.raises(LibraryChanged):
        library.take([LIGHTHOUSE.id])


def test_a_document_without_its_vectors_is_damaged(make_library: MakeLibrary) -> None:
    library = make_library(HARBOUR, LIGHTHOUSE)
    with library._store.transaction():
        library._store._db.execute("DELETE FROM vectors")
    with pytest.raises(LibraryDamaged, match="some are missing"):
        library.take([LIGHTHOUSE.id])
