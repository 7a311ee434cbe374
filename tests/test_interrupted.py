"""Ctrl-C in a real process keeps what was embedded, says so in one line, and the next run goes on from there."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import HARBOUR, MakeLibrary
from test_library import interrupt_at

from rag.cli import main
from rag.embed import BATCH_PASSAGES

termios = pytest.importorskip("termios")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs signals and terminals")
FILES = 600
PATIENCE_S = 200.0


def command(library: Path, *arguments: object) -> list[str]:
    return [sys.executable, "-m", "rag", "--library", str(library), *map(str, arguments)]


def kept(library: Path) -> int:
    """Return how many whole documents are in a library's database."""
    try:
        with closing(sqlite3.connect(f"file:{library / 'library.sqlite3'}?mode=ro", uri=True)) as database:
            return int(database.execute("SELECT count(*) FROM documents WHERE digest != ''").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def test_an_interrupted_process_shows_rate_and_time_left_keeps_its_work_and_is_gone_on_with(tmp_path: Path) -> None:
    docs, library = tmp_path / "docs", tmp_path / "library"
    docs.mkdir()
    for number in range(FILES):
        (docs / f"{number}.txt").write_text(f"Barrel number {number} of the harbour holds {number % 7} kinds of fish.")
    terminal, its_end = os.openpty()
    termios.tcsetwinsize(its_end, (24, 100))
    process = subprocess.Popen(command(library, "index", docs), stderr=its_end, stdout=subprocess.DEVNULL)
    os.close(its_end)
    shown: list[bytes] = []
    reader = threading.Thread(target=read_all, args=(terminal, shown))
    reader.start()
    deadline = time.monotonic() + PATIENCE_S
    while kept(library) < 2 * BATCH_PASSAGES and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=PATIENCE_S) == 130
    reader.join()
    os.close(terminal)
    on_terminal = b"".join(shown).decode()
    (said,) = re.findall(
        r"rag: interrupted; (\d+) documents embedded so far are kept, run the command again", on_terminal
    )
    assert 0 < int(said) == kept(library) < FILES
    assert "Traceback" not in on_terminal
    # A bar with what is done, the time left and the rate.
    assert re.search(r"embedding: +\d+%.*<(\?|\d\d:\d\d), .*B/s\]", on_terminal)

    again = subprocess.run(command(library, "index", docs, "--json"), capture_output=True, text=True, check=True)
    report = json.loads(again.stdout)
    assert (report["documents"], report["embedded"]) == (FILES, FILES - int(said))
    # No bar where there is no terminal.
    assert again.stderr == ""


def read_all(terminal: int, into: list[bytes]) -> None:
    try:
        while data := os.read(terminal, 65_536):
            into.append(data)
    except OSError:
        pass  # the other end was closed


def test_an_interrupted_addition_leaves_the_library_as_it_was_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, make_library: MakeLibrary
) -> None:
    make_library(HARBOUR)
    (tmp_path / "a.txt").write_text("Another one.")

    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rag.folder.generations.build_upon", interrupt)
    assert main(["--library", str(tmp_path / "library"), "add", str(tmp_path / "a.txt")]) == 130
    assert capsys.readouterr().err == "rag: interrupted; the library is as it was, run the command again\n"


def test_what_is_left_by_an_interrupted_run_is_counted(tmp_path: Path, make_library: MakeLibrary) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/a.txt").write_text("One.")
    library = make_library()
    assert library.unpublished() == 0
    with pytest.raises(KeyboardInterrupt):
        library.index(tmp_path / "docs", progress=interrupt_at("index"))
    assert library.unpublished() == 1
    library.index(tmp_path / "docs")
    assert library.unpublished() == 0
