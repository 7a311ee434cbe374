"""A generation is switched to whole or not at all, and no changed byte of it goes unseen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import BAKERY, HARBOUR

import rag.folder.manifest
from embeddings.index import VectorIndex
from rag.errors import LibraryDamaged
from rag.folder.generations import Generation, _warn, open_generation, publish
from rag.folder.manifest import FORMAT_VERSION, Current, Manifest, Segment, read_current
from rag.folder.store import Store
from rag.schema import Document, Passage
from rag.stored import Origin, PassageVectors

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


@pytest.mark.parametrize("content", [b"", b"2", b"two x", b"\xff\xff", b"1 2 3", b"1 " + b"a" * 64])
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
        patch.setattr("rag.folder.manifest.replace_file", fail)
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
    (tmp_path / "generations" / "00000002" / "vectors-00000002.faiss").write_bytes(b"damaged")
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
    monkeypatch.setattr("rag.folder.derived.FORMAT_VERSION", FORMAT_VERSION - 1)
    monkeypatch.setattr("rag.folder.manifest.FORMAT_VERSION", FORMAT_VERSION - 1)
    make(tmp_path, store, 1)
    monkeypatch.undo()
    with pytest.raises(LibraryDamaged, match=f"format {FORMAT_VERSION - 1}, not {FORMAT_VERSION}"):
        open_generation(tmp_path, current(tmp_path))


def many(store: Store, count: int, *, revision: int) -> None:
    """Add documents of one passage each, named and worded by their number."""
    for number in range(count):
        put(
            store, Document(id=f"{revision}-{number}", text=f"The {revision} barrel number{number}."), revision=revision
        )


def leave(store: Store, ids: list[str], *, revision: int) -> None:
    with store.transaction():
        store.remove_documents(ids, revision=revision)


def grown(root: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> Store:
    """Return a store with one published revision, large enough that what leaves it stays in its indexes."""
    monkeypatch.setattr("rag.folder.derived.WHOLE_UP_TO", 10)
    store = Store(root / "library.sqlite3")
    many(store, count, revision=1)
    make(root, store, 1)
    return store


def inodes(root: Path, revision: int) -> dict[str, int]:
    folder = root / "generations" / f"{revision:08d}"
    return {p.relative_to(folder).as_posix(): p.stat().st_ino for p in folder.rglob("*") if p.is_file()}


def test_a_commit_writes_what_is_new_and_links_to_what_is_not(tmp_path: Path) -> None:
    store = Store(tmp_path / "library.sqlite3")
    many(store, 50, revision=1)
    make(tmp_path, store, 1)
    many(store, 2, revision=2)
    second = make(tmp_path, store, 2)
    assert [(s.file, s.vectors) for s in second.manifest.segments] == [
        ("vectors-00000001.faiss", 50),
        ("vectors-00000002.faiss", 2),
    ]
    before, after = inodes(tmp_path, 1), inodes(tmp_path, 2)
    shared = {name for name in before if after.get(name) == before[name]}
    assert "vectors-00000001.faiss" in shared
    # tantivy's heads are the only files of the lexical index that are written again.
    assert {n for n in before if n.startswith("lexical/") and "lock" not in n} - shared <= {
        "lexical/meta.json",
        "lexical/.managed.json",
    }
    assert (len(second.vectors), len(second.lexical), second.manifest.documents) == (52, 52, 52)
    # The generation before is what it was.
    assert len(open_generation(tmp_path, Current(1, second_manifest(tmp_path, 1))).lexical) == 50
    store.close()


def second_manifest(root: Path, revision: int) -> str:
    manifest = root / "generations" / f"{revision:08d}" / "manifest.json"
    return hashlib.sha256(manifest.read_bytes()).hexdigest()


def test_small_segments_are_merged_and_large_ones_left(tmp_path: Path) -> None:
    store = Store(tmp_path / "library.sqlite3")
    sizes = []
    for revision, count in enumerate((100, 3, 3, 20, 40), start=1):
        many(store, count, revision=revision)
        sizes.append([s.vectors for s in make(tmp_path, store, revision).manifest.segments])
    assert sizes == [[100], [100, 3], [100, 6], [126], [166]]
    store.close()


def test_a_generation_made_of_changes_equals_one_built_anew(tmp_path: Path) -> None:
    store = Store(tmp_path / "library.sqlite3")
    many(store, 60, revision=1)
    make(tmp_path, store, 1)
    many(store, 3, revision=2)
    leave(store, ["1-7", "1-8"], revision=2)
    make(tmp_path, store, 2)
    many(store, 1, revision=3)
    changed = make(tmp_path, store, 3)
    anew = publish(tmp_path, store, revision=3, build=BUILD, whole=True)
    assert len(changed.manifest.segments) > len(anew.manifest.segments) == 1
    query = np.array([[0.6, 0.8]], np.float32)
    for k in (1, 10, 200):
        for one, other in zip(changed.vectors.search(query, k), anew.vectors.search(query, k), strict=True):
            np.testing.assert_array_equal(one, other)
    for term in ("barrel", "number7", "number2", "number59"):
        assert changed.lexical.search([(term,)], 10) == pytest.approx(anew.lexical.search([(term,)], 10))
        assert changed.lexical.rarity(term) == anew.lexical.rarity(term)
    store.close()


def test_what_has_left_a_large_library_is_not_found_and_no_word_of_it_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = grown(tmp_path, monkeypatch, 60)
    leave(store, ["1-7"], revision=2)
    gone = make(tmp_path, store, 2)
    assert gone.manifest.left == 1
    assert (len(gone.vectors), len(gone.lexical)) == (59, 59)
    assert 8 not in gone.vectors.search(np.array([[0.6, 0.8]], np.float32), 60)[0]
    assert not gone.lexical.holds("number7")
    assert gone.lexical.search([("number7",)], 5) == {}
    assert gone.lexical.rarity("number7") > 0
    # When a fifth has left, everything is built anew.
    leave(store, [f"1-{n}" for n in range(20, 40)], revision=3)
    assert make(tmp_path, store, 3).manifest.left == 0
    store.close()


def test_passages_that_come_and_leave_in_small_segments_are_forgotten_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = grown(tmp_path, monkeypatch, 100)
    many(store, 3, revision=2)
    make(tmp_path, store, 2)
    leave(store, ["2-0", "2-1"], revision=3)
    third = make(tmp_path, store, 3)
    assert "removed.keys" in third.manifest.files
    many(store, 4, revision=4)
    fourth = make(tmp_path, store, 4)
    assert [s.vectors for s in fourth.manifest.segments] == [100, 5]
    assert "removed.keys" not in fourth.manifest.files
    assert len(fourth.vectors) == len(fourth.lexical) == 105
    store.close()


@pytest.mark.parametrize("kind", ["vectors-00000001.faiss", "lexical/*.term", "lexical/*.store"])
def test_a_damaged_file_is_never_carried_into_the_next_generation(kind: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "library.sqlite3")
    many(store, 50, revision=1)
    make(tmp_path, store, 1)
    path = next((tmp_path / "generations" / "00000001").glob(kind))
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 4
    path.write_bytes(damaged)
    many(store, 1, revision=2)
    second = make(tmp_path, store, 2)
    assert [s.vectors for s in second.manifest.segments] == [51]
    assert path.stat().st_ino not in inodes(tmp_path, 2).values()
    assert len(second.lexical.search([("barrel",)], 60)) == 51
    store.close()


def test_generations_follow_each_other_on_a_disk_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", no_links)
    store = Store(tmp_path / "library.sqlite3")
    many(store, 50, revision=1)
    make(tmp_path, store, 1)
    many(store, 2, revision=2)
    assert [s.vectors for s in make(tmp_path, store, 2).manifest.segments] == [50, 2]
    open_generation(tmp_path, current(tmp_path))
    store.close()


def test_the_recall_of_a_generation_is_that_of_all_its_vectors() -> None:
    exact, lists = Segment("a", 25_000, "flat", None), Segment("b", 75_000, "ivf", 0.98)
    some = Manifest(FORMAT_VERSION, 1, BUILD, 1, 1, ("en",), (lists, exact), 0, {})
    assert some.recall == pytest.approx(0.985)
    assert replace(some, segments=(exact,)).recall is None


def test_a_low_recall_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    manifest = Manifest(FORMAT_VERSION, 1, BUILD, 1, 1, ("en",), (Segment("v", 60_000, "ivf", 0.95),), 0, {})
    _warn(manifest)
    assert "95.0 % of the exact neighbours" in caplog.text


def test_files_of_an_open_generation_are_not_read_again_unless_they_were_written_to(tmp_path: Path) -> None:
    store = Store(tmp_path / "library.sqlite3")
    many(store, 50, revision=1)
    first = make(tmp_path, store, 1)
    many(store, 1, revision=2)
    second = publish(tmp_path, store, revision=2, build=BUILD, before=first)
    assert second.vectors.segments[0] is first.vectors.segments[0]
    assert first.verified & second.verified
    path = tmp_path / "generations" / "00000002" / "vectors-00000001.faiss"
    damaged = bytearray(path.read_bytes())
    damaged[-40] ^= 1
    path.write_bytes(damaged)
    many(store, 1, revision=3)
    third = publish(tmp_path, store, revision=3, build=BUILD, before=second)
    assert [s.vectors for s in third.manifest.segments] == [52]
    store.close()


def test_a_publication_that_fails_leaves_nothing_behind_and_the_next_clears_what_a_killed_one_left(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, store, 1)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("rag.folder.manifest.replace_file", fail)
        with pytest.raises(OSError, match="No space"):
            make(tmp_path, store, 2)
    assert [p.name for p in (tmp_path / "generations").iterdir()] == ["00000001"]
    (tmp_path / "generations" / "00000009.new").mkdir()
    make(tmp_path, store, 2)
    assert sorted(p.name for p in (tmp_path / "generations").iterdir()) == ["00000001", "00000002"]


def test_the_generation_that_readers_saw_is_kept_and_one_they_never_saw_is_not(tmp_path: Path) -> None:
    store = Store(tmp_path / "library.sqlite3")
    for revision in (1, 2, 3):
        many(store, 2, revision=revision)
    make(tmp_path, store, 1)
    # As after a crash between putting a generation in place and naming it.
    (tmp_path / "generations" / "00000002").mkdir()
    make(tmp_path, store, 3)
    assert sorted(p.name for p in (tmp_path / "generations").iterdir()) == ["00000001", "00000003"]
    store.close()


def test_files_that_a_generation_links_to_are_read_once_for_a_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "library.sqlite3")
    many(store, 50, revision=1)
    make(tmp_path, store, 1)
    many(store, 1, revision=2)
    read: list[str] = []
    digest = rag.folder.manifest.digest
    monkeypatch.setattr("rag.folder.manifest.digest", lambda path: (read.append(path.name), digest(path))[1])
    make(tmp_path, store, 2)
    assert read.count("vectors-00000001.faiss") == 1
    store.close()


def test_lists_and_exact_segments_with_removals_are_one_index_also_after_reopening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.folder.derived.WHOLE_UP_TO", 10)
    monkeypatch.setitem(VectorIndex.build.__func__.__kwdefaults__, "exact_up_to", 200)  # type: ignore[attr-defined]
    store = Store(tmp_path / "library.sqlite3")
    random = np.random.default_rng(0)
    vectors = random.normal(size=(410, 2)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for revision, numbers in ((1, range(400)), (2, range(400, 410))):
        for number in numbers:
            put_vector(store, f"d{number}", vectors[number], revision=revision)
        if revision == 2:
            leave(store, ["d3", "d77"], revision=2)
        make(tmp_path, store, revision)
    opened = open_generation(tmp_path, current(tmp_path))
    assert [s.kind for s in opened.manifest.segments] == ["ivf", "flat"]
    assert (len(opened.vectors), len(opened.lexical)) == (408, 408)
    live = [n for n in range(410) if n not in (3, 77)]
    for number in (0, 77, 405):
        query = vectors[number : number + 1]
        found = opened.vectors.search(query, 408, allowed=np.arange(1, 411))[0][0] - 1
        assert sorted(found.tolist()) == live
        best = live[int(np.argmax(vectors[live] @ query[0]))]
        assert opened.vectors.search(query, 3)[0][0][0] - 1 == best
    store.close()


def put_vector(store: Store, name: str, vector: np.ndarray, *, revision: int) -> None:
    text = f"The barrel {name}."
    with store.transaction():
        key = store.add_document(Document(id=name, text=text), revision=revision)
        vectors = PassageVectors(vector, b"", np.array([0], np.int64))
        store.add_passage(key, Passage(name, 0, len(text), text), vectors)
        store.seal(key, Origin("digest"))
