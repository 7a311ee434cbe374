"""A word that is nowhere in a library to the words that it may be a misspelling of; knows words, no index and no text.

Reference:
    Damerau (1964), "A technique for computer detection and correction of spelling errors": four in five misspelt words
    have one letter too many, too few, wrong, or two neighbours exchanged. The first letter is rarely wrong: Pollock,
    Zamora (1984), "Automatic spelling correction in scientific and scholarly text".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

# Shorter words have too many neighbours; longer ones may be two edits away.
LEAST_CHARS, TWO_EDITS_CHARS = 4, 8
# At most so many words are taken to be meant; the first is by far the most likely.
MOST_NEAR = 3


@dataclass(frozen=True)
class Near:
    """A word of the library that another may be a misspelling of.

    Attributes:
        word: The word, in lower case.
        closeness: One less the share of its letters that are edited, in (0, 1).
    """

    word: str
    closeness: float


def may_be_misspelt(word: str) -> bool:
    """Tell whether a word is long enough to be taken for a misspelling, and no number."""
    return len(word) >= LEAST_CHARS and word.isalpha()


def beginnings(word: str) -> tuple[str, str]:
    """Return how a word that is meant begins: with the same letter, or with the first two exchanged."""
    return word[0], word[1] + word[0]


def nearest(
    word: str, known: Iterable[tuple[str, int]], *, lives: Callable[[str], bool] = lambda _: True
) -> tuple[Near, ...]:
    """Return the known words with the fewest edits, the most frequent first.

    Args:
        word: A word that is not among them, in lower case.
        known: Words in lower case, and how often each occurs; one may be named again.
        lives: Tells whether a word still occurs anywhere; asked of few.

    Returns:
        At most `MOST_NEAR` words, all with the same number of edits: one, or two in a long word; nothing where none is
        so near.
    """
    most = 2 if len(word) >= TWO_EDITS_CHARS else 1
    # A large library has ten thousand words that begin alike. Nearly all are told apart by length and letters alone.
    least, longest, letters = len(word) - most, len(word) + most, set(word)
    alike = {
        other: count
        for other, count in known
        if least <= len(other) <= longest and len(letters.symmetric_difference(other)) <= 2 * most
    }
    found = [(edits(word, other, most=most), -count, other) for other, count in alike.items()]
    near = [entry for entry in sorted(e for e in found if e[0] <= most) if lives(entry[2])]
    fewest = near[0][0] if near else 0
    best = [entry for entry in near if entry[0] == fewest][:MOST_NEAR]
    return tuple(Near(other, 1.0 - fewest / max(len(word), len(other))) for _, _, other in best)


def edits(one: str, other: str, *, most: int) -> int:
    """Return how many letters are added, left out, replaced or exchanged with their neighbour; beyond `most` one more.

    Reference:
        Optimal string alignment, the restricted form of Damerau (1964): no part is edited twice.
    """
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        earlier, before, row = before, row, [i]
        for j, against in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != against))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == against:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)
