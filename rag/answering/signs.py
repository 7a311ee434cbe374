"""What tells whether a sentence answers a question: how its words are met, and which key facts are missing.

Knows no weights: `rag.confidence` says what each sign counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import numpy as np
from numpy.typing import NDArray

from rag.answering.announced import announced_by, announcing
from rag.answering.instead import instead
from rag.answering.lacking import lacks_count
from rag.answering.opposites import negates, opposed
from rag.answering.sentences import Scored, dated, spoken_beside
from rag.confidence import Signs
from rag.evidence import Query
from rag.facts import key_facts, missing_names, missing_numbers, runs
from rag.terms import Term, held, spelt_words


def read_signs(
    query: Query,
    near: Sequence[Scored],
    partners: Sequence[Scored] = (),
    *,
    here: AbstractSet[str],
    anywhere: AbstractSet[str],
) -> Signs:
    """Return what tells whether the best sentence answers the question.

    Args:
        query: The query.
        near: The best sentence and those that come near it, best first.
        partners: Those of other documents that the answer rests on as well, where the question is about several.
        here: Terms of their passages.
        anywhere: Terms of the best passages, those among them.

    Returns:
        The signs.
    """
    best = near[0]
    facts, said = key_facts(query), " ".join(sentence.text for sentence in near)
    known = spoken_beside(best)
    beside = dated(best, known).union(*(dated(partner, spoken_beside(partner)) for partner in partners))
    covered = query.coverage(known)
    tokens, stand_ins, unmet = _nearness(query, best, partners) or (covered, covered, 1.0 - covered)
    names, numbers = missing_names(facts, here), missing_numbers(facts, here)
    missing = sorted(names + numbers, key=lambda fact: fact.start_char)
    return Signs(
        read=query.readable and query.understood,
        glossed=query.glossed(),
        glossed_covered=query.glossed(known),
        covered=covered,
        tokens=tokens,
        stand_ins=stand_ins,
        unmet=unmet,
        dense=best.candidate.signals.get("dense", covered),
        content_terms=sum(w > 0 for w in query.weights),
        negated=negates(query.text) and not negates(best.text),
        opposed=opposed(spelt_words(query.text), spelt_words(best.text)),
        number_not_near=bool(missing_numbers(facts, beside)),
        number_not_here=bool(numbers),
        number_nowhere=bool(missing_numbers(facts, anywhere)),
        name_not_here=bool(names),
        name_nowhere=bool(missing_names(facts, anywhere)),
        instead=bool(missing) and all(instead(query.text, place, best.text) for place in runs(query, missing)),
        no_count=lacks_count(query.text, said),
    )


def _nearness(query: Query, best: Scored, partners: Sequence[Scored]) -> tuple[float, float, float] | None:
    """Return the mean nearness of all tokens, that of the content words the sentences lack, and what is least met."""
    if best.candidate.sentence_tokens is None or query.token_spans is None:
        return None
    judged = ((s.candidate.sentence_tokens, [*announcing(s), s.number]) for s in (best, *partners))
    near = [(tokens, places) for tokens, places in judged if tokens is not None]
    own = np.max([tokens[:, places].max(axis=1) for tokens, places in near], axis=0)
    beside = np.max([tokens[:, [max(0, places[-1] - 1), *places]].max(axis=1) for tokens, places in near], axis=0)
    terms = best.terms.union(*(partner.terms for partner in partners), *map(announced_by, (best, *partners)))
    weighed = [(term, weight) for term, weight in zip(query.terms, query.weights, strict=True) if weight > 0]
    lacking = [value for term, _ in weighed if not held(term, terms) for value in _of(query, term, own)]
    rarest = max((weight for _, weight in weighed), default=1.0)
    unmet = [(1.0 - value) * weight / rarest for term, weight in weighed for value in _of(query, term, beside)]
    # Where it lacks none, nothing has to stand in for it.
    return float(own.mean()), float(np.mean(lacking)) if lacking else 1.0, max(unmet, default=0.0)


def _of(query: Query, term: Term, near: NDArray[np.float32]) -> list[float]:
    """Return the mean nearness of a word's tokens; nothing where none of them are the encoder's."""
    spans = query.token_spans
    if spans is None:
        return []
    own = near[(spans[:, 0] < term.end_char) & (spans[:, 1] > term.start_char)]
    return [float(np.mean(own))] if len(own) else []
