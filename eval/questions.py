"""Gold questions as values: what is asked, what is known about the answer; knows no format they are read from."""

from __future__ import annotations

from dataclasses import dataclass, field

from rag.schema import Document


@dataclass(frozen=True)
class Evidence:
    """A span of a document that answers a question.

    Attributes:
        document_id: The document, as the gold set names it.
        start_char: First character of the span, or ``None`` when only the quote is known.
        end_char: One past its last character, or ``None``.
        quote: The span's text, or ``""`` when only the offsets are known.
        place: File, row and item it was read from, for messages; ``""`` when it was not read.
    """

    document_id: str
    start_char: int | None
    end_char: int | None
    quote: str
    place: str = field(default="", compare=False)


@dataclass(frozen=True)
class Question:
    """A question with what is known about its answer.

    Attributes:
        id: Unique in its gold set.
        question: As a user would ask it.
        answers: Accepted answers, any of which will do.
        answerable: Whether the documents answer it.
        evidence: Spans that answer it.
        document_ids: Documents that answer it, those of the evidence among them.
        tags: Kinds of question it belongs to.
        place: File and row it was read from, for messages; ``""`` when it was not read.
    """

    id: str
    question: str
    answers: tuple[str, ...]
    answerable: bool
    evidence: tuple[Evidence, ...]
    document_ids: tuple[str, ...]
    tags: tuple[str, ...]
    place: str = field(default="", compare=False)


@dataclass(frozen=True)
class GoldSet:
    """Questions, and the documents they are about where the gold set brings them.

    Attributes:
        name: File or folder name without suffix.
        digest: SHA-256 of its files, in hexadecimal.
        questions: At least one.
        documents: The corpus of a folder; ``None`` for a file.
        left_out: Ids of a folder's rows that ask nothing; published sets hold some.
    """

    name: str
    digest: str
    questions: tuple[Question, ...]
    documents: tuple[Document, ...] | None
    left_out: tuple[str, ...] = ()
