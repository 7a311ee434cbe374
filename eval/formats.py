"""Converts published and exported question sets into gold sets; knows where they go, not how each format is read."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from eval.beir import read_beir
from eval.imported import Imported, ImportedQuestion
from eval.ragas import read_ragas
from eval.squad import read_squad
from rag.errors import GoldError

if TYPE_CHECKING:
    from rag import Library

READERS: dict[str, Callable[[Path], Imported]] = {"squad": read_squad, "beir": read_beir, "ragas": read_ragas}
FORMATS = tuple(READERS)


@dataclass(frozen=True)
class Conversion:
    """What became of a set.

    Attributes:
        questions: Questions written.
        documents: Documents written; ``None`` for a file, whose documents are in the library.
        unanswerable: Questions written that the documents do not answer.
        moved: One line for each answer that stood elsewhere in its paragraph than the set says.
        not_located: One line for each answer, context or document that was not found where the set says.
        left_out: One line for each row that is not among the questions.
        notes: What else there is to know, one line each.
        target: What was written.
    """

    questions: int
    documents: int | None
    unanswerable: int
    moved: tuple[str, ...]
    not_located: tuple[str, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    target: Path


def convert(format_name: str, source: Path, target: Path, *, library: Library | None) -> Conversion:
    """Convert a set into a gold set, which then is read without a problem.

    Args:
        format_name: One of ``FORMATS``.
        source: The set: a file, or for ``beir`` a folder.
        target: What to write: a file that ends in ``.jsonl`` for questions on a library, or else a folder that brings
            its documents. Nothing is written over.
        library: Holds the documents of a file; not needed for a folder.

    Returns:
        What became of the set.

    Raises:
        GoldError: The source cannot be read or holds no question, or the target cannot be written.
        ValueError: There is no such format.
    """
    if format_name not in READERS:
        raise ValueError(f"format {format_name!r}; it has to be one of {', '.join(FORMATS)}")
    _check_target(target, library)
    imported = READERS[format_name](source)
    files = _library_file(imported, library) if library is not None and _is_file(target) else _folder_files(imported)
    questions = list(files.values())[-1]
    if not questions:
        raise GoldError(f"{source}: no question of it can be used: {(imported.left_out or ['it holds none'])[0]}")
    if any(not rows for rows in files.values()):
        raise GoldError(f"{source} brings no documents: name a .jsonl file as the target, and the library they are in")
    if not _is_file(target):
        _check_texts(imported, source)
    _write(target, files)
    return Conversion(
        questions=len(questions),
        documents=None if _is_file(target) else len(imported.documents),
        unanswerable=sum(not row["answerable"] for row in questions),
        moved=tuple(imported.moved),
        not_located=tuple(imported.not_located),
        left_out=tuple(imported.left_out),
        notes=tuple(imported.notes),
        target=target,
    )


def _is_file(target: Path) -> bool:
    return target.suffix == ".jsonl"


def _check_target(target: Path, library: Library | None) -> None:
    if _is_file(target) and library is None:
        raise GoldError(
            f"{target} would hold questions on a library: name it with --library, or name a folder to write"
        )
    if target.suffix == ".json":
        raise GoldError(f"{target} is neither a file that ends in .jsonl nor a folder: name one of the two")
    if not target.parent.is_dir():
        raise GoldError(f"{target} cannot be written: there is no folder {target.parent}")
    empty_folder = target.is_dir() and not target.is_symlink() and not any(target.iterdir())
    if os.path.lexists(target) and (_is_file(target) or not empty_folder):
        raise GoldError(f"{target} exists and is not written over: name another file or folder")


def _check_texts(imported: Imported, source: Path) -> None:
    from eval.resolve import holds_text

    if not any(holds_text(document.text) for document in imported.documents.values()):
        raise GoldError(f"{source}: none of its documents holds text, so there is nothing to ask about")


def _library_file(imported: Imported, library: Library) -> dict[str, list[dict[str, Any]]]:
    from eval.located import gold_rows
    from eval.resolve import Corpus

    return {"": list(gold_rows(imported, Corpus(library)))}


def _folder_files(imported: Imported) -> dict[str, list[dict[str, Any]]]:
    documents = imported.documents.values()
    return {
        "corpus.jsonl": [{"id": item.id, "title": item.title, "text": item.text} for item in documents],
        "questions.jsonl": [_folder_row(question) for question in imported.questions.values()],
    }


def _folder_row(question: ImportedQuestion) -> dict[str, Any]:
    spans = [(origin.document_id, origin.answer) for origin in question.origins]
    return {
        "id": question.id,
        "question": question.question,
        "answers": list(question.answers),
        "answerable": question.answerable,
        "doc_ids": list(dict.fromkeys(name for name, _ in spans)),
        "spans": [{"doc_id": name, "start": span.start_char, "end": span.end_char} for name, span in spans if span],
        "tags": list(question.tags),
    }


def _write(target: Path, files: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
    """Write JSON Lines files, by their names in ``target``, beside it and rename them at the end: all or nothing."""
    try:
        with TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as folder:
            draft = Path(folder) / target.name
            if not _is_file(target):
                draft.mkdir()
            for name, rows in files.items():
                with (draft / name).open("w", encoding="utf-8") as file:
                    file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            # A rename would replace a file, or fail on a folder, that has come to be meanwhile; these only fail.
            if _is_file(target):
                target.touch(exist_ok=False)
            elif target.exists():
                target.rmdir()
            draft.replace(target)
    except OSError as error:
        raise GoldError(f"{target} cannot be written: {error.strerror}") from error
