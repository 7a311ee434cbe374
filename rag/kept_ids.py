"""Ids that files keep when they are found again at another place; knows nothing of what is written."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

from rag import load
from rag.errors import SourceError
from rag.formats.parse_limits import ParseLimits
from rag.sources import SourceFile
from rag.stored import Origin


def with_kept_ids(sources: Sequence[SourceFile], known: Mapping[str, Origin], limits: ParseLimits) -> list[SourceFile]:
    """Return the files under the ids they have in the store.

    Args:
        sources: The files.
        known: Origins of the documents that are there.
        limits: What reading a file may take.

    Returns:
        The files.

    Raises:
        SourceError: One has the id of a document from elsewhere.
    """
    real_path = _RealPaths()
    ids = {real_path(origin.source): i for i, origin in known.items() if origin.source}
    kept = []
    for source in sources:
        place = real_path(source.named)
        there = known.get(source.id)
        if there and there.source and real_path(there.source) == place:
            kept.append(source)
        elif place in ids:
            kept.append(replace(source, id=ids[place]))
        elif there and there.source and not _moved(source, there, limits):
            raise SourceError(
                f"{source.named} would replace {there.source}, which has the same id {source.id!r}; rename one, "
                "or index both folders together: rag index A B"
            )
        else:
            kept.append(source)
    return kept


class _RealPaths:
    """Paths without symbolic links; each folder is looked up once, which for 100,000 files saves some seconds."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def __call__(self, source: str) -> str:
        try:
            if os.path.islink(source):
                return os.path.realpath(source)
            folder, name = os.path.split(source if os.path.isabs(source) else os.path.join(os.getcwd(), source))
            if folder not in self._folders:
                self._folders[folder] = os.path.realpath(folder)
            return os.path.join(self._folders[folder], name)
        except ValueError:
            # What a document given as text names as its source need not be a path.
            return source


def _moved(source: SourceFile, known: Origin, limits: ParseLimits) -> bool:
    """Tell whether a file is the one a document was made from, now at another place."""
    return not os.path.lexists(known.source) and load.source_digest(source, limits) == known.digest
