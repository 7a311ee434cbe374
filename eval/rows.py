"""Reads JSON Lines row by row and refuses fields of the wrong kind by file, row and name; knows no gold format."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from rag.errors import GoldError

T = TypeVar("T")

SHOWN_CHARS = 60


@dataclass(frozen=True)
class Row:
    """One JSON object whose fields are read with their types; each reader raises ``GoldError`` for a wrong one.

    Attributes:
        place: File and row, for messages.
        values: The object.
    """

    place: str
    values: Mapping[str, Any]

    def error(self, field: str, problem: str) -> GoldError:
        """Return the error that says what is wrong with a field."""
        return GoldError(f"{self.place}, field {field!r}: {problem}")

    def id(self) -> str:
        """Return the row's id, which BEIR calls ``_id``."""
        return self.text("_id" if "_id" in self.values else "id")

    def text(self, field: str, default: str | None = None) -> str:
        """Return a text that is not blank, or ``default`` where it is missing or null; then it may be blank too."""
        value = self.values.get(field)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or not (value.strip() or default is not None):
            raise self.error(field, f"has to be a text that is not empty, got {shown(value)}")
        return self._encodable(field, value)

    def texts(self, field: str) -> tuple[str, ...]:
        """Return a list of texts that are not blank; empty when the field is missing or null."""
        values = self.values.get(field)
        values = [] if values is None else values
        if not isinstance(values, list) or not all(isinstance(v, str) and v.strip() for v in values):
            raise self.error(field, f"has to be a list of texts that are not empty, got {shown(values)}")
        return tuple(self._encodable(field, value) for value in values)

    def flag(self, field: str) -> bool:
        """Return a truth value, which has to be there."""
        value = self.values.get(field)
        if not isinstance(value, bool):
            raise self.error(field, f"has to be true or false, got {shown(value)}")
        return value

    def items(self, field: str) -> list[Row]:
        """Return a list of objects as rows; empty when the field is missing or null."""
        values = self.values.get(field)
        values = [] if values is None else values
        if not isinstance(values, list) or not all(isinstance(v, dict) for v in values):
            raise self.error(field, f"has to be a list of objects, got {shown(values)}")
        return [Row(f"{self.place}, {field}[{i}]", value) for i, value in enumerate(values)]

    def offsets(self, first: str, last: str) -> tuple[int, int] | tuple[None, None]:
        """Return a half-open range of characters that is not empty, or two ``None`` when neither field is given."""
        start, end = self.values.get(first), self.values.get(last)
        if start is None and end is None:
            return None, None
        # JSON's true is an int to Python.
        if type(start) is not int or type(end) is not int or not 0 <= start < end:
            rule = f"whole numbers with 0 <= {first} < {last}"
            raise self.error(first, f"[{shown(start)}, {shown(end)}) is no span: it takes {rule}")
        return start, end

    def _encodable(self, field: str, value: str) -> str:
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise self.error(field, f"holds half a surrogate pair at character {error.start}") from error
        return value


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a JSON Lines file.

    Args:
        path: The file, in UTF-8; blank lines are passed over.

    Yields:
        One row a line, numbered as in the file.

    Raises:
        GoldError: The file cannot be read, is not UTF-8, or a line is no JSON object.
    """
    number = 0
    try:
        # A file parts its lines at line ends alone; splitlines() would part them inside of texts too.
        with path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    place = f"{path}: row {number}"
                    yield Row(place, _json_object(line, place))
    except UnicodeDecodeError as error:
        raise GoldError(f"{path}: after row {number}: not UTF-8 ({error.reason}); save the file as UTF-8") from error
    except OSError as error:
        raise GoldError(f"{path} cannot be read: {error.strerror}") from error


def read_unique(path: Path, read: Callable[[Row], T]) -> dict[str, T]:
    """Read a JSON Lines file whose rows have ids.

    Args:
        path: The file.
        read: Makes a value of a row.

    Returns:
        The values by id, in order.

    Raises:
        GoldError: Two rows have one id, the file holds none, or a row cannot be read.
    """
    values: dict[str, T] = {}
    for row in read_rows(path):
        if row.id() in values:
            raise row.error("id", f"{row.id()!r} is the id of an earlier row too; ids have to differ")
        values[row.id()] = read(row)
    if not values:
        raise GoldError(f"{path} holds no row")
    return values


def shown(value: object) -> str:
    """Return a JSON value on one line, cut when it is long."""
    text = json.dumps(value)
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"


def listed(names: Iterable[str]) -> str:
    """Return names for a message."""
    return ", ".join(names) or "none"


def _json_object(line: str, place: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise GoldError(f"{place}: not JSON ({error}); a gold set holds one JSON object a line") from error
    if not isinstance(value, dict):
        raise GoldError(f"{place}: expected a JSON object, got {shown(value)}")
    return value
