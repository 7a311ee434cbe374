"""What documents are filtered by, as numbers that Milvus compares: equal values have equal numbers, others other ones.

The rules are those of `rag.filters`. A value of a document is a number of 63 bits, a digest of its name and itself, so
that no value has to be written into a condition, whatever its characters; a day is a number too, which can be compared.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rag.errors import LibraryError
from rag.filters import BOUNDS, COLUMNS, METADATA
from rag.milvus.schema import MOST_PARTS
from rag.milvus.terms import number
from rag.schema import Document


def facets(document: Document) -> list[int]:
    """Return the numbers of all that a document can be filtered by, but for a range of days.

    Args:
        document: The document.

    Returns:
        Numbers, each once.

    Raises:
        LibraryError: They are more than Milvus keeps of a row.
    """
    found = list(dict.fromkeys(map(number, _facets(document))))
    if len(found) > MOST_PARTS:
        raise LibraryError(
            f"document {document.id!r} has {len(found)} values to be filtered by, and Milvus keeps {MOST_PARTS}; "
            "shorten its metadata"
        )
    return found


def day(date: str | None) -> int:
    """Return a day, YYYY-MM-DD, as a number in the same order; 0 for none."""
    return int(date.replace("-", "")) if date else 0


def named(name: str) -> int:
    """Return the number of having metadata of a name, whatever their value."""
    return number(f"name\0{name}")


def condition(filters: Mapping[str, Any]) -> str | None:
    """Return the condition that a row of documents passes every filter.

    Args:
        filters: Filters that `rag.filters.check_filters` accepts.

    Returns:
        The condition; ``None`` where nothing can pass them, as with an empty list of allowed values.
    """
    clauses = [_clause(name, wanted) for name, wanted in filters.items()]
    return None if None in clauses else " and ".join(clause for clause in clauses if clause)


def _clause(name: str, wanted: Any) -> str | None:
    allowed = list(wanted) if isinstance(wanted, list | tuple | set | frozenset) else [wanted]
    if name in BOUNDS:
        return f"(day > 0 and day {BOUNDS[name]} {day(wanted)})"
    if name == "folder":
        texts: Iterable[str] = (_below(folder.removesuffix("/")) for folder in allowed)
    elif name in COLUMNS:
        texts = (_column(name, value) for value in allowed)
    else:
        texts = (_metadata(METADATA.get(name, name), value) for value in allowed)
    numbers = sorted({number(text) for text in texts})
    return f"array_contains_any(facets, {numbers})" if numbers else None


def _facets(document: Document) -> Iterator[str]:
    yield _column("document_id", document.id)
    yield _column("title", document.title)
    yield _column("language", document.language)
    yield _column("source", document.source)
    if document.date:
        yield _column("date", document.date)
    for place, character in enumerate(document.id):
        if character == "/":
            yield _below(document.id[:place])
    # As it is kept and read again.
    for name, value in json.loads(json.dumps(dict(document.metadata))).items():
        yield f"name\0{name}"
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str | int | float):
                yield _metadata(name, one)


def _column(name: str, value: str) -> str:
    return f"column\0{name}\0{value}"


def _below(folder: str) -> str:
    return f"folder\0{folder}"


def _metadata(name: str, value: str | float) -> str:
    """Return a value of metadata as text: numbers that are equal give the same, and true is 1, as SQLite has it."""
    if isinstance(value, str):
        return f"text\0{name}\0{value}"
    whole = isinstance(value, int) or value.is_integer()
    if whole and abs(value) < 2**63:
        return f"number\0{name}\0{int(value)}"
    try:
        return f"number\0{name}\0{float(value)!r}"
    except OverflowError:
        return f"number\0{name}\0{math.inf if value > 0 else -math.inf!r}"
