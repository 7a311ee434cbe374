"""A checksum for every row of a library's database, so that no answer is made from a row that a disk has changed.

SQLite notices damage to its own structure, and none to the bytes of a text or a vector. A checksum finds accidents, not
forgers, who could write a new one. Knows rows, not what is done with them.

Reference:
    CRC-32 as in IEEE 802.3, which finds every change within 32 neighbouring bits.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

# Name of the setting that says that every row has its checksums: one without is then damaged, not from before there
# were any.
CHECKED = "checked"
# Those of documents stand apart: behind the text in the same row, each would be found by reading the whole text.
SCHEMA = """
CREATE TABLE IF NOT EXISTS document_checks (
    document_key INTEGER PRIMARY KEY REFERENCES documents ON DELETE CASCADE, crc INTEGER, text_crc INTEGER);
"""
ROWS_AT_A_TIME = 1_000
# The document that a row belongs to.
OWNERS = {
    "settings": "NULL",
    "documents": "documents.key",
    "passages": "passages.document_key",
    "vectors": "(SELECT document_key FROM passages WHERE key = passage_key)",
    "abbreviations": "abbreviations.document_key",
}


@dataclass(frozen=True)
class Check:
    """A checksum and what it covers.

    Attributes:
        table: The table whose rows it is for.
        column: Its column, in that table or in the one beside it.
        key: What tells a row apart.
        covered: The columns it covers, in order.
        kept_in: The table it is kept in.
        kept_key: What tells a row of that apart.
    """

    table: str
    column: str
    key: str
    covered: tuple[str, ...]
    kept_in: str
    kept_key: str

    def sums(self, row: str = "") -> str:
        """Return the expression of the checksum, of the row named so."""
        return f"row_crc({', '.join(row + name for name in self.covered)})"


def _beside(column: str, *covered: str) -> Check:
    return Check("documents", column, "key", ("key", *covered), "document_checks", "document_key")


def _within(table: str, column: str, key: str, *covered: str) -> Check:
    return Check(table, column, key, covered, table, key)


# Not `removed` and the origin of a document, which say what becomes of it and nothing of what it says.
CHECKS = (
    _within("settings", "crc", "name", "name", "value"),
    _beside("crc", "id", "added", "title", "date", "language", "source", "metadata"),
    _beside("text_crc", "text"),
    _within(
        *("passages", "crc", "key"),
        *("key", "document_key", "start_char", "end_char", "text", "heading", "page", "sentences"),
    ),
    _within("vectors", "vector_crc", "passage_key", "passage_key", "vector"),
    _within("vectors", "tokens_crc", "passage_key", "passage_key", "tokens", "sentence_starts"),
    _within("abbreviations", "crc", "rowid", "document_key", "short", "long", "short_key", "long_key"),
)


def row_crc(*values: Any) -> int:
    """Return the checksum of a row: of numbers and texts, or of a number and the blobs that belong to it.

    Args:
        *values: In order, one at least; what comes back as something else than it was has another checksum.

    Returns:
        The checksum, from 0 to 2^32 - 1.
    """
    # Fifty rows a question: bytes are looked for where they can be, behind the first value.
    if type(values[-1]) is not bytes:
        return zlib.crc32("\x1f".join(map(str, values)).encode("utf-8", "surrogatepass"))
    key, *blobs = values
    crc = zlib.crc32(str(key).encode("utf-8", "surrogatepass"))
    for blob in blobs:
        crc = zlib.crc32(blob if type(blob) is bytes else str(blob).encode("utf-8", "surrogatepass"), crc)
    return crc


def sum_rows(database: sqlite3.Connection) -> None:
    """Let a connection give every row that it writes or changes its checksums, whoever writes it.

    By triggers of the connection alone: one that a file brings along is never run.
    """
    database.create_function("row_crc", -1, row_crc, deterministic=True)
    for check in CHECKS:
        if check.kept_in == check.table:
            does = f"UPDATE {check.table} SET {check.column} = {check.sums('NEW.')} WHERE rowid = NEW.rowid"  # noqa: S608
        else:
            does = f"""INSERT INTO {check.kept_in} ({check.kept_key}, {check.column})
                VALUES (NEW.{check.key}, {check.sums("NEW.")})
                ON CONFLICT ({check.kept_key}) DO UPDATE SET {check.column} = excluded.{check.column}"""  # noqa: S608
        covered = ", ".join(name for name in check.covered if name != "rowid")
        for event in ("INSERT", f"UPDATE OF {covered}"):
            name = f"sum_{check.table}_{check.column}_{event[:6]}"
            database.execute(f"CREATE TEMP TRIGGER {name} AFTER {event} ON main.{check.table} BEGIN {does}; END")


def add_columns(database: sqlite3.Connection) -> None:
    """Give a database from before there were checksums a place for them."""
    for check in CHECKS:
        there = {row[1] for row in database.execute(f"PRAGMA table_info({check.kept_in})")}
        if check.column not in there:
            database.execute(f"ALTER TABLE {check.kept_in} ADD COLUMN {check.column} INTEGER")


def sum_some(database: sqlite3.Connection) -> int:
    """Give some rows that have no checksum theirs, in a transaction, and return how many; 0 when all have them."""
    count = 0
    for check in CHECKS:
        if check.kept_in == check.table:
            database.execute(
                f"""UPDATE {check.table} SET {check.column} = {check.sums()} WHERE rowid IN
                (SELECT rowid FROM {check.table} WHERE {check.column} IS NULL LIMIT {ROWS_AT_A_TIME})"""  # noqa: S608
            )
        else:
            database.execute(
                f"""INSERT INTO {check.kept_in} ({check.kept_key}, {check.column})
                SELECT {check.key}, {check.sums()} FROM {check.table} WHERE {check.key} NOT IN
                (SELECT {check.kept_key} FROM {check.kept_in} WHERE {check.column} IS NOT NULL) LIMIT {ROWS_AT_A_TIME}
                ON CONFLICT ({check.kept_key}) DO UPDATE SET {check.column} = excluded.{check.column}"""  # noqa: S608
            )
        count += database.execute("SELECT changes()").fetchone()[0]
    return count


def changed_rows(database: sqlite3.Connection, *, checked: bool) -> Iterator[tuple[str, Any, int | None]]:
    """Yield every row that is not what was written.

    Args:
        database: The database.
        checked: Whether every row has to have its checksums.

    Yields:
        Table, key, and number of the document that the row says it belongs to; a row may come twice.
    """
    strict = database.text_factory
    # A text may not be one any more.
    database.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
    try:
        for check in CHECKS:
            for key, owner, kept, *values in database.execute(_rows_of(check)):
                if row_crc(*values) != kept and (checked or kept is not None):
                    yield check.table, key, owner
    finally:
        database.text_factory = strict


def _rows_of(check: Check) -> str:
    beside = "" if check.kept_in == check.table else f"LEFT JOIN {check.kept_in} ON {check.kept_key} = {check.key}"
    covered = ", ".join(f"{check.table}.{name}" for name in check.covered)
    return f"""SELECT {check.table}.{check.key}, {OWNERS[check.table]}, {check.kept_in}.{check.column}, {covered}
        FROM {check.table} {beside}"""  # noqa: S608
