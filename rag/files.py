"""Small files of a library read with suspicion and written so that a crash leaves the old one or the new one.

A library may come from somebody else: a file of it may be a link to elsewhere, a pipe that never ends, or a gigabyte of
brackets. Knows nothing of what is inside.
"""

from __future__ import annotations

import errno
import json
import os
from io import BufferedReader
from pathlib import Path
from typing import Any

from rag.errors import LibraryDamaged
from rag.opening import open_no_link

# A manifest takes some 150 bytes for each of its files, of which there are some dozens.
MOST_BYTES = 16_000_000


def open_plain(path: Path) -> BufferedReader:
    """Open a file that is one: neither a link, a folder nor a device.

    Args:
        path: The file.

    Returns:
        It, open for reading; the caller closes it.

    Raises:
        LibraryDamaged: It is something else, or cannot be opened.
    """
    try:
        return open_no_link(path)
    except OSError as error:
        known = {errno.ELOOP: "is a link and not followed", errno.EINVAL: "is no file"}
        what = known.get(error.errno or 0, f"cannot be read ({error.strerror})")
        raise LibraryDamaged(f"{path} {what}; run: rag doctor") from error


def read_small(path: Path, *, most_bytes: int = MOST_BYTES) -> bytes:
    """Return what is in a small file.

    Args:
        path: The file.
        most_bytes: Its greatest size.

    Returns:
        Its bytes.

    Raises:
        LibraryDamaged: It cannot be read, is no plain file, or is larger.
    """
    try:
        with open_plain(path) as file:
            data = file.read(most_bytes + 1)
    except OSError as error:
        raise LibraryDamaged(f"{path} cannot be read ({error.strerror}); run: rag doctor") from error
    if len(data) > most_bytes:
        raise LibraryDamaged(f"{path} is larger than {most_bytes:,} bytes; run: rag doctor")
    return data


def parse_json(data: bytes, path: Path) -> dict[str, Any]:
    """Return the object that is in a JSON file.

    Args:
        data: Its bytes.
        path: The file, for the message.

    Returns:
        The object.

    Raises:
        LibraryDamaged: It holds none.
    """
    try:
        found = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise LibraryDamaged(f"{path} cannot be read ({brief(error)}); run: rag doctor") from error
    if not isinstance(found, dict):
        raise LibraryDamaged(f"{path} holds a {type(found).__name__}, not an object; run: rag doctor")
    return found


def read_json(path: Path) -> dict[str, Any]:
    """Return the object that is in a small JSON file.

    Args:
        path: The file.

    Returns:
        The object.

    Raises:
        LibraryDamaged: It cannot be read, or holds something else.
    """
    return parse_json(read_small(path), path)


def replace_file(path: Path, data: bytes, *, durable: bool = True, mode: int = 0o666) -> None:
    """Put a file in place in one step that survives a crash.

    Args:
        path: The file; its folder exists.
        data: All of its content.
        durable: Whether to wait until it is on the disk.
        mode: Who may do what with it, less what the process leaves to nobody.
    """
    temporary = path.with_name(path.name + ".new")
    # Never what a link of that name leads to.
    temporary.unlink(missing_ok=True)
    with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(data)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    os.replace(temporary, path)
    if durable:
        sync(path.parent)


def brief(said: object) -> str:
    """Return something for a message of one line, cut where it is long."""
    return " ".join(str(said).split())[:100]


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
