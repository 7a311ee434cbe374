"""Names and their initials: a text that says "United Nations" speaks of the "UN", and the other way round.

Knows no library: what a text itself defines, "… (SCODA)", is for `rag.abbreviations`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

# "Court of Justice", "United States", "Lin-Gang": capitalised words with at most two small ones between them.
RUN = re.compile(r"[A-Z][\w’'.]*(?:(?:(?: (?:of|the|and|for|de)){0,2} |-)[A-Z][\w’'.]*)+")
ACRONYM = re.compile(r"\b[A-Z]{2,6}\b")
WORD = re.compile(r"(?<![\w’'.])[A-Z][\w’'.]*")
# Of fewer or more words nobody takes the initials.
LEAST, MOST = 2, 6


def short_forms(text: str) -> frozenset[str]:
    """Return what initials a text may be said by: ``"UN"`` where it has that, ``"U N"`` where it has it in full.

    Index terms are in lower case, so that these go with them in one set.
    """
    runs = [[word[0][0] for word in _words(match)] for match in RUN.finditer(text)]
    spelt_out = (" ".join(run[first:last]) for run in runs for first, last in _parts(run))
    return frozenset(ACRONYM.findall(text)).union(spelt_out)


def other_forms(text: str, start: int, end: int) -> frozenset[str]:
    """Return under which of its `short_forms` another text may speak of a name of this one.

    Args:
        text: A question.
        start: First character of a word of a name in it.
        end: One past the last.

    Returns:
        ``"U N"`` for "UN"; ``"UN"`` among others for either word of "United Nations"; nothing for a name of one word.
    """
    word = text[start:end]
    if ACRONYM.fullmatch(word):
        return frozenset([" ".join(word)])
    found = set[str]()
    for match in RUN.finditer(text):
        # The first word of a question is capitalised whatever it is.
        words = [w for w in _words(match) if w.start()]
        places = [n for n, w in enumerate(words) if w.start() < end and start < w.end()]
        found |= {"".join(w[0][0] for w in words[first:last]) for n in places for first, last in _parts(words, n)}
    return frozenset(found)


def _words(run: re.Match[str]) -> list[re.Match[str]]:
    return list(WORD.finditer(run.string, *run.span()))


def _parts(words: Sequence[object], place: int | None = None) -> Iterator[tuple[int, int]]:
    """Yield first and last of all parts of a run, which may begin or end with words of no name, with one word in it."""
    for first in range(len(words)):
        for last in range(first + LEAST, min(len(words), first + MOST) + 1):
            if place is None or first <= place < last:
                yield first, last
