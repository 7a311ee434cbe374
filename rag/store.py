"""The single source of truth of a library: documents, texts, passages, vectors and settings in SQLite.

Rows carry the revision that added and the one that removed them, so that a reader of an older generation goes on seeing
what that generation was built from. Knows nothing of FAISS, tantivy or encoders.
"""

from __future__ import annotations

from rag.catalogue import Catalogue
from rag.passages import Passages
from rag.repair import Repair
from rag.staging import Staging
from rag.stored import Damage, DocumentSummary, Origin, PassageVectors, Published, StoredPassage, damaged_vectors
from rag.tables import REVISION, SCHEMA_VERSION

__all__ = [
    "REVISION",
    "SCHEMA_VERSION",
    "Damage",
    "DocumentSummary",
    "Origin",
    "PassageVectors",
    "Published",
    "Store",
    "StoredPassage",
    "damaged_vectors",
]


class Store(Staging, Catalogue, Passages, Repair):
    """One SQLite file; safe to share between threads."""

    @property
    def place(self) -> str:
        """Where it is, as an error names it."""
        return str(self.path)
