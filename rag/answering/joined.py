"""A question about two things joined by "and": the sentences that speak of what the best one does not; scores none.

The gold set on seeds/ was looked at for this; eval/LOG.md has what it does to the other sets.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.answering.sentences import Scored, dated, spoken_beside
from rag.evidence import Query
from rag.facts import KeyFacts, key_facts, missing_names, missing_numbers
from rag.terms import Term

AND = re.compile(r"\b(?:and|as well as)\b|[与和及]", re.IGNORECASE)
# A sentence may score this much lower than the best one and still be the other half of the answer.
MARGIN = 1.0


def supplements(query: Query, scored: Sequence[Scored]) -> list[Scored]:
    """Return the sentences that, with the best one, speak of all that a question joins.

    Args:
        query: The query.
        scored: Sentences, best first.

    Returns:
        One for each number or name of the question that the best sentence, the one before and what stands above them
        lack, as far as one near to it has it; nothing where the question joins no two of them.
    """
    facts = key_facts(query)
    if not _joins(query, facts):
        return []
    best = scored[0]
    known = dated(best, spoken_beside(best))
    lacking = _lacking(facts, known)
    found: list[Scored] = []
    for sentence in scored[1:]:
        if not lacking or sentence.score < best.score - MARGIN:
            break
        more = known | dated(sentence, spoken_beside(sentence))
        if lacking - (left := _lacking(facts, more)):
            found.append(sentence)
            known, lacking = more, left
    return found


def _joins(query: Query, facts: KeyFacts) -> bool:
    """Tell whether a question has a name or number on either side of an "and"."""
    places = [fact.start_char for fact in (*facts.names, *facts.numbers)]
    return any(min(places) < found.start() < max(places) for found in AND.finditer(query.text)) if places else False


def _lacking(facts: KeyFacts, terms: frozenset[str]) -> set[Term]:
    return {*missing_names(facts, terms), *missing_numbers(facts, terms)}
