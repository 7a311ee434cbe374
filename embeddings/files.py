"""Writing a file whole or not at all; knows nothing of what is inside."""

from __future__ import annotations

import os
import uuid
from pathlib import Path


def write_whole(path: Path, data: bytes | memoryview) -> None:
    """Write ``data`` to ``path`` so that a reader sees the old file or the new one, never a part.

    Args:
        path: The file; its folder exists.
        data: All of its content.

    Raises:
        OSError: If it cannot be written, or the disk kept fewer bytes than were given.
    """
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        size_bytes = draft.stat().st_size
        if size_bytes != len(data):
            raise OSError(f"{path} has {size_bytes} of {len(data)} bytes after writing; is the disk full?")
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
