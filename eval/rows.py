"""Reads JSON Lines row by row and names fields of the wrong kind by file, row and name; knows no gold format."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from rag.errors import GoldError

T = TypeVar("T")
# Is told each problem, one line each: `refuse` ends the reading at the first, `list.append` collects them all.
Report = Callable[[str], None]

SHOWN_CHARS = 60


def refuse(problem: str) -> None:
    """Raise a problem, so that reading ends at the first one.

    Args:
        problem: One line.

    Raises:
        GoldError: Always.
    """
    raise GoldError(f"{problem}; `rag eval check` lists all problems")


@dataclass(frozen=True)
class Row:
    """One JSON object whose fields are read with their types; a wrong one is noted and read as empty.

    Attributes:
        place: File and row, for messages.
        values: The object.
        faults: What was wrong with the fields read so far, one line each; shared with the rows of its ``items``.
    """

    place: str
    values: Mapping[str, Any]
    faults: list[str] = field(default_factory=list, compare=False)

    def fault(self, name: str, problem: str) -> None:
        """Note what is wrong with a field, once."""
        line = f"{self.place}, field {name!r}: {problem}"
        if line not in self.faults:
            self.faults.append(line)

    def id(self) -> str:
        """Return the row's id, which BEIR calls ``_id``."""
        return self.text("_id" if "_id" in self.values else "id")

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text that is not blank, or ``default`` where it is missing or null; then it may be blank too."""
        value = self.values.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or not (value.strip() or default is not None):
            self.fault(name, f"has to be a text that is not empty, got {shown(value)}")
            return ""
        return self._encodable(name, value)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts that are not blank; empty when the field is missing or null."""
        values = self.values.get(name)
        values = [] if values is None else values
        if not isinstance(values, list) or not all(isinstance(v, str) and v.strip() for v in values):
            self.fault(name, f"has to be a list of texts that are not empty, got {shown(values)}")
            return ()
        return tuple(self._encodable(name, value) for value in values)

    def flag(self, name: str) -> bool:
        """Return a truth value, which has to be there."""
        value = self.values.get(name)
        if not isinstance(value, bool):
            self.fault(name, f"has to be true or false, got {shown(value)}")
        return value is True

    def items(self, name: str) -> list[Row]:
        """Return a list of objects as rows; empty when the field is missing or null."""
        values = self.values.get(name)
        values = [] if values is None else values
        if not isinstance(values, list) or not all(isinstance(v, dict) for v in values):
            self.fault(name, f"has to be a list of objects, got {shown(values)}")
            return []
        return [Row(f"{self.place}, {name}[{i}]", value, self.faults) for i, value in enumerate(values)]

    def offsets(self, first: str, last: str) -> tuple[int, int] | tuple[None, None]:
        """Return a half-open range of characters that is not empty, or two ``None`` when neither field is given."""
        start, end = self.values.get(first), self.values.get(last)
        if start is None and end is None:
            return None, None
        # JSON's true is an int to Python.
        if type(start) is not int or type(end) is not int or not 0 <= start < end:
            rule = f"whole numbers with 0 <= {first} < {last}"
            self.fault(first, f"[{shown(start)}, {shown(end)}) is no span: it takes {rule}")
            return None, None
        return start, end

    def _encodable(self, name: str, value: str) -> str:
        try:
            value.encode()
        except UnicodeEncodeError as error:
            self.fault(name, f"holds half a surrogate pair at character {error.start}")
        return value


def read_lines(path: Path, report: Report) -> Iterator[tuple[str, str]]:
    """Yield the lines of a text file that are not blank.

    Args:
        path: The file, in UTF-8.
        report: Is told each line that is not UTF-8; the others are yielded all the same.

    Yields:
        File and row, numbered from 1 as in the file, and the line.

    Raises:
        GoldError: The file cannot be read.
    """
    try:
        # Parted at line ends alone: splitlines() would part lines inside of texts too.
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                place = f"{path}: row {number}"
                try:
                    text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError as error:
                    report(f"{place}: not UTF-8 ({error.reason} at byte {error.start}); save the file as UTF-8")
                    continue
                if text.strip():
                    yield place, text
    except OSError as error:
        raise GoldError(f"{path} cannot be read: {error.strerror}") from error


def read_rows(path: Path, report: Report = refuse) -> Iterator[Row]:
    """Yield the rows of a JSON Lines file.

    Args:
        path: The file, in UTF-8; blank lines are passed over.
        report: Is told each line that is no JSON object; the others are yielded all the same.

    Yields:
        One row a line, numbered as in the file.
    """
    for place, line in read_lines(path, report):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            report(f"{place}: not JSON ({error}); it takes one JSON object a line")
            continue
        if isinstance(value, dict):
            yield Row(place, value)
        else:
            report(f"{place}: expected a JSON object, got {shown(value)}")


def read_unique(path: Path, read: Callable[[Row], T], report: Report = refuse) -> list[T]:
    """Read a JSON Lines file whose rows have ids.

    Args:
        path: The file.
        read: Makes a value of a row, whose faults are reported.
        report: Is told each problem.

    Returns:
        The values, in order.

    Raises:
        GoldError: The file cannot be read or holds no row.
    """
    values: list[T] = []
    first_places: dict[str, str] = {}
    for row in read_rows(path, report):
        values.append(read(row))
        name = row.id()
        if name in first_places:
            row.fault("id", f"{name!r} is the id of {first_places[name]} too; ids have to differ")
        elif name:
            first_places[name] = row.place.rpartition(": ")[2]
        for fault in row.faults:
            report(fault)
    if not values:
        raise GoldError(f"{path} holds no row")
    return values


def shown(value: object) -> str:
    """Return a JSON value on one line, cut when it is long."""
    text = json.dumps(value, ensure_ascii=False)
    # Line separators, control characters and half surrogate pairs would break the line or the terminal.
    text = text if text.isprintable() else json.dumps(value)
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"


def listed(names: Iterable[str]) -> str:
    """Return names for a message."""
    return ", ".join(names) or "none"
