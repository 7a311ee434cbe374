"""Rows of a table as text, ``key: value; key: value``: the value behind the key that a question asks for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.answering.happenings import same, stem
from rag.answering.predicate import predicate
from rag.answering.wanted import Found
from rag.terms import FUNCTION_WORDS

PAIR = re.compile(r"(?P<key>[^:;\n]{1,60}): (?P<value>[^;\n]*?)(?=;|\.?$|\n)", re.MULTILINE)
LEAST_PAIRS = 2
WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class _Pair:
    key: frozenset[str]
    start_char: int
    end_char: int


def is_row(text: str) -> bool:
    """Tell whether a sentence is a row of a table."""
    found = list(PAIR.finditer(text))
    return len(found) >= LEAST_PAIRS and sum(len(m[0]) + 2 for m in found) >= len(text.strip()) - 1


def in_row(question: str, text: str, found: Sequence[Found]) -> list[Found]:
    """Return the values behind the key that a question asks for.

    Args:
        question: The question.
        text: The row.
        found: Values in it.

    Returns:
        The one; none where no key, or more than one, is asked for, or the row is not of what the question names.
    """
    words = [w for w in WORD.findall(question) if w.casefold() not in FUNCTION_WORDS]
    said = {w.casefold() for w in WORD.findall(text)}
    if any(word not in said for name in predicate(question).names for word in name):
        return []
    pairs = [_Pair(_stems(m["key"]), *m.span("value")) for m in PAIR.finditer(text)]
    asked = frozenset().union(*(same(word) for word in words))
    shares = [len(pair.key & asked) for pair in pairs]
    if not shares or not max(shares) or shares.count(max(shares)) > 1:
        return []
    pair = pairs[shares.index(max(shares))]
    return [v for v in found if pair.start_char <= v.start_char and v.end_char <= pair.end_char]


def _stems(text: str) -> frozenset[str]:
    return frozenset(stem(word) for word in WORD.findall(text))
