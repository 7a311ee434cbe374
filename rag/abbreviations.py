"""Abbreviations and what they stand for, as texts introduce them, and the places in a text where either may stand.

Knows no library and no question.

Reference:
    Schwartz, Hearst (2003), "A simple algorithm for identifying abbreviation definitions in biomedical text": a short
    form in parentheses after its long one, or the other way round; the long form is the shortest text beside it that
    holds the short one's letters in order, the first of them at the beginning of a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rag.terms import NO_SPACES_FIRST, RUN, spelt_terms

PARENTHESES = re.compile(r"[(（]([^()（）\n]{2,120})[)）]")
# A capital beyond the first letter: "(Figure)" and "(see above)" are no short forms, "(mAb)" and "(H5N1)" are.
SHORT = re.compile(r"(?=[^\W_])(?=.+[A-Z])[^\s,;:]{2,10}(?: [^\s,;:]{1,9})?")
ENDS_PART = re.compile(r"[,;，；]")
# A long form stays within its sentence.
ENDS_SENTENCE = re.compile(r"[.!?;:]\s|[。！？；：\n]")
QUOTES = "\"'“”‘’„«»"
MOST_SHORT_CHARS = 10
# The longest forms that are looked for in a question, in words.
MOST_WORDS = 10
# No long form is so long.
MOST_LONG_CHARS = 160


@dataclass(frozen=True)
class Abbreviation:
    """A short form and the long one that it stands for, as a text writes them."""

    short: str
    long: str


def find_abbreviations(text: str) -> list[Abbreviation]:
    """Return the abbreviations that a text introduces, each once, in order."""
    return list(dict.fromkeys(_introduced(text)))


def form_key(form: str) -> str:
    """Return what all writings of a short or a long form have in common: its terms, stemmed as in English."""
    return " ".join(key for _, _, key in spelt_terms(form))


def runs(text: str) -> dict[str, tuple[int, int]]:
    """Return the runs of at most `MOST_WORDS` words of a text, start and end by what `form_key` makes of them."""
    found = spelt_terms(text)
    keys = [key for _, _, key in found]
    return {
        " ".join(keys[first:end]): (found[first][0], found[end - 1][1])
        for first in range(len(found))
        for end in range(first + 1, min(first + MOST_WORDS, len(found)) + 1)
    }


def _introduced(text: str) -> Iterator[Abbreviation]:
    for match in PARENTHESES.finditer(text):
        inside = ENDS_PART.split(match[1], maxsplit=1)[0].strip()
        before = ENDS_SENTENCE.split(text[max(0, match.start() - MOST_LONG_CHARS) : match.start()])[-1].rstrip()
        if _is_short(inside):
            short, near = inside, before
        else:
            # The long form in parentheses after the short one.
            short, near = _last_word(before), match[1].strip()
            if not _is_short(short):
                continue
        long = long_form(short, near, whole=near is not before)
        if long:
            yield Abbreviation(short, long)


def _last_word(text: str) -> str:
    """Return what follows the last space of a text, or the last change to or from a script without spaces."""
    return RUN.findall(text)[-1].rsplit(maxsplit=1)[-1] if text else ""


def _is_short(form: str) -> bool:
    return len(form) <= MOST_SHORT_CHARS and SHORT.fullmatch(form) is not None


def long_form(short: str, near: str, *, whole: bool = False) -> str:
    """Return what a short form stands for in the text before it.

    Args:
        short: The short form.
        near: Text that may end with the long form.
        whole: Whether all of the text has to be the long form.

    Returns:
        The shortest end of the text that holds the short form's letters and digits in order, the first of them at the
        beginning of a word; ``""`` where there is none, or where it has more words than such a form can have.
    """
    letters = [c for c in _lower(short) if c.isalnum()]
    lower, place = _lower(near), len(near)
    for number in range(len(letters) - 1, -1, -1):
        place = lower.rfind(letters[number], 0, place)
        while number == 0 and place > 0 and _is_of_word(lower[place - 1]):
            place = lower.rfind(letters[0], 0, place)
        if place < 0:
            return ""
    found = near[place:].strip(QUOTES)
    most_words = min(len(letters) + 5, 2 * len(letters))
    parts = found.split()
    if (whole and place > 0) or (not 1 < len(parts) <= most_words and not _is_one_word_form(short, found)):
        return ""
    if len(found) <= len(short) or short in parts or found.count("(") != found.count(")"):
        return ""
    return found


def _lower(text: str) -> str:
    """Return a text in lower case with every character where it was: "İ" is two in lower case."""
    return "".join(c.lower()[0] for c in text)


def _is_of_word(character: str) -> bool:
    return character.isalnum() and not NO_SPACES_FIRST.match(character)


def _is_one_word_form(short: str, found: str) -> bool:
    # "Immunoglobulin (IgG)" and the like; not a word that merely holds two letters in order.
    return len(found.split()) == 1 and len(short) >= 3 and "-" in found
