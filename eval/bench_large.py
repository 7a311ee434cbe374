"""A large library, built batch by batch, searched and changed, in a process of its own (see `eval.bench_child`).

A build that was interrupted goes on after its last whole batch: beside the library a file keeps what each batch took.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from eval.bench_corpus import batch, make_questions, read_corpus
from eval.bench_figures import peak_bytes
from eval.bench_library import token_line
from eval.bench_synthetic import exact_ids, recall
from eval.kept import ASKING_MODULES, code_digest
from rag import Document, Library
from rag.folder.snapshot import in_folder

RECORD = "build.json"
# Passages that one commit adds: what an interrupted build loses at most, and how often its indexes are published.
BATCH_PASSAGES = 10_000
# Until a library says how many of its own characters make a passage.
PASSAGE_CHARS = 400.0
K = 10


class LargeLibrary:
    """The library in a folder's ``library``, with the record of its build beside it."""

    def __init__(self, folder: str) -> None:
        """Take the folder, which exists."""
        self._folder = Path(folder)
        self._record = self._folder / RECORD
        self._path = self._folder / "library"
        self._opened: Library | None = None

    def close(self) -> None:
        """Close the library."""
        if self._opened:
            self._opened.close()

    def build(self, corpus: str, passages: int, batch_passages: int = BATCH_PASSAGES) -> dict[str, Any]:
        """Add documents of a corpus until there are so many passages, going on where an earlier build ended.

        Args:
            corpus: The JSON Lines file.
            passages: How many there are to be, at least.
            batch_passages: About how many each commit adds.

        Returns:
            The record: digests of corpus and code, and for each batch documents, characters, passages afterwards,
            passages embedded, seconds, and the peak of memory until then.

        Raises:
            ValueError: The folder holds the library of another corpus, or the corpus is too small.
        """
        record = self._begin(Path(corpus))
        batches: list[dict[str, Any]] = record["batches"]
        documents = read_corpus(Path(corpus), skip=sum(done["documents"] for done in batches))
        while (held := batches[-1]["passages"] if batches else 0) < passages:
            wanted = min(batch_passages, passages - held)
            added = batch(documents, chars=max(1, round(wanted * _passage_chars(batches))))
            if not added:
                raise ValueError(f"{corpus} makes {held:,} passages, fewer than {passages:,}; ask for fewer")
            batches.append(self._add(added))
            _write(self._record, record)
            print(f"{batches[-1]['passages']:,} of {passages:,} passages", file=sys.stderr, flush=True)
        return record

    def questions(self, corpus: str, count: int) -> list[list[str]]:
        """Return questions made from the documents that were added, each with the id of its document."""
        documents = sum(done["documents"] for done in json.loads(self._record.read_text())["batches"])
        made = make_questions(list(islice(read_corpus(Path(corpus)), documents)), count)
        return [[question.text, question.document_id] for question in made]

    def search(self, questions: list[str]) -> dict[str, Any]:
        """Search for each question, one after the other, reranking included.

        Args:
            questions: What to search for.

        Returns:
            Seconds, and ids of the documents of the first ten passages, by question; peak of memory.
        """
        library = self._library()
        seconds, found = [], []
        for question in questions:
            start = perf_counter()
            hits = library.search(question, K)
            seconds.append(perf_counter() - start)
            found.append([hit.passage.document_id for hit in hits])
        return {"seconds": seconds, "documents": found, "peak_bytes": peak_bytes()}

    def recall(self, questions: list[str]) -> dict[str, Any]:
        """Return the share of each question's ten exact neighbours that the vector index finds, and what it is."""
        pipeline = self._library().pipeline()
        snapshot = in_folder(pipeline.snapshot)
        index = snapshot.generation.vectors
        keys = np.sort(np.concatenate([segment.ids for segment in index.segments]))
        vectors = snapshot.store.vectors(keys, dim=index.dim)
        asked = np.stack([pipeline.encoder.encode([text], kind="query")[0].vector for text in questions])
        exact = keys[exact_ids(vectors, asked, K)]
        found, _ = index.search(asked, K)
        kinds = [f"{segment.kind} of {len(segment):,}" for segment in index.segments]
        return {"recall": recall(found, exact), "index": " and ".join(kinds)}

    def open(self) -> float:
        """Return the seconds until the library, opened, has answered its first search."""
        start = perf_counter()
        self._library().search("What is it?", K)
        return perf_counter() - start

    def change(self, rounds: int) -> dict[str, Any]:
        """Add a document, replace it and remove it, and see each time that searches know.

        Args:
            rounds: How often.

        Returns:
            Seconds of each, and the peak of memory.

        Raises:
            ValueError: A search gave what it should no longer, or not what it should.
        """
        library = self._library()
        names = [f"added-{number}" for number in range(rounds)]
        # What an earlier, interrupted run may have left; and nothing is done for the first time below.
        library.remove(names)
        seconds: dict[str, list[float]] = {"add": [], "replace": [], "remove": []}
        for number, name in enumerate(names):
            for kind, work in _changes(library, name, number):
                start = perf_counter()
                work()
                seconds[kind].append(perf_counter() - start)
                _check(library, name, kind, number)
        return seconds | {"peak_bytes": peak_bytes()}

    def tokens(self) -> str:
        """Return what the token vectors of a passage take, in a line."""
        return token_line(self._library())

    def statistics(self) -> dict[str, Any]:
        """Return numbers of documents and passages."""
        values = self._library().statistics()
        return {"documents": values["documents"], "passages": values["passages"]}

    def _library(self) -> Library:
        if self._opened is None:
            self._opened = Library.open(self._path)
        return self._opened

    def _begin(self, corpus: Path) -> dict[str, Any]:
        with corpus.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        code = code_digest(leaving_out=ASKING_MODULES)
        if not self._record.exists():
            return {"corpus": digest, "code": [code], "batches": []}
        record: dict[str, Any] = json.loads(self._record.read_text())
        if record["corpus"] != digest:
            raise ValueError(f"{self._folder} holds the library of another corpus than {corpus}; name another folder")
        if code not in record["code"]:
            record["code"].append(code)
        return record

    def _add(self, documents: list[Document]) -> dict[str, Any]:
        start = perf_counter()
        report = self._library().add(documents)
        return {
            "documents": len(documents),
            "characters": sum(len(document.text) for document in documents),
            "passages": report.passages,
            "embedded": report.embedded,
            "seconds": perf_counter() - start,
            "peak_bytes": peak_bytes(),
        }


def _passage_chars(batches: list[dict[str, Any]]) -> float:
    """Return about how many characters make a passage, by the last batch."""
    known = [done for done in batches if done["embedded"]]
    return known[-1]["characters"] / known[-1]["embedded"] if known else PASSAGE_CHARS


def _changes(library: Library, name: str, number: int) -> Iterator[tuple[str, Callable[[], object]]]:
    yield "add", lambda: library.add([_document(name, number, "add")])
    yield "replace", lambda: library.add([_document(name, number, "replace")])
    yield "remove", lambda: library.remove([name])


def _document(name: str, number: int, kind: str) -> Document:
    word = _word(number, kind)
    return Document(name, f"The {word} of Norrwick has {number + 41} keepers. They were counted last spring.", name)


def _word(number: int, kind: str) -> str:
    """Return a word that no corpus holds."""
    return f"zq{kind}{'abcdefghij'[number % 10]}xvq"


def _check(library: Library, name: str, kind: str, number: int) -> None:
    """Raise unless a document is found by the word that it holds now, and by no other."""
    for other in ("add", "replace"):
        hits = library.search(f"How many keepers has the {_word(number, other)} of Norrwick?", 1)
        held = [hit for hit in hits if hit.passage.document_id == name and _word(number, other) in hit.passage.text]
        if bool(held) != (other == kind):
            raise ValueError(
                f"after {kind}, a search for {_word(number, other)!r} gives {[h.passage.text for h in hits]}"
            )


def _write(path: Path, record: dict[str, Any]) -> None:
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(record))
    draft.replace(path)
