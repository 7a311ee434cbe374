"""Turns of a conversation, and the form in which a browser keeps them; knows no page, and trusts no browser.

The service keeps no conversations: what a browser kept comes back as anything anybody may have written, and is either
an answer of the right types and sizes or refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

from rag.errors import RagError
from rag.schema import Answer

NEAREST_SHOWN = 5
MOST_TURNS_KEPT = 60
MOST_CHARS_KEPT = 1_500_000
QUESTION_KEPT_CHARS = 4_000
MOST_NUMBER = 10**9


class HistoryError(RagError):
    """What a browser kept is no conversation."""


@dataclass(frozen=True)
class Turn:
    """One question of a conversation; without an answer and an error it is still being searched.

    Attributes:
        question: As typed.
        answer: The answer so far, or ``None``.
        error: One plain line when something went wrong, or ``""``.
        done: Whether the answer is whole.
    """

    question: str
    answer: Answer | None = None
    error: str = ""
    done: bool = False


Turns = tuple[Turn, ...]


def kept_turn(turn: Turn) -> dict[str, Any]:
    """Return a turn as JSON values for a browser to keep: without the passages that its page does not show."""
    answer = turn.answer
    if answer is not None:
        answer = replace(answer, hits=answer.hits[:NEAREST_SHOWN] if answer.abstained else ())
    kept = asdict(answer) if answer is not None else None
    return {"question": turn.question[:QUESTION_KEPT_CHARS], "answer": kept, "error": turn.error}


def read_turns(kept: Any) -> Turns:
    """Return the turns that a browser kept.

    Args:
        kept: A list of what ``kept_turn`` gave, or whatever came instead.

    Returns:
        The last ``MOST_TURNS_KEPT`` of them. Their types and sizes are checked, their citations are not: those are
        compared with the library when they are shown.

    Raises:
        HistoryError: It is no such list.
    """
    if not isinstance(kept, list) or not all(isinstance(turn, Mapping) for turn in kept):
        raise HistoryError("a conversation has to be a list of turns")
    kept = kept[-MOST_TURNS_KEPT:]
    try:
        # Half a surrogate pair is no character, and NaN no number, yet JSON as browsers send it can spell both.
        chars = len(json.dumps(kept, ensure_ascii=False, allow_nan=False).encode())
    except (ValueError, TypeError, RecursionError) as error:
        raise HistoryError("a conversation has to be plain JSON") from error
    if chars > MOST_CHARS_KEPT:
        raise HistoryError(f"a conversation of {chars:,} bytes is too long; at most {MOST_CHARS_KEPT:,} are read")
    return tuple(_read_turn(turn) for turn in kept)


def _read_turn(kept: Mapping[str, Any]) -> Turn:
    question, error = kept.get("question"), kept.get("error", "")
    if not isinstance(question, str) or not isinstance(error, str):
        raise HistoryError("a turn has to have a question in words")
    answer = _read_answer(kept["answer"]) if kept.get("answer") is not None else None
    return Turn(question, answer, error, done=answer is not None)


def _read_answer(kept: Any) -> Answer:
    from pydantic import ValidationError

    try:
        answer: Answer = _adapter().validate_python(kept)
    except (ValidationError, RecursionError) as error:
        raise HistoryError("a turn holds no answer") from error
    places = [(c.number, c.start_char, c.end_char) for c in answer.citations]
    places += [(h.rank, h.passage.start_char, h.passage.end_char) for h in answer.hits]
    numbered = len({c.number for c in answer.citations}) == len(answer.citations)
    placed = all(1 <= n <= MOST_NUMBER and 0 <= start < end <= MOST_NUMBER for n, start, end in places)
    if not (0 <= answer.confidence <= 1 and numbered and placed and _names_what_it_cites(answer)):
        raise HistoryError("an answer holds numbers that it cannot have")
    return answer


def _names_what_it_cites(answer: Answer) -> bool:
    numbers = {c.number for c in answer.citations}
    return all(r.citation in numbers for d in answer.disagreements for r in d.readings)


@cache
def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Answer)
