"""Who is writing to a library and since when, kept beside the lock for those who meet it; knows nothing of libraries.

The lock itself is the operating system's and goes with its process; this says only whose it is, and may be left behind.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from rag.errors import LibraryDamaged
from rag.files import read_json, replace_file
from rag.printable import shown

HOLDER = "writer.json"
MOST_CHARS = 120


def note_holder(folder: Path) -> None:
    """Note that this process writes; where that cannot be noted, those who meet the lock are told less."""
    command = " ".join([os.path.basename(sys.argv[0]), *sys.argv[1:]])[:MOST_CHARS]
    said = {"pid": os.getpid(), "command": command, "since": time.time()}
    with suppress(OSError):
        replace_file(folder / HOLDER, json.dumps(said).encode(), durable=False)


def forget_holder(folder: Path) -> None:
    """Take that back."""
    with suppress(OSError):
        (folder / HOLDER).unlink(missing_ok=True)


def holder(folder: Path) -> str:
    """Return who writes, such as ``process 4711 (rag index docs), for 12 s``; ``another process`` if none says."""
    try:
        said = read_json(folder / HOLDER)
        pid, command, since = int(said["pid"]), str(said["command"])[:MOST_CHARS], float(said["since"])
        return f"process {pid} ({shown(' '.join(command.split()))}), for {max(0.0, time.time() - since):.0f} s"
    except (LibraryDamaged, KeyError, TypeError, ValueError, OverflowError):
        return "another process"
