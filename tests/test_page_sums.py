"""Every byte of a library's database is vouched for, a flipped bit is put back, and nothing cries wolf."""

from __future__ import annotations

import json
import logging
import random
import shutil
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from eval.faulty import HARBOUR, barrel, grown, open_small, state, with_words
from rag.doctor import Finding, examine_library
from rag.errors import LibraryDamaged
from rag.folder.page_care import put_back_closed
from rag.folder.page_log import Comparison
from rag.folder.page_sums import (
    UNKNOWN,
    Position,
    Sums,
    applied,
    flipped_bit,
    read_log,
    read_sums,
    sums_path,
    write_sums,
)
from rag.folder.store import Store

PAGE_BYTES = 4096


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Path]:
    """The path of a small library that is closed, while the made-up encoder stands in."""
    with with_words():
        with open_small(tmp_path / "library") as opened:
            grown(opened)
        yield tmp_path / "library"


def flip(path: Path, at: int, bit: int = 0) -> None:
    """Flip a bit of a library's database."""
    data = bytearray((path / "library.sqlite3").read_bytes())
    data[at] ^= 1 << bit
    (path / "library.sqlite3").write_bytes(data)


def in_wal(path: Path) -> bool:
    """Whether no other process can take a library's log away, as it can where the lock of who has it open is gone."""
    tries = (
        "import sqlite3, sys; database = sqlite3.connect(sys.argv[1], timeout=0);"
        "print(database.execute('PRAGMA journal_mode=DELETE').fetchone()[0])"
    )
    command = [sys.executable, "-c", tries, str(path / "library.sqlite3")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "locked" in done.stderr or done.stdout.strip() == "wal"


def pages(path: Path) -> Finding:
    """What the doctor says of a library's pages."""
    return next(f for f in examine_library(path) if f.subject == "pages")


def test_a_bit_that_flips_where_nothing_is_is_told_by_who_asks_and_put_back_by_the_doctor(
    library: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = (library / "library.sqlite3").read_bytes()
    sound = state(library)
    assert caplog.records == []
    at = before.rindex(b"\0" * 500) + 250
    flip(library, at, bit=5)
    with caplog.at_level(logging.WARNING):
        assert state(library) == sound
    number = at // PAGE_BYTES + 1
    assert f"library.sqlite3: page {number} is not what was written; rows are checked" in caplog.text
    found = pages(library)
    assert found.healthy
    assert f"page {number} is as written again: a bit of each had flipped" in found.message
    # The commit that lets others forget what they read has a mark of its own.
    assert (library / "library.sqlite3").read_bytes()[at] == before[at]
    assert pages(library).message.endswith("every page is what was written")


def test_a_flipped_bit_of_a_text_is_put_back_and_nothing_has_to_be_embedded(library: Path) -> None:
    sound = state(library)
    flip(library, (library / "library.sqlite3").read_bytes().index(b"employs 41 pilots") + 8)
    assert state(library).startswith("refused: ")
    assert all(f.healthy for f in examine_library(library))
    assert state(library) == sound


@pytest.mark.parametrize("at", [3, 18, 24, 101])
def test_a_flipped_bit_that_keeps_the_database_from_being_opened_is_put_back_too(at: int, library: Path) -> None:
    before, sound = (library / "library.sqlite3").read_bytes(), state(library)
    flip(library, at, bit=6)
    assert all(f.healthy for f in examine_library(library))
    assert (library / "library.sqlite3").read_bytes()[at] == before[at]
    assert state(library) == sound


def test_a_database_with_a_log_that_cannot_be_opened_is_left_alone(library: Path) -> None:
    (library / "library.sqlite3-wal").write_bytes(b"newer")
    flip(library, 3)
    changed = (library / "library.sqlite3").read_bytes()
    assert put_back_closed(library) == ""
    assert (library / "library.sqlite3").read_bytes() == changed
    (library / "library.sqlite3-wal").unlink()
    assert "page 1 is as written again" in put_back_closed(library)


def test_pages_changed_by_more_than_a_bit_are_named_once_and_believed_where_every_row_is_sound(library: Path) -> None:
    at = (library / "library.sqlite3").read_bytes().rindex(b"\0" * 500) + 250
    flip(library, at, bit=5)
    flip(library, at + 7, bit=2)
    sound = state(library)
    found = pages(library)
    assert found.healthy
    assert f"page {at // PAGE_BYTES + 1} is not what was written, though every row is" in found.message
    assert pages(library).message.endswith("every page is what was written")
    assert state(library) == sound


def test_pages_of_damaged_rows_are_not_believed(library: Path) -> None:
    at = (library / "library.sqlite3").read_bytes().index(b"employs 41 pilots")
    flip(library, at)
    flip(library, at + 8)
    found = pages(library)
    assert not found.healthy
    assert "not what was written; mend what is said of the database and its rows" in found.message


@pytest.mark.parametrize("kind", ["killed", "removed", "other"])
def test_checksums_of_another_state_say_nothing_against_a_library_and_are_made_anew(
    kind: str, library: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = sums_path(library / "library.sqlite3")
    with monkeypatch.context() as patched, open_small(library) as opened:
        if kind == "killed":
            # As when the process ends between its commit and the checksums of it.
            patched.setattr("rag.folder.page_log.write_sums", lambda *_: None)
        opened.add([barrel(30)])
    if kind == "removed":
        kept.unlink()
    if kind == "other":
        sums = read_sums(kept)
        assert sums is not None
        write_sums(kept, Sums("another", sums.page_bytes, sums.sums + 1))
    state(library)
    assert caplog.records == []
    found = pages(library)
    assert found.healthy
    assert found.message.endswith("no checksums of its pages as they are now, as after a killed process: rebuilt")
    assert pages(library).message.endswith("every page is what was written")


def test_a_commit_after_a_killed_one_makes_them_anew(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched, open_small(library) as opened:
        patched.setattr("rag.folder.page_log.write_sums", lambda *_: None)
        opened.add([barrel(30)])
    with open_small(library) as opened:
        opened.add([barrel(31)])
    assert pages(library).message.endswith("every page is what was written")


def test_checksums_that_are_damaged_are_named_and_made_anew(library: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept = sums_path(library / "library.sqlite3")
    data = bytearray(kept.read_bytes())
    data[-3] ^= 1
    kept.write_bytes(data)
    with pytest.raises(LibraryDamaged, match=r"library\.sqlite3-pages is not what was written"):
        read_sums(kept)
    state(library)
    assert "library.sqlite3-pages is not what was written" in caplog.text
    assert pages(library).message.endswith("library.sqlite3-pages is not what was written there: rebuilt")
    assert pages(library).message.endswith("every page is what was written")


def test_a_library_from_before_there_were_checksums_of_pages_opens_without_a_word_and_has_them_after_a_commit(
    library: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sums_path(library / "library.sqlite3").unlink()
    with closing(sqlite3.connect(library / "library.sqlite3")) as database, database:
        database.execute("DELETE FROM settings WHERE name = 'state'")
    state(library)
    assert caplog.records == []
    with open_small(library) as opened:
        assert opened._store.compare_pages() == Comparison()
        opened.remove(["barrel-2.md"])
        assert opened._store.compare_pages() == Comparison(known=True)
    assert pages(library).message.endswith("every page is what was written")


def test_many_commits_readers_and_long_logs_leave_checksums_that_agree_with_the_file(library: Path) -> None:
    random.seed(4)
    with open_small(library) as opened, open_small(library) as reader:
        for turn in range(6):
            opened.add([barrel(n, "word " * random.randrange(900)) for n in random.sample(range(40), 5)])
            assert reader._store.compare_pages() == Comparison(known=True)
            if turn == 3:
                # As others do who close it last.
                reader._store._rows("PRAGMA wal_checkpoint(TRUNCATE)")
        opened.remove([f"barrel-{n}.md" for n in range(40)])
        assert opened._store.compare_pages() == Comparison(known=True)
    with open_small(library) as opened:
        assert opened._store.compare_pages() == Comparison(known=True)
        kept = read_sums(sums_path(library / "library.sqlite3"))
    data = (library / "library.sqlite3").read_bytes()
    found = [zlib.crc32(data[at : at + PAGE_BYTES]) for at in range(0, len(data), PAGE_BYTES)]
    assert kept is not None
    assert kept.sums.tolist() == found


def test_what_a_transaction_wrote_that_came_to_nothing_is_not_read_from_the_log(tmp_path: Path) -> None:
    database = tmp_path / "some.sqlite3"
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE t (value BLOB)")
        first = read_log(tmp_path / "some.sqlite3-wal", after=Position())
        assert first.pages == 2
        # So little memory that pages go to the log before the end.
        db.execute("PRAGMA cache_size = 10")
        db.execute("BEGIN")
        db.executemany("INSERT INTO t VALUES (?)", [(random.Random(n).randbytes(9_000),) for n in range(40)])
        assert (tmp_path / "some.sqlite3-wal").stat().st_size > 100_000
        db.execute("ROLLBACK")
        assert read_log(tmp_path / "some.sqlite3-wal", after=Position()) == first
        db.execute("INSERT INTO t VALUES (1)")
        after = read_log(tmp_path / "some.sqlite3-wal", after=first.position)
        assert set(after.sums) == {2}
        assert read_log(tmp_path / "some.sqlite3-wal", after=Position()).sums == first.sums | after.sums
        # Begun anew: what was read of the one before counts for nothing.
        db.execute("PRAGMA wal_checkpoint(RESTART)")
        db.execute("INSERT INTO t VALUES (2)")
        assert set(read_log(tmp_path / "some.sqlite3-wal", after=after.position).sums) == {2}
    assert read_log(tmp_path / "none.sqlite3-wal", after=Position()).pages == 0


def test_checksums_after_a_commit_are_those_before_with_what_it_wrote(tmp_path: Path) -> None:
    before = Sums("a", PAGE_BYTES, np.array([1, 2, 3], np.uint32))
    logged = read_log(tmp_path / "none", after=Position())
    assert applied(before, logged, mark="b").sums.tolist() == [1, 2, 3]
    grown_by_two = type(logged)(Position(), {2: 7, 5: 9}, 5)
    assert applied(before, grown_by_two, mark="b").sums.tolist() == [1, 7, 3, UNKNOWN, 9]
    cut = type(logged)(Position(), {1: 8, 3: 4}, 2)
    assert applied(before, cut, mark="b").sums.tolist() == [8, 2]


def test_a_single_flipped_bit_of_a_page_is_found_and_two_are_not_taken_for_one() -> None:
    page = random.Random(1).randbytes(PAGE_BYTES)
    for at, bit in ((0, 0), (1234, 5), (4095, 7)):
        flipped = bytearray(page)
        flipped[at] ^= 1 << bit
        assert flipped_bit(bytes(flipped), wanted=zlib.crc32(page)) == (at, page[at])
    twice = bytearray(page)
    twice[10] ^= 1
    twice[2000] ^= 64
    assert flipped_bit(bytes(twice), wanted=zlib.crc32(page)) is None


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX alone lets go of locks when a file is closed")
def test_reading_the_file_beside_sqlite_takes_no_lock_away(library: Path) -> None:
    with closing(Store(library / "library.sqlite3")) as one:
        with closing(Store(library / "library.sqlite3")) as other:
            assert other.compare_pages() == Comparison(known=True)
        assert one.documents()
        assert in_wal(library)


def test_a_copy_of_a_library_folder_is_compared_as_the_library_was(library: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(library, tmp_path / "copy"))
    assert pages(copy).message.endswith("every page is what was written")
    with open_small(library) as opened:
        opened.add([HARBOUR, barrel(77)])
    # The database alone, of a later state, beside checksums of an earlier one.
    shutil.copyfile(library / "library.sqlite3", copy / "library.sqlite3")
    assert "no checksums of its pages as they are now" in pages(copy).message


def test_a_commit_that_failed_in_the_log_behind_a_smaller_one_is_not_read(tmp_path: Path) -> None:
    database, log = tmp_path / "some.sqlite3", tmp_path / "some.sqlite3-wal"
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE t (value BLOB)")
        copy, first = tmp_path / "copy.sqlite3", read_log(log, after=Position())
        shutil.copyfile(database, copy)
        shutil.copyfile(log, tmp_path / "copy.sqlite3-wal")
        db.execute("INSERT INTO t VALUES (?)", [random.Random(1).randbytes(40_000)])
        failed = log.read_bytes()
    log = tmp_path / "copy.sqlite3-wal"
    with closing(sqlite3.connect(copy, isolation_level=None)) as db:
        db.execute("INSERT INTO t VALUES (1)")
        with log.open("r+b") as file:
            # As a commit leaves it that the disk would not confirm: the next one overwrites its beginning alone.
            file.seek(0, 2)
            file.write(failed[file.tell() :])
        with closing(sqlite3.connect(copy)) as other:
            assert other.execute("SELECT length(value) FROM t").fetchall() == [(1,)]
        found = read_log(log, after=first.position)
        assert (set(found.sums), found.pages) == ({2}, 2)
        assert read_log(log, after=Position()).sums == first.sums | found.sums


def test_a_log_whose_numbers_are_damaged_is_not_taken_at_its_word(tmp_path: Path) -> None:
    database, log = tmp_path / "some.sqlite3", tmp_path / "some.sqlite3-wal"
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE t (value BLOB)")
        sound = log.read_bytes()
        last = len(sound) - PAGE_BYTES - 24
        # The size of the database after the commit: 17,000,000,000 bytes of checksums. The size of a page. The kind.
        for at, value in ((last + 4, b"\xff\xff\xff\xff"), (8, b"\xff\xff\xff\xff"), (8, b"\0\0\0\0"), (0, b"\0")):
            log.write_bytes(sound[:at] + value + sound[at + len(value) :])
            assert read_log(log, after=Position()).pages in (0, 1)
        log.write_bytes(sound)
        assert read_log(log, after=Position()).pages == 2


def test_a_database_that_keeps_no_log_is_not_called_damaged(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "some.sqlite3")) as store:
        store.put_settings({"name": "before"})
        store.keep_pages()
        # As SQLite does by itself where it cannot share memory with other processes.
        store.leave_one_file()
        store.put_settings({"name": "after" * 2_000})
        store.keep_pages()
        assert store.compare_pages() == Comparison(known=True)


@pytest.mark.parametrize("page_bytes", [0, -4096, 10**13, 10**30])
def test_checksums_of_pages_of_a_size_that_there_is_none_of_are_refused(page_bytes: int, tmp_path: Path) -> None:
    write_sums(tmp_path / "sums", Sums("a", page_bytes, np.array([1], np.uint32)))
    with pytest.raises(LibraryDamaged, match="sums is not what was written there"):
        read_sums(tmp_path / "sums")


def test_a_folder_that_is_renamed_while_it_is_open_is_compared_as_before(library: Path, tmp_path: Path) -> None:
    with closing(Store(library / "library.sqlite3")):
        library.rename(tmp_path / "renamed")
        with closing(Store(tmp_path / "renamed" / "library.sqlite3")) as store:
            assert store.compare_pages() == Comparison(known=True)


def test_many_changed_pages_are_no_flipped_bits_and_left_as_they_are(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.folder.page_log.MOST_MENDED", 1)
    before = (library / "library.sqlite3").read_bytes()
    at = before.rindex(b"\0" * 500) + 250
    flip(library, at)
    flip(library, before.rindex(b"\0" * 500, 0, at - at % PAGE_BYTES) + 250)
    changed = (library / "library.sqlite3").read_bytes()
    with closing(Store(library / "library.sqlite3")) as store:
        assert store.put_bits_back() == []
    # Nor is anything else written.
    assert (library / "library.sqlite3").read_bytes() == changed


def test_the_doctor_is_content_while_another_process_writes(library: Path) -> None:
    with open_small(library) as writer, writer._engine.writing():
        # A document of many, of which the checksums come when all are there.
        writer._store.put_settings({"name": "value"})
        found = pages(library)
        assert found.healthy
        assert "its pages can be compared when nobody writes" in found.message
        assert "is writing to the library" in found.message
    assert pages(library).message.endswith("every page is what was written")


def test_the_lock_is_let_go_when_keeping_the_checksums_is_interrupted(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with open_small(library) as writer:
        with monkeypatch.context() as patched:
            patched.setattr(Store, "keep_pages", interrupted)
            with pytest.raises(KeyboardInterrupt), writer._engine.writing():
                assert (library / "writer.json").exists()
            assert not (library / "writer.json").exists()
        with writer._engine.writing():
            pass


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX alone lets go of locks when a file is closed")
def test_letting_go_of_a_file_while_another_opens_it_takes_no_lock_away(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, prepare = Store(library / "library.sqlite3"), Store._prepare
    first.compare_pages()

    def prepared(store: Store) -> None:
        prepare(store)
        # In another thread, say.
        first.close()

    monkeypatch.setattr(Store, "_prepare", prepared)
    with closing(Store(library / "library.sqlite3")):
        assert in_wal(library)


def test_a_mark_that_somebody_made_up_is_none(library: Path) -> None:
    made_up = json.dumps("some words\n")
    with closing(Store(library / "library.sqlite3")) as store, store.transaction():
        store._db.execute("UPDATE settings SET value = ? WHERE name = 'state'", (made_up,))
        assert store._mark() == ""
