"""Yes or no, where a question asks for it and the evidence says it in the question's own words; else nothing.

A wrong "yes" is worse than none: every content word of the question has to stand in one sentence, with the same
polarity and time, its names in the same order, and nothing there that hedges or limits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rag.answering.limits import limited
from rag.answering.sentences import Scored
from rag.evidence import Query
from rag.terms import Term, held, spelt_terms

ASKS = re.compile(
    r"^\W*(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|must|isn't|aren't|wasn't|"
    r"doesn't|didn't)\b",
    re.IGNORECASE,
)
ASKS_CHINESE = re.compile("吗[？?]?$|是否|是不是|有没有")
ALTERNATIVES = re.compile(r"\bor\b|还是|或者", re.IGNORECASE)
NEGATION = re.compile(
    r"\b(?:not?|never|neither|nor|none|nobody|nothing|without|cannot|fail(?:s|ed|ing)?|lacks?|lacked|unable|unlikely|"
    r"few|little|hardly|barely|rarely|den(?:y|ies|ied)|refus(?:e|es|ed)|except|rather than|instead of|no longer|"
    r"unlike)\b|"
    r"n['’]t\b|[不没未无非否]",
    re.IGNORECASE,
)
PLAIN_NEGATION = re.compile(r"\b(?:not|never|no longer|cannot)\b|n['’]t\b|不|没有|并未|从未", re.IGNORECASE)
HEDGE = re.compile(
    r"\b(?:may|might|could|would|should|can|if|whether|perhaps|possibl[ey]|probabl[ey]|likely|suggest\w*|"
    r"appear\w*|seem\w*|"
    r"believ\w*|claim\w*|alleg\w*|propos\w*|plan(?:s|ned)?|hop(?:e|es|ed)|expect\w*|intend\w*|aim\w*|hypothe\w*|"
    r"consider\w*|investigat\w*|examin\w*|determin\w*|assess\w*|evaluat\w*|stud(?:y|ied)|compar\w*|purpose|objective|"
    r"unclear|unknown|some|sometimes|partly|almost|nearly|only|rumou?r\w*)\b|可能|也许|或许|如果|是否|据说|计划",
    re.IGNORECASE,
)
WORDS = {True: ("Yes.", "是。"), False: ("No.", "否。")}
# What a text sets out to find, or what others take to be so, is not what it says.
AIMS = re.compile(
    r"^\W*(?:to \w+|the (?:aim|goal)|this (?:study|paper|article)|we )\b|\b(?:assum|debat|controvers|question|"
    r"thought)",
    re.IGNORECASE,
)
NUMBER = re.compile(r"\d[\d,.]*\d|\d")
# What parts clauses: a denial beyond it denies something else.
PARTS = re.compile(r"[,;:()，；：、（）—–]|\b(?:but|and|or|though|while|whereas)\b|但|而", re.IGNORECASE)
# A question of fewer content words is in too many sentences.
LEAST_TERMS = 3
# Words between two of the question's words in the sentence that answers it.
MOST_BETWEEN = 4


@dataclass(frozen=True)
class Verdict:
    """What the evidence says to a yes-or-no question.

    Attributes:
        holds: Whether what is asked is so.
        word: ``"Yes."`` or ``"No."`` in the question's language.
        rests_on: The sentence that says so.
    """

    holds: bool
    word: str
    rests_on: Scored


def verdict(query: Query, scored: Sequence[Scored]) -> Verdict | None:
    """Return what the evidence says to a yes-or-no question.

    Args:
        query: The query.
        scored: Sentences, best first.

    Returns:
        The verdict; ``None`` where the question is no such one, or the evidence does not plainly say.
    """
    question = query.text
    asks = ASKS.search(question) or ASKS_CHINESE.search(question)
    if not asks or ALTERNATIVES.search(question) or not scored or not query.readable:
        return None
    content = [term for term, weight in zip(query.terms, query.weights, strict=True) if weight > 0]
    if len(content) < LEAST_TERMS:
        return None
    holds = _holds(query, content, scored[0])
    return None if holds is None else Verdict(holds, WORDS[holds][ASKS_CHINESE.search(question) is not None], scored[0])


def _holds(query: Query, content: Sequence[Term], best: Scored) -> bool | None:
    """Tell whether the best sentence says that what is asked is so; ``None`` where it does not plainly say."""
    if (
        AIMS.search(best.text)
        or NEGATION.search(query.text)
        or (HEDGE.search(best.text) and not HEDGE.search(query.text))
        or limited(query.text, best.text)
    ):
        return None
    missing = [term for term in content if not held(term, best.terms)]
    said = _restated([term for term in content if term not in missing], best.text)
    if said is None:
        return None
    if missing:
        other = _is_number(query, missing) and _one_other_number(query, best.text) and not NEGATION.search(best.text)
        return False if other else None
    if not NEGATION.search(best.text):
        return True
    # "The mill grinds rye, but it does not grind oats" does not say that it grinds no rye.
    return False if PLAIN_NEGATION.search(said) and not PARTS.search(said) else None


def _restated(content: Sequence[Term], text: str) -> str | None:
    """Return the part of the text where the question's content words stand in its order, with few words in between."""
    words = spelt_terms(text)
    places: list[int] = []
    for term in content:
        if term.spaced:
            later = ((i, word) for i, (_, _, word) in enumerate(words) if i > (places or [-1])[-1])
            place = next((i for i, word in later if held(term, {word})), None)
            if place is None:
                return None
            places.append(place)
    if any(later - earlier > MOST_BETWEEN + 1 for earlier, later in pairwise(places)):
        return None
    # Without spaces there are no words whose places could be told.
    return text[words[places[0]][0] : words[places[-1]][1]] if places else text


def _is_number(query: Query, missing: Sequence[Term]) -> bool:
    written = [query.text[term.start_char : term.end_char] for term in missing]
    return len(written) == 1 and written[0].isdecimal()


def _one_other_number(query: Query, text: str) -> bool:
    """Tell whether the text has one number where the question has another."""
    asked, said = set(NUMBER.findall(query.text)), set(NUMBER.findall(text))
    return len(asked - said) == 1 == len(said - asked) and _alike(asked - said, said - asked)


def _alike(ones: set[str], others: set[str]) -> bool:
    (one,), (other,) = ones, others
    return len(one) == len(other)
