"""The single source of truth of a library: documents, texts, passages, vectors and settings in SQLite.

Rows carry the revision that added and the one that removed them, so that a reader of an older generation goes on seeing
what that generation was built from. Knows nothing of FAISS, tantivy or encoders.
"""

from __future__ import annotations

from rag.folder.catalogue import Catalogue
from rag.folder.passages import Passages
from rag.folder.repair import Repair
from rag.folder.staging import Staging


class Store(Staging, Catalogue, Passages, Repair):
    """One SQLite file; safe to share between threads."""

    @property
    def place(self) -> str:
        """Where it is, as an error names it."""
        return str(self.path)
