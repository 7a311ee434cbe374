"""Pieces between a segmenter's boundaries to whole sentences: closing marks, list marks and lines of records.

A segmenter takes the full stop of "4." for the end of a sentence and leaves what closes a quotation or bold type to the
sentence after it. Its boundaries are moved here, never its text. Each character is looked at a bounded number of times.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from rag.enumerators import MARK_CHARS, is_mark

Bounds = tuple[int, int]

# What closes something wherever it stands, and what does so only where nothing follows.
_CLOSES = re.compile(r"[)\]）］】」』〉》]+[.!?。！？]*")
_MAY_CLOSE = re.compile(r"[*_\"'”’»«“)\]）］】」』〉》]+(?=\s|\Z)")
# Numbers of references, taken for the beginning of a list: "… by the pump (6) (7) . A sink …".
_REFERENCES = re.compile(r"(?:\(\d{1,3}\) ?)+(?: ?\.(?=\s|\Z)|[,;]|\Z)")
# Chinese and Japanese sentences that begin with a number are not told from what goes on.
_BEFORE_NUMBER = re.compile(r"[。！？][”’」』）】]*(?=\d)")
_OPENS, _SHUTS = re.compile(r"[“「『（【]"), re.compile(r"[”」』）】]")
# German ordinals end no sentence, so a clause's number is taken for the end of what is before. A long word is none of
# the abbreviations that a number follows ("vgl. 4.", "Ziff. 4.").
_ENDS_ON_NUMBER = re.compile(r"(?:\b[a-zß-ÿ]{4,}|[^\W\d_]{7,})[.!?][\"”“)]*\s+(?=\d{1,3}\.\s*\Z)")
_TAIL_CHARS = 3 * MARK_CHARS

# Lines that are records: none longer than this, at least so many, and characters together. Fewer are better read
# together: one line of an address or of signatures says little.
RECORD_CHARS, FEWEST_RECORDS, FEWEST_CHARS = 120, 5, 200
_FIELD = re.compile(r"(?:[-*+•] )?[^\s:：a-zß-ÿ][^:：]{0,39}[:：](?!//)\s*\S")
_CLOSED = re.compile(r"[.!?…,;，。；、！？-][\"”’)*_]*\Z")
_ENDS_INSIDE = re.compile(r"[.!?][\"”’)]* +[A-ZÀ-Þ]|[。！？]")
# A wrapped line is at least this much of the longest: it ends where the next word would not have fitted.
_FILLED, _MOSTLY = 0.8, 0.8


def whole_sentences(text: str, pieces: Iterable[Bounds]) -> Iterator[Bounds]:
    """Yield sentences: pieces without what closes the one before, with the list mark that stands before them.

    Args:
        text: A paragraph.
        pieces: Where a segmenter's pieces begin and end, in order, together all of the text.

    Yields:
        Where sentences begin and end, in order, together all of the text.
    """
    last = len(text.rstrip())
    start = reached = 0
    for _, stop in _numbers_apart(text, pieces):
        if stop <= reached:
            continue
        reached = _closed(text, stop)
        if reached >= last:
            break
        if reached > stop and text[reached - 1] in ",;":
            continue
        end = _before_mark(text, start, reached)
        if not (end - start <= _TAIL_CHARS and is_mark(text[start:end].strip())):
            yield start, end
            start = end
    if start < len(text):
        yield start, len(text)


def _numbers_apart(text: str, pieces: Iterable[Bounds]) -> Iterator[Bounds]:
    """Yield pieces, cut where a number begins a sentence behind a full stop of Chinese, but inside brackets."""
    for start, end in pieces:
        first, place, depth = start, start, 0
        for found in _BEFORE_NUMBER.finditer(text, start, end):
            between = text[place : found.end()]
            depth = max(0, depth + len(_OPENS.findall(between)) - len(_SHUTS.findall(between)))
            if not depth and found.end() < end:
                yield first, found.end()
                first = found.end()
            place = found.end()
        yield first, end


def _closed(text: str, end: int) -> int:
    """Return the end of a piece with the marks right behind it that close something, or that refer."""
    before = text[max(0, end - 2) : end].rstrip()[-1:]
    if before.isalnum() and (found := _REFERENCES.match(text, end)):
        return found.end()
    if not end or text[end - 1].isspace():
        return end
    found = _MAY_CLOSE.match(text, end) or _CLOSES.match(text, end)
    return found.end() if found else end


def _before_mark(text: str, start: int, end: int) -> int:
    """Return the end of a piece without the number of the clause after it."""
    tail = max(start, end - _TAIL_CHARS)
    found = _ENDS_ON_NUMBER.search(text[tail:end])
    return tail + found.end() if found else end


# -- lines ------------------------------------------------------------------------------------------------------------


def record_lines(paragraph: str) -> list[Bounds]:
    """Return where the lines of a paragraph begin and end if each is a record: a sentence without a full stop.

    Args:
        paragraph: Lines without a blank one between them.

    Returns:
        The lines, together all of the paragraph; nothing where they are prose, or so few and short that they are
        better read together.
    """
    lines = paragraph.split("\n")
    if not _are_records(lines):
        return []
    bounds: list[Bounds] = []
    place = 0
    for line in lines:
        bounds.append((place, min(place + len(line) + 1, len(paragraph))))
        place += len(line) + 1
    return bounds


def _are_records(lines: Sequence[str]) -> bool:
    if any(not line.strip() or line[0].isspace() or len(line) > RECORD_CHARS for line in lines):
        return False
    if lines[0].startswith(("```", "~~~")):
        return False
    if len(lines) < FEWEST_RECORDS or sum(map(len, lines)) < FEWEST_CHARS:
        return False
    if all(map(_FIELD.match, lines)):
        return True
    if any(map(_CLOSED.search, lines)):
        return False
    begin_alike = len({line.split(maxsplit=1)[0] for line in lines}) == 1
    begin_anew = all(line[0].isupper() or not line[0].isalpha() for line in lines)
    return begin_alike or begin_anew or not (is_wrapped(lines) or any(map(_ENDS_INSIDE.search, lines)))


def is_wrapped(lines: Sequence[str]) -> bool:
    """Tell whether lines are prose that was broken to a width, so that their ends mean nothing.

    Args:
        lines: Lines of a paragraph.

    Returns:
        Whether most are so long that the next one's first word would not have fitted.
    """
    width = max(map(len, lines), default=0)
    full = sum(len(line) + 1 + len(following.split(" ", 1)[0]) > _FILLED * width for line, following in pairwise(lines))
    return full >= _MOSTLY * (len(lines) - 1)
