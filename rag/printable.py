"""Text from anywhere made safe to print on a terminal; knows no command."""

from __future__ import annotations

import re

# Control characters, line separators, and signs that change the direction of writing.
STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def shown(text: str) -> str:
    """Return a text with what would steer the terminal escaped: a file may have any name."""
    return STEERING.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def one_line(error: Exception) -> str:
    """Return what an error says in one line that is safe to print."""
    return shown(" ".join(str(error).split()))
