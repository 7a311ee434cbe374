"""Texts that would run a script or call an address of theirs wherever they are taken for markup."""

from __future__ import annotations

from pathlib import Path

# One a line; each sets a flag of the page's window, or asks for something at the address CANARY.
FILE = Path(__file__).parent / "files/payloads.txt"


def payloads(canary: str) -> list[str]:
    """Return all of them, calling an address."""
    return [line.replace("CANARY", canary) for line in FILE.read_text("utf-8").splitlines()]
