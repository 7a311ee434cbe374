"""Filters of a question: which documents may be searched, checked, said in words, and as a condition on their rows.

    document_id, title, language, source     equal to the value, or to one of a list of values
    folder                                   the id begins with the value and a "/"
    date, date_from, date_to                 on, from, or up to a day, YYYY-MM-DD; no date passes none of them
    tag                                      among the metadata ``tags``
    any other name                           equal to the metadata value of that name, or among them where it is a list

Knows the columns of the store's documents, and nothing of passages, indexes and questions.
"""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Iterable, Mapping
from typing import Any

from rag.errors import FilterError
from rag.schema import is_day

COLUMNS = {"document_id": "id", "title": "title", "date": "date", "language": "language", "source": "source"}
BOUNDS = {"date_from": ">=", "date_to": "<="}
# Names that every library knows; all others are those of metadata.
NAMES = (*COLUMNS, "folder", *BOUNDS)
# Metadata that a filter looks at, where it has a name of its own.
METADATA = {"tag": "tags"}
# An error names at most this many metadata names.
MOST_NAMES = 30


def check_filters(filters: Mapping[str, Any] | None) -> None:
    """Refuse filters that no document can pass, such as functions and operators: they would look like an empty result.

    Args:
        filters: Value, or list of allowed values, by name.

    Raises:
        FilterError: They are no mapping, hold anything but strings, finite numbers, booleans and lists of them, or a
            value that is no day or no text where one is wanted.
    """
    if filters is not None and not isinstance(filters, Mapping):
        raise FilterError(f"filter is a {type(filters).__name__}; it has to be a mapping of names to values")
    for name, wanted in (filters or {}).items():
        shown = " ".join(reprlib.repr(wanted).split())
        if not isinstance(name, str) or not _is_comparable(name):
            raise FilterError(f"filter {name!r} is no name; names are strings of valid Unicode")
        if not all(_is_comparable(value) for value in _values(wanted)):
            raise FilterError(
                f"filter {name!r} is {shown}; give a string of valid Unicode, a finite number, a boolean, "
                "or a list of them"
            )
        if rule := _broken_rule(name, wanted):
            raise FilterError(f"filter {name!r} is {shown}; it has to be {rule}")


def from_typed(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return filters given as text; a name that is given several times allows each of its values.

    A metadata value that is written like a number or a truth value allows that beside the text: which of the two the
    documents hold cannot be told from what was typed.

    Args:
        pairs: Names and values, as typed.

    Returns:
        Value, or list of allowed values, by name.
    """
    allowed: dict[str, list[Any]] = {}
    for name, text in pairs:
        allowed.setdefault(name, []).extend([text] if name in NAMES else _readings(text))
    return {name: values[0] if len(values) == 1 else values for name, values in allowed.items()}


def _readings(text: str) -> list[Any]:
    try:
        read = json.loads(text)
    except ValueError:
        return [text]
    return [text, read] if isinstance(read, int | float) and _is_comparable(read) else [text]


def unknown(name: str, metadata_names: Iterable[str]) -> FilterError:
    """Return the error for a filter of a name that no document has.

    Args:
        name: The name.
        metadata_names: Names of metadata that documents have.

    Returns:
        The error, which names those that are known.
    """
    known = list(metadata_names)
    tag = [given for given, own in METADATA.items() if own in known]
    rest = f" and {len(known) - MOST_NAMES} more" if len(known) > MOST_NAMES else ""
    names = " ".join(", ".join((*NAMES, *tag, *known[:MOST_NAMES])).split())
    return FilterError(f"no document has what filter {reprlib.repr(name)} asks for; known are {names}{rest}")


def metadata_name(name: str) -> str | None:
    """Return the name of the metadata that a filter looks at, ``None`` for one that every library knows."""
    return None if name in NAMES else METADATA.get(name, name)


def in_words(filters: Mapping[str, Any]) -> str:
    """Return filters as one would type them, in one line: ``folder=reports, year=2023 or 2024``."""
    return ", ".join(f"{name}={' or '.join(_texts(wanted)) or 'nothing'}" for name, wanted in filters.items())


def where(filters: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Return the condition that a row of documents passes every filter, in SQL, and the values of its parameters.

    Args:
        filters: Filters that `check_filters` accepts.

    Returns:
        A condition on the columns of documents, and values by name of parameter.
    """
    clauses: list[str] = ["true"]
    parameters: dict[str, str] = {}
    for number, (name, wanted) in enumerate(filters.items()):
        # Parameters alone come from outside; the names in the condition are those of this module.
        clause, values = _clause(name, list(_values(wanted)), number)
        clauses.append(clause)
        parameters |= values
    return " AND ".join(clauses), parameters


def _clause(name: str, allowed: list[Any], number: int) -> tuple[str, dict[str, str]]:
    if name == "folder":
        return _below(allowed, number)
    among = f"(SELECT value FROM json_each(:values{number}))"  # noqa: S608
    values = {f"values{number}": json.dumps(allowed)}
    if name in COLUMNS:
        return f"{COLUMNS[name]} IN {among}", values
    if name in BOUNDS:
        return f"date {BOUNDS[name]} {among}", values
    # Not json_extract: its path syntax knows no escapes, so that some names could not be said. Nor is a single value
    # made a list to be treated alike: SQLite writes numbers with 15 digits, and 1/3 has 16.
    clause = f"""EXISTS (SELECT 1 FROM json_each(metadata) AS own WHERE own.key = :name{number} AND (own.atom IN {among}
        OR own.type = 'array' AND EXISTS (SELECT 1 FROM json_each(own.value) AS one WHERE one.atom IN {among})))"""  # noqa: S608
    return clause, values | {f"name{number}": METADATA.get(name, name)}


def _below(folders: list[str], number: int) -> tuple[str, dict[str, str]]:
    """Return the condition that an id is below one of the folders.

    "0" follows "/": between the two lie all ids that begin with the folder, and the index of ids finds them.
    """
    named = {f"folder{number}_{i}": folder.removesuffix("/") for i, folder in enumerate(folders)}
    ranges = (f"(id >= :{name} || '/' AND id < :{name} || '0')" for name in named)
    return f"({' OR '.join(ranges) or 'false'})", named


def _broken_rule(name: str, wanted: Any) -> str | None:
    """Return what the value of a filter has to be, where it is not."""
    values = _values(wanted)
    if name in BOUNDS and not (isinstance(wanted, str) and is_day(wanted)):
        return "a day, YYYY-MM-DD"
    if name == "date" and not all(isinstance(v, str) and is_day(v) for v in values):
        return "a day, YYYY-MM-DD, or a list of them"
    if name == "folder" and not all(isinstance(v, str) and v.removesuffix("/") for v in values):
        return "the beginning of ids up to a '/', or a list of them"
    if name in COLUMNS and not all(isinstance(v, str) for v in values):
        return "a string, or a list of them"
    return None


def _values(wanted: Any) -> Iterable[Any]:
    return wanted if isinstance(wanted, list | tuple | set | frozenset) else [wanted]


def _texts(wanted: Any) -> Iterable[str]:
    texts = (str(v).lower() if isinstance(v, bool) else " ".join(str(v).split()) for v in _values(wanted))
    return dict.fromkeys(texts)


def _is_comparable(value: object) -> bool:
    if isinstance(value, str):
        return value.isascii() or not any("\ud800" <= c <= "\udfff" for c in value)
    return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
