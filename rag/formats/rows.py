"""Rows of a table to lines that can be read by themselves: each cell behind the heading of its column."""

from __future__ import annotations

import re
from collections.abc import Sequence

MOST_HEADING_CHARS = 60
_VALUE = re.compile(r"\W*\d[\d.,:/%\s-]*\D{0,3}$")
_ENDS = re.compile(r"[.!?。！？]$")


def rows_to_lines(rows: Sequence[Sequence[str]], *, headed: bool | None = None) -> list[str]:
    """Return the rows of a table, each as a sentence, such as ``Kind: Ferry; Fee: 1,450.`` for two cells.

    Args:
        rows: Cells by row; rows may be of different lengths.
        headed: Whether the first row has the headings of the columns; ``None`` to tell by its cells.

    Returns:
        One line a row; the headings are in every line and have none of their own, unless there is nothing else. Empty
        rows are left out.
    """
    table = [[" ".join(cell.split()) for cell in row] for row in rows]
    table = [row for row in table if any(row)]
    if not table:
        return []
    if headed is None:
        headed = _are_headings(table[0])
    if len(table) == 1 or not headed:
        return [_sentence([cell for cell in row if cell]) for row in table]
    names = table[0]
    return [_sentence(_named(names, row)) for row in table[1:]]


def _named(names: Sequence[str], row: Sequence[str]) -> list[str]:
    cells = []
    for number, cell in enumerate(row):
        name = names[number].rstrip(":：") if number < len(names) else ""
        if cell:
            cells.append(f"{name}: {cell}" if name and name != cell else cell)
    return cells


def _sentence(cells: Sequence[str]) -> str:
    line = "; ".join(cells)
    return line if _ENDS.search(line) else f"{line}."


def _are_headings(row: Sequence[str]) -> bool:
    """Whether a row can be headings: several, short, all different, none of them a value."""
    names = [cell for cell in row if cell]
    return (
        len(names) > 1
        and len(names) * 2 >= len(row)
        and len(set(names)) == len(names)
        and all(len(name) <= MOST_HEADING_CHARS and not _VALUE.match(name) for name in names)
    )
