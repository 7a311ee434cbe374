"""Of passages that stand in several documents with the same text one, with the names of the others; ranks nothing."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from rag.snapshot import Snapshot
from rag.stored import StoredPassage


@dataclass(frozen=True)
class Distinct:
    """A passage, and where else it stands.

    Attributes:
        stored: The passage.
        also_in: Ids of other documents with the same text, sorted.
    """

    stored: StoredPassage
    also_in: tuple[str, ...] = ()


def without_copies(ranked: Sequence[int], k: int, *, scores: Mapping[int, float], snapshot: Snapshot) -> list[Distinct]:
    """Return the best `k` passages of which none stands at the same place of an equal text.

    The same words in texts that differ are no copies: what they speak of may differ too.

    Args:
        ranked: Numbers of passages, best first.
        k: At most this many.
        scores: Their scores.
        snapshot: The generation they are in.

    Returns:
        Passages by score, equal ones by document and place, so that it does not matter in what order they were added;
        of copies of one score the newest, then the first by that order.
    """
    found: dict[Hashable, list[StoredPassage]] = {}
    for start in range(0, len(ranked), max(k, 1)):
        if len(found) >= k:
            break
        stored = snapshot.passages(ranked[start : start + k])
        _add(found, [stored[key] for key in ranked[start : start + k]], snapshot)
    groups = [sorted(group, key=lambda s: _preferred(s, scores)) for group in found.values()]
    groups.sort(key=lambda group: _order(group[0], scores))
    return [Distinct(first, _ids(first, others)) for first, *others in groups[:k]]


def _add(found: dict[Hashable, list[StoredPassage]], passages: Iterable[StoredPassage], snapshot: Snapshot) -> None:
    """Add passages to those that stand at the same place of the same text, or begin new ones."""
    for stored in passages:
        passage = stored.passage
        place: tuple[Hashable, ...] = (passage.start_char, passage.text)
        others = found.get(place)
        if others and not snapshot.same_text(others[0].document_key, stored.document_key):
            # Another text that happens to begin alike, or a third one.
            place = (*place, stored.key)
        found.setdefault(place, []).append(stored)


def _order(stored: StoredPassage, scores: Mapping[int, float]) -> tuple[float, str, int]:
    return -scores[stored.key], stored.passage.document_id, stored.passage.start_char


def _preferred(stored: StoredPassage, scores: Mapping[int, float]) -> tuple[float, int, str]:
    """Return what orders copies, which begin at the same place."""
    return -scores[stored.key], -int((stored.date or "0").replace("-", "")), stored.passage.document_id


def _ids(first: StoredPassage, others: Iterable[StoredPassage]) -> tuple[str, ...]:
    ids = sorted(other.passage.document_id for other in others)
    return tuple(i for i, _ in groupby(ids) if i != first.passage.document_id)
