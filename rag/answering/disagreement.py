"""Sentences of other documents that give another number, day or amount than the best one for the same thing.

Two sentences are about the same thing when they share most of their words, are about the same names, and differ in no
number but the one that is asked for, nor in the year or model that their titles tell; two writings of one value, such
as "2.04 billion" and "2,040,000,000", agree.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal

from rag.answering.cases import differ
from rag.answering.highlight import highlight
from rag.answering.sentences import Scored
from rag.answering.wanted import Want, values, wanted
from rag.evidence import Query
from rag.quantities import MAGNITUDES, MONTHS
from rag.schema import Span
from rag.terms import FUNCTION_WORDS

# Sentences that score this much below the best one are about something else. A passage alone makes up to 1.
MARGIN = 1.5
# Share of the content words of the shorter of two sentences, and of both together, that they have to share.
SHARED, SHARED_OF_BOTH = 0.75, 0.5
LEAST_SHARED = 2
# So many other sources are named.
MOST_OTHERS = 3
# What kinds of values can disagree; people and places are often both right.
KINDS: frozenset[Want] = frozenset({"year", "date", "share", "money", "measure", "count"})
# Asked for by none of the question's words, a value is looked for in this order.
ANY_KIND: tuple[Want, ...] = ("share", "money", "measure", "date", "count")
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
# Of numbers without a unit, those that are years.
YEAR = re.compile(r"(?:1\d|20)\d\d")
MONTH_NUMBER = re.compile(r"(?<=\d)-(\d\d)-(?=\d)|(\d{1,2}) ?月")
NAME = re.compile(r"(?<=[\w,;:)\]] )[A-Z][\w'’-]+")
WORD = re.compile(r"[^\W\d_]+|[%％$£€¥°]|\d[\d,]*(?:\.\d+)?")
ABOUT = re.compile(
    r"(?:about|around|some|nearly|almost|roughly|approximately|over|more than|less than|at least|up to|under|"
    r"[约近超过逾])\W*$",
    re.IGNORECASE,
)
NUMBER_WORDS = {
    word: number
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen".split()
    )
} | {word: 10 * tens for tens, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)}
HAN_DIGITS = {digit: number for number, digit in enumerate("零一二三四五六七八九十")} | {"两": 2, "〇": 0}
# Other writings of a unit.
UNITS = {
    "％": "%", "percent": "%", "per": "", "cent": "%", "percentage": "%", "points": "", "point": "", "dollars": "$",
    "usd": "$", "us": "", "euros": "€", "euro": "€", "eur": "€", "pounds": "£", "gbp": "£", "yuan": "¥", "rmb": "¥",
    "cny": "¥", "元": "¥", "kilometers": "km", "kilometres": "km", "kilometre": "km", "kilometer": "km", "公里": "km",
    "meters": "m", "metres": "m", "metre": "m", "meter": "m", "米": "m", "feet": "ft", "foot": "ft", "a": "", "the": "",
    "and": "", "to": "", "of": "", "in": "", "about": "", "old": "", "long": "", "tall": "", "high": "", "wide": "",
    "deep": "", "st": "", "nd": "", "rd": "", "th": "", "年": "", "月": "", "日": "", "号": "",
}  # fmt: skip


@dataclass(frozen=True)
class Contrary:
    """A sentence with the value that it gives.

    Attributes:
        sentence: The sentence.
        value: Place of the value in the sentence.
    """

    sentence: Scored
    value: Span

    @property
    def written(self) -> str:
        """The value as the sentence writes it."""
        return self.sentence.text[self.value.start_char : self.value.end_char]


def disagreeing(query: Query, scored: Sequence[Scored]) -> tuple[Contrary, ...]:
    """Return the best sentence and those of other documents that give another value for the same thing.

    Args:
        query: The query.
        scored: Sentences, best first.

    Returns:
        The best one first, one sentence a document; empty where no document disagrees.
    """
    if not scored or len({s.candidate.stored.passage.document_id for s in scored}) < 2:
        return ()
    best, want = scored[0], wanted(query.text)
    if want is not None and want not in KINDS:
        return ()
    others: dict[str, Contrary] = {}
    own: Contrary | None = None
    for other in scored:
        document = other.candidate.stored.passage.document_id
        if other.score < best.score - MARGIN or len(others) == MOST_OTHERS:
            break
        if document == best.candidate.stored.passage.document_id or document in others or not _akin(best, other):
            continue
        pair = _values(query, want, best.text, other.text)
        if pair and not differ(query.text, best, other) and (own is None or own.value == pair[0]):
            own = Contrary(best, pair[0])
            others[document] = Contrary(other, pair[1])
    return (own, *others.values()) if own else ()


def _akin(one: Scored, other: Scored) -> bool:
    ones, others = _content(one.terms), _content(other.terms)
    shared = len(ones & others)
    enough = shared >= LEAST_SHARED and shared >= SHARED * min(len(ones), len(others))
    return enough and shared >= SHARED_OF_BOTH * max(len(ones), len(others))


def _content(terms: AbstractSet[str]) -> set[str]:
    return {t for t in terms if t not in FUNCTION_WORDS and not any(c.isdigit() for c in t) and t not in NUMBER_WORDS}


def _values(query: Query, want: Want | None, one: str, other: str) -> tuple[Span, Span] | None:
    """Return what two sentences give for the same thing, where that differs and nothing else does."""
    for kind in (want,) if want else ANY_KIND:
        spans = _asked(query, one, other) if want else None
        # Where the question gives a value itself, "Are there 41 pilots?", another source's 48 is what matters; a day
        # tells which case is asked about.
        given = _numbers(query.text) if want or kind == "date" else set()
        spans = spans or _only_difference(kind, one, other, given=given)
        if spans is None:
            continue
        differs = not _agree((one, spans[0]), (other, spans[1])) and _unit(one, spans[0]) == _unit(other, spans[1])
        return spans if differs and _rest_agrees(one, spans[0], other, spans[1]) else None
    return None


def _asked(query: Query, one: str, other: str) -> tuple[Span, Span] | None:
    """Return what is asked for in two sentences, if that is clear in both."""
    first, second = highlight(query, one), highlight(query, other)
    return (first, second) if first and second else None


def _only_difference(kind: Want, one: str, other: str, *, given: AbstractSet[Decimal]) -> tuple[Span, Span] | None:
    """Return the only values of a kind, but those given, in which two sentences differ, if there is one in each."""
    ones, others = (
        {_frozen(v.text): v for v in values(kind, text) if not (kind == "count" and YEAR.fullmatch(v.text))}
        for text in (one, other)
    )
    mine, theirs = (
        [v for key, v in a.items() if key not in b and not key <= given] for a, b in ((ones, others), (others, ones))
    )
    if len(mine) != 1 or len(theirs) != 1:
        return None
    return Span(mine[0].start_char, mine[0].end_char), Span(theirs[0].start_char, theirs[0].end_char)


def _frozen(value: str) -> frozenset[Decimal]:
    return frozenset(_numbers(value))


def _rest_agrees(one: str, span: Span, other: str, other_span: Span) -> bool:
    """Tell whether beside their values two sentences speak of the same numbers and names, as far as both do."""
    rests = (_without(one, span), _without(other, other_span))
    numbers = [set(NUMBER.findall(rest)) for rest in rests]
    names = [set(NAME.findall(rest)) for rest in rests]
    return numbers[0] == numbers[1] and (names[0] <= names[1] or names[1] <= names[0])


def _without(text: str, span: Span) -> str:
    return f"{text[: span.start_char]} {text[span.end_char :]}"


def _agree(one: tuple[str, Span], other: tuple[str, Span]) -> bool:
    """Tell whether two values are the same, or one is a part of the other or rounds it."""
    ones, others = (_numbers(text[span.start_char : span.end_char]) for text, span in (one, other))
    if not ones or not others or ones <= others or others <= ones:
        return True
    rounded = any(ABOUT.search(text[: span.start_char]) or _is_scaled(text, span) for text, span in (one, other))
    return rounded and len(ones) == len(others) == 1 and _rounds(float(*ones), float(*others))


def _is_scaled(text: str, span: Span) -> bool:
    return any(word in text[span.start_char : span.end_char].lower() for word in ("illion", "亿", "万"))


def _rounds(one: float, other: float) -> bool:
    # A value given to two digits is off by at most a twentieth.
    return abs(one - other) <= 0.05 * max(abs(one), abs(other))


def _numbers(value: str) -> set[Decimal]:
    """Return the numbers in a value, months as negative ones, scaled by what stands behind them."""
    found: list[Decimal] = []
    # Months are told by their names.
    for word in WORD.findall(MONTH_NUMBER.sub(_month_name, value)):
        lower = word.lower()
        if NUMBER.fullmatch(word):
            found.append(Decimal(word.replace(",", "")))
        elif lower in NUMBER_WORDS:
            found.append(Decimal(NUMBER_WORDS[lower]))
        elif lower in MAGNITUDES:
            found.append((found.pop() if found else Decimal(1)) * MAGNITUDES[lower])
        elif month := next((n for n, name in enumerate(MONTHS, 1) if len(lower) > 2 and name.startswith(lower)), 0):
            found.append(Decimal(-month))
        elif all(c in HAN_DIGITS for c in word):
            found.append(_han(word))
    return set(found)


def _month_name(match: re.Match[str]) -> str:
    number = int(match[1] or match[2])
    return f" {MONTHS[number - 1]} " if 1 <= number <= len(MONTHS) else match[0]


def _han(word: str) -> Decimal:
    total, last = 0, 0
    for char in word:
        if char == "十":
            total, last = total + 10 * (last or 1), 0
        else:
            last = last * 10 + HAN_DIGITS[char]
    return Decimal(total + last)


def _unit(text: str, span: Span) -> set[str]:
    """Return what a value is counted in, in one writing; for a bare number the word behind it."""
    value = text[span.start_char : span.end_char]
    words = {w.lower() for w in WORD.findall(value) if not NUMBER.fullmatch(w)}
    units = {UNITS.get(w, w) for w in words} - {""}
    return {
        u for u in units if u not in NUMBER_WORDS and u not in MAGNITUDES and not _is_month(u) and u not in HAN_DIGITS
    }


def _is_month(word: str) -> bool:
    return len(word) > 2 and any(name.startswith(word) for name in MONTHS)
