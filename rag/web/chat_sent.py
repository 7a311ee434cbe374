"""What browsers send from the chat page, which may be anything, as what it is meant to be; knows no conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rag.web.feedback import MOST_SPANS, FeedbackError, Marked, Verdict


def verdict_of(data: Mapping[str, Any]) -> Verdict:
    """Return what a reader says of an answer.

    Args:
        data: What the browser sent.

    Returns:
        The verdict.

    Raises:
        FeedbackError: It is none.
    """
    verdicts = {"right": True, "wrong": False, "none": None}
    said = data.get("verdict")
    if not isinstance(said, str) or said not in verdicts:
        raise FeedbackError("it says neither right nor wrong")
    passages = data.get("passages") or []
    given = (data.get("answer") or "", data.get("comment") or "")
    if not isinstance(passages, list) or not all(isinstance(text, str) for text in given):
        raise FeedbackError("it is not in the form of feedback")
    marked = tuple(map(_marked, passages[:MOST_SPANS]))
    return Verdict(verdicts[said], given[0], marked, data.get("absent") is True, given[1])


def whole_number(data: Any, name: str) -> int:
    """Return a whole number of an event's data, -1 where there is none."""
    value = data.get(name) if isinstance(data, Mapping) else None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    return value if type(value) is int else -1


def _marked(data: Any) -> Marked:
    names, quote = ("document_id", "quote"), {}
    if isinstance(data, Mapping):
        quote = {name: data.get(name) for name in names}
    start, end = whole_number(data, "start_char"), whole_number(data, "end_char")
    if not quote or not all(isinstance(text, str) for text in quote.values()):
        raise FeedbackError("a passage has to have a document and a quote")
    return Marked(str(quote["document_id"]), start, end, str(quote["quote"]))
