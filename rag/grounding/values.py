"""Numbers, shares, amounts and dates that a text states, each as one value whatever its writing; knows no claims.

"2.04 billion", "2,040,000,000" and "20.4亿" are one number; "Aug 20th", "20 August", "2022-08-20" and "8月20日" one
day. Beside the common forms that `rag.quantities` gives search terms these have what a comparison needs: units, the
parts of a date together, numbers in words, and ordinals.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from rag.quantities import MAGNITUDES, MONTHS

ONES = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_ORDINAL_ONES = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth"
).split()
CARDINALS = {word: number for number, word in enumerate(ONES, start=1)}
CARDINALS |= {word: 10 * number for number, word in enumerate(TENS, start=2)}
CARDINALS |= {f"{ten}-{one}": CARDINALS[ten] + CARDINALS[one] for ten in TENS for one in ONES[:9]}
ORDINALS = {word: number for number, word in enumerate(_ORDINAL_ONES, start=1)}
ORDINALS |= {f"{ten[:-1]}ieth": CARDINALS[ten] for ten in TENS}
ORDINALS |= {f"{ten}-{one}": CARDINALS[ten] + ORDINALS[one] for ten in TENS for one in _ORDINAL_ONES[:9]}
# What is counted off rather than counted: "fifth" and "5" may be the same, "fifth" and "5 years" are not.
ORDINAL = "th"
# Units that exclude each other; any other word behind a number says what is counted, and is left to the comparison.
UNITS = {
    word: unit
    for unit, words in {
        "%": "% ％ percent percentage 个百分点",
        "dollar": "$ dollar dollars usd 美元", "yuan": "¥ ￥ yuan rmb cny renminbi 元 人民币",
        "euro": "€ euro euros eur 欧元", "pound": "£ gbp sterling 英镑", "yen": "yen jpy 日元", "rupee": "₹ rupees inr",
        "metre": "m metre metres meter meters 米", "kilometre": "km kilometre kilometres kilometer kilometers 公里",
        "mile": "mile miles 英里", "foot": "ft foot feet 英尺", "inch": "inch inches 英寸",
        "centimetre": "cm centimetre centimetres centimeter centimeters 厘米",
        "kilogram": "kg kilogram kilograms 公斤", "gram": "gram grams 克", "tonne": "tonne tonnes ton tons 吨",
        "second": "second seconds 秒", "minute": "minute minutes 分钟", "hour": "hour hours 小时", "day": "day days 天",
        "week": "week weeks 周", "month": "month months 个月", "year": "year years 岁", "decade": "decade decades",
        "century": "century centuries 世纪", "hectare": "hectare hectares 公顷", "acre": "acre acres 英亩 亩",
    }.items()
    for word in words.split()
}  # fmt: skip
_NAMES = {name: n for n, month in enumerate(MONTHS, start=1) for name in (month, month[:3])} | {"sept": 9}
_MONTH = r"(?P<month>(?:{})\.?)".format("|".join(sorted(_NAMES, key=len, reverse=True)))
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>1\d{3}|20\d{2})"
DATES = tuple(
    re.compile(pattern, re.IGNORECASE | re.ASCII)
    for pattern in (
        rf"(?<!\w){_YEAR}-(?P<month_number>[01]?\d)-(?P<day>[0-3]?\d)(?!\w)",
        r"(?:(?P<year>1\d{3}|20\d{2}) ?年 ?)?(?P<month_number>[01]?\d) ?月(?: ?(?P<day>[0-3]?\d) ?[日号號])?",
        rf"(?<![\w.,-]){_DAY}(?: of)? {_MONTH}(?!\w)(?:,? {_YEAR}(?!\w))?",
        rf"(?<!\w){_MONTH} {_DAY}(?![\w%]|[.,:]\d)(?:,? {_YEAR}(?!\w))?",
        rf"(?<!\w){_MONTH},? (?:of )?{_YEAR}(?!\w)",
    )
)
# A month alone; two of them are other words as well, unless something before them says otherwise.
LONE_MONTH = re.compile(
    r"(?<!\w)(?:(?P<month>January|February|April|June|July|August|September|October|November|December)|"
    r"(?:in|since|until|by|of|last|this|next|from|early|late|mid|before|after) (?P<may>March|May))(?!\w)"
)
NUMBER = re.compile(
    r"(?<![^\W_])(?<!\d[.,])(?P<sign>[$€£¥￥₹] ?)?"
    r"(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?![.,]?\d)"
    r"(?P<ordinal>st\b|nd\b|rd\b|th\b)?(?:s\b)?"
    r"(?:[ -]?(?P<magnitude>hundred|thousand|lakh|million|billion|trillion|crore|[mbt]n)\b|(?P<han> ?[万萬亿億百千]+))?"
    r"(?P<percent> ?[%％]| ?per ?cent\b)?",
    re.IGNORECASE | re.ASCII,
)
_WORDS = "|".join(sorted({*CARDINALS, *ORDINALS} - {"one"}, key=len, reverse=True))
SPELT = re.compile(
    rf"(?<![\w-])(?P<word>{_WORDS}|one(?= (?:hundred|thousand|[mb]illion|trillion)\b)|a(?= (?:hundred|thousand)\b))"
    r"(?:[ -](?P<magnitude>hundred|thousand|million|billion|trillion))?(?P<percent> per ?cent)?(?![\w])",
    re.IGNORECASE,
)
HAN_DIGITS = {digit: number for number, digit in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "兩": 2}
HAN_UNITS = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
# A numeral of one sign is part of too many words to count unless it counts something or orders it.
HAN_NUMBER = re.compile(
    "(?P<percent>百分之)?(?P<ordinal>第)?(?P<han>[零〇一二两兩三四五六七八九十百千万萬亿億]{2,}|"
    "(?<=第)[一二三四五六七八九十]|(?<=百分之)[一二三四五六七八九十]|[二两兩三四五六七八九十](?=[个個名家项項年月日届次人位种條条所座岁倍天]))"
)
FOLLOWING = re.compile(r"[ -]?([^\W\d_]+)")


@dataclass(frozen=True)
class Value:
    """One number or date of a text.

    Attributes:
        start_char: First character of what is written.
        end_char: One past the last.
        number: Its value; ``None`` for a date.
        unit: What kind of units it is in, such as ``%`` or ``dollar``, `ORDINAL` where something is counted off; ``""``
            where that is not known.
        year: Of a date, or ``None``.
        month: Of a date, 1 to 12, or ``None``.
        day: Of a date, 1 to 31, or ``None``.
    """

    start_char: int
    end_char: int
    number: Decimal | None = None
    unit: str = ""
    year: int | None = None
    month: int | None = None
    day: int | None = None

    @property
    def is_date(self) -> bool:
        """Whether it is a month, or a day of one."""
        return self.number is None

    @property
    def is_year(self) -> bool:
        """Whether it is a number that is probably a year."""
        number = self.number
        return number is not None and not self.unit and number == int(number) and 1000 <= number <= 2100


def find_values(text: str) -> list[Value]:
    """Return the numbers and dates of a text in order, none overlapping another."""
    found: list[Value] = []
    taken: set[int] = set()
    for value in (*_dates(text), *_numbers(text), *_spelt(text), *_han(text)):
        places = range(value.start_char, value.end_char)
        if taken.isdisjoint(places):
            taken.update(places)
            found.append(value)
    return sorted(found, key=lambda value: value.start_char)


def _dates(text: str) -> Iterator[Value]:
    for pattern in DATES:
        for match in pattern.finditer(text):
            parts = match.groupdict()
            named = (parts.get("month") or "").lower().rstrip(".")
            # "may 10" and "sun" written small are other words.
            if named and match["month"][0].islower():
                continue
            month = _NAMES.get(named) or int(parts.get("month_number") or 0)
            day = int(parts["day"]) if parts.get("day") else None
            if 1 <= month <= 12 and (day is None or 1 <= day <= 31):
                year = int(parts["year"]) if parts.get("year") else None
                yield Value(*match.span(), year=year, month=month, day=day)
    for match in LONE_MONTH.finditer(text):
        group = "month" if match["month"] else "may"
        yield Value(*match.span(group), month=_NAMES[match[group].lower()])


def _numbers(text: str) -> Iterator[Value]:
    for match in NUMBER.finditer(text):
        number = Decimal(match["digits"].replace(",", ""))
        for sign in (match["han"] or "").strip():
            number *= HAN_UNITS[sign]
        number *= MAGNITUDES.get((match["magnitude"] or "").lower(), 1)
        yield Value(*match.span(), number.normalize(), _unit(text, match))


def _spelt(text: str) -> Iterator[Value]:
    for match in SPELT.finditer(text):
        word = match["word"].lower()
        number = Decimal(CARDINALS.get(word) or ORDINALS.get(word) or 1)
        number *= MAGNITUDES.get((match["magnitude"] or "").lower(), 1)
        yield Value(*match.span(), number.normalize(), ORDINAL if word in ORDINALS else _unit(text, match))


def _unit(text: str, match: re.Match[str]) -> str:
    parts = match.groupdict()
    if parts.get("percent"):
        return "%"
    if sign := parts.get("sign"):
        return UNITS[sign.strip()]
    if parts.get("ordinal"):
        return ORDINAL
    following = FOLLOWING.match(text, match.end())
    word = following[1].lower() if following else ""
    if word in ("us", "american", "hong", "canadian", "australian") and following:
        following = FOLLOWING.match(text, following.end())
        word = following[1].lower() if following else ""
    # Without spaces nothing parts the unit from what follows.
    return UNITS.get(word) or next((UNITS[word[:n]] for n in (3, 2, 1) if not word.isascii() and word[:n] in UNITS), "")


def _han(text: str) -> Iterator[Value]:
    for match in HAN_NUMBER.finditer(text):
        number = _han_number(match["han"])
        if number is not None:
            unit = "%" if match["percent"] else ORDINAL if match["ordinal"] else _unit(text, match)
            yield Value(*match.span(), Decimal(number).normalize(), unit)


def _han_number(signs: str) -> int | None:
    """Return the value of Chinese numerals, ``None`` where they are none; 二〇二二 is read digit by digit."""
    if all(sign in HAN_DIGITS for sign in signs):
        return int("".join(str(HAN_DIGITS[sign]) for sign in signs))
    if signs[0] in "百千万萬亿億":
        return None
    total = section = digit = 0
    for sign in signs:
        if sign in HAN_DIGITS:
            digit = HAN_DIGITS[sign]
        elif HAN_UNITS[sign] < 10**4:
            section += (digit or 1) * HAN_UNITS[sign]
            digit = 0
        else:
            total, section, digit = (total + section + digit) * HAN_UNITS[sign], 0, 0
    return total + section + digit
