"""The single source of truth of a library: documents, texts, passages, vectors and settings in SQLite.

Rows carry the revision that added and the one that removed them, so that a reader of an older generation goes on seeing
what that generation was built from. Knows nothing of FAISS, tantivy or encoders.
"""

from __future__ import annotations

from rag.catalogue import Catalogue
from rag.passages import Passages, damaged_vectors
from rag.repair import Repair
from rag.staging import Staging
from rag.stored import Damage, DocumentSummary, Origin, PassageVectors, StoredPassage
from rag.tables import REVISION, SCHEMA_VERSION

__all__ = [
    "REVISION",
    "SCHEMA_VERSION",
    "Damage",
    "DocumentSummary",
    "Origin",
    "PassageVectors",
    "Store",
    "StoredPassage",
    "damaged_vectors",
]


class Store(Staging, Catalogue, Passages, Repair):
    """One SQLite file; safe to share between threads."""
