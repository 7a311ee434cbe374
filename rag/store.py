"""The single source of truth of a library: documents, texts, passages, vectors and settings in SQLite.

Rows carry the revision that added and the one that removed them, so that a reader of an older generation goes on seeing
what that generation was built from. Knows nothing of FAISS, tantivy or encoders.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag import checks
from rag.abbreviations import Abbreviation, form_key
from rag.checks import CHECKED, row_crc
from rag.errors import LibraryBusy, LibraryDamaged, LibraryError, LibraryMismatch
from rag.files import brief
from rag.filters import where
from rag.recent import Recent
from rag.schema import Document, Passage, Span

SCHEMA = (
    """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS documents (
    key INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, added INTEGER NOT NULL, removed INTEGER,
    title TEXT NOT NULL, date TEXT, language TEXT NOT NULL, source TEXT NOT NULL, metadata TEXT NOT NULL,
    text TEXT NOT NULL, digest TEXT NOT NULL, size_bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS documents_by_id ON documents (id);
CREATE UNIQUE INDEX IF NOT EXISTS one_live_document_per_id ON documents (id) WHERE removed IS NULL;
CREATE INDEX IF NOT EXISTS documents_by_revision ON documents (added, removed, language);
CREATE INDEX IF NOT EXISTS documents_by_removal ON documents (removed);
CREATE INDEX IF NOT EXISTS documents_by_digest ON documents (digest);
CREATE INDEX IF NOT EXISTS live_origins ON documents (id, digest, size_bytes, modified_ns, source)
    WHERE removed IS NULL;
CREATE TABLE IF NOT EXISTS passages (
    key INTEGER PRIMARY KEY AUTOINCREMENT, document_key INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    start_char INTEGER NOT NULL, end_char INTEGER NOT NULL, text TEXT NOT NULL, heading TEXT, page INTEGER,
    sentences TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS passages_by_document ON passages (document_key);
CREATE TABLE IF NOT EXISTS vectors (
    passage_key INTEGER PRIMARY KEY REFERENCES passages ON DELETE CASCADE,
    vector BLOB NOT NULL, tokens BLOB NOT NULL, sentence_starts BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS abbreviations (
    document_key INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    short TEXT NOT NULL, long TEXT NOT NULL, short_key TEXT NOT NULL, long_key TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS abbreviations_by_document ON abbreviations (document_key);
CREATE INDEX IF NOT EXISTS abbreviations_by_short ON abbreviations (short_key);
CREATE INDEX IF NOT EXISTS abbreviations_by_long ON abbreviations (long_key);
"""
    + checks.SCHEMA
)
# What SQLite keeps for us as its file's user_version. 2: rows have checksums. Earlier ones have 0.
SCHEMA_VERSION = 2
# What ours do not have, and what would call something when they are read or written.
RUNS = re.compile(r"\b(VIRTUAL|GENERATED|CHECK|COLLATE|AS)\b", re.IGNORECASE)
# Name under which the newest complete revision is kept.
REVISION = "revision"
# Documents whose use of one form is counted: enough to tell which other form is common, and soon read.
MOST_USES = 100
# Passages that questions read are kept in memory up to this number, some 20 MB.
MOST_RECENT = 4_000
# Their token vectors too, up to so many bytes: of some 4,000 passages at two bits a component.
MOST_TOKEN_BYTES = 50_000_000
LIVE = "added <= :revision AND (removed IS NULL OR removed > :revision)"
# Revisions count up from 1 by commits; none reaches this.
LATEST = 2**62
BUSY_TIMEOUT_S = 30.0
# Digest of a document whose passages are not all there yet.
UNSEALED = ""
# Digest of a document that is to be made anew: no source has it.
NEVER = "damaged"
MOST_SOUND = 1_000
# A database up to this size is compared with itself when it is first asked: some 0.1 s at the most.
SMALL_BYTES = 64_000_000
VECTORS_AT_A_TIME = 5_000
# Of what is selected for a passage, so many columns are its own; its document's follow.
PASSAGE_COLUMNS = 8
# What SQLite says of a disk that is full, cannot be written to, or fails: none of it is damage.
UNWRITABLE = ("full", "readonly", "disk I/O error")


@dataclass(frozen=True)
class Origin:
    """What tells whether a document's source has changed.

    Attributes:
        digest: SHA-256 of the source's bytes, in hexadecimal.
        size_bytes: Its size.
        modified_ns: Its time of modification; 0 when that cannot be trusted.
        source: Where it is: an absolute path, or what a document given as text named.
    """

    digest: str
    size_bytes: int = 0
    modified_ns: int = 0
    source: str = ""


@dataclass(frozen=True)
class DocumentSummary:
    """A document without its text.

    Attributes:
        id: Its id.
        title: Its title.
        date: Its ISO 8601 day, or ``None``.
        language: Its language.
        source: Where it came from.
        characters: Length of its text.
        passages: Number of its passages.
        same_text_as: Id of the first document made from the same bytes, or ``None`` where it is that itself.
    """

    id: str
    title: str
    date: str | None
    language: str
    source: str
    characters: int
    passages: int
    same_text_as: str | None = None


@dataclass(frozen=True)
class StoredPassage:
    """A passage as kept: with its number, its document's title and metadata, and its vectors.

    Attributes:
        key: Number of the passage in its library, never used twice.
        document_key: Number of its document's row.
        passage: The passage.
        title: Title of its document.
        date: ISO 8601 day of its document, or ``None``.
        language: Language of its document.
        metadata: Metadata of its document.
    """

    key: int
    document_key: int
    passage: Passage
    title: str
    date: str | None
    language: str
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class PassageVectors:
    """What the encoder made of a passage.

    Attributes:
        vector: (dim,) float32, unit length.
        tokens: Token vectors as `embeddings.late.pack` keeps them.
        sentence_starts: (sentences,) int64: number of each sentence's first token.
    """

    vector: NDArray[np.float32]
    tokens: bytes
    sentence_starts: NDArray[np.int64]


@dataclass(frozen=True)
class Damage:
    """Rows that are not what was written.

    Attributes:
        documents: Sources of the live documents that such rows belong to, by id.
        settings: Names of settings.
        lost: Rows that do not say to which document they belong.
    """

    documents: Mapping[str, str]
    settings: tuple[str, ...]
    lost: int


class Store:
    """One SQLite file; safe to share between threads."""

    def __init__(self, path: Path) -> None:
        """Open the file, creating it with an empty schema when it is missing.

        Args:
            path: The file.

        Raises:
            LibraryDamaged: The file is not a library's database.
            LibraryMismatch: It is of a later version's format.
        """
        self.path = path
        for suffix in ("", "-wal", "-shm", "-journal"):
            if os.path.islink(f"{path}{suffix}"):
                raise LibraryDamaged(f"{path}{suffix} is a link and not followed; put the file itself there")
        # Rows of documents that were found to be what was written.
        self._sound: dict[int, tuple[Any, ...]] = {}
        self._newest_date: tuple[int, str | None] | None = None
        self._recent = Recent[StoredPassage](MOST_RECENT)
        self._recent_tokens = Recent[tuple[bytes, NDArray[np.int64]]](MOST_TOKEN_BYTES)
        self._lock = threading.RLock()
        try:
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=BUSY_TIMEOUT_S)
        except sqlite3.DatabaseError as error:
            raise _explain(error, path) from error
        try:
            self._prepare()
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            self._db.close()
            raise _explain(error, path) from error
        except LibraryError:
            self._db.close()
            raise

    def _prepare(self) -> None:
        # What a file of somebody else's making brings along is not run, and where its pages contradict themselves read
        # no further.
        self._db.execute("PRAGMA trusted_schema = OFF")
        self._db.execute("PRAGMA cell_size_check = ON")
        there = self._named()
        self._use_write_ahead_log()
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        version = int(self._db.execute("PRAGMA user_version").fetchone()[0])
        if version > SCHEMA_VERSION:
            raise LibraryMismatch(
                f"{self.path} is of format {version}, and this version reads up to {SCHEMA_VERSION}; "
                "run: pip install --upgrade leadgoose"
            )
        # New, or made by an earlier version; a database of something else is left alone.
        if not there or ({"settings", "documents", "passages", "vectors"} <= there and version < SCHEMA_VERSION):
            self._make_schema()
        checks.sum_rows(self._db)
        # Looked up once: a library that others bring up to date meanwhile has checksums that hold all the same.
        self._checked = bool(self.setting(CHECKED))

    def _named(self) -> set[str]:
        """Return the names of what the file holds.

        Returns:
            Names of tables and indexes.

        Raises:
            LibraryDamaged: Something is there that runs by itself, or in place of a table.
        """
        found = self._db.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
        strange = [
            f"{kind} {name}" for kind, name, sql in found if kind not in ("table", "index") or RUNS.search(sql or "")
        ]
        if strange:
            raise LibraryDamaged(f"{self.path} holds the {strange[0]}, which no library does; index into a new library")
        return {name for _, name, _ in found}

    def _make_schema(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            # Two processes may open it at once.
            new = not self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            for statement in SCHEMA.split(";"):
                self._db.execute(statement)
            checks.add_columns(self._db)
            if new:
                values = (CHECKED, "true", row_crc(CHECKED, "true"))
                self._db.execute("INSERT INTO settings (name, value, crc) VALUES (?, ?, ?)", values)
            self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def _use_write_ahead_log(self) -> None:
        deadline = time.monotonic() + BUSY_TIMEOUT_S
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                # The one statement for which SQLite does not wait, when two processes open a new library at once.
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def close(self) -> None:
        """Close the file; the store cannot be used afterwards."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold one write transaction; all of it is kept, or, when an exception leaves the block, nothing.

        Raises:
            LibraryBusy: Another process holds the file.
            LibraryDamaged: The file cannot be read or written.
        """
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            except sqlite3.DatabaseError as error:
                raise _explain(error, self.path) from error
            finally:
                # Nothing is left to take back after COMMIT, nor where SQLite itself rolled back, as on a full disk.
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    def _rows(self, sql: str, parameters: Mapping[str, Any] | Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._db.execute(sql, parameters).fetchall()
            except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
                raise _explain(error, self.path) from error

    # -- settings -----------------------------------------------------------------------------------------------------

    def settings(self) -> dict[str, Any]:
        """Return all settings kept with the library."""
        rows = self._rows("SELECT name, value, crc FROM settings")
        return {name: self._setting(name, value, crc) for name, value, crc in rows if name != CHECKED}

    def _setting(self, name: str, value: str, crc: int | None) -> Any:
        if crc is not None and row_crc(name, value) != crc:
            raise self._damaged(f"its setting {name!r}")
        return self._parsed(value, f"its setting {name!r}")

    def _parsed(self, value: Any, what: str) -> Any:
        try:
            return json.loads(value)
        except (TypeError, ValueError, RecursionError) as error:
            raise self._damaged(what) from error

    def setting(self, name: str) -> Any:
        """Return one of them, ``None`` when it is not there."""
        rows = self._rows("SELECT value, crc FROM settings WHERE name = ?", (name,))
        return self._setting(name, *rows[0]) if rows else None

    def put_settings(self, values: Mapping[str, Any]) -> None:
        """Keep settings, replacing those of the same names."""
        rows = [(name, json.dumps(value)) for name, value in values.items()]
        with self.transaction():
            self._db.executemany("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", rows)

    # -- writing ------------------------------------------------------------------------------------------------------

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
        """Delete documents whose passages are not all there, because a run was cut short."""
        self._db.execute("DELETE FROM documents WHERE digest = ?", (UNSEALED,))

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

    # -- reading ------------------------------------------------------------------------------------------------------

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

    def count_documents(self, *, revision: int) -> tuple[int, tuple[str, ...]]:
        """Return the number of a revision's documents, and their languages, sorted."""
        sql = f"SELECT language, count(*) FROM documents WHERE {LIVE} GROUP BY language ORDER BY language"  # noqa: S608
        rows = self._rows(sql, {"revision": revision})
        return sum(count for _, count in rows), tuple(language for language, _ in rows)

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

    # -- damage -------------------------------------------------------------------------------------------------------

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

    def _check(self, crc: int | None, values: Sequence[Any], what: str) -> None:
        """Refuse a row whose checksum is not its own; a row from before there were any may have none."""
        if row_crc(*values) != crc and (self._checked or crc is not None):
            raise self._damaged(what)

    def _damaged(self, what: str) -> LibraryDamaged:
        return LibraryDamaged(f"{what} in {self.path} is not what was written there; run: rag doctor")

    def check_all(self) -> None:
        """Give rows from before there were checksums theirs."""
        while not self._checked:
            with self.transaction():
                if not checks.sum_some(self._db):
                    self._db.execute("INSERT OR REPLACE INTO settings (name, value) VALUES (?, 'true')", (CHECKED,))
                    self._checked = True

    def damage(self) -> Damage:
        """Read every row, and return what is not what was written.

        Returns:
            That.

        Raises:
            LibraryDamaged: The file's structure is damaged too.
        """
        with self._lock:
            try:
                found = list(checks.changed_rows(self._db, checked=self._checked))
                rows = self._db.execute("SELECT key, id, source, removed FROM documents").fetchall()
            except sqlite3.DatabaseError as error:
                raise _explain(error, self.path) from error
        known = {row[0] for row in rows}
        owners = {owner for _, _, owner in found}
        settings = tuple(str(key) for table, key, _ in found if table == "settings")
        lost = sum(table != "settings" and owner not in known for table, _, owner in found)
        documents = {str(i): str(source) for key, i, source, removed in rows if key in owners and removed is None}
        return Damage(documents, settings, lost)

    def check_whole(self) -> None:
        """Read the whole file.

        Raises:
            LibraryDamaged: Its structure, or a row, is not what was written.
        """
        self.check_structure()
        damage = self.damage()
        if damage != Damage({}, (), 0):
            named = [*(f"document {i!r}" for i in damage.documents), *(f"setting {n!r}" for n in damage.settings)]
            raise self._damaged((named or ["a row of no document"])[0])

    def check_structure(self) -> None:
        """Compare the file's pages with each other, and its own indexes with its rows.

        Raises:
            LibraryDamaged: They contradict each other.
        """
        faults = [row[0] for row in self._rows("PRAGMA integrity_check(1)")]
        if faults != ["ok"]:
            raise LibraryDamaged(f"{self.path} is damaged ({brief(faults[0])}); run: rag doctor")

    def check_small(self) -> None:
        """Do so where it takes no time; a large file is compared by whoever runs the doctor.

        Raises:
            LibraryDamaged: As for `check_structure`.
        """
        if os.path.getsize(self.path) <= SMALL_BYTES:
            self.check_structure()

    def reindex(self) -> None:
        """Make the file's own indexes anew from its rows.

        Raises:
            LibraryDamaged: The rows cannot be read.
        """
        with self.transaction():
            self._db.execute("REINDEX")

    def copy_to(self, path: Path) -> None:
        """Copy the file as it is at one moment, while others read and write.

        Args:
            path: Where to; nothing is there.

        Raises:
            LibraryDamaged: It cannot be read.
            LibraryError: There is no room.
        """
        try:
            # Connections of their own: those who ask meanwhile do not wait.
            with closing(sqlite3.connect(self.path)) as source, closing(sqlite3.connect(path)) as copy:
                source.backup(copy)
        except sqlite3.DatabaseError as error:
            raise _explain(error, self.path) from error

    def leave_one_file(self) -> None:
        """Bring everything into the one file, with no log beside it, as long as it is not opened again."""
        self._rows("PRAGMA journal_mode = DELETE")

    def read_again(self, ids: Iterable[str]) -> None:
        """Forget what live documents were made from, so that they are read and embedded anew when next indexed."""
        rows = [(NEVER, document_id) for document_id in ids]
        with self.transaction():
            sql = "UPDATE documents SET digest = ?, size_bytes = 0, modified_ns = 0 WHERE id = ? AND removed IS NULL"
            self._db.executemany(sql, rows)


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


def damaged_vectors(path: Path, reason: str) -> LibraryDamaged:
    """Return the error for a database whose vectors are not what an encoder made."""
    return LibraryDamaged(
        f"the vectors in {path} are damaged ({reason}); restore it from a copy, or index into a new library"
    )


def _explain(error: Exception, path: Path) -> Exception:
    if isinstance(error, sqlite3.ProgrammingError):
        return ValueError(f"{path} cannot be used: {brief(error)}; open the library again")
    if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
        return LibraryBusy(f"another process is writing to {path}; try again when it is done")
    if isinstance(error, sqlite3.OperationalError) and any(sign in str(error) for sign in UNWRITABLE):
        return LibraryError(f"{path} cannot be written ({brief(error)}); make room or allow writing, then try again")
    return LibraryDamaged(
        f"{path} cannot be read ({brief(error)}); restore it from a copy, or index into a new library"
    )
