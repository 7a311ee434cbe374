"""Reads SQuAD 1.1 and 2.0; knows nothing of what the questions become.

Reference:
    Rajpurkar et al. 2016, SQuAD; Rajpurkar et al. 2018, Know What You Don't Know (``is_impossible``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from eval.imported import Imported, ImportedQuestion, Origin, read_text
from eval.locate import locate
from eval.rows import Row, shown
from rag.errors import GoldError
from rag.schema import Document, Span

PARAGRAPH_BREAK = "\n\n"


def read_squad(source: Path) -> Imported:
    """Read a file whose articles become one document each, their paragraphs parted by a blank line.

    Args:
        source: JSON of the form ``{"data": [{"title", "paragraphs": [{"context", "qas": [..]}]}]}``.

    Returns:
        The set; an answer that does not stand at its ``answer_start`` is moved to the nearest place in its paragraph.

    Raises:
        GoldError: The file cannot be read or does not have that form.
    """
    try:
        value = json.loads(read_text(source))
    except (ValueError, RecursionError) as error:
        raise GoldError(f"{source}: not JSON ({error})") from error
    if not isinstance(value, dict):
        raise GoldError(f"{source}: expected a JSON object with a list 'data', got {shown(value)}")
    top = Row(str(source), value)
    imported = Imported()
    for number, article in enumerate(top.items("data"), start=1):
        _read_article(article, number, imported)
        if top.faults:
            break
    if not top.faults and not imported.documents:
        top.fault("data", "holds no article; SQuAD's JSON is an object with a list 'data' of articles")
    if top.faults:
        # An article without its text leaves nothing that its answers could stand in.
        raise GoldError(top.faults[0])
    return imported


def _read_article(article: Row, number: int, imported: Imported) -> None:
    name = article.text("title", "").strip() or f"article-{number}"
    document_id = name if name not in imported.documents else f"{name}-{number}"
    paragraphs = article.items("paragraphs")
    contexts = [paragraph.text("context", "") for paragraph in paragraphs]
    imported.documents[document_id] = Document(document_id, PARAGRAPH_BREAK.join(contexts), name.replace("_", " "))
    start = 0
    for paragraph, context in zip(paragraphs, contexts, strict=True):
        span = Span(start, start + len(context))
        for item in paragraph.items("qas"):
            # Its own faults: they cost the set this question only.
            row = replace(item, faults=[])
            question = _question(row)
            if imported.accepts(row, question.id, taken=imported.questions):
                origins = tuple(_origins(row.items("answers"), document_id, span, imported))
                imported.questions[question.id] = replace(question, origins=origins)
        start = span.end_char + len(PARAGRAPH_BREAK)


def _question(row: Row) -> ImportedQuestion:
    impossible = row.values.get("is_impossible") is not None and row.flag("is_impossible")
    answers = row.items("answers")
    if impossible and answers:
        row.fault("is_impossible", "is true, but answers are given")
    if not impossible and not answers:
        row.fault("answers", "is empty, but is_impossible is not true")
    texts = dict.fromkeys(answer.text("text") for answer in answers)
    return ImportedQuestion(row.place, _id(row), row.text("question"), tuple(texts), answerable=not impossible)


def _id(row: Row) -> str:
    # Some sets in this format number their questions.
    value = row.values.get("id")
    return str(value) if type(value) is int else row.text("id")


def _origins(answers: Sequence[Row], document_id: str, context: Span, imported: Imported) -> Iterator[Origin]:
    """Yield each different span that answers, or the paragraph alone when none of the answers is in it."""
    paragraph = imported.text(document_id, context)
    # Several people may have given one answer.
    told: dict[tuple[str, int | None], str] = {}
    for answer in answers:
        start = answer.values.get("answer_start")
        told.setdefault((answer.text("text"), start if type(start) is int and start >= 0 else None), answer.place)
    spans: dict[Span, str] = {}
    for (text, start), place in told.items():
        span = None if start is None else Span(start, start + len(text))
        if span is None or not paragraph.startswith(text, span.start_char):
            span = locate(text, paragraph, near=start or 0)
            if span:
                imported.moved.append(_moved(place, text, start, span))
        if span is None:
            imported.not_located.append(f"{place}, field 'text': {text[:60]!r} is not in its paragraph")
            continue
        start_char = context.start_char + span.start_char
        spans.setdefault(Span(start_char, context.start_char + span.end_char), f"{place}, field 'text'")
    for span, place in spans.items():
        yield Origin(place, document_id, context, span)
    if answers and not spans:
        yield Origin(f"{answers[0].place}, field 'text'", document_id, context, None)


def _moved(place: str, text: str, start: int | None, span: Span) -> str:
    stood = "stands where nothing says" if start is None else f"does not stand at {start}"
    return f"{place}, field 'answer_start': {text[:60]!r} {stood}; moved to {span.start_char}"
