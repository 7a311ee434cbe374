"""Reads folders as BEIR publishes them; knows nothing of what the questions become.

Reference:
    Thakur et al. 2021, BEIR: A Heterogeneous Benchmark for Zero-shot Evaluation of Information Retrieval Models.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from eval.folder import Judgement, judgements_file, read_document, read_judgements
from eval.imported import Imported, ImportedQuestion, Origin
from eval.rows import Row, read_rows
from rag.schema import Span


def read_beir(source: Path) -> Imported:
    """Read a folder with ``corpus.jsonl``, ``queries.jsonl`` and ``qrels.tsv`` or ``qrels/*.tsv``.

    Args:
        source: The folder; of several judgements those of the test part are read.

    Returns:
        The set: the queries that have a relevant document, which is one whose score is above 0.
    """
    imported = Imported()
    for row in read_rows(source / "corpus.jsonl", imported.left_out.append):
        document = read_document(row)
        if imported.accepts(row, document.id, taken=imported.documents):
            imported.documents[document.id] = document
    qrels = judgements_file(source)
    relevant = _relevant(qrels, imported)
    unjudged = 0
    for row in read_rows(source / "queries.jsonl", imported.left_out.append):
        judgements = relevant.pop(row.id(), ())
        if judgements:
            _add(row, judgements, imported)
        unjudged += not judgements
    imported.left_out += [
        f"{judgements[0].place}: names query {query!r}, which queries.jsonl does not hold"
        for query, judgements in relevant.items()
    ]
    imported.notes += _notes(source, qrels, unjudged)
    return imported


def _relevant(qrels: Path, imported: Imported) -> dict[str, list[Judgement]]:
    relevant: dict[str, list[Judgement]] = defaultdict(list)
    for judgement in read_judgements(qrels, imported.left_out.append):
        if judgement.score > 0:
            relevant[judgement.query_id].append(judgement)
    return relevant


def _add(row: Row, judgements: Sequence[Judgement], imported: Imported) -> None:
    name, asked = row.id(), row.text("text")
    named: Mapping[str, Judgement] = {judgement.document_id: judgement for judgement in judgements}
    lost = [judgement for document, judgement in named.items() if document not in imported.documents]
    imported.not_located += [
        f"{judgement.place}: names {judgement.document_id!r}, which corpus.jsonl does not hold" for judgement in lost
    ]
    if len(lost) == len(named):
        row.fault("id", f"none of the relevant documents of {name!r} is in corpus.jsonl")
    if imported.accepts(row, name, taken=imported.questions):
        origins = tuple(_origin(judgement, imported) for judgement in named.values() if judgement not in lost)
        imported.questions[name] = ImportedQuestion(row.place, name, asked, (), answerable=True, origins=origins)


def _origin(judgement: Judgement, imported: Imported) -> Origin:
    size = len(imported.documents[judgement.document_id].text)
    return Origin(judgement.place, judgement.document_id, Span(0, size), None)


def _notes(source: Path, qrels: Path, unjudged: int) -> list[str]:
    others = sorted(path.name for path in (source / "qrels").glob("*.tsv") if path != qrels)
    notes = (
        [f"{qrels} is the part that was read; there is also {', '.join(others)}"] if others else [f"{qrels} was read"]
    )
    return notes + ([f"{unjudged} queries have no relevant document in it and are not asked"] if unjudged else [])
