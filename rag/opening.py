"""Files opened without being led astray: only regular ones, never waited for; knows nothing of what is in them."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path
from typing import BinaryIO

from rag.errors import UnreadableSource

# What the system shows there is no document, and reading some of it never ends; memory that is used as a disk is one.
NO_DISKS, DISKS_IN_THEM = ("/proc", "/sys", "/dev"), ("/dev/shm",)  # noqa: S108
CHUNK_BYTES = 1_000_000


def open_regular(path: str | Path) -> BinaryIO:
    """Return a regular file, open for reading.

    What a file was when it was found says nothing of what is there now: a link is not followed, and a pipe, which
    would keep its reader waiting for ever, or a device is not read.

    Args:
        path: The file; links above it are followed.

    Returns:
        The file, which the caller closes.

    Raises:
        UnreadableSource: It cannot be opened, or is no regular file.
    """
    flags = os.O_RDONLY
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY"):
        flags |= getattr(os, name, 0)
    try:
        descriptor = os.open(path, flags)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise UnreadableSource(f"cannot read {path}: it is no regular file; put one in its place")
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error
    return os.fdopen(descriptor, "rb")


def file_digest(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal.

    Args:
        path: A file of any size or format; it is not read into memory at once.

    Returns:
        64 digits, letters in lower case; of a file that grows meanwhile, for what it held when it was opened.

    Raises:
        UnreadableSource: The file cannot be opened or read.
    """
    digest = hashlib.sha256()
    with open_regular(path) as file:
        try:
            left = os.fstat(file.fileno()).st_size
            while left > 0 and (chunk := file.read(min(left, CHUNK_BYTES))):
                digest.update(chunk)
                left -= len(chunk)
        except OSError as error:
            raise unreadable(path, error) from error
    return digest.hexdigest()


def unreadable(path: str | Path, error: OSError | ValueError) -> UnreadableSource:
    """Return the error for a file that cannot be opened or read."""
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return UnreadableSource(f"cannot read {path}: it is a link now; put a file in its place, or index again")
    reason = error.strerror if isinstance(error, OSError) else error
    return UnreadableSource(f"cannot read {path}: {reason}; check the path and its permissions")


def is_no_disk(real_path: str) -> bool:
    """Tell whether a path, without links, shows processes and devices of the system rather than files."""
    if os.name != "posix" or _below(real_path, DISKS_IN_THEM):
        return False
    return _below(real_path, NO_DISKS)


def _below(path: str, folders: tuple[str, ...]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)
