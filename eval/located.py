"""Finds what an imported set quotes in the documents of a library; knows no format and no file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from eval.imported import Imported, ImportedQuestion, Origin
from eval.locate import FoldedText, locate, transfer
from eval.resolve import Corpus
from rag.clean import clean
from rag.schema import Span


def gold_rows(imported: Imported, corpus: Corpus) -> Iterator[dict[str, Any]]:
    """Yield the rows of a gold set on a library; what is not found there is noted in ``imported``.

    A question keeps what was found of its evidence. With none it stays when it has answers, and is left out otherwise.

    Args:
        imported: The set.
        corpus: The library's documents.

    Yields:
        One row a question.
    """
    found = _Found(corpus)
    for question in imported.questions.values():
        evidence = list(_evidence(question, imported, found))
        if question.answerable and not evidence and not question.answers:
            imported.left_out.append(f"{question.place}: nothing that answers the question is in the library")
            continue
        yield {
            "id": question.id,
            "question": question.question,
            "answers": list(question.answers),
            "answerable": question.answerable,
            "evidence": evidence,
            "tags": list(question.tags),
        }


@dataclass
class _Found:
    """Where each context was found: questions on one paragraph look for it once."""

    corpus: Corpus
    places: dict[tuple[str, Span], tuple[str, Span] | None] = field(default_factory=dict)

    def context(self, origin: Origin, text: str) -> tuple[str, Span] | None:
        key = origin.document_id, origin.context
        if key not in self.places:
            quote = FoldedText(text)
            found = ((name, locate(quote, self.corpus.text(name))) for name in self.corpus.ids)
            self.places[key] = next(((name, span) for name, span in found if span), None)
        return self.places[key]


def _evidence(question: ImportedQuestion, imported: Imported, found: _Found) -> Iterator[dict[str, Any]]:
    reported: set[tuple[str, Span]] = set()
    for origin in question.origins:
        item = _named(origin, imported, found.corpus) or _item(origin, imported, found)
        if item:
            yield item
        elif (origin.document_id, origin.context) not in reported:
            reported.add((origin.document_id, origin.context))
            imported.not_located.append(f"{origin.place}: {_missing(origin, imported, found.corpus)}")


def _missing(origin: Origin, imported: Imported, corpus: Corpus) -> str:
    text = imported.text(origin.document_id, origin.context)
    namesake = corpus.resolve(origin.document_id)
    if not text.strip():
        return f"{origin.document_id!r} brings no text, and no document of the library has its name"
    also = f"; {namesake!r} has its name, but another text" if namesake else ""
    return f"{text[:60]!r} is in no document of the library{also}"


def _named(origin: Origin, imported: Imported, corpus: Corpus) -> dict[str, Any] | None:
    """Return the document of the library that has the name of one which answers as a whole, and its text."""
    known = corpus.resolve(origin.document_id) if origin.answer is None else None
    if known is None:
        return None
    text = imported.text(origin.document_id, origin.context)
    if not text.strip():
        note = f"{origin.document_id!r} brings no text: {known!r} of the library is taken for it by its name alone"
        imported.notes += [note] if note not in imported.notes else []
        return {"document_id": known}
    # A library's texts are cleaned, which may have left out lines of this one.
    same = any(locate(form, corpus.text(known)) for form in (text, clean(text)))
    return {"document_id": known} if same else None


def _item(origin: Origin, imported: Imported, found: _Found) -> dict[str, Any] | None:
    context = imported.text(origin.document_id, origin.context)
    place = found.context(origin, context)
    if place is None:
        return None
    name, span = place
    text = found.corpus.text(name).source
    if origin.answer:
        start = origin.context.start_char
        told = Span(origin.answer.start_char - start, origin.answer.end_char - start)
        inside = transfer(told, FoldedText(context), FoldedText(text[span.start_char : span.end_char]))
        if inside is None:
            return None
        span = Span(span.start_char + inside.start_char, span.start_char + inside.end_char)
    quote = text[span.start_char : span.end_char]
    return {"document_id": name, "start_char": span.start_char, "end_char": span.end_char, "quote": quote}
