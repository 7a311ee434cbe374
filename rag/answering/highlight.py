"""Question and quote to the part of the quote that is asked for: a day, a number, a person, a place; knows no scores.

Nothing is marked where the question does not tell what it asks for, or where the quote holds several such parts and
none stands out: a wrong mark is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from rag.answering.happenings import stem
from rag.answering.row_values import in_row, is_row
from rag.answering.supported import HAN, counted, fitting, speaks_of
from rag.answering.wanted import Found, Want, values, wanted
from rag.evidence import Query
from rag.schema import Span
from rag.terms import FUNCTION_WORDS, Term, held, spelt_terms

# Of several dates and numbers the one nearest to the question's words, if the next is this much farther from them.
CLEARLY_NEARER = 0.4
# Of more values than these in a sentence, such as a table run together, none is looked at.
MOST_VALUES = 20
# Whoever did it is asked for, rather than whom it was done to or who somebody is.
WHO = re.compile(
    r"\bwho (?:(?:has|had|have|first|originally|also) )*(?!did |do |does |is |are |was |were )", re.IGNORECASE
)
# What a place stands behind, where the sentence says of something that it is or was there.
PLACED = re.compile(
    r"\b(?:located|situated|held|based|born|headquartered|buried|filmed|built|stands?|lies|lived?|died|took place) "
    r"(?:in|at|near) (?:the )?$",
    re.IGNORECASE,
)
# Words between what was done and by whom: "built in 1874 by".
MOST_BETWEEN = 3
# Peoples, in one word: "Norman", "Dutch", "Chinese".
PEOPLE = re.compile(r"^\w+(?:an|ish|ese|ch|ans|i)$|\b(?:Day|Battle|War)\b")
# Words of the question's own kind: "how many pilots".
COUNTED = re.compile(
    r"\bhow many (?P<part>of (?:the|these|those) )?(?P<what>(?:[\w'’-]+ ){0,2}[\w'’-]+)", re.IGNORECASE
)
OF_ALL = frozenset("people persons individuals times things ones total".split())
WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class _Place:
    """A value with the places of its first and last word in the quote."""

    found: Found
    first: int
    last: int


def highlight(query: Query, text: str, *, before: Sequence[str] | None = None) -> Span | None:
    """Return the part of a quote that answers the question by itself.

    Args:
        query: The query.
        text: The quote.
        before: The sentences before it in its passage, where it is marked only if it says all that is asked, of
            what the question names; ``None`` for the quote that answers best.

    Returns:
        Its place in the quote; ``None`` where it is not clear which part that is.
    """
    want = wanted(query.text)
    if want is None or (before is not None and (want == "person" or not speaks_of(query.text, text, before))):
        return None
    said = set(WORD.findall(query.text.casefold()))
    new = [v for v in values(want, text) if not set(WORD.findall(v.text.casefold())) <= said]
    if len(new) > MOST_VALUES:
        return None
    if is_row(text):
        new = in_row(query.text, text, new)
    else:
        new = _asked_of(query.text, want, text, new, plainly=before is not None)
    if not new:
        return None
    found = _named(query, text, new, want) if want in ("person", "place") else _counted(query, text, new, want)
    return Span(found.start_char, found.end_char) if found else None


def _asked_of(question: str, want: Want, text: str, found: list[Found], *, plainly: bool) -> list[Found]:
    """Return the values of which a sentence says what the question asks; who does it is told otherwise."""
    nouns = _nouns(question) if want == "count" else []
    if want == "person":
        return found
    return counted(question, text, found, nouns) if nouns else fitting(question, text, found, plainly=plainly)


def _nouns(question: str) -> list[str]:
    """Return the stems of what a question asks the number of, and none where that fits everything."""
    how_many = COUNTED.search(question)
    if how_many is None or how_many["part"]:
        return []
    words = list(takewhile(lambda w: w.casefold() not in FUNCTION_WORDS, how_many["what"].split()))
    return [] if not words or words[-1].casefold() in OF_ALL else [stem(word) for word in words]


def _counted(query: Query, text: str, found: Sequence[Found], want: Want) -> Found | None:
    """Return the date or number asked for: the only one, the only one of what is counted, or the nearest by far."""
    how_many = COUNTED.search(query.text) if want == "count" else None
    if how_many and how_many["part"]:
        # "How many of the cases": what stands before "cases" is how many there are in all.
        nouns = {term for _, _, term in spelt_terms(how_many["what"])}
        in_all = [v for v in found if nouns & {t for _, _, t in spelt_terms(text[v.end_char : v.end_char + 60])[:3]}]
        found = [v for v in found if v not in in_all] or found
    if len(found) == 1:
        return found[0]
    nearness = _nearness(query, text, found)
    (best, first), (second, _) = sorted(zip(nearness, range(len(found)), strict=True), reverse=True)[:2]
    return found[first] if best > 0 and best - second >= CLEARLY_NEARER * best else None


def _nearness(query: Query, text: str, found: Sequence[Found]) -> list[float]:
    """Return for each value how near the question's words are to it, by how much each says."""
    words = spelt_terms(text)
    said = _said(query, words)
    return [
        sum(max((weight / (1 + _distance(place, at)) for at in ats), default=0.0) for weight, ats in said)
        for place in _places(words, found)
    ]


def _said(query: Query, words: Sequence[tuple[int, int, str]]) -> list[tuple[float, list[int]]]:
    """Return how much each content word of the question says, with its places among the words of the quote."""
    pairs = zip(query.terms, query.weights, strict=True)
    return [(w, [i for i, (_, _, t) in enumerate(words) if held(term, {t})]) for term, w in pairs if w > 0]


def _places(words: Sequence[tuple[int, int, str]], found: Sequence[Found]) -> list[_Place]:
    places = []
    for value in found:
        inside = [i for i, (start, end, _) in enumerate(words) if start < value.end_char and value.start_char < end]
        places.append(_Place(value, inside[0] if inside else 0, inside[-1] if inside else 0))
    return places


def _distance(place: _Place, at: int) -> float:
    if place.first <= at <= place.last:
        return float("inf")
    return place.first - at if at < place.first else at - place.last


def _named(query: Query, text: str, found: Sequence[Found], want: Want) -> Found | None:
    """Return the person who does, or the place where is done, what the question asks; only one may fit."""
    # What is found of these in Chinese stands where it does what is asked.
    if HAN.match(found[0].text):
        return found[0] if len(found) == 1 else None
    words = spelt_terms(text)
    if want == "person":
        done = _done(query)
        at = {i for i, (_, _, term) in enumerate(words) if done and held(done, {term})}
        fitting = [p for p in _places(words, found) if _does(text, words, p, at)]
    else:
        fitting = [p for p in _places(words, found) if PLACED.search(text[: p.found.start_char])]
    return fitting[0].found if len(fitting) == 1 and not PEOPLE.search(fitting[0].found.text) else None


def _done(query: Query) -> Term | None:
    """Return what the question says that somebody did: the first content word behind "who"."""
    asks = WHO.search(query.text)
    if asks is None:
        return None
    pairs = zip(query.terms, query.weights, strict=True)
    return next((term for term, weight in pairs if weight > 0 and term.start_char >= asks.end()), None)


def _does(text: str, words: Sequence[tuple[int, int, str]], place: _Place, done: set[int]) -> bool:
    """Tell whether a text says "done by NAME", with a few words in between, or "NAME did"."""
    before, after = place.first - 1, place.last + 1
    if before > 0 and words[before][2] == "by":
        return any(at in done for at in range(before - 1 - MOST_BETWEEN, before))
    return after in done and not text[place.found.end_char : words[after][0]].strip()
