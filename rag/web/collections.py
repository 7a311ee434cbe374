"""The libraries that one service holds side by side, by name; knows no requests and no pages."""

from __future__ import annotations

import os
import re
import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from rag.errors import CollectionError, CollectionNotFound, LibraryBusy, LibraryError
from rag.library import Library
from rag.location import DATABASE, LOCK
from rag.settings import Settings

# What stands in addresses, folder names and names of models alike.
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
DEFAULT = "default"


class Collections:
    """Libraries by name: one that is always there, and those in a folder, opened when they are first asked for.

    Safe to share between threads; usable as a context manager, which closes what it opened and not the library given.
    """

    def __init__(self, first: Library, *, root: Path | None = None, settings: Settings | None = None) -> None:
        """Serve one library, and those in a folder.

        Args:
            first: The library under the name ``default``, which its owner closes.
            root: Folder of which every subfolder that holds a library is served under its name; ``None`` for none.
            settings: Those that libraries in the folder are opened with; ``None`` for those of the environment.
        """
        self.first = first
        self.root = root
        self._settings = settings
        self._opened: dict[str, Library] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Collections:
        """Return the collections."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close them."""
        self.close()

    def close(self) -> None:
        """Close the libraries that were opened from the folder."""
        with self._lock:
            for library in self._opened.values():
                library.close()
            self._opened.clear()

    def names(self) -> list[str]:
        """Return all names, ``default`` first, the others in order."""
        found: list[str] = []
        if self.root is not None and self.root.is_dir():
            found = [p.name for p in self.root.iterdir() if NAME.fullmatch(p.name) and (p / DATABASE).is_file()]
        return [DEFAULT, *sorted(name for name in found if name != DEFAULT)]

    def folders(self) -> dict[str, Path]:
        """Return the folders of all libraries by name; none of them is opened for it."""
        return {name: self.first.path if name == DEFAULT else self._folder(name) for name in self.names()}

    def library(self, name: str | None = None) -> Library:
        """Return a library.

        Args:
            name: Its name; ``None`` for ``default``.

        Returns:
            The library, open; it is not the caller's to close.

        Raises:
            CollectionNotFound: There is none of this name.
            LibraryError: It cannot be opened.
        """
        if name is None or name == DEFAULT:
            return self.first
        with self._lock:
            if name in self._opened:
                return self._opened[name]
            if name not in self.names():
                raise CollectionNotFound(f"there is no library {name!r} here; GET /v1/libraries lists those there are")
            self._opened[name] = Library.open(self._folder(name), create=False, settings=self._settings)
            return self._opened[name]

    def create(self, name: str) -> Library:
        """Make an empty library in the folder.

        Args:
            name: A new name: small letters, digits, ``-`` and ``_``, at most 64.

        Returns:
            The library, open.

        Raises:
            CollectionError: The name is none, or taken, or there is no folder for it.
            LibraryError: It cannot be made.
        """
        with self._lock:
            if not NAME.fullmatch(name):
                raise CollectionError(
                    f"{name!r} is no name for a library; use 1 to 64 of the small letters a to z, digits, - and _"
                )
            folder = self._folder(name)
            if name in self.names() or folder.exists():
                raise CollectionError(f"there is a library {name!r} already; choose another name")
            self._opened[name] = Library.open(folder, create=True, settings=self._settings)
            return self._opened[name]

    def delete(self, name: str) -> None:
        """Remove a library of the folder with all it holds; its source files are not touched.

        Args:
            name: Its name.

        Raises:
            CollectionNotFound: There is none of this name.
            CollectionError: It is the one that is always there.
            LibraryBusy: It is being written to.
            LibraryError: It cannot be removed.
        """
        if name == DEFAULT:
            raise CollectionError("the library 'default' is the one this service was started with; it stays")
        library = self.library(name)
        folder = self._folder(name)
        # Renamed first: a name is free, or its library is whole.
        gone = folder.with_name(f".{name}-{uuid.uuid4().hex[:8]}")
        with self._lock, _unwritten(folder, name):
            library.close()
            self._opened.pop(name, None)
            try:
                os.replace(folder, gone)
                shutil.rmtree(gone)
            except OSError as error:
                raise LibraryError(f"cannot remove the library {name!r}: {error.strerror}") from error

    def _folder(self, name: str) -> Path:
        if self.root is None:
            raise CollectionError("this service holds one library; start it with --collections FOLDER for several")
        return self.root / name


@contextmanager
def _unwritten(folder: Path, name: str) -> Iterator[None]:
    """Hold the writer's lock of a library, so that nobody writes to one that is being removed."""
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise LibraryBusy(f"another process is writing to the library {name!r}; try again when it is done") from error
    try:
        yield
    finally:
        lock.release()
