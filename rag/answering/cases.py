"""Which year, model or edition a sentence speaks of, by itself, its title, its heading and the sentence before it.

Two sentences that speak of different ones may give different values and both be right.
"""

from __future__ import annotations

import re
from pathlib import PurePath

from rag.answering.sentences import Scored, sentence_text

YEAR = re.compile(r"(?<![\d.,-])(?:1[5-9]|20)\d\d(?![\d,]|\.\d)")
# "In 2022 the firm had ..." tells the year of the sentence behind it too; another year in a sentence need not.
LEADING_YEAR = re.compile(
    r"^\W*(?:in|during|for|since|im jahr) ((?:1[5-9]|20)\d\d)\b|^\W*((?:1[5-9]|20)\d\d) ?年", re.IGNORECASE
)
# "T5", "Q3", "FY23", "X-200"; in lower case it is as likely a file's name or a unit.
CODE = re.compile(r"(?<![A-Za-z0-9-])[A-Z][A-Za-z]*-?\d[A-Za-z0-9]*")
# "Version 2" and "AquaPro 300", and no "3 April".
NUMBERED = re.compile(
    r"\b(?!(?:Chapter|Section|Part|Page|Table|Figure|Appendix|Annex|Article|Step|Item|No|Nr|In|On|At|By|From|Since|"
    r"Until|The|About|Over|Only|For|Of|To|Jan\w*|Feb\w*|Mar\w*|Apr\w*|May|June?|July?|Aug\w*|Sep\w*|Oct\w*|Nov\w*|"
    r"Dec\w*)\b)([A-Z][A-Za-z]+ \d{1,4})(?![\d,%]|\.\d| ?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\w*)"
)


def differ(question: str, one: Scored, other: Scored) -> bool:
    """Tell whether two sentences speak of different years, models or editions.

    Args:
        question: The question; what it names has to be what both speak of, or neither.
        one: A sentence.
        other: A sentence of another document.

    Returns:
        Whether they do.
    """
    pairs = [(_years(one), _years(other)), (_models(one), _models(other))]
    asked = _years_in(question) | _models_in(question)
    if any(mine and theirs and not (mine <= theirs or theirs <= mine) for mine, theirs in pairs):
        return True
    mine, theirs = (frozenset().union(*case) for case in zip(*pairs, strict=True))
    # What only one of them says of itself is no difference, unless the question asks for just that.
    return (asked & mine) != (asked & theirs) and bool(mine) and bool(theirs)


def _years(sentence: Scored) -> frozenset[str]:
    led = [year for year in LEADING_YEAR.findall(_before(sentence)) for year in year if year]
    return _years_in(_above(sentence)) | frozenset(led)


def _models(sentence: Scored) -> frozenset[str]:
    named = _above(sentence)
    # The title of a file without one is its name.
    if named == PurePath(sentence.candidate.stored.passage.document_id).stem:
        named = ""
    return _models_in(f"{named}\n{_before(sentence)}\n{sentence.text}")


def _years_in(text: str) -> frozenset[str]:
    return frozenset(YEAR.findall(text))


def _models_in(text: str) -> frozenset[str]:
    return frozenset(CODE.findall(text)) | frozenset(n for n in NUMBERED.findall(text) if not YEAR.fullmatch(n[-4:]))


def _above(sentence: Scored) -> str:
    stored = sentence.candidate.stored
    return "\n".join(part for part in (stored.title, stored.passage.heading) if part)


def _before(sentence: Scored) -> str:
    return sentence_text(sentence.candidate, sentence.number - 1) if sentence.number else ""
