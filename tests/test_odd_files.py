"""Files that are not what they seem, odd names and hostile folders: refused or made harmless, each with one line."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from conftest import MakeLibrary

from rag import load
from rag.cli import main
from rag.errors import SourceError, UnreadableSource
from rag.formats.parse_limits import ParseLimits
from rag.load import read
from rag.opening import file_digest, is_no_disk, open_regular
from rag.printable import STEERING
from rag.sources import DEFAULT_LIMITS, SourceFile, find_files
from rag.web.panel_html import shelf_html
from rag.web.words import WORDS

TEXT = "The harbour of Norrwick employs 41 pilots."
POSIX = pytest.mark.skipif(os.name != "posix", reason="needs links, pipes and devices")


def read_text(source: SourceFile) -> str:
    return read(source).text


def write(path: Path, text: str = TEXT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def found_and_left_out(path: Path) -> tuple[list[str], dict[str, str]]:
    found, left_out = find_files([path])
    return [source.id for source in found], {Path(name).name: reason for name, reason in left_out.items()}


# -- what is opened ---------------------------------------------------------------------------------------------------


@POSIX
def test_a_file_swapped_for_a_pipe_after_it_was_found_is_refused_without_waiting(tmp_path: Path) -> None:
    (source,) = find_files([write(tmp_path / "a.txt")])[0]
    source.path.unlink()
    os.mkfifo(source.path)
    for reading in (read_text, lambda s: file_digest(s.place)):
        with pytest.raises(UnreadableSource, match=r"a\.txt: it is no regular file"):
            reading(source)


@POSIX
def test_a_file_swapped_for_a_link_after_it_was_found_is_refused(tmp_path: Path) -> None:
    secret = write(tmp_path / "secret.txt", "The secret.")
    (source,) = find_files([write(tmp_path / "docs/a.txt").parent])[0]
    source.path.unlink()
    source.path.symlink_to(secret)
    with pytest.raises(UnreadableSource, match="it is a link now"):
        read_text(source)


@POSIX
def test_a_link_below_the_folder_is_read_and_refused_once_its_target_is_a_link_out_of_it(tmp_path: Path) -> None:
    target = write(tmp_path / "docs/sub/a.txt")
    (tmp_path / "docs/zlink.txt").symlink_to(target)
    target.rename(tmp_path / "docs/sub/.hidden.txt")
    (tmp_path / "docs/zlink.txt").unlink()
    (tmp_path / "docs/zlink.txt").symlink_to(tmp_path / "docs/sub/.hidden.txt")
    (source,) = find_files([tmp_path / "docs"])[0]
    assert (source.id, read_text(source)) == ("zlink.txt", TEXT)
    (tmp_path / "docs/sub/.hidden.txt").unlink()
    (tmp_path / "docs/sub/.hidden.txt").symlink_to(write(tmp_path / "secret.txt", "The secret."))
    with pytest.raises(UnreadableSource, match="it is a link now"):
        read_text(source)


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (source,) = find_files([write(tmp_path / "a.txt")])[0]
    source.path.unlink()
    source.path.mkdir()
    with pytest.raises(UnreadableSource, match=r"a\.txt"):
        read_text(source)


def test_a_path_that_can_be_none_is_refused() -> None:
    with pytest.raises(UnreadableSource, match="null"):
        open_regular("a\0b")


def test_the_digest_of_a_file_that_grows_without_end_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "log.txt", "x" * 3_000)
    fstat = os.fstat

    def grown(descriptor: int) -> os.stat_result:
        found = fstat(descriptor)
        with path.open("a") as log:
            log.write("y" * 5_000)
        return found

    monkeypatch.setattr(os, "fstat", grown)
    digest = file_digest(path)
    # It was asked what it is and then how large it is, and had grown in between.
    assert path.stat().st_size == 13_000
    assert digest == hashlib.sha256(b"x" * 3_000 + b"y" * 5_000).hexdigest()


def test_a_file_that_grew_beyond_the_limit_since_it_was_found_is_refused(tmp_path: Path) -> None:
    (source,) = find_files([write(tmp_path / "a.txt", "x" * 90)])[0]
    with source.path.open("wb") as file:
        file.truncate(1_000_001)
    with pytest.raises(UnreadableSource, match="larger than 1 MB"):
        read(source, ParseLimits(file_mb=1))


def test_a_file_beyond_the_limit_is_not_even_hashed(
    tmp_path: Path, make_library: MakeLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "docs/a.txt")
    with (tmp_path / "docs/huge.txt").open("wb") as file:
        file.truncate(DEFAULT_LIMITS.file_bytes + 1)
    hashed: list[Path] = []
    digest = load.file_digest
    monkeypatch.setattr(load, "file_digest", lambda path: hashed.append(path) or digest(path))
    report = make_library().index(tmp_path / "docs")
    assert (report.documents, list(report.failed)) == (1, ["huge.txt"])
    assert [path.name for path in hashed] == ["a.txt"]


# -- what is found ----------------------------------------------------------------------------------------------------


@POSIX
def test_pipes_sockets_loops_and_links_out_of_the_folder_are_left_out_each_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs = tmp_path / "docs"
    write(docs / "good.txt")
    os.mkfifo(docs / "pipe.txt")
    (docs / "out.txt").symlink_to(write(tmp_path / "secret.txt"))
    (docs / "self.txt").symlink_to("self.txt")
    (docs / "device.txt").symlink_to("/dev/zero")
    (docs / "up").symlink_to("..", target_is_directory=True)
    (docs / "here").symlink_to(".", target_is_directory=True)
    with socket.socket(socket.AF_UNIX) as server:
        # From inside: the path of a socket may have a hundred bytes.
        monkeypatch.chdir(docs)
        server.bind("socket.txt")
        found, left_out = found_and_left_out(docs)
    assert found == ["good.txt"]
    assert left_out["pipe.txt"] == left_out["socket.txt"] == "not a regular file"
    assert "outside the folder" in left_out["out.txt"]
    assert "outside the folder" in left_out["device.txt"]
    assert "outside the folder" in left_out["up"]
    assert left_out["here"].startswith("link to a folder")
    assert left_out["self.txt"].startswith("broken link")


@POSIX
@pytest.mark.parametrize("path", ["/proc", "/sys", "/dev", "/proc/self", "/dev/fd"])
def test_what_the_system_shows_of_itself_is_refused(path: str) -> None:
    if not Path(path).is_dir():
        pytest.skip("this system has none")
    with pytest.raises(SourceError, match="processes and devices"):
        find_files([Path(path)])


@POSIX
def test_a_folder_in_memory_is_a_disk_and_a_name_that_begins_like_a_device_is_a_name() -> None:
    assert [is_no_disk(p) for p in ("/dev", "/dev/sda", "/dev/shm/docs", "/developers", "/process", "/")] == [
        True, True, False, False, False, False,
    ]  # fmt: skip


@POSIX
def test_an_ignore_file_that_is_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    write(tmp_path / "a.txt")
    os.mkfifo(tmp_path / ".ragignore")
    with pytest.raises(SourceError, match=r"\.ragignore.*no regular file"):
        find_files([tmp_path])


@POSIX
def test_an_ignore_file_may_be_a_link_to_a_shared_one_but_not_endless(tmp_path: Path) -> None:
    for name in ("docs/a.txt", "docs/b.txt"):
        write(tmp_path / name)
    (tmp_path / "docs/.ragignore").symlink_to(write(tmp_path / "shared", "b.*\n"))
    assert found_and_left_out(tmp_path / "docs") == (["a.txt"], {})
    write(tmp_path / "shared", "x\n" * 600_000)
    with pytest.raises(SourceError, match="list fewer patterns"):
        find_files([tmp_path / "docs"])


def test_folders_nested_deeper_than_python_recurses_are_searched(tmp_path: Path) -> None:
    # Reached from inside, because the whole path is longer than the system takes at once.
    here = os.getcwd()
    try:
        os.chdir(tmp_path)
        for _ in range(1_100):
            os.mkdir("d")
            os.chdir("d")
        os.chdir(tmp_path)
        write(tmp_path / "d/d/a.txt")
        found, left_out = found_and_left_out(tmp_path)
    finally:
        os.chdir(tmp_path)
        for _ in range(1_100):
            if os.path.exists("d/a.txt"):
                os.unlink("d/a.txt")
            if not os.path.exists("d"):
                break
            os.chdir("d")
        while os.getcwd() != str(tmp_path):
            os.chdir("..")
            os.unlink("a.txt") if os.path.exists("a.txt") else None
            os.rmdir("d")
        os.chdir(here)
    assert found == ["d/d/a.txt"]
    assert all("cannot open the folder" in reason for reason in left_out.values())


def test_a_library_below_the_folder_is_none_of_its_documents(tmp_path: Path, make_library: MakeLibrary) -> None:
    write(tmp_path / "docs/a.txt")
    library = make_library(name="docs/library")
    library.index(tmp_path / "docs")
    write(tmp_path / "docs/library/note.txt")
    report = library.index(tmp_path / "docs")
    assert (report.documents, report.unchanged) == (1, 1)
    assert [(Path(name).name, reason) for name, reason in report.failed.items()] == [
        ("library", "is a library, not documents")
    ]


# -- names ------------------------------------------------------------------------------------------------------------

ODD = (
    "two\nlines.txt", "bell\a.txt", "red\x1b[31m.txt", "gpj.\u202etxt.txt", "mark\u200f.txt", "tab\t.txt",
    "..hidden but two dots.txt", "a'b\"c.txt", "<b>bold<script>.txt", "-rf.txt", "~.txt", "$HOME.txt", "%s.txt",
    "a" * 240 + ".txt", "\u2028.txt", " space .txt", "Case.txt", "case.txt",
)  # fmt: skip


@POSIX
def test_files_of_odd_names_are_answered_from_and_printed_without_steering_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, name in enumerate(ODD):
        write(tmp_path / "docs" / name, f"The harbour of Norrwick number {number} employs {number + 40} pilots.")
    (tmp_path / "docs" / "bad\x1b[2J\n.xyz").touch()
    library = str(tmp_path / "library")
    printed = ""
    for arguments in (
        ["index", str(tmp_path / "docs")],
        ["list"],
        ["ask", "How many pilots does harbour number 3 employ?"],
    ):
        main(["--library", library, *arguments])
        captured = capsys.readouterr()
        printed += captured.out + captured.err
    assert STEERING.findall(printed.replace("\n", "").replace("\t", "")) == []
    # Hidden ones, which begin with a dot, are left out without a word.
    for name in ODD:
        if not name.startswith("."):
            assert any(form in printed for form in (name, shown_name(name))), name
    assert "case.txt\t" in printed
    assert "Case.txt\t" in printed


def shown_name(name: str) -> str:
    return STEERING.sub(lambda m: m[0].encode("unicode_escape").decode(), name)


def test_a_name_that_turns_the_direction_of_writing_is_escaped_on_the_page() -> None:
    page = shelf_html([("gpj.\u202etxt\n.exe", "")], WORDS["en"])
    assert "\u202e" not in page
    assert r"\u202e" in page


@POSIX
def test_a_folder_whose_name_is_not_unicode_is_one_line_however_much_is_in_it(tmp_path: Path) -> None:
    write(tmp_path / "good.txt")
    odd = os.fsencode(tmp_path) + b"/caf\xe9"
    try:
        os.mkdir(odd)
    except OSError:
        pytest.skip("this file system takes only Unicode names")
    for number in range(30):
        with open(odd + b"/%d.txt" % number, "w", encoding="utf-8") as file:
            file.write(TEXT)
    found, left_out = found_and_left_out(tmp_path)
    assert found == ["good.txt"]
    assert list(left_out.values()) == ["its name is not valid Unicode; rename it"]


# -- races ------------------------------------------------------------------------------------------------------------


@POSIX
def test_a_folder_that_changes_all_the_time_is_indexed_and_the_run_ends(
    tmp_path: Path, make_library: MakeLibrary
) -> None:
    docs = tmp_path / "docs"
    write(docs / "good.txt")
    write(tmp_path / "secret.txt", "The password of the vault is swordfish.")
    library, ended = make_library(), threading.Event()

    def disturb() -> None:
        number = 0
        while not ended.is_set():
            victim, number = docs / f"victim-{number % 7}.txt", number + 1
            victim.unlink(missing_ok=True)
            [write, _pipe, _link, _nothing][number % 4](victim)

    def _pipe(path: Path) -> None:
        os.mkfifo(path)

    def _link(path: Path) -> None:
        path.symlink_to(tmp_path / "secret.txt")

    def _nothing(_: Any) -> None:
        pass

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        reports = [library.index(docs) for _ in range(6)]
    finally:
        ended.set()
        thread.join()
    assert all("good.txt" not in report.failed for report in reports)
    assert all("swordfish" not in library.document(d.id).text for d in library.documents())


def test_a_source_without_a_link_is_read_where_it_is(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt")
    assert SourceFile("a.txt", path, 1, 1).place == path
