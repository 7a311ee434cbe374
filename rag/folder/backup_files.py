"""The files of a library beside its database that nobody else has: what was uploaded, and what readers said.

Knows where they lie and how they are copied, not what is in them. What can be made again, such as the indexes, is none
of them, and neither are tokens: a backup lets nobody in.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from rag.errors import LibraryDamaged
from rag.files import sync
from rag.folder.manifest import FileDigest
from rag.location import FEEDBACK, UPLOADS
from rag.opening import CHUNK_BYTES, open_no_link

KEPT = (UPLOADS, FEEDBACK)


def kept_files(library: Path) -> list[str]:
    """Return the files to keep as ``FOLDER/NAME``, in order.

    Args:
        library: Folder of the library.

    Returns:
        Files with a name that begins with no dot: others are of an upload or a removal under way, or locks. Links and
        folders are none of ours.
    """
    found = []
    for folder in KEPT:
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(library / folder) as entries:
            found += [f"{folder}/{e.name}" for e in entries if e.name[0] != "." and e.is_file(follow_symlinks=False)]
    return sorted(found)


def copy_kept(library: Path, draft: Path, names: Iterable[str]) -> dict[str, FileDigest]:
    """Copy files that may be replaced or go meanwhile; each copy is one that was there.

    Args:
        library: Where they are.
        draft: Where to.
        names: What `kept_files` found.

    Returns:
        Size and digest of each that was still there.

    Raises:
        OSError: One cannot be read or written.
    """
    copied = {}
    for name in names:
        with suppress(FileNotFoundError):
            copied[name] = _copy(library / name, draft / name)
    _sync_folders(draft)
    return copied


def restore_kept(backup: Path, draft: Path, files: Mapping[str, FileDigest]) -> None:
    """Copy the files of a backup.

    Args:
        backup: Where they are.
        draft: Where to.
        files: What they are to be.

    Raises:
        LibraryDamaged: One is missing, or is not what was written.
        OSError: One cannot be written.
    """
    for name, expected in files.items():
        try:
            found = _copy(backup / name, draft / name)
        except OSError as error:
            raise LibraryDamaged(f"{backup / name}: {error.strerror}; take another backup") from error
        if found != expected:
            raise LibraryDamaged(f"{backup / name} does not match its digest; take another backup")
    _sync_folders(draft)


def read_listed(listed: Any) -> dict[str, FileDigest]:
    """Return files as a backup lists them, which may have come from somebody else.

    Args:
        listed: Size and digest by ``FOLDER/NAME``.

    Returns:
        The same; no name leads anywhere else.

    Raises:
        TypeError: It is no such list.
    """
    if not isinstance(listed, dict):
        raise TypeError("its files are no list of files")
    for name in listed:
        folder, _, rest = name.partition("/")
        if folder not in KEPT or not rest or rest[0] == "." or any(c in rest for c in "/\\:\0"):
            raise TypeError(f"{name!r} is no file of a library")
    return {name: FileDigest(**values) for name, values in listed.items()}


def _copy(source: Path, target: Path) -> FileDigest:
    """Copy a file with its time, which tells whether it has changed."""
    size, digest = 0, hashlib.sha256()
    with open_no_link(source) as read:
        target.parent.mkdir(exist_ok=True)
        with target.open("xb") as written:
            while chunk := read.read(CHUNK_BYTES):
                size += written.write(chunk)
                digest.update(chunk)
            written.flush()
            stat = os.fstat(read.fileno())
            os.utime(target, ns=(stat.st_atime_ns, stat.st_mtime_ns))
            os.fsync(written.fileno())
    return FileDigest(size, digest.hexdigest())


def _sync_folders(draft: Path) -> None:
    for folder in KEPT:
        if (draft / folder).is_dir():
            sync(draft / folder)
