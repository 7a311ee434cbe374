"""Files opened without being led astray: only regular ones, never waited for; knows nothing of what is in them."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from io import BufferedReader
from pathlib import Path

from rag.errors import UnreadableSource

# What the system shows there is no document, and reading some of it never ends; memory that is used as a disk is one.
NO_DISKS, DISKS_IN_THEM = ("/proc", "/sys", "/dev"), ("/dev/shm",)  # noqa: S108
CHUNK_BYTES = 1_000_000


def open_regular(path: str | Path) -> BufferedReader:
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
    try:
        return open_no_link(path)
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error


def open_no_link(path: str | Path) -> BufferedReader:
    """Return a regular file, open for reading; links above it are followed.

    Args:
        path: The file.

    Returns:
        The file, which the caller closes.

    Raises:
        OSError: It cannot be opened; with ``ELOOP`` where it is a link, with ``EINVAL`` where it is no regular file.
        ValueError: The path can be none.
    """
    flags = os.O_RDONLY
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY"):
        flags |= getattr(os, name, 0)
    if not hasattr(os, "O_NOFOLLOW") and os.path.islink(path):
        raise OSError(errno.ELOOP, "it is a link")
    descriptor = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file")
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
    if isinstance(error, OSError) and error.errno == errno.EINVAL:
        return UnreadableSource(f"cannot read {path}: it is no regular file; put one in its place")
    reason = error.strerror if isinstance(error, OSError) else error
    return UnreadableSource(f"cannot read {path}: {reason}; check the path and its permissions")


def is_no_disk(real_path: str) -> bool:
    """Tell whether a path, without links, shows processes and devices of the system rather than files."""
    if os.name != "posix" or _below(real_path, DISKS_IN_THEM):
        return False
    return _below(real_path, NO_DISKS)


def _below(path: str, folders: tuple[str, ...]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)
