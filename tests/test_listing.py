"""The list of documents: searched, filtered, sorted and paged; removals that are undone; folders that are read."""

from __future__ import annotations

import os
import threading
from io import BytesIO
from pathlib import Path

import pytest

from rag import Document, Library, Settings
from rag.errors import SourceError
from rag.web import removals
from rag.web.documents_html import document_html, list_html, reading_html
from rag.web.documents_words import WORDS
from rag.web.folder_reading import FolderReading, FolderReadings, permitted, read_folder
from rag.web.listing import PAGE_ROWS, Row, View, find_row, list_documents
from rag.web.quality_words import WORDS as QUALITY_WORDS
from rag.web.removals import Removals, TooManyToKeep
from rag.web.uploads import add_uploads
from tests.conftest import HARBOUR, LIGHTHOUSE, TOWN, MakeLibrary

MANY = [Document(id=f"d/{n:03}.md", title=f"Title {n:03}", text=f"Number {n}.", language="en") for n in range(120)]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Library:
    with Library.open(tmp_path_factory.mktemp("many") / "library") as library:
        library.add(MANY)
        yield library


def ids(library: Library, **view: object) -> list[str]:
    return [row.id for row in list_documents(library, View().changed(view) if view else View()).rows]


def test_a_list_is_sent_a_page_at_a_time_and_holds_every_document_once(many: Library) -> None:
    pages = [list_documents(many, View().changed({"page": n})) for n in range(3)]
    shown = [row.id for page in pages for row in page.rows]
    assert shown == [document.id for document in MANY]
    assert [(page.first, len(page.rows)) for page in pages] == [(1, PAGE_ROWS), (51, PAGE_ROWS), (101, 20)]
    assert {(page.total, page.pages, page.documents) for page in pages} == {(120, 3, 120)}
    assert list_documents(many, View().changed({"page": 99})).page == 2
    assert max(len(list_html(page, View(), WORDS["en"], write=True)) for page in pages) < 60_000


def test_a_search_a_filter_and_an_order_are_kept_while_pages_are_turned(many: Library) -> None:
    view = View().changed({"query": "TITLE 1"}).changed({"sort": "title"})
    assert [row.title for row in list_documents(many, view).rows] == [f"Title {n}" for n in range(119, 99, -1)]
    assert list_documents(many, view.changed({"language": "zh"})).total == 0
    assert view.changed({"page": 0}).query == "TITLE 1"


@pytest.mark.parametrize(
    "wish",
    [
        {"page": "-3"},
        {"page": "x"},
        {"page": None},
        {"sort": "id; DROP"},
        {"query": 7},
        {"status": ["x"]},
        {"page": 10**30},
    ],
)
def test_what_no_page_of_ours_asks_for_still_gives_a_list(many: Library, wish: dict[str, object]) -> None:
    assert list_documents(many, View().changed(wish)).documents == 120


def test_the_status_says_what_became_of_a_source(make_library: MakeLibrary, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    for name in ("same", "twin", "changed", "gone"):
        (folder / f"{name}.txt").write_text("Twins are alike." if name == "twin" else f"This is {name}.")
    (folder / "twin-2.txt").write_text("Twins are alike.")
    library = make_library()
    library.index(folder)
    (folder / "changed.txt").write_text("Changed since.")
    (folder / "gone.txt").unlink()
    found = {row.id: row.status for row in list_documents(library, View()).rows}
    assert found == {
        "same.txt": "indexed",
        "twin-2.txt": "indexed",
        "twin.txt": "copies",
        "changed.txt": "changed",
        "gone.txt": "gone",
    }
    for status in ("changed", "gone"):
        assert ids(library, status=status) == [f"{status}.txt"]
    assert len(ids(library, status="copies")) == 1
    assert "twin" in list_html(list_documents(library, View()), View(), WORDS["en"], write=False)


def test_an_empty_library_has_an_empty_list(make_library: MakeLibrary) -> None:
    library = make_library()
    assert list_documents(library, View()).rows == []
    assert find_row(library, "x") is None


def test_a_long_document_is_shown_in_parts_that_hold_all_of_it() -> None:
    document = Document(
        id="long.txt", title="Long", text="".join(f"Line {n} of the log. " for n in range(3_000)).strip()
    )
    row = Row("long.txt", "Long", "", "en", 30, "indexed")
    parts = [document_html(document, row, offset, WORDS["en"]) for offset in range(0, len(document.text), 20_000)]
    shown = "".join(part.partition('class="lg-text"')[2].partition(">")[2].partition("</div>")[0] for part in parts)
    assert shown == document.text
    assert document_html(document, row, 10**12, WORDS["en"]) == parts[-1]


@pytest.mark.parametrize("words", [WORDS, QUALITY_WORDS])
def test_both_languages_say_all_there_is_to_say(words: dict[str, dict[str, str]]) -> None:
    import string

    assert words["en"].keys() == words["zh"].keys()
    for key, said in words["en"].items():
        fields = [{name for _, name, _, _ in string.Formatter().parse(one) if name} for one in (said, words["zh"][key])]
        assert fields[0] == fields[1], key


# --- removals


def test_more_than_can_be_restored_is_deleted_only_for_good(
    make_library: MakeLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = make_library(*TOWN)
    monkeypatch.setattr(removals, "MOST_PASSAGES", 1)
    kept = Removals()
    with pytest.raises(TooManyToKeep, match="more than can be restored"):
        kept.remove(library, [document.id for document in TOWN])
    assert len(library.documents()) == 3
    assert kept.remove(library, [HARBOUR.id, LIGHTHOUSE.id], for_good=True).token == ""
    assert len(library.documents()) == 1


def test_only_the_last_removals_can_be_undone_and_each_once(
    make_library: MakeLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    library, other = make_library(*TOWN), make_library(HARBOUR, name="other")
    monkeypatch.setattr(removals, "MOST_PASSAGES", 2)
    kept = Removals()
    first = kept.remove(library, [HARBOUR.id])
    second = kept.remove(library, [LIGHTHOUSE.id])
    assert kept.undo(other, second.token) == 0
    assert kept.undo(library, second.token) == 1
    assert kept.undo(library, second.token) == 0
    assert kept.undo(library, "guessed") == 0
    assert kept.undo(library, first.token) in (0, 1)


def test_files_of_removals_that_nothing_can_undo_are_deleted(make_library: MakeLibrary) -> None:
    library = make_library(HARBOUR)
    add_uploads(library, [("a.md", BytesIO(b"# A\n\nThe first.")), ("b.md", BytesIO(b"# B\n\nThe second."))])
    uploads, kept = library.path / "uploads", Removals()
    removal = kept.remove(library, ["uploads/a.md"])
    kept.tidy(library)
    assert kept.undo(library, removal.token) == 1
    assert sorted(p.name for p in uploads.iterdir()) == ["a.md", "b.md"]
    kept.remove(library, ["uploads/a.md"])
    Removals().tidy(library)
    assert sorted(p.name for p in uploads.iterdir()) == ["b.md"]
    kept.remove(library, ["uploads/b.md"])
    kept.close()
    assert list(uploads.iterdir()) == []


# --- folders


def reports(folder: Path) -> Path:
    (folder / "reports" / "deep").mkdir(parents=True)
    (folder / "reports" / "a.md").write_text("# A\n\nThe first of them.")
    (folder / "reports" / "deep" / "b.md").write_text("# B\n\nThe second of them.")
    return folder / "reports"


def test_reading_a_folder_leaves_documents_from_elsewhere_alone(make_library: MakeLibrary, tmp_path: Path) -> None:
    folder = reports(tmp_path)
    library = make_library(HARBOUR, Document(id="a.md", title="Mine", text="It has the id of a file there."))
    assert read_folder(library, folder, lambda *_: None).counts["added"] == 2
    assert {s.id for s in library.documents()} == {HARBOUR.id, "a.md", "reports/a.md", "deep/b.md"}
    (folder / "deep" / "b.md").unlink()
    again = read_folder(library, folder, lambda *_: None).counts
    assert again == {"added": 0, "updated": 0, "unchanged": 1, "removed": 1, "failed": 0}
    assert library.document("a.md").title == "Mine"


def test_a_folder_indexed_through_a_link_is_the_folder_it_is(make_library: MakeLibrary, tmp_path: Path) -> None:
    folder = reports(tmp_path)
    os.symlink(folder, tmp_path / "link")
    library = make_library()
    library.index(tmp_path / "link")
    (folder / "a.md").unlink()
    counts = read_folder(library, folder, lambda *_: None).counts
    assert (counts["removed"], counts["added"], counts["unchanged"]) == (1, 0, 1)


def test_an_emptied_folder_is_taken_for_a_mistake(make_library: MakeLibrary, tmp_path: Path) -> None:
    folder = reports(tmp_path)
    library = make_library()
    library.index(folder)
    for file in folder.rglob("*.md"):
        file.unlink()
    with pytest.raises(SourceError, match="nothing to index"):
        read_folder(library, folder, lambda *_: None)
    assert len(library.documents()) == 2


def test_only_folders_that_were_named_or_indexed_may_be_read(tmp_path: Path) -> None:
    folder = reports(tmp_path)
    (tmp_path / "private").mkdir()
    os.symlink(tmp_path / "private", folder / "way-out")
    settings = Settings(sync_folders=os.pathsep.join([str(folder), "  "]))
    with Library.open(folder / "library", settings=settings) as library:
        assert permitted(library, str(folder)) == permitted(library, f"{folder}/deep/..") == folder
        assert permitted(library, str(folder / "deep")) == folder / "deep"
        refused = {
            str(tmp_path), str(tmp_path / "private"), f"{folder}/..", f"{folder}/way-out", f"{folder}/none", "",
            f"{folder}-2", "reports", "~", "a\0b", str(folder / "a.md"), str(folder / "library"),
            str(folder / "library" / "generations"), "/", "x" * 5_000,
        }  # fmt: skip
        said = set()
        for asked in refused:
            with pytest.raises(SourceError) as caught:
                permitted(library, asked)
            said.add(str(caught.value))
        assert len(said) == 1
        library.note_folders([tmp_path / "private"])
        assert permitted(library, str(tmp_path / "private")) == tmp_path / "private"


def test_a_reading_that_is_stopped_leaves_the_library_as_it_was(make_library: MakeLibrary, tmp_path: Path) -> None:
    library = make_library(HARBOUR)
    reading = FolderReading("default", reports(tmp_path))
    reading.cancelled.set()
    readings = FolderReadings()
    started = threading.Event()

    class Slow:
        settings = library.settings
        documents, origins = library.documents, library.origins

        def add_sources(self, *given: object, progress: object, **options: object) -> object:
            started.set()
            begun.cancelled.wait(10)
            return library.add_sources(*given, progress=progress, **options)

    begun = readings.start(Slow(), "default", reading.folder)
    assert readings.start(Slow(), "default", reading.folder) is begun
    assert started.wait(10)
    assert "Stop" in reading_html(begun, WORDS["en"])
    begun.cancelled.set()
    for _ in range(200):
        if begun.state != "running":
            break
        threading.Event().wait(0.05)
    assert begun.state == "cancelled"
    assert [s.id for s in library.documents()] == [HARBOUR.id]
    assert "Stopped" in reading_html(begun, WORDS["en"])


def test_numbers_of_pages_are_those_of_the_passages(make_library: MakeLibrary) -> None:
    paged = Document(id="p.pdf", title="P", text="First page.\n\nSecond page.", page_starts=(0, 13))
    library = make_library(paged, HARBOUR)
    assert {row.id: row.pages for row in list_documents(library, View()).rows} == {"p.pdf": 2, HARBOUR.id: 0}
