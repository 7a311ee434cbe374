"""A backup is whole, verified and of one moment, or is not there; a library is made from a sound one or not at all."""

from __future__ import annotations

import io
import json
import os
import shutil
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from eval.faulty import HARBOUR, barrel, grown, open_small, state, with_words
from rag.backup import restore
from rag.cli import main
from rag.errors import LibraryDamaged, LibraryError, LibraryMismatch, LibraryNotFound
from rag.location import UPLOADS
from rag.staleness import staleness
from rag.web.feedback import Verdict, give_feedback
from rag.web.uploads import add_uploads

FERRY = "The ferry of Norrwick leaves at nine. It carries 120 passengers and 18 cars."


@pytest.fixture(autouse=True)
def _words() -> Iterator[None]:
    with with_words():
        yield


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed library."""
    with open_small(tmp_path / "library") as library:
        grown(library)
    return tmp_path / "library"


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_a_restored_library_is_what_was_backed_up_and_goes_on(path: Path, tmp_path: Path) -> None:
    with open_small(path) as library:
        made = library.backup(tmp_path / "kept" / "backup")
    assert (made.documents, made.revision) == (13, 3)
    assert names(tmp_path / "kept" / "backup") == ["backup.json", "library.sqlite3"]
    assert restore(tmp_path / "kept" / "backup", tmp_path / "again") == made
    assert state(tmp_path / "again") == state(path)
    with open_small(tmp_path / "again") as library:
        assert library.add([barrel(3), barrel(40)]).embedded == 1
    assert names(tmp_path) == ["again", "kept", "library"]


def test_a_backup_made_while_others_write_is_of_one_moment(path: Path, tmp_path: Path) -> None:
    ended = threading.Event()

    def write() -> None:
        with open_small(path) as library:
            number = 100
            while not ended.is_set():
                # Both come and leave together.
                library.add([barrel(number), barrel(number + 1)])
                number += 2

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with open_small(path) as library:
            for turn in range(4):
                library.backup(tmp_path / f"backup-{turn}")
    finally:
        ended.set()
        writer.join()
    for turn in range(4):
        restore(tmp_path / f"backup-{turn}", tmp_path / f"again-{turn}")
        with open_small(tmp_path / f"again-{turn}") as library:
            assert len(library.documents()) % 2 == 1
            library.verify()
            assert library.find_damage().documents == {}


def test_nothing_is_overwritten_and_nothing_half_made_left(path: Path, tmp_path: Path) -> None:
    with open_small(path) as library:
        library.backup(tmp_path / "backup")
        for taken in (tmp_path / "backup", path):
            with pytest.raises(LibraryError, match="never overwritten"):
                library.backup(taken)
    before = state(path)
    with pytest.raises(LibraryError, match="never overwritten"):
        restore(tmp_path / "backup", path)
    assert state(path) == before
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LibraryError, match="never overwritten"):
        restore(tmp_path / "backup", tmp_path / "link")
    assert names(tmp_path) == ["backup", "library", "link"]


def test_a_damaged_backup_makes_no_library(path: Path, tmp_path: Path) -> None:
    with open_small(path) as library:
        library.backup(tmp_path / "sound")
    for number, name in enumerate(["library.sqlite3", "backup.json"]):
        for kind in ("flipped", "cut", "gone"):
            copy = Path(shutil.copytree(tmp_path / "sound", tmp_path / f"{kind}-{number}"))
            data = bytearray((copy / name).read_bytes())
            # In a digit of its digest.
            data[-20] ^= 1
            (copy / name).write_bytes(data if kind == "flipped" else data[:-30])
            if kind == "gone":
                (copy / name).unlink()
            with pytest.raises((LibraryDamaged, LibraryNotFound), match="backup") as caught:
                restore(copy, tmp_path / "again")
            assert "\n" not in str(caught.value)
            assert not (tmp_path / "again").exists()


def given(path: Path) -> None:
    """Give a library files, a zip archive among them, and a word on an answer."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("old/mill.txt", "The mill of Norrwick grinds barley.")
    files = {"ferry.txt": FERRY.encode(), "old.zip": packed.getvalue()}
    with open_small(path) as library:
        uploaded = add_uploads(library, [(name, io.BytesIO(content)) for name, content in files.items()])
        assert {one.status for one in uploaded} == {"added"}
        answer = library.ask("When does the ferry of Norrwick leave?", threshold=0.0)
        verdict = Verdict(right=False, answer="at nine")
        assert give_feedback(path, answer, verdict, lambda i: library.document(i).text) == "question"
    # What uploads, removals and locks leave meanwhile is no file of the library.
    (path / UPLOADS / ".coming-0").mkdir()
    (path / UPLOADS / "link.txt").symlink_to(path / UPLOADS / "ferry.txt")


def test_uploaded_files_and_feedback_come_back_and_are_known_by_their_new_place(path: Path, tmp_path: Path) -> None:
    given(path)
    with open_small(path) as library:
        made = library.backup(tmp_path / "backup")
    kept = {"uploads/ferry.txt", "uploads/old.zip", "feedback/feedback.jsonl"}
    assert made.files.keys() == kept
    assert names(tmp_path / "backup") == ["backup.json", "feedback", "library.sqlite3", "uploads"]
    # The library that it is a backup of is no more: nothing may be looked for there.
    texts = {name: (path / name).read_bytes() for name in kept}
    shutil.rmtree(path)
    assert restore(tmp_path / "backup", tmp_path / "again") == made
    assert {name: (tmp_path / "again" / name).read_bytes() for name in kept} == texts
    with open_small(tmp_path / "again") as library:
        origins = library.origins(["uploads/ferry.txt", "uploads/old.zip/old/mill.txt"])
        assert len(origins) == 2
        assert [staleness(origin) for origin in origins.values()] == [None, None]
        assert library.find_damage().documents == {}
        library.verify()
        # The same file once more is known, and another one of its name replaces it.
        assert add_uploads(library, [("ferry.txt", io.BytesIO(FERRY.encode()))])[0].status == "unchanged"
        assert add_uploads(library, [("ferry.txt", io.BytesIO(b"It leaves at ten."))])[0].status == "updated"
    (tmp_path / "again" / UPLOADS / "ferry.txt").unlink()
    with open_small(tmp_path / "again") as library:
        assert staleness(library.origins(["uploads/ferry.txt"])["uploads/ferry.txt"]) == "gone"


def test_a_file_of_a_backup_that_is_damaged_gone_or_leads_elsewhere_makes_no_library(
    path: Path, tmp_path: Path
) -> None:
    given(path)
    with open_small(path) as library:
        library.backup(tmp_path / "sound")
    (tmp_path / "elsewhere").write_text(FERRY)

    def broken(kind: str) -> Path:
        copy = Path(shutil.copytree(tmp_path / "sound", tmp_path / kind))
        file = copy / "uploads" / "ferry.txt"
        if kind == "flipped":
            file.write_bytes(file.read_bytes().replace(b"nine", b"five"))
            return copy
        file.unlink()
        if kind == "linked":
            file.symlink_to(tmp_path / "elsewhere")
        return copy

    for kind in ("flipped", "gone", "linked"):
        with pytest.raises(LibraryDamaged, match=r"ferry\.txt.*take another backup"):
            restore(broken(kind), tmp_path / "again")
        assert not (tmp_path / "again").exists()


@pytest.mark.parametrize(
    "name",
    ["../tokens.json", "uploads/../tokens.json", "uploads/.removed-0", "tokens.json", "uploads/", "uploads/a\\b"],
)
def test_a_backup_that_would_write_elsewhere_is_refused(name: str, path: Path, tmp_path: Path) -> None:
    with open_small(path) as library:
        library.backup(tmp_path / "backup")
    described = json.loads((tmp_path / "backup" / "backup.json").read_text())
    described["files"] = {name: {"size_bytes": 1, "sha256": "0" * 64}}
    (tmp_path / "backup" / "backup.json").write_text(json.dumps(described))
    with pytest.raises(LibraryDamaged, match="is no file of a library"):
        restore(tmp_path / "backup", tmp_path / "again")
    assert names(tmp_path) == ["backup", "library"]


def test_a_backup_of_an_earlier_version_has_the_database_alone_and_is_restored(path: Path, tmp_path: Path) -> None:
    with open_small(path) as library:
        library.backup(tmp_path / "backup")
    described = json.loads((tmp_path / "backup" / "backup.json").read_text())
    assert described.pop("files") == {}
    (tmp_path / "backup" / "backup.json").write_text(json.dumps(described | {"format_version": 1}))
    assert restore(tmp_path / "backup", tmp_path / "again").files == {}
    assert state(tmp_path / "again") == state(path)


def test_a_damaged_library_makes_no_backup(path: Path, tmp_path: Path) -> None:
    data = (path / "library.sqlite3").read_bytes()
    (path / "library.sqlite3").write_bytes(data.replace(b"employs 41 pilots", b"employs 43 pilots"))
    with open_small(path) as library, pytest.raises(LibraryDamaged, match=r"document 'harbour\.md'"):
        library.backup(tmp_path / "backup")
    assert names(tmp_path) == ["library"]


def test_what_is_no_backup_or_a_later_one_is_refused(path: Path, tmp_path: Path) -> None:
    with pytest.raises(LibraryNotFound, match="no backup"):
        restore(path, tmp_path / "again")
    with open_small(path) as library:
        library.backup(tmp_path / "backup")
    described = json.loads((tmp_path / "backup" / "backup.json").read_text())
    (tmp_path / "backup" / "backup.json").write_text(json.dumps(described | {"format_version": 7}))
    with pytest.raises(LibraryMismatch, match="format 7, and this version reads up to 2"):
        restore(tmp_path / "backup", tmp_path / "again")
    (tmp_path / "backup" / "backup.json").write_text(json.dumps(described))
    os.rename(tmp_path / "backup" / "library.sqlite3", tmp_path / "elsewhere")
    (tmp_path / "backup" / "library.sqlite3").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LibraryDamaged, match="is a link"):
        restore(tmp_path / "backup", tmp_path / "again")


def test_the_commands_say_what_they_did(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--library", str(path), "--json", "backup", str(tmp_path / "backup")]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made.keys() == {
        *("library", "backup", "format_version", "revision", "documents", "passages", "size_bytes", "sha256", "files")
    }
    assert main(["--library", str(tmp_path / "again"), "--json", "restore", str(tmp_path / "backup")]) == 0
    assert json.loads(capsys.readouterr().out) == made | {"library": str(tmp_path / "again")}
    assert main(["--library", str(tmp_path / "again"), "restore", str(tmp_path / "backup")]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["--library", str(path), "backup", str(tmp_path / "second")]) == 0
    assert "13 documents, 13 passages" in capsys.readouterr().out


def test_a_library_that_holds_nothing_makes_no_backup(tmp_path: Path) -> None:
    with open_small(tmp_path / "library") as library:
        with pytest.raises(LibraryError, match="nothing to keep"):
            library.backup(tmp_path / "backup")
        library.add([HARBOUR])
        library.backup(tmp_path / "backup")
