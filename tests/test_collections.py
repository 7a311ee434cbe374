"""Libraries side by side: named, made, opened once, removed, and nothing else of the folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rag import Document, Library
from rag.errors import CollectionError, CollectionNotFound, LibraryError
from rag.web.collections import Collections

TEXT = "The harbour of Norrwick employs 41 pilots, who are trained at sea for three years."


@pytest.fixture
def collections(tmp_path: Path) -> Iterator[Collections]:
    with Library.open(tmp_path / "first") as first, Collections(first, root=tmp_path / "more") as found:
        yield found


def test_a_library_that_was_made_is_found_by_its_name_and_again_by_another_service(collections: Collections) -> None:
    made = collections.create("work")
    made.add([Document(id="a", text=TEXT)])
    assert collections.names() == ["default", "work"]
    assert collections.library("work") is made
    with Collections(collections.first, root=collections.root) as other:
        assert [d.id for d in other.library("work").documents()] == ["a"]


def test_the_first_library_needs_no_name(collections: Collections) -> None:
    assert collections.library() is collections.library("default") is collections.first


@pytest.mark.parametrize("name", ["", "../out", "a/b", "Work", "-x", "a" * 65, "a b", ".hidden", "a\n"])
def test_a_name_that_could_be_a_path_makes_nothing(collections: Collections, name: str) -> None:
    with pytest.raises(CollectionError, match="no name for a library"):
        collections.create(name)
    with pytest.raises(CollectionNotFound):
        collections.library(name)


def test_a_name_is_not_taken_twice(collections: Collections) -> None:
    collections.create("work")
    for name in ("work", "default"):
        with pytest.raises(CollectionError, match="already"):
            collections.create(name)


def test_a_removed_library_is_gone_from_the_disk_and_its_name_is_free(collections: Collections) -> None:
    collections.create("work").add([Document(id="a", text=TEXT)])
    collections.delete("work")
    assert collections.root is not None
    assert not list(collections.root.iterdir())
    with pytest.raises(LibraryError, match="holds no documents"):
        collections.create("work").documents()


def test_the_first_library_cannot_be_removed(collections: Collections) -> None:
    with pytest.raises(CollectionError, match="it stays"):
        collections.delete("default")


def test_what_is_no_library_is_not_served(collections: Collections) -> None:
    assert collections.root is not None
    (collections.root / "notes").mkdir(parents=True)
    (collections.root / "notes" / "a.txt").write_text(TEXT)
    assert collections.names() == ["default"]
    with pytest.raises(CollectionError, match="already"):
        collections.create("notes")


def test_without_a_folder_there_is_one_library(tmp_path: Path) -> None:
    with Library.open(tmp_path / "first") as first, Collections(first) as alone:
        assert alone.names() == ["default"]
        with pytest.raises(CollectionError, match="--collections FOLDER"):
            alone.create("work")
