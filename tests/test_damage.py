"""Whatever becomes of a file of a library is told, and no answer is ever made from it."""

from __future__ import annotations

import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from eval.bench_damage import WHOLE, damage_counts
from eval.faulty import HARBOUR, barrel, open_small, state, with_words
from rag.errors import LibraryDamaged, LibraryMismatch
from rag.folder.store import Store
from rag.folder.tables import SCHEMA_VERSION


def test_damage_to_any_file_is_told_and_never_answered_from(tmp_path: Path) -> None:
    counts = damage_counts(tmp_path, times=1)
    derived = {"CURRENT", "manifest.json", "removed.keys", "vector index", "lexical index"}
    assert {name for name, _ in counts} == derived | {"library.sqlite3", "library.sqlite3-pages"}
    outcomes = sum(counts.values(), Counter())
    assert outcomes["wrong"] == outcomes["older"] == outcomes["nothing"] == 0
    # What is derived from the database is mended, whatever it was.
    assert {o for (name, _), found in counts.items() if name in derived for o in found} == {"mended"}


def test_a_bit_of_the_database_that_flips_is_told_wherever_it_is_and_put_back(tmp_path: Path) -> None:
    found = damage_counts(tmp_path, times=8, files=["library.sqlite3"], kinds=["bit flipped"])
    counts = found["library.sqlite3", "bit flipped"]
    assert counts["refused"] + counts["told"] == 8
    assert counts[WHOLE] == 8


def test_a_log_that_is_damaged_takes_a_library_back_to_an_earlier_commit_and_says_so(tmp_path: Path) -> None:
    counts = damage_counts(tmp_path, times=2, log=True)
    outcomes = sum(counts.values(), Counter())
    assert outcomes["wrong"] == 0
    assert counts["library.sqlite3-wal", "removed"] == {"older": 2}


def changed(path: Path, sql: str) -> None:
    """Change a library's database as a disk would, without whoever keeps its checksums."""
    with sqlite3.connect(path / "library.sqlite3") as database:
        assert database.execute(sql).rowcount
    database.close()


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("UPDATE passages SET text = replace(text, '41', '43') WHERE key = 1", "passage 1 of document 'harbour.md'"),
        ("UPDATE passages SET page = 7 WHERE key = 1", "passage 1"),
        ("UPDATE passages SET crc = NULL WHERE key = 1", "passage 1"),
        ("UPDATE documents SET title = 'Pilot' WHERE key = 1", "document 'harbour.md'"),
        ("UPDATE documents SET metadata = '{' WHERE key = 1", "document 'harbour.md'"),
        ("DELETE FROM document_checks WHERE document_key = 1", "document 'harbour.md'"),
        ("UPDATE vectors SET tokens = zeroblob(length(tokens)) WHERE passage_key = 1", "token vectors of passage 1"),
        ("UPDATE vectors SET tokens = 'text' WHERE passage_key = 1", "token vectors of passage 1"),
        ("UPDATE settings SET value = '{}' WHERE name = 'build'", "setting 'build'"),
        ("DELETE FROM settings WHERE name = 'build'", "does not say what it was built with"),
        ("UPDATE settings SET value = '2' WHERE name = 'revision'", "setting 'revision'"),
        ("DELETE FROM passages WHERE key = 1", "passages are missing"),
    ],
)
def test_a_row_that_is_not_what_was_written_is_named_by_whoever_asks(sql: str, named: str, tmp_path: Path) -> None:
    with with_words():
        with open_small(tmp_path / "library") as library:
            library.add([HARBOUR, barrel(1)])
        changed(tmp_path / "library", sql)
        said = state(tmp_path / "library")
    assert said.startswith("refused: ")
    assert named in said
    assert "library.sqlite3" in said
    assert "\n" not in said


def test_the_text_of_a_document_that_is_not_what_was_written_is_not_shown(tmp_path: Path) -> None:
    with with_words(), open_small(tmp_path / "library") as library:
        library.add([HARBOUR])
        changed(library.path, "UPDATE documents SET text = replace(text, '41', '43')")
        with pytest.raises(LibraryDamaged, match=r"the text of document 'harbour\.md'"):
            library.document("harbour.md")


def test_a_library_from_before_there_were_checksums_answers_and_has_them_after_the_next_commit(tmp_path: Path) -> None:
    path = tmp_path / "library"
    with with_words():
        with open_small(path) as library:
            library.add([HARBOUR, barrel(1)])
            before = state(path)
        with sqlite3.connect(path / "library.sqlite3") as database:
            database.execute("DROP TABLE document_checks")
            for table, column in (
                *(("settings", "crc"), ("passages", "crc"), ("abbreviations", "crc")),
                *(("vectors", "vector_crc"), ("vectors", "tokens_crc")),
            ):
                database.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
            database.execute("DELETE FROM settings WHERE name = 'checked'")
            database.execute("PRAGMA user_version = 0")
        database.close()
        assert state(path) == before
        with open_small(path) as library:
            # What is not vouched for cannot be told from damage.
            changed(path, "UPDATE passages SET heading = 'Old' WHERE key = 1")
            assert library.find_damage().documents == {}
            library.add([barrel(2)])
            changed(path, "UPDATE passages SET heading = 'New' WHERE key = 1")
            assert list(library.find_damage().documents) == ["harbour.md"]
        with sqlite3.connect(path / "library.sqlite3") as database:
            assert database.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        database.close()


def test_a_database_of_a_later_format_is_refused_with_both_versions(tmp_path: Path) -> None:
    Store(tmp_path / "library.sqlite3").close()
    with sqlite3.connect(tmp_path / "library.sqlite3") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(LibraryMismatch, match=f"format 99, and this version reads up to {SCHEMA_VERSION}; run: pip"):
        Store(tmp_path / "library.sqlite3")
