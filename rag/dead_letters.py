"""A file that names what could not be indexed: a line of JSON for each, with its path and the reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path


def check_writable(path: Path) -> None:
    """Refuse a place that nothing can be written to, before hours of work.

    Args:
        path: Where the list is to be; what is there stays until `write_failed`.

    Raises:
        OSError: It cannot be written to.
    """
    with path.open("a", encoding="utf-8"):
        pass


def write_failed(path: Path, failed: Mapping[str, str]) -> None:
    """Write what failed in a run, in place of an earlier list; an empty file where nothing did.

    Args:
        path: Where.
        failed: Reasons in one line, by path or id.

    Raises:
        OSError: It cannot be written to.
    """
    with path.open("w", encoding="utf-8") as file:
        for source, reason in failed.items():
            line = {"path": source, "reason": " ".join(reason.split())}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
