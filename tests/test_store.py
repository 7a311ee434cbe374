"""The store keeps what it was given, shows every revision as it was, and takes back what was cut short."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import BAKERY, HARBOUR, LIGHTHOUSE

from rag.errors import LibraryBusy, LibraryDamaged
from rag.folder.store import Store
from rag.schema import Document, Passage, Span
from rag.stored import Origin, PassageVectors

VECTORS = PassageVectors(np.array([0.6, 0.8], np.float32), b"packed", np.array([0, 4], np.int64))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    opened = Store(tmp_path / "library.sqlite3")
    yield opened
    opened.close()


def put(store: Store, document: Document, *, revision: int, seal: bool = True) -> int:
    """Keep a document with one passage and return the passage's number."""
    with store.transaction():
        key = store.add_document(document, revision=revision)
        text = document.text
        passage = Passage(document.id, 0, len(text), text, "Heading", (Span(0, 5), Span(5, len(text))), 2)
        number = store.add_passage(key, passage, VECTORS)
        if seal:
            store.seal(key, Origin(f"digest of {document.id}", 7, 9))
    return number


def remove(store: Store, *ids: str, revision: int) -> int:
    with store.transaction():
        return store.remove_documents(ids, revision=revision)


def ids(store: Store, revision: int) -> list[str]:
    return [d.id for d in store.documents(revision=revision)]


def test_what_was_put_in_comes_out_equal(store: Store) -> None:
    number = put(store, BAKERY, revision=1)
    assert store.document("bakery.md") == BAKERY
    stored = store.passages([number])[number]
    assert stored.passage == Passage(
        "bakery.md", 0, len(BAKERY.text), BAKERY.text, "Heading", (Span(0, 5), Span(5, len(BAKERY.text))), 2
    )
    assert (stored.title, stored.language, stored.metadata) == (BAKERY.title, "zh", BAKERY.metadata)
    assert list(store.passages_of(revision=1)) == [stored]
    packed, starts = store.tokens([number])[number]
    assert (packed, starts.tolist(), starts.dtype) == (b"packed", [0, 4], np.int64)
    keys = store.passage_keys(revision=1)
    vectors = store.vectors(keys, dim=2)
    assert keys.tolist() == [number]
    np.testing.assert_array_equal(vectors, [VECTORS.vector])
    assert store.origins() == {"bakery.md": Origin("digest of bakery.md", 7, 9)}
    (summary,) = store.documents(revision=1)
    assert (summary.characters, summary.passages, summary.date) == (len(BAKERY.text), 1, "2021-02-03")


def test_everything_is_there_after_reopening(store: Store, tmp_path: Path) -> None:
    put(store, HARBOUR, revision=1)
    store.put_settings({"build": {"dim": 2}, "revision": 1})
    store.close()
    reopened = Store(tmp_path / "library.sqlite3")
    assert reopened.document("harbour.md") == HARBOUR
    assert reopened.settings() == {"build": {"dim": 2}, "revision": 1}
    reopened.close()


def test_a_revision_goes_on_showing_what_it_showed(store: Store) -> None:
    put(store, HARBOUR, revision=1)
    put(store, LIGHTHOUSE, revision=1)
    changed = Document("harbour.md", "The harbour has 43 pilots.")
    put(store, changed, revision=2)
    remove(store, "old/lighthouse.md", revision=2)
    assert ids(store, 0) == []
    assert ids(store, 1) == ["harbour.md", "old/lighthouse.md"]
    assert ids(store, 2) == ids(store, 99) == ["harbour.md"]
    assert store.document("harbour.md", revision=1) == HARBOUR
    assert store.document("harbour.md", revision=2) == changed
    assert store.document("old/lighthouse.md", revision=2) is None
    assert len(store.passage_keys(revision=1)) == 2
    assert [s.passage.text for s in store.passages_of(revision=2)] == [changed.text]


def test_purging_deletes_what_no_kept_revision_shows(store: Store) -> None:
    number = put(store, HARBOUR, revision=1)
    put(store, LIGHTHOUSE, revision=1)
    remove(store, "harbour.md", revision=2)
    store.purge(before=1)
    assert ids(store, 1) == ["harbour.md", "old/lighthouse.md"]
    store.purge(before=2)
    assert ids(store, 1) == ["old/lighthouse.md"]
    assert store.passages([number]) == store.tokens([number]) == {}


def test_a_passage_number_is_never_used_again(store: Store) -> None:
    first = put(store, HARBOUR, revision=1)
    remove(store, "harbour.md", revision=1)
    assert put(store, HARBOUR, revision=1) > first


def test_what_was_staged_can_be_taken_back(store: Store) -> None:
    put(store, HARBOUR, revision=1)
    put(store, LIGHTHOUSE, revision=1)
    before = [store.documents(revision=1), store.origins()]
    assert not store.has_staged(revision=2)
    put(store, Document("harbour.md", "Changed."), revision=2)
    put(store, BAKERY, revision=2, seal=False)
    assert remove(store, "old/lighthouse.md", revision=2) == 1
    assert store.has_staged(revision=2)
    with store.transaction():
        store.discard_staged(revision=2)
    assert [store.documents(), store.origins()] == before


def test_only_documents_that_are_not_whole_are_discarded_as_unsealed(store: Store) -> None:
    put(store, HARBOUR, revision=1)
    put(store, BAKERY, revision=1, seal=False)
    with store.transaction():
        store.discard_unsealed()
    assert ids(store, 1) == ["harbour.md"]


def test_a_failing_transaction_keeps_nothing(store: Store) -> None:
    def fail_halfway() -> None:
        with store.transaction():
            store.add_document(HARBOUR, revision=1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_halfway()
    assert ids(store, 1) == []
    put(store, HARBOUR, revision=1)
    assert ids(store, 1) == ["harbour.md"]


def test_removing_counts_live_documents_alone(store: Store) -> None:
    put(store, HARBOUR, revision=1)
    assert remove(store, "harbour.md", "unknown.md", "harbour.md", revision=2) == 1
    assert remove(store, "harbour.md", revision=3) == 0


def test_many_passages_are_read_in_order_of_their_numbers(store: Store) -> None:
    with store.transaction():
        key = store.add_document(HARBOUR, revision=1)
        numbers = [store.add_passage(key, Passage("harbour.md", n, n + 1, "x"), VECTORS) for n in range(2_345)]
    assert [s.key for s in store.passages_of(revision=1)] == numbers
    assert len(store.passages(numbers)) == 2_345


def test_a_store_of_nothing_has_no_vectors(store: Store) -> None:
    keys = store.passage_keys(revision=1)
    vectors = store.vectors(keys, dim=2)
    assert (keys.shape, len(vectors)) == ((0,), 0)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "library.sqlite3"
    path.write_text("This is not a database. " * 100)
    with pytest.raises(LibraryDamaged, match=r"library\.sqlite3"):
        Store(path)
    with pytest.raises(LibraryDamaged, match="missing-folder"):
        Store(tmp_path / "missing-folder" / "library.sqlite3")


def test_a_database_of_something_else_is_named_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "library.sqlite3"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    other.close()
    with pytest.raises(LibraryDamaged, match="settings"):
        Store(path)


def test_a_store_that_another_writes_to_says_that_it_is_busy(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.folder.database.BUSY_TIMEOUT_S", 0.05)
    other = Store(tmp_path / "library.sqlite3")
    with store.transaction(), pytest.raises(LibraryBusy, match="try again"), other.transaction():
        pass
    assert other.documents() == []
    other.close()


def test_passages_read_before_are_told_from_those_that_are_gone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.folder.passages.MOST_RECENT", 3)
    with store.transaction():
        key = store.add_document(HARBOUR, revision=1)
        numbers = [store.add_passage(key, Passage("harbour.md", n, n + 1, "x"), VECTORS) for n in range(6)]
        store.seal(key, Origin("digest"))
    for some in (numbers[:2], numbers[1:4], numbers, [numbers[5], 999], numbers[::-1]):
        found = store.passages(some)
        assert list(found) == [n for n in some if n != 999]
        assert all(stored.key == n and stored.passage.start_char == numbers.index(n) for n, stored in found.items())
