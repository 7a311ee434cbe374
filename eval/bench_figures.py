"""Figures of the benchmarks: percentiles, ratios, fair orders, sizes and tables; knows nothing of what is measured."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share in [0, 1] of the values lie, interpolated linearly between neighbours."""
    return float(np.quantile(np.asarray(values, dtype=np.float64), share))


def spread(values: Sequence[float], *, digits: int = 2) -> str:
    """Return the median of some ratios or times, with the least and the greatest in brackets."""
    low, middle, high = (f"{value:.{digits}f}" for value in (min(values), statistics.median(values), max(values)))
    return f"{middle} [{low}, {high}]"


def milliseconds(seconds: float) -> str:
    """Return a time in milliseconds, to a tenth."""
    return f"{1000 * seconds:.1f}"


def megabytes(size_bytes: float) -> str:
    """Return a size in units of a million bytes."""
    return f"{size_bytes / 1e6:,.1f} MB"


def table(*rows: Sequence[object]) -> str:
    """Return rows as a Markdown table, the first one its heading."""
    heading, *others = rows
    lines = [heading, ["---"] * len(heading), *others]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def slices(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """Return the items in runs of a size; the last one may be shorter."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def turns(names: Sequence[T], rounds: int) -> Iterator[list[T]]:
    """Yield an order of the names for each round, each name first equally often, so that no place favours one."""
    for number in range(rounds):
        first = number % len(names)
        yield [*names[first:], *names[:first]]


def disk(folder: Path) -> dict[str, int]:
    """Return bytes by kind of file in a library's folder: its database, vector and lexical indexes, and the rest.

    Args:
        folder: The library's.

    Returns:
        Bytes by kind; those of a file that two generations share count once.
    """
    sizes = {"database": 0, "vectors": 0, "lexical": 0, "other": 0}
    seen = set()
    for path in sorted(folder.rglob("*")):
        status = path.stat()
        if path.is_file() and (status.st_dev, status.st_ino) not in seen:
            seen.add((status.st_dev, status.st_ino))
            sizes[_kind(path.relative_to(folder))] += status.st_size
    return sizes


def _kind(path: Path) -> str:
    if path.name.startswith("library.sqlite3"):
        return "database"
    return next((kind for kind in ("lexical", "vectors") if any(kind in part for part in path.parts)), "other")


def peak_bytes() -> int:
    """Return the most memory that this process has had at once, pages of files mapped into it included."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not getrusage: what that gives outlives exec, so a child would begin with its parent's.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
