"""Documents that were removed and can be put back for a while; knows no requests and no pages."""

from __future__ import annotations

import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import RagError
from rag.location import UPLOADS, is_upload
from rag.web.matching import matching

if TYPE_CHECKING:
    from rag.library import Library
    from rag.restore import KeptDocument

# All that can be put back is held in memory, 15 KB a passage.
MOST_PASSAGES = 6_000
KEPT_S = 15 * 60.0
# Uploaded files of removed documents, beside those of documents that are there.
REMOVED = ".removed-"


class TooManyToKeep(RagError):
    """What is to be removed is more than can be put back; it can be removed for good."""

    def __init__(self, passages: int) -> None:
        """Say how much it is."""
        super().__init__(f"these documents hold {passages:,} passages, more than can be restored")
        self.passages = passages


@dataclass(frozen=True)
class Removal:
    """What was removed.

    Attributes:
        token: Names it to `Removals.undo`; ``""`` where it is for good.
        count: How many documents.
        from_folders: How many of them are made from files that stay where they are.
    """

    token: str
    count: int
    from_folders: int


@dataclass(frozen=True)
class _Kept:
    library: Path
    documents: Sequence[KeptDocument]
    files: Sequence[tuple[Path, Path]]
    passages: int
    at_s: float


class Removals:
    """What was removed lately; safe to share between threads."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}

    def remove(self, library: Library, ids: Iterable[str], *, for_good: bool = False) -> Removal:
        """Remove documents, and the files that were uploaded for them.

        Args:
            library: The library.
            ids: Ids of documents; those that are not there are passed over.
            for_good: Whether nothing need be kept to undo it.

        Returns:
            What was removed.

        Raises:
            TooManyToKeep: It is more than can be put back; nothing was removed.
            LibraryBusy: Another process is writing to the library; nothing was removed.
        """
        there = {summary.id: summary.passages for summary in matching(library)}
        wanted = [i for i in dict.fromkeys(ids) if i in there]
        if not wanted:
            return Removal("", 0, 0)
        origins = library.origins(wanted)
        if not for_good and (held := sum(there[i] for i in origins)) > MOST_PASSAGES:
            raise TooManyToKeep(held)
        documents = [] if for_good else library.take(list(origins))
        uploaded = [i for i in origins if is_upload(library.path, i)]
        count = library.remove(list(origins))
        token = uuid.uuid4().hex
        if for_good:
            _forget(_stash(library, uploaded, token))
        else:
            files: list[tuple[Path, Path]] = []
            passages = sum(len(one.passages) for one in documents)
            self._keep(token, _Kept(library.path, documents, files, passages, time.monotonic()))
            # Only now: files of a removal that is not known are tidied away.
            files.extend(_stash(library, uploaded, token))
        from_folders = sum(1 for i, origin in origins.items() if origin.size_bytes and i not in uploaded)
        return Removal("" if for_good else token, count, from_folders)

    def undo(self, library: Library, token: str) -> int:
        """Put back what was removed, with its files; nothing is embedded again.

        Args:
            library: The library that it was removed from.
            token: Which removal.

        Returns:
            How many documents are back; 0 where it can no longer be undone.

        Raises:
            LibraryBusy: Another process is writing to the library; it can be tried again.
        """
        with self._lock:
            kept = self._kept.get(token)
        if kept is None or kept.library != library.path or time.monotonic() - kept.at_s > KEPT_S:
            return 0
        report = library.put_back(kept.documents)
        for now, before in kept.files:
            if not before.exists():
                os.replace(now, before)
        with self._lock:
            self._kept.pop(token, None)
        _forget(kept.files)
        return report.added

    def tidy(self, library: Library) -> None:
        """Delete the files of removals that nothing can undo, as a service leaves them that was ended."""
        for folder in (library.path / UPLOADS).glob(f"{REMOVED}*"):
            if folder.name.removeprefix(REMOVED) not in self._kept:
                shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Let go of everything."""
        with self._lock:
            kept, self._kept = list(self._kept.values()), {}
        for one in kept:
            _forget(one.files)

    def _keep(self, token: str, kept: _Kept) -> None:
        with self._lock:
            self._kept[token] = kept
            held, gone = 0, []
            for name, one in reversed(self._kept.items()):
                held += one.passages
                if held > MOST_PASSAGES or time.monotonic() - one.at_s > KEPT_S:
                    gone.append(name)
            dropped = [self._kept.pop(name) for name in gone]
        for one in dropped:
            _forget(one.files)


def _stash(library: Library, uploaded: Iterable[str], token: str) -> list[tuple[Path, Path]]:
    """Put the files of removed documents aside, but those that others are made from; return where they are and were."""
    names = {i.split("/")[1] for i in uploaded}
    if not names:
        return []
    # As it is now: one of them may have been uploaded anew meanwhile.
    in_use = {s.id.split("/")[1] for s in matching(library) if s.id.startswith(f"{UPLOADS}/")}
    folder = library.path / UPLOADS / f"{REMOVED}{token}"
    files = []
    for name in sorted(names - in_use):
        place = library.path / UPLOADS / name
        with suppress(FileNotFoundError):
            folder.mkdir(exist_ok=True)
            os.replace(place, folder / name)
            files.append((folder / name, place))
    return files


def _forget(files: Iterable[tuple[Path, Path]]) -> None:
    for folder in {now.parent for now, _ in files}:
        shutil.rmtree(folder, ignore_errors=True)
