"""Reads sets of conversations: questions asked one after the other, follow-ups with the form in which they stand alone.

A JSON object a line: ``{"id", "half", "tags", "turns": [{"question", "stand_alone", "answers", "answerable",
"evidence", "tags"}]}``; ``stand_alone`` is ``""`` for a question that stands alone as it is, such as the first and any
that changes the topic.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from eval.folder import sha256
from eval.gold import read_question
from eval.questions import GoldSet, Question
from eval.resolve import Corpus, resolve
from eval.rows import Report, Row, read_unique, refuse
from rag import Library

FIELDS = ("id", "half", "tags", "turns")
TURN_FIELDS = ("question", "stand_alone", "answers", "answerable", "evidence", "tags")


@dataclass(frozen=True)
class DialogueTurn:
    """A question of a conversation with what is known about its answer.

    Attributes:
        question: As it is asked there.
        stand_alone: As it would be asked without the conversation; ``""`` where that is no different.
    """

    question: Question
    stand_alone: str


@dataclass(frozen=True)
class Dialogue:
    """A conversation.

    Attributes:
        id: Unique in its set.
        half: ``development`` for what rules were made on, ``held-out`` for what was kept for the end, or ``""``.
        tags: Kinds of conversation it belongs to.
        turns: Its questions in order.
    """

    id: str
    half: str
    tags: tuple[str, ...]
    turns: tuple[DialogueTurn, ...]


@dataclass(frozen=True)
class DialogueSet:
    """Conversations on a library.

    Attributes:
        name: File name without suffix.
        digest: SHA-256 of the file, in hexadecimal.
        dialogues: At least one.
    """

    name: str
    digest: str
    dialogues: tuple[Dialogue, ...]


def holds_dialogues(path: Path) -> bool:
    """Tell whether a file is a set of conversations: its first row has ``turns``.

    Args:
        path: Any file or folder.

    Returns:
        Whether it is; a file that cannot be read is none, and is refused by whoever reads it as what it should be.
    """
    try:
        with path.open(encoding="utf-8") as lines:
            first = next(islice((line for line in lines if line.strip()), 1), "")
        row = json.loads(first)
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(row, dict) and "turns" in row


def read_dialogues(path: Path, *, report: Report = refuse) -> DialogueSet:
    """Read a JSON Lines file of conversations.

    Args:
        path: The file.
        report: Is told each row that cannot be used; by default the first one is raised.

    Returns:
        The conversations.

    Raises:
        GoldError: It cannot be read or holds none, or a row cannot be used; the message names file, row and field.
    """
    return DialogueSet(path.stem, sha256(path), tuple(read_unique(path, _dialogue, report)))


def _dialogue(row: Row) -> Dialogue:
    turns = tuple(_turn(item, f"{row.id()}/{number}") for number, item in enumerate(row.items("turns"), start=1))
    if len(turns) < 2:
        row.fault("turns", "has to be a list of two questions or more")
    return Dialogue(row.id(), row.text("half", ""), row.texts("tags"), turns)


def _turn(row: Row, name: str) -> DialogueTurn:
    return DialogueTurn(read_question(row, name), row.text("stand_alone", ""))


def questions_of(dialogues: DialogueSet) -> GoldSet:
    """Return the questions of conversations, in order, each as it is asked there.

    Args:
        dialogues: The conversations.

    Returns:
        A gold set of them, whose evidence is of a library.
    """
    questions = (turn.question for dialogue in dialogues.dialogues for turn in dialogue.turns)
    return GoldSet(dialogues.name, dialogues.digest, tuple(questions), None)


def tied(dialogues: DialogueSet, library: Library) -> list[Dialogue]:
    """Return the conversations with their evidence as spans of a library's documents.

    Args:
        dialogues: The conversations.
        library: Holds the documents they are about.

    Returns:
        The conversations, in order.

    Raises:
        GoldError: A document is not in the library, or a quote is not in its document.
    """
    gold = questions_of(dialogues)
    found = iter(resolve(gold, gold.questions, Corpus(library)))
    return [replace(dialogue, turns=tuple(_tied(dialogue, found))) for dialogue in dialogues.dialogues]


def _tied(dialogue: Dialogue, found: Iterator[Question]) -> Iterator[DialogueTurn]:
    for turn in dialogue.turns:
        yield replace(turn, question=next(found))
