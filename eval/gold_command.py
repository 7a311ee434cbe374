"""The ``rag eval check`` and ``rag eval import`` commands: print what was found; know no rule and no format."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.printable import shown

if TYPE_CHECKING:
    from rag import Library, Settings


def run_check(path: Path, *, library: Library | None, settings: Settings | None = None, json_document: bool) -> int:
    """Check a gold set and print one line a problem, one line a warning and a summary.

    Args:
        path: The gold set.
        library: The library its evidence is in; ``None`` when there is none, or the gold set is a folder.
        settings: Those it will be evaluated with where there is no library; the defaults when ``None``.
        json_document: Whether to print one JSON document instead.

    Returns:
        1 when there is a problem, else 0.
    """
    from eval.check import check

    findings = check(path, library, settings=settings)
    if json_document:
        _write_json(vars(findings))
    else:
        lines = [*findings.problems, *(f"warning: {warning}" for warning in findings.warnings)]
        counts = (
            (findings.questions, "question"),
            (len(findings.problems), "problem"),
            (len(findings.warnings), "warning"),
        )
        summary = ", ".join(_counted(*count) for count in counts)
        sys.stdout.writelines(f"{shown(line)}\n" for line in (*lines, f"{path.name or path}: {summary}"))
    return 1 if findings.problems else 0


def run_import(format_name: str, source: Path, target: Path, *, library: Library | None, json_document: bool) -> int:
    """Convert a published or exported question set and print what became of it.

    What was moved, could not be located or was left out goes to standard error, one line each.

    Args:
        format_name: One of ``eval.formats.FORMATS``.
        source: What to convert.
        target: A ``.jsonl`` file of questions on the library, or a folder that brings its documents.
        library: The library of a ``.jsonl`` target.
        json_document: Whether to print one JSON document instead of the summary.

    Returns:
        0.
    """
    from eval.formats import convert

    conversion = convert(format_name, source, target, library=library)
    left_out = (f"left out: {line}" for line in conversion.left_out)
    told_of = (*conversion.moved, *conversion.not_located, *left_out, *conversion.notes)
    sys.stderr.writelines(f"{shown(line)}\n" for line in told_of)
    if json_document:
        _write_json(vars(conversion) | {"format": format_name, "target": str(target)})
        return 0
    moved = len(conversion.moved)
    told = [
        _counted(conversion.questions, "question"),
        f"{conversion.unanswerable} unanswerable",
        "" if conversion.documents is None else _counted(conversion.documents, "document"),
        f"{_counted(moved, 'answer')} moved to where {'it stands' if moved == 1 else 'they stand'}" if moved else "",
        f"{len(conversion.not_located)} not located" if conversion.not_located else "",
        f"{len(conversion.left_out)} left out" if conversion.left_out else "",
    ]
    sys.stdout.write(f"{shown(str(target))}: {', '.join(filter(None, told))}\n")
    return 0


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _write_json(values: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(values, indent=2, ensure_ascii=True) + "\n")
