"""Candidates to candidates in a better order, by late interaction of the query's tokens with each passage and sentence.

Or, where one is set, by a cross-encoder, which reads query and passage together; none has been measured here.

Reference:
    MaxSim of Khattab, Zaharia (2020), "ColBERT", equation 3, of the whole passage and of its best sentence, with query
    tokens weighted half by the rarity of their words. The shares are those of a conditional logit model (McFadden 1974)
    on half of squad2's and qed's questions, rounded with all of them in sight; eval/LOG.md has the figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import accumulate
from typing import NamedTuple, Protocol

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
# Shares of the first stage's score, of the question's words that the passage holds, by rarity, of those that its title
# and heading hold, of the whole passage's late interaction, and of its best sentence's.
FIRST_STAGE, COVERAGE, TITLE, PASSAGE, SENTENCE = 0.04, 0.12, 0.12, 0.36, 0.36
# How much of a token's share in those is by the rarity of its word; all tokens have the rest alike.
RARITY = 0.5


class Shelf(Protocol):
    """What compares a query with passages, token by token."""

    def similarities(self, query: NDArray[np.float32], keys: Sequence[int]) -> Sequence[NDArray[np.float32]]:
        """Return the best similarity of each query token in each sentence of passages.

        Args:
            query: (q, dim) float32, unit rows.
            keys: Numbers of passages.

        Returns:
            For each of them (sentences, q) float32; zeros for a sentence without tokens of its own, such as one beyond
            what the encoder reads.
        """


def rerank(query: Query, candidates: Sequence[Candidate], shelf: Shelf, *, reorder: bool = True) -> list[Candidate]:
    """Return the candidates with their sentences' late interaction, best first.

    Args:
        query: The query, its token vectors in the dimensions of those on the shelf.
        candidates: Passages of the first stage, best first.
        shelf: Has the token vectors of all of them.
        reorder: Whether late interaction changes order and score; otherwise it is only noted.

    Returns:
        The same candidates, with what late interaction says of them.
    """
    if not candidates or not query.readable or not len(query.token_weights):
        return list(candidates)
    late = _interact(query, shelf.similarities(query.token_vectors, [c.stored.key for c in candidates]))
    scores = _scores(candidates, late) if reorder else np.array([c.score for c in candidates])
    order = np.argsort(-scores, kind="stable").tolist() if reorder else range(len(candidates))
    return [_noted(candidates[i], float(scores[i]), late, i) for i in order]


def by_sentence(query: NDArray[np.float32], tokens: Tokens) -> NDArray[np.float32]:
    """Return the best similarity of each query token in each sentence of one passage, as a `Shelf` does.

    Args:
        query: (q, dim) float32, unit rows.
        tokens: The passage's token vectors and starts of sentences.

    Returns:
        (sentences, q) float32.
    """
    vectors, starts = tokens
    filled = starts < np.append(starts[1:], len(vectors))
    similarities = np.zeros((len(starts), len(query)), np.float32)
    if filled.any():
        similarities[filled] = max_similarities(query, [vectors], starts[filled]).T
    return similarities


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


class _Late(NamedTuple):
    """Late interaction of a query with passages: the whole of each, its best sentence, all sentences, and by token."""

    passages: NDArray[np.float32]
    bests: NDArray[np.float32]
    sentences: list[tuple[float, ...]]
    tokens: Sequence[NDArray[np.float32]]


def _interact(query: Query, similarities: Sequence[NDArray[np.float32]]) -> _Late:
    """Return the late interaction of all passages, worked out for all of them together."""
    ends = list(accumulate(map(len, similarities)))
    firsts = [0, *ends[:-1]]
    every = np.concatenate(similarities)
    shares = _ranking_shares(query)
    # Sums of rows, not products of matrices: passages that say the same have to come out equal wherever they stand.
    sentences = (every * query.token_weights).sum(axis=1).tolist()
    return _Late(
        passages=(np.maximum.reduceat(every, firsts) * shares).sum(axis=1),
        bests=np.maximum.reduceat((every * shares).sum(axis=1), firsts),
        sentences=[tuple(sentences[first:end]) for first, end in zip(firsts, ends, strict=True)],
        tokens=similarities,
    )


def _ranking_shares(query: Query) -> NDArray[np.float32]:
    """Return how much each token of a query counts when passages are ranked, (tokens,) float32, adding up to 1.

    A word that says little of what is asked about, such as "when", still says what is asked of it, and its vector knows
    the rest of the question.
    """
    even = np.full(len(query.token_weights), 1.0 / len(query.token_weights), np.float32)
    return RARITY * query.token_weights + (1.0 - RARITY) * even


def _scores(candidates: Sequence[Candidate], late: _Late) -> NDArray[np.float64]:
    first = _normalise([c.score for c in candidates])
    coverage, title = (np.array([c.signals.get(s, 0.0) for c in candidates]) for s in ("coverage", "title"))
    scores = FIRST_STAGE * first + COVERAGE * coverage + TITLE * title
    scores += PASSAGE * _normalise(late.passages) + SENTENCE * _normalise(late.bests)
    shares = np.array([c.signals.get("phrase", 0.0) for c in candidates])
    return boosted(scores, shares) if shares.any() else scores


def _noted(candidate: Candidate, score: float, late: _Late, number: int) -> Candidate:
    """Return a candidate with its score and what late interaction says of it."""
    said = {"late": float(late.passages[number]), "sentence": float(late.bests[number])}
    # Not replace(), which takes six times as long: a question has twenty.
    return Candidate(
        candidate.stored,
        score,
        {**candidate.signals, **said},
        sentence_late=late.sentences[number],
        sentence_tokens=late.tokens[number].T,
        linked_from=candidate.linked_from,
        also_in=candidate.also_in,
    )


def _normalise(values: Sequence[float] | NDArray[np.float32]) -> NDArray[np.float64]:
    array = np.asarray(values, np.float64)
    spread = array.max() - array.min()
    return (array - array.min()) / spread if spread > 0 else np.ones_like(array)
