"""Commits to a library, by one writer at a time, and the newest generation they leave to readers, mended if damaged.

Knows how a revision is published, not what is in it and how it is asked.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rag.build import Build
from rag.errors import LibraryBusy, LibraryDamaged, LibraryEmpty, LibraryError
from rag.folder import LOCK
from rag.generations import Generation, open_generation, publish
from rag.holder import forget_holder, holder, note_holder
from rag.manifest import CURRENT, Current, read_current
from rag.store import Store
from rag.writer import IndexReport, Progress, Tally, Writer

LOG = logging.getLogger(__name__)
# How long a reader of a damaged library waits for another process that is mending it, or writing.
MENDING_WAIT_S = 60.0
Work = Callable[[Writer, Tally], None]


class Commits:
    """The generations of one library as they follow each other; safe to share between threads."""

    def __init__(self, path: Path, store: Store, build: Build) -> None:
        """Take a library's folder, its store, and what it is built with."""
        self._path = path
        self._store = store
        self._build = build
        self._lock = threading.Lock()
        self._mending = threading.Lock()
        self._generation: Generation | None = None

    # -- writing ------------------------------------------------------------------------------------------------------

    def commit(self, work: Work, *, left_out: Mapping[str, str], progress: Progress | None) -> IndexReport:
        """Write one revision and let readers see it.

        Args:
            work: Stages what changes, and counts it.
            left_out: Reason in one line by source, for what was not even tried.
            progress: Called with a stage's name, the bytes done and the bytes to do.

        Returns:
            What was done.

        Raises:
            LibraryBusy: Another process is writing to the library.
        """
        start = time.perf_counter()
        tally = Tally(failed=dict(left_out))
        with self.writing(wait_s=self._build.settings.writing_wait_s):
            self._write(work, tally, progress or _silent)
        manifest = self.newest().manifest
        return IndexReport(
            added=tally.added,
            updated=tally.updated,
            removed=tally.removed,
            unchanged=tally.unchanged,
            failed=tally.failed,
            documents=manifest.documents,
            passages=manifest.passages,
            embedded=tally.embedded,
            seconds=time.perf_counter() - start,
            renamed=tally.renamed,
            copies=self._store.count_copies(revision=manifest.revision),
        )

    def _write(self, work: Work, tally: Tally, progress: Progress) -> None:
        self._build.catch_up()
        self._store.check_all()
        encoder = self._build.encoder()
        values = self._build.values or self._build.begin(encoder)
        revision = self._build.revision() + 1
        writer = Writer(self._store, encoder, self._build.settings, revision, progress)
        writer.introduce()
        work(writer, tally)
        if self._store.has_staged(revision=revision) or not self._is_published(revision - 1):
            progress("index", 0, 1)
            self._publish(revision, values)
            # A question under way may still read the generation before this one.
            self._store.purge(before=revision - 1)
            progress("index", 1, 1)

    @contextmanager
    def writing(self, *, wait_s: float = 0.0) -> Iterator[None]:
        """Hold the one writer's lock.

        Args:
            wait_s: Seconds to wait for it.

        Raises:
            LibraryBusy: Another process, or another thread of this one, holds it.
            LibraryError: The disk is full or fails; readers see what they saw.
        """
        if (self._path / LOCK).is_symlink():
            raise LibraryDamaged(f"{self._path / LOCK} is a link and not followed; delete it, then try again")
        lock = FileLock(self._path / LOCK, timeout=wait_s)
        try:
            lock.acquire()
        except Timeout as error:
            raise LibraryBusy(
                f"{holder(self._path)} is writing to the library {self._path}; try again when it is done"
            ) from error
        except OSError as error:
            raise unwritable(self._path, error) from error
        try:
            note_holder(self._path)
            yield
        except OSError as error:
            raise unwritable(self._path, error) from error
        finally:
            try:
                # Where they cannot be kept, they are made anew after the next commit.
                with contextlib.suppress(OSError, LibraryError):
                    self._store.keep_pages()
            finally:
                forget_holder(self._path)
                lock.release()

    def rebuild(self) -> None:
        """Build the derived indexes of the newest complete revision anew; nothing is embedded again.

        Raises:
            LibraryBusy: Another process is writing to the library.
            LibraryError: The library holds no documents yet.
        """
        with self.writing():
            self._rebuild()

    def _rebuild(self) -> None:
        revision = self._build.revision()
        if not revision and read_current(self._path):
            raise LibraryDamaged(f"the database of {self._path} is empty; restore a backup: rag restore BACKUP")
        if not revision:
            raise no_documents(self._path)
        # What a damaged database lacks would be missing from indexes that then vouch for themselves.
        self._store.check_structure()
        self._build.catch_up()
        self._store.check_all()
        self._publish(revision, self._build.values, whole=True)

    def _publish(self, revision: int, values: Mapping[str, Any], *, whole: bool = False) -> None:
        # Noted first: with all derived files gone, this still says what is complete.
        self._build.bind(values, revision=revision)
        before = self._generation
        generation = publish(self._path, self._store, revision=revision, build=values, before=before, whole=whole)
        with self._lock:
            self._generation = generation

    def _is_published(self, revision: int) -> bool:
        """Tell whether readers see a revision; they do not when publishing it was cut short."""
        try:
            current = read_current(self._path)
        except LibraryDamaged:
            return False
        return current is not None and current.revision == revision

    # -- reading ------------------------------------------------------------------------------------------------------

    def newest(self) -> Generation:
        """Return the newest generation, rebuilt first when a file of it is missing or damaged.

        Returns:
            The generation, ready to be searched.

        Raises:
            LibraryError: The library holds no documents yet, or is damaged beyond what can be rebuilt.
        """
        try:
            return self._newest()
        except LibraryDamaged:
            return self._mended()

    def verify(self) -> None:
        """Check every file of the newest generation against its digest.

        Raises:
            LibraryDamaged: A file is missing or is not the one that was written.
            LibraryError: The library holds no documents yet.
        """
        open_generation(self._path, self._current())

    def _mended(self) -> Generation:
        with self._mending:
            # Another thread may have mended it, or a commit have replaced the generation while it was opened.
            if (whole := self._sound()) is not None:
                return whole
            # So may another process: all that ask a library of an earlier version begin with this.
            with self.writing(wait_s=MENDING_WAIT_S):
                return self._sound(mending=True) or self._newest()

    def _sound(self, *, mending: bool = False) -> Generation | None:
        """Return the newest generation; ``None`` where it is damaged, which is mended first if asked."""
        try:
            return self._newest()
        except LibraryDamaged as error:
            if mending:
                LOG.warning("%s; rebuilding from the database", str(error).removesuffix("; run: rag doctor"))
                self._rebuild()
            return None

    def _newest(self) -> Generation:
        current = self._current()
        before = self._generation
        # While one opens a new generation, the others go on with the one before, of which everything is still there.
        waits = before is None or before.manifest.revision < current.revision - 1
        if not self._lock.acquire(blocking=waits) and before is not None:
            return before
        try:
            if self._generation is None and (found := self._store.check_small()):
                LOG.warning("%s: %s; rows are checked when they are read; run: rag doctor", self._store.path, found)
            if self._generation is None or self._generation.manifest_sha256 != current.manifest_sha256:
                opened = open_generation(self._path, current, before=self._generation)
                if opened.manifest.build != self._build.kept():
                    raise LibraryDamaged(
                        f"{self._path / CURRENT} names indexes built otherwise than the database says; run: rag doctor"
                    )
                self._generation = opened
            return self._generation
        finally:
            self._lock.release()

    def _current(self) -> Current:
        current = read_current(self._path)
        if current is None and self._build.revision():
            raise LibraryDamaged(f"{self._path / CURRENT} is missing; run: rag doctor")
        if current is None:
            raise no_documents(self._path)
        if current.revision > self._build.revision():
            # The database was restored from a copy: what is newer here shows passages that it does not hold.
            raise LibraryDamaged(
                f"{self._path / CURRENT} names a revision that the database lacks, which comes from a copy or has lost "
                "its last commits; run: rag doctor"
            )
        return current


def no_documents(path: Path) -> LibraryError:
    """Return the error for a library that holds no documents yet."""
    return LibraryEmpty(f"the library {path} holds no documents; add some: rag index PATH")


def unwritable(path: Path, error: OSError) -> LibraryError:
    """Return the error for a library whose files cannot be written."""
    return LibraryError(
        f"the library {path} cannot be written ({error}); what it held is still there: make room or mend the disk, "
        "then try again"
    )


def _silent(_stage: str, _done: int, _total: int) -> None:
    """Ignore progress."""
