"""What a parser makes of a file: one text with headings, rows and pages, and what the file says of itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rag.schema import is_day

_ENDS = re.compile(r"[.!?…:;。！？：；][\"”’»」』)）\]】]*$")
_STRUCTURED = re.compile(r"[#|]|(?:[-*+•‣·]|\d{1,3}[.)]) ")


@dataclass(frozen=True)
class Extracted:
    """A file's text as it was extracted.

    Attributes:
        text: Its text, a blank line between blocks; headings as in Markdown, a table's rows as sentences.
        page_starts: Where each of its pages begins in the text; nothing where the format has no pages.
        title: The title that the file gives itself, or ``""``.
        date: The day it gives itself, ISO 8601, or ``None``.
    """

    text: str
    page_starts: tuple[int, ...] = ()
    title: str = ""
    date: str | None = None


def leading_day(text: str) -> str | None:
    """Return the day that a text begins with as ``YYYY-MM-DD``, ``None`` where none of the calendar does."""
    return text[:10] if is_day(text[:10]) else None


class UnreadableError(Exception):
    """A file cannot be read; the message is a reason to be put after its name."""


def heading(text: str, level: int) -> str:
    """Return a heading as Markdown, or ``""`` for one without text."""
    line = " ".join(text.split())
    return f"{'#' * min(max(level, 1), 6)} {line}" if line else ""


def joined(blocks: Iterable[str]) -> str:
    """Return blocks as one text, a blank line between them, but none between the items of a list."""
    text = ""
    item = False
    for block in filter(str.strip, blocks):
        text += ("\n" if item and block.startswith("- ") else "\n\n") * bool(text) + block
        item = block.startswith("- ")
    return text


def paged(pages: Sequence[Sequence[str]]) -> Extracted:
    """Return the blocks of pages as one text; a paragraph that goes on over a page's end is made one.

    Args:
        pages: The blocks of each page.

    Returns:
        The text and where its pages begin; an empty page begins where the next does.
    """
    text, starts = "", []
    for page in pages:
        blocks = [block.strip() for block in page if block.strip()]
        if text and blocks:
            text += " " if _goes_on(text.rpartition("\n\n")[2], blocks[0]) else "\n\n"
        starts.append(len(text))
        text += joined(blocks)
    # Empty pages were noted before the white space that follows them.
    return Extracted(text, tuple(_visible(text, start) for start in starts))


def unpaged(blocks: Iterable[str], *, title: str = "", date: str | None = None) -> Extracted:
    """Return the blocks of a file without pages."""
    return replace(Extracted(joined(blocks)), title=title, date=date)


def _goes_on(last: str, first: str) -> bool:
    """Tell whether a page's first block goes on with the sentence that the page before ended in."""
    return (
        first[0].islower() and not _ENDS.search(last) and not _STRUCTURED.match(last) and not _STRUCTURED.match(first)
    )


def _visible(text: str, start: int) -> int:
    return start + len(text[start : start + 2]) - len(text[start : start + 2].lstrip())
