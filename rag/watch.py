"""Follows files and folders: what is there is looked at again and again, and taken over once it is at rest.

Looking, rather than being told by the operating system, works on every disk (network drives, containers and virtual
machines tell nothing), needs no limit raised for large folders, and sees a file that an editor puts in the place of
another. Knows no library: what is done with the files, and how it is told, is given to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from rag.errors import LibraryBusy, RagError, SourceError
from rag.sources import find_files

T = TypeVar("T")
State = object


@dataclass(frozen=True)
class Pace:
    """How often a follower looks.

    Attributes:
        look_s: Least seconds from one look to the next.
        share: Most of the time that is spent on looking, in (0, 1]: large folders are looked at less often.
        quiet_s: Seconds without a change after which a burst of changes is over.
        most_s: Seconds after which a burst that does not end is taken over as it stands.
        busy_s: Seconds after which a library that another process was writing to is tried again.
        retry_s: Seconds after which anything else that went wrong is tried again.
    """

    look_s: float = 1.0
    share: float = 0.05
    quiet_s: float = 1.0
    most_s: float = 30.0
    busy_s: float = 2.0
    retry_s: float = 30.0


@dataclass
class Follower(Generic[T]):
    """Keeps something in step with files; runs until it is interrupted.

    Attributes:
        paths: The files and folders.
        take_over: Called without arguments when they have changed; what it returns is told.
        tell: Called with what was taken over.
        complain: Called with one line on what went wrong; not twice with the same until something went well.
        pace: How often it looks.
        sleep: Waits for some seconds.
        clock: Seconds from some time on.
    """

    paths: Sequence[Path]
    take_over: Callable[[], T]
    tell: Callable[[T], None]
    complain: Callable[[str], None]
    pace: Pace = Pace()
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _looked_s: float = field(default=0.0, init=False)
    _complaint: str = field(default="", init=False)

    def look(self) -> State:
        """Return what is there, to be compared with what was there before."""
        start = self.clock()
        try:
            found, left_out = find_files(self.paths)
            seen: State = ({(s.id, s.size_bytes, s.modified_ns) for s in found}, left_out)
        except SourceError as error:
            seen = str(error)
        self._looked_s = self.clock() - start
        return seen

    def follow(self, known: State) -> None:
        """Take over what changes, for ever.

        Args:
            known: What `look` saw before the files were first taken over.
        """
        retry_at: float | None = None
        while True:
            self.sleep(max(self.pace.look_s, self._looked_s / self.pace.share))
            seen = self.look()
            if seen == known and (retry_at is None or self.clock() < retry_at):
                continue
            # Noted before it is taken over: what changes meanwhile is seen the next time.
            known = self._at_rest(seen) if seen != known else seen
            wait_s = self._attempt()
            retry_at = None if wait_s is None else self.clock() + wait_s

    def _at_rest(self, seen: State) -> State:
        end = self.clock() + self.pace.most_s
        while self.clock() < end:
            self.sleep(self.pace.quiet_s)
            before, seen = seen, self.look()
            if seen == before:
                break
        return seen

    def _attempt(self) -> float | None:
        """Take the files over; return after how many seconds to try again, ``None`` when all went well."""
        try:
            done = self.take_over()
        except LibraryBusy as error:
            self._complain(f"{error}; waiting for it")
            return self.pace.busy_s
        except (RagError, OSError) as error:
            self._complain(f"{error}; the library is as it was, and tried again when something changes")
            return self.pace.retry_s
        self._complaint = ""
        self.tell(done)
        return None

    def _complain(self, line: str) -> None:
        if line != self._complaint:
            self._complaint = line
            self.complain(line)
