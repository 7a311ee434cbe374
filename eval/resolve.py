"""Turns gold evidence into spans of a library's documents; knows nothing of answers and metrics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from eval.copies import firsts
from eval.gold import Evidence, GoldSet, Question
from eval.locate import FoldedText, Texts, locate, transfer
from eval.rows import Report, listed, refuse
from rag import Library, Passage
from rag.clean import clean
from rag.schema import Span


class Corpus:
    """The documents of a library as an evaluation reads them: each text and each list of passages once.

    Attributes:
        ids: Ids of the documents, in the library's order.
        question_chars: Longest question that the library takes.
    """

    def __init__(self, library: Library) -> None:
        """Read which documents there are."""
        self._library = library
        self.question_chars = library.settings.question_chars
        self._names: dict[str, set[str]] = defaultdict(set)
        self._texts: dict[str, FoldedText] = {}
        self._passages: dict[str, tuple[Passage, ...]] = {}
        summaries = library.documents()
        self.ids = tuple(summary.id for summary in summaries)
        for summary in summaries:
            for path in (PurePath(summary.id), PurePath(summary.source)):
                self._names[path.name].add(summary.id)
                self._names[path.stem].add(summary.id)
        self._held = frozenset(self.ids)

    def holds(self, document_id: str) -> bool:
        """Return whether there is a document with that id."""
        return document_id in self._held

    def named(self, name: str) -> list[str]:
        """Return the id of the document with that id, or else of all with that file name or stem, in order."""
        return [name] if name in self._held else sorted(self._names.get(name, ()))

    def resolve(self, name: str) -> str | None:
        """Return the id of the document with that id or else, when it is the only one, with that file name or stem."""
        named = self.named(name)
        return named[0] if len(named) == 1 else None

    def text(self, document_id: str) -> FoldedText:
        """Return the canonical text of a document, folded; an empty one where the library holds none with that id."""
        if document_id not in self._texts:
            text = self._library.document(document_id).text if self.holds(document_id) else ""
            self._texts[document_id] = FoldedText(text)
        return self._texts[document_id]

    def passages(self, document_id: str) -> tuple[Passage, ...]:
        """Return the passages of a document."""
        if document_id not in self._passages:
            self._passages[document_id] = tuple(self._library.passages(document_id))
        return self._passages[document_id]


def resolve(gold: GoldSet, questions: Iterable[Question], corpus: Corpus, *, report: Report = refuse) -> list[Question]:
    """Tie questions to a library.

    Evidence of a folder refers to its texts as given; what the library's cleaning dropped of it keeps no offsets. Where
    cleaning leaves nothing of a document, the library lacks it and its evidence is lost too.

    Args:
        gold: The gold set the questions are from.
        questions: Those to resolve.
        corpus: The library's documents.
        report: Is told each question that is too long for the library, each document that is not in it or has an
            ambiguous name, and each quote of a file that is not in its document. When it returns, the question is
            resolved without; by default the first such problem is raised as a ``GoldError``.

    Returns:
        The questions with the library's document ids, and with evidence as spans of its canonical texts.
    """
    questions = list(questions)
    for problem in too_long(questions, corpus.question_chars):
        report(problem)
    given = None if gold.documents is None else Texts({document.id: document.text for document in gold.documents})
    resolver = _Resolver(given, corpus, report, f"gold set {gold.name!r}")
    return [resolver.resolve(question) for question in questions]


def too_long(questions: Iterable[Question], question_chars: int) -> Iterator[str]:
    """Name the questions that a library would refuse, which would end an evaluation half way.

    Args:
        questions: The questions.
        question_chars: Longest one that is accepted, in characters.

    Yields:
        One line each.
    """
    for question in questions:
        if len(question.question) > question_chars:
            place = question.place or "gold set"
            yield (
                f"{place} (question {question.id!r}), field 'question': has {len(question.question):,} "
                f"characters, more than {question_chars:,}; shorten it, or raise the setting question_chars"
            )


def holds_text(text: str) -> bool:
    """Return whether a document of that text can be indexed: cleaning leaves something of it."""
    return bool(clean(text))


@dataclass(frozen=True)
class _Resolver:
    """What all questions of a gold set are resolved with; ``given`` are a folder's own texts."""

    given: Texts | None
    corpus: Corpus
    report: Report
    gold: str

    def resolve(self, question: Question) -> Question:
        ids = {name: found for name in question.document_ids if (found := self._document_id(name, question))}
        same = firsts(ids.values(), lambda found: self.corpus.text(found).source)
        ids = {name: same[found] for name, found in ids.items()}
        evidence = tuple(self._evidence(question, ids))
        return replace(question, evidence=evidence, document_ids=tuple(dict.fromkeys(ids.values())))

    def _document_id(self, name: str, question: Question) -> str | None:
        if self._without_text(name):
            # A need that no passage can meet, as when cleaning drops a span of a document.
            return name
        named = self.corpus.named(name)
        if len(named) == 1:
            return named[0]
        place = next((item.place for item in question.evidence if item.document_id == name and item.place), "")
        if named:
            problem = f"{name!r} may be any of {listed(map(repr, named))}; give the id of one"
        else:
            problem = f"{name!r} is not in the library; give an id, or a file name, that `rag list` shows"
        self._problem(question, place, f"field 'document_id': {problem}")
        return None

    def _without_text(self, name: str) -> bool:
        """Return whether the gold set brings a document of which nothing could be indexed."""
        if self.given is None or self.corpus.holds(name):
            return False
        return name in self.given.plain and not holds_text(self.given.plain[name])

    def _evidence(self, question: Question, ids: dict[str, str]) -> Iterator[Evidence]:
        for number, item in enumerate(question.evidence):
            if item.document_id not in ids:
                continue
            named = replace(item, document_id=ids[item.document_id])
            text = self.corpus.text(named.document_id)
            if self.given:
                yield _carried(named, self.given.folded(item.document_id), text)
            elif isinstance(found := _quoted(named, text), Evidence):
                yield found
            else:
                self._problem(question, item.place or f"{self.gold}, evidence[{number}]", found)

    def _problem(self, question: Question, place: str, problem: str) -> None:
        self.report(f"{place or question.place or self.gold} (question {question.id!r}), {problem}")


def _quoted(evidence: Evidence, text: FoldedText) -> Evidence | str:
    """Return evidence of a file as it stands in its document, or what is wrong with it."""
    start, end, size = evidence.start_char, evidence.end_char, len(text.source)
    quote = evidence.quote if evidence.quote.strip() else ""
    if start is not None and end is not None:
        stands = text.source[start:end]
        if end <= size and quote in {"", stands}:
            return replace(evidence, quote=stands)
        if not quote:
            return f"field 'end_char': {end} is beyond {evidence.document_id!r} of {size} characters"
    span = locate(quote, text, near=start or 0)
    return _at(evidence, span, text) if span else f"field 'quote': {quote[:60]!r} is not in {evidence.document_id!r}"


def _carried(evidence: Evidence, given: FoldedText, canonical: FoldedText) -> Evidence:
    if evidence.start_char is None or evidence.end_char is None:
        raise ValueError(f"evidence of a folder has offsets, got {evidence}")
    span = transfer(Span(evidence.start_char, evidence.end_char), given, canonical)
    return _at(evidence, span, canonical) if span else replace(evidence, start_char=None, end_char=None)


def _at(evidence: Evidence, span: Span, text: FoldedText) -> Evidence:
    quote = text.source[span.start_char : span.end_char]
    return replace(evidence, start_char=span.start_char, end_char=span.end_char, quote=quote)


def sample(questions: Sequence[Question], limit: int | None) -> list[Question]:
    """Return ``limit`` questions spread evenly over the set, in order, or all when it holds no more.

    Published sets are ordered by document, so their first questions would be about one.
    """
    if limit is None or limit >= len(questions):
        return list(questions)
    return [questions[i * len(questions) // limit] for i in range(limit)]
