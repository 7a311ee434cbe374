"""What kind of answer a question asks for, and whether a sentence holds one; knows English and Chinese question words.

Reference:
    The coarse classes of Li, Roth (2002), "Learning Question Classifiers", of which those are kept that can be told
    from surface forms.
"""

from __future__ import annotations

import re
from typing import Literal

Kind = Literal["number", "date", "person", "place", "other"]

_MONTHS = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    "nov(?:ember)?|dec(?:ember)?"
)
_NUMBER_WORDS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    "eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|billion|half|"
    "dozens?|once|twice|third|quarter"
)
QUESTIONS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (
        "number",
        re.compile(
            r"\bhow (?:many|much|long|old|far|large|big|tall|high|often|fast|deep|wide)\b|"
            r"\bwhat (?:percent(?:age)?|proportion|share|number|amount|population|fraction)\b|"
            r"\b(?:number|percentage|proportion) of\b|多少|几[个位家名年次]|多[大长高久]",
            re.IGNORECASE,
        ),
    ),
    (
        "date",
        re.compile(
            r"\bwhen\b|\b(?:what|which) (?:\w+ )?(?:year|date|day|month|century|decade)s?\b|"
            r"什么时候|何时|哪[一]?[年天日月]|几[月日号]",
            re.IGNORECASE,
        ),
    ),
    ("person", re.compile(r"\bwho(?:m|se)?\b|谁|何人", re.IGNORECASE)),
    (
        "place",
        re.compile(
            r"\bwhere\b|\b(?:what|which) (?:city|country|place|state|town|region|province|location|continent)\b|"
            r"哪里|哪儿|何处|在哪|哪个(?:城市|国家|地方)",
            re.IGNORECASE,
        ),
    ),
)
_YEAR = r"\b(?:1\d|20)\d\d\b"
HOLDS: dict[Kind, re.Pattern[str]] = {
    "number": re.compile(rf"\d|\b(?:{_NUMBER_WORDS})\b|[一二三四五六七八九十百千万亿]", re.IGNORECASE),
    "date": re.compile(
        rf"{_YEAR}|\b(?:{_MONTHS})\b\.? ?\d|\d ?(?:{_MONTHS})\b|\b\d+(?:st|nd|rd|th)\b.{{0,12}}centur|\b\d\d?(?:AD|BC)|"
        r"\b\d{1,4} ?(?:AD|BCE?|CE)\b|\b\d0s\b|年|月|日|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|"
        rf"\b(?:in|last|this|next|of) (?:{_MONTHS}|spring|summer|autumn|winter|year)\b",
        re.IGNORECASE,
    ),
    # A capitalised word inside the sentence; names in Chinese cannot be told from the surface.
    "person": re.compile(r"(?:(?<=[a-z,;:] )|(?<=[(\"“‘]))[A-Z][\w'’-]+|^[A-Z][\w'’-]+ [A-Z][\w'’-]+|[\u4e00-\u9fff]"),
    "place": re.compile(
        r"\b(?:in|at|from|to|near|of|into|across|between|outside|around) (?:the )?[A-Z]|[\u4e00-\u9fff]"
    ),
}


def expected_kind(question: str) -> Kind:
    """Return the kind of answer a question asks for; ``other`` when its words do not tell."""
    found = [(match.start(), kind) for kind, pattern in QUESTIONS if (match := pattern.search(question))]
    return min(found)[1] if found else "other"


def holds(kind: Kind, sentence: str, *, question: str) -> bool:
    """Tell whether a sentence holds something of that kind that the question does not say itself."""
    if kind == "other":
        return True
    asked = question.casefold()
    if kind == "number":
        # A day or a year answers when, not how many.
        sentence = HOLDS["date"].sub(" ", sentence)
    return any(match[0].casefold() not in asked for match in HOLDS[kind].finditer(sentence))
