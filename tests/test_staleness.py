"""An answer says which of the files it cites have changed or gone since they were indexed, and costs a look to tell."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import BAKERY, HARBOUR, LIGHTHOUSE, MakeLibrary

from rag import Answer, Document, Library, staleness
from rag.cli import main
from rag.schema import Citation
from rag.staleness import marked
from rag.stored import Origin
from rag.web.panel_html import sources_html
from rag.web.words import WORDS

LONG_AGO_NS = 1_600_000_000 * 10**9
QUESTION = "Who built the lighthouse of Norrwick?"


def write(path: Path, text: str, *, modified_ns: int = LONG_AGO_NS) -> Path:
    path.write_text(text, encoding="utf-8")
    os.utime(path, ns=(modified_ns, modified_ns))
    return path


@pytest.fixture
def library(tmp_path: Path, make_library: MakeLibrary) -> Library:
    docs = tmp_path / "docs"
    docs.mkdir()
    write(docs / "lighthouse.txt", LIGHTHOUSE.text)
    write(docs / "bakery.txt", BAKERY.text)
    library = make_library()
    library.index(docs)
    return library


def stale(library: Library, question: str = QUESTION) -> tuple[str | None, str]:
    answer = library.ask(question, threshold=0.0)
    return answer.citations[0].stale, answer.notice


def same_size(path: Path) -> None:
    write(path, path.read_text().replace("1874", "1875"), modified_ns=LONG_AGO_NS + 1)


def test_an_unchanged_and_a_touched_file_are_not_stale(library: Library, tmp_path: Path) -> None:
    assert stale(library) == (None, "")
    os.utime(tmp_path / "docs/lighthouse.txt")
    assert stale(library) == (None, "")


@pytest.mark.parametrize("change", [same_size, lambda p: write(p, "Shorter."), lambda p: (p.unlink(), p.mkdir())])
def test_a_changed_file_is_said_to_have_changed(
    change: Callable[[Path], object], library: Library, tmp_path: Path
) -> None:
    change(tmp_path / "docs/lighthouse.txt")
    kind, notice = stale(library)
    assert kind == "changed"
    assert notice.startswith("lighthouse.txt has changed since it was indexed")
    assert "rag index" in notice


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_in_the_place_of_a_file_keeps_no_question_waiting(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "docs/lighthouse.txt"
    path.unlink()
    os.mkfifo(path)
    assert stale(library)[0] == "changed"


def test_a_file_that_is_gone_is_said_to_be_and_the_next_run_mends_it(library: Library, tmp_path: Path) -> None:
    (tmp_path / "docs/lighthouse.txt").rename(tmp_path / "docs/beacon.txt")
    kind, notice = stale(library)
    assert kind == "gone"
    assert notice.startswith("lighthouse.txt is no longer where it was indexed")
    library.index(tmp_path / "docs")
    assert stale(library) == (None, "")


def test_a_question_in_chinese_is_told_in_chinese(library: Library, tmp_path: Path) -> None:
    write(tmp_path / "docs/bakery.txt", "面包店关门了。")
    assert stale(library, "面包店几点开门？")[1].startswith("bakery.txt 在建立索引之后已被修改")
    (tmp_path / "docs/bakery.txt").unlink()
    assert stale(library, "面包店几点开门？")[1].startswith("bakery.txt 已不在建立索引时的位置")


def test_other_files_of_the_answer_are_left_alone(library: Library, tmp_path: Path) -> None:
    write(tmp_path / "docs/bakery.txt", "Changed.")
    assert stale(library) == (None, "")


def test_a_document_given_as_text_is_never_stale(make_library: MakeLibrary) -> None:
    library = make_library(replace(LIGHTHOUSE, source="/nowhere/at/all.txt"), HARBOUR)
    assert stale(library) == (None, "")


def test_the_check_can_be_switched_off(library: Library, tmp_path: Path, make_library: MakeLibrary) -> None:
    (tmp_path / "docs/lighthouse.txt").unlink()
    assert stale(make_library(source_check="off")) == (None, "")
    assert stale(library)[0] == "gone"


def test_every_snapshot_of_a_stream_says_it(library: Library, tmp_path: Path) -> None:
    write(tmp_path / "docs/lighthouse.txt", "Shorter.")
    *_, last = library.stream(QUESTION, threshold=0.0)
    assert last.citations[0].stale == "changed"
    assert Answer.from_json(last.to_json()) == last
    assert last.to_dict()["citations"][0]["stale"] == "changed"


def test_the_command_line_and_the_page_say_it_in_plain_words(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "docs/lighthouse.txt", "Shorter.")
    main(["--library", str(library.path), "ask", QUESTION, "--threshold", "0"])
    out = capsys.readouterr().out
    assert "(the file has changed since it was indexed; run: rag index)" in out
    assert "Note: lighthouse.txt has changed since it was indexed" in " ".join(out.split())
    answer = library.ask(QUESTION, threshold=0.0)
    cited = answer.citations[0]
    page = sources_html(answer, cited, library.document(cited.document_id), WORDS["en"], turn=1)
    assert "the file has changed since it was indexed; run: rag index" in page


# -- what it costs ----------------------------------------------------------------------------------------------------


def answer_of(*ids: str) -> Answer:
    cited = (Citation(n, i, "", 0, 1, "x", None, None, 0.5) for n, i in enumerate(ids, start=1))
    return Answer("Who?", "x", citations=tuple(cited), notice="First.")


def test_several_files_make_one_sentence_each_behind_what_was_to_be_noted_before(tmp_path: Path) -> None:
    path = str(write(tmp_path / "a.txt", "changed"))
    changed, gone = Origin("0", 1, 1, path), Origin("0", 1, 1, str(tmp_path / "gone"))
    answer = marked(answer_of("a", "b", "c\u202e", "d"), {"a": changed, "b": changed, "c\u202e": gone})
    assert [c.stale for c in answer.citations] == ["changed", "changed", "gone", None]
    assert answer.notice == (
        "First. a, b have changed since they were indexed: what is quoted may no longer stand there; run: rag index "
        r"c\u202e is no longer where it was indexed; run: rag index"
    )


def test_a_file_of_another_time_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, read = write(tmp_path / "a.txt", "Text."), []
    monkeypatch.setattr(staleness, "file_digest", lambda path: read.append(path) or "0")
    for _ in range(3):
        assert staleness.staleness(Origin("0", 5, 0, str(path))) is None
    assert len(read) == 1
    os.utime(path)
    assert staleness.staleness(Origin("1", 5, 0, str(path))) == "changed"
    assert len(read) == 2


def test_three_unchanged_files_cost_much_less_than_a_millisecond(tmp_path: Path) -> None:
    origins = {}
    for name in "abc":
        path = write(tmp_path / name, "Text.")
        origins[name] = Origin("0", 5, LONG_AGO_NS, str(path))
    answer = answer_of(*origins)
    # The best of many: another process may have the processor meanwhile.
    took = []
    for _ in range(200):
        start = time.perf_counter()
        assert marked(answer, origins) is answer
        took.append(time.perf_counter() - start)
    assert min(took) < 0.001


def test_a_document_that_is_not_known_any_more_is_left_alone() -> None:
    assert marked(answer_of("a"), {}) == answer_of("a")


def test_a_source_that_can_be_no_path_is_left_alone() -> None:
    assert staleness.staleness(Origin("0", 5, 1, "a\0b")) is None


def test_documents_of_one_library_are_compared_as_of_the_revision_that_is_asked(make_library: MakeLibrary) -> None:
    library = make_library(Document(id="a", text="The lamp is red."))
    assert library.ask("What colour is the lamp?", threshold=0.0).citations[0].stale is None
