"""What a published question set says, format aside: documents, questions, where answers stand; knows no gold format."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from pathlib import Path

from eval.rows import Row
from rag.errors import GoldError
from rag.schema import Document, Span


@dataclass(frozen=True)
class Origin:
    """Where the answer to a question stands.

    Attributes:
        place: File, row and field that name it, for messages.
        document_id: One of the imported documents.
        context: Span of that document which was given with the question: a paragraph, a retrieved text, or all of it.
        answer: Span of that document which answers, within the context; ``None`` when only the document is known.
    """

    place: str
    document_id: str
    context: Span
    answer: Span | None


@dataclass(frozen=True)
class ImportedQuestion:
    """A question with what its set says of the answer.

    Attributes:
        place: Row it was read from, for messages.
        id: Unique in its set.
        question: As asked.
        answers: Accepted answers, each once.
        answerable: Whether the documents answer it.
        origins: Where its answers stand.
        tags: Kinds of question it belongs to.
    """

    place: str
    id: str
    question: str
    answers: tuple[str, ...]
    answerable: bool
    origins: tuple[Origin, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass
class Imported:
    """A set while it is read; filled by the reader of one format.

    Attributes:
        documents: By id.
        questions: By id.
        moved: One line for each answer that stood elsewhere than the set says.
        not_located: One line for each answer or document that is not where the set says, nor near.
        left_out: One line for each row that cannot be used.
        notes: What else its user wants to know, one line each.
    """

    documents: dict[str, Document] = field(default_factory=dict)
    questions: dict[str, ImportedQuestion] = field(default_factory=dict)
    moved: list[str] = field(default_factory=list)
    not_located: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def accepts(self, row: Row, name: str, *, taken: Container[str]) -> bool:
        """Return whether a row can be used: no field is wrong and its id is not taken; else it is left out."""
        if name and name in taken:
            row.fault("id", f"{name!r} is the id of an earlier row too")
        self.left_out += row.faults[:1]
        return not row.faults

    def text(self, document_id: str, span: Span) -> str:
        """Return the text of a span of a document."""
        return self.documents[document_id].text[span.start_char : span.end_char]


def read_text(path: Path) -> str:
    """Return the text of a file.

    Args:
        path: The file, in UTF-8.

    Returns:
        Its text, without a byte order mark.

    Raises:
        GoldError: It cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise GoldError(f"{path}: not UTF-8 ({error.reason} at byte {error.start}); save the file as UTF-8") from error
    except OSError as error:
        raise GoldError(f"{path} cannot be read: {error.strerror}") from error
