"""Reads gold sets that bring their documents: corpus.jsonl with questions.jsonl, or with BEIR's queries and judgements.

Knows that layout and finds evidence in the texts as given; knows nothing of libraries.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from eval.locate import Texts, locate
from eval.questions import Evidence, GoldSet, Question
from eval.rows import Report, Row, listed, read_lines, read_unique
from rag.errors import GoldError
from rag.schema import Document

QUESTION_FIELDS = ("id", "question", "answers", "answerable", "doc_ids", "evidence", "spans", "tags")
SPAN_FIELDS = ("doc_id", "start", "end")
DOCUMENT_FIELDS = ("id", "title", "text")
QUERY_FIELDS = ("id", "text")


@dataclass(frozen=True)
class Judgement:
    """How relevant a document is to a query.

    Attributes:
        place: File and row, for messages.
        query_id: The query.
        document_id: The document.
        score: Above 0 when it is relevant.
    """

    place: str
    query_id: str
    document_id: str
    score: int


def read_folder(folder: Path, report: Report) -> GoldSet:
    """Read a folder's documents and questions.

    Args:
        folder: Holds ``corpus.jsonl``, and ``questions.jsonl`` or ``queries.jsonl`` with judgements.
        report: Is told each row that cannot be used.

    Returns:
        The gold set.

    Raises:
        GoldError: A file is missing, or nothing is asked.
    """
    files = _files(folder)
    if "corpus.jsonl" not in files or not files.keys() & {"questions.jsonl", "queries.jsonl"}:
        raise GoldError(f"{folder} is no gold set: it has to hold corpus.jsonl and questions.jsonl")
    documents = read_unique(files["corpus.jsonl"], read_document, report)
    corpus = Texts({document.id: document.text for document in documents})
    questions: list[Question] = []
    if "questions.jsonl" in files:
        questions = read_unique(files["questions.jsonl"], lambda row: _question(row, corpus), report)
    if "queries.jsonl" in files:
        # Questions say more than judgements of whole documents, so they replace queries of the same id.
        known = {question.id for question in questions}
        queries = _queries(files["queries.jsonl"], judgements_file(folder), corpus, report)
        questions = [*(query for query in queries if query.id not in known), *questions]
    asked = tuple(question for question in questions if question.question.strip())
    left_out = tuple(question.id for question in questions if not question.question.strip())
    if not asked:
        raise GoldError(f"{folder} asks no question: every row's question is empty or without a relevant document")
    listing = "".join(f"{sha256(file)}  {name}\n" for name, file in files.items())
    digest = hashlib.sha256(listing.encode()).hexdigest()
    return GoldSet(folder.resolve().name, digest, asked, tuple(documents), left_out)


def read_document(row: Row) -> Document:
    """Return the document of a row of ``corpus.jsonl``."""
    return Document(row.id(), row.text("text", ""), row.text("title", ""))


def judgements_file(folder: Path) -> Path:
    """Return the judgements of a folder: ``qrels.tsv``, else ``qrels/test.tsv``, else the first file in ``qrels``.

    Args:
        folder: In BEIR's layout.

    Returns:
        The file; ``qrels.tsv``, which does not exist then, when there is none.
    """
    parts = sorted((folder / "qrels").glob("*.tsv"), key=lambda path: (path.name != "test.tsv", path.name))
    top = folder / "qrels.tsv"
    return parts[0] if parts and not top.exists() else top


def read_judgements(path: Path, report: Report) -> Iterator[Judgement]:
    """Yield the rows of a judgements file.

    Args:
        path: Query, document and score by tabs, with or without BEIR's line of headings.
        report: Is told each row that is something else.

    Yields:
        Judgements, in order.

    Raises:
        GoldError: The file is missing.
    """
    if not path.exists():
        raise GoldError(f"{path} is missing: queries.jsonl needs its judgements (query-id, corpus-id, score)")
    for number, (place, line) in enumerate(read_lines(path, report)):
        fields = line.rstrip("\r\n").split("\t")
        if number == 0 and fields[-1] == "score":
            continue
        if len(fields) != 3 or not fields[2].removeprefix("-").isdecimal():
            report(f"{place}: {line.strip()[:60]!r} is not query, document and score (a whole number), by tabs")
            continue
        yield Judgement(place, fields[0], fields[1], int(fields[2]))


def note_contradiction(row: Row, question: Question) -> None:
    """Note where what a question says of its answer does not agree, unless a field of its row is wrong anyway."""
    answered = question.answers or question.document_ids
    if question.answerable and not answered and not row.faults:
        row.fault("answers", "is empty for an answerable question without evidence; give one or the other")
    if not question.answerable and answered and not row.faults:
        row.fault("answerable", "is false, but answers or evidence are given")


def sha256(path: Path) -> str:
    """Return the digest of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(folder: Path) -> dict[str, Path]:
    """Return the files there are, by their path in the folder; the digest covers them in this order."""
    names = [folder / name for name in ("corpus.jsonl", "questions.jsonl", "queries.jsonl")]
    return {path.relative_to(folder).as_posix(): path for path in [*names, judgements_file(folder)] if path.exists()}


def _question(row: Row, corpus: Texts) -> Question:
    named = row.texts("doc_ids")
    if unknown := [repr(name) for name in named if name not in corpus.plain]:
        row.fault("doc_ids", f"names {listed(unknown)}, which corpus.jsonl does not hold")
    spans = row.items("spans")
    found: Iterable[Evidence | None] = (
        [_span(item, corpus) for item in spans] if spans else _located(row, named, corpus)
    )
    evidence = tuple(span for span in found if span)
    question = Question(
        id=row.id(),
        question=row.text("question", ""),
        answers=row.texts("answers"),
        answerable=row.flag("answerable"),
        evidence=evidence,
        document_ids=tuple(dict.fromkeys([*named, *(span.document_id for span in evidence)])),
        tags=row.texts("tags"),
        place=row.place,
    )
    note_contradiction(row, question)
    return question


def _span(item: Row, corpus: Texts) -> Evidence | None:
    document = item.text("doc_id")
    start, end = item.offsets("start", "end")
    if document and document not in corpus.plain:
        item.fault("doc_id", f"names {document!r}, which corpus.jsonl does not hold")
    elif item.values.get("start") is None and item.values.get("end") is None:
        item.fault("start", "is missing: a span takes start and end")
    elif document and start is not None and end is not None:
        text = corpus.plain[document]
        if end <= len(text):
            return Evidence(document, start, end, text[start:end], item.place)
        item.fault("start", f"[{start}, {end}) is no span of document {document!r}, which has {len(text)} characters")
    return None


def _located(row: Row, documents: tuple[str, ...], corpus: Texts) -> Iterator[Evidence]:
    known = [name for name in documents if name in corpus.plain]
    for number, quote in enumerate(row.texts("evidence")):
        places = ((name, locate(quote, corpus.folded(name))) for name in known)
        document, span = next(((name, span) for name, span in places if span), ("", None))
        if span:
            text = corpus.plain[document][span.start_char : span.end_char]
            yield Evidence(document, span.start_char, span.end_char, text, f"{row.place}, evidence[{number}]")
        elif known == list(documents):
            row.fault("evidence", f"{quote[:60]!r} is in none of its documents ({listed(documents)})")


def _queries(queries: Path, qrels: Path, corpus: Texts, report: Report) -> list[Question]:
    """Return the queries that have a relevant document; BEIR keeps those of all its parts in one file."""
    asked = read_unique(queries, lambda row: (row.id(), row.text("text", ""), row.place), report)
    relevant = _relevant(qrels, corpus.plain, report)
    return [
        Question(name, text, (), True, (), relevant[name], (), place) for name, text, place in asked if name in relevant
    ]


def _relevant(qrels: Path, corpus: Mapping[str, str], report: Report) -> dict[str, tuple[str, ...]]:
    relevant: dict[str, dict[str, None]] = {}
    for judgement in read_judgements(qrels, report):
        if judgement.document_id not in corpus:
            report(f"{judgement.place}: names {judgement.document_id!r}, which corpus.jsonl does not hold")
        elif judgement.score > 0:
            relevant.setdefault(judgement.query_id, {})[judgement.document_id] = None
    return {query: tuple(documents) for query, documents in relevant.items()}
