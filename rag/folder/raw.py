"""A database's file read beside SQLite, byte by byte, without taking away SQLite's locks on it.

On POSIX, a process that closes a file, however it came to open it, loses every lock that it has on that file, those of
SQLite included. So a file that was opened here stays open until the last who holds it lets go. Knows bytes alone.

Reference:
    SQLite, "How To Corrupt An SQLite Database File", 2.2, https://www.sqlite.org/howtocorrupt.html.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path


class RawFile:
    """One file, open as long as anybody in this process holds it; safe to share between threads."""

    _held: dict[tuple[int, int], RawFile] = {}  # noqa: RUF012  # that there is one for the whole process is the point
    _all = threading.Lock()

    def __init__(self, path: Path, identity: tuple[int, int]) -> None:
        """Take a file; users call `hold`."""
        self._path = path
        self._identity = identity
        self._lock = threading.Lock()
        self._holders = 0
        self._descriptors: dict[int, int] = {}

    @classmethod
    def hold(cls, path: Path) -> RawFile:
        """Return a file, which whoever gets it releases after everything else of theirs that has it open is closed.

        Args:
            path: The file.

        Returns:
            It; opened when it is first read.

        Raises:
            OSError: It is not there.
        """
        found = os.stat(path)
        identity = (found.st_dev, found.st_ino)
        with cls._all:
            raw = cls._held.setdefault(identity, cls(path, identity))
            # It may have been renamed since, with its folder.
            raw._path = path
            raw._holders += 1
            return raw

    def release(self) -> None:
        """Let go of it, which closes it if nobody else holds it."""
        with self._all:
            self._holders -= 1
            if not self._holders:
                self._held.pop(self._identity, None)
                for descriptor in self._descriptors.values():
                    os.close(descriptor)
                self._descriptors = {}

    def read(self, start: int, size_bytes: int) -> bytes:
        """Return what stands in it.

        Args:
            start: Number of the first byte, from 0.
            size_bytes: Number of bytes.

        Returns:
            The bytes; fewer where it ends before.

        Raises:
            OSError: It cannot be read, or is another file by now.
        """
        with self._lock:
            descriptor = self._opened(os.O_RDONLY)
            os.lseek(descriptor, start, os.SEEK_SET)
            parts: list[bytes] = []
            # A disk on another machine may give less at a time.
            while size_bytes > 0 and (part := os.read(descriptor, size_bytes)):
                parts.append(part)
                size_bytes -= len(part)
            return b"".join(parts)

    def write(self, start: int, data: bytes) -> None:
        """Put bytes in the place of others, and wait until they are on the disk.

        Args:
            start: Number of the first byte, from 0.
            data: The bytes.

        Raises:
            OSError: It cannot be written.
        """
        with self._lock:
            descriptor = self._opened(os.O_RDWR)
            os.lseek(descriptor, start, os.SEEK_SET)
            os.write(descriptor, data)
            os.fsync(descriptor)

    def size_bytes(self) -> int:
        """Return its size.

        Returns:
            The number of its bytes.

        Raises:
            OSError: It cannot be opened.
        """
        with self._lock:
            return os.fstat(self._opened(os.O_RDONLY)).st_size

    def _opened(self, access: int) -> int:
        if access not in self._descriptors:
            flags = access | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
            descriptor = self._descriptors[access] = os.open(self._path, flags)
            found = os.fstat(descriptor)
            if (found.st_dev, found.st_ino) != self._identity:
                # Never closed for that: it may be what another store has open.
                raise OSError(f"{self._path} is another file than the one that was opened")
        return self._descriptors[access]
