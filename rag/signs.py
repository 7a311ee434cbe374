"""What tells whether a sentence answers a question: how its words are met, and which key facts are missing.

Knows no weights: `rag.confidence` says what each sign counts.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

import numpy as np

from rag.confidence import Signs
from rag.evidence import Candidate, Query
from rag.facts import KeyFacts, missing_names, missing_numbers
from rag.opposites import negates, opposed
from rag.sentences import sentence_text
from rag.terms import document_terms, held, spelt_words


def read_signs(
    query: Query,
    best: Candidate,
    number: int,
    *,
    facts: KeyFacts,
    here: AbstractSet[str],
    anywhere: AbstractSet[str],
) -> Signs:
    """Return what tells whether the best sentence answers the question.

    Args:
        query: The query.
        best: The reranked passage that the best sentence is in.
        number: Which of its sentences that is, from 0.
        facts: The question's numbers and names.
        here: Terms of the passages that the answer quotes.
        anywhere: Terms of the best passages, those among them.

    Returns:
        The signs.
    """
    sentence, language = sentence_text(best, number), best.stored.language
    terms = frozenset(document_terms(sentence, language=language))
    context = (
        f"{best.stored.title}\n{best.stored.passage.heading or ''}\n{sentence_text(best, number - 1) if number else ''}"
    )
    covered = query.coverage(terms.union(document_terms(context, language=language)))
    tokens, stand_ins = _nearness(query, best, number, terms) or (covered, covered)
    return Signs(
        read=query.readable and query.understood,
        covered=covered,
        tokens=tokens,
        stand_ins=stand_ins,
        dense=best.signals.get("dense", covered),
        content_terms=sum(w > 0 for w in query.weights),
        negated=negates(query.text) and not negates(sentence),
        opposed=opposed(spelt_words(query.text), spelt_words(sentence)),
        number_not_here=bool(missing_numbers(facts, here)),
        number_nowhere=bool(missing_numbers(facts, anywhere)),
        name_not_here=bool(missing_names(facts, here)),
        name_nowhere=bool(missing_names(facts, anywhere)),
    )


def _nearness(query: Query, best: Candidate, number: int, terms: AbstractSet[str]) -> tuple[float, float] | None:
    """Return the mean nearness of all tokens, and that of the content words that the sentence lacks, if known."""
    if best.sentence_tokens is None or query.token_spans is None:
        return None
    near, spans = best.sentence_tokens[:, number], query.token_spans
    lacking = [
        float(np.mean(own))
        for term, weight in zip(query.terms, query.weights, strict=True)
        if weight > 0 and not held(term, terms)
        if len(own := near[(spans[:, 0] < term.end_char) & (spans[:, 1] > term.start_char)])
    ]
    # Where it lacks none, nothing has to stand in for it.
    return float(near.mean()), float(np.mean(lacking)) if lacking else 1.0
