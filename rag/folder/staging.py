"""What a run adds to a library and takes out of it, row by row, towards a revision that nobody sees yet."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from rag.abbreviations import Abbreviation, form_key
from rag.folder.database import Database
from rag.folder.tables import UNSEALED
from rag.schema import Document, Passage
from rag.stored import Origin, PassageVectors


class Staging(Database):
    """The part of a store that writes; all but `touch` and `purge` within a transaction."""

    def add_document(self, document: Document, *, revision: int) -> int:
        """Add a document as of `revision`, in place of a live one of the same id, and return its number.

        It counts as incomplete until `seal` is called.
        """
        self.remove_documents([document.id], revision=revision)
        row = {
            "id": document.id,
            "added": revision,
            "title": document.title,
            "date": document.date,
            "language": document.language,
            "source": document.source,
            "metadata": json.dumps(dict(document.metadata), ensure_ascii=False),
            "text": document.text,
            "digest": UNSEALED,
            "size_bytes": 0,
            "modified_ns": 0,
        }
        return self._insert("documents", row)

    def seal(self, document_key: int, origin: Origin) -> None:
        """Note that all passages of a document are there, and what it was made from."""
        values = (origin.digest, origin.size_bytes, origin.modified_ns, document_key)
        self._db.execute("UPDATE documents SET digest = ?, size_bytes = ?, modified_ns = ? WHERE key = ?", values)

    def discard_unsealed(self) -> None:
        """Delete documents whose passages are not all there, because a run was cut short.

        What they were to replace stands again: no source need be there that it could be made from anew.
        """
        torn = self._rows("SELECT id, added FROM documents WHERE digest = ?", (UNSEALED,))
        self._db.execute("DELETE FROM documents WHERE digest = ?", (UNSEALED,))
        self._db.executemany("UPDATE documents SET removed = NULL WHERE id = ? AND removed = ?", torn)

    def has_staged(self, *, revision: int) -> bool:
        """Tell whether anything was added or removed as of `revision`."""
        sql = "SELECT EXISTS (SELECT 1 FROM documents WHERE added >= ? OR removed >= ?)"
        return bool(self._rows(sql, (revision, revision))[0][0])

    def discard_staged(self, *, revision: int) -> None:
        """Take back all that a run that was cut short did towards `revision`."""
        self._db.execute("DELETE FROM documents WHERE added >= ?", (revision,))
        self._db.execute("UPDATE documents SET removed = NULL WHERE removed >= ?", (revision,))

    def add_passage(self, document_key: int, passage: Passage, vectors: PassageVectors) -> int:
        """Add a passage of a document with its vectors and return its number."""
        row = {
            "document_key": document_key,
            "start_char": passage.start_char,
            "end_char": passage.end_char,
            # Kept a second time: cutting it from the document's text would read the whole text for every passage.
            "text": passage.text,
            "heading": passage.heading,
            "page": passage.page,
            "sentences": json.dumps([[s.start_char, s.end_char] for s in passage.sentences]),
        }
        key = self._insert("passages", row)
        blobs = {"vector": vectors.vector.astype("<f4").tobytes(), "tokens": vectors.tokens}
        starts = vectors.sentence_starts.astype("<i8").tobytes()
        self._insert("vectors", {"passage_key": key, **blobs, "sentence_starts": starts})
        return key

    def put_abbreviations(self, document_id: str, introduced: Iterable[Abbreviation]) -> None:
        """Keep the abbreviations that a live document introduces, in place of those that are there."""
        for (key,) in self._rows("SELECT key FROM documents WHERE id = ? AND removed IS NULL", (document_id,)):
            self._db.execute("DELETE FROM abbreviations WHERE document_key = ?", (key,))
            self.add_abbreviations(key, introduced)

    def add_abbreviations(self, document_key: int, introduced: Iterable[Abbreviation]) -> None:
        """Keep the abbreviations that a document introduces."""
        rows = [(document_key, a.short, a.long, form_key(a.short), form_key(a.long)) for a in introduced]
        columns = "document_key, short, long, short_key, long_key"
        self._db.executemany(f"INSERT INTO abbreviations ({columns}) VALUES (?, ?, ?, ?, ?)", rows)  # noqa: S608

    def _insert(self, table: str, row: Mapping[str, Any]) -> int:
        # Table and column names are literals of this module.
        sql = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(':' + c for c in row)})"  # noqa: S608
        return int(self._db.execute(sql, row).lastrowid or 0)

    def remove_documents(self, ids: Iterable[str], *, revision: int) -> int:
        """Mark live documents as removed as of `revision` and return how many there were.

        What was added by the same, not yet published revision is deleted outright.
        """
        count = 0
        for document_id in ids:
            where = "id = ? AND removed IS NULL"
            self._db.execute(f"DELETE FROM documents WHERE {where} AND added = ?", (document_id, revision))  # noqa: S608
            count += self._db.execute("SELECT changes()").fetchone()[0]
            self._db.execute(f"UPDATE documents SET removed = ? WHERE {where}", (revision, document_id))  # noqa: S608
            count += self._db.execute("SELECT changes()").fetchone()[0]
        return count

    def touch(self, document_id: str, origin: Origin) -> None:
        """Note that a live document's source has another place or time of modification and the same bytes."""
        values = (origin.source, origin.modified_ns, origin.size_bytes, document_id)
        with self.transaction():
            sql = "UPDATE documents SET source = ?, modified_ns = ?, size_bytes = ? WHERE id = ? AND removed IS NULL"
            self._db.execute(sql, values)

    def purge(self, *, before: int) -> None:
        """Delete what was removed at or before revision `before`: no generation shows it any more."""
        with self.transaction():
            self._db.execute("DELETE FROM documents WHERE removed <= ?", (before,))
