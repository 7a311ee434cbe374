"""A service in a process of its own, and what it takes; knows how it is started, not what it is asked."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from eval.bench_child import ROOT, environment
from rag.errors import RagError

READY_S = 120


@dataclass(frozen=True)
class Served:
    """A running service.

    Attributes:
        address: Where it is, without a slash at its end.
        pid: Its process.
        page_s: Seconds from its start to its first page.
        page_cpu_s: Seconds of processors that this took, which depend less on what else the machine does.
        ready_s: Seconds from its start until its models were loaded.
    """

    address: str
    pid: int
    page_s: float
    page_cpu_s: float
    ready_s: float

    def resident_bytes(self) -> int:
        """Return the memory it holds now; 0 where the system does not tell."""
        return _kilobytes(self.pid, "VmRSS") * 1024

    def peak_bytes(self) -> int:
        """Return the most memory it held; 0 where the system does not tell."""
        return _kilobytes(self.pid, "VmHWM") * 1024

    def open_files(self) -> int:
        """Return how many files and connections it has open; 0 where the system does not tell."""
        folder = Path(f"/proc/{self.pid}/fd")
        return len(list(folder.iterdir())) if folder.is_dir() else 0

    def threads(self) -> int:
        """Return how many threads it has; 0 where the system does not tell."""
        return _kilobytes(self.pid, "Threads")


@contextmanager
def serving(library: Path, *arguments: str, settings: Mapping[str, str] | None = None) -> Iterator[Served]:
    """Serve a library from a process of its own, once its models are loaded.

    Args:
        library: Its folder.
        *arguments: Of ``rag serve``.
        settings: Environment variables.

    Yields:
        The service.

    Raises:
        RagError: It did not begin; the message is its own.
    """
    started = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "rag", "--library", str(library), "serve", "--port", str(_free_port()), *arguments],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**environment(), **os.environ, **(settings or {})},
    )
    try:
        address = _address(process)
        drain = threading.Thread(target=lambda: process.stderr and process.stderr.read(), daemon=True)
        drain.start()
        with httpx.Client(base_url=address, timeout=READY_S, trust_env=False) as client:
            client.get("/").raise_for_status()
            page_s, page_cpu_s = time.perf_counter() - started, _cpu_s(process.pid)
            while client.get("/ready").status_code != 200 and time.perf_counter() - started < READY_S:
                time.sleep(0.1)
        yield Served(address, process.pid, page_s, page_cpu_s, time.perf_counter() - started)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _address(process: subprocess.Popen[str]) -> str:
    line = process.stderr.readline() if process.stderr else ""
    found = re.search(r"(http://\S+)/", line)
    if not found:
        raise RagError(f"the service did not begin: {line.strip() or 'it said nothing'}")
    return found[1]


def _free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _cpu_s(pid: int) -> float:
    stat = Path(f"/proc/{pid}/stat")
    if not stat.is_file():
        return 0.0
    # Behind the name, which may hold anything: user and system time are the 12th and 13th.
    user, system = stat.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _kilobytes(pid: int, name: str) -> int:
    status = Path(f"/proc/{pid}/status")
    found = re.search(rf"^{name}:\s+(\d+)", status.read_text(), re.MULTILINE) if status.is_file() else None
    return int(found[1]) if found else 0
