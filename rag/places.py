"""The address of a library to the engine that keeps it; the one place that knows both."""

from __future__ import annotations

from pathlib import Path

from rag.address import MilvusAddress, read_address
from rag.engine import Engine
from rag.folder.engine import FolderEngine
from rag.location import check_folder
from rag.settings import Settings


def open_engine(address: str | Path | None, *, create: bool, settings: Settings) -> Engine:
    """Open what keeps a library.

    Args:
        address: Where it is; ``None`` for ``RAG_LIBRARY``, else the per-user data folder.
        create: Whether a missing one is made.
        settings: The settings asked for.

    Returns:
        The engine, which the caller closes.

    Raises:
        LibraryNotFound: There is none and `create` is false, or none can be made there.
        LibraryMismatch: It was built with another encoder or other passage sizes than `settings` ask for.
        LibraryDamaged: What is there cannot be read.
        ConfigurationError: The address is none.
    """
    place = read_address(address)
    if isinstance(place, MilvusAddress):
        # Nothing of it is loaded where libraries are in folders.
        from rag.milvus.engine import MilvusEngine

        return MilvusEngine(place, settings, create=create)
    check_folder(place, create=create)
    return FolderEngine(place, settings)
