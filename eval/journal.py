"""What an evaluation has found so far, on disk, so that one that was interrupted goes on where it was."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

KEPT_S = 7 * 24 * 3600.0


class Journal:
    """Records by question id; each is on disk before the next question is asked."""

    def __init__(self, file: IO[str], records: Mapping[str, Mapping[str, Any]]) -> None:
        """Go on from records that were read."""
        self._file = file
        self.records = dict(records)

    def append(self, record: Mapping[str, Any]) -> None:
        """Keep a record, which has an ``id``."""
        self._file.write(json.dumps(record, ensure_ascii=False) + "\n")
        # Handed to the system: what a killed process had written stays.
        self._file.flush()


@contextmanager
def open_journal(path: Path) -> Iterator[Journal | None]:
    """Open the journal of one evaluation; it is removed when the block ends without an error.

    Args:
        path: Its file, named after everything that decides what the evaluation finds.

    Yields:
        The journal, or ``None`` when another process has this very evaluation under way.
    """
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    _forget_old(path.parent)
    lock = FileLock(path.with_suffix(".lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        yield None
        return
    try:
        with path.open("a+", encoding="utf-8", errors="surrogatepass") as file:
            records = _read(file)
            yield Journal(file, records)
        path.unlink(missing_ok=True)
    finally:
        lock.release()
    path.with_suffix(".lock").unlink(missing_ok=True)


def _forget_old(folder: Path) -> None:
    """Remove journals that nobody went on with: what they were about has most likely changed since."""
    for file in folder.iterdir():
        with suppress(FileNotFoundError):
            if time.time() - file.stat().st_mtime > KEPT_S:
                file.unlink()


def _read(file: IO[str]) -> dict[str, Mapping[str, Any]]:
    """Return the records of a journal, and cut off what a killed process left of one."""
    file.seek(0)
    text = file.read()
    whole = text[: text.rfind("\n") + 1]
    if len(whole) < len(text):
        file.seek(0)
        file.truncate()
        file.write(whole)
        file.flush()
    return {record["id"]: record for record in map(json.loads, whole.split("\n")[:-1])}
