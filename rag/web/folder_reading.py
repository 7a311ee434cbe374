"""Folders read into a library aside, one at a time for each library: begun, followed, stopped; knows no requests.

A folder on the server's machine may be read only below one that the operator named, or that was indexed before: who may
administer a library through a browser is not thereby let at every file of the machine.
"""

from __future__ import annotations

import os
import threading
import time
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rag.errors import LibraryEmpty, RagError, SourceError
from rag.location import DATABASE
from rag.sources import SourceFile, find_files
from rag.web.listing import keep_failures
from rag.web.matching import matching

if TYPE_CHECKING:
    from rag.library import Library
State = Literal["running", "done", "failed", "cancelled"]


class _Cancelled(Exception):
    """Whoever began it wants no more of it."""


@dataclass
class FolderReading:
    """The reading of one folder into one library.

    Attributes:
        library: The library's name.
        folder: The folder.
        state: How far it is.
        stage: What is being done: ``read``, ``embed`` or ``index``.
        done: Bytes done in this stage.
        total: Bytes to do in it.
        began_s: When it began, on the monotonic clock.
        stage_s: When the stage began, likewise.
        seconds: Wall time in all, once it has ended.
        counts: Documents added, updated, removed, unchanged and failed.
        failed: Why files could not be read, by file.
        error: Why it failed altogether.
    """

    library: str
    folder: Path
    state: State = "running"
    stage: str = "read"
    done: int = 0
    total: int = 0
    began_s: float = field(default_factory=time.monotonic)
    stage_s: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    counts: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    cancelled: threading.Event = field(default_factory=threading.Event)

    def progress(self, stage: str, done: int, total: int) -> None:
        """Note how far it is; raise where it is to stop."""
        if stage != self.stage:
            self.stage, self.stage_s = stage, time.monotonic()
        self.done, self.total = done, total
        if self.cancelled.is_set():
            raise _Cancelled

    def rate(self) -> float:
        """Return bytes a second in this stage; 0 where that is not known yet."""
        elapsed = time.monotonic() - self.stage_s
        return self.done / elapsed if elapsed > 0.5 else 0.0


class FolderReadings:
    """The readings of one service; safe to share between threads."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = threading.Lock()
        self._latest: dict[str, FolderReading] = {}

    def latest(self, library: str) -> FolderReading | None:
        """Return the last reading into a library, under way or not."""
        return self._latest.get(library)

    def start(self, library: Library, name: str, folder: Path) -> FolderReading:
        """Begin to read a folder, or return what is under way for that library.

        Args:
            library: The library.
            name: Its name.
            folder: What `permitted` returned.

        Returns:
            The reading.
        """
        with self._lock:
            latest = self._latest.get(name)
            if latest and latest.state == "running":
                return latest
            begun = self._latest[name] = FolderReading(name, folder)
        threading.Thread(target=_run, args=(begun, library), name="rag-folder", daemon=True).start()
        return begun

    def close(self) -> None:
        """Stop what is under way."""
        for reading in list(self._latest.values()):
            reading.cancelled.set()


def permitted_folders(library: Library) -> list[Path]:
    """Return the folders that may be read, and those below them: of the setting ``sync_folders``, and known ones."""
    named = (library.settings.sync_folders or "").split(os.pathsep)
    return list(dict.fromkeys([*(Path(part).expanduser() for part in named if part.strip()), *library.folders()]))


def permitted(library: Library, asked: str) -> Path:
    """Return a folder that may be read.

    Args:
        library: The library.
        asked: The folder's path, as it was typed.

    Returns:
        The folder, without links.

    Raises:
        SourceError: It may not be read, or is none; one message for both, so that nobody can feel for what is there.
    """
    try:
        folder = Path(os.path.realpath(asked.strip()))
        allowed = [Path(os.path.realpath(one)) for one in permitted_folders(library)]
        below = os.path.isabs(asked.strip()) and any(folder.is_relative_to(one) for one in allowed)
        # What lies in a library belongs to that.
        if below and folder.is_dir() and not any((one / DATABASE).exists() for one in (folder, *folder.parents)):
            return folder
    except (OSError, ValueError):
        pass
    raise SourceError(
        "this folder may not be read from here, or is not there: it has to lie in one that the library was indexed "
        "from, or in one of the setting sync_folders"
    )


def read_folder(library: Library, folder: Path, progress: Callable[[str, int, int], None]) -> FolderCounts:
    """Make a library hold what is under a folder, and leave documents from elsewhere as they are.

    Args:
        library: The library.
        folder: The folder, without links.
        progress: As for `rag.library.Library.index`.

    Returns:
        What was done.

    Raises:
        SourceError: Nothing in the folder can be read; the library is left as it was.
        LibraryError: The library cannot be written to.
    """
    sources, left_out = find_files([folder], library.settings.parse_limits)
    place = Places()
    known = _below(library, folder, place)
    report = library.add_sources(
        _without_clashes(library, sources, folder, place), left_out=left_out, progress=progress
    )
    found = {place(str(source.path)) for source in sources}
    gone = [i for i, where in known.items() if where not in found]
    removed = library.remove(gone) if gone else 0
    counts = {"added": report.added, "updated": report.updated, "unchanged": report.unchanged, "removed": removed}
    return FolderCounts(counts | {"failed": len(report.failed)}, report.failed)


@dataclass(frozen=True)
class FolderCounts:
    """What reading a folder did: how many documents of each kind, and why files failed, by file."""

    counts: Mapping[str, int]
    failed: Mapping[str, str]


class Places:
    """Where files are, with no link in the path to their folder; each folder is looked up once."""

    def __init__(self) -> None:
        """Begin with none."""
        self._folders: dict[str, str] = {}

    def __call__(self, path: str) -> str:
        """Return the path of a file without links before its name."""
        folder, name = os.path.split(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        return os.path.join(self._folders[folder], name)


def _below(library: Library, folder: Path, place: Places) -> dict[str, str]:
    """Return the ids of documents that were made from files below a folder, and where those are or were."""
    ids = [summary.id for summary in matching(library)]
    origins = library.origins(ids) if ids else {}
    places = {i: place(origin.source) for i, origin in origins.items() if origin.size_bytes}
    return {i: where for i, where in places.items() if where.startswith(f"{folder}{os.sep}")}


def _without_clashes(library: Library, sources: Sequence[SourceFile], folder: Path, place: Places) -> list[SourceFile]:
    """Return the files, with the folder's name before an id that a document from elsewhere has."""
    try:
        taken = library.origins([source.id for source in sources])
    except LibraryEmpty:
        return list(sources)
    named = []
    for source in sources:
        there = taken.get(source.id)
        if there and (not there.size_bytes or place(there.source) != place(str(source.path))):
            named.append(replace(source, id=unicodedata.normalize("NFC", f"{folder.name}/{source.id}")))
        else:
            named.append(source)
    return named


def _run(reading: FolderReading, library: Library) -> None:
    try:
        done = read_folder(library, reading.folder, reading.progress)
        reading.counts, reading.failed = done.counts, done.failed
        library.note_folders([reading.folder])
        keep_failures(library, reading.folder, _by_path(done.failed, reading.folder))
        reading.state = "done"
    except _Cancelled:
        reading.state = "cancelled"
    except RagError as error:
        reading.error, reading.state = " ".join(str(error).split()), "failed"
    except BaseException as error:
        reading.error = f"internal error ({type(error).__name__}); the server's log says more"
        reading.state = "failed"
        raise
    finally:
        reading.seconds = time.monotonic() - reading.began_s


def _by_path(failed: Mapping[str, str], folder: Path) -> dict[str, str]:
    return {i if os.path.isabs(i) else str(folder / i): reason for i, reason in failed.items()}
