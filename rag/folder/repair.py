"""A library's database looked at as a whole: what of it is not what was written, and what can be done about it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from rag.errors import LibraryBusy, LibraryDamaged
from rag.files import brief
from rag.folder import checks
from rag.folder.checks import CHECKED
from rag.folder.database import Database, explain
from rag.folder.page_log import Comparison
from rag.folder.tables import MARK, NEVER
from rag.stored import Damage

# A database up to this size is compared with itself when it is first asked: some 0.1 s at the most.
SMALL_BYTES = 64_000_000


class Repair(Database):
    """The part of a store that checks and mends it."""

    def check_all(self) -> None:
        """Give rows from before there were checksums theirs."""
        while not self._checked:
            with self.transaction():
                if not checks.sum_some(self._db):
                    self._db.execute("INSERT OR REPLACE INTO settings (name, value) VALUES (?, 'true')", (CHECKED,))
                    self._checked = True

    def damage(self) -> Damage:
        """Read every row, and return what is not what was written.

        Returns:
            That.

        Raises:
            LibraryDamaged: The file's structure is damaged too.
        """
        with self._lock:
            try:
                found = list(checks.changed_rows(self._db, checked=self._checked))
                rows = self._db.execute("SELECT key, id, source, removed FROM documents").fetchall()
            except sqlite3.DatabaseError as error:
                raise explain(error, self.path) from error
        known = {row[0] for row in rows}
        owners = {owner for _, _, owner in found}
        # A mark that is damaged is a new one with the next commit.
        settings = tuple(str(key) for table, key, _ in found if table == "settings" and key != MARK)
        lost = sum(table != "settings" and owner not in known for table, _, owner in found)
        documents = {str(i): str(source) for key, i, source, removed in rows if key in owners and removed is None}
        return Damage(documents, settings, lost)

    def check_whole(self) -> None:
        """Read the whole file.

        Raises:
            LibraryDamaged: Its structure, or a row, is not what was written.
        """
        self.check_structure()
        damage = self.damage()
        if damage != Damage({}, (), 0):
            named = [*(f"document {i!r}" for i in damage.documents), *(f"setting {n!r}" for n in damage.settings)]
            raise self._damaged((named or ["a row of no document"])[0])

    def check_structure(self) -> None:
        """Compare the file's pages with each other, and its own indexes with its rows.

        Raises:
            LibraryDamaged: They contradict each other.
        """
        faults = [row[0] for row in self._rows("PRAGMA integrity_check(1)")]
        if faults != ["ok"]:
            raise LibraryDamaged(f"{self.path} is damaged ({brief(faults[0])}); run: rag doctor")

    def check_small(self) -> Comparison:
        """Look at the file where it takes no time; a large one is looked at by whoever runs the doctor.

        Returns:
            Which of its pages are not what was written, though they do not contradict each other.

        Raises:
            LibraryDamaged: As for `check_structure`.
        """
        if os.path.getsize(self.path) > SMALL_BYTES:
            return Comparison()
        self.check_structure()
        return self.compare_pages()

    def compare_pages(self) -> Comparison:
        """Compare the file, byte by byte, with the checksums of its pages.

        Returns:
            What is not what was written.

        Raises:
            LibraryDamaged: It cannot be read.
        """
        try:
            with self._one_state() as state:
                return self._pages.compare(state)
        except OSError as error:
            raise LibraryDamaged(f"{self.path} cannot be read ({error.strerror}); restore it from a copy") from error

    def put_bits_back(self) -> list[int]:
        """Put single bits of pages back that have flipped, while nobody else writes.

        Returns:
            Numbers of the pages that are what was written again.

        Raises:
            LibraryBusy: Others go on reading, so that not all is in the one file.
            LibraryDamaged: The file cannot be read.
            OSError: It cannot be written.
        """
        with self._lock:
            if self._rows("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]:
                raise LibraryBusy(f"others are reading {self.path}; try again when they are done")
            with self._one_state() as state:
                found = self._pages.compare(state)
            mended = self._pages.put_back(found, state)
        if not mended:
            return mended
        # Whoever has read a page before, this store included, forgets it with the next commit, which is made by one
        # that has read none.
        with closing(type(self)(self.path)) as fresh:
            with fresh.transaction():
                fresh._mark_anew()
            fresh.keep_pages()
        return mended

    def reindex(self) -> None:
        """Make the file's own indexes anew from its rows.

        Raises:
            LibraryDamaged: The rows cannot be read.
        """
        with self.transaction():
            self._db.execute("REINDEX")
            # It counts as no change.
            self._mark_anew()

    def copy_to(self, path: Path) -> None:
        """Copy the file as it is at one moment, while others read and write.

        Args:
            path: Where to; nothing is there.

        Raises:
            LibraryDamaged: It cannot be read.
            LibraryError: There is no room.
        """
        try:
            # Connections of their own: those who ask meanwhile do not wait.
            with closing(sqlite3.connect(self.path)) as source, closing(sqlite3.connect(path)) as copy:
                source.backup(copy)
        except sqlite3.DatabaseError as error:
            raise explain(error, self.path) from error

    def leave_one_file(self) -> None:
        """Bring everything into the one file, with no log beside it, as long as it is not opened again."""
        self._rows("PRAGMA journal_mode = DELETE")

    def read_again(self, ids: Iterable[str]) -> None:
        """Forget what live documents were made from, so that they are read and embedded anew when next indexed."""
        rows = [(NEVER, document_id) for document_id in ids]
        with self.transaction():
            sql = "UPDATE documents SET digest = ?, size_bytes = 0, modified_ns = 0 WHERE id = ? AND removed IS NULL"
            self._db.executemany(sql, rows)
