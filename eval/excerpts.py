"""Cuts a span of a text to what is worth reading, and marks evidence and citations in it; knows no question."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

# Two hundred questions with such excerpts stay below 2 MB, in scripts of three bytes a character too.
CONTEXT_CHARS = 120
EXCERPT_CHARS = 360
WORD_CHARS = 20  # a longer run without white space is cut where the window ends
CUT = " … "

Range = tuple[int, int]


@dataclass(frozen=True)
class Piece:
    """A run of text.

    Attributes:
        text: The run, or a sign for what was left out.
        mark: Whether it is gold evidence or, for a question without evidence, a gold answer.
        cited: Whether it is cited, in a retrieved passage.
    """

    text: str
    mark: bool = False
    cited: bool = False


@dataclass(frozen=True)
class Excerpt:
    """A span of a document as far as it is worth showing.

    Attributes:
        document_id: The document.
        title: Its title, or ``""``.
        start_char: First character of the span, or ``None`` where it has no place in the library's text.
        end_char: One past its last character, or ``None``.
        number: Rank of a retrieved passage, number of a citation or of a piece of evidence; from 1.
        pieces: The text in order; empty for a document that is expected as a whole.
    """

    document_id: str
    title: str
    start_char: int | None
    end_char: int | None
    number: int
    pieces: tuple[Piece, ...]

    @property
    def marked(self) -> bool:
        """Whether any of it is marked."""
        return any(piece.mark for piece in self.pieces)


def cut_out(text: str, bounds: Range, marks: Sequence[Range], cited: Sequence[Range] = ()) -> tuple[Piece, ...]:
    """Return a span of a text in pieces: all of it when it is short, else what is around the marks, or its beginning.

    Args:
        text: The whole text.
        bounds: First character of the span and one past its last.
        marks: Ranges within the span that are gold evidence, ascending and disjoint.
        cited: Ranges within the span that are cited; shown first where nothing is marked.

    Returns:
        Pieces whose texts, the signs for what was left out aside, are slices of the text in order.
    """
    pieces: list[Piece] = []
    reached = bounds[0]
    for window in _windows(text, bounds, sorted(marks or cited)):
        if window[0] > reached:
            pieces.append(Piece(CUT if pieces else CUT.lstrip()))
        edges = {edge for place in (*marks, *cited) for edge in place if window[0] < edge < window[1]}
        for start, end in pairwise(sorted({*window, *edges})):
            pieces.append(Piece(text[start:end], mark=_within(start, marks), cited=_within(start, cited)))
        reached = window[1]
    if reached < bounds[1]:
        pieces.append(Piece(CUT.rstrip()))
    return tuple(pieces)


def _within(place: int, ranges: Iterable[Range]) -> bool:
    return any(start <= place < end for start, end in ranges)


def _windows(text: str, bounds: Range, places: Sequence[Range]) -> list[Range]:
    """Return what is shown of a span, around some places of it, together no longer than an excerpt may be."""
    low, high = bounds
    if high - low <= EXCERPT_CHARS:
        return [bounds]
    windows: list[Range] = []
    for first, last in places or [(low, low + EXCERPT_CHARS - CONTEXT_CHARS)]:
        start = _after_word(text, max(low, first - CONTEXT_CHARS), low)
        end = _before_word(text, min(high, last + CONTEXT_CHARS), high)
        if windows and start <= windows[-1][1]:
            windows[-1] = (windows[-1][0], max(end, windows[-1][1]))
        else:
            windows.append((start, end))
    shown, spare = [], EXCERPT_CHARS
    for start, end in windows:
        if spare > 0:
            last = end if end - start <= spare else _before_word(text, start + spare, end)
            shown.append((start, last))
            spare -= end - start
    return shown


def _after_word(text: str, at: int, low: int) -> int:
    """Return where the first whole word from a place begins, so that no excerpt begins within one."""
    gap = re.compile(r"\s").search(text, at, at + WORD_CHARS)
    return gap.end() if gap and at > low else at


def _before_word(text: str, at: int, high: int) -> int:
    """Return where the last whole word before a place ends."""
    within = text[at - WORD_CHARS : at]
    kept = re.search(r"\s\S*$", within)
    return at - len(within) + kept.start() if kept and at < high else at
