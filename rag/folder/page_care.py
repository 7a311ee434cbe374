"""What the doctor does about pages of a database that are not what was written: flipped bits are put back, others told.

Knows one library's store and its one writer's lock, not how pages are compared.
"""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

from filelock import FileLock, Timeout

from rag.errors import LibraryBusy, LibraryDamaged, LibraryError
from rag.folder.engine import FolderEngine
from rag.folder.page_log import Comparison, PageLog, State, named_pages
from rag.folder.page_sums import read_sums, sums_path
from rag.location import DATABASE, LOCK


class PageCare:
    """One look at the pages of one library's database, in two steps with the look at its rows between them."""

    def __init__(self, engine: FolderEngine) -> None:
        """Take what keeps the library."""
        self._store = engine.store
        self._writing = engine.writing
        self._found = Comparison()
        self._mended: list[int] = []
        self._failed = ""

    def put_back(self) -> None:
        """Put single bits back that have flipped, before anything is read, or written again, that they have changed."""
        try:
            self._found = self._store.compare_pages()
            if self._found.changed:
                with self._writing():
                    self._mended = self._store.put_bits_back()
                self._found = self._store.compare_pages()
        except LibraryError as error:
            self._failed = f"{self._found}; {error}" if self._found else str(error)

    def conclude(self, *, sound: bool) -> tuple[bool, str]:
        """Tell what was found and done.

        Args:
            sound: Whether the database's structure and all of its rows are what was written. Its file is then believed
                as it is from now on.

        Returns:
            Whether all is well now, and a message of one line.
        """
        if self._failed:
            return False, self._failed
        found = self._found
        try:
            if sound and (found or not found.known):
                with self._writing():
                    self._store.keep_pages(anew=True)
        except LibraryBusy as error:
            # Between its commits there are no checksums of the file as it is; it keeps them when it is done.
            told = str(found) if found else "its pages can be compared when nobody writes"
            return not found, f"{self._store.path}: {told}; {error}"
        except (LibraryError, OSError) as error:
            return False, f"{self._store.path}: {error}"
        return sound or not found, f"{self._store.path}: {'; '.join(self._said(found, sound=sound))}"

    def _said(self, found: Comparison, *, sound: bool) -> list[str]:
        said = []
        if self._mended:
            said.append(f"{named_pages(self._mended)} as written again: a bit of each had flipped and was put back")
        rebuilt = ": rebuilt" if sound else ""
        if found.fault:
            said.append(f"{found.fault}{rebuilt}")
        elif found and sound:
            said.append(f"{found}, though every row is; believed from now on: rebuilt its checksums, take a backup")
        elif found:
            said.append(f"{found}; mend what is said of the database and its rows")
        elif not found.known:
            said.append(f"it has no checksums of its pages as they are now, as after a killed process{rebuilt}")
        return said or ["every page is what was written"]


def put_back_closed(folder: Path) -> str:
    """Put the one bit back that keeps a database from being opened at all.

    Args:
        folder: The library's folder.

    Returns:
        What was done, in one line; ``""`` where nothing could be.
    """
    database = folder / DATABASE
    try:
        kept = read_sums(sums_path(database))
        # What is in a log may be newer than the file; a link may lead anywhere.
        logged = os.path.lexists(f"{database}-wal") and os.path.getsize(f"{database}-wal")
        if kept is None or logged or database.is_symlink() or (folder / LOCK).is_symlink():
            return ""
        with FileLock(folder / LOCK, timeout=0), closing(PageLog(database)) as log:
            # What it says of its state cannot be read: more pages than one are left alone.
            state = State("", kept.page_bytes)
            mended = log.put_back(log.compare(state), state)
    except (OSError, LibraryDamaged, Timeout):
        return ""
    return f"{database}: {named_pages(mended)} as written again: a bit had flipped and was put back" if mended else ""
