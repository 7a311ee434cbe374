"""Messages in the language of a page: raised in English, as programs and logs have them, and shown as readers read."""

from __future__ import annotations

import re
from functools import cache

from rag.web.said_zh import CHINESE

# What a page's own requests say of its language; others are answered in English, as is documented.
PAGE_LANGUAGE = "x-leadgoose-page"

HOLE = re.compile(r"\{(\d*|…)\}")
WHOLE = "…"
# A reason behind the name of a file, with or without a colon; and what is shown where a message is not known.
NAMED = re.compile(r"(.{1,300}?\.\w{1,8}|\S+?):? (.+)")
# Longer or deeper ones are none of ours.
MOST_CHARS, MOST_DEEP = 2_000, 4
# What is in Chinese already, as of questions in Chinese.
_IS_CHINESE = re.compile(r"[\u4e00-\u9fff]{4}")
UNKNOWN = "出错（原文）：{}"


def worded(message: str, language: str) -> str:
    """Return a message in the language of a page.

    Args:
        message: In English, in one line.
        language: ``"en"`` or ``"zh"``.

    Returns:
        It in Chinese where the page is, as far as it is known; behind words that say so where it is not.
    """
    if language != "zh" or not message or _IS_CHINESE.search(message):
        return message
    return " ".join(_found(one) or UNKNOWN.format(one) for one in _sentences(message))


def _sentences(message: str) -> list[str]:
    """Return the notices that a message is made of; each but the first begins in a way of its own."""
    return re.split(r" (?=The chat model |One sentence of the chat model |\d+ sentences of the chat model )", message)


def _found(message: str, deep: int = 0) -> str | None:
    if len(message) > MOST_CHARS or deep > MOST_DEEP:
        return None
    for pattern, chinese in _patterns():
        if match := pattern.fullmatch(message):
            return _filled(chinese, match, deep)
    named = NAMED.fullmatch(message)
    inner = named and _found(named[2], deep + 1)
    if not named or not inner:
        return None
    return f"{named[1]} {inner}" if inner.startswith("的") else f"{named[1]}：{inner}"


def _filled(chinese: str, match: re.Match[str], deep: int) -> str:
    whole = match.groupdict().get("whole")
    place = match.re.groupindex.get("whole")
    plain = [value for number, value in enumerate(match.groups(), start=1) if number != place]
    values = iter(plain)

    def fill(hole: re.Match[str]) -> str:
        if hole[1] == WHOLE:
            return _found(whole or "", deep + 1) or UNKNOWN.format(whole)
        return plain[int(hole[1])] if hole[1] else next(values)

    return HOLE.sub(fill, chinese)


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    # The longest first: a short one may be the end of a longer one.
    ordered = sorted(CHINESE.items(), key=lambda item: (-len(HOLE.sub("", item[0])), item[0]))
    return [(re.compile(_pattern(english), re.DOTALL), chinese) for english, chinese in ordered]


def _pattern(english: str) -> str:
    parts = HOLE.split(english)
    texts, holes = parts[::2], parts[1::2]
    written = re.escape(texts[0])
    for hole, text in zip(holes, texts[1:], strict=True):
        written += ("(?P<whole>.+?)" if hole == WHOLE else "(.*?)") + re.escape(text)
    return written
