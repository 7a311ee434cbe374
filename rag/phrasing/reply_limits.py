"""What a chat model's reply may not be while it comes in: too long, going round in circles, or not text at all."""

from __future__ import annotations

import re

MOST_CHARS = 8_000
# The end of a reply goes round in circles when it is this many repetitions, or more, of at least so many characters.
ROUNDS, ROUND_CHARS = 4, 160
LONGEST_ROUND_CHARS = 400
# Control characters, halves of surrogate pairs, private use, and what stands for bytes that are no text.
UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\uf8ff\ufffd]")
MOST_UNREADABLE = 0.05


def fault_of(reply: str) -> str | None:
    """Return in words that follow a model's name what is wrong with a reply as far as it has come; ``None`` if nothing.

    Args:
        reply: The reply so far.

    Returns:
        What it does, in one line, or ``None``.
    """
    if len(reply) > MOST_CHARS:
        return f"sent more than {MOST_CHARS:,} characters"
    if len(UNREADABLE.findall(reply)) > MOST_UNREADABLE * len(reply):
        return "sent what is not text"
    if goes_round(reply):
        return "repeats itself without end"
    return None


def goes_round(text: str) -> bool:
    """Tell whether the end of a text is one piece repeated."""
    for length in range(1, min(LONGEST_ROUND_CHARS, len(text) // ROUNDS) + 1):
        least = max(ROUNDS * length, ROUND_CHARS)
        # Most lengths are told by one character.
        if len(text) >= least and text[-1] == text[-1 - length] and text[-least:-length] == text[-least + length :]:
            return True
    return False
