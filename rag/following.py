"""The command that follows files: prints one line for each commit, and for each thing that went wrong."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rag.library import Library
from rag.printable import one_line, shown
from rag.watch import Follower
from rag.writer import IndexReport


@dataclass
class Teller:
    """Says what was taken over, in lines that are written at once.

    Attributes:
        changes: Says in words what a report counts.
        as_json: Whether a line is the report as JSON.
        failed: What could not be indexed so far, by source; said once.
    """

    changes: Callable[[IndexReport], str]
    as_json: bool
    failed: Mapping[str, str] = field(default_factory=dict)

    def tell(self, report: IndexReport) -> None:
        """Print what was committed, if anything was, and what could not be indexed, if that is new."""
        if report.added or report.updated or report.removed or report.renamed:
            print(json.dumps(asdict(report), ensure_ascii=False) if self.as_json else self._line(report), flush=True)
        for source, reason in report.failed.items():
            if self.failed.get(source) != reason:
                self.complain(f"left out {source!r}: {one_line(Exception(reason))}")
        self.failed = report.failed

    def complain(self, line: str) -> None:
        """Print one line on what went wrong."""
        print(f"rag: {shown(' '.join(line.split()))}", file=sys.stderr, flush=True)

    def _line(self, report: IndexReport) -> str:
        return (
            f"{time.strftime('%H:%M:%S')} {self.changes(report)}; {report.documents} documents, {report.passages} "
            f"passages; {report.embedded} embedded in {report.seconds:.1f} s"
        )


def following(library: Library, paths: list[str], teller: Teller) -> Follower[IndexReport]:
    """Return what keeps a library in step with files and folders until it is interrupted.

    Args:
        library: The library.
        paths: The files and folders.
        teller: Says what is done.

    Returns:
        The follower, which has not begun.
    """
    return Follower([Path(p) for p in paths], lambda: library.index(paths), teller.tell, teller.complain)
