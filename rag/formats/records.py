"""CSV and JSON to readable text: each row or record a sentence of its fields, long texts as paragraphs."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import Any

from rag.formats.extracted import Extracted, UnreadableError, heading, leading_day, unpaged
from rag.formats.rows import rows_to_lines

MOST_FIELD_CHARS = 120
TITLES = ("title", "name", "headline", "subject")
DATES = ("date", "published", "date_published", "datePublished")
DELIMITERS = ",;\t|"
SAMPLE_CHARS = 20_000


def csv_to_text(text: str, *, delimiters: str = DELIMITERS) -> Extracted:
    """Return the rows of a table in plain text.

    Args:
        text: CSV with a row of headings, or without one.
        delimiters: What may separate its cells.

    Returns:
        One line a row.

    Raises:
        UnreadableError: A cell is beyond all bounds.
    """
    sample = text[:SAMPLE_CHARS]
    delimiter = max(delimiters, key=lambda mark: _evenness(sample, mark))
    try:
        return unpaged(rows_to_lines(list(csv.reader(text.splitlines(keepends=True), delimiter=delimiter))))
    except csv.Error as error:
        raise UnreadableError(f"is no table in plain text: {error}") from None


def _evenness(sample: str, delimiter: str) -> float:
    """Return how many cells a row has with a delimiter, times the share of the rows that have so many."""
    try:
        widths = [len(row) for row in csv.reader(sample.splitlines(keepends=True), delimiter=delimiter) if row]
    except csv.Error:
        return 0.0
    usual = max(set(widths), key=widths.count, default=1)
    return (usual - 1) * widths.count(usual) / max(1, len(widths))


def json_to_text(text: str, *, lines: bool, depth: int) -> Extracted:
    """Return what a JSON document says.

    Args:
        text: One JSON document, or one a line.
        lines: Whether it is one a line.
        depth: How deeply its values may be nested.

    Returns:
        Each record a block; a short ``title`` or ``name`` is its heading, and of a file of one record its title.

    Raises:
        UnreadableError: It is no JSON, or nested more deeply.
    """
    blocks: list[str] = []
    values = []
    documents = text.splitlines() if lines else [text]
    for number, document in enumerate(documents, start=1):
        if document.strip():
            where = f" in line {number:,}" if lines else ""
            values.append(_value(document, where, depth))
            blocks += _blocks(values[-1], "", level=1, depth=depth)
    only = _only_record(values)
    return unpaged(blocks, title=_title(only), date=_date(only))


def _only_record(values: Any) -> dict[str, Any]:
    """Return the record that a file consists of, with no fields where it holds several or none."""
    while isinstance(values, list) and len(values) == 1:
        values = values[0]
    return values if isinstance(values, dict) else {}


def _title(record: dict[str, Any]) -> str:
    return next((record[key] for key in TITLES if isinstance(record.get(key), str) and not _is_long(record[key])), "")


def _date(record: dict[str, Any]) -> str | None:
    days = (leading_day(record[key]) for key in DATES if isinstance(record.get(key), str))
    return next(filter(None, days), None)


def _value(text: str, where: str, depth: int) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise TooDeepError(depth) from None
    except ValueError as error:
        raise UnreadableError(f"is no JSON{where}: {error}") from None


class TooDeepError(UnreadableError):
    """Values are nested more deeply than is allowed."""

    def __init__(self, depth: int) -> None:
        """Say so; the one who knows the setting adds its name."""
        super().__init__(f"is nested more than {depth} levels deep")


def _blocks(value: Any, name: str, *, level: int, depth: int) -> Iterator[str]:
    """Yield the blocks of a value; `level` is how deep it lies."""
    if level > depth:
        raise TooDeepError(depth)
    if isinstance(value, dict):
        yield from _record(value, name, level=level, depth=depth)
    elif isinstance(value, list):
        if all(not isinstance(item, dict | list) for item in value):
            yield _field(name, ", ".join(map(_scalar, value)))
            return
        for item in value:
            yield from _blocks(item, name, level=level + 1, depth=depth)
    elif _is_long(value):
        yield str(value)
    else:
        yield _field(name, _scalar(value))


def _record(record: dict[str, Any], name: str, *, level: int, depth: int) -> Iterator[str]:
    yield heading(_title(record) or name, level)
    short = {key: value for key, value in record.items() if not isinstance(value, dict | list) and not _is_long(value)}
    rest = {key: value for key, value in record.items() if key not in short}
    fields = [f"{key}: {_scalar(value)}" for key, value in short.items() if value not in (None, "")]
    if fields:
        yield "; ".join(fields) + "."
    for key, value in rest.items():
        yield from _blocks(value, key, level=level + 1, depth=depth)


def _field(name: str, text: str) -> str:
    return f"{name}: {text}." if name and text else text


def _is_long(value: Any) -> bool:
    return isinstance(value, str) and (len(value) > MOST_FIELD_CHARS or "\n" in value)


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
