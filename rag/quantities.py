"""Numbers, shares and days in a text, in the one form that all their writings have in common; knows no index terms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

MONTHS = tuple("january february march april may june july august september october november december".split())
# Names of months as they are written in lower case, to whole ones.
_NAMES = {name: month for month in MONTHS for name in (month, month[:3])} | {"sept": "september"}
MAGNITUDES = {
    "hundred": 10**2, "thousand": 10**3, "lakh": 10**5, "million": 10**6, "mn": 10**6, "crore": 10**7,
    "billion": 10**9, "bn": 10**9, "trillion": 10**12, "tn": 10**12, "万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8,
}  # fmt: skip
# These are asked of every sentence that an answer might be made of, and few hold any. A pattern that begins with a
# digit, or with letters in their case, is searched ten times as fast as others: what has to be before it comes after.
DIGIT = re.compile("[0-9]")
NUMBER_SIGN = re.compile(
    r"\d(?:[.,]\d| ?[%％万萬亿億]|[ -]?(?i:hund|thou|lakh|[mbt]n|[mb]ill|tril|cror|per ?c))", re.ASCII
)
# Longer ones are keys of some sort rather than numbers.
NUMBER = re.compile(
    r"(?P<digits>\d(?<![\w.,].)(?:\d{0,2}(?:,\d{3}){1,4}|\d{0,14})(?:\.\d{1,9})?)(?![.,]?\d)"
    r"(?:[ -]?(?P<magnitude>(?i:hundred|thousand|lakh|[mb]illion|trillion|crore|[mbt]n))\b|(?P<han> ?[万萬亿億]))?"
    r"(?P<percent> ?[%％]| ?(?i:per ?cent)\b)?",
    re.ASCII,
)
DAY_FIRST = re.compile(
    r"(?P<first>\d(?<!\w.)\d{0,3}(?:st|nd|rd|th)?)"
    r"(?:(?: of)? (?P<month>[A-Za-z]{3,9})\b|-(?P<month_number>\d\d)-(?P<day_number>\d\d)\b|(?P<han>月))",
    re.ASCII,
)
_STARTS = "|".join(start for month in MONTHS for start in (month[:3], month[:3].title(), month[:3].upper()))
MONTH_FIRST = re.compile(
    rf"(?P<month>(?:{_STARTS})(?<!\w...)[A-Za-z]{{0,6}})\.? (?:(?P<day>\d\d?(?:st|nd|rd|th)?)|\d{{4}})\b(?![.,]\d)",
    re.ASCII,
)


@dataclass(frozen=True)
class Quantity:
    """A number, a share, or a part of a day.

    Attributes:
        start_char: First character of what is written.
        end_char: One past the last.
        form: What all its writings have in common: ``2040000000``, ``2.04``, ``9%``, ``august``, ``20``.
    """

    start_char: int
    end_char: int
    form: str


def quantities(text: str) -> list[Quantity]:
    """Return the numbers, shares, months and days of a text that can be written in other ways.

    Args:
        text: Any text.

    Returns:
        Those that are not in their common form, in order, none overlapping another.
    """
    if not DIGIT.search(text):
        return []
    matches = (*DAY_FIRST.finditer(text), *MONTH_FIRST.finditer(text))
    days = dict.fromkeys(part for match in matches for part in _parts(match))
    taken = {place for day in days for place in range(day.start_char, day.end_char)}
    numbers = NUMBER.finditer(text) if NUMBER_SIGN.search(text) else ()
    found = [*days, *(_number(match) for match in numbers if taken.isdisjoint(range(*match.span())))]
    other = [q for q in found if not _is_common(text[q.start_char : q.end_char], q.form)]
    return sorted(other, key=lambda q: q.start_char)


def _is_common(written: str, form: str) -> bool:
    # What has signs in it is more than one word; "007" is no other writing of 7.
    return written.isalnum() and (written.casefold() == form or written == form.zfill(3))


def _number(match: re.Match[str]) -> Quantity:
    magnitude = (match["magnitude"] or match["han"] or "").strip().lower()
    value = Decimal(match["digits"].replace(",", "")) * MAGNITUDES.get(magnitude, 1)
    whole = int(value)
    form = str(whole) if value == whole else f"{value:f}".rstrip("0")
    return Quantity(*match.span(), f"{form}%" if match["percent"] else form)


def _parts(match: re.Match[str]) -> Iterator[Quantity]:
    """Yield the month and the day of a match; nothing where it is no day."""
    written = {group: value for group, value in match.groupdict().items() if value}
    if name := written.get("month"):
        if name.lower() not in _NAMES:
            return
        yield Quantity(*match.span("month"), _NAMES[name.lower()])
    for group in ("month_number", "first" if "han" in written else ""):
        if group in written and 1 <= int(written[group].rstrip("stndrh")) <= 12:
            yield Quantity(*match.span(group), MONTHS[int(written[group].rstrip("stndrh")) - 1])
    for group in ("day", "day_number", "first" if name else ""):
        if group in written and 1 <= (day := int(written[group].rstrip("stndrh"))) <= 31:
            yield Quantity(*match.span(group), str(day))
