"""Files made by real programs, read to text with their headings, rows and pages."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from rag.formats.extracted import Extracted, UnreadableError
from rag.formats.parse import parse
from rag.formats.parse_limits import ParseLimits

FILES = Path(__file__).parent / "files"
HANDBOOKS = ["handbook.docx", "handbook.odt", "handbook.rtf", "pandoc.docx", "pandoc.epub", "pandoc.rtf"]
LIMITS = ParseLimits()


def read(name: str, limits: ParseLimits = LIMITS) -> Extracted:
    path = FILES / name
    return parse(path.read_bytes(), path.suffix, limits)


def parse_text(text: str, suffix: str, limits: ParseLimits = LIMITS) -> str:
    return parse(text.encode(), suffix, limits).text


def page_of(extracted: Extracted, words: str) -> int:
    at = extracted.text.index(words)
    return sum(start <= at for start in extracted.page_starts)


@pytest.mark.parametrize("name", HANDBOOKS)
def test_headings_paragraphs_items_and_rows_of_a_document_are_kept(name: str) -> None:
    lines = read(name).text.split("\n")
    for line in (
        "# Pilots",
        "## Night work",
        "The harbour of Norrwick employs 41 pilots. They brought 6,200 ships into the port in 2022, and every pilot is "
        "examined once a year by the harbour master.",
        "Kind of ship: Ferry; Length: up to 90 m; Fee in kroner: 1,450.",
    ):
        assert line in lines
    assert any(line.endswith(" Radio channel 12 is kept open.") and line[0] in "-•" for line in lines)


@pytest.mark.parametrize("name", ["handbook.docx", "handbook.odt", "pandoc.docx", "pandoc.epub", "chromium.pdf"])
def test_a_document_has_the_title_that_its_file_gives_it(name: str) -> None:
    assert read(name).title in ("Harbour handbook of Norrwick", "Harbour report 2022")


def test_a_book_has_the_day_of_its_publication_and_other_files_not_that_of_their_saving() -> None:
    assert read("pandoc.epub").date == "2023-05-02"
    assert {read(name).date for name in ("handbook.docx", "chromium.pdf", "fees.xlsx")} == {None}


def test_a_running_foot_of_a_document_is_left_out() -> None:
    assert not read("handbook.docx").text.rstrip().endswith("1")


@pytest.mark.parametrize("name", ["fees.xlsx", "fees.ods", "fees.xls"])
def test_sheets_are_headings_and_each_row_has_the_headings_of_its_columns(name: str) -> None:
    lines = read(name).text.split("\n\n")
    assert lines[0] == "## Fees 2023"
    assert lines[2].startswith("Kind of ship: Ferry; Fee in kroner: 1450; Valid from: 2023-03-01")
    assert "## Staff" in lines
    assert "Name: Karl Wester | junior; Post: Pilot." in lines


@pytest.mark.parametrize("name", ["slides.odp", "pandoc.pptx"])
def test_a_slide_is_a_page_with_its_title_rows_and_notes(name: str) -> None:
    slides = read(name)
    assert page_of(slides, "- 6,200 ships in 2022") == 2
    assert page_of(slides, "Year: 2021; Depth in metres: 14.") == 3
    assert page_of(slides, "The channel was dredged to 14 metres") == 3
    assert page_of(slides, "## Plans") == page_of(slides, "The council has to agree before the summer.") == 4
    assert "**" not in slides.text
    assert "Click to edit" not in slides.text


def test_slides_are_numbered_as_they_are_shown_not_as_their_files_are() -> None:
    moved = io.BytesIO()
    with zipfile.ZipFile(FILES / "pandoc.pptx") as original, zipfile.ZipFile(moved, "w") as copy:
        for name in original.namelist():
            data = original.read(name)
            if name == "ppt/presentation.xml":
                for old, new in ((b"rId3", b"rIdX"), (b"rId4", b"rId3"), (b"rIdX", b"rId4")):
                    data = data.replace(b'r:id="%s"' % old, b'r:id="%s"' % new)
            copy.writestr(name, data)
    slides = parse(moved.getvalue(), ".pptx", LIMITS)
    assert [page_of(slides, words) for words in ("dredged to 14", "6,200 ships", "## Plans")] == [2, 3, 4]


def test_a_printed_web_page_has_its_pages_headings_and_rows() -> None:
    report = read("chromium.pdf")
    lines = report.text.split("\n")
    assert {"# Harbour report 2022", "## Dredging", "## Fees", "## Lighthouse"} <= set(lines)
    # Lines that the printer broke are whole again.
    assert any("and every pilot is examined once a year by the harbour master, who keeps" in line for line in lines)
    assert page_of(report, "The channel was dredged") == 1
    assert page_of(report, "Kind of ship: Tanker; Length: up to 200 m; Fee in kroner: 8,900.") == 2
    assert page_of(report, "Its lamp can be seen") == 3


def test_running_heads_and_page_numbers_of_a_pdf_are_left_out_and_its_pages_kept() -> None:
    manual = read("libreoffice.pdf")
    assert "pilot station" not in manual.text
    assert "Page" not in manual.text
    assert [page_of(manual, words) for words in ("# Watch", "Two boats belong", "Both boats", "The horn")] == [
        1,
        1,
        2,
        3,
    ]
    # A paragraph that goes on over the end of a page is one.
    (paragraph,) = [block for block in manual.text.split("\n\n") if block.startswith("Two boats belong")]
    assert paragraph.endswith("along the old quay.")
    assert 0 < manual.page_starts[1] - manual.text.index(paragraph) < len(paragraph)
    assert manual.text.count("# ") == 3


def test_a_scanned_pdf_is_told_what_recognises_it_where_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.formats.pdf._Pictures._recogniser", None)
    with pytest.raises(
        UnreadableError, match=r"no text on its 2 pages; to recognise it run: pip install 'leadgoose\[ocr"
    ):
        read("scanned.pdf", ParseLimits(ocr="on"))


def test_a_scanned_pdf_is_said_to_be_one() -> None:
    with pytest.raises(UnreadableError, match=r"no text on its 2 pages; it seems scanned: .* OCR"):
        read("scanned.pdf")


def test_an_encrypted_pdf_is_said_to_be_one() -> None:
    with pytest.raises(UnreadableError, match="encrypted with a password"):
        read("encrypted.pdf")


def test_of_a_web_page_the_main_text_is_read_and_neither_menus_nor_scripts() -> None:
    page = read("page.html")
    assert page.text.split("\n\n") == [
        "# Pilots wanted",
        "11 February 2024",
        "The harbour of Norrwick is looking for four new pilots, because three of its 41 pilots retire this year & one "
        "moves away.",
        "Those who apply must hold a master's licence and have five years at sea.\n"
        "Letters are read until 31 March 2024.",
        "## Pay",
        "Grade: Junior pilot; Kroner a month: 41,000.",
        "Grade: Senior pilot; Kroner a month: 52,500.",
        "- Write a letter.\n- Add a certificate.",
        "call 555-12\n  press 2",
    ]
    assert (page.title, page.date) == ("Pilots wanted – Norrwick harbour", "2024-02-11")


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>One<p>Two<div>Three", "One\n\nTwo\n\nThree"),
        ("<table><tr><td>a<td>b<tr><td>1<td>2</table>", "a: 1; b: 2."),
        ("<table><tr><td><table><tr><td>in<td>ner</table><td>out</table>after", "in; ner.; out.\n\nafter"),
        ("</div></p>text</b>", "text"),
        ("<h1></h1><p>a &lt;b&gt; c&nbsp;d</p>", "a <b> c d"),
        ("<p hidden>no</p><p style='display: none'>no</p><p>yes</p>", "yes"),
        ("<ul><li><a href=x>Home</a><li><a href=y>News</a></ul><p>Text of the page.</p>", "Text of the page."),
    ],
)
def test_broken_and_odd_markup_is_read_as_a_browser_would(markup: str, text: str) -> None:
    assert parse_text(markup, ".html") == text


def test_a_page_in_an_old_encoding_is_read_in_the_one_that_it_names() -> None:
    data = "<meta charset=windows-1251><p>Привет, гавань</p>".encode("cp1251")
    assert parse(data, ".html", LIMITS).text == "Привет, гавань"


def test_a_deeply_nested_page_is_read() -> None:
    assert parse_text("<div>" * 50_000 + "deep" + "</div>" * 50_000, ".html") == "deep"


def test_an_email_has_its_subject_its_day_and_its_plain_text() -> None:
    mail = read("python.eml")
    assert (mail.title, mail.date) == ("Dredging of the channel – Größe", "2023-05-12")
    assert "From: Ada Lindqvist <ada@norrwick.example>." in mail.text
    assert "costs 3.2 million kroner" in mail.text
    assert "html" not in mail.text
    assert "Attachments: costs.csv." in mail.text


def test_an_email_with_encoded_headers_and_body_is_decoded() -> None:
    mail = read("mutt.eml")
    assert mail.title == "Re: Dredging of the channel"
    assert "From: Kåre Wester <karl@norrwick.example>." in mail.text
    assert "says Kåre." in mail.text
    assert "kroner comes in July." in mail.text


def test_what_is_no_email_is_refused() -> None:
    with pytest.raises(UnreadableError, match="is no e-mail"):
        parse_text("just some text\nand more", ".eml")


def test_rows_of_a_csv_file_are_read_with_their_headings_whatever_separates_them() -> None:
    assert "Kind of ship: Ferry; Fee in kroner: 1450; Note: two; or more." in read("fees.csv").text
    assert parse_text("a,b\n1,2\n", ".csv") == "a: 1; b: 2."
    assert parse_text("a\tb\n1\t2,5\n", ".tsv") == "a: 1; b: 2,5."


def test_a_table_without_headings_loses_no_row() -> None:
    assert parse_text("1,2\n3,4\n", ".csv") == "1; 2.\n\n3; 4."


def test_records_of_json_are_sentences_and_their_long_texts_paragraphs() -> None:
    prose = "The harbour of Norrwick employs 41 pilots. " * 4
    record = {"title": "Pilots", "count": 41, "station": {"pier": "north"}, "tags": ["a", "b"], "text": prose.strip()}
    blocks = parse_text(json.dumps(record), ".json").split("\n\n")
    assert blocks == [
        "# Pilots",
        "title: Pilots; count: 41.",
        "## station",
        "pier: north.",
        "tags: a, b.",
        prose.strip(),
    ]
    lines = "\n".join(json.dumps({"name": name, "n": n}) for n, name in enumerate("xy"))
    assert parse_text(lines, ".jsonl") == "# x\n\nname: x; n: 0.\n\n# y\n\nname: y; n: 1."


def test_json_beyond_its_depth_is_refused_with_the_setting() -> None:
    assert parse_text("[" * 90 + "7" + "]" * 90, ".json") == "7"
    for depth in (200, 200_000):
        with pytest.raises(UnreadableError, match=r"nested .*raise the setting parse_depth \(RAG_PARSE_DEPTH\)"):
            parse_text("[" * depth + "7" + "]" * depth, ".json")


def test_damaged_json_is_named_with_its_line() -> None:
    with pytest.raises(UnreadableError, match="is no JSON in line 2: "):
        parse_text('{"a": 1}\n{"b": \n', ".jsonl")


@pytest.mark.parametrize(
    ("limit", "name", "message"),
    [
        ({"parse_pages": 2}, "chromium.pdf", "has 3 pages, more than 2; raise the setting parse_pages"),
        ({"parse_chars": 100}, "chromium.pdf", "more than 100 characters; raise the setting parse_chars"),
        ({"parse_chars": 100}, "handbook.docx", "characters, more than 100; raise the setting parse_chars"),
    ],
)
def test_a_file_beyond_a_limit_is_refused_with_the_setting(limit: dict[str, int], name: str, message: str) -> None:
    with pytest.raises(UnreadableError, match=message):
        read(name, ParseLimits(**limit))


@pytest.mark.parametrize("name", ["chromium.pdf", "handbook.docx", "fees.xlsx", "pandoc.epub", "pandoc.pptx"])
def test_a_file_that_is_cut_short_is_refused(name: str) -> None:
    data = (FILES / name).read_bytes()
    with pytest.raises(UnreadableError, match="damaged"):
        parse(data[: len(data) // 3], Path(name).suffix, LIMITS)


@pytest.mark.parametrize("suffix", [".docx", ".xlsx", ".epub", ".pdf", ".odt"])
def test_a_file_that_is_not_what_its_suffix_says_is_refused(suffix: str) -> None:
    with pytest.raises(UnreadableError):
        parse(b"Plain text that claims to be something else.", suffix, LIMITS)


def test_footnotes_are_read_without_their_marks_and_links_without_their_addresses() -> None:
    text = read("footnote.docx").text
    assert "The footnote says 77 metres." in text
    assert "Text with a note. More link and bold." in text
    assert "[^" not in text
    assert "http" not in text


@pytest.mark.parametrize(("written", "day"), [("2021-06-30T08:00:00Z", "2021-06-30"), ("0917-68-37", None), ("", None)])
def test_a_web_page_has_the_day_it_gives_itself_where_the_calendar_has_it(written: str, day: str | None) -> None:
    page = f'<meta property="article:published_time" content="{written}"><p>The harbour is open.</p>'
    assert parse(page.encode(), ".html", LIMITS).date == day
