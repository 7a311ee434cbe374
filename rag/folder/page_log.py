"""Keeps the checksums of a database's pages in step with its commits, and compares the file with them.

Asks no database: whoever has it open says which state it is in.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rag.errors import LibraryDamaged
from rag.folder.page_sums import (
    MOST_PAGES,
    UNKNOWN,
    Logged,
    Position,
    Sums,
    applied,
    file_sums,
    flipped_bit,
    read_log,
    read_sums,
    sums_path,
    write_sums,
)
from rag.folder.raw import RawFile

# Each bit of a page is tried, which takes 0.2 s; more pages were written by something else, such as VACUUM.
MOST_MENDED = 100
# Pages that are named in one line.
NAMED = 5


@dataclass(frozen=True)
class State:
    """What a database says of itself at one moment.

    Attributes:
        mark: What it has since its last commit; ``None`` where no commit has left one, ``""`` where it is damaged.
        page_bytes: Size of a page.
    """

    mark: str | None
    page_bytes: int


@dataclass(frozen=True)
class Comparison:
    """What comparing pages with their checksums gave.

    Attributes:
        known: Whether there are checksums of this state of the database.
        changed: Number, from 1, and checksum as written, of each page that is not what was written.
        further_bytes: Bytes behind the last page.
        fault: What is wrong with the checksums themselves, in one line, or ``""``.
    """

    known: bool = False
    changed: tuple[tuple[int, int], ...] = ()
    further_bytes: int = 0
    fault: str = ""

    def __bool__(self) -> bool:
        """Tell whether something is not what was written."""
        return bool(self.changed or self.further_bytes or self.fault)

    def __str__(self) -> str:
        """Return in words what is not what was written."""
        said = [f"{self.further_bytes} bytes follow its end"] if self.further_bytes else []
        if self.changed:
            said.insert(0, f"{named_pages([number for number, _ in self.changed])} not what was written")
        return self.fault or " and ".join(said)


def named_pages(numbers: Sequence[int]) -> str:
    """Return which pages something is said of, with the verb."""
    if len(numbers) == 1:
        return f"page {numbers[0]} is"
    more = f" and {len(numbers) - NAMED} more" if len(numbers) > NAMED else ""
    return f"pages {', '.join(map(str, numbers[:NAMED]))}{more} are"


class PageLog:
    """The checksums of one database's pages, as one store knows them; its owner lets one thread in at a time."""

    def __init__(self, database: Path) -> None:
        """Take a database that is there.

        Args:
            database: Its file.
        """
        self._database = database
        self._raw = RawFile.hold(database)
        self._sums: Sums | None = None
        self._position = Position()
        self._closed = False

    def close(self) -> None:
        """Let go of the file, after the database was closed."""
        if not self._closed:
            self._closed = True
            self._raw.release()

    def follow(self, before: str | None, mark: str) -> None:
        """Take over what a commit has written, as long as it is in the log.

        Args:
            before: The mark before the commit.
            mark: The mark after it.
        """
        if self._sums is None or self._sums.mark != before:
            self._sums, self._position = self._kept(before), Position()
        try:
            logged = self._logged(after=self._position)
        except OSError:
            # Made anew when they are kept.
            self._sums = None
            return
        self._position = logged.position
        if not logged.sums:
            # A database that keeps no log, as where files cannot be shared in memory; or others have begun it anew.
            self._sums = None
        if self._sums is not None:
            self._sums = applied(self._sums, logged, mark=mark)

    def keep(self, state: State, *, anew: bool = False) -> None:
        """Write the checksums of a state that nobody writes to meanwhile, where they are not there yet.

        Args:
            state: The state.
            anew: Whether the file is believed as it is.

        Raises:
            OSError: They cannot be written, or the database not be read.
        """
        if not state.mark or (not anew and self._kept(state.mark) is not None):
            return
        if self._raw.size_bytes() > MOST_PAGES * state.page_bytes:
            return
        if anew or self._sums is None or self._sums.mark != state.mark:
            self._sums = self._made(state.mark, state.page_bytes)
        write_sums(sums_path(self._database), self._sums)

    def compare(self, state: State) -> Comparison:
        """Compare the file with its checksums; what the log has newer versions of is passed over.

        Args:
            state: The state that the database is read in meanwhile.

        Returns:
            What is not what was written.

        Raises:
            OSError: The database cannot be read.
        """
        try:
            kept = read_sums(sums_path(self._database))
        except LibraryDamaged as error:
            return Comparison(fault=str(error).removesuffix("; run: rag doctor"))
        # A mark that is damaged is in one of the pages.
        if kept is None or state.mark not in (kept.mark, ""):
            return Comparison()
        logged = self._logged(after=Position())
        found = np.fromiter(file_sums(self._raw, page_bytes=kept.page_bytes), np.uint32)
        both = min(len(found), len(kept.sums))
        wrong = (kept.sums[:both] != UNKNOWN) & (kept.sums[:both] != found[:both])
        numbers = [int(n) + 1 for n in np.flatnonzero(wrong) if int(n) + 1 not in logged.sums]
        further = 0 if logged.sums else max(0, self._raw.size_bytes() - len(kept.sums) * kept.page_bytes)
        return Comparison(True, tuple((n, int(kept.sums[n - 1])) for n in numbers), further)

    def put_back(self, comparison: Comparison, state: State) -> list[int]:
        """Flip single bits back on the disk, while nobody writes and nothing is in the log.

        Args:
            comparison: What is not what was written.
            state: The state of the database.

        Returns:
            Numbers of the pages that are what was written again.

        Raises:
            OSError: The file cannot be read or written.
        """
        mended: list[int] = []
        if len(comparison.changed) > (MOST_MENDED if state.mark else 1):
            # So many are no flipped bits, and without a mark they may be of another state: what was written since must
            # not be taken back.
            return mended
        for number, wanted in comparison.changed:
            start = (number - 1) * state.page_bytes
            if found := flipped_bit(self._raw.read(start, state.page_bytes), wanted=wanted):
                self._raw.write(start + found[0], bytes([found[1]]))
                mended.append(number)
        return mended

    def _kept(self, mark: str | None) -> Sums | None:
        """Return the checksums that are kept, ``None`` where they are of another state or cannot be read."""
        with contextlib.suppress(LibraryDamaged):
            kept = read_sums(sums_path(self._database))
            if kept is not None and kept.mark == mark:
                return kept
        return None

    def _made(self, mark: str, page_bytes: int) -> Sums:
        sums = np.fromiter(file_sums(self._raw, page_bytes=page_bytes), np.uint32)
        return applied(Sums(mark, page_bytes, sums), self._logged(after=Position()), mark=mark)

    def _logged(self, *, after: Position) -> Logged:
        return read_log(self._database.with_name(f"{self._database.name}-wal"), after=after)
