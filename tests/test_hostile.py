"""A folder of hostile files: indexing ends, each is read or refused in one line, the good ones are answerable."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from eval.bench_fuzz_files import LIMITS, fuzz
from eval.hostile import GOOD, write_hostile
from rag import Library
from rag.formats.parser import PARSER
from rag.writer import IndexReport

FILES = Path(__file__).parent / "files"


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Library, IndexReport, list[str]]]:
    folder = tmp_path_factory.mktemp("hostile")
    with socket.create_server(("127.0.0.1", 0)) as canary, Library.open(folder / "library") as library:
        address = f"http://127.0.0.1:{canary.getsockname()[1]}/"
        names = write_hostile(folder / "docs", canary=address, times=1, line_bytes=200_000_000)
        yield library, library.index(folder / "docs"), names
        canary.settimeout(0.05)
        with pytest.raises(TimeoutError):
            canary.accept()
    PARSER.close()


def test_there_are_more_than_sixty_hostile_files_and_each_is_read_or_refused_by_name_in_one_line(
    indexed: tuple[Library, IndexReport, list[str]],
) -> None:
    library, report, names = indexed
    assert len(names) > 100
    read = {summary.id for summary in library.documents()}
    told = [*read, *report.failed]
    for name in (unicodedata.normalize("NFC", name) for name in names):
        assert any(name in place for place in told) or "/." in name, name
    assert all(reason and "\n" not in reason for reason in report.failed.values())


@pytest.mark.parametrize("good", GOOD, ids=lambda good: good.name)
def test_a_good_file_among_hostile_ones_is_answerable(
    indexed: tuple[Library, IndexReport, list[str]], good: object
) -> None:
    library, _, _ = indexed
    assert isinstance(good, type(GOOD[0]))
    citations = library.ask(good.question, threshold=0.0).citations
    assert any(c.document_id == good.name and good.answer in c.quote for c in citations)


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("line.txt", "file_mb"),
        ("bomb.docx", "parse_ratio"),
        ("bomb.zip", "parse_ratio"),
        ("many.zip", "archive_files"),
        ("many-pages.pdf", "parse_pages"),
        ("deep.json", "parse_depth"),
        ("deep-tables.docx", "parse_depth"),
        ("nested.zip/inner.zip/inner.zip", "archive_depth"),
    ],
)
def test_what_is_beyond_a_limit_is_refused_with_the_setting_that_raises_it(
    indexed: tuple[Library, IndexReport, list[str]], name: str, setting: str
) -> None:
    _, report, _ = indexed
    (reason,) = [why for place, why in report.failed.items() if place.endswith(f"docs/{name}") or place == name]
    assert f"raise the setting {setting} (RAG_{setting.upper()})" in reason


def test_nothing_outside_of_the_folder_is_read(indexed: tuple[Library, IndexReport, list[str]]) -> None:
    library, _, _ = indexed
    for document in map(library.document, (summary.id for summary in library.documents())):
        assert "root:" not in document.text
        assert "escaped" not in document.id


@pytest.mark.skipif(sys.platform != "linux", reason="memory of children is bounded on Linux")
def test_no_parser_takes_much_more_memory_than_it_may(
    indexed: tuple[Library, IndexReport, list[str]], tmp_path: Path
) -> None:
    library, _, names = indexed
    folder = tmp_path / "docs"
    folder.mkdir()
    for name in names:
        if name.startswith(("bomb", "deep", "many", "nested", "billion")):
            shutil.copy2(library.path.parent / "docs" / name, folder)
    # In a process of its own, whose children are the parsers alone.
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from rag.load import read; from rag.sources import find_files\n"
        "for source in find_files([Path(sys.argv[1])])[0]:\n"
        "    try: read(source)\n"
        "    except Exception as error: pass\n"
        "from rag.formats.parser import PARSER; PARSER.close()\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    ran = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, check=True, timeout=120)
    peak_kb = int(ran.stdout)
    # Something was parsed, and nothing with more than the limit beside what the parser itself takes.
    assert 20_000 < peak_kb < 1_300_000


def test_files_changed_at_random_are_read_or_refused_and_nothing_else() -> None:
    found = fuzz(FILES, files=100, seed=7)
    assert found.wrong == {}
    assert found.tried.total() == 100
    assert found.outcomes["read"] > 20
    assert found.outcomes["refused"] > 10
    assert LIMITS.parse_memory_mb == 300
