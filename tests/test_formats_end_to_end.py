"""A folder of files of all formats, indexed and asked by the command line: what is cited is on the page it says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from rag import Document, Library
from rag.cli import main

FILES = Path(__file__).parent / "files"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("formats")
    shutil.copytree(FILES, folder / "docs", ignore=shutil.ignore_patterns("README.md", "pandoc.*", "fees.*"))
    (folder / "docs/broken.docx").write_bytes(b"PK\x03\x04 no document at all")
    (folder / "docs/notes.odd").write_text("x")
    assert main(["--library", str(folder / "library"), "index", str(folder / "docs")]) == 0
    return folder / "library"


def ask(library: Path, question: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    capsys.readouterr()
    assert main(["--library", str(library), "--json", "ask", question]) == 0
    citations: list[dict[str, object]] = json.loads(capsys.readouterr().out)["citations"]
    return citations


@pytest.mark.parametrize(
    ("question", "document", "page", "words"),
    [
        ("What can be heard from five kilometres?", "libreoffice.pdf", 3, "horn"),
        ("What is the name of the rescue boat?", "libreoffice.pdf", 1, "Astrid"),
        ("By how much will the eastern quay be lengthened?", "slides.odp", 4, "80 metres"),
        ("What does a senior pilot earn a month?", "page.html", None, "Senior pilot; Kroner a month: 52,500."),
        ("Who pays for the tug?", "mutt.eml", None, "county"),
    ],
)
def test_a_citation_names_the_file_and_the_page_of_its_quote(
    library: Path, capsys: pytest.CaptureFixture[str], question: str, document: str, page: int | None, words: str
) -> None:
    cited = {(c["document_id"], c["page"]) for c in ask(library, question, capsys) if words in str(c["quote"])}
    assert (document, page) in cited


def test_the_answer_prints_the_page(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--library", str(library), "ask", "What can be heard from five kilometres?"])
    assert ", page 3" in capsys.readouterr().out


def test_what_failed_is_named_in_one_line_each(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["--library", str(library), "index", str(library.parent / "docs")]) == 0
    lines = capsys.readouterr().err.splitlines()
    for name, reason in {
        "scanned.pdf": "it seems scanned",
        "encrypted.pdf": "is encrypted with a password",
        "broken.docx": "is damaged, or no DOCX file at all",
        "notes.odd": "unsupported suffix '.odd'",
    }.items():
        assert len([line for line in lines if name in line and reason in line]) == 1, name


def test_documents_given_as_text_may_have_pages(tmp_path: Path) -> None:
    text = "The tug is called Astrid.\n\n\nThe pier is 80 metres long."
    with Library.open(tmp_path / "library") as library:
        library.add([Document("a", text, page_starts=(0, 26))])
        (citation,) = library.ask("How long is the pier?", threshold=0.0).citations
        assert citation.page == 2
        assert library.add([Document("a", text, page_starts=(0, 26))]).unchanged == 1
        assert library.add([Document("a", text)]).updated == 1
        with pytest.raises(ValueError, match="page_starts of 'b'"):
            library.add([Document("b", text, page_starts=(3, 1))])
