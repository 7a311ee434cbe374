"""Query and candidates to a draft answer of verbatim sentences, without a language model; numbers no citations."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rag.answering.choice import nearest, partners
from rag.answering.joined import supplements
from rag.answering.quoting import quote
from rag.answering.refusal import NOTHING_FOUND, NOTHING_PASSES, reason, say
from rag.answering.sentences import Scored, ranked_sentences
from rag.answering.signs import read_signs
from rag.confidence import Signs, confidence
from rag.evidence import Candidate, Draft, Query
from rag.facts import passage_terms


def draft(
    query: Query,
    candidates: Sequence[Candidate],
    *,
    most_sentences: int,
    threshold: float,
    calibrate: Callable[[float], float],
) -> Draft:
    """Return the sentences that answer the question, or why there are none.

    Args:
        query: The query.
        candidates: Reranked passages whose sentences may be the answer, best first.
        most_sentences: At most this many sentences.
        threshold: Calibrated confidence below which it abstains, in [0, 1].
        calibrate: Raw to calibrated confidence, both in [0, 1], rising.

    Returns:
        Quotes from the candidates, best first, none saying the same as another, with what they say together; or none,
        with a reason in Chinese where the question is, else in English.
    """
    scored = ranked_sentences(query, candidates)
    if not scored:
        return Draft((), True, say(query, NOTHING_FOUND), calibrate(0.0))
    best = scored[0]
    signs, here, anywhere = _judged(query, scored, candidates)
    sure = calibrate(confidence(signs))
    if sure < threshold:
        return Draft((), True, reason(query, best.text, own=best.terms, here=here, anywhere=anywhere), sure)
    said = quote(query, scored, most=most_sentences)
    return Draft(said.chosen, False, "", sure, verdict=said.verdict, rests_on=said.rests_on, claims=said.claims)


def signs_of(query: Query, candidates: Sequence[Candidate]) -> Signs | None:
    """Return what the confidence in the answer to a question is worked out from, ``None`` where nothing is found.

    Args:
        query: The query.
        candidates: As for `draft`.

    Returns:
        The signs.
    """
    scored = ranked_sentences(query, candidates)
    if not scored:
        return None
    return _judged(query, scored, candidates)[0]


def nothing_passes(query: Query, filters: str) -> Draft:
    """Return the refusal of a question that no document may answer.

    Args:
        query: The query.
        filters: The filters in words, in one line.

    Returns:
        No sentences, and the reason, in Chinese where the question is, else in English; it is as sure as can be.
    """
    return Draft((), True, say(query, NOTHING_PASSES).format(filters=filters), 0.0)


def _judged(
    query: Query, scored: Sequence[Scored], candidates: Sequence[Candidate]
) -> tuple[Signs, frozenset[str], frozenset[str]]:
    """Return the signs, the terms of the passages that are judged, and those of all passages."""
    near, more = nearest(scored), supplements(query, scored)
    here, anywhere = _spoken_of([*near, *more], candidates)
    signs = read_signs(query, near, [*partners(scored), *more], here=here, anywhere=anywhere)
    return signs, here, anywhere


def _spoken_of(near: Sequence[Scored], candidates: Sequence[Candidate]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the terms of the passages of some sentences, and those of all."""
    terms = {c.stored.key: passage_terms(c.stored) for c in candidates}
    here = frozenset().union(*(terms[s.candidate.stored.key] for s in near))
    return here, here.union(*terms.values())
