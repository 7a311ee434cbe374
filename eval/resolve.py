"""Turns gold evidence into spans of a library's documents; knows nothing of answers and metrics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import PurePath

from eval.gold import Evidence, GoldSet, Question
from eval.locate import FoldedText, locate, transfer
from rag import Document, Library, Passage
from rag.errors import GoldError
from rag.schema import Span


class Corpus:
    """The documents of a library as an evaluation reads them: each text and each list of passages once."""

    def __init__(self, library: Library) -> None:
        """Read which documents there are."""
        self._library = library
        self._names: dict[str, set[str]] = defaultdict(set)
        self._texts: dict[str, FoldedText] = {}
        self._passages: dict[str, tuple[Passage, ...]] = {}
        self._ids: set[str] = set()
        for summary in library.documents():
            self._ids.add(summary.id)
            for path in (PurePath(summary.id), PurePath(summary.source)):
                self._names[path.name].add(summary.id)
                self._names[path.stem].add(summary.id)

    def resolve(self, name: str) -> str | None:
        """Return the id of the document with that id or else, when it is the only one, with that file name or stem."""
        if name in self._ids:
            return name
        named = self._names.get(name, set())
        return next(iter(named)) if len(named) == 1 else None

    def text(self, document_id: str) -> FoldedText:
        """Return the canonical text of a document, folded."""
        if document_id not in self._texts:
            self._texts[document_id] = FoldedText(self._library.document(document_id).text)
        return self._texts[document_id]

    def passages(self, document_id: str) -> tuple[Passage, ...]:
        """Return the passages of a document."""
        if document_id not in self._passages:
            self._passages[document_id] = tuple(self._library.passages(document_id))
        return self._passages[document_id]


def resolve(gold: GoldSet, questions: Iterable[Question], corpus: Corpus) -> list[Question]:
    """Tie questions to a library.

    Evidence of a folder refers to its texts as given; what the library's cleaning dropped of it keeps no offsets.

    Args:
        gold: The gold set the questions are from.
        questions: Those to resolve.
        corpus: The library's documents.

    Returns:
        The questions with the library's document ids, and with evidence as spans of its canonical texts.

    Raises:
        GoldError: A document is not in the library or its name is ambiguous, or a file's quote is not in its document.
    """
    given = {document.id: document for document in gold.documents or ()}
    folded: dict[str, FoldedText] = {}
    resolved = []
    for question in questions:
        place = f"gold set {gold.name!r}, question {question.id!r}"
        ids = {name: _known(name, corpus, place) for name in question.document_ids}
        evidence = []
        for number, item in enumerate(question.evidence):
            named = replace(item, document_id=ids[item.document_id])
            if gold.documents is None:
                evidence.append(_quoted(named, corpus.text(named.document_id), f"{place}, evidence[{number}]"))
            else:
                evidence.append(_carried(named, _folded(given[item.document_id], folded), corpus))
        resolved.append(replace(question, evidence=tuple(evidence), document_ids=tuple(ids.values())))
    return resolved


def _known(name: str, corpus: Corpus, place: str) -> str:
    document_id = corpus.resolve(name)
    if document_id is None:
        rule = "it has to be the id, or the file name of exactly one document, that `rag list` shows"
        raise GoldError(f"{place}, field 'document_id': {name!r} is not in the library; {rule}")
    return document_id


def _quoted(evidence: Evidence, text: FoldedText, place: str) -> Evidence:
    start, end = evidence.start_char, evidence.end_char
    if start is not None and end is not None:
        stands = text.source[start:end]
        if stands == evidence.quote or (not evidence.quote and end <= len(text.source)):
            return replace(evidence, quote=stands)
        if not evidence.quote:
            size = len(text.source)
            raise GoldError(f"{place}, field 'end_char': {end} is beyond {evidence.document_id!r} of {size} characters")
    span = locate(evidence.quote, text)
    if span is None:
        shown = evidence.quote[:60]
        raise GoldError(f"{place}, field 'quote': {shown!r} is not in document {evidence.document_id!r}")
    return _at(evidence, span, text)


def _carried(evidence: Evidence, given: FoldedText, corpus: Corpus) -> Evidence:
    canonical = corpus.text(evidence.document_id)
    if evidence.start_char is None or evidence.end_char is None:
        raise ValueError(f"evidence of a folder has offsets, got {evidence}")
    span = transfer(Span(evidence.start_char, evidence.end_char), given, canonical)
    if span is None:
        return replace(evidence, start_char=None, end_char=None)
    return _at(evidence, span, canonical)


def _at(evidence: Evidence, span: Span, text: FoldedText) -> Evidence:
    quote = text.source[span.start_char : span.end_char]
    return replace(evidence, start_char=span.start_char, end_char=span.end_char, quote=quote)


def _folded(document: Document, folded: dict[str, FoldedText]) -> FoldedText:
    if document.id not in folded:
        folded[document.id] = FoldedText(document.text)
    return folded[document.id]


def sample(questions: Sequence[Question], limit: int | None) -> list[Question]:
    """Return ``limit`` questions spread evenly over the set, in order, or all when it holds no more.

    Published sets are ordered by document, so their first questions would be about one.
    """
    if limit is None or limit >= len(questions):
        return list(questions)
    return [questions[i * len(questions) // limit] for i in range(limit)]
