"""A question about two things joined by "and": the sentences that speak of what the best one does not; scores none."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.evidence import Query
from rag.facts import key_facts, missing_names, missing_numbers
from rag.sentences import Scored, sentence_text
from rag.terms import document_terms

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
    if not joins(query):
        return []
    best, facts = scored[0], key_facts(query)
    known = _terms(best)
    found: list[Scored] = []
    for sentence in scored[1:]:
        lacking = {*missing_names(facts, known), *missing_numbers(facts, known)}
        if not lacking or sentence.score < best.score - MARGIN:
            break
        more = known | _terms(sentence)
        if lacking - {*missing_names(facts, more), *missing_numbers(facts, more)}:
            found.append(sentence)
            known = more
    return found


def joins(query: Query) -> bool:
    """Tell whether a question has a name or number on either side of an "and"."""
    facts = key_facts(query)
    places = [fact.start_char for fact in (*facts.names, *facts.numbers)]
    return any(min(places) < found.start() < max(places) for found in AND.finditer(query.text)) if places else False


def _terms(sentence: Scored) -> frozenset[str]:
    """Return the terms of a sentence, the one before, and what stands above them."""
    stored = sentence.candidate.stored
    before = sentence_text(sentence.candidate, sentence.number - 1) if sentence.number else ""
    above = f"{stored.title}\n{stored.passage.heading or ''}\n{before}\n{stored.date or ''}"
    return sentence.terms.union(document_terms(above, language=stored.language))
