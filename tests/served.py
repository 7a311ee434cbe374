"""A server in a process of its own, and a browser to look at it with, for all tests of pages."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, sync_playwright

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


def failures_of(page: Page) -> list[str]:
    """What goes wrong in a page from now on: errors of its scripts, and what it says of errors."""
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("console", lambda message: failures.append(message.text) if message.type == "error" else None)
    return failures


def contrast(element: Locator) -> float:
    """Contrast ratio of an element's text on what is painted behind it, from 1 to 21.

    Reference: WCAG 2.2, "contrast ratio" and "relative luminance".
    """
    ink, paper = json.loads(
        element.evaluate(
            """element => {
              let behind = element;
              const clear = node => getComputedStyle(node).backgroundColor.replaceAll(' ', '') === 'rgba(0,0,0,0)';
              while (behind.parentElement && clear(behind)) behind = behind.parentElement;
              const read = colour => colour.match(/[0-9.]+/g).slice(0, 3).map(Number);
              const {color} = getComputedStyle(element), {backgroundColor} = getComputedStyle(behind);
              return JSON.stringify([read(color), read(backgroundColor)]);
            }"""
        )
    )
    dark, light = sorted((luminance(ink), luminance(paper)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: list[float]) -> float:
    """Relative luminance of a colour of red, green and blue from 0 to 255."""
    shares = (c / 255 for c in colour)
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def serious(page: Page) -> list[str]:
    """Return what axe-core finds on a page that keeps readers out: its serious and critical findings."""
    # What is being sent, or changes its colour, is paler for a moment.
    page.wait_for_function("!document.querySelector('#lg-composer button[disabled]')")
    page.add_style_tag(content="*, *::before, *::after { transition: none !important; animation: none !important; }")
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [f"{v['id']}: {v['nodes'][0]['html'][:200]}" for v in found if v["impact"] in {"serious", "critical"}]
