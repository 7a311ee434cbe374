"""What a run that is killed between two writes to Milvus leaves behind, and that the next run makes good."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from eval.faulty import WordEncoder
from rag import Document, Library, Settings
from rag.address import MilvusAddress
from rag.errors import LibraryDamaged
from rag.milvus.client import Milvus, Row

pytest.importorskip("pymilvus", reason="needs the extra milvus")
pytest.importorskip("milvus_lite", reason="needs the extra milvus")
CHEESE = Document(id="cheese", title="Cheese", text="Cheese is made of milk. The dairy sells harbour butter.")
PILOTS = Document(id="pilots", title="Pilots", text="The harbour employs twelve pilots. They board ships.")
APPLES = Document(id="apples", title="Apples", text="Apples grow on trees near the harbour.")


class Killed(BaseException):
    """Ends a run wherever it is."""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    monkeypatch.setenv("RAG_STATE", str(tmp_path / "state"))
    monkeypatch.setattr("embeddings.encoder.load_encoder", lambda *_, **__: WordEncoder())
    place = MilvusAddress(str(tmp_path / "all.db"), "town")
    with Library.open(str(place), settings=Settings(indexing_threads=1)) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "docs"
    made.mkdir()
    for name in ("a", "b"):
        (made / f"{name}.txt").write_text(f"The harbour {name} employs twelve pilots. They board ships.")
    return made


def die(*_: Any, **__: Any) -> None:
    raise Killed


def killed_at(method: str, wanted: str, run: Callable[[], Any]) -> None:
    """Kill a run where it writes to, or deletes from, a collection."""
    real = getattr(Milvus, method)

    def call(self: Milvus, kind: str, what: str | Iterable[Row]) -> None:
        rows = what if isinstance(what, str) else list(what)
        if kind == wanted and rows:
            raise Killed
        real(self, kind, rows)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Milvus, method, call)
        with pytest.raises(Killed):
            run()


def found(library: Library) -> list[str]:
    return sorted({hit.passage.document_id for hit in library.search("harbour", 9)})


def ids(library: Library) -> list[str]:
    return [summary.id for summary in library.documents()]


@pytest.mark.parametrize("where", ["contents", "texts", "documents"])
def test_documents_that_were_half_deleted_are_made_anew(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    library.add([APPLES])
    with monkeypatch.context() as patch:
        patch.setattr(library._engine, "publish", die)
        with pytest.raises(Killed):
            library.index(folder)
    killed_at("delete", where, lambda: library.add([CHEESE]))
    library.index(folder)
    assert ids(library) == found(library) == ["a.txt", "b.txt"]


@pytest.mark.parametrize(("kind", "those"), [("passages", "added > 1"), ("contents", f"key >= {2 << 20}")])
def test_a_commit_whose_passages_are_lost_is_refused_once_and_indexing_again_mends_it(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str, those: str
) -> None:
    library.add([APPLES])
    real = Milvus.settle

    def lost(self: Milvus, kinds: Iterable[str]) -> None:
        self.delete(kind, those)
        real(self, kinds)

    with monkeypatch.context() as patch:
        patch.setattr(Milvus, "settle", lost)
        with pytest.raises(LibraryDamaged, match="index again"):
            library.index(folder)
    assert ids(library) == ["apples"]
    library.index(folder)
    assert ids(library) == found(library) == ["a.txt", "b.txt"]


@pytest.mark.parametrize("where", ["documents", "passages"])
def test_a_removal_that_was_cut_short_is_taken_back_whole(library: Library, where: str) -> None:
    library.add([CHEESE, PILOTS])
    killed_at("put", where, lambda: library.remove(["pilots"]))
    assert found(library) == ["cheese", "pilots"]
    library.add([APPLES])
    assert ids(library) == found(library) == ["apples", "cheese", "pilots"]


@pytest.mark.parametrize("where", ["documents", "passages"])
def test_a_removal_by_indexing_that_was_cut_short_is_made_anew(library: Library, folder: Path, where: str) -> None:
    library.index(folder)
    (folder / "a.txt").unlink()
    killed_at("put", where, lambda: library.index(folder))
    (folder / "c.txt").write_text("Apples grow on trees near the harbour.")
    library.index(folder)
    assert ids(library) == found(library) == ["b.txt", "c.txt"]


@pytest.mark.parametrize("where", ["documents", "passages"])
def test_documents_whose_removal_was_half_taken_back_are_found_or_gone_as_a_whole(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    library.index(folder)
    with monkeypatch.context() as patch:
        patch.setattr(library._engine, "publish", die)
        with pytest.raises(Killed):
            library.remove(["a.txt"])
    killed_at("put", where, lambda: library.add([CHEESE]))
    (folder / "a.txt").unlink()
    library.index(folder)
    assert ids(library) == found(library) == ["b.txt"]
