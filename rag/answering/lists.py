"""Questions for several things to whole lists: quotes that stand in a list are widened to all its items.

Knows three kinds of list: items with bullets or numbers, sentences that count ("First, …", "第一，…"), and lines
without a full stop.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from rag.answering.sentences import Run, sentence_text
from rag.enumerators import CLAUSE, ITEM

ASKS_FOR_SEVERAL = re.compile(
    r"^\W*(?:please )?(?:list|name|enumerate)\b|"
    r"\b(?:what|which|who) (?:are|were) (?:the|some|all|its|their)\b|"
    r"\b(?:what|which) (?:of the )?(?:two|three|four|five|six|seven|eight|nine|ten|\d+|other|kinds?|types?|sorts?)\b|"
    r"\b(?:what|which) (?:[\w'’-]+ )?(?!(?:is|was|does|has|this)\b)\w{3,}(?<![su])s "
    r"(?!(?:is|was|the|an?|its?|his|her|their|our|my|your|this|that|these|those|any|every|each|more|less|\d+)\b)|"
    r"哪些|哪几|列出|列举",
    re.IGNORECASE,
)
ENUMERATED = re.compile(rf"(?:{ITEM}|{CLAUSE})\s*\S")
NUMBER = re.compile(r"\W*(\d+(?:\.\d+)*)")
HEADING = re.compile(r"#{1,6} ")
CODE = ("```", "~~~")
ENDED = re.compile(r"[.!?…。！？][\"”’)*_]*\Z")
COUNTS = re.compile(
    r"(?:First|Second|Third|Fourth|Fifth|Sixth|Seventh|Eighth|Last|Final)(?:ly)?\b|(?:Another|Next)\b|"
    r"第[一二三四五六七八九十]|首先|其次|再次|最后",
)
# A list is quoted up to so many items and characters.
MOST_ITEMS, MOST_CHARS = 20, 1_500
# From an item to the next there are at most so many sentences.
MOST_BETWEEN = 3


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
    best_is_list = False
    for number, run in enumerate(runs):
        whole = _whole(run)
        best_is_list |= number == 0 and whole is not None
        # What the passage of a whole list says besides is none of its items.
        if number and best_is_list and whole is None and run.key == runs[0].key:
            continue
        quote = whole or run
        if not any(_holds(other, quote) for other in widened):
            widened.append(quote)
    return widened


def _holds(run: Run, other: Run) -> bool:
    return run.key == other.key and run.first <= other.first and other.last <= run.last


def _whole(run: Run) -> Run | None:
    """Return a quote with all items of the list that it stands in or announces; ``None`` where there is no list."""
    texts = [sentence_text(run.candidate, n) for n in range(len(run.candidate.stored.passage.sentences))]
    enumerated = [n for n, text in enumerate(texts) if ENUMERATED.match(text)]
    counting = [n for n, text in enumerate(texts) if COUNTS.match(text)]
    for starts, announced in ((enumerated, _announces(texts[run.last])), (counting, True), (_lines(run, texts), False)):
        first, last = _list_around(texts, run, starts, announced=announced)
        if last - first >= 1 and first <= run.last + 1 and run.first <= last:
            # What announces a list says what its items are.
            first -= first > 0 and _announces(texts[first - 1])
            whole = replace(run, first=min(first, run.first), last=max(_bounded(texts, first, last), run.last))
            return _without_code(whole, texts, last)
    return None


def _without_code(run: Run, texts: Sequence[str], last: int) -> Run:
    """Return a quote of a list without a block of code right behind it, unless that was chosen before all else."""
    code = next((n for n in range(last + 1, run.last + 1) if texts[n].startswith(CODE)), None)
    if code is None or run.chosen[0].number >= code:
        return run
    return replace(run, last=code - 1, chosen=tuple(s for s in run.chosen if s.number < code))


def _announces(text: str) -> bool:
    return text.rstrip().endswith((":", "："))


def _lines(run: Run, texts: Sequence[str]) -> list[int]:
    """Return the sentences that are lines without a full stop, with another such line right above or below."""
    passage = run.candidate.stored.passage
    spans = passage.sentences
    between = [
        passage.text[a.end_char - passage.start_char : b.start_char - passage.start_char] for a, b in pairwise(spans)
    ]
    alone = [not ENDED.search(text) and not HEADING.match(text) and "\n" not in text for text in texts]
    beside = [gap == "\n" and alone[n] and alone[n + 1] for n, gap in enumerate(between)]
    return [n for n in range(len(texts)) if (n < len(beside) and beside[n]) or (n > 0 and beside[n - 1])]


def _list_around(texts: Sequence[str], run: Run, starts: Sequence[int], *, announced: bool) -> tuple[int, int]:
    """Return the first and the last sentence of the list that a quote stands in or announces; nothing is (0, -1)."""
    inside = [n for n in starts if run.first <= n <= run.last]
    at = inside[0] if inside else run.last + 1 if announced and run.last + 1 in starts else -1
    if at < 0:
        return 0, -1
    first = last = starts.index(at)
    while first > 0 and _goes_on(texts, starts[first - 1], starts[first]):
        first -= 1
    while last + 1 < len(starts) and _goes_on(texts, starts[last], starts[last + 1]):
        last += 1
    return starts[first], starts[last]


def _goes_on(texts: Sequence[str], item: int, following: int) -> bool:
    """Tell whether an item belongs to the list of the one before it, of which some more sentences may say something."""
    if following > item + MOST_BETWEEN or any(map(HEADING.match, texts[item + 1 : following])):
        return False
    numbers = [NUMBER.match(texts[n]) for n in (item, following)]
    one, other = ([int(part) for part in found[1].split(".")] if found else None for found in numbers)
    return one is None or other is None or one <= other


def _bounded(texts: Sequence[str], first: int, last: int) -> int:
    chars = 0
    for number in range(first, last + 1):
        chars += len(texts[number]) + 1
        if chars > MOST_CHARS or number - first >= MOST_ITEMS:
            return max(first, number - 1)
    return last
