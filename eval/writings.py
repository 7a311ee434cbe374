"""Questions in another writing by rule: misspelt, with other numbers, with a phrase in quotation marks, abbreviated.

Knows questions and the texts they are about; nothing of who answers them. The same question is always rewritten alike.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from string import ascii_lowercase

from eval.perturb import DAY, NUMBER_WORDS
from eval.questions import Question
from rag.abbreviations import Abbreviation, find_abbreviations
from rag.phrases import QUOTED, fold
from rag.terms import FUNCTION_WORDS

# A question, and the texts it may be about by document, to the question in another writing; `None` where there is none.
Rewriting = Callable[[Question, Mapping[str, str]], str | None]

# Shorter words are never taken for misspelt.
WORD = re.compile(r"(?<![\w'’-])[A-Za-z]{4,}(?![\w'’-])")
MOST_QUOTED_WORDS = 6
AMOUNT = re.compile(r"(?<![\w.,])(\d+(?:\.\d+)?) (million|billion|trillion)\b")
ZEROS = {"million": 6, "billion": 9, "trillion": 12}
SEPARATED = re.compile(r"(?<![\w.,])\d{1,3}(?:,\d{3})+(?!\d|[.,]\d)")
SIGN = re.compile(r"(?<=\d) ?%")
PERCENT = re.compile(r"(?<=\d) ?per ?cent\b")
COUNTS = dict(enumerate(NUMBER_WORDS, start=2))
SPELT = re.compile(rf"(?<![\w-])(?:{'|'.join(NUMBER_WORDS)})(?![\w-])")
COUNT = re.compile(r"(?<![\w.,$€£-])(?:[2-9]|1[0-2])(?![\w%-]|[.,:/]\d| ?%)")


def rewritten(questions: Sequence[Question], texts: Mapping[str, str], rewrite: Rewriting) -> list[Question]:
    """Return the answerable questions that a rule can rewrite, in their other writing.

    Args:
        questions: Of a gold set.
        texts: Its documents' texts as given, by id.
        rewrite: The rule.

    Returns:
        Questions that differ from the given ones of the same ids in what is asked alone.
    """
    found = ((q, rewrite(q, texts)) for q in questions if q.answerable)
    return [replace(q, question=other) for q, other in found if other and other != q.question]


def misspelt(question: Question, _texts: Mapping[str, str]) -> str | None:
    """Return the question with one letter of one content word left out, added, replaced or exchanged; not its first.

    Reference:
        The four kinds of mistake of Damerau (1964), "A technique for computer detection and correction of spelling
        errors".
    """
    words = [match for match in WORD.finditer(question.question) if match[0].lower() not in FUNCTION_WORDS]
    if not words:
        return None
    # A string as seed is digested the same way in every process.
    chance = random.Random(f"misspelt {question.id}")  # noqa: S311
    match = chance.choice(words)
    return _put(question.question, match.span(), _misspell(match[0], chance))


def _misspell(word: str, chance: random.Random) -> str:
    place, letter = chance.randrange(1, len(word) - 1), chance.choice(ascii_lowercase)
    before, at, following, after = word[:place], word[place], word[place + 1], word[place + 2 :]
    written = (before + following, before + letter + at + following, before + letter + following)
    others = (*written, before + following + at)
    return chance.choice([other + after for other in others if other + after != word])


def other_numbers(question: Question, _texts: Mapping[str, str]) -> str | None:
    """Return the question with its first number or day that has another writing in that one.

    "2.04 billion" becomes 2,040,000,000; 6,200 becomes 6200; "%" percent, and back; "August 20" becomes "20 Aug", and
    "20 August" "Aug 20th"; two to twelve become digits, and back.
    """
    for pattern, other in NUMBERS:
        if match := pattern.search(question.question):
            return _put(question.question, match.span(), other(match))
    return None


def _in_full(match: re.Match[str]) -> str:
    return f"{int(Decimal(match[1]).scaleb(ZEROS[match[2]])):,}"


def _other_day(match: re.Match[str]) -> str:
    if match["month"]:
        return f"{match['day']} {match['month'][:3]}"
    day = int(match["day_first"])
    ending = {1: "st", 2: "nd", 3: "rd"}.get(0 if 10 < day < 20 else day % 10, "th")
    return f"{match['month_after'][:3]} {day}{ending}"


# The first that applies is taken: a share is not a count besides.
NUMBERS: Sequence[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]] = (
    (AMOUNT, _in_full),
    (SEPARATED, lambda match: match[0].replace(",", "")),
    (SIGN, lambda _: " percent"),
    (PERCENT, lambda _: "%"),
    (DAY, _other_day),
    (SPELT, lambda match: str(NUMBER_WORDS.index(match[0]) + 2)),
    (COUNT, lambda match: COUNTS[int(match[0])]),
)


def quoting(question: Question, texts: Mapping[str, str]) -> str | None:
    """Return the question with the longest run of its words that stands in a gold paragraph in quotation marks.

    The run has at most `MOST_QUOTED_WORDS` words, the first and last of which are content words; a question that quotes
    is left alone.
    """
    if QUOTED.search(question.question):
        return None
    held = [f" {fold(paragraph)} " for paragraph in _paragraphs(question, texts)]
    words = list(re.finditer(r"\w+", question.question))
    for size in range(MOST_QUOTED_WORDS, 1, -1):
        for first in range(len(words) - size + 1):
            run = words[first : first + size]
            start, end = run[0].start(), run[-1].end()
            wanted = question.question[start:end]
            says = [word[0].lower() not in FUNCTION_WORDS for word in (run[0], run[-1])]
            if all(says) and any(f" {fold(wanted)} " in paragraph for paragraph in held):
                return _put(question.question, (start, end), f'"{wanted}"')
    return None


def _paragraphs(question: Question, texts: Mapping[str, str]) -> Iterator[str]:
    for item in question.evidence:
        if item.start_char is not None and item.end_char is not None:
            text = texts[item.document_id]
            end = text.find("\n", item.end_char)
            yield text[text.rfind("\n", 0, item.start_char) + 1 : len(text) if end < 0 else end]


def short_form(question: Question, texts: Mapping[str, str]) -> str | None:
    """Return the question with a short form that a gold document introduces instead of its long one."""
    return _other_form(question, texts, lambda found: (found.long, found.short), re.IGNORECASE)


def long_form(question: Question, texts: Mapping[str, str]) -> str | None:
    """Return the question with a long form that a gold document introduces instead of its short one."""
    return _other_form(question, texts, lambda found: (found.short, found.long), 0)


def _other_form(
    question: Question, texts: Mapping[str, str], sides: Callable[[Abbreviation], tuple[str, str]], flags: int
) -> str | None:
    for name in question.document_ids:
        for asked, other in map(sides, find_abbreviations(texts[name])):
            # Most forms of a document are in none of its questions.
            if asked.lower() not in question.question.lower() or other.lower() in question.question.lower():
                continue
            if match := re.search(rf"(?<!\w){re.escape(asked)}(?!\w)", question.question, flags):
                return _put(question.question, match.span(), other)
    return None


def _put(text: str, span: tuple[int, int], other: str) -> str:
    return text[: span[0]] + other + text[span[1] :]
