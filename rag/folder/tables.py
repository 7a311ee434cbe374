"""The tables of a library's database, and words for their rows that several of its readers and writers share."""

from __future__ import annotations

import re

from rag.folder import checks

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
# Name under which each transaction leaves a mark of its own, by which `rag.folder.page_log` knows the file's state.
MARK = "state"
# Documents of a revision. Rows carry the revision that added and the one that removed them.
LIVE = "added <= :revision AND (removed IS NULL OR removed > :revision)"
# Digest of a document whose passages are not all there yet.
UNSEALED = ""
# Digest of a document that is to be made anew: no source has it.
NEVER = "damaged"
