"""A library in a folder: its one SQLite file, the generations of indexes made from that, and its one writer's lock.

Knows how a revision is published and mended if damaged, not what is in it and how it is asked.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rag.build import Build
from rag.engine import no_documents, unwritable
from rag.errors import LibraryBusy, LibraryDamaged, LibraryError
from rag.folder.generations import Generation, open_generation, publish
from rag.folder.holder import forget_holder, holder, note_holder
from rag.folder.manifest import CURRENT, Current, read_current
from rag.folder.snapshot import FolderSnapshot
from rag.folder.store import Store
from rag.location import DATABASE, LOCK, is_upload
from rag.settings import Settings

LOG = logging.getLogger(__name__)
# How long a reader of a damaged library waits for another process that is mending it, or writing.
MENDING_WAIT_S = 60.0


class FolderEngine:
    """Keeps one library in a folder; safe to share between threads.

    Attributes:
        folder: The folder.
        store: Its database.
        build: What the library is built with.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        """Open the library in a folder that exists.

        Args:
            folder: The folder.
            settings: The settings asked for.

        Raises:
            LibraryMismatch: It was built with another encoder or other passage sizes than `settings` ask for.
            LibraryDamaged: Its database cannot be read.
        """
        self.folder = folder
        self.store = Store(folder / DATABASE)
        try:
            self.build = Build(self.address, self.store, settings)
        except LibraryError:
            self.store.close()
            raise
        self._lock = threading.Lock()
        self._mending = threading.Lock()
        self._generation: Generation | None = None

    @property
    def address(self) -> str:
        """The folder, as people are shown it."""
        return str(self.folder)

    def close(self) -> None:
        """Release its files and connections."""
        self.store.close()

    def is_upload(self, document_id: str) -> bool:
        """Tell whether a document is made from a file that the library was given, which is in its folder."""
        return is_upload(self.folder, document_id)

    # -- writing ------------------------------------------------------------------------------------------------------

    @contextmanager
    def writing(self, *, wait_s: float = 0.0) -> Iterator[None]:
        """Hold the one writer's lock.

        Args:
            wait_s: Seconds to wait for it.

        Raises:
            LibraryBusy: Another process, or another thread of this one, holds it.
            LibraryError: The disk is full or fails; readers see what they saw.
        """
        if (self.folder / LOCK).is_symlink():
            raise LibraryDamaged(f"{self.folder / LOCK} is a link and not followed; delete it, then try again")
        lock = FileLock(self.folder / LOCK, timeout=wait_s)
        try:
            lock.acquire()
        except Timeout as error:
            raise LibraryBusy(
                f"{holder(self.folder)} is writing to the library {self.folder}; try again when it is done"
            ) from error
        except OSError as error:
            raise unwritable(self.address, error) from error
        try:
            note_holder(self.folder)
            yield
        except OSError as error:
            raise unwritable(self.address, error) from error
        finally:
            try:
                # Where they cannot be kept, they are made anew after the next commit.
                with contextlib.suppress(OSError, LibraryError):
                    self.store.keep_pages()
            finally:
                forget_holder(self.folder)
                lock.release()

    def publish(self, revision: int, values: Mapping[str, Any], *, whole: bool = False) -> None:
        """Let readers see a revision of which everything is written.

        Args:
            revision: Its number.
            values: What the library is built with.
            whole: Whether every index is built anew.
        """
        # Noted first: with all derived files gone, this still says what is complete.
        self.build.bind(values, revision=revision)
        before = self._generation
        generation = publish(self.folder, self.store, revision=revision, build=values, before=before, whole=whole)
        with self._lock:
            self._generation = generation

    def rebuild(self) -> None:
        """Build the derived indexes of the newest complete revision anew; nothing is embedded again.

        Raises:
            LibraryBusy: Another process is writing to the library.
            LibraryError: The library holds no documents yet.
        """
        with self.writing():
            self._rebuild()

    def _rebuild(self) -> None:
        revision = self.build.revision()
        if not revision and read_current(self.folder):
            raise LibraryDamaged(f"the database of {self.folder} is empty; restore a backup: rag restore BACKUP")
        if not revision:
            raise no_documents(self.address)
        # What a damaged database lacks would be missing from indexes that then vouch for themselves.
        self.store.check_structure()
        self.build.catch_up()
        self.store.check_all()
        self.publish(revision, self.build.values, whole=True)

    def is_published(self, revision: int) -> bool:
        """Tell whether readers see a revision; they do not when publishing it was cut short."""
        try:
            current = read_current(self.folder)
        except LibraryDamaged:
            return False
        return current is not None and current.revision == revision

    # -- reading ------------------------------------------------------------------------------------------------------

    def newest(self) -> FolderSnapshot:
        """Return what the newest generation shows, rebuilt first when a file of it is missing or damaged.

        Returns:
            The generation, ready to be searched.

        Raises:
            LibraryError: The library holds no documents yet, or is damaged beyond what can be rebuilt.
        """
        try:
            generation = self._newest()
        except LibraryDamaged:
            generation = self._mended()
        return FolderSnapshot(self.store, generation)

    def verify(self) -> None:
        """Check every file of the newest generation against its digest.

        Raises:
            LibraryDamaged: A file is missing or is not the one that was written.
            LibraryError: The library holds no documents yet.
        """
        open_generation(self.folder, self._current())

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
            if self._generation is None and (found := self.store.check_small()):
                LOG.warning("%s: %s; rows are checked when they are read; run: rag doctor", self.store.path, found)
            if self._generation is None or self._generation.manifest_sha256 != current.manifest_sha256:
                opened = open_generation(self.folder, current, before=self._generation)
                if opened.manifest.build != self.build.kept():
                    raise LibraryDamaged(
                        f"{self.folder / CURRENT} names indexes built otherwise than the database says; run: rag doctor"
                    )
                self._generation = opened
            return self._generation
        finally:
            self._lock.release()

    def _current(self) -> Current:
        current = read_current(self.folder)
        if current is None and self.build.revision():
            raise LibraryDamaged(f"{self.folder / CURRENT} is missing; run: rag doctor")
        if current is None:
            raise no_documents(self.address)
        if current.revision > self.build.revision():
            # The database was restored from a copy: what is newer here shows passages that it does not hold.
            raise LibraryDamaged(
                f"{self.folder / CURRENT} names a revision that the database lacks, which comes from a copy or has "
                "lost its last commits; run: rag doctor"
            )
        return current
