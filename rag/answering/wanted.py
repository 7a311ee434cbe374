"""What kind of value a question asks for, and where a text holds values of that kind; knows English and Chinese.

A value is the shortest text that answers such a question by itself: "March 2019", "$2.5 million", "31 kilometres",
"Ada Lindqvist", "Tulsa, Oklahoma". Its surface tells what it is; nothing is looked up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

from rag.expected import expected_kind
from rag.terms import FUNCTION_WORDS

Want = Literal["year", "period", "date", "share", "money", "measure", "count", "person", "place"]

_MONTH = (
    r"(?:Jan(?:uary|\.)?|Feb(?:ruary|\.)?|Mar(?:ch|\.)?|Apr(?:il|\.)?|May|June?|July?|Aug(?:ust|\.)?|"
    r"Sept?(?:ember|\.)?|Oct(?:ober|\.)?|Nov(?:ember|\.)?|Dec(?:ember|\.)?)"
)
_YEAR = r"(?:1\d{3}|20\d\d)(?![\d,.]?\d)"
_ERA = r"(?:\d{1,4} ?(?:AD|BCE?|CE)\b|\bAD ?\d{1,4})"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_CENTURY = (
    r"\d{1,2}(?:st|nd|rd|th)(?:[ -](?:and|to|or) \d{1,2}(?:st|nd|rd|th))?[ -]centur(?:y|ies)(?: (?:BCE?|AD|CE)\b)?"
)
_DECADE = r"(?:1\d|20)\d0s"
_HAN_DATE = (
    r"\d{2,4} ?年(?: ?\d{1,2} ?月(?:(?: ?\d{1,2} ?[日号])?|[上中下]旬))?|"
    r"\d{1,2} ?月 ?\d{1,2} ?[日号]|[一二三四五六七八九〇零○]{4}年"
)
_DATE = (
    rf"{_HAN_DATE}|{_DAY}(?: of)? {_MONTH}(?:,? {_YEAR})?|{_MONTH} {_DAY}(?! ?(?:percent|%|million|"
    rf"years))\b(?: ?, ?{_YEAR})?|{_MONTH} {_YEAR}|\d{{4}}-\d\d-\d\d|"
    rf"(?:the )?{_CENTURY}|{_DECADE}|{_ERA}|{_YEAR}"
)
_ONES = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    "eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
)
_SCALE = "hundred|thousand|million|billion|trillion|dozen"
_DIGITS = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_SPELT = rf"(?:(?i:{_ONES})(?:-(?:{_ONES}))?|half|[Aa] (?={_SCALE}))"
_HAN_NUMBER = r"(?:\d[\d,]*(?:\.\d+)?|[一二三四五六七八九十百千两零]+)[多余]?[万亿]{0,2}"
_NUMBER = rf"(?:(?:{_DIGITS}|{_SPELT})(?:[ -]?(?:{_SCALE})(?!\w))*)"
# Whole numbers and their ranges: "between 20 and 30" is one value, and so is "40–50"; "in 2019 and 300 in 2020" is two.
_RANGE = rf"(?:(?<=between ){_NUMBER} and {_NUMBER}|{_NUMBER}(?:(?: ?[-–—] ?| to ){_NUMBER})?)"
_SHARE = rf"{_RANGE} ?(?:%|％|per ?cent(?:age points?)?\b)|百分之{_HAN_NUMBER}|\d+(?:\.\d+)?[％%]"
_MONEY = (
    rf"(?:US|HK|A|C|AU|CA)?[$£€¥₤₹] ?{_RANGE}(?: ?(?:bn|m|k)\b)?|"
    rf"{_RANGE} (?:(?:US|Hong Kong|Canadian|Australian) )?(?:dollars|euros?|pounds|yuan|RMB|rupees|francs|marks|"
    rf"yen|cents|USD|CNY)\b|"
    rf"(?:RMB|USD|CNY|HKD|EUR|GBP) ?{_RANGE}|{_HAN_NUMBER}(?:元|美元|欧元|英镑|日元|港元)"
)
_UNITS = (
    r"(?:square |cubic |nautical |light[ -])?(?:kilomet(?:re|er)s?|met(?:re|er)s?|centimet(?:re|er)s?|"
    r"millimet(?:re|er)s?|"
    r"miles?|feet|foot|inch(?:es)?|yards?|acres?|hectares?|km2?|km²|mi2?|cm|mm|ft|m|kg|kilograms?|grams?|tonn?es?|"
    r"tons?|pounds|lbs?|"
    r"lit(?:re|er)s?|gallons?|degrees?|°C|°F|watts?|[kMG]W|volts?|mph|km/h|knots|"
    r"seconds?|minutes?|hours?|days?|weeks?|months?|years?|decades?|centuries|generations?)"
)
_MEASURE = (
    rf"{_RANGE}[ -]?{_UNITS}(?![\w])(?:[ -](?:old|long|tall|"
    rf"high|wide|deep)\b)?|{_HAN_NUMBER}(?:公里|千米|米|厘米|公斤|吨|"
    rf"年|个?月|天|小时|分钟|岁|平方公里|平方米|公顷|亩)"
)
_HAN_COUNT = rf"{_HAN_NUMBER}(?=[个位名家座条艘次部人岁所间项种届场只])"
_CAP = r"(?:(?:[A-Z]\.){1,3}|(?:Dr|Mr|Mrs|Ms|St|Jr|Sr|Prof|Gen|Col|Capt|Lt)\.|[A-ZÀ-ÖØ-Þ][\w'’-]*[\w])"
_NAME = (
    rf"{_CAP}(?:(?: (?:of(?: the)?|de|del|della|van|von|der|den|la|le|du|da|di|dos|bin|ibn|al|the|&))? {_CAP}|"
    rf" [IVX]+\b)*"
)
_PLACE = (
    rf"(?<![\w-])(?:in|at|from|near|to|outside|across|into|around|off|inside|of|within|"
    rf"on) ((?:the )?{_NAME}(?: ?, {_NAME})*)"
)
# Names in Chinese are told from other words only by what stands around them.
_HAN_PERSON = (
    r"(?<=名叫|名为|叫做)[\u4e00-\u9fff·]{2,6}(?=[，。,、（(；]|$)|"
    r"(?<=由)[\u4e00-\u9fff·]{2,6}?(?=[设创建发撰编导主写制])"
)
_HAN_PLACE = r"(?:位于|坐落于|坐落在|地处|设在|出生于)([\u4e00-\u9fff]{2,16}?)(?=[，。,、（(；的]|$)"

# Han characters count as letters for ``\\w``, and no space parts them from a number.
_NOT_BEFORE = r"(?<![A-Za-z0-9_.,$£€-])"
_NOT_AFTER = r"(?![A-Za-z0-9_]|[.,]\d| ?[%％]| ?per ?cent)"
PATTERNS: dict[Want, str] = {
    "year": rf"{_NOT_BEFORE}(?:\d{{4}} ?年|{_YEAR})|{_ERA}",
    "period": rf"{_NOT_BEFORE}{_CENTURY}|{_DECADE}",
    "date": rf"{_NOT_BEFORE}(?:{_DATE})(?:(?: ?[–—-] ?| to | and )(?:{_DATE}))?",
    "share": rf"{_NOT_BEFORE}(?:{_SHARE})",
    "money": rf"(?<![A-Za-z0-9_.,])(?:{_MONEY})",
    "measure": rf"{_NOT_BEFORE}(?:{_MEASURE})",
    "count": rf"{_NOT_BEFORE}(?:{_HAN_COUNT}|{_RANGE}{_NOT_AFTER})",
    "person": rf"{_NAME}|{_HAN_PERSON}",
    "place": rf"{_PLACE}|{_HAN_PLACE}",
}
# Asked in this order; the first that matches tells.
QUESTIONS: tuple[tuple[Want, re.Pattern[str]], ...] = (
    ("period", re.compile(r"\b(?:what|which) (?:century|centuries|decade)\b", re.IGNORECASE)),
    ("year", re.compile(r"\b(?:what|which)(?: \w+)? years?\b|哪一?年", re.IGNORECASE)),
    (
        "share",
        re.compile(
            r"\b(?:what|which) (?:\w+ )?(?:percent(?:age)?|proportion|"
            r"share)\b|\bhow many percent|百分之[几多]|占.{0,6}多少",
            re.IGNORECASE,
        ),
    ),
    (
        "money",
        re.compile(
            r"\bhow much (?:money|did .* (?:cost|pay|earn|spend|sell|raise|make)|(?:does|do|is|was|"
            r"were) .* (?:cost|paid|worth|earn|make|fine))|"
            r"\bhow much (?:\w+ )?(?:does|do|did) .* (?:cost|pay|earn|spend|raise)|多少[钱元]",
            re.IGNORECASE,
        ),
    ),
    (
        "measure",
        re.compile(
            r"\bhow (?:long|far|tall|high|wide|deep|old|large|big|heavy|fast)\b|\bhow many (?:years|days|months|"
            r"weeks|hours|minutes|miles|kilomet|met(?:er|re)s|feet|"
            r"acres|hectares|square)|多[长高远大宽深久重]|多少[米公千吨年天岁亩平]",
            re.IGNORECASE,
        ),
    ),
    (
        "count",
        re.compile(
            r"\bhow many\b|\bwhat (?:is |was )?(?:the )?(?:\w+ )?(?:number|"
            r"population)\b|多少[个位名家座条艘次部人所间项种届场]?|"
            r"几[个位名家座条艘次部所间项种]",
            re.IGNORECASE,
        ),
    ),
)
# Question words that ask, rather than say when or where something asked about is the case.
ASKED: dict[Want, re.Pattern[str]] = {
    "date": re.compile(
        r"^\W*(?:(?:and|so|since|until|by|from|in|on) )?(?:when|(?:what|which) (?:\w+ )?date)\b|什么时候|何时|"
        r"哪[一]?[天日月]|几[月日号]",
        re.IGNORECASE,
    ),
    "place": re.compile(r"^\W*(?:(?:and|so|in|at|from) )?where\b|哪里|哪儿|何处|在哪", re.IGNORECASE),
    "person": re.compile(r"^\W*(?:(?:and|so|by) )?who(?:m)?\b|谁", re.IGNORECASE),
}


@dataclass(frozen=True)
class Found:
    """A value in a text.

    Attributes:
        start_char: Its first character.
        end_char: One past its last.
        text: What is written.
    """

    start_char: int
    end_char: int
    text: str


def wanted(question: str) -> Want | None:
    """Return what kind of value a question asks for; ``None`` when its words do not tell."""
    found = [(match.start(), want) for want, pattern in QUESTIONS if (match := pattern.search(question))]
    kind = expected_kind(question)
    if kind in ("number", "date") and found:
        return found[0][1]
    return next((want for want, asks in ASKED.items() if want == kind and asks.search(question)), None)


def values(want: Want, text: str) -> list[Found]:
    """Return the values of a kind that a text holds, in order, none overlapping another."""
    return [found for match in _pattern(want).finditer(text) if (found := _found(want, match))]


@cache
def _pattern(want: Want) -> re.Pattern[str]:
    # When it is first looked for: all of them take a tenth of the time in which the library is imported.
    return re.compile(PATTERNS[want])


def _found(want: Want, match: re.Match[str]) -> Found | None:
    group = next((n for n in range(1, (match.re.groups or 0) + 1) if match[n]), 0)
    start, end = match.span(group)
    text = match[group]
    if want == "person":
        first, _, rest = text.partition(" ")
        # Any word is capitalised where a sentence begins.
        while first.casefold() in FUNCTION_WORDS or first in NO_NAMES:
            if not rest:
                return None
            start += len(first) + 1
            text = rest
            first, _, rest = text.partition(" ")
    if want == "place" and text.split(" ")[-1] in NO_NAMES:
        return None
    return Found(start, end, text)


NO_NAMES = frozenset(
    "January February March April May June July August September October November December Monday Tuesday Wednesday "
    "Thursday Friday Saturday Sunday After Before During Since Until Although However Because Both Many Most Several "
    "Some Each Every All Another Other Later Also Then Thus Under Through Between Among Against Despite Unlike Like "
    "Only Even Once One Two Three First Second Following According Over Upon Within Without Here There Such Today Now "
    "Instead Meanwhile Moreover Furthermore Therefore While Whereas Eventually Finally Originally Initially".split()
)
