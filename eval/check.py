"""Checks a whole gold set and names every bad row; asks nothing, so it tells nothing of the library's answers.

The rules are those of reading and resolving, which stop at the first problem when a gold set is evaluated; only the
warnings, about what can be evaluated but is hardly meant, are made here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from eval.dialogues import FIELDS as DIALOGUE_FIELDS
from eval.dialogues import TURN_FIELDS, holds_dialogues, questions_of, read_dialogues
from eval.folder import (
    DOCUMENT_FIELDS,
    QUERY_FIELDS,
    QUESTION_FIELDS,
    SPAN_FIELDS,
    judgements_file,
    read_judgements,
)
from eval.gold import EVIDENCE_FIELDS, FILE_FIELDS, GoldSet, Question, read_gold
from eval.judge import spoken_answers
from eval.metrics import contains
from eval.resolve import Corpus, holds_text, resolve, too_long
from eval.rows import Report, Row, read_rows
from rag import Library, Settings
from rag.errors import GoldError

Fields = tuple[str, ...]

# The fields that are read, by file and by list of objects in it; "" stands for a gold set that is one file.
FIELDS: dict[str, dict[str, Fields]] = {
    "": {"": FILE_FIELDS, "evidence": EVIDENCE_FIELDS},
    "corpus.jsonl": {"": DOCUMENT_FIELDS},
    "questions.jsonl": {"": QUESTION_FIELDS, "spans": SPAN_FIELDS},
    "queries.jsonl": {"": QUERY_FIELDS},
}
# Similarity from which an unknown field is taken for a known one: "anwsers" and "tag" are, "context" and "level" not.
SLIP_RATIO = 0.8


@dataclass(frozen=True)
class Findings:
    """What a check found.

    Attributes:
        questions: Questions that were read, those with problems among them.
        problems: What keeps the gold set from being evaluated, one line each; those that only the library shows last.
        warnings: What can be evaluated but is hardly meant, one line each.
    """

    questions: int
    problems: tuple[str, ...]
    warnings: tuple[str, ...]


def check(path: Path, library: Library | None, *, settings: Settings | None = None) -> Findings:
    """Read a whole gold set and name every bad row.

    Args:
        path: A JSON Lines file of questions or of conversations, or a folder that brings its documents.
        library: Holds the documents of a file's evidence, which is not checked without; not needed for a folder.
        settings: Those it will be evaluated with, where there is no library to tell; the defaults when ``None``.

    Returns:
        Problems and warnings; without problems it can be evaluated on that library.
    """
    problems: list[str] = []
    talks = holds_dialogues(path)
    try:
        gold_set = _read(path, problems.append, talks=talks)
    except GoldError as error:
        return Findings(0, (*problems, str(error)), ())
    questions: Sequence[Question] = gold_set.questions
    warnings = [*_slips(path), *_silent(path, gold_set), *_unasked(path)]
    # In conversations "And in 2021?" may be asked many times.
    warnings += () if talks else _repeated(questions)
    if library is None or gold_set.documents is not None:
        problems += too_long(questions, (settings or Settings()).question_chars)
    if gold_set.documents is not None:
        problems += _unusable(path, gold_set)
        warnings += _textless(path, gold_set)
        texts = {document.id: document.text for document in gold_set.documents}
        warnings += _unheld(questions, texts.get)
    elif library is None:
        warnings += [*_unheld(questions), f"{path}: the evidence was not checked, since no library was given"]
    else:
        corpus = Corpus(library)
        questions = resolve(gold_set, questions, corpus, report=problems.append)
        warnings += _moved(gold_set.questions, questions)
        warnings += _unheld(questions, lambda document_id: corpus.text(document_id).source)
    return Findings(len(questions), tuple(problems), tuple(warnings))


def _read(path: Path, report: Report, *, talks: bool) -> GoldSet:
    return questions_of(read_dialogues(path, report=report)) if talks else read_gold(path, report=report)


def _slips(path: Path) -> Iterator[str]:
    """Name each field that is not read but looks like one that is, where it comes first."""
    seen: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row, known in _rows(path):
        # BEIR's name for it, which is read of every row.
        for name in row.values.keys() - {*known, "_id"}:
            meant = _meant(name, known)
            if meant and meant not in row.values:
                seen[name, meant].append(row.place)
    for (name, meant), places in seen.items():
        more = f" ({len(places)} rows have it)" if len(places) > 1 else ""
        yield f"{places[0]}, field {name!r}: is not read; did you mean {meant!r}?{more}"


def _rows(path: Path) -> Iterator[tuple[Row, Fields]]:
    """Yield all rows and the objects in them with the fields that are read of each."""
    if holds_dialogues(path):
        for row in read_rows(path, _pass_over):
            yield row, DIALOGUE_FIELDS
            for turn in row.items("turns"):
                yield from _with_items(turn, {"": TURN_FIELDS, "evidence": EVIDENCE_FIELDS})
        return
    for name, known in FIELDS.items():
        file = path / name
        for row in read_rows(file, _pass_over) if file.is_file() else ():
            yield from _with_items(row, known)


def _with_items(row: Row, known: Mapping[str, Fields]) -> Iterator[tuple[Row, Fields]]:
    yield row, known[""]
    for field, fields in known.items():
        if field:
            yield from ((item, fields) for item in row.items(field))


@cache
def _meant(name: str, known: Fields) -> str:
    longer = [field for field in known if len(name) > 2 and field.startswith(name)]
    return next(iter(longer or get_close_matches(name, known, n=1, cutoff=SLIP_RATIO)), "")


def _silent(path: Path, gold_set: GoldSet) -> Iterator[str]:
    if not gold_set.left_out:
        return
    left_out = set(gold_set.left_out)
    for name, field in (("questions.jsonl", "question"), ("queries.jsonl", "text")):
        for row in read_rows(path / name, _pass_over) if (path / name).is_file() else ():
            if row.id() in left_out and not str(row.values.get(field) or "").strip():
                yield f"{row.place}, field {field!r}: is empty; the row asks nothing and is left out"


def _unusable(path: Path, gold_set: GoldSet) -> Iterator[str]:
    """Name a corpus of which nothing could be indexed."""
    if not any(holds_text(document.text) for document in gold_set.documents or ()):
        yield f"{path / 'corpus.jsonl'}: none of its documents holds text that can be indexed"


def _textless(path: Path, gold_set: GoldSet) -> Iterator[str]:
    """Name the documents that answer a question but of which nothing can be indexed."""
    asked: dict[str, list[str]] = defaultdict(list)
    for question in gold_set.questions:
        for name in question.document_ids:
            asked[name].append(question.id)
    for row in read_rows(path / "corpus.jsonl", _pass_over):
        questions = asked.get(row.id())
        if questions and not holds_text(row.text("text", "")) and not row.faults:
            more = f" and {len(questions) - 1} more" if len(questions) > 1 else ""
            yield (
                f"{row.place}, field 'text': holds nothing that can be indexed, so document {row.id()!r} counts as "
                f"lost evidence of question {questions[0]!r}{more}"
            )


def _unasked(path: Path) -> Iterator[str]:
    """Name the judgements of queries that there are not."""
    queries = path / "queries.jsonl"
    if not queries.is_file():
        return
    known = {row.id() for row in read_rows(queries, _pass_over)}
    judgements = read_judgements(judgements_file(path), _pass_over)
    unknown = [judgement for judgement in judgements if judgement.query_id not in known]
    if unknown:
        more = f" ({len(unknown)} rows name such a query)" if len(unknown) > 1 else ""
        yield f"{unknown[0].place}: names {unknown[0].query_id!r}, which queries.jsonl does not hold{more}"


def _repeated(questions: Iterable[Question]) -> Iterator[str]:
    first: dict[str, str] = {}
    for question in questions:
        asked = " ".join(question.question.casefold().split())
        if asked in first:
            yield f"{question.place}, field 'question': {question.question[:60]!r} is what {first[asked]!r} asks too"
        elif asked:
            first[asked] = question.id


def _moved(given: Iterable[Question], resolved: Iterable[Question]) -> Iterator[str]:
    """Name the evidence whose quote stands elsewhere than its offsets say."""
    found = {item.place: item for question in resolved for item in question.evidence}
    for item in (item for question in given for item in question.evidence):
        placed = found.get(item.place)
        if placed and item.start_char is not None and placed.start_char != item.start_char:
            span = f"[{placed.start_char}, {placed.end_char})"
            yield (
                f"{item.place}, field 'start_char': [{item.start_char}, {item.end_char}) does not hold the quote, "
                f"which stands at {span}; that is used"
            )


def _unheld(questions: Iterable[Question], text: Callable[[str], str | None] = lambda _: None) -> Iterator[str]:
    """Name the questions that no quotation of their evidence can answer as their gold answers want it."""
    for question in questions:
        answers = spoken_answers(question) if question.answerable else ()
        where = "evidence" if question.evidence else "documents"
        quotes: list[str | None] = [item.quote for item in question.evidence]
        quotes = quotes or [text(name) for name in question.document_ids]
        # What is not known cannot be said to lack the answer.
        if answers and quotes and all(quotes) and not any(contains(quote or "", answers) for quote in quotes):
            wanted = ", ".join(repr(answer[:60]) for answer in answers[:3])
            yield f"{question.place}, field 'answers': none of them ({wanted}) stands in the question's {where}"


def _pass_over(_problem: str) -> None:
    """Leave a problem to the reading that reports it."""
