"""What each file of a hostile folder gave, and what indexing the folder cost in time and memory.

The folder is indexed by a process of its own, as a user would, whose memory and whose parsers' memory are looked at
while they run; a server on this machine counts who comes when nobody should.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from eval.hostile import GOOD, write_hostile
from rag import Library
from rag.printable import shown

ROOT = Path(__file__).resolve().parent.parent
TINY_FILES, LINE_BYTES, TIMES = 10_000, 200_000_000, 20
MOST_SHOWN_CHARS = 160


@dataclass
class _Peak:
    """Most memory seen, in bytes: of the indexing process, and of the largest of its parsers."""

    indexer: int = 0
    parser: int = 0


def hostile_report() -> Iterator[str]:
    """Yield the report: a summary, then what each file gave."""
    with TemporaryDirectory() as work, _canary() as (address, visits):
        folder, library = Path(work) / "hostile", Path(work) / "library"
        names = write_hostile(folder, canary=address, times=TIMES, tiny_files=TINY_FILES, line_bytes=LINE_BYTES)
        report, peak = _index(folder, library)
        yield _summary(names, report, peak, visits=len(visits), answered=_answered(library))
        yield _table(folder, names, report, library)


@contextmanager
def _canary() -> Iterator[tuple[str, list[str]]]:
    """Give the address of a server on this machine, and a list that grows with each connection to it."""
    visits: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            try:
                while True:
                    connection, address = server.accept()
                    visits.append(str(address))
                    connection.close()
            except OSError:
                return

        threading.Thread(target=listen, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/canary", visits


def _index(folder: Path, library: Path) -> tuple[dict[str, Any], _Peak]:
    command = [sys.executable, "-m", "rag", "--library", str(library), "--json", "index", str(folder)]
    peak = _Peak()
    with subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT
    ) as process:
        watcher = threading.Thread(target=_watch, args=(process, peak))
        watcher.start()
        output = process.stdout.read() if process.stdout else b""
        process.wait()
        watcher.join()
    if process.returncode:
        raise ChildProcessError(
            f"indexing the hostile folder ended with {process.returncode}; run it by hand to see why"
        )
    report: dict[str, Any] = json.loads(output)
    return report, peak


def _watch(process: subprocess.Popen[bytes], peak: _Peak) -> None:
    while process.poll() is None:
        peak.indexer = max(peak.indexer, _resident(process.pid))
        peak.parser = max(peak.parser, *(_resident(child) for child in _children(process.pid)), 0)
        time.sleep(0.02)


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += map(int, path.read_text().split())
        except OSError:
            continue
    return found


def _answered(library: Path) -> int:
    with Library.open(library, create=False) as opened:
        return sum(_is_answered(opened, good.question, good.name, good.answer) for good in GOOD)


def _is_answered(library: Library, question: str, name: str, words: str) -> bool:
    answer = library.ask(question, threshold=0.0)
    return any(c.document_id == name and words in c.quote for c in answer.citations)


def _summary(names: list[str], report: dict[str, Any], peak: _Peak, *, visits: int, answered: int) -> str:
    return "\n".join(
        (
            f"- {len(names)} hostile files, {TINY_FILES:,} tiny ones and {len(GOOD)} good ones: indexing ended after "
            f"{report['seconds']:.0f} s, {report['documents']:,} documents, {len(report['failed'])} files refused",
            f"- good files that answer their question: {answered} of {len(GOOD)}",
            f"- peak memory: {peak.indexer / 1e6:,.0f} MB in the indexing process, {peak.parser / 1e6:,.0f} MB in the "
            "largest of its parsers",
            f"- connections to a server that the files name: {visits}",
            "",
        )
    )


def _table(folder: Path, names: list[str], report: dict[str, Any], library: Path) -> str:
    with Library.open(library, create=False) as opened:
        read = {summary.id: f"read: {summary.passages:,} passages" for summary in opened.documents()}
    reasons = {str(name).removeprefix(f"{folder}/"): str(why) for name, why in report["failed"].items()}
    rows = ["| file | what it gave |", "|---|---|"]
    # Ids are composed Unicode, whatever the file system keeps.
    for name in sorted(unicodedata.normalize("NFC", name) for name in names):
        gave = [why for found, why in (read | reasons).items() if found == name or found.startswith(f"{name}/")]
        text = "; ".join(shown(why).replace(str(folder) + "/", "").replace("|", "\\|") for why in gave) or "passed over"
        rows.append(f"| `{shown(name)[:60]}` | {text[:MOST_SHOWN_CHARS]} |")
    return "\n".join([*rows, ""])
