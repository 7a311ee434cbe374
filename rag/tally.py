"""What an indexing run counts, while it lasts and when it is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class IndexReport:
    """What an indexing run did.

    Attributes:
        added: Documents that are new.
        updated: Documents whose text was replaced.
        removed: Documents that left.
        unchanged: Documents left as they were.
        failed: Reason in one line by source, for what could not be indexed.
        documents: Documents in the library afterwards.
        passages: Passages in the library afterwards.
        embedded: Passages that were embedded.
        seconds: Wall time.
        renamed: Documents whose file has another name or place, and what it held before; neither added nor removed.
        copies: Documents in the library afterwards that are made from the same bytes as another one.
    """

    added: int
    updated: int
    removed: int
    unchanged: int
    failed: Mapping[str, str]
    documents: int
    passages: int
    embedded: int
    seconds: float
    renamed: int = 0
    copies: int = 0


@dataclass
class Tally:
    """Running counts of a run."""

    added: int = 0
    updated: int = 0
    removed: int = 0
    unchanged: int = 0
    embedded: int = 0
    renamed: int = 0
    failed: dict[str, str] = field(default_factory=dict)
