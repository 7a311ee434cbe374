"""Reads gold sets: a JSON Lines file of questions, or a folder that brings its documents too.

Knows the format of the file and refuses bad rows; knows nothing of libraries, so offsets are those of the texts as
given.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from eval.folder import note_contradiction, read_folder, sha256
from eval.locate import locate
from eval.questions import Evidence, GoldSet, Question
from eval.rows import Report, Row, read_unique, refuse, shown
from rag.errors import GoldError

__all__ = ["Evidence", "GoldSet", "Question", "locate", "read_gold"]

FILE_FIELDS = ("id", "question", "answers", "answerable", "evidence", "tags")
EVIDENCE_FIELDS = ("document_id", "start_char", "end_char", "quote")


def read_gold(path: Path, *, report: Report = refuse) -> GoldSet:
    """Read a JSON Lines file of questions, or a folder with ``corpus.jsonl`` and ``questions.jsonl``.

    A folder may also hold ``queries.jsonl`` and judgements (``qrels.tsv``, or ``qrels/test.tsv``) as BEIR publishes
    them, beside or instead of ``questions.jsonl``: they name whole documents, and any score above 0 counts.

    Args:
        path: The file or folder.
        report: Is told each row that cannot be used. When it returns, reading goes on, and the gold set holds what
            could be read of that row; by default the first such row is raised.

    Returns:
        The gold set, its evidence in offsets of the texts as given.

    Raises:
        GoldError: It does not exist or asks nothing, or a row cannot be used; the message names file, row and field.
    """
    if not path.exists():
        raise GoldError(f"no gold set at {path}: give a JSON Lines file, or a folder with corpus.jsonl")
    if path.is_dir():
        return read_folder(path, report)
    questions = read_unique(path, lambda row: read_question(row, row.id()), report)
    return GoldSet(path.stem, sha256(path), tuple(questions), None)


def read_question(row: Row, question_id: str) -> Question:
    """Return the question that a row gives, under an id.

    Args:
        row: The row.
        question_id: Its id.

    Returns:
        The question.

    Raises:
        GoldError: A field cannot be used.
    """
    evidence, documents = read_evidence(row.items("evidence"))
    question = Question(
        id=question_id,
        question=row.text("question"),
        answers=row.texts("answers"),
        answerable=row.flag("answerable"),
        evidence=evidence,
        document_ids=documents,
        tags=row.texts("tags"),
        place=row.place,
    )
    note_contradiction(row, question)
    return question


def read_evidence(items: Sequence[Row]) -> tuple[tuple[Evidence, ...], tuple[str, ...]]:
    """Return the spans that rows of evidence give, and the documents they name in order."""
    spans = []
    for item in items:
        start, end = item.offsets("start_char", "end_char")
        quote = item.text("quote", "")
        # Beside offsets a blank one stands for none.
        if isinstance(item.values.get("quote"), str) and not _says_anything(quote) and (quote.strip() or start is None):
            item.fault("quote", f"has to hold letters or digits, got {shown(quote)}; leave it out to name no place")
        spans.append(Evidence(item.text("document_id"), start, end, quote, item.place))
    # Without a quote and offsets it names a document that answers the question, and no place in it.
    placed = (span for span in spans if span.document_id and (span.quote.strip() or span.start_char is not None))
    return tuple(placed), tuple(dict.fromkeys(span.document_id for span in spans if span.document_id))


def _says_anything(quote: str) -> bool:
    return any(char.isalnum() for char in quote)
