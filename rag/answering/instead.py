"""What a sentence says where the question has another number, year or name: "2022" for "2021"; knows no scores."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rag.facts import ORDINALS

# More of a kind than this, and none of them stands in the place of what is asked about.
MOST_OTHERS = 2
# A word is taken for the same as one that begins alike, as "project" and "projects" do.
ALIKE_CHARS = 4
YEAR = re.compile(r"(?<![\w.,-])(?:1[0-9]|20)\d\d(?![\w-]|[.,]\d)", re.ASCII)
NUMBER = re.compile(r"(?<![\w.,-])\d[\d,]*(?:\.\d+)?", re.ASCII)
WORD = re.compile(r"[^\W\d_][\w'’]*|[%％]")
NAME = re.compile(r"(?P<before>[a-z]\w*[,;]? |[(\"“‘])?(?P<name>\b[A-Z][\w’'-]*(?: [A-Z][\w’'-]*)*)")
# What a sentence begins with in capitals, and is no name.
BEGINNINGS = frozenset(
    "a after all although among an and as at before both but by during each for from he her his however if in it its "
    "many most no of on one our she since some such that the their there these they this those to under until we what "
    "when where which while who with you".split()
)


def instead(question: str, place: tuple[int, int], sentence: str) -> tuple[str, ...]:
    """Return what a sentence speaks of in the place of a number or name of the question.

    Args:
        question: The question.
        place: First character of the number or name in it, and one past the last.
        sentence: A sentence that does not hold it.

    Returns:
        Others of its kind that the question does not name, as the sentence writes them: years for a year, ordinals for
        an ordinal, numbers of the same things for a number, for a name the one behind the same word. Nothing where
        none or too many could be meant.
    """
    asked = question[slice(*place)]
    if YEAR.fullmatch(asked):
        found: Iterable[str] = YEAR.findall(sentence)
    elif asked.casefold() in ORDINALS:
        found = (word for word in WORD.findall(sentence) if word.casefold() in ORDINALS)
    elif asked[:1].isdigit():
        found = _counts(_first_word(question[place[1] :]), sentence)
    else:
        found = _names(question, place[0], sentence)
    others = tuple(dict.fromkeys(other for other in found if not _says(question, other)))
    return others if len(others) <= MOST_OTHERS else ()


def _says(question: str, other: str) -> bool:
    return bool(re.search(rf"(?<!\w){re.escape(other)}(?!\w)", question, re.IGNORECASE | re.ASCII))


def _first_word(text: str) -> str:
    return match[0].casefold() if (match := WORD.match(text.lstrip())) else ""


def _counts(counted: str, sentence: str) -> list[str]:
    """Return the numbers in front of a word like the one that is counted."""
    if not counted:
        return []
    return [match[0] for match in NUMBER.finditer(sentence) if _alike(_first_word(sentence[match.end() :]), counted)]


def _alike(one: str, other: str) -> bool:
    return one == other or (len(one) >= ALIKE_CHARS and one[:ALIKE_CHARS] == other[:ALIKE_CHARS])


def _names(question: str, start: int, sentence: str) -> Sequence[str]:
    known = {word.casefold() for word in WORD.findall(question)}
    found = [(_before(match), name) for match in NAME.finditer(sentence) if (name := _name(match))]
    others = [(before, name) for before, name in found if not known & {w.casefold() for w in WORD.findall(name)}]
    # In another place of the sentence a name is as likely somebody else's.
    front = question[:start].split()
    alike = [name for before, name in others if front and before == front[-1].casefold()]
    return alike if len(set(alike)) == 1 else ()


def _before(match: re.Match[str]) -> str:
    return (match["before"] or "").strip(" ,;").casefold()


def _name(match: re.Match[str]) -> str:
    """Return a capitalised run without what only begins the sentence; ``""`` where nothing shows that it is a name."""
    words = match["name"].split(" ")
    if words[0].casefold() in BEGINNINGS:
        words = words[1:]
    elif not match.start() and len(words) == 1:
        # The first word of a sentence is capitalised whatever it is.
        return ""
    return " ".join(words)
