"""Questions for several things to whole lists: quotes that stand in a list are widened to all its items.

Knows two kinds of list: lines with bullets or numbers, and sentences that count ("First, …", "第一，…").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from rag.answering.sentences import Run, sentence_text

ASKS_FOR_SEVERAL = re.compile(
    r"^\W*(?:please )?(?:list|name|enumerate)\b|"
    r"\b(?:what|which|who) (?:are|were) (?:the|some|all|its|their)\b|"
    r"\b(?:what|which) (?:of the )?(?:two|three|four|five|six|seven|eight|nine|ten|\d+|other|kinds?|types?|sorts?)\b|"
    r"\b(?:what|which) (?:[\w'’-]+ )?(?!(?:is|was|does|has|this)\b)\w{3,}(?<![su])s (?!is\b|was\b)|"
    r"哪些|哪几|列出|列举",
    re.IGNORECASE,
)
BULLET = re.compile(r"(?:[-*+•‣·▪]|\(?\d{1,3}[.)]|[（(]?[一二三四五六七八九十]{1,3}[)）、])\s*\S")
COUNTS = re.compile(
    r"(?:First|Second|Third|Fourth|Fifth|Sixth|Seventh|Eighth|Last|Final)(?:ly)?\b|(?:Another|Next)\b|"
    r"第[一二三四五六七八九十]|首先|其次|再次|最后",
)
# A list is quoted up to so many items and characters.
MOST_ITEMS, MOST_CHARS = 20, 1_500


def whole_lists(question: str, runs: Sequence[Run]) -> list[Run]:
    """Return quotes, those that stand in a list together with all its items, where a question asks for several things.

    Args:
        question: The question.
        runs: Quotes, best first.

    Returns:
        The same, some longer; those that lie in another are left out.
    """
    if not ASKS_FOR_SEVERAL.search(question):
        return list(runs)
    widened: list[Run] = []
    for run in map(_whole, runs):
        if not any(o.key == run.key and o.first <= run.first and run.last <= o.last for o in widened):
            widened.append(run)
    return widened


def _whole(run: Run) -> Run:
    texts = [sentence_text(run.candidate, n) for n in range(len(run.candidate.stored.passage.sentences))]
    for item in (BULLET, COUNTS):
        first, last = _list_around(texts, run, item)
        if last - first >= 1 and first <= run.last + 1 and run.first <= last:
            # What announces a list says what its items are.
            first -= first > 0 and texts[first - 1].rstrip().endswith((":", "："))
            return replace(run, first=min(first, run.first), last=max(_bounded(texts, first, last), run.last))
    return run


def _list_around(texts: Sequence[str], run: Run, item: re.Pattern[str]) -> tuple[int, int]:
    """Return the first and the last sentence of the list that a quote stands in or announces; nothing is (0, -1)."""
    starts = [n for n, text in enumerate(texts) if item.match(text)]
    inside = [n for n in starts if run.first <= n <= run.last]
    announced = run.last + 1 if texts[run.last].rstrip().endswith((":", "：")) or item is COUNTS else -1
    at = inside[0] if inside else announced if announced in starts else -1
    if at < 0:
        return 0, -1
    first = last = at
    # Between two items there may be what else the first one says.
    while (before := max((n for n in starts if n < first), default=-9)) >= first - 3:
        first = before
    while (after := min((n for n in starts if n > last), default=10**9)) <= last + 3:
        last = after
    return first, last


def _bounded(texts: Sequence[str], first: int, last: int) -> int:
    chars = 0
    for number in range(first, last + 1):
        chars += len(texts[number]) + 1
        if chars > MOST_CHARS or number - first >= MOST_ITEMS:
            return max(first, number - 1)
    return last
