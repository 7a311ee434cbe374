"""PDF to text page by page, by pdfium; the one module that knows it. Nothing is run or fetched.

Pages without text are rendered and their letters recognised where the setting ``ocr`` says so, and at no other time.
"""

from __future__ import annotations

import ctypes
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import pypdfium2
import pypdfium2.raw as pdfium

from rag.formats.extracted import Extracted, UnreadableError, paged
from rag.formats.hyphens import DIVIDED
from rag.formats.parse_limits import ParseLimits, beyond
from rag.formats.pdf_layout import Line, Word, cells, pages_to_blocks

if TYPE_CHECKING:
    from rag.formats.ocr import Recogniser

BOLD_WEIGHT = 600
_WORD = re.compile(r"\S+")
SCANNED = (
    "has no text on its {pages}; it seems scanned: make its text readable with an OCR program first, for example "
    "ocrmypdf IN.pdf OUT.pdf, or set ocr = on (RAG_OCR=on)"
)
ILLEGIBLE = "has no text on its {pages}, and none was recognised in their pictures"
# Said of a file of which only some pages are pictures, too: it would lack them without a word, and for good, since what
# was indexed is not read again when the extra is there. What failed is.
NO_OCR = "has no text on {pages}; to recognise it run: pip install 'leadgoose[ocr]', or set ocr = off (RAG_OCR=off)"
# As scanners do; of a page of any size no more pixels, so that a poster costs no more than a page.
OCR_DPI, MOST_PIXELS = 300, 20_000_000
PAGES_NAMED = 5


def pdf_to_text(data: bytes, limits: ParseLimits) -> Extracted:
    """Return the text of a PDF.

    Args:
        data: The whole file.
        limits: What it may take.

    Returns:
        Its text and where its pages begin.

    Raises:
        UnreadableError: It is damaged, encrypted, has too many pages, or none of them has text; or some have pictures
            instead, and what would recognise their letters is wanted and not installed.
    """
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise UnreadableError(_why_not(error)) from None
    count = len(document)
    if count > limits.parse_pages:
        raise UnreadableError(beyond(f"has {count:,} pages, more than {limits.parse_pages:,}", "parse_pages"))
    pages, chars, pictures = [], 0, _Pictures(document)
    for number in range(count):
        lines = _lines(document, number) or (pictures.lines(number) if limits.ocr == "on" else [])
        pages.append(lines)
        chars += sum(len(line.text) for line in lines)
        if chars > limits.parse_chars:
            raise UnreadableError(beyond(f"has more than {limits.parse_chars:,} characters", "parse_chars"))
    if pictures.unread:
        raise UnreadableError(NO_OCR.format(pages=_named(pictures.unread, count)))
    if not chars:
        why_not = SCANNED if limits.ocr == "off" else ILLEGIBLE
        raise UnreadableError(why_not.format(pages=f"{count} pages" if count > 1 else "page"))
    title = document.get_metadata_value("Title")
    return replace(paged(pages_to_blocks(pages)), title=_title(title))


def _why_not(error: Exception) -> str:
    if getattr(error, "err_code", None) == pdfium.FPDF_ERR_PASSWORD or "password" in str(error).lower():
        return "is encrypted with a password; save it without one"
    return "is damaged, or no PDF at all; open it in a reader and save it anew"


def _title(title: str) -> str:
    """Return a title that was meant as one, not the name of the file it was made from."""
    line = " ".join(title.replace("\0", "").split())
    is_name = re.search(
        r"\.(?:docx?|odt|rtf|tex|dvi|indd|html?|pptx?|xlsx?|pdf)$|^untitled|^Microsoft \w+ -", line, re.I
    )
    return "" if is_name else line


def _lines(document: pypdfium2.PdfDocument, number: int) -> list[Line]:
    try:
        page = document[number]
        text_page = page.get_textpage()
    except pypdfium2.PdfiumError:
        # A damaged page costs that page; where all are damaged, there is no text at all.
        return []
    lines = list(_page_lines(text_page.raw))
    text_page.close()
    page.close()
    return lines


def _named(numbers: Sequence[int], count: int) -> str:
    """Return which of a file's pages are meant, the first few of them by number."""
    if len(numbers) == count:
        return f"its {count} pages" if count > 1 else "its page"
    named = [str(number + 1) for number in numbers[:PAGES_NAMED]]
    more = f" and {len(numbers) - PAGES_NAMED} more" if len(numbers) > PAGES_NAMED else ""
    return f"{len(numbers)} of its {count} pages ({', '.join(named)}{more})"


class _Pictures:
    """The pages of a document that are pictures; what recognises letters is loaded for the first of them.

    Attributes:
        unread: Pages, from 0, that nothing is installed to recognise.
    """

    def __init__(self, document: pypdfium2.PdfDocument) -> None:
        """Load nothing yet.

        Args:
            document: The document.
        """
        self.unread: list[int] = []
        self._document = document

    def lines(self, number: int) -> list[Line]:
        """Return the lines that are recognised on a page; none on an empty one, which is not looked at."""
        try:
            page = self._document[number]
            is_empty = not (pdfium.FPDFPage_CountObjects(page.raw) or pdfium.FPDFPage_GetAnnotCount(page.raw))
            page.close()
        except pypdfium2.PdfiumError:
            return []
        if is_empty:
            return []
        if self._recogniser is None:
            self.unread.append(number)
            return []
        return _recognised(self._document, number, self._recogniser)

    @cached_property
    def _recogniser(self) -> Recogniser | None:
        """What recognises letters, ``None`` where the extra is not installed."""
        try:
            from rag.formats.ocr import Recogniser
        except ImportError:
            return None
        return Recogniser()


def _recognised(document: pypdfium2.PdfDocument, number: int, recogniser: Recogniser) -> list[Line]:
    from rag.formats.ocr import Picture

    try:
        page = document[number]
        width, height = page.get_size()
        scale = min(OCR_DPI / 72, math.sqrt(MOST_PIXELS / max(width * height, 1.0)))
        bitmap = page.render(scale=scale, grayscale=True)
    except (pypdfium2.PdfiumError, ValueError):
        return []
    picture = Picture(bytes(bitmap.buffer), bitmap.width, bitmap.height, bitmap.stride, scale)
    bitmap.close()
    page.close()
    return recogniser.lines(picture)


def _page_lines(raw: object) -> Iterator[Line]:
    """Yield the lines of a page in the order in which the page has them."""
    text = _text(raw)
    for match in re.finditer(r"[^\r\n]+", text):
        words = [_word(raw, word[0], match.start() + word.start()) for word in _WORD.finditer(match[0])]
        if words:
            yield _line(words)


def _text(raw: object) -> str:
    """Return a page's text, one character for each that pdfium numbers."""
    count = pdfium.FPDFText_CountChars(raw)
    units = (ctypes.c_ushort * (count + 1))()
    if pdfium.FPDFText_GetText(raw, 0, count, units) - 1 == count and not any(0xD800 <= u < 0xE000 for u in units):
        return "".join(chr(unit) if unit else " " for unit in units[:count])
    codes = (pdfium.FPDFText_GetUnicode(raw, index) for index in range(count))
    return "".join(chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else " " for code in codes)


def _word(raw: object, text: str, index: int) -> Word:
    """Return a word with its place; its first and last characters are asked, since each call takes microseconds."""
    left, right, bottom, top, x, y = (ctypes.c_double() for _ in range(6))
    pdfium.FPDFText_GetCharBox(raw, index + len(text) - 1, left, right, bottom, top)
    end = right.value
    pdfium.FPDFText_GetCharBox(raw, index, left, right, bottom, top)
    pdfium.FPDFText_GetCharOrigin(raw, index, x, y)
    size = pdfium.FPDFText_GetFontSize(raw, index) or top.value - bottom.value
    bold = pdfium.FPDFText_GetFontWeight(raw, index) >= BOLD_WEIGHT
    # Where a line ends with a hyphen, pdfium has joined the word already.
    text = text.replace("\x02", DIVIDED)
    return Word(text, left.value, end, y.value, round(size, 1), bold)


def _line(words: Sequence[Word]) -> Line:
    sizes: Counter[float] = Counter()
    for word in words:
        sizes[word.size] += len(word.text)
    size = max(sizes, key=lambda size: sizes[size])
    bold = sum(len(word.text) for word in words if word.bold) * 2 > sum(len(word.text) for word in words)
    return Line(tuple(cells(words, size)), words[0].bottom, size, bold)
