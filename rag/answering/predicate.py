"""What a question says of the value that it asks for: what happens, what is counted, and whose it is; knows English.

There is no part-of-speech tagger here: where a verb stands behind "did" or as a participle behind "was" tells enough.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from rag.answering.happenings import EMPTY, same, stem
from rag.terms import FUNCTION_WORDS

_PARTICIPLES = frozenset(
    "born built made sold held found won lost written taken given left begun sent known seen laid led fought bought "
    "brought taught told met shot struck drawn driven broken stolen sunk chosen kept spent paid rebuilt overthrown "
    "hidden sworn grown shown".split()
)
_AUXILIARY = re.compile(r"\b(?P<do>did|does|do)\b|\b(?P<be>is|are|was|were|be|been)\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_][\w'’-]*")
_PARTICLES = frozenset("out back up down off over away".split())
_PHRASES = {("come", "out"): "release", ("came", "out"): "release", ("come", "back"): "return"}
_DETERMINERS = frozenset("a an the this that these those his her its their our your of in at on to for from by".split())
_PRONOUNS = frozenset("it he she they its his her their this these".split())
_NAME = re.compile(r"(?<![\w'’-])[A-ZÀ-ÖØ-Þ][\w'’-]*(?: (?:of |de |van |von |der |the )?[A-ZÀ-ÖØ-Þ][\w'’-]*)*")


@dataclass(frozen=True)
class Predicate:
    """What a question says of what it asks for.

    Attributes:
        happens: Stems of which one says what happens; empty where the question does not tell.
        others: Stems of its other words that are no names.
        names: Its names, each as its words in lower case.
    """

    happens: frozenset[str]
    others: frozenset[str]
    names: tuple[frozenset[str], ...]


@lru_cache(maxsize=32)
def predicate(question: str) -> Predicate:
    """Return what a question says of what it asks for."""
    runs = names_of(question)
    named = frozenset().union(*runs)
    verb = _verb(question)
    words = [w for w in _WORD.findall(question) if w.casefold() not in FUNCTION_WORDS]
    others = {stem(w) for w in words if w.casefold() not in named and w != verb} - _asking()
    empty = verb is None or stem(verb) in EMPTY
    return Predicate(frozenset() if empty or verb is None else same(verb), frozenset(others), runs)


@cache
def _asking() -> frozenset[str]:
    asking = (
        "year date century decade day month time long tall high wide deep old far large big heavy fast number percent "
        "percentage proportion share amount"
    )
    return frozenset(stem(word) for word in asking.split())


def names_of(text: str, *, whole: bool = False) -> tuple[frozenset[str], ...]:
    """Return the names in a text, each as its words in lower case.

    Args:
        text: The text.
        whole: Whether its first word may be a name by itself.

    Returns:
        Those, in order.
    """
    found = []
    for match in _NAME.finditer(text):
        words = [w for w in re.split(r"[ ]", match[0]) if w]
        while words and words[0].casefold() in FUNCTION_WORDS:
            words = words[1:]
        if not whole and match.start() == 0 and len(words) == 1 and match[0] == words[0]:
            continue
        run = frozenset(re.sub(r"['’]s?$", "", w).casefold() for w in words if w[0].isupper())
        if run:
            found.append(run)
    return tuple(found)


def begins_with_pronoun(text: str) -> bool:
    """Tell whether a sentence speaks of what the one before names."""
    words = _WORD.findall(text)[:3]
    return any(word.casefold() in _PRONOUNS for word in words)


def _verb(question: str) -> str | None:
    """Return the word that says what happens, if where it stands tells which it is."""
    auxiliary = _AUXILIARY.search(question)
    if auxiliary is None:
        return None
    words = _WORD.findall(question[auxiliary.end() :])
    if auxiliary["be"]:
        participles = [
            w for w in words if w in _PARTICIPLES or (w.endswith("ed") and len(w) > 3 and w.islower() and "-" not in w)
        ]
        return participles[-1] if participles else None
    for n, word in enumerate(words):
        behind = words[n + 1] if n + 1 < len(words) else ""
        before = words[n - 1] if n else ""
        if _ends_run(before, word, behind):
            return _PHRASES.get((before, word), before) if word in _PARTICLES else word
    return None


def _ends_run(before: str, word: str, behind: str) -> bool:
    """Tell whether a word is the last of a run of small ones: "the chess club moved", and "Ada Lindqvist moved"."""
    fits = word[0].islower() and word not in FUNCTION_WORDS and before and before.casefold() not in _DETERMINERS
    return bool(fits) and behind != "of" and (not behind or behind[0].isupper() or behind in FUNCTION_WORDS)
