"""Reads samples as ragas exports them; knows nothing of what the questions become.

Reference:
    ragas, ``SingleTurnSample``: ``user_input``, ``reference``, ``reference_contexts``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from eval.imported import Imported, ImportedQuestion, Origin, read_text
from eval.rows import Row, read_rows, shown
from rag.schema import Document, Span

# The names of today first, then those of older releases.
QUESTION = ("user_input", "question")
REFERENCE = ("reference", "ground_truth")
CONTEXTS = ("reference_contexts", "contexts")
# Written by its test set generator, "single_hop_specific_query_synthesizer" for instance: a tag.
KIND = "synthesizer_name"


def read_ragas(source: Path) -> Imported:
    """Read samples whose reference becomes the answer, and each different reference context a document.

    Args:
        source: A JSON list of samples, or JSON Lines with a sample a line.

    Returns:
        The set.
    """
    imported = Imported()
    ids: dict[str, str] = {}
    older = 0
    for row in _samples(source, imported):
        question, contexts = _question(row), row.texts(_named(row, CONTEXTS))
        if not imported.accepts(row, question.id, taken=imported.questions):
            continue
        for context in contexts:
            name = ids.setdefault(context, f"context-{len(ids) + 1}")
            imported.documents[name] = Document(name, context)
        origins = tuple(_origin(row, ids[context], context) for context in dict.fromkeys(contexts))
        imported.questions[question.id] = replace(question, origins=origins)
        older += bool(contexts) and _named(row, CONTEXTS) == CONTEXTS[1]
    if older:
        imported.notes.append(f"{source}: 'contexts' is taken for 'reference_contexts' (in {older} samples)")
    return imported


def _samples(source: Path, imported: Imported) -> Iterator[Row]:
    try:
        value = json.loads(read_text(source))
    except (ValueError, RecursionError):
        yield from read_rows(source, imported.left_out.append)
        return
    for number, sample in enumerate(value if isinstance(value, list) else [value], start=1):
        place = f"{source}: sample {number}"
        if isinstance(sample, dict):
            yield Row(place, sample)
        else:
            imported.left_out.append(f"{place}: expected a JSON object, got {shown(sample)}")


def _question(row: Row) -> ImportedQuestion:
    question = row.text(_named(row, QUESTION))
    reference = row.text(_named(row, REFERENCE), "")
    if not reference.strip() and not row.values.get(_named(row, CONTEXTS)):
        row.fault(REFERENCE[0], f"and {CONTEXTS[0]!r} are missing, so nothing says what answers the question")
    # ragas names no question; the number of its row or sample finds it again.
    name = f"sample-{row.place.rpartition(' ')[2]}"
    kind = row.text(KIND, "")
    answers, tags = (tuple(text for text in (value,) if text.strip()) for value in (reference, kind))
    return ImportedQuestion(row.place, name, question, answers, answerable=True, tags=tags)


def _origin(row: Row, document_id: str, context: str) -> Origin:
    whole = Span(0, len(context))
    return Origin(f"{row.place}, field {_named(row, CONTEXTS)!r}", document_id, whole, whole)


def _named(row: Row, names: tuple[str, str]) -> str:
    """Return which of two names of a field the row uses; the newer one when it uses neither."""
    newer, older = names
    return older if row.values.get(newer) is None and older in row.values else newer
