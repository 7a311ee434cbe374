"""Reads gold sets: a JSON Lines file of questions, or a folder that brings its documents too.

Knows the formats and refuses bad rows; knows nothing of libraries, so offsets are those of the texts as given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.locate import locate
from eval.rows import Row, listed, read_unique
from rag.errors import GoldError
from rag.schema import Document

__all__ = ["Evidence", "GoldSet", "Question", "locate", "read_gold"]

FOLDER_FILES = ("corpus.jsonl", "questions.jsonl", "queries.jsonl", "qrels.tsv")


@dataclass(frozen=True)
class Evidence:
    """A span of a document that answers a question.

    Attributes:
        document_id: The document, as the gold set names it.
        start_char: First character of the span, or ``None`` when only the quote is known.
        end_char: One past its last character, or ``None``.
        quote: The span's text, or ``""`` when only the offsets are known.
    """

    document_id: str
    start_char: int | None
    end_char: int | None
    quote: str


@dataclass(frozen=True)
class Question:
    """A question with what is known about its answer.

    Attributes:
        id: Unique in its gold set.
        question: As a user would ask it.
        answers: Accepted answers, any of which will do.
        answerable: Whether the documents answer it.
        evidence: Spans that answer it.
        document_ids: Documents that answer it, those of the evidence among them.
        tags: Kinds of question it belongs to.
    """

    id: str
    question: str
    answers: tuple[str, ...]
    answerable: bool
    evidence: tuple[Evidence, ...]
    document_ids: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True)
class GoldSet:
    """Questions, and the documents they are about where the gold set brings them.

    Attributes:
        name: File or folder name without suffix.
        digest: SHA-256 of its files, in hexadecimal.
        questions: At least one.
        documents: The corpus of a folder; ``None`` for a file.
        left_out: Ids of a folder's rows that ask nothing; published sets hold some.
    """

    name: str
    digest: str
    questions: tuple[Question, ...]
    documents: tuple[Document, ...] | None
    left_out: tuple[str, ...] = ()


def read_gold(path: Path) -> GoldSet:
    """Read a JSON Lines file of questions, or a folder with ``corpus.jsonl`` and ``questions.jsonl``.

    A folder may also hold ``queries.jsonl`` and ``qrels.tsv`` as BEIR publishes them, beside or instead of
    ``questions.jsonl``: their judgements name whole documents, and any above 0 counts.

    Args:
        path: The file or folder.

    Returns:
        The gold set, its evidence in offsets of the texts as given.

    Raises:
        GoldError: It does not exist, or a row cannot be used; the message names file, row and field.
    """
    if not path.exists():
        raise GoldError(f"no gold set at {path}: give a JSON Lines file, or a folder with corpus.jsonl")
    if path.is_dir():
        return _read_folder(path)
    questions = read_unique(path, _file_question)
    return GoldSet(path.stem, _sha256(path), tuple(questions.values()), None)


def _read_folder(folder: Path) -> GoldSet:
    files = {name: folder / name for name in FOLDER_FILES if (folder / name).exists()}
    if "corpus.jsonl" not in files or not files.keys() & {"questions.jsonl", "queries.jsonl"}:
        raise GoldError(f"{folder} is no gold set: it has to hold corpus.jsonl and questions.jsonl")
    documents = read_unique(files["corpus.jsonl"], _document)
    questions: dict[str, Question] = {}
    if "queries.jsonl" in files:
        questions |= _queries(files["queries.jsonl"], folder / "qrels.tsv", documents)
    if "questions.jsonl" in files:
        # They say more than judgements of whole documents, so they replace queries of the same id.
        questions |= read_unique(files["questions.jsonl"], lambda row: _folder_question(row, documents))
    asked = tuple(question for question in questions.values() if question.question.strip())
    left_out = tuple(key for key, question in questions.items() if not question.question.strip())
    if not asked:
        raise GoldError(f"{folder} asks no question: every row's question is empty or without a relevant document")
    listing = "".join(f"{_sha256(file)}  {name}\n" for name, file in files.items())
    digest = hashlib.sha256(listing.encode()).hexdigest()
    return GoldSet(folder.resolve().name, digest, asked, tuple(documents.values()), left_out)


def _document(row: Row) -> Document:
    return Document(row.id(), row.text("text", ""), row.text("title", ""))


def _file_question(row: Row) -> Question:
    evidence: list[Evidence] = []
    documents: list[str] = []
    for item in row.items("evidence"):
        start, end = item.offsets("start_char", "end_char")
        span = Evidence(item.text("document_id"), start, end, item.text("quote", ""))
        documents.append(span.document_id)
        # Without a quote and offsets it names a document that answers the question, and no place in it.
        if span.quote.strip() or start is not None:
            evidence.append(span)
    return _question(row, row.text("question"), evidence=evidence, documents=documents)


def _folder_question(row: Row, corpus: Mapping[str, Document]) -> Question:
    documents = row.texts("doc_ids")
    for document in documents:
        if document not in corpus:
            raise row.error("doc_ids", f"names {document!r}, which corpus.jsonl does not hold")
    evidence = [_span(item, corpus) for item in row.items("spans")]
    if not evidence:
        evidence = [_find(row, quote, {d: corpus[d].text for d in documents}) for quote in row.texts("evidence")]
    documents += tuple(e.document_id for e in evidence)
    return _question(row, row.text("question", ""), evidence=evidence, documents=documents)


def _span(item: Row, corpus: Mapping[str, Document]) -> Evidence:
    document = item.text("doc_id")
    start, end = item.offsets("start", "end")
    text = corpus[document].text if document in corpus else ""
    if start is None or end is None or end > len(text):
        raise item.error("start", f"[{start}, {end}) is no span of document {document!r} in corpus.jsonl")
    return Evidence(document, start, end, text[start:end])


def _find(row: Row, quote: str, texts: Mapping[str, str]) -> Evidence:
    for document, text in texts.items():
        if span := locate(quote, text):
            return Evidence(document, span.start_char, span.end_char, text[span.start_char : span.end_char])
    raise row.error("evidence", f"{quote[:60]!r} is in none of its documents ({listed(texts)})")


def _question(row: Row, question: str, *, evidence: Sequence[Evidence], documents: Sequence[str]) -> Question:
    answers, answerable = row.texts("answers"), row.flag("answerable")
    if answerable and not (answers or documents):
        raise row.error("answers", "is empty for an answerable question without evidence; give one or the other")
    if not answerable and (answers or documents):
        raise row.error("answerable", "is false, but answers or evidence are given")
    return Question(
        id=row.id(),
        question=question,
        answers=answers,
        answerable=answerable,
        evidence=tuple(evidence),
        document_ids=tuple(dict.fromkeys(documents)),
        tags=row.texts("tags"),
    )


def _queries(queries: Path, qrels: Path, corpus: Mapping[str, Document]) -> dict[str, Question]:
    """Return the queries that have a relevant document; BEIR keeps those of all its parts in one file."""
    texts = read_unique(queries, lambda row: row.text("text", ""))
    relevant = _relevant(qrels, corpus)
    return {
        key: Question(key, text, (), True, (), tuple(relevant[key]), ())
        for key, text in texts.items()
        if key in relevant
    }


def _relevant(qrels: Path, corpus: Mapping[str, Document]) -> dict[str, list[str]]:
    if not qrels.exists():
        raise GoldError(f"{qrels} is missing: queries.jsonl needs its judgements (query-id, corpus-id, score)")
    relevant: dict[str, list[str]] = {}
    for number, line in enumerate(qrels.read_text(encoding="utf-8", errors="replace").split("\n"), start=1):
        fields = line.rstrip("\r").split("\t")
        if fields == [""] or (number == 1 and fields[-1] == "score"):
            continue
        if len(fields) != 3 or fields[1] not in corpus or not fields[2].removeprefix("-").isdecimal():
            raise GoldError(
                f"{qrels}: row {number}: {line!r} is not query, document in corpus.jsonl and score, by tabs"
            )
        if int(fields[2]) > 0:
            relevant.setdefault(fields[0], []).append(fields[1])
    return relevant


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
