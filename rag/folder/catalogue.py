"""The documents of a revision: what they are, what they were made from, and which of them pass a filter."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.filters import where
from rag.folder.database import Database
from rag.folder.tables import LIVE, UNSEALED
from rag.schema import Document
from rag.stored import LATEST, DocumentSummary, Origin


class Catalogue(Database):
    """The part of a store that reads documents."""

    def __init__(self, path: Path) -> None:
        """Open the file, as `Database` does."""
        super().__init__(path)
        self._newest_date: tuple[int, str | None] | None = None

    def origins(self, ids: Iterable[str] | None = None) -> dict[str, Origin]:
        """Return the origins of live documents by document id: of all, or of those with some ids."""
        sql = "SELECT id, digest, size_bytes, modified_ns, source FROM documents WHERE removed IS NULL"
        if ids is None:
            return {row[0]: Origin(*row[1:]) for row in self._rows(sql)}
        sql += " AND id IN (SELECT value FROM json_each(?))"
        rows = self._rows(sql, (json.dumps(list(ids)),))
        return {row[0]: Origin(*row[1:]) for row in rows}

    def origins_at(self, ids: Iterable[str], *, revision: int) -> dict[str, Origin]:
        """Return what some documents of a revision were made from, by id."""
        sql = f"""SELECT id, digest, size_bytes, modified_ns, source FROM documents
            WHERE id IN (SELECT value FROM json_each(:ids)) AND {LIVE}"""  # noqa: S608
        rows = self._rows(sql, {"ids": json.dumps(list(ids)), "revision": revision})
        return {row[0]: Origin(*row[1:]) for row in rows}

    def documents(self, *, revision: int = LATEST) -> list[DocumentSummary]:
        """Return the documents of a revision by id."""
        sql = f"""SELECT id, title, date, language, source, length(documents.text),
            (SELECT count(*) FROM passages WHERE document_key = documents.key),
            nullif(min(id) OVER (PARTITION BY digest), id)
            FROM documents WHERE {LIVE} ORDER BY id"""  # noqa: S608
        return [DocumentSummary(*row) for row in self._rows(sql, {"revision": revision})]

    def count_pages(self, ids: Iterable[str], *, revision: int) -> dict[str, int]:
        """Return the number of the last page that some documents of a revision have text on, by id, where they do."""
        sql = f"""SELECT id, max(page) FROM documents JOIN passages ON document_key = documents.key
            WHERE id IN (SELECT value FROM json_each(:ids)) AND page IS NOT NULL AND {LIVE} GROUP BY id"""  # noqa: S608
        return dict(self._rows(sql, {"ids": json.dumps(list(ids)), "revision": revision}))

    def count_copies(self, *, revision: int) -> int:
        """Return how many documents of a revision are made from the same bytes as another one before them."""
        sql = f"SELECT count(*) - count(DISTINCT digest) FROM documents WHERE {LIVE}"  # noqa: S608
        return int(self._rows(sql, {"revision": revision})[0][0])

    def count_staged(self, *, after: int) -> int:
        """Return how many whole documents have been added since a revision."""
        sql = "SELECT count(*) FROM documents WHERE added > ? AND digest != ?"
        return int(self._rows(sql, (after, UNSEALED))[0][0])

    def same_text(self, one: int, other: int) -> bool:
        """Tell whether two documents, by the numbers of their rows, have the same text."""
        sql = "SELECT count(DISTINCT text) = 1 FROM documents WHERE key IN (?, ?)"
        return bool(self._rows(sql, (one, other))[0][0])

    def document(self, document_id: str, *, revision: int = LATEST) -> Document | None:
        """Return one document of a revision, or ``None`` when it has no such document."""
        sql = f"""SELECT crc, text_crc, text, key, id, added, title, date, language, source, metadata
            FROM documents LEFT JOIN document_checks ON document_key = key WHERE id = :id AND {LIVE}"""  # noqa: S608
        rows = self._rows(sql, {"id": document_id, "revision": revision})
        if not rows:
            return None
        crc, text_crc, text, key, *own = rows[0]
        self._check(crc, (key, *own), f"document {document_id!r}")
        self._check(text_crc, (key, text), f"the text of document {document_id!r}")
        _, _, title, date, language, source, metadata = own
        parsed = self._parsed(metadata, f"document {document_id!r}")
        return Document(document_id, text, title, date, language, source, parsed)

    def count_documents(self, *, revision: int) -> tuple[int, tuple[str, ...]]:
        """Return the number of a revision's documents, and their languages, sorted."""
        sql = f"SELECT language, count(*) FROM documents WHERE {LIVE} GROUP BY language ORDER BY language"  # noqa: S608
        rows = self._rows(sql, {"revision": revision})
        return sum(count for _, count in rows), tuple(language for language, _ in rows)

    def newest_date(self, *, revision: int) -> str | None:
        """Return the newest day among a published revision's documents, or ``None`` where none has a date."""
        known = self._newest_date
        if known is None or known[0] != revision:
            sql = f"SELECT max(date) FROM documents WHERE {LIVE}"  # noqa: S608
            # Kept, because it reads a row of every document; a published revision does not change.
            known = self._newest_date = (revision, self._rows(sql, {"revision": revision})[0][0] or None)
        return known[1]

    def has_metadata(self, name: str, *, revision: int) -> bool:
        """Tell whether a document of a revision has a metadata value of that name."""
        sql = f"""SELECT EXISTS (SELECT 1 FROM documents, json_each(metadata) AS own
            WHERE {LIVE} AND own.key = :name)"""  # noqa: S608
        return bool(self._rows(sql, {"revision": revision, "name": name})[0][0])

    def metadata_names(self, *, revision: int) -> list[str]:
        """Return the names of all metadata that documents of a revision have, sorted."""
        sql = f"""SELECT DISTINCT own.key FROM documents, json_each(metadata) AS own
            WHERE {LIVE} ORDER BY own.key"""  # noqa: S608
        return [row[0] for row in self._rows(sql, {"revision": revision})]

    def select(self, filters: Mapping[str, Any], *, revision: int) -> NDArray[np.int64]:
        """Return the numbers of a revision's passages whose document passes every filter, (n,) int64 ascending.

        Args:
            filters: Filters that `rag.filters.check_filters` accepts.
            revision: The revision.

        Returns:
            Passage numbers.
        """
        condition, parameters = where(filters)
        # Documents first: joined, SQLite may ask the condition once for every passage.
        sql = f"""SELECT key FROM passages WHERE document_key IN
            (SELECT key FROM documents WHERE {LIVE} AND {condition}) ORDER BY key"""  # noqa: S608
        rows = self._rows(sql, parameters | {"revision": revision})
        return np.array([row[0] for row in rows], dtype=np.int64)
