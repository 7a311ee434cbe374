"""Whether a sentence says of a value what the question asks of it: in its clause, and of whom or what it names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from itertools import pairwise

from rag.answering.happenings import events
from rag.answering.opposites import NEGATION
from rag.answering.predicate import Predicate, begins_with_pronoun, names_of, predicate
from rag.answering.wanted import Found
from rag.terms import FUNCTION_CHARACTERS, spelt_terms

# What parts two happenings; a comma is as likely to part a happening from its day.
CLAUSES = re.compile(r"[;:]|\b(?:and|but|while|whereas|although|though|before|after)\b", re.IGNORECASE)
# Share of the question's other words that have to be there where what happens is said in other words.
LEAST_SHARE = 0.5
# Words behind "not" of which one is denied; "not until 1978" says when.
MOST_BEHIND = 3
NO_DENIAL = re.compile(r"\W*(?:until|before|only|just|merely)\b", re.IGNORECASE)
# "Date: Friday, 14 June" needs no verb.
LABEL = re.compile(r"\b(?:date|day|when|time|duration): *(?:\w+day,? )?$", re.IGNORECASE)
NUMBER = re.compile(r"\d+")
HAN = re.compile("[\u4e00-\u9fff]")
HOW = re.compile(r"\bhow (long|tall|high|wide|deep|old|far|fast|heavy|large|big)\b", re.IGNORECASE)
COMMAS = re.compile("[，；：。、,;]")


def fitting(question: str, text: str, found: Sequence[Found], *, plainly: bool = False) -> list[Found]:
    """Return the values of which a sentence says what the question asks.

    Args:
        question: The question.
        text: The sentence.
        found: Values in it.
        plainly: Whether what happens has to be said in the value's own clause, rather than nothing else.

    Returns:
        Those; all where the question does not tell what it asks of them.
    """
    asked = predicate(question)
    if HAN.search(question):
        return _best_clause(question, text, found)
    if _denied(asked, question, text):
        return []
    labelled = [value for value in found if LABEL.search(text[: value.start_char])]
    if labelled:
        return labelled
    found = _dated([value for value in found if about(asked, text[: value.start_char])], question, text)
    said = [_stems(_clause(text, value)) for value in found]
    holding = [v for v, stems in zip(found, said, strict=True) if asked.happens & stems]
    if holding:
        return holding
    if plainly:
        return _plain(question, asked, text, found)
    return [v for v, stems in zip(found, said, strict=True) if _enough(asked, stems, _stems(text))]


def _plain(question: str, asked: Predicate, text: str, found: Sequence[Found]) -> list[Found]:
    """Return the values that say what they measure, or whose clause has all words of a question without a verb."""
    how = HOW.search(question)
    if how:
        return [v for v in found if how[1].casefold() in text[v.start_char : v.end_char + len(how[0])].casefold()]
    if asked.happens or not asked.others:
        return []
    return [v for v in found if asked.others <= _stems(_clause(text, v))]


def counted(question: str, text: str, found: Sequence[Found], nouns: Sequence[str]) -> list[Found]:
    """Return the numbers that stand before what is counted, or beside it where there is no other number.

    Args:
        question: The question.
        text: The sentence.
        found: Numbers in it.
        nouns: Stems of what is counted, the last of which names it.

    Returns:
        Those; none where the sentence does not speak of it.
    """
    asked = predicate(question)
    if _denied(asked, question, text):
        return []
    found = _dated([value for value in found if about(asked, text[: value.start_char])], question, text)
    behind = [{t for _, _, t in spelt_terms(text[v.end_char : v.end_char + 60])[:MOST_BEHIND]} for v in found]
    before = [v for v, words in zip(found, behind, strict=True) if nouns[-1] in words]
    whole = [v for v, words in zip(found, behind, strict=True) if words.issuperset(nouns)]
    return whole or before or [v for v in found if len(found) == 1 and nouns[-1] in _stems(_clause(text, v))]


def _dated(found: list[Found], question: str, text: str) -> list[Found]:
    """Return the values whose clause has the question's numbers, where some have them and others do not."""
    numbers = set(NUMBER.findall(question))
    having = [value for value in found if numbers & set(NUMBER.findall(_clause(text, value)))]
    return having or found


def about(asked: Predicate, before: str) -> bool:
    """Tell whether what stands before a value speaks of what the question names, or names nothing else."""
    # Behind what happens stand those it happens to: "the firm was sold to Vexel in 2016".
    happens = next((start for start, _, term in spelt_terms(before) if term in asked.happens), len(before))
    theirs = names_of(before[:happens])
    if len(asked.names) != 1 or not theirs or begins_with_pronoun(before):
        return True
    lower = before.casefold()
    return any(word in lower for word in asked.names[0])


def speaks_of(question: str, text: str, before: Sequence[str]) -> bool:
    """Tell whether a sentence names what a question names, or points to a sentence that does.

    Args:
        question: The question.
        text: The sentence.
        before: Those before it in its passage.

    Returns:
        Whether it does; never where the question names nothing.
    """
    asked = predicate(question).names
    if not asked or _all_named(asked, text):
        return bool(asked)
    if not begins_with_pronoun(text):
        return False
    # What "she" or "it" is, the nearest sentence before tells that does not begin so itself.
    told = next((s for s in reversed(before) if names_of(s) and not begins_with_pronoun(s)), "")
    said = frozenset().union(*(names_of(text) or [frozenset()]))
    return _all_named([name for name in asked if not name & said], told)


def _all_named(asked: Iterable[AbstractSet[str]], text: str) -> bool:
    """Tell whether a text has all names, whole or in part, and none of them with another word: "Jonas" for "Marta"."""
    theirs = names_of(text, whole=True)
    return all(any(name & other and other <= name for other in theirs) for name in asked)


def _denied(asked: Predicate, question: str, text: str) -> bool:
    """Tell whether a sentence says that what is asked about did not happen: "was not damaged"."""
    if NEGATION.search(question):
        return False
    for denial in NEGATION.finditer(text):
        behind = spelt_terms(text[denial.end() :])[:MOST_BEHIND]
        if asked.happens & {term for _, _, term in behind} and not NO_DENIAL.match(text, denial.end()):
            return True
    return False


def _enough(asked: Predicate, clause: AbstractSet[str], sentence: AbstractSet[str]) -> bool:
    """Tell whether what is asked may be said in other words: it has the other words, and says nothing else happened."""
    if not asked.happens:
        return not asked.others or len(asked.others & sentence) >= LEAST_SHARE * len(asked.others)
    if asked.happens & sentence:
        return True
    if not asked.others or clause & events():
        return False
    return len(asked.others & sentence) >= LEAST_SHARE * len(asked.others)


def _stems(text: str) -> frozenset[str]:
    return frozenset(term for _, _, term in spelt_terms(text))


def _clause(text: str, value: Found) -> str:
    """Return the clause of a value."""
    start, end = 0, len(text)
    for match in CLAUSES.finditer(text):
        if match.end() <= value.start_char:
            start = match.end()
        elif match.start() >= value.end_char:
            end = match.start()
            break
    return text[start:end]


def _best_clause(question: str, text: str, found: Sequence[Found]) -> list[Found]:
    """Return the values in the clause, between commas, that has most of a Chinese question's words."""
    asked = {t for _, _, t in spelt_terms(question)} | _pairs(question)
    starts = [0, *(m.end() for m in COMMAS.finditer(text))]
    shares = []
    for n, start in enumerate(starts):
        end = starts[n + 1] if n + 1 < len(starts) else len(text)
        shares.append((len(asked & _pairs(text[start:end])), start, end))
    most = max(shares)[0]
    return [v for v in found if any(share == most and start <= v.start_char < end for share, start, end in shares)]


def _pairs(text: str) -> set[str]:
    """Return pairs of Han characters of a text, without those that only ask."""
    return {a + b for a, b in pairwise(text) if HAN.match(a) and HAN.match(b) and not {a, b} <= FUNCTION_CHARACTERS}
