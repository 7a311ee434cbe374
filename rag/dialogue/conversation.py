"""What is remembered of a conversation: its last turns, cut to a bounded size; knows no stage and no surface."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from rag.schema import Answer

# However long a conversation is, only its last turns are read, and of each only so much: a question may point back to
# the one before the last, hardly ever to one before that.
MOST_TURNS = 4
MOST_CHARS = 6_000
QUESTION_CHARS = 500
ANSWER_CHARS = 1_000
# Quotes and titles together; with all the rest, one turn stays below what all may have and is never left out itself.
CITED_CHARS = 3_000


@dataclass(frozen=True)
class Turn:
    """One question of a conversation with what came of it, as far as a follow-up may point back to it.

    Attributes:
        question: As asked.
        query: As searched: the question made to stand alone, or the question itself.
        answer: The answer's text; ``""`` when it abstained.
        cited: What was cited: the quotes that the answer does not say itself, and the titles of their documents.
        focus: The part of a quote that was asked for, such as a name, or ``""`` where that is not known.
    """

    question: str
    query: str
    answer: str = ""
    cited: tuple[str, ...] = ()
    focus: str = ""

    @classmethod
    def of(cls, answer: Answer) -> Turn:
        """Return the turn that an answer ends.

        Args:
            answer: The answer, as served.

        Returns:
            What is kept of it.
        """
        text = "" if answer.abstained else answer.text[:ANSWER_CHARS]
        told = [] if answer.abstained else [c for c in answer.citations if c.quote[:ANSWER_CHARS] not in text]
        titles = [] if answer.abstained else [c.title for c in answer.citations]
        marked = next((c for c in answer.citations if c.highlight), None)
        focus = ""
        if marked and marked.highlight and not answer.abstained:
            inside = slice(
                marked.highlight.start_char - marked.start_char, marked.highlight.end_char - marked.start_char
            )
            focus = marked.quote[inside][:QUESTION_CHARS]
        return cls(
            question=answer.question[:QUESTION_CHARS],
            query=(answer.query or answer.question)[:QUESTION_CHARS],
            answer=text,
            cited=_bounded(
                dict.fromkeys([*(c.quote[:ANSWER_CHARS] for c in told), *(t[:QUESTION_CHARS] for t in titles)])
            ),
            focus=focus,
        )

    @property
    def chars(self) -> int:
        """How many characters are kept of it."""
        return len(self.question) + len(self.query) + len(self.answer) + sum(map(len, self.cited)) + len(self.focus)


def _bounded(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the first of some texts, those that together have no more than `CITED_CHARS`."""
    ends = accumulate(map(len, kept := list(texts)))
    return tuple(text for text, end in zip(kept, ends, strict=True) if end <= CITED_CHARS)


# Makes a follow-up stand alone, given the turns before it, oldest first; what a chat model may do.
Rewrite = Callable[[str, Sequence[Turn]], str]


def recent(history: Sequence[Answer]) -> tuple[Turn, ...]:
    """Return the last turns of a conversation, oldest first.

    Args:
        history: Its answers, oldest first.

    Returns:
        At most `MOST_TURNS` turns, the last of which together have at most `MOST_CHARS` characters.
    """
    kept: list[Turn] = []
    room = MOST_CHARS
    for answer in reversed(history[-MOST_TURNS:]):
        turn = Turn.of(answer)
        room -= turn.chars
        if room < 0:
            break
        kept.append(turn)
    return tuple(reversed(kept))
