"""The passages of a revision with their vectors and abbreviations, each row checked when it is read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.abbreviations import Abbreviation
from rag.folder.checks import row_crc
from rag.folder.database import Database
from rag.folder.tables import LIVE
from rag.recent import Recent
from rag.schema import Passage, Span
from rag.stored import LATEST, PassageVectors, StoredPassage, damaged_vectors

# Documents whose use of one form is counted: enough to tell which other form is common, and soon read.
MOST_USES = 100
# Passages that questions read are kept in memory up to this number, some 20 MB.
MOST_RECENT = 4_000
# Their token vectors too, up to so many bytes: of some 4,000 passages at two bits a component.
MOST_TOKEN_BYTES = 50_000_000
MOST_SOUND = 1_000
VECTORS_AT_A_TIME = 5_000
# Of what is selected for a passage, so many columns are its own; its document's follow.
PASSAGE_COLUMNS = 8


class Passages(Database):
    """The part of a store that reads passages."""

    def __init__(self, path: Path) -> None:
        """Open the file, as `Database` does."""
        super().__init__(path)
        # Rows of documents that were found to be what was written.
        self._sound: dict[int, tuple[Any, ...]] = {}
        self._recent = Recent[StoredPassage](MOST_RECENT)
        self._recent_tokens = Recent[tuple[bytes, NDArray[np.int64]]](MOST_TOKEN_BYTES)

    def made_from(self, digest: str) -> list[StoredPassage]:
        """Return the passages of a document made from a source of that digest, also of one that has left.

        Args:
            digest: As its `Origin` has it.

        Returns:
            The passages, in order; none where there is no such document.
        """
        condition = "documents.key = (SELECT max(key) FROM documents WHERE digest = ?) ORDER BY passages.key"
        return [self._stored(row) for row in self._rows(_passages_where(condition), (digest,))]

    def kept(self, keys: Sequence[int]) -> dict[int, PassageVectors]:
        """Return what is kept of the encodings of passages, by their numbers; of those that are not there nothing."""
        sql = """SELECT passage_key, vector, vector_crc FROM vectors
            WHERE passage_key IN (SELECT value FROM json_each(?))"""
        tokens = self.tokens(keys)
        found = {}
        for key, vector, crc in self._rows(sql, (json.dumps(list(keys)),)):
            self._check(crc, (key, vector), f"the vector of passage {key}")
            found[key] = PassageVectors(np.frombuffer(vector, "<f4"), *tokens[key])
        return found

    def passages(self, keys: Sequence[int]) -> dict[int, StoredPassage]:
        """Return passages by number; numbers that are not there are left out.

        Some thousand are kept in memory: a passage never changes, and its number is never used again.
        """
        recent = self._recent.get(keys)
        missing = [key for key in keys if key not in recent]
        if not missing:
            return recent
        condition = "passages.key IN (SELECT value FROM json_each(?))"
        found = {row[0]: self._stored(row) for row in self._rows(_passages_where(condition), (json.dumps(missing),))}
        self._recent.put(found, size=len(found))
        return recent | found

    def passages_of(self, *, revision: int = LATEST, document_id: str | None = None) -> Iterator[StoredPassage]:
        """Yield the passages of a revision, or of one document of it, in order of their numbers."""
        only = "AND documents.id = :id" if document_id is not None else ""
        sql = _passages_where(f"{LIVE} {only} AND passages.key > :last") + " ORDER BY passages.key LIMIT 1000"
        last = 0
        while rows := self._rows(sql, {"revision": revision, "id": document_id, "last": last}):
            yield from map(self._stored, rows)
            last = rows[-1][0]

    def passage_keys(self, *, revision: int) -> NDArray[np.int64]:
        """Return the numbers of a revision's passages, (n,) int64 ascending."""
        return self._keys(LIVE, {"revision": revision})

    def passage_changes(self, *, after: int, upto: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the numbers of the passages that came and of those that left between two revisions.

        Args:
            after: The earlier revision.
            upto: The later one.

        Returns:
            Two arrays, each (n,) int64 ascending.
        """
        revisions = {"after": after, "upto": upto}
        came = "added > :after AND added <= :upto AND (removed IS NULL OR removed > :upto)"
        left = "removed > :after AND removed <= :upto AND added <= :after"
        return self._keys(came, revisions), self._keys(left, revisions)

    def _keys(self, condition: str, parameters: Mapping[str, Any]) -> NDArray[np.int64]:
        sql = f"""SELECT passages.key FROM documents JOIN passages ON document_key = documents.key
            WHERE {condition} ORDER BY passages.key"""  # noqa: S608
        return np.array([row[0] for row in self._rows(sql, parameters)], dtype=np.int64)

    def count_passages(self, *, revision: int) -> int:
        """Return the number of a revision's passages."""
        sql = f"""SELECT count(*) FROM documents JOIN passages ON document_key = documents.key
            WHERE {LIVE}"""  # noqa: S608
        return int(self._rows(sql, {"revision": revision})[0][0])

    def vectors(self, keys: NDArray[np.int64], *, dim: int) -> NDArray[np.float32]:
        """Return the vectors of passages.

        Args:
            keys: (n,) int64, their numbers, ascending.
            dim: Number of components of a vector.

        Returns:
            (n, dim) float32, in the order of their numbers.

        Raises:
            LibraryDamaged: One is missing or of another size.
        """
        vectors = np.empty((len(keys), dim), np.float32)
        sql = """SELECT passage_key, vector, vector_crc FROM vectors
            WHERE passage_key IN (SELECT value FROM json_each(?)) ORDER BY passage_key"""
        for start in range(0, len(keys), VECTORS_AT_A_TIME):
            wanted = keys[start : start + VECTORS_AT_A_TIME].tolist()
            rows = self._rows(sql, (json.dumps(wanted),))
            if [row[0] for row in rows] != wanted:
                raise damaged_vectors(self.path, "some are missing")
            for key, vector, crc in rows:
                self._check(crc, (key, vector), f"the vector of passage {key}")
            if {len(row[1]) for row in rows} != {4 * dim}:
                raise damaged_vectors(self.path, "they differ in size")
            batch = np.frombuffer(b"".join(row[1] for row in rows), dtype="<f4")
            vectors[start : start + len(rows)] = batch.reshape(len(rows), dim)
        return vectors

    def tokens(self, keys: Sequence[int]) -> dict[int, tuple[bytes, NDArray[np.int64]]]:
        """Return packed token vectors and sentence starts by passage number; those read last are kept in memory."""
        recent = self._recent_tokens.get(keys)
        missing = [key for key in keys if key not in recent]
        if not missing:
            return recent
        sql = """SELECT passage_key, tokens, sentence_starts, tokens_crc FROM vectors
            WHERE passage_key IN (SELECT value FROM json_each(?))"""
        rows = self._rows(sql, (json.dumps(missing),))
        for key, packed, starts, crc in rows:
            if row_crc(key, packed, starts) != crc and (self._checked or crc is not None):
                raise self._damaged(f"the token vectors of passage {key}")
        found = {row[0]: (row[1], np.frombuffer(row[2], dtype="<i8").astype(np.int64)) for row in rows}
        self._recent_tokens.put(found, size=sum(len(row[1]) + len(row[2]) for row in rows))
        return recent | found

    def _stored(self, row: tuple[Any, ...]) -> StoredPassage:
        own, of_document = row[:PASSAGE_COLUMNS], row[PASSAGE_COLUMNS:-2]
        if row_crc(*own) != row[-2] and (self._checked or row[-2] is not None):
            raise self._damaged(f"passage {own[0]} of document {of_document[0]!r}")
        # Several passages of a document are read at a time.
        if self._sound.get(own[1]) != (row[-1], of_document):
            self._check(row[-1], (own[1], *of_document), f"document {of_document[0]!r}")
            if len(self._sound) >= MOST_SOUND:
                self._sound = {}
            self._sound[own[1]] = (row[-1], of_document)
        try:
            return _stored(own, of_document)
        except (TypeError, ValueError, RecursionError) as error:
            raise self._damaged(f"passage {own[0]} of document {of_document[0]!r}") from error

    def abbreviations(self, keys: Collection[str], *, revision: int) -> list[tuple[Abbreviation, int]]:
        """Return the abbreviations of a revision of which either form is wanted, and how many documents introduce each.

        Args:
            keys: What `rag.abbreviations.form_key` makes of the forms.
            revision: The revision.

        Returns:
            Abbreviations, the most common first; of a form that very many documents introduce some are counted.
        """
        counts: Counter[Abbreviation] = Counter()
        for column in ("short_key", "long_key"):
            sql = f"""SELECT value FROM json_each(?)
                WHERE EXISTS (SELECT 1 FROM abbreviations WHERE {column} = value)"""  # noqa: S608
            for (key,) in self._rows(sql, (json.dumps(list(keys)),)):
                sql = f"""SELECT abbreviations.crc, document_key, short, long, short_key, long_key
                    FROM abbreviations JOIN documents ON documents.key = document_key
                    WHERE {column} = :key AND {LIVE} LIMIT {MOST_USES}"""  # noqa: S608
                for crc, *row in self._rows(sql, {"key": key, "revision": revision}):
                    self._check(crc, row, f"an abbreviation of document number {row[0]}")
                    counts[Abbreviation(row[1], row[2])] += 1
        return sorted(counts.items(), key=lambda item: (-item[1], item[0].short, item[0].long))


def _passages_where(condition: str) -> str:
    return f"""SELECT passages.key, passages.document_key, start_char, end_char, passages.text, heading, page,
        sentences, id, added, title, date, language, source, metadata, passages.crc, document_checks.crc
        FROM passages JOIN documents ON documents.key = passages.document_key
        LEFT JOIN document_checks ON document_checks.document_key = passages.document_key
        WHERE {condition}"""  # noqa: S608


def _stored(own: tuple[Any, ...], of_document: tuple[Any, ...]) -> StoredPassage:
    key, document_key, start, end, text, heading, page, sentences = own
    document_id, _, title, date, language, _, metadata = of_document
    spans = tuple(Span(*pair) for pair in json.loads(sentences))
    passage = Passage(document_id, start, end, text, heading, spans, page)
    # Most documents have none, and a question reads fifty passages.
    parsed = json.loads(metadata) if metadata != "{}" else {}
    return StoredPassage(key, document_key, passage, title, date, language, parsed)
