"""Quotes that begin with a pronoun to quotes that say what it stands for; resolves nothing itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from rag.answering.sentences import ASKS_OR_ANNOUNCES, Run, sentence_text

# What a sentence begins with that cannot be understood without the one before.
POINTS_BACK = re.compile(
    r"[\"“‘'(]*(?:(?:It|He|She|They|This|These|Those|Such|His|Her|Their|Its)\b|[它他她其此该这])(?!是否)"
)
# At most so many sentences are put before a quote, as long as they have at most so many characters together.
MOST_BEFORE, MOST_CHARS = 1, 300


def with_context(runs: Sequence[Run]) -> list[Run]:
    """Return quotes, each that begins with a pronoun together with what comes right before it in its passage.

    Args:
        runs: Quotes, best first.

    Returns:
        The same, some longer at their beginning; those that meet thereby are one.
    """
    merged: list[Run] = []
    for run in map(_lengthened, runs):
        meets = next((n for n, other in enumerate(merged) if _meet(run, other)), None)
        if meets is None:
            merged.append(run)
        else:
            merged[meets] = _joined(merged[meets], run)
    return merged


def _lengthened(run: Run) -> Run:
    first = run.first
    while first > 0 and run.first - first < MOST_BEFORE and POINTS_BACK.match(sentence_text(run.candidate, first)):
        before = sentence_text(run.candidate, first - 1)
        if ASKS_OR_ANNOUNCES.search(before) or len(before) > MOST_CHARS or _apart(run, first):
            break
        first -= 1
    return replace(run, first=first)


def _apart(run: Run, number: int) -> bool:
    """Tell whether a sentence begins a paragraph: what is above a blank line is seldom what its pronoun stands for."""
    passage = run.candidate.stored.passage
    end, start = passage.sentences[number - 1].end_char, passage.sentences[number].start_char
    return "\n\n" in passage.text[end - passage.start_char : start - passage.start_char]


def _meet(one: Run, other: Run) -> bool:
    return one.key == other.key and one.first <= other.last + 1 and other.first <= one.last + 1


def _joined(one: Run, other: Run) -> Run:
    chosen = tuple(sorted((*one.chosen, *other.chosen), key=lambda s: -s.score))
    return replace(one, first=min(one.first, other.first), last=max(one.last, other.last), chosen=chosen)
