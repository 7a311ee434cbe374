"""Title, date and language of a document, read from its text; knows nothing of files, cleaning or passages.

``find_title`` and ``find_date`` take decoded or canonical text; only the former still has YAML front matter.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier  # type: ignore[import-untyped]

MAX_TITLE_CHARS = 200
DATE_WITHIN_CHARS = 600
LANGUAGE_SAMPLE_CHARS = 3_000

_TITLE_WITHIN_CHARS = 4_000
_TITLE_WITHIN_LINES = 6
_FRONT_MATTER = re.compile(r"\s*---[ ]*\n((?:.*\n)*?)(?:---|\.\.\.)[ ]*(?:\n|\Z)")
_FRONT_MATTER_TITLE = re.compile(r"(?im)^title ?: *(?:(['\"])(.+)\1|([^'\"\s].*)) *$")
_MARKED_HEADING = re.compile(r"(#{1,6}) +(.*?)(?: +#+)?$")
_UNDERLINE = re.compile(r"(?:={3,}|-{3,}|~{3,})$")
_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_MARKUP = re.compile(r"\*{1,3}|`|<[^>]*>|(?<!\w)_{1,3}|_{1,3}(?!\w)")
_ENDS_OPEN = re.compile(
    r"(?i)(?:\b(?:a|an|and|as|at|between|by|for|from|in|into|of|on|or|over|the|to|under|with)|[&,–—-])$"
)
_SENTENCE_END = re.compile(r"[.。．;；][\"”’'」』)）]*$")
_BYLINE = re.compile(
    r"(?i:by|author|source|editor|executive editor|reporter|written by|photo|share|views|tags|category"
    r"|来源|來源|作者|编辑|編輯|责任编辑|記者|记者|出典|출처|기자)\s*[:：].*|By(?: [A-Z][\w.'’-]*){2,4}",
)
_STANDS_EMPTY = re.compile(
    r"(?i)(?:\b(?:admin|editor|source|author|share|views?|hits|time|from|font|print)\b|来源|作者|\W|\d)*"
)

_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sep(?:t(?:ember)?)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY, _YEAR = r"(?P<day>\d{1,2})", r"(?P<year>[12]\d{3})"
_DATES = [
    re.compile(r"(?<![\d./-])" + pattern, re.IGNORECASE)
    for pattern in (
        rf"{_YEAR}(?P<sep>[-/.])(?P<month>\d{{1,2}})(?P=sep){_DAY}(?![\d/-]|\.\d)",
        rf"{_YEAR} ?[年년] ?(?P<month>\d{{1,2}}) ?[月월] ?{_DAY} ?[日号號일]",
        rf"\b{_MONTH} {_DAY}(?:st|nd|rd|th)?,? ?{_YEAR}(?!\d)",
        rf"{_DAY}(?:st|nd|rd|th)?(?: of)?[ -]{_MONTH},?[ -]{_YEAR}(?!\d)",
        rf"(?P<first>\d{{1,2}})(?P<sep>[/.-])(?P<second>\d{{1,2}})(?P=sep){_YEAR}(?![\d/-]|\.\d)",
    )
]
_YEAR_FIRST = frozenset(_DATES[:2])
_TIME = re.compile(
    r"(?:T|,? (?:at )?|[ |]*)\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?(?: ?[AP]M\b)?(?:Z| ?[+-]\d{2}:?\d{2}| [A-Z]{3,4}\b)?"
)
_LABEL = (
    r"(?:(?:release|publish(?:ed|ing)?|publication|post(?:ed)?|issued?|upload(?:ed)?) ?(?:time|date|on|at)?|pubdate"
    r"|date(?:d| published)?|time|updated?(?: on| at)?|last (?:updated|modified)(?: on)?"
    r"|发布时间|發布時間|发布日期|发表时间|時間|时间|日期|公開日|更新日|작성일|등록일)"
)
_LABELLED = re.compile(rf"(?i)(?:^|[|·•(\[])\W*{_LABEL}['\"\s]*$|(?:^|\W){_LABEL}\s*[:：]['\"\s]*$")
_UPDATED = re.compile(r"(?i)updated?|modified|更新")
_DATELINE_PLACE = re.compile(r"(?:[A-Z]{2,}|(?:[A-Z]\.){2,}|[A-Z][a-z]+\.),? $")
_DATELINE_END = re.compile(r"\s*(?:$|/|--|–|—|-\s|\()")
_WEEKDAY = re.compile(r"(?i)\b(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\b")

_SCRIPTS = {
    "ja": r"[\u3040-\u30ff]",
    "ko": r"[\uac00-\ud7a3\u1100-\u11ff]",
    "th": r"[\u0e00-\u0e7f]",
    "zh": r"[\u3400-\u9fff]",
}
_MIN_LETTERS = 20
_MIN_PROBABILITY = 0.7


def find_title(text: str, *, fallback: str) -> str:
    """Return a document's title, at most 200 characters in one line.

    It is the title in the front matter, else the first top heading of Markdown or reStructuredText near the start, else
    the first line that is not a date or byline if it reads like a heading, else a lower heading. A first line that ends
    in a word such as "and" goes on in the next; a date before the title is no part of it.

    Args:
        text: Decoded or canonical text.
        fallback: What to return when the text has no title, such as the name of its file.

    Returns:
        The title without Markdown marks, in NFC, an ellipsis at its end where it was cut; `fallback` as it was given.
    """
    front_matter, body = _front_matter(text)
    match = _FRONT_MATTER_TITLE.search(front_matter)
    lines = [" ".join(line.split()) for line in body[:_TITLE_WITHIN_CHARS].splitlines()]
    marked = list(_marked_headings(lines))
    title = (
        (match and (match[2] or match[3]))
        or next((heading for level, heading in marked if level == 1), "")
        or _first_heading_line([line for line in lines if line])
        or next((heading for _, heading in marked), "")
    )
    return _shorten(_plain(title)) or fallback


def choose_title(given: str, text: str, *, fallback: str) -> str:
    """Return the title that a file gives itself if its text bears it out, else the one in the text, else the given one.

    What a file says of itself is often the title of the template or of the site.

    Args:
        given: The title that the file gives itself, or ``""``.
        text: Decoded or canonical text.
        fallback: What to return where there is none.

    Returns:
        A title as `find_title` returns it.
    """
    title = _shorten(_plain(given))
    if title and title.casefold() in " ".join(text[:_TITLE_WITHIN_CHARS].split()).casefold():
        return title
    lines = [" ".join(line.split()) for line in text[:_TITLE_WITHIN_CHARS].splitlines()]
    stated = any(level == 1 for level, _ in _marked_headings(lines))
    return title if title and not stated else find_title(text, fallback=fallback)


def find_date(text: str) -> str | None:
    """Return the day a document says it was published, as ISO 8601, or ``None`` where it says none.

    Looked for in its first 600 characters: a date with a label, on a line of its own or set off in one, or in a news
    agency's dateline; a date inside a sentence is what the text is about. 04/05/2024 could be two days and is none.

    Args:
        text: Decoded or canonical text.

    Returns:
        ``YYYY-MM-DD``; of several dates the first that is not marked as that of an update, else the first.
    """
    found = list(_publication_dates(text[:DATE_WITHIN_CHARS]))
    return next((day for day, updated in found if not updated), found[0][0] if found else None)


def find_language(text: str) -> str:
    """Return a text's language as ISO 639-1, or ``"und"`` when it is too short or uncertain.

    Chinese, Japanese, Korean and Thai are told by their script, others by py3langid on the first 3,000 characters.
    """
    sample = text[:LANGUAGE_SAMPLE_CHARS]
    letters = sum(c.isalpha() for c in sample)
    counts = {language: len(re.findall(script, sample)) for language, script in _SCRIPTS.items()}
    # A Chinese, Japanese or Korean character says as much as two or three Latin letters.
    if (counts["ja"] + counts["zh"]) > 0.3 * letters and counts["ja"] + counts["zh"] > 1:
        return "ja" if counts["ja"] > 0.1 * (counts["ja"] + counts["zh"]) else "zh"
    for language in ("ko", "th"):
        if counts[language] > 0.3 * letters and counts[language] > 1:
            return language
    if letters < _MIN_LETTERS:
        return "und"
    language, probability = _identifier().classify(sample)
    return language if probability >= _MIN_PROBABILITY and len(language) == 2 else "und"


@lru_cache(maxsize=1)
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def _front_matter(text: str) -> tuple[str, str]:
    """Split a text into its front matter, or ``""``, and the rest."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    match = _FRONT_MATTER.match(text)
    return (match[1], text[match.end() :]) if match else ("", text)


def _marked_headings(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Yield the headings marked as such with their level, from 1; a ``#`` in fenced code is a comment."""
    fenced = False
    for line, below in zip(lines, [*lines, ""][1:], strict=True):
        fenced ^= line.startswith(("```", "~~~"))
        match = _MARKED_HEADING.match(line)
        if match and not fenced and _plain(match[2]):
            yield len(match[1]), match[2]
        elif _UNDERLINE.match(below) and not fenced and len(below) >= len(line) // 2 and _may_be_underlined(line):
            yield 1 if below[0] == "=" else 2, line


def _may_be_underlined(line: str) -> bool:
    return line[:1].isalnum() and not _SENTENCE_END.search(line) and not _is_date_or_byline(line)


def _first_heading_line(lines: list[str]) -> str:
    """Return the first line that is not a date or byline, joined with the next where it is broken; ``""`` for prose."""
    for number, line in enumerate(lines[:_TITLE_WITHIN_LINES]):
        if _is_date_or_byline(line):
            continue
        title = _without_leading_date(line.lstrip("# "))
        below = lines[number + 1] if number + 1 < len(lines) else ""
        if _ENDS_OPEN.search(title) and below and len(title) + len(below) < MAX_TITLE_CHARS:
            title = f"{title} {below}"
        return title if len(title) <= MAX_TITLE_CHARS and not _SENTENCE_END.search(title) else ""
    return ""


def _is_date_or_byline(line: str) -> bool:
    """Whether nothing but dates, times and labels stands on a line, or who wrote it."""
    if not any(c.isalpha() for c in _plain(line)) or _BYLINE.fullmatch(line):
        return True
    rest = line
    for pattern in _DATES:
        rest = pattern.sub(" ", rest)
    return rest != line and bool(_STANDS_EMPTY.fullmatch(re.sub(rf"(?i){_LABEL}\s*[:：]?", " ", _TIME.sub(" ", rest))))


def _without_leading_date(line: str) -> str:
    for match in _dates(line):
        before, after = line[: match.start()], line[match.end() :]
        if _LABELLED.fullmatch(before) or (not before and match.re in _YEAR_FIRST):
            time = _TIME.match(after)
            return after[time.end() if time else 0 :].lstrip(" -–—:|,，：") or line
    return line


def _plain(title: str) -> str:
    """Return a title without Markdown marks, invisible characters and odd spaces, in NFC."""
    text = _MARKUP.sub("", _LINK.sub(r"\1", _IMAGE.sub("", title)))
    hidden = {"Cc", "Cf", "Cs"}
    visible = "".join(c for c in text if c.isspace() or c in "\u200c\u200d" or unicodedata.category(c) not in hidden)
    return unicodedata.normalize("NFC", " ".join(visible.split()))


def _shorten(title: str) -> str:
    if len(title) <= MAX_TITLE_CHARS:
        return title
    head = title[: MAX_TITLE_CHARS - 1]
    return (head.rsplit(" ", 1)[0] if " " in head[100:] else head) + "…"


def _dates(text: str) -> list[re.Match[str]]:
    """Return what looks like a date, in order."""
    found = [match for pattern in _DATES for match in pattern.finditer(text)]
    return sorted(found, key=lambda match: match.start())


def _publication_dates(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the days that stand where publication dates stand, in order, each with whether it is that of an update."""
    for match in _dates(text):
        before = text[: match.start()].rpartition("\n")[2].lstrip()
        after = text[match.end() :].partition("\n")[0]
        labelled = _LABELLED.search(before)
        day = _valid_day(match)
        if day and (labelled or _is_dateline(before, after) or _stands_apart(match, before, after)):
            yield day, bool(labelled and _UPDATED.search(labelled[0]))


def _is_dateline(before: str, after: str) -> bool:
    return bool(_DATELINE_PLACE.search(before) and _DATELINE_END.match(after))


def _stands_apart(match: re.Match[str], before: str, after: str) -> bool:
    """Whether a date is alone on its line or set off from the rest of it, as no date in a sentence is."""
    before = _WEEKDAY.sub("", before)
    time = _TIME.match(after)
    rest = after[time.end() if time else 0 :].strip(" .)]")
    if re.search(r"\w", before):
        return before.rstrip().endswith(("|", "·", "•")) and not re.match(r"\w", rest)
    return time is not None or match.re in _YEAR_FIRST or not rest or rest[0] in "|·•-–—/("


def _valid_day(match: re.Match[str]) -> str | None:
    """Return the ISO day of a match, or ``None`` for a day no calendar has or that could be two days."""
    group = match.groupdict()
    if "first" in group:
        first, second = int(group["first"]), int(group["second"])
        if first <= 12 and second <= 12 and first != second:
            return None
        day, month = (first, second) if second <= 12 else (second, first)
    else:
        name = group["month"].rstrip(".").lower()
        month = int(name) if name.isdigit() else 1 + next(n for n, m in enumerate(_MONTHS) if m.startswith(name[:3]))
        day = int(group["day"])
    try:
        return date(int(group["year"]), month, day).isoformat()
    except ValueError:
        return None
