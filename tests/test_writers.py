"""Writers follow each other and say who holds them up, readers are not disturbed, and what others left is collected."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from eval.bench_writers import kill_at_random, read_during, write_by_turns
from eval.faulty import HARBOUR, barrel, grown, open_small, with_words
from rag import Library, Settings
from rag.errors import LibraryBusy
from rag.folder.holder import holder


@pytest.fixture(autouse=True)
def _words() -> Iterator[None]:
    with with_words():
        yield


def test_two_processes_that_write_by_turns_leave_the_union(tmp_path: Path) -> None:
    assert write_by_turns(tmp_path / "library", writers=2, rounds=3) == 6
    with open_small(tmp_path / "library") as library:
        assert {d.id for d in library.documents()} == {f"barrel-{w}{r:03}.md" for w in (1, 2) for r in range(3)}
        library.verify()
        assert library.find_damage().documents == {}
    assert len(list((tmp_path / "library" / "generations").iterdir())) == 2


def test_every_reader_sees_one_state_while_another_process_writes(tmp_path: Path) -> None:
    seen = read_during(tmp_path / "library", readers=4, rounds=3)
    assert seen.mixed == 0
    assert seen.questions > 8
    assert seen.states >= 2


def test_a_writer_that_is_held_up_says_by_whom_and_since_when(tmp_path: Path) -> None:
    with open_small(tmp_path / "library") as library:
        grown(library)

        def meanwhile(_stage: str, _done: int, _total: int) -> None:
            with open_small(library.path) as other, pytest.raises(LibraryBusy) as caught:
                other.remove(["harbour.md"])
            said.append(str(caught.value))

        said: list[str] = []
        library.add([barrel(50)], progress=meanwhile)
        assert said[0].startswith(f"process {os.getpid()} (")
        assert ", for 0 s is writing to the library" in said[0]
        assert "\n" not in said[0]
        assert not (library.path / "writer.json").exists()


@pytest.mark.parametrize("content", ["", "{}", "[" * 9_000, '{"pid": [], "command": 1, "since": "x"}', "\x00"])
def test_what_says_nothing_of_the_holder_is_passed_over(content: str, tmp_path: Path) -> None:
    (tmp_path / "writer.json").write_text(content)
    assert holder(tmp_path) == "another process"


def test_what_a_holder_says_cannot_take_over_the_terminal(tmp_path: Path) -> None:
    said = {"pid": 7, "command": "rag \x1b[2J\nindex" + "x" * 999, "since": time.time() - 90}
    (tmp_path / "writer.json").write_text(json.dumps(said))
    told = holder(tmp_path)
    assert told.startswith("process 7 (rag ")
    assert told.endswith("), for 90 s")
    assert len(told) < 200
    assert told.isprintable()


def test_a_writer_waits_for_another_where_it_is_told_to(tmp_path: Path) -> None:
    path = tmp_path / "library"
    with open_small(path) as library, ThreadPoolExecutor(1) as pool:
        library.add([HARBOUR])

        def add() -> int:
            with Library.open(path, settings=Settings(writing_wait_s=60.0)) as patient:
                return patient.add([barrel(2)]).added

        with library._engine.writing():
            waiting = pool.submit(add)
            time.sleep(0.3)
            assert not waiting.done()
        assert waiting.result() == 1
        assert len(library.documents()) == 2


def test_the_lock_of_a_process_that_was_killed_holds_nobody_up(tmp_path: Path) -> None:
    path = tmp_path / "library"
    with open_small(path) as library:
        library.add([HARBOUR])
        code = (
            "import os, sys, pathlib; from rag.folder.holder import note_holder; from filelock import FileLock;"
            "p = pathlib.Path(sys.argv[1]); FileLock(p / 'writer.lock').acquire(); note_holder(p); os._exit(9)"
        )
        assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == 9
        assert (path / "writer.json").exists()
        assert library.add([barrel(1)]).added == 1
    assert "barrel-1.md" in {d.id for d in open_small(path).documents()}


def test_a_killed_writer_leaves_the_commit_before_or_the_one_it_made(tmp_path: Path) -> None:
    outcome = kill_at_random(tmp_path / "library", kills=12, seed=1)
    assert outcome.faults == []
    assert outcome.kills >= 3
