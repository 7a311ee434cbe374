"""What a program or a person gave, held to what it has to be before any work; knows no stage and no library.

A value of another type is a ``TypeError``, one that is out of range a ``ValueError``, a question that is none a
`QuestionError`, each in one line.
"""

from __future__ import annotations

import json
import os
import re
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from rag.errors import QuestionError
from rag.schema import Answer, Citation, Document, Span, is_day

# As a path "" would be the current folder, which nobody means whose variable is not set.
NO_PATH = "'' names no file or folder; name one, or . for the current folder"


def check_type(name: str, value: Any, kinds: type | tuple[type, ...], rule: str) -> None:
    """Refuse a value of another type; ``True`` and ``False`` are no numbers.

    Args:
        name: What the value is of.
        value: The value.
        kinds: Its types.
        rule: What it has to be, in words.

    Raises:
        TypeError: It is of none of them.
    """
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise TypeError(f"{name} is {reprlib.repr(value)}, of type {type(value).__name__}; it has to be {rule}")


def check_k(k: Any) -> None:
    """Refuse a number of passages that is none.

    Args:
        k: The number.

    Raises:
        TypeError: It is no whole number.
        ValueError: It is below 1.
    """
    check_type("k", k, Integral, "a whole number from 1")
    if k < 1:
        raise ValueError(f"k = {k}; it has to be at least 1")


def check_threshold(threshold: Any) -> None:
    """Refuse a confidence that is none.

    Args:
        threshold: The confidence.

    Raises:
        TypeError: It is no number.
        ValueError: It is not from 0 to 1.
    """
    check_type("threshold", threshold, Real, "a number from 0 to 1, or None")
    if not 0.0 <= threshold <= 1.0:
        raise ValueError(f"threshold = {threshold}; it has to be from 0 to 1")


def listed_paths(paths: Any) -> list[str | Path]:
    """Return a path, or several, as a list.

    Args:
        paths: One or several.

    Returns:
        Them.

    Raises:
        TypeError: One is no path.
    """
    several = not isinstance(paths, str | os.PathLike) and isinstance(paths, Iterable)
    found = list(paths) if several else [paths]
    for path in found:
        check_type("path", path, (str, os.PathLike), "a text or a pathlib.Path, or a list of them")
    return found


def listed_documents(documents: Any) -> list[Document]:
    """Return documents as a list.

    Args:
        documents: Several.

    Returns:
        Them.

    Raises:
        TypeError: They are not several, one is no document, or a field of one is of another type.
    """
    if isinstance(documents, Document | str | Mapping) or not isinstance(documents, Iterable):
        what = type(documents).__name__
        raise TypeError(f"documents is a {what}; it has to be a list of rag.Document, also where it is one: [document]")
    found = list(documents)
    for document in found:
        check_type("a document", document, Document, "a rag.Document")
        for name in ("id", "text", "title", "language", "source"):
            check_type(f"{name} of document {document.id!r}", getattr(document, name), str, "a text")
        check_type(f"metadata of {document.id!r}", document.metadata, Mapping, "a mapping")
    return found


def check_document(document: Document) -> None:
    """Refuse a document given as text whose date, pages or metadata cannot be kept as they are.

    Args:
        document: A document as it was given.

    Raises:
        ValueError: Its date is no day, its pages do not begin in its text, or its metadata do not survive JSON.
    """
    day = document.date
    if day and not (isinstance(day, str) and is_day(day)):
        raise ValueError(f"date of {document.id!r} is {day!r}; it has to be a day, YYYY-MM-DD, or None")
    starts = list(document.page_starts)
    if starts != sorted(starts) or (starts and not 0 <= starts[0] <= starts[-1] <= len(document.text)):
        raise ValueError(f"page_starts of {document.id!r} have to be offsets into its text, in ascending order")
    if not _survives_json(document.metadata):
        raise ValueError(
            f"metadata of {document.id!r} do not survive JSON; use names that are strings, and as values strings of "
            "valid Unicode, finite numbers, booleans, None, and lists and dicts of them"
        )


def _survives_json(values: Mapping[str, Any]) -> bool:
    try:
        given = dict(values)
        written = json.dumps(given, ensure_ascii=False, allow_nan=False).encode()
        return bool(json.loads(written) == given)
    except (TypeError, ValueError, RecursionError):
        return False


def check_question(question: str, *, most_chars: int) -> None:
    """Refuse a question that is empty or too long.

    Args:
        question: The question.
        most_chars: Longest question that is accepted.

    Raises:
        QuestionError: It is.
        TypeError: It is no text.
    """
    check_type("question", question, str, "a text")
    if not question.strip():
        raise QuestionError("the question is empty; ask something, for example: rag ask 'Who wrote this?'")
    if not question.isascii() and re.search("[\ud800-\udfff]", question):
        raise QuestionError("the question holds half of a surrogate pair, which is no Unicode text; type it anew")
    if len(question) > most_chars:
        raise QuestionError(
            f"the question has {len(question):,} characters, more than {most_chars:,}; "
            "ask something shorter, or raise the setting question_chars"
        )


def earlier_answers(history: Any, *, most: int) -> Sequence[Answer]:
    """Return the answers before a question.

    Args:
        history: Answers, or mappings that hold as much of each as a follow-up may point back to: ``question`` and, as
            far as they are known, ``text``, ``query``, ``abstained`` and ``citations`` with their ``quote``, ``title``,
            ``start_char`` and ``highlight``.
        most: How many of the last ones are read; the others are not even looked at.

    Returns:
        The last answers.

    Raises:
        TypeError: It is no sequence of them, or a value is of another type.
    """
    check_type("history", history, Sequence, "a list of answers, oldest first")
    return [earlier if isinstance(earlier, Answer) else _earlier(earlier) for earlier in history[-most:]]


def _earlier(values: Any) -> Answer:
    rule = "a rag.Answer, or a mapping that has a question and a text"
    check_type("an answer of history", values, Mapping, rule)
    texts = {name: values.get(name, "") for name in ("text", "query")} | {"question": values.get("question")}
    for name, text in texts.items():
        check_type(f"{name} in history", text, str, "a text")
    citations = values.get("citations", ())
    check_type("citations in history", citations, Sequence, "a list of citations")
    cited = (_citation(citation, number) for number, citation in enumerate(citations, start=1))
    return Answer(**texts, citations=tuple(cited), abstained=bool(values.get("abstained", False)))


def _citation(values: Any, number: int) -> Citation:
    check_type("a citation in history", values, Mapping, "a mapping that has a quote")
    quote, title, start = values.get("quote"), values.get("title", ""), values.get("start_char", 0)
    for name, text in (("quote", quote), ("title", title)):
        check_type(f"{name} of a citation in history", text, str, "a text")
    check_type("start_char of a citation in history", start, Integral, "a whole number")
    mark = values.get("highlight")
    span = Span(mark["start_char"], mark["end_char"]) if mark else None
    return Citation(number, "", title, start, start + len(quote), quote, None, None, 0.0, span)
