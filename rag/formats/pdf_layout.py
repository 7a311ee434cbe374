"""Lines of a PDF's pages to headings, paragraphs and table rows, by size and place; knows no PDF library."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rag.formats.extracted import heading
from rag.formats.hyphens import DIVIDED, undivided
from rag.formats.rows import rows_to_lines

# A gap wider than this many times the size of the font may separate cells. Spaces of justified text can be as wide, but
# do not stand above each other.
CELL_GAP = 0.5
# Lines further apart than this many times the size of their font, or the usual distance, are of two paragraphs.
LINE_GAP, PARAGRAPH_GAP, ROW_GAP = 1.9, 1.25, 4.0
HEADING_SIZE = 1.12
HEADING_CHARS = 160
EDGE_LINES = 2
_SENTENCE_END = re.compile(r"[.!?。！？][\"”’»」』)）\]]*$")
_BULLET = re.compile(r"[•‣▪◦·●○–-]\s+(?=\S)")
_MARK = re.compile(r"[•‣▪◦·●○–-]|\(?(?:\d{1,3}|[a-zA-Z])[.)]")
_NUMBERED = re.compile(r"\(?(?:\d{1,2}|[a-z])[.)]\s+\S")
_HYPHENATED = re.compile(r"(?<=[^\W\d_])[-\u00ad]$")
_LEADERS = re.compile(r"(?:\s?[.·]){4,}\s*")
_EAST_ASIAN = re.compile(r"[\u3000-\u9fff\uac00-\ud7a3\uff00-\uffef]")


@dataclass(frozen=True)
class Word:
    """A word on a page; places are in points from the left and the bottom of the page.

    Attributes:
        text: Its text.
        left: Where it begins.
        right: Where it ends.
        bottom: Its baseline.
        size: Size of its font in points.
        bold: Whether its font is bold.
    """

    text: str
    left: float
    right: float
    bottom: float
    size: float
    bold: bool


@dataclass(frozen=True)
class Cell:
    """Words of a line without a wide gap between them."""

    text: str
    left: float
    right: float


@dataclass(frozen=True)
class Line:
    """A line of text on a page.

    Attributes:
        cells: Its words, cut where gaps are wide, from the left.
        bottom: Its baseline, in points from the bottom of the page.
        size: Size of its font in points.
        bold: Whether most of it is bold.
    """

    cells: tuple[Cell, ...]
    bottom: float
    size: float
    bold: bool

    @property
    def text(self) -> str:
        """The whole line."""
        return " ".join(cell.text for cell in self.cells)

    @property
    def left(self) -> float:
        """Where it begins."""
        return self.cells[0].left

    @property
    def right(self) -> float:
        """Where it ends."""
        return self.cells[-1].right


def cells(words: Sequence[Word], size: float) -> list[Cell]:
    """Return the words of a line as cells.

    Args:
        words: Its words in order.
        size: Size of the line's font in points.

    Returns:
        Its cells; one where no gap is wide.
    """
    found: list[Cell] = []
    for word in words:
        last = found[-1] if found else None
        near = last and last.left - size <= word.left <= last.right + CELL_GAP * size
        # What marks an item belongs to it, however far it is set off.
        if last and (near or (len(found) == 1 and _MARK.fullmatch(last.text))):
            found[-1] = Cell(f"{last.text} {word.text}", last.left, max(last.right, word.right))
        else:
            found.append(Cell(word.text, word.left, word.right))
    return found


def pages_to_blocks(pages: Sequence[Sequence[Line]]) -> list[list[str]]:
    """Return the blocks of each page.

    Args:
        pages: The lines of each page in reading order.

    Returns:
        Headings as Markdown, a table's rows as sentences, paragraphs in one line; running heads and page numbers left
        out.
    """
    furniture = _furniture(pages)
    kept = [[line for n, line in enumerate(page) if not _is_furniture(page, n, furniture)] for page in pages]
    sizes: Counter[float] = Counter()
    for page in kept:
        for line in page:
            sizes[line.size] += len(line.text)
    body = max(sizes, key=lambda size: sizes[size], default=0.0)
    levels = {
        size: n for n, size in enumerate(sorted((s for s in sizes if s > body * HEADING_SIZE), reverse=True)[:4], 1)
    }
    return undivided([list(_blocks(page, body=body, levels=levels)) for page in kept])


def _furniture(pages: Sequence[Sequence[Line]]) -> set[str]:
    """Return what stands at the edge of most pages, numbers left out."""
    counts: Counter[str] = Counter()
    for page in pages:
        counts.update({_numberless(line.text) for line in [*page[:EDGE_LINES], *page[-EDGE_LINES:]]})
    return {text for text, count in counts.items() if len(pages) >= 2 and count * 2 > len(pages)}


def _is_furniture(page: Sequence[Line], number: int, furniture: set[str]) -> bool:
    if EDGE_LINES <= number < len(page) - EDGE_LINES:
        return False
    text = _numberless(page[number].text)
    return text in furniture or (number in (0, len(page) - 1) and len(page) > 1 and text in ("#", "page #", "# / #"))


def _numberless(text: str) -> str:
    return re.sub(r"\d+", "#", text.strip("-–— ").lower())


def _blocks(lines: Sequence[Line], *, body: float, levels: dict[float, int]) -> Iterator[str]:
    for group in _groups(lines):
        if len(group) > 1 and _fits(group[0], group[1]):
            yield from _rows(group)
            continue
        text = _flow(group)
        level = levels.get(group[0].size)
        if level is None and group[0].bold and len(group) == 1 and not _SENTENCE_END.search(text):
            level = len(levels) + 1
        if level and len(text) <= HEADING_CHARS and any(c.isalpha() for c in text):
            yield heading(text, level)
        else:
            yield _BULLET.sub("- ", text, count=1)


def _rows(group: Sequence[Line]) -> list[str]:
    columns = max(group, key=lambda line: len(line.cells)).cells
    rows = []
    for line in group:
        row = [""] * len(columns)
        for cell in line.cells:
            number = next((n for n, column in enumerate(columns) if _overlap(cell, column)), 0)
            row[number] = f"{row[number]} {cell.text}".strip()
        rows.append(row)
    # Where all rows are set alike, the first may be one like the others.
    bold = group[0].bold and not group[1].bold
    valued = len(rows) > 2 and all(any(c.isdigit() for c in "".join(row)) for row in rows[1:])
    return rows_to_lines(rows, headed=True if bold else None if valued else False)


def _groups(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Yield runs of lines that make a paragraph, a heading or a table."""
    pitch = _usual_pitch(lines)
    run: list[Line] = []
    for number, line in enumerate(lines):
        if run and not _belongs(run, line, pitch=pitch, lines=lines[max(0, number - 60) : number + 60]):
            yield run
            run = []
        run.append(line)
    if run:
        yield run


def _usual_pitch(lines: Sequence[Line]) -> float:
    """Return the usual distance of a line from the one above, in sizes of its font."""
    distances = Counter(
        round((a.bottom - b.bottom) / b.size, 1)
        for a, b in pairwise(lines)
        if b.size and 0.8 * b.size < a.bottom - b.bottom < LINE_GAP * b.size
    )
    # The closest of the usual ones: in a page of short paragraphs the gaps between them are as many.
    common = [distance for distance, count in distances.items() if count * 4 >= max(distances.values())]
    return min(common, default=1.2)


def _belongs(run: Sequence[Line], line: Line, *, pitch: float, lines: Sequence[Line]) -> bool:
    """Tell whether a line goes on with the lines before it."""
    above = run[-1]
    if _fits(above, line):
        return len(run) == 1 or _fits(run[0], run[1])
    if len(run) > 1 and _fits(run[0], run[1]):
        return False
    if abs(above.size - line.size) > 0.5 or above.bold != line.bold or _BULLET.match(line.text):
        return False
    ends = bool(_SENTENCE_END.search(above.text))
    if not 0 <= above.bottom - line.bottom <= LINE_GAP * line.size * 4:
        # The next column: a sentence may go on there.
        return not ends and not _NUMBERED.match(line.text)
    return above.bottom - line.bottom <= PARAGRAPH_GAP * pitch * line.size and _fills(run, line, lines, ends=ends)


def _fills(run: Sequence[Line], line: Line, lines: Sequence[Line], *, ends: bool) -> bool:
    """Tell whether the line above ends as one that another follows: near the right edge of its column."""
    above, left = run[-1], min(item.left for item in run)
    edge = max(item.right for item in lines if abs(item.left - left) < 3 * line.size or item is above)
    short = edge - above.right > 0.25 * max(1.0, edge - left)
    indented = line.left - left > line.size
    return not (short and (ends or len(run) == 1 or line.text[0].isupper())) and not (ends and indented)


def _fits(above: Line, line: Line) -> bool:
    """Tell whether two lines are rows of a table: each cell of one has a column of its own in the other."""
    few, many = sorted((above.cells, line.cells), key=len)
    if len(few) < 2 or not 0 < above.bottom - line.bottom < ROW_GAP * line.size:
        return False
    columns = [[n for n, column in enumerate(many) if _overlap(cell, column)] for cell in few]
    return all(len(numbers) == 1 for numbers in columns) and len({n for n, *_ in columns}) == len(few)


def _overlap(a: Cell, b: Cell) -> bool:
    return a.left < b.right and b.left < a.right


def _flow(lines: Sequence[Line]) -> str:
    """Return lines as running text, words that were divided at a line's end made whole."""
    text = lines[0].text
    for line in lines[1:]:
        following = line.text
        if _HYPHENATED.search(text) and following[:1].islower():
            text = text[:-1] + DIVIDED + following
        elif _EAST_ASIAN.match(text[-1:]) and _EAST_ASIAN.match(following[:1]):
            text += following
        else:
            text = f"{text} {following}"
    return _LEADERS.sub(" … ", text)
