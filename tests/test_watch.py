"""Files are followed: one commit for each burst of changes, nothing lost to what goes wrong, and Ctrl-C ends it."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import pytest
from filelock import FileLock

from rag.errors import LibraryBusy, SourceNotFound
from rag.location import LOCK
from rag.sources import find_files
from rag.watch import Follower

Action = Callable[[], object]
PATIENCE_S = 120.0


class Ended(Exception):
    """There is nothing left to happen."""


class Story:
    """A follower of real files, in a time of its own: at each of its waits the next thing happens."""

    def __init__(self, folder: Path, actions: Sequence[Action]) -> None:
        self.folder, self.actions = folder, iter(actions)
        self.now, self.waits, self.told, self.complaints = 0.0, [], [], []
        self.failures: Iterator[Exception] = iter(())

    def run(self, *failures: Exception) -> list[list[str]]:
        """Return the files of each time that they were taken over."""
        self.failures = iter(failures)
        follower = Follower(
            [self.folder], self.take_over, self.told.append, self.complaints.append,
            sleep=self.sleep, clock=lambda: self.now,
        )  # fmt: skip
        with pytest.raises(Ended):
            follower.follow(follower.look())
        return self.told

    def take_over(self) -> list[str]:
        for failure in self.failures:
            raise failure
        return [source.id for source in find_files([self.folder])[0]]

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.waits.append(seconds)
        action = next(self.actions, None)
        if action is None:
            raise Ended
        action()


def nothing() -> None:
    pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "docs"
    path.mkdir()
    (path / "a.txt").write_text("The first.")
    return path


def test_what_does_not_change_is_left_alone(folder: Path) -> None:
    assert Story(folder, [nothing] * 50).run() == []


def test_a_burst_of_changes_is_taken_over_once_when_it_is_over(folder: Path) -> None:
    story = Story(folder, [
        nothing, (folder / "b.txt").touch, (folder / "c.txt").touch, lambda: (folder / "a.txt").write_text("Longer."),
        *[nothing] * 5, (folder / "b.txt").unlink, *[nothing] * 5,
    ])  # fmt: skip
    assert story.run() == [["a.txt", "b.txt", "c.txt"], ["a.txt", "c.txt"]]


def test_a_burst_that_does_not_end_is_taken_over_as_it_stands(folder: Path) -> None:
    numbers = iter(range(1, 1_000))
    story = Story(folder, [lambda: (folder / "log.txt").write_text("x" * next(numbers))] * 100)
    assert len(story.run()) == 3


def test_a_renamed_file_and_one_that_an_editor_replaced_are_seen(folder: Path) -> None:
    (folder / "new").write_text("As long...")
    story = Story(folder, [
        lambda: (folder / "new").replace(folder / "a.txt"), *[nothing] * 3,
        lambda: (folder / "a.txt").rename(folder / "b.txt"), *[nothing] * 3,
    ])  # fmt: skip
    assert story.run() == [["a.txt"], ["b.txt"]]


def test_a_library_that_others_write_to_is_waited_for_and_said_to_be_once(folder: Path) -> None:
    story = Story(folder, [(folder / "b.txt").touch, *[nothing] * 20])
    assert story.run(*[LibraryBusy("another process is writing")] * 3) == [["a.txt", "b.txt"]]
    assert story.complaints == ["another process is writing; waiting for it"]


def test_a_full_disk_is_said_once_and_tried_again_after_a_while(folder: Path) -> None:
    story = Story(folder, [(folder / "b.txt").touch, *[nothing] * 100])
    assert story.run(OSError("No space left"), OSError("No space left")) == [["a.txt", "b.txt"]]
    assert len(story.complaints) == 1
    assert story.now > 60


def test_a_folder_that_goes_away_and_comes_back_is_followed(folder: Path) -> None:
    away = folder.with_name("away")
    gone = SourceNotFound("no such file or folder")
    story = Story(folder, [lambda: folder.rename(away), *[nothing] * 9, lambda: away.rename(folder), *[nothing] * 9])
    assert story.run(gone) == [["a.txt"]]
    assert len(story.complaints) == 1


def test_a_folder_that_takes_long_to_look_through_is_looked_at_less_often(folder: Path) -> None:
    story = Story(folder, [nothing] * 3)
    ticks = iter(range(0, 1_000, 4))
    # Every look takes four seconds.
    follower = Follower(
        [folder], story.take_over, story.told.append, story.complaints.append,
        sleep=story.sleep, clock=lambda: float(next(ticks)),
    )  # fmt: skip
    with pytest.raises(Ended):
        follower.follow(follower.look())
    assert story.waits == [80.0] * 4


# -- a real process ---------------------------------------------------------------------------------------------------


class Process:
    """A running command whose lines are read as they come."""

    def __init__(self, *arguments: object) -> None:
        command = [sys.executable, "-m", "rag", *map(str, arguments)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines: dict[str, queue.Queue[str]] = {"out": queue.Queue(), "err": queue.Queue()}
        for name, stream in (("out", self.process.stdout), ("err", self.process.stderr)):
            threading.Thread(target=self._read, args=(name, stream), daemon=True).start()

    def _read(self, name: str, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self.lines[name].put(line.rstrip("\n"))

    def line(self, name: str) -> str:
        return self.lines[name].get(timeout=PATIENCE_S)

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=PATIENCE_S)


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_a_process_follows_a_folder_through_all_that_may_happen(folder: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    process = Process("--library", library, "index", folder, "--watch")
    try:
        assert "1 added" in process.line("out")
        assert process.line("out").startswith("following ")
        (folder / "b.txt").write_text("The second.")
        (folder / "empty.txt").touch()
        assert "1 added, 0 updated, 0 removed; 2 documents" in process.line("out")
        assert "empty.txt" in process.line("err")
        (folder / "b.txt").rename(folder / "c.txt")
        assert "1 renamed; 2 documents, 2 passages; 0 embedded" in process.line("out")
        with FileLock(library / LOCK):
            (folder / "c.txt").unlink()
            assert "waiting" in process.line("err")
        assert "1 removed; 1 documents" in process.line("out")
        assert process.interrupt() == 130
        assert process.line("err") == "rag: no longer following; the library is as of the last line"
        assert [lines.empty() for lines in process.lines.values()] == [True, True]
    finally:
        process.process.kill()
        process.process.wait()


def test_a_followed_path_that_is_missing_is_wrong_at_once(tmp_path: Path, capsys: Any) -> None:
    from rag.cli import main

    assert main(["--library", str(tmp_path / "library"), "index", str(tmp_path / "nowhere"), "--watch"]) == 1
    assert "no such file or folder" in capsys.readouterr().err
    assert not (tmp_path / "library").exists()
