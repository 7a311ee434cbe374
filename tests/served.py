"""A server in a process of its own, and a browser to look at it with, for all tests of pages."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update"]
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Served:
    """A running server: its address, its process, and the folder it was started in."""

    address: str
    process: subprocess.Popen[str]
    folder: Path


def start(library: Path, folder: Path, *arguments: str, script: str) -> Served:
    """Serve ``library`` from a process of its own, started in ``folder``, and wait until it says that it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(library), *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    line = ""
    while not (found := re.search(r"http://127\.0\.0\.1:\d+/", line)):
        line = process.stderr.readline()
        assert line, "the server ended before it was ready"
    return Served(found[0], process, folder)


def end(served: Served) -> None:
    """End a server and wait for it."""
    served.process.kill()
    served.process.communicate()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Give a browser; without one at hand, the test is skipped."""
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}: install Debian's chromium to test the page")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
