"""What readers say of answers, kept as a gold set that ``rag eval`` takes as it is; knows no page.

The folder ``feedback`` of a library holds ``feedback.jsonl``, rows of a gold set, and ``complaints.jsonl``, answers
that were called wrong without a word on what would be right. A question stands in at most one of them and there once:
whoever speaks last is heard. Files are replaced whole, so that a reader never sees half a row.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rag.errors import RagError
from rag.files import replace_file
from rag.location import FEEDBACK
from rag.schema import Answer

GOLD, COMPLAINTS = "feedback.jsonl", "complaints.jsonl"
MOST_TEXT_CHARS = 2_000
MOST_QUESTION_CHARS = 4_000
MOST_SPANS = 10
MOST_SPAN_CHARS = 20_000
MOST_ROWS = 10_000
# Each file is read and written whole; rows that quote long passages would fill the disk before there are so many.
MOST_BYTES = 50_000_000
LOCK_S = 10.0

Outcome = Literal["question", "complaint", "taken back"]
TextOf = Callable[[str], str | None]
Row = dict[str, Any]


class FeedbackError(RagError):
    """What a reader says cannot be kept."""


@dataclass(frozen=True)
class Marked:
    """A place in a document that a reader has selected.

    Attributes:
        document_id: The document.
        start_char: First character in its text.
        end_char: One past the last.
        quote: What the reader saw there.
    """

    document_id: str
    start_char: int
    end_char: int
    quote: str


@dataclass(frozen=True)
class Verdict:
    """What a reader says of an answer.

    Attributes:
        right: Whether it is right; ``None`` takes back what was said.
        answer: What would be right, or ``""``.
        passages: Where that stands.
        absent: Whether the documents do not answer the question.
        comment: Anything else.
    """

    right: bool | None
    answer: str = ""
    passages: tuple[Marked, ...] = ()
    absent: bool = False
    comment: str = ""


def give_feedback(library: Path, answer: Answer, verdict: Verdict, text_of: TextOf) -> Outcome:
    """Keep what a reader says of an answer, in place of what was said of its question before.

    Args:
        library: Folder of the library.
        answer: The answer.
        verdict: What the reader says.
        text_of: Returns the text of a document, or ``None`` where there is none.

    Returns:
        What it became.

    Raises:
        FeedbackError: It says nothing that can be kept, a place does not hold what the reader saw, or it cannot be
            written.
    """
    row_id = question_id(answer)
    row = _row(answer, verdict, text_of)
    gold = row if row and "answerable" in row else None
    complaint = row if row and gold is None else None
    _write(library / FEEDBACK, row_id, {GOLD: gold, COMPLAINTS: complaint})
    return "taken back" if row is None else "question" if gold else "complaint"


def question_id(answer: Answer) -> str:
    """Return the id of an answer's question: the same for all who ask it, however they write it."""
    folded = " ".join(unicodedata.normalize("NFKC", _question(answer)).casefold().split())
    return f"feedback-{hashlib.sha256(folded.encode('utf-8', 'replace')).hexdigest()[:16]}"


def _question(answer: Answer) -> str:
    # A follow-up means nothing without its conversation: what it was searched as stands alone.
    return " ".join((answer.query or answer.question).split())


def _row(answer: Answer, verdict: Verdict, text_of: TextOf) -> Row | None:
    if verdict.right is None:
        return None
    question = _bounded(_question(answer), "question", MOST_QUESTION_CHARS)
    comment = _bounded(verdict.comment.strip(), "comment")
    row: Row = {"id": question_id(answer), "question": question}
    said = {"comment": comment} if comment else {}
    if verdict.right:
        return row | _confirmed(answer, text_of) | said
    if verdict.absent:
        return row | _known(False, tags=("corrected",)) | said
    right = _bounded(verdict.answer.strip(), "answer")
    passages = [_checked(marked, text_of) for marked in verdict.passages[:MOST_SPANS]]
    if right or passages:
        return row | _known(True, [right] if right else [], passages, tags=("corrected",)) | said
    cited = [_place(c.document_id, c.start_char, c.end_char) for c in answer.citations]
    return row | {"text": answer.text[:MOST_TEXT_CHARS], "abstained": answer.abstained, "citations": cited} | said


def _confirmed(answer: Answer, text_of: TextOf) -> Row:
    if answer.abstained:
        return _known(False, tags=("confirmed",))
    cited = [Marked(c.document_id, c.start_char, c.end_char, c.quote) for c in answer.citations[:MOST_SPANS]]
    exact = [_evidence(marked) for marked in cited if _holds(marked, text_of)]
    if not exact:
        raise FeedbackError("the documents no longer hold what this answer cites; ask again")
    return _known(True, _asked_for(answer), exact, tags=("confirmed",))


def _asked_for(answer: Answer) -> list[str]:
    """Return what the first citation marks as asked for: short enough that another right answer holds it too."""
    first, mark = answer.citations[0], answer.citations[0].highlight
    if mark is None or answer.disagreements:
        return []
    text = first.quote[mark.start_char - first.start_char : mark.end_char - first.start_char].strip()
    return [text] if text else []


def _known(
    answerable: bool, answers: Sequence[str] = (), evidence: Sequence[Row] = (), *, tags: Sequence[str] = ()
) -> Row:
    return {
        "answers": list(answers),
        "answerable": answerable,
        "evidence": list(evidence),
        "tags": ["feedback", *tags],
    }


def _checked(marked: Marked, text_of: TextOf) -> Row:
    if not _holds(marked, text_of):
        raise FeedbackError(f"the passage does not stand in {marked.document_id!r} as selected; select it again")
    quote = marked.quote
    start = marked.start_char + len(quote) - len(quote.lstrip())
    trimmed = quote.strip()
    return _evidence(Marked(marked.document_id, start, start + len(trimmed), trimmed))


def _holds(marked: Marked, text_of: TextOf) -> bool:
    span = 0 <= marked.start_char < marked.end_char and len(marked.quote) <= MOST_SPAN_CHARS
    text = text_of(marked.document_id) if span and marked.quote.strip() else None
    return text is not None and text[marked.start_char : marked.end_char] == marked.quote


def _evidence(marked: Marked) -> Row:
    return _place(marked.document_id, marked.start_char, marked.end_char) | {"quote": marked.quote}


def _place(document_id: str, start: int, end: int) -> Row:
    return {"document_id": document_id, "start_char": start, "end_char": end}


def _bounded(text: str, name: str, most: int = MOST_TEXT_CHARS) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise FeedbackError(f"the {name} holds half a character at {error.start}") from error
    if len(text) > most:
        raise FeedbackError(f"the {name} has {len(text):,} characters; at most {most:,} are kept")
    return text


def _write(folder: Path, row_id: str, rows: dict[str, Row | None]) -> None:
    from filelock import FileLock, Timeout

    try:
        folder.mkdir(exist_ok=True)
        with FileLock(folder / ".lock", timeout=LOCK_S):
            # What is added is written before what is taken away: a crash between leaves a row too many, never one lost.
            for name, row in sorted(rows.items(), key=lambda item: item[1] is None):
                _put(folder / name, row_id, row)
    except Timeout as error:
        raise FeedbackError("others keep writing feedback; try again") from error
    except OSError as error:
        raise FeedbackError(f"feedback cannot be written: {error.strerror}") from error


def _put(path: Path, row_id: str, row: Row | None) -> None:
    before = path.read_bytes() if path.exists() else b""
    kept = [line for line in before.splitlines() if line.strip() and _id(line) != row_id]
    if row is not None:
        if len(kept) >= MOST_ROWS:
            raise FeedbackError(f"{path.name} holds {len(kept):,} rows already; move them elsewhere")
        kept.append(json.dumps(row, ensure_ascii=False).encode())
    after = b"".join(line + b"\n" for line in kept)
    if row is not None and len(after) > MOST_BYTES:
        raise FeedbackError(f"{path.name} holds {len(before):,} bytes already; move its rows elsewhere")
    if after != before:
        replace_file(path, after)


def _id(line: bytes) -> Any:
    try:
        row = json.loads(line)
    except ValueError:  # written by hand: it is not ours to drop
        return None
    return row.get("id") if isinstance(row, dict) else None
