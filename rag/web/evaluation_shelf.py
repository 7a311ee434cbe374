"""What came of evaluations, kept with their library so that it outlives the service; knows no metric and no page.

    LIBRARY/evaluations/ID.json   an evaluation that is done, with its result
    LIBRARY/evaluations/ID.html   its report

A library may come from somebody else: what is not an evaluation is passed over, and a report is shown to readers as
every other, where its script can reach nothing of the service.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from rag.errors import LibraryDamaged
from rag.files import read_json, read_small, replace_file

FOLDER = "evaluations"
# Of each library; those before them are deleted.
MOST_KEPT = 10
# The report of six thousand questions has some 15 MB.
MOST_REPORT_BYTES = 100_000_000
_ID = re.compile(r"[0-9a-f]{12}", re.ASCII)


def put(library: Path, evaluation_id: str, kept: Mapping[str, Any], report: str) -> bool:
    """Keep an evaluation and its report, and delete those that are too many.

    Args:
        library: Folder of the library.
        evaluation_id: Names it.
        kept: What is to be known of it, as JSON values.
        report: Its report.

    Returns:
        Whether they are kept; not where the disk is full or may not be written, or a link
            would lead elsewhere.
    """
    folder = library / FOLDER
    if folder.is_symlink():
        return False
    try:
        folder.mkdir(exist_ok=True)
        # What names it comes last: without its report it is not listed.
        replace_file(folder / f"{evaluation_id}.html", report.encode("utf-8", "replace"))
        replace_file(folder / f"{evaluation_id}.json", json.dumps(kept).encode())
    except OSError:
        return False
    for old in _newest_first(folder)[MOST_KEPT:]:
        for suffix in (".json", ".html"):
            with suppress(OSError):
                (folder / f"{old}{suffix}").unlink()
    return True


def kept(library: Path) -> dict[str, dict[str, Any]]:
    """Return what is known of the evaluations of a library, by id, the oldest first.

    Args:
        library: Folder of the library.

    Returns:
        What `put` was given; of at most so many as are kept.
    """
    found = {}
    for evaluation_id in reversed(_newest_first(library / FOLDER)[:MOST_KEPT]):
        with suppress(LibraryDamaged):
            found[evaluation_id] = read_json(library / FOLDER / f"{evaluation_id}.json")
    return found


def report(library: Path, evaluation_id: str) -> str | None:
    """Return the report of an evaluation; ``None`` where it is gone."""
    try:
        data = read_small(library / FOLDER / f"{evaluation_id}.html", most_bytes=MOST_REPORT_BYTES)
    except LibraryDamaged:
        return None
    return data.decode("utf-8", "replace")


def _newest_first(folder: Path) -> list[str]:
    found = []
    with suppress(OSError):
        for path in folder.iterdir():
            if path.suffix == ".json" and _ID.fullmatch(path.stem):
                found.append((path.lstat().st_mtime_ns, path.stem))
    return [evaluation_id for _, evaluation_id in sorted(found, reverse=True)]
