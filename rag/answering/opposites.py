"""Whether a text says the opposite of what is asked: negation on one side only, or a word against its opposite.

Reference:
    The first two kinds of unanswerable questions of Rajpurkar, Jia, Liang (2018), "Know What You Don't Know", table 1:
    negation and antonym. To every measure of likeness they look like the question that the text answers.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

NEGATION = re.compile(
    r"\b(?:not|never|no|none|nor|neither|cannot|without|nobody|nothing|nowhere)\b|\Bn['’]t\b|"
    r"\b(?:ca|do|does|did|is|was|are|were|has|have|had|wo|would|could|should)nt\b|不是|没有|不能|不会|并非|从未",
    re.IGNORECASE,
)
# "Never tried before" says that it is the first of its kind, as a text does without a negation. "Before" that something
# comes behind, as in "not before nine", says when.
FIRST_OF_ITS_KIND = re.compile(
    r"(?:\b(?:not|never|nobody|nothing|nowhere)\b|\Bn['’]t\b)[^.,;:?!]*\bbefore\b(?=\W*(?:[.,;:?!]|$))", re.IGNORECASE
)
# What makes a word its opposite in front of it, and the least letters of the word behind.
PREFIXES = ("un", "in", "im", "il", "ir", "non", "dis", "anti", "mis")
STEM_CHARS = 4
# Words and their opposites, as they are spelt in English; what is between commas is two sides.
_PAIRS = """
    first / last final, most / least fewest, more / less fewer, before / after, high / low, higher / lower,
    highest / lowest, large big / small little, larger bigger / smaller, largest biggest / smallest, oldest / newest,
    old / new young, earlier / later, earliest / latest, early / late, increase increases increased increasing /
    decrease decreases decreased decreasing, always / never, all / none, north / south, east / west,
    northern / southern, eastern / western, northeast / southwest, northwest / southeast, best / worst, better / worse,
    begin begins began / end ends ended, start starts started / stop stops stopped, win won / lose lost,
    male / female, men / women, upper / lower, inner / outer, inside / outside, rich / poor, strong / weak,
    stronger / weaker, positive / negative, accept accepts accepted / reject rejects rejected refuse refuses refused,
    support supports supported supporting / oppose opposes opposed opposing, allow allows allowed / prevent prevents
    prevented prohibit prohibits prohibited, same similar / different, easy / hard difficult, easier / harder,
    minimum / maximum, minor / major, minority / majority, public / private, long / short, longer / shorter,
    longest / shortest, cause causes caused / prevent prevents prevented, agree agrees agreed / disagree disagrees
    disagreed, import imports imported / export exports exported, father / mother, brother / sister, son / daughter,
    born birth / died death, slow / fast, slower / faster, open opens opened / close closes closed, rise rises rose /
    fall falls fell, growth / decline, gain gained / lose lost, attack attacked / defend defended, success / failure,
    succeed succeeded / fail failed, forward / backward, left / right, hot / cold, light / dark heavy, thin / thick,
    cheap / expensive, common / rare, simple / complex, internal / external, buy bought / sell sold, friend / enemy,
    many / few, enter entered / leave left, create created build built / destroy destroyed, include includes included /
    exclude excludes excluded, known / unknown, together / separately, join joined / leave left, legal / illegal,
    liberal / conservative, modern / ancient, war / peace, love loved / hate hated, remember / forget
"""
_SIDES = [[side.split() for side in pair.split("/")] for pair in _PAIRS.split(",")]
OPPOSITES: dict[str, frozenset[str]] = {}
for _one, _other in _SIDES:
    for _word in _one:
        OPPOSITES[_word] = OPPOSITES.get(_word, frozenset()).union(_other)
    for _word in _other:
        OPPOSITES[_word] = OPPOSITES.get(_word, frozenset()).union(_one)


def negates(text: str) -> bool:
    """Tell whether a text holds a word that negates, and not only to say that something is the first of its kind."""
    return bool(NEGATION.search(FIRST_OF_ITS_KIND.sub("", text)))


def opposed(asked: AbstractSet[str], said: AbstractSet[str]) -> bool:
    """Tell whether a word that is asked about is not said, but its opposite is.

    Args:
        asked: Words of the question as spelt, in lower case.
        said: Those of the text.

    Returns:
        Whether one is.
    """
    unsaid, added = asked - said, said - asked
    return any(not OPPOSITES.get(word, frozenset()).isdisjoint(added) for word in unsaid) or _prefixed(unsaid, added)


def _prefixed(unsaid: AbstractSet[str], added: AbstractSet[str]) -> bool:
    return any(_bare(word) & added for word in unsaid) or any(_bare(word) & unsaid for word in added)


def _bare(word: str) -> set[str]:
    """Return what is left of a word without a prefix that makes it an opposite."""
    fitting = (prefix for prefix in PREFIXES if word.startswith(prefix))
    return {word[len(prefix) :] for prefix in fitting if len(word) - len(prefix) >= STEM_CHARS}
