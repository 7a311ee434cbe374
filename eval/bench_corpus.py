"""A large corpus: its documents in batches, and questions made from them by a fixed rule; knows no library."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from eval.rows import read_rows
from rag import Document

# A sentence that tells enough to be searched for by its words.
SENTENCE = re.compile(r"[A-Z][^.!?]{40,300}[.!?]")
WORD = re.compile(r"[A-Za-z]{4,}")
KEYWORDS = 6


@dataclass(frozen=True)
class MadeQuestion:
    """A question made from a document.

    Attributes:
        text: The question.
        document_id: The document.
    """

    text: str
    document_id: str


def read_corpus(path: Path, *, skip: int = 0) -> Iterator[Document]:
    """Yield the documents of a JSON Lines file of ``id``, ``title`` and ``text``.

    Args:
        path: The file.
        skip: How many rows are passed over.

    Yields:
        One document a row.

    Raises:
        GoldError: The file cannot be read, or a row is no such object.
    """
    for row in islice(read_rows(path), skip, None):
        yield Document(id=row.id(), title=row.text("title", ""), text=row.text("text", ""))


def batch(documents: Iterator[Document], *, chars: int) -> list[Document]:
    """Return the next documents that have a number of characters together, at least one while there are any."""
    taken: list[Document] = []
    while chars > 0 and (document := next(documents, None)):
        taken.append(document)
        chars -= len(document.text)
    return taken


def make_questions(documents: Sequence[Document], count: int, *, seed: int = 0) -> list[MadeQuestion]:
    """Return questions about documents, the same for the same documents, count and seed.

    Documents are drawn in turn from each group, which the part of the id before its first ``/`` names, so that a
    hundred thousand dictionary entries do not drown a thousand manuals. They are asked for in turn by title, "What is
    TITLE?", without suffixes of file names, and by the longest words of one of their sentences, in its order. A
    document without a sentence is asked for by title.

    Args:
        documents: What is asked about.
        count: How many questions.
        seed: Of the draws.

    Returns:
        The questions, at most one a document.
    """
    draw = random.Random(seed)  # noqa: S311
    groups: dict[str, list[Document]] = {}
    for document in documents:
        groups.setdefault(document.id.partition("/")[0], []).append(document)
    for members in groups.values():
        draw.shuffle(members)
    order = [members[place] for place in range(count) for members in groups.values() if place < len(members)][:count]
    # By titles and sentences in turn within each group, however many groups there are.
    return [
        MadeQuestion(_by_sentence(document, draw) if place // len(groups) % 2 else _by_title(document), document.id)
        for place, document in enumerate(order)
    ]


def _by_title(document: Document) -> str:
    title = document.title or document.id.rpartition("/")[2]
    stem = re.sub(r"(\.[a-z]{1,4})+$", "", title)
    return f"What is {re.sub(r'[-_]', ' ', stem)}?"


def _by_sentence(document: Document, draw: random.Random) -> str:
    sentences = SENTENCE.findall(document.text)
    words = list(dict.fromkeys(WORD.findall(draw.choice(sentences)))) if sentences else []
    if len(words) < KEYWORDS:
        return _by_title(document)
    longest = sorted(words, key=len, reverse=True)[:KEYWORDS]
    return " ".join(word for word in words if word in longest)
