"""Numbers, shares and days in a text, in the one form that all their writings have in common; knows no index terms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

MONTHS = tuple("january february march april may june july august september october november december".split())
_MONTH = "|".join(f"{month[:3]}(?:{month[3:]})?" for month in MONTHS).replace("sep(", "sept?(")
MAGNITUDES = {
    "hundred": 10**2, "thousand": 10**3, "lakh": 10**5, "million": 10**6, "mn": 10**6, "crore": 10**7,
    "billion": 10**9, "bn": 10**9, "trillion": 10**12, "tn": 10**12, "万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8,
}  # fmt: skip
DIGIT = re.compile("[0-9]")
# Longer ones are keys of some sort rather than numbers.
NUMBER = re.compile(
    r"(?<![\w.,])(?P<digits>(?:\d{1,3}(?:,\d{3}){1,4}|\d{1,15})(?:\.\d{1,9})?)(?![.,]?\d)"
    r"(?:[ -]?(?P<magnitude>hundred|thousand|lakh|[mb]illion|trillion|crore|[mbt]n)\b|(?P<han> ?[万萬亿億]))?"
    r"(?P<percent> ?[%％]| ?per ?cent\b)?",
    re.IGNORECASE | re.ASCII,
)
DAY = re.compile(
    rf"\b(?P<day_before>\d\d?(?:st|nd|rd|th)?)(?: of)? (?P<month_after>{_MONTH})\b|"
    rf"\b(?P<month>{_MONTH})\.? (?:(?P<day>\d\d?(?:st|nd|rd|th)?)|\d{{4}})\b|"
    r"\b\d{4}-(?P<month_number>\d\d)-(?P<day_number>\d\d)\b|"
    r"(?<!\d)(?P<month_han>\d\d?)月",
    re.IGNORECASE | re.ASCII,
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
        Those that are not in their common form, none overlapping another.
    """
    # Most sentences hold no digit, and this is asked of every one that an answer might be made of.
    if not DIGIT.search(text):
        return []
    days = [part for match in DAY.finditer(text) for part in _parts(match)]
    taken = {place for day in days for place in range(day.start_char, day.end_char)}
    numbers = [_number(match) for match in NUMBER.finditer(text) if taken.isdisjoint(range(*match.span()))]
    return [q for q in (*days, *numbers) if not _is_common(text[q.start_char : q.end_char], q.form)]


def _is_common(written: str, form: str) -> bool:
    # What has signs in it is more than one word.
    return written.isalnum() and written.casefold() == form


def _number(match: re.Match[str]) -> Quantity:
    magnitude = (match["magnitude"] or match["han"] or "").strip().lower()
    value = Decimal(match["digits"].replace(",", "")) * MAGNITUDES.get(magnitude, 1)
    whole = int(value)
    form = str(whole) if value == whole else f"{value:f}".rstrip("0")
    return Quantity(*match.span(), f"{form}%" if match["percent"] else form)


def _parts(match: re.Match[str]) -> Iterator[Quantity]:
    """Yield the month and the day of a match."""
    for name, written in match.groupdict().items():
        if not written:
            continue
        if name.startswith("day"):
            yield Quantity(*match.span(name), str(int(written[:2].rstrip("stndrh"))))
        elif not written.isdigit():
            yield Quantity(*match.span(name), next(month for month in MONTHS if month.startswith(written[:3].lower())))
        elif 1 <= int(written) <= 12:
            yield Quantity(*match.span(name), MONTHS[int(written) - 1])
