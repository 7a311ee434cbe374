"""How a claim answers a question: with little but a value or a name, in a sentence that repeats it, or neither."""

from __future__ import annotations

import re

from rag.grounding.reading import Reading
from rag.grounding.values import Value
from rag.grounding.wording import Word

# A claim of so few words beside its values and names is an answer to the question, and is read together with it.
BARE_WORDS = 3
# A claim with so much of the question's words, and at least so many, repeats it.
REPEATED, LEAST_REPEATED = 0.6, 2
# What parts the items of a list.
PARTS = re.compile(r",(?! (?:and|or)\b)|\band\b|[、，和与及]")


def is_bare(stated: Reading) -> bool:
    """Tell whether a claim says little but a value or a name."""
    return len(beside(stated)) < BARE_WORDS


def beside(stated: Reading) -> list[Word]:
    """Return the words that say what a claim tells beside its values and names."""
    taken = {word.start_char for name in stated.names for word in name.words}
    return [w for w in stated.content if w.start_char not in taken and w.start_char not in stated.value_places]


def restates(stated: Reading, asked: Reading) -> bool:
    """Tell whether a claim repeats the question that it answers."""
    wanted = {word.stem for word in asked.content}
    repeated = len(wanted & {word.stem for word in stated.content})
    return repeated >= LEAST_REPEATED and repeated >= REPEATED * len(wanted)


def asked_for(value: Value, asked: Reading) -> bool:
    """Tell whether the question has a value of a claim itself."""
    same = (value.number, value.year, value.month, value.day)
    return any(same == (known.number, known.year, known.month, known.day) for known in asked.values)


def listed(stated: Reading, asked: Reading) -> int:
    """Return how many things a claim answers a question with."""
    known = {word.stem for word in asked.words}
    own = [word for word in stated.content if word.stem not in known]
    return 1 + len(PARTS.findall(stated.text[own[0].start_char : own[-1].end_char])) if own else 0
