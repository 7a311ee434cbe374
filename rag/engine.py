"""Where a library is kept, as the library sees it: rows to write, one writer at a time, and revisions that readers see.

Two keep it: `rag.folder.engine` in a folder, and `rag.milvus.engine` in Milvus.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from rag.build import Build
from rag.errors import LibraryEmpty, LibraryError
from rag.library_store import LibraryStore
from rag.snapshot import Snapshot


class Engine(Protocol):
    """Keeps one library; safe to share between threads."""

    @property
    def address(self) -> str:
        """Where the library is, as people are shown it and may give it back; never with a secret in it."""

    @property
    def folder(self) -> Path:
        """Folder of this machine for what stands beside the library: uploads, feedback, tokens."""

    @property
    def store(self) -> LibraryStore:
        """Its rows."""

    @property
    def build(self) -> Build:
        """What it is built with."""

    def is_upload(self, document_id: str) -> bool:
        """Tell whether a document is made from a file that the library was given, rather than from one at its place."""

    def writing(self, *, wait_s: float = 0.0) -> AbstractContextManager[None]:
        """Hold the one writer's lock.

        Args:
            wait_s: Seconds to wait for it.

        Returns:
            What holds it while it is entered.

        Raises:
            LibraryBusy: Another process, or another thread of this one, holds it.
            LibraryError: What is written cannot be kept; readers see what they saw.
        """

    def publish(self, revision: int, values: Mapping[str, Any]) -> None:
        """Let readers see a revision of which everything is written.

        Args:
            revision: Its number.
            values: What the library is built with.

        Raises:
            LibraryBusy: Somebody else writes by now.
            LibraryError: It cannot be made ready, or does not read back as it was written; readers see what they saw.
        """

    def is_published(self, revision: int) -> bool:
        """Tell whether readers see a revision; they do not when publishing it was cut short."""

    def newest(self) -> Snapshot:
        """Return what readers see.

        Returns:
            The newest published revision, ready to be asked.

        Raises:
            LibraryError: The library holds no documents yet, or is damaged beyond what can be mended.
        """

    def close(self) -> None:
        """Let go of it; the library cannot be used afterwards."""


def no_documents(address: str) -> LibraryError:
    """Return the error for a library that holds no documents yet."""
    return LibraryEmpty(f"the library {address} holds no documents; add some: rag index PATH")


def unwritable(address: Path | str, error: OSError) -> LibraryError:
    """Return the error for a library whose files cannot be written."""
    return LibraryError(
        f"the library {address} cannot be written ({error}); what it held is still there: make room or mend the disk, "
        "then try again"
    )
