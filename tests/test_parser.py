"""Parsing in child processes: what crashes, hangs or swells costs one file; nothing is left behind."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.errors import UnreadableSource
from rag.formats import parser as parsing
from rag.formats import wire
from rag.formats.parse_limits import ParseLimits
from rag.formats.parser import PARSER, Parser

FILES = Path(__file__).parent / "files"
LIMITS = ParseLimits()
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux bounds it")
# What stands in for the child's program: the protocol, then what the test is about.
CHILD = """
import os, signal, sys, time
from rag.formats import wire
from rag.formats.confinement import bound, confine
wire.send(sys.stdout.buffer, {{"ready": True}})
request = wire.receive(sys.stdin.buffer)
{misdeed}
"""


@pytest.fixture
def parser() -> Iterator[Parser]:
    made = Parser()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _no_children_of_tests_before() -> None:
    PARSER.close()


def children() -> list[int]:
    """The processes that this one has started and that are there, zombies included."""
    command = ["ps", "--ppid", str(os.getpid()), "-o", "pid=,args="]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return [int(line.split()[0]) for line in found.stdout.splitlines() if "parser_child" in line or "<defunct>" in line]


def misbehave(monkeypatch: pytest.MonkeyPatch, misdeed: str) -> None:
    """Let children do something else than parse."""
    start = subprocess.Popen

    def start_other(command: list[str], **options: object) -> subprocess.Popen[bytes]:
        return start([*command[:2], "-c", CHILD.format(misdeed=misdeed)], **options)  # type: ignore[call-overload]

    monkeypatch.setattr(parsing.subprocess, "Popen", start_other)


def test_a_child_reads_many_files_and_is_ended_when_it_is_not_needed(
    parser: Parser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parsing, "IDLE_S", 0.3)
    for name in ("page.html", "chromium.pdf", "handbook.docx"):
        path = FILES / name
        assert "harbour of Norrwick" in parser.parse(path.read_bytes(), path.suffix, LIMITS).text
    assert len(children()) == 1
    deadline = time.monotonic() + 10
    while children() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert children() == []


def test_a_refusal_says_why_and_the_next_file_is_read(parser: Parser) -> None:
    with pytest.raises(UnreadableSource, match="it seems scanned"):
        parser.parse((FILES / "scanned.pdf").read_bytes(), ".pdf", LIMITS)
    assert parser.parse(b"<p>yes</p>", ".html", LIMITS).text == "yes"


@pytest.mark.parametrize(
    ("misdeed", "limits", "message"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", {}, r"crashes its parser \(SIGSEGV\)"),
        ("os._exit(3)", {}, r"crashes its parser \(exit code 3\)"),
        (
            "time.sleep(60)",
            {"parse_timeout_s": 0.5},
            r"takes longer than 0\.5 s to parse; raise the setting parse_timeout_s \(RAG_PARSE_TIMEOUT_S\)",
        ),
        (
            "wire.send(sys.stdout.buffer, {'page_starts': []}, b'x' * 700_000)",
            {"parse_chars": 1_000, "parse_pages": 1},
            r"gives more than 1,000 characters; raise the setting parse_chars",
        ),
        ("sys.stdout.buffer.write(b'\\0\\0\\0\\4junk\\0\\0\\0\\0')", {}, "crashes its parser"),
        ("sys.stderr.write('x' * 1_000_000); os._exit(9)", {}, r"exit code 9"),
    ],
)
def test_a_child_that_crashes_hangs_or_floods_costs_its_file_and_is_gone(
    parser: Parser, monkeypatch: pytest.MonkeyPatch, misdeed: str, limits: dict[str, float], message: str
) -> None:
    with monkeypatch.context() as patch:
        misbehave(patch, misdeed)
        with pytest.raises(UnreadableSource, match=message):
            parser.parse(b"anything", ".html", ParseLimits(**limits))  # type: ignore[arg-type]
    assert children() == []
    assert parser.parse(b"<p>next</p>", ".html", LIMITS).text == "next"


def test_a_child_that_cannot_start_is_not_the_fault_of_the_file(
    parser: Parser, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = subprocess.Popen

    def start_nothing(command: list[str], **options: object) -> subprocess.Popen[bytes]:
        return start([*command[:2], "-c", "import no_such_parser"], **options)  # type: ignore[call-overload]

    monkeypatch.setattr(parsing.subprocess, "Popen", start_nothing)
    with pytest.raises(UnreadableSource, match=r"does not start .*No module named 'no_such_parser'.*rag doctor"):
        parser.parse(b"anything", ".html", LIMITS)


@ON_LINUX
@pytest.mark.parametrize("take", ["bytearray(600_000_000)", "__import__('numpy').ones(80_000_000)"])
def test_memory_beyond_its_limit_is_refused_with_the_setting(
    parser: Parser, monkeypatch: pytest.MonkeyPatch, take: str
) -> None:
    misbehave(monkeypatch, f"bound(memory_bytes=300_000_000, timeout_s=9)\n{take}")
    with pytest.raises(UnreadableSource, match=r"takes more than 300 MB of memory .*\(RAG_PARSE_MEMORY_MB\)"):
        parser.parse(b"anything", ".html", ParseLimits(parse_memory_mb=300))


@ON_LINUX
def test_a_table_of_a_thousand_million_cells_costs_itself_alone(parser: Parser) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(FILES / "fees.xlsx") as original, zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as copy:
        for name in original.namelist():
            text = original.read(name)
            if name == "xl/worksheets/sheet1.xml":
                row = b'<row r="1"><c r="A1" t="inlineStr"><is><t>' + b"x" * 60_000_000 + b"</t></is></c></row>"
                text = text.replace(b"<sheetData>", b"<sheetData>" + row)
            copy.writestr(name, text)
    with pytest.raises(UnreadableSource, match="parse_ratio"):
        parser.parse(data.getvalue(), ".xlsx", LIMITS)
    with pytest.raises(UnreadableSource):
        parser.parse(data.getvalue(), ".xlsx", ParseLimits(parse_ratio=1_000_000, parse_memory_mb=64))
    assert parser.parse(b"<p>next</p>", ".html", LIMITS).text == "next"


def test_ctrl_c_ends_the_child_too(parser: Parser, monkeypatch: pytest.MonkeyPatch) -> None:
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with monkeypatch.context() as patch:
        misbehave(patch, "time.sleep(60)")
        with pytest.raises(KeyboardInterrupt):
            parser.parse(b"anything", ".html", LIMITS)
    assert children() == []


def test_threads_parse_side_by_side_each_with_a_child_of_its_own(parser: Parser) -> None:
    found: list[str] = []

    def parse(text: str) -> None:
        found.append(parser.parse(f"<p>{text}</p>".encode(), ".html", LIMITS).text)

    threads = [threading.Thread(target=parse, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["a", "b", "c"]


def test_a_child_is_replaced_after_so_many_files(parser: Parser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "FILES_PER_CHILD", 2)
    seen = set()
    for _ in range(4):
        parser.parse(b"<p>a</p>", ".html", LIMITS)
        seen |= set(children())
    assert len(seen) <= 2
    assert children() == []


def test_a_child_is_told_no_keys_and_imports_nothing_from_the_working_directory(
    parser: Parser, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.chdir(tmp_path)
    for name in ("json.py", "email.py", "xberg.py"):
        (tmp_path / name).write_text("import os; os._exit(77)")
    for name in ("python.eml", "handbook.docx"):
        path = FILES / name
        assert parser.parse(path.read_bytes(), path.suffix, LIMITS).text
    (pid,) = children()
    if sys.platform == "linux":
        assert b"secret" not in Path(f"/proc/{pid}/environ").read_bytes()


@pytest.mark.parametrize(
    "misdeed",
    [
        "socket.create_connection(('127.0.0.1', {port}), timeout=2)",
        "urllib.request.urlopen('http://127.0.0.1:{port}/')",
        "subprocess.run([sys.executable, '-c', 'pass'], check=True)",
        "os.system('true') and 1/0; os.execv(sys.executable, ['python', '-c', 'pass'])",
        pytest.param("print(1 / (ctypes.CDLL(None).socket(2, 1, 0) + 1))", marks=ON_LINUX),
        "open('written.txt', 'w').write('x'); 1 / os.path.getsize('written.txt')",
    ],
)
def test_a_child_reaches_no_network_starts_no_program_and_writes_no_file(misdeed: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.settimeout(0.05)
        program = (
            "import ctypes, os, socket, subprocess, sys, urllib.request\nfrom rag.formats.confinement import confine\n"
        )
        program += f"confine()\nos.chdir({str(tmp_path)!r})\n" + misdeed.format(port=canary.getsockname()[1])
        command = [sys.executable, "-c", program]
        ended = subprocess.run(command, capture_output=True, text=True, cwd=FILES.parent.parent, check=False)
        assert ended.returncode != 0, ended.stdout
        assert "Error" in ended.stderr
        with pytest.raises(TimeoutError):
            canary.accept()


def test_frames_hold_what_was_sent_and_a_stream_that_ends_is_none() -> None:
    stream = io.BytesIO()
    wire.send(stream, {"a": "é"}, b"\0\xff")
    whole = stream.getvalue()
    assert wire.receive(io.BytesIO(whole)) == ({"a": "é"}, b"\0\xff")
    for cut in range(len(whole)):
        assert wire.receive(io.BytesIO(whole[:cut])) is None
    with pytest.raises(wire.FrameTooLargeError):
        wire.receive(io.BytesIO(whole), most_bytes=3)
