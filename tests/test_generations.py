"""A generation is switched to whole or not at all, and no changed byte of it goes unseen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import BAKERY, HARBOUR

from rag.errors import LibraryDamaged
from rag.generations import FORMAT_VERSION, Current, Generation, open_generation, publish, read_current
from rag.schema import Document, Passage
from rag.store import Origin, PassageVectors, Store

BUILD = {"encoder": "a/b", "dim": 2}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with one document at revision 1, and another at revision 2."""
    opened = Store(tmp_path / "library.sqlite3")
    for revision, document in enumerate((HARBOUR, BAKERY), start=1):
        put(opened, document, revision=revision)
    yield opened
    opened.close()


def put(store: Store, document: Document, *, revision: int) -> None:
    vectors = PassageVectors(np.array([0.6, 0.8], np.float32), b"", np.array([0], np.int64))
    with store.transaction():
        key = store.add_document(document, revision=revision)
        store.add_passage(key, Passage(document.id, 0, len(document.text), document.text), vectors)
        store.seal(key, Origin("digest"))


def make(root: Path, store: Store, revision: int) -> Generation:
    return publish(root, store, revision=revision, build=BUILD)


def current(root: Path) -> Current:
    found = read_current(root)
    assert found is not None
    return found


def test_nothing_is_current_before_anything_is_published(tmp_path: Path) -> None:
    assert read_current(tmp_path) is None


def test_a_published_generation_shows_its_revision(tmp_path: Path, store: Store) -> None:
    first, second = make(tmp_path, store, 1), make(tmp_path, store, 2)
    assert (len(first.vectors), len(first.lexical), first.manifest.languages) == (1, 1, ("en",))
    assert (len(second.vectors), len(second.lexical), second.manifest.languages) == (2, 2, ("en", "zh"))
    assert (second.manifest.documents, second.manifest.passages, second.manifest.build) == (2, 2, BUILD)
    assert current(tmp_path).revision == 2
    assert open_generation(tmp_path, current(tmp_path)).manifest == second.manifest
    assert first.lexical.search([("pilot",)], 5)


def test_the_manifest_names_every_file_but_itself_and_locks(tmp_path: Path, store: Store) -> None:
    make(tmp_path, store, 1)
    folder = tmp_path / "generations" / "00000001"
    manifest = json.loads((folder / "manifest.json").read_text())
    names = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p.suffix != ".lock"}
    assert set(manifest["files"]) == names - {"manifest.json"}
    assert manifest["format_version"] == FORMAT_VERSION


def test_any_flipped_bit_of_any_file_is_seen(tmp_path: Path, store: Store) -> None:
    make(tmp_path, store, 2)
    named = current(tmp_path)
    folder = tmp_path / "generations" / "00000002"
    files = [folder / "manifest.json", *(folder / name for name in open_generation(tmp_path, named).manifest.files)]
    random = np.random.default_rng(0)
    for path in files:
        sound = path.read_bytes()
        for _ in range(10):
            damaged = bytearray(sound)
            damaged[random.integers(len(sound))] ^= 1 << int(random.integers(8))
            path.write_bytes(damaged)
            with pytest.raises(LibraryDamaged, match=path.name):
                open_generation(tmp_path, named)
        path.write_bytes(sound)
    open_generation(tmp_path, named)


def test_a_file_of_another_library_under_the_same_name_is_seen(tmp_path: Path, store: Store) -> None:
    make(tmp_path, store, 1)
    manifest = (tmp_path / "generations" / "00000001" / "manifest.json").read_bytes()
    make(tmp_path, store, 2)
    (tmp_path / "generations" / "00000002" / "manifest.json").write_bytes(manifest)
    with pytest.raises(LibraryDamaged, match=r"manifest\.json"):
        open_generation(tmp_path, current(tmp_path))


@pytest.mark.parametrize("content", [b"", b"2", b"two x", b"\xff\xff", b"1 2 3"])
def test_a_file_that_names_no_generation_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "CURRENT").write_bytes(content)
    with pytest.raises(LibraryDamaged, match="CURRENT"):
        read_current(tmp_path)


def test_a_generation_that_is_gone_is_named(tmp_path: Path, store: Store) -> None:
    make(tmp_path, store, 1)
    with pytest.raises(LibraryDamaged, match=r"CURRENT names generation 00000007"):
        open_generation(tmp_path, Current(7, current(tmp_path).manifest_sha256))


def test_a_publication_that_fails_leaves_the_one_before(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, store, 1)
    before = current(tmp_path)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("rag.generations._replace", fail)
        with pytest.raises(OSError, match="No space"):
            make(tmp_path, store, 2)
    assert current(tmp_path) == before
    open_generation(tmp_path, before)
    assert make(tmp_path, store, 2).manifest.documents == 2


def test_the_generation_before_the_current_one_is_kept_and_older_ones_go(tmp_path: Path, store: Store) -> None:
    for revision in (1, 2, 3):
        make(tmp_path, store, revision)
    assert sorted(p.name for p in (tmp_path / "generations").iterdir()) == ["00000002", "00000003"]


def test_an_open_generation_can_be_asked_after_its_files_are_gone(tmp_path: Path, store: Store) -> None:
    first = make(tmp_path, store, 1)
    for revision in (2, 3):
        make(tmp_path, store, revision)
    assert not (tmp_path / "generations" / "00000001").exists()
    assert list(first.lexical.search([("pilot",)], 5))
    assert first.vectors.search(np.array([[0.6, 0.8]], np.float32), 5)[0].tolist() == [[1]]


def test_publishing_a_revision_anew_replaces_its_files(tmp_path: Path, store: Store) -> None:
    make(tmp_path, store, 2)
    (tmp_path / "generations" / "00000002" / "vectors.faiss").write_bytes(b"damaged")
    make(tmp_path, store, 2)
    assert len(open_generation(tmp_path, current(tmp_path)).vectors) == 2


def test_a_revision_without_documents_can_be_published(tmp_path: Path, store: Store) -> None:
    with store.transaction():
        store.remove_documents(["harbour.md", "bakery.md"], revision=3)
    empty = make(tmp_path, store, 3)
    assert (len(empty.vectors), len(empty.lexical), empty.vectors.dim) == (0, 0, 2)


def test_a_generation_of_an_earlier_format_is_refused(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.generations.FORMAT_VERSION", FORMAT_VERSION - 1)
    make(tmp_path, store, 1)
    monkeypatch.undo()
    with pytest.raises(LibraryDamaged, match=f"format {FORMAT_VERSION - 1}, not {FORMAT_VERSION}"):
        open_generation(tmp_path, current(tmp_path))
