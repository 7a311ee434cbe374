"""Key facts of a question, its numbers and names, and whether passages speak of them; knows no scores.

A question that changes one year or one name of what a document says looks just like one that the document answers, to
every measure of likeness: whether the changed fact occurs at all is what tells them apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from rag.evidence import Query
from rag.initials import other_forms, short_forms
from rag.stored import StoredPassage
from rag.terms import Term, document_terms, held

ORDINALS = frozenset(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "twentieth hundredth".split()
)
# How many, as in "the 2 posts": said no less often in words, or not at all by documents that name them one by one.
COUNT = re.compile(r"(?:^(?:\w+ )?|\b[a-z]\w*,? )([2-9]|1[0-2])(?= [a-z])")
# A name and a word that begins with it, both at least this long, are taken to be about the same.
AKIN_CHARS = 5


@dataclass(frozen=True)
class KeyFacts:
    """The key facts of a question.

    Attributes:
        numbers: Terms with a digit in them, and ordinal words; no small counts.
        names: Capitalised words inside the question.
        forms: How else passages may write a name: its initials for "United Nations", and the other way round.
    """

    numbers: tuple[Term, ...]
    names: tuple[Term, ...]
    forms: Mapping[Term, frozenset[str]] = field(default_factory=dict)


def key_facts(query: Query) -> KeyFacts:
    """Return the key facts of a question."""
    numbers: list[Term] = []
    names: list[Term] = []
    counts = {match.span(1) for match in COUNT.finditer(query.text)}
    for term, weight in zip(query.terms, query.weights, strict=True):
        read_as = query.glosses.get(term)
        word = read_as or query.text[term.start_char : term.end_char]
        if weight <= 0 or not term.spaced or (term.start_char, term.end_char) in counts:
            continue
        if any(c.isdigit() for c in word) or word.casefold() in ORDINALS:
            numbers.append(term)
        # The first word of a question is capitalised whatever it is.
        elif word[:1].isupper() and (read_as or term.start_char > 0):
            names.append(term)
    forms = {name: other_forms(query.text, name.start_char, name.end_char) for name in names}
    return KeyFacts(tuple(numbers), tuple(names), forms)


def missing_numbers(facts: KeyFacts, terms: AbstractSet[str]) -> tuple[Term, ...]:
    """Return the numbers that are not among the terms."""
    return tuple(fact for fact in facts.numbers if not held(fact, terms))


def missing_names(facts: KeyFacts, terms: AbstractSet[str]) -> tuple[Term, ...]:
    """Return the names of which none of the terms speaks; "Russian" does of Russia, "UN" of the United Nations."""
    absent = [fact for fact in facts.names if not held(fact, terms) and terms.isdisjoint(facts.forms.get(fact, ()))]
    return tuple(fact for fact in absent if not any(_akin(v, t) for v in _words_of(fact) for t in terms))


def _words_of(fact: Term) -> list[str]:
    # What begins with "Shanghai" is not the "Shanghai Cooperation Organisation" that "SCO" stands for.
    return [v for v in fact.variants if " " not in v]


def _akin(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) >= AKIN_CHARS and longer.startswith(shorter)


def passage_terms(stored: StoredPassage) -> frozenset[str]:
    """Return the terms of a passage, its title and heading, and its document's date, and the initials of its names."""
    text = "\n".join((stored.passage.text, stored.title, stored.passage.heading or "", stored.date or ""))
    return short_forms(text).union(document_terms(text, language=stored.language))


def runs(query: Query, facts: Iterable[Term]) -> list[tuple[int, int]]:
    """Return the places of facts in the question, first character and one past the last, neighbours together."""
    found: list[tuple[int, int]] = []
    for fact in facts:
        if found and not query.text[found[-1][1] : fact.start_char].strip():
            found[-1] = (found[-1][0], fact.end_char)
        else:
            found.append((fact.start_char, fact.end_char))
    return found


def words(query: Query, facts: Iterable[Term]) -> str:
    """Return facts as the question writes them, neighbours together: ``“Li Gang”, “2021”``."""
    return ", ".join(f"“{query.text[start:end]}”" for start, end in runs(query, facts))
