"""Candidates to candidates in a better order, by late interaction of the query's tokens with each passage and sentence.

Or, where one is set, by a cross-encoder, which reads query and passage together; none has been measured here.

Reference:
    MaxSim of Khattab, Zaharia (2020), "ColBERT", equation 3, of the whole passage and of its best sentence, with query
    tokens weighted half by the rarity of their words. The shares are those of a conditional logit model (McFadden 1974)
    on half of squad2's and qed's questions, rounded with all of them in sight; eval/LOG.md has the figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from embeddings.cross_encoder import CrossEncoder
from embeddings.late import max_similarities
from rag.evidence import Candidate, Query
from rag.phrases import boosted

# Vectors of a passage's tokens, (tokens, dim), and where each of its sentences begins among them, ascending from 0.
Tokens = tuple[NDArray[np.float32], NDArray[np.int64]]
# At most this share of its score a passage loses by age: the best of the old ones still goes before a mediocre new one.
AGE_SHARE = 0.2
# Shares of the first stage's score, the whole passage's late interaction, and its best sentence's.
FIRST_STAGE, PASSAGE, SENTENCE = 0.1, 0.45, 0.45
# How much of a token's share in those is by the rarity of its word; all tokens have the rest alike.
RARITY = 0.5


class Shelf(Protocol):
    """Where token vectors are had from."""

    def tokens(self, keys: Sequence[int]) -> Mapping[int, Tokens]:
        """Return the token vectors of passages, given by number."""


def rerank(query: Query, candidates: Sequence[Candidate], shelf: Shelf, *, reorder: bool = True) -> list[Candidate]:
    """Return the candidates with their sentences' late interaction, best first.

    Args:
        query: The query, its token vectors in the dimensions of those on the shelf.
        candidates: Passages of the first stage, best first.
        shelf: Holds the token vectors of all of them.
        reorder: Whether late interaction changes order and score; otherwise it is only noted.

    Returns:
        The same candidates, with what late interaction says of them.
    """
    if not candidates or not query.readable or not len(query.token_weights):
        return list(candidates)
    tokens = shelf.tokens([c.stored.key for c in candidates])
    interacted = _interact(query, candidates, [tokens[c.stored.key] for c in candidates])
    return _reorder(interacted) if reorder else interacted


def rescore(
    query: Query, candidates: Sequence[Candidate], texts: Sequence[str], cross_encoder: CrossEncoder
) -> list[Candidate]:
    """Return the candidates in the order of a cross-encoder's scores, best first; equal ones keep their order.

    Args:
        query: The query.
        candidates: Passages, best first.
        texts: What the cross-encoder reads of each.
        cross_encoder: The cross-encoder.

    Returns:
        The same candidates, their scores min-max normalised to [0, 1], with the signal ``cross``.
    """
    if not candidates:
        return []
    judged = [float(score) for score in cross_encoder.score(query.text, texts)]
    scores = _normalise(judged)
    order = np.argsort(-scores, kind="stable")
    return [
        replace(
            candidates[i],
            score=float(scores[i]),
            signals=dict(candidates[i].signals) | {"cross": judged[i]},
        )
        for i in order
    ]


def prefer_recent(candidates: Sequence[Candidate], newest: str | None, *, half_life_days: float) -> list[Candidate]:
    """Return the candidates with what they lose by age taken off their scores, best first.

    A score is multiplied by 1 - `AGE_SHARE` * (1 - 0.5 ** (age / half-life)), from 1 for the newest document down to
    1 - `AGE_SHARE`; that of a document without a date, or beyond the newest, is left alone.

    Args:
        candidates: Passages, best first.
        newest: Day from which age is counted, YYYY-MM-DD; not today, so that an answer can be reproduced.
        half_life_days: Age at which half of that share is lost, above 0.

    Returns:
        The same candidates, those with a date with their factor as the signal ``recency``; equal ones keep their order.

    Reference:
        Exponential decay by age as in Li, Croft (2003), "Time-Based Language Models", mixed with a constant so that age
        cannot outweigh relevance; the share is a choice, not a measurement.
    """
    if newest is None:
        return list(candidates)
    last = date.fromisoformat(newest)
    aged = [_aged(c, last, half_life_days) for c in candidates]
    return sorted(aged, key=lambda c: -c.score)


def _aged(candidate: Candidate, last: date, half_life_days: float) -> Candidate:
    day = candidate.stored.date
    if not day:
        return candidate
    age_days = max(0, (last - date.fromisoformat(day)).days)
    factor = 1.0 - AGE_SHARE * (1.0 - 0.5 ** (age_days / half_life_days))
    signals = dict(candidate.signals) | {"recency": factor}
    return replace(candidate, score=candidate.score * factor, signals=signals)


def _interact(query: Query, candidates: Sequence[Candidate], tokens: Sequence[Tokens]) -> list[Candidate]:
    """Return the candidates with their late interaction, worked out for all of them together."""
    lengths, counts = [len(vectors) for vectors, _ in tokens], [len(starts) for _, starts in tokens]
    begins = np.cumsum([0, *lengths])
    starts = np.concatenate([own + begin for (_, own), begin in zip(tokens, begins[:-1], strict=True)])
    ends = np.append(starts[1:], begins[-1])
    # A sentence without tokens of its own, such as one beyond what the encoder reads, covers nothing.
    filled = starts < ends
    similarities = np.zeros((len(query.token_weights), len(starts)), np.float32)
    if filled.any():
        texts = [vectors for vectors, _ in tokens]
        similarities[:, filled] = max_similarities(query.token_vectors, texts, starts[filled])
    firsts = np.cumsum([0, *counts[:-1]])
    # Sums of rows, not products of matrices: passages that say the same have to come out equal wherever they stand.
    sentences = np.split((query.token_weights[:, None] * similarities).sum(axis=0), firsts[1:])
    shares = _ranking_shares(query)[:, None]
    passages = (shares * np.maximum.reduceat(similarities, firsts, axis=1)).sum(axis=0)
    bests = np.maximum.reduceat((shares * similarities).sum(axis=0), firsts)
    return [
        replace(
            candidate,
            signals={**candidate.signals, "late": float(passage), "sentence": float(best)},
            sentence_late=tuple(own.tolist()),
            sentence_tokens=nearest,
        )
        for candidate, passage, best, own, nearest in zip(
            candidates, passages, bests, sentences, np.split(similarities, firsts[1:], axis=1), strict=True
        )
    ]


def _ranking_shares(query: Query) -> NDArray[np.float32]:
    """Return how much each token of a query counts when passages are ranked, (tokens,) float32, adding up to 1.

    A word that says little of what is asked about, such as "when", still says what is asked of it, and its vector knows
    the rest of the question.
    """
    even = np.full(len(query.token_weights), 1.0 / len(query.token_weights), np.float32)
    return RARITY * query.token_weights + (1.0 - RARITY) * even


def _reorder(candidates: Sequence[Candidate]) -> list[Candidate]:
    first = _normalise([c.score for c in candidates])
    passage = _normalise([c.signals.get("late", 0.0) for c in candidates])
    sentence = _normalise([c.signals.get("sentence", 0.0) for c in candidates])
    scores = FIRST_STAGE * first + PASSAGE * passage + SENTENCE * sentence
    shares = np.array([c.signals.get("phrase", 0.0) for c in candidates])
    if shares.any():
        scores = boosted(scores, shares)
    order = np.argsort(-scores, kind="stable")
    return [replace(candidates[i], score=float(scores[i])) for i in order]


def _normalise(values: Sequence[float]) -> NDArray[np.float64]:
    array = np.asarray(values, np.float64)
    spread = array.max() - array.min()
    return (array - array.min()) / spread if spread > 0 else np.ones_like(array)
