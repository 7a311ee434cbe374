"""The one SQLite file of a library: opened with suspicion, written in transactions, with settings in it.

Knows how rows are kept and checked, not what the rows of documents and passages are asked for.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rag.errors import LibraryBusy, LibraryDamaged, LibraryError, LibraryMismatch
from rag.files import brief
from rag.folder import checks
from rag.folder.checks import CHECKED, row_crc
from rag.folder.page_log import PageLog, State
from rag.folder.raw import RawFile
from rag.folder.tables import MARK, RUNS, SCHEMA, SCHEMA_VERSION

BUSY_TIMEOUT_S = 30.0
# Kept among the settings, and none.
OWN = (CHECKED, MARK)
MARKED = re.compile(r"[0-9a-f]{16}")
# What SQLite says of a disk that is full, cannot be written to, or fails: none of it is damage.
UNWRITABLE = ("full", "readonly", "disk I/O error")


class Database:
    """One SQLite file; safe to share between threads."""

    def __init__(self, path: Path) -> None:
        """Open the file, creating it with an empty schema when it is missing.

        Args:
            path: The file.

        Raises:
            LibraryDamaged: The file is not a library's database.
            LibraryMismatch: It is of a later version's format.
        """
        self.path = path
        for suffix in ("", "-wal", "-shm", "-journal"):
            if os.path.islink(f"{path}{suffix}"):
                raise LibraryDamaged(f"{path}{suffix} is a link and not followed; put the file itself there")
        self._lock = threading.RLock()
        # Before SQLite opens it: who lets go of it last meanwhile would close it, and take SQLite's new locks away.
        held = RawFile.hold(path) if os.path.exists(path) else None
        try:
            self._open(path)
        finally:
            if held:
                held.release()

    def _open(self, path: Path) -> None:
        try:
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=BUSY_TIMEOUT_S)
        except sqlite3.DatabaseError as error:
            raise explain(error, path) from error
        try:
            self._prepare()
            self._pages = PageLog(path)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            self._db.close()
            raise explain(error, path) from error
        except OSError as error:
            self._db.close()
            raise LibraryDamaged(f"{path} cannot be read ({error.strerror}); restore it from a copy") from error
        except LibraryError:
            self._db.close()
            raise

    def _prepare(self) -> None:
        # What a file of somebody else's making brings along is not run, and where its pages contradict themselves read
        # no further.
        self._db.execute("PRAGMA trusted_schema = OFF")
        self._db.execute("PRAGMA cell_size_check = ON")
        there = self._named()
        self._use_write_ahead_log()
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        version = int(self._db.execute("PRAGMA user_version").fetchone()[0])
        if version > SCHEMA_VERSION:
            raise LibraryMismatch(
                f"{self.path} is of format {version}, and this version reads up to {SCHEMA_VERSION}; "
                "run: pip install --upgrade leadgoose"
            )
        # New, or made by an earlier version; a database of something else is left alone.
        if not there or ({"settings", "documents", "passages", "vectors"} <= there and version < SCHEMA_VERSION):
            self._make_schema()
        checks.sum_rows(self._db)
        # Looked up once: a library that others bring up to date meanwhile has checksums that hold all the same.
        self._checked = bool(self.setting(CHECKED))

    def _named(self) -> set[str]:
        """Return the names of what the file holds.

        Returns:
            Names of tables and indexes.

        Raises:
            LibraryDamaged: Something is there that runs by itself, or in place of a table.
        """
        found = self._db.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
        strange = [
            f"{kind} {name}" for kind, name, sql in found if kind not in ("table", "index") or RUNS.search(sql or "")
        ]
        if strange:
            raise LibraryDamaged(f"{self.path} holds the {strange[0]}, which no library does; index into a new library")
        return {name for _, name, _ in found}

    def _make_schema(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            # Two processes may open it at once.
            new = not self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            for statement in SCHEMA.split(";"):
                self._db.execute(statement)
            checks.add_columns(self._db)
            if new:
                values = (CHECKED, "true", row_crc(CHECKED, "true"))
                self._db.execute("INSERT INTO settings (name, value, crc) VALUES (?, ?, ?)", values)
            self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def _use_write_ahead_log(self) -> None:
        deadline = time.monotonic() + BUSY_TIMEOUT_S
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                # The one statement for which SQLite does not wait, when two processes open a new library at once.
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def close(self) -> None:
        """Close the file; the store cannot be used afterwards."""
        with self._lock:
            self._db.close()
            self._pages.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold one write transaction; all of it is kept, or, when an exception leaves the block, nothing.

        Raises:
            LibraryBusy: Another process holds the file.
            LibraryDamaged: The file cannot be read or written.
        """
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                before, changes = self._mark(), self._db.total_changes
                yield
                mark = self._mark_anew() if self._db.total_changes != changes else None
                self._db.execute("COMMIT")
                if mark:
                    self._pages.follow(before, mark)
            except sqlite3.DatabaseError as error:
                raise explain(error, self.path) from error
            finally:
                # Nothing is left to take back after COMMIT, nor where SQLite itself rolled back, as on a full disk.
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    @contextmanager
    def _one_state(self) -> Iterator[State]:
        """Read one state of the file, whatever others commit meanwhile."""
        with self._lock:
            try:
                self._db.execute("BEGIN")
                mark = self._mark()
                yield State(mark, int(self._db.execute("PRAGMA page_size").fetchone()[0]))
            except sqlite3.DatabaseError as error:
                raise explain(error, self.path) from error
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    def _mark(self) -> str | None:
        """Return the mark of the last transaction, ``None`` where there is none, ``""`` where it is damaged."""
        row = self._db.execute("SELECT value, crc FROM settings WHERE name = ?", (MARK,)).fetchone()
        if row is None:
            return None
        mark = self._parsed(row[0], "its mark") if row_crc(MARK, row[0]) == row[1] else ""
        return mark if isinstance(mark, str) and MARKED.fullmatch(mark) else ""

    def _mark_anew(self) -> str:
        mark = secrets.token_hex(8)
        # In place, where there is one: one page less is written.
        sql = "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        self._db.execute(sql, (MARK, json.dumps(mark)))
        return mark

    def keep_pages(self, *, anew: bool = False) -> None:
        """Keep checksums of the file's pages as they are now, while nobody else writes.

        Args:
            anew: Whether the file is believed as it is, rather than what was written to it.

        Raises:
            LibraryDamaged: The file cannot be read.
            OSError: They cannot be written.
        """
        if anew and not self._marked():
            with self.transaction():
                self._mark_anew()
        with self._one_state() as state:
            self._pages.keep(state, anew=anew)

    def _marked(self) -> bool:
        with self._one_state() as state:
            return bool(state.mark)

    def _rows(self, sql: str, parameters: Mapping[str, Any] | Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._db.execute(sql, parameters).fetchall()
            except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
                raise explain(error, self.path) from error

    def settings(self) -> dict[str, Any]:
        """Return all settings kept with the library."""
        rows = self._rows("SELECT name, value, crc FROM settings")
        return {name: self._setting(name, value, crc) for name, value, crc in rows if name not in OWN}

    def _setting(self, name: str, value: str, crc: int | None) -> Any:
        if crc is not None and row_crc(name, value) != crc:
            raise self._damaged(f"its setting {name!r}")
        return self._parsed(value, f"its setting {name!r}")

    def _parsed(self, value: Any, what: str) -> Any:
        try:
            return json.loads(value)
        except (TypeError, ValueError, RecursionError) as error:
            raise self._damaged(what) from error

    def setting(self, name: str) -> Any:
        """Return one of them, ``None`` when it is not there."""
        rows = self._rows("SELECT value, crc FROM settings WHERE name = ?", (name,))
        return self._setting(name, *rows[0]) if rows else None

    def put_settings(self, values: Mapping[str, Any]) -> None:
        """Keep settings, replacing those of the same names."""
        rows = [(name, json.dumps(value)) for name, value in values.items()]
        with self.transaction():
            self._db.executemany("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", rows)

    def _check(self, crc: int | None, values: Sequence[Any], what: str) -> None:
        """Refuse a row whose checksum is not its own; a row from before there were any may have none."""
        if row_crc(*values) != crc and (self._checked or crc is not None):
            raise self._damaged(what)

    def _damaged(self, what: str) -> LibraryDamaged:
        return LibraryDamaged(f"{what} in {self.path} is not what was written there; run: rag doctor")


def explain(error: Exception, path: Path) -> Exception:
    """Return what a caller is told of something that SQLite says of a file."""
    if isinstance(error, sqlite3.ProgrammingError):
        return ValueError(f"{path} cannot be used: {brief(error).rstrip('.')}; open the library again")
    if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
        return LibraryBusy(f"another process is writing to {path}; try again when it is done")
    if isinstance(error, sqlite3.OperationalError) and any(sign in str(error) for sign in UNWRITABLE):
        return LibraryError(f"{path} cannot be written ({brief(error)}); make room or allow writing, then try again")
    return LibraryDamaged(
        f"{path} cannot be read ({brief(error)}); restore it from a copy, or index into a new library"
    )
