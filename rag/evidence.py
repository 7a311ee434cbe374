"""The values that travel between the stages of a question: the query as searched, and passages as candidates."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rag.schema import Hit, Passage, Span
from rag.stored import StoredPassage
from rag.terms import Term, held


@dataclass(frozen=True)
class Phrase:
    """Words of a question that it quotes.

    Attributes:
        folded: The words with a space between them, without signs, case and accents.
        terms: The variants of each index term in them.
    """

    folded: str
    terms: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Query:
    """A question as searched.

    Attributes:
        text: The question.
        vector: (dim,) float32, unit length.
        token_vectors: (tokens, dim) float32, unit rows.
        token_weights: (tokens,) float32, adding up to 1: how much each token's word says.
        terms: Index terms with their places in `text`.
        weights: How much each term says, in the order of `terms`: its inverse document frequency, in nats; 0 for
            function words and for words in a script that the library does not hold.
        readable: Whether the encoder reads the query's script; otherwise only its terms say anything.
        phrases: What it puts in quotation marks.
        understood: Whether its words or the encoder make anything of it; if not, what is nearest is near by chance.
        token_spans: (tokens, 2) float32: first character in `text` of what each token stands for, and one past the
            last; ``None`` where it is not known.
        glosses: How the terms of words are read that are searched in another language.
    """

    text: str
    vector: NDArray[np.float32]
    token_vectors: NDArray[np.float32]
    token_weights: NDArray[np.float32]
    terms: tuple[Term, ...]
    weights: tuple[float, ...]
    readable: bool = True
    phrases: tuple[Phrase, ...] = ()
    understood: bool = True
    token_spans: NDArray[np.float32] | None = None
    glosses: Mapping[Term, str] = field(default_factory=dict)

    def coverage(self, terms: AbstractSet[str]) -> float:
        """Return the share, in [0, 1], of what the question's words say that is among index terms."""
        total = sum(self.weights)
        # Words that count nothing are not looked for: a question asks this fifty times.
        found = sum(w for term, w in zip(self.terms, self.weights, strict=True) if w and held(term, terms))
        return found / total if total > 0 else 0.0

    def glossed(self, terms: AbstractSet[str] | None = None) -> float:
        """Return the share of what the words say that are read in another language.

        Args:
            terms: Index terms; where given, only words among them count.

        Returns:
            The share, in [0, 1].
        """
        if not self.glosses:
            return 0.0
        weighed = zip(self.terms, self.weights, strict=True)
        found = sum(w for t, w in weighed if t in self.glosses and (terms is None or held(t, terms)))
        total = sum(self.weights)
        return found / total if total > 0 else 0.0


@dataclass(frozen=True)
class Candidate:
    """A passage on its way to become a hit.

    Attributes:
        stored: The passage as kept.
        score: Higher is better; in [0, 1] within one query.
        signals: What each leg said, by name.
        sentence_late: For each sentence of the passage how far it covers the query, in about [0, 1]; empty before
            reranking.
        sentence_tokens: (tokens, sentences) float32: how near each token of the query comes to one in each sentence;
            ``None`` before reranking.
        linked_from: The best passage, where the second step moved this one up behind it.
        also_in: Ids of other documents with the same text.
    """

    stored: StoredPassage
    score: float
    signals: Mapping[str, float] = field(default_factory=dict)
    sentence_late: tuple[float, ...] = ()
    sentence_tokens: NDArray[np.float32] | None = field(default=None, compare=False, repr=False)
    linked_from: StoredPassage | None = None
    also_in: tuple[str, ...] = ()

    def scored(self, score: float) -> Candidate:
        """Return the candidate with another score."""
        # Not replace(), which takes six times as long: a question has fifty candidates.
        return Candidate(
            self.stored,
            score,
            self.signals,
            sentence_late=self.sentence_late,
            sentence_tokens=self.sentence_tokens,
            linked_from=self.linked_from,
            also_in=self.also_in,
        )

    def to_hit(self, rank: int) -> Hit:
        """Return the candidate as it leaves the service."""
        return Hit(self.stored.passage, self.stored.title, rank, self.score, dict(self.signals), self.also_in)


@dataclass(frozen=True)
class Chosen:
    """A quote of the answer: a sentence, or some that follow each other.

    Attributes:
        passage: The passage it is in.
        title: Title of its document.
        span: Its place in the document.
        text: The quote, verbatim.
        score: How well it answers the question, in [0, 1].
        highlight: Place in the document of what is asked for, where that is clear.
        parts: The sentences of a quote of several, verbatim, in order.
        also_in: Ids of other documents with the same text.
    """

    passage: Passage
    title: str
    span: Span
    text: str
    score: float
    highlight: Span | None = None
    parts: tuple[str, ...] = ()
    also_in: tuple[str, ...] = ()


@dataclass(frozen=True)
class Claim:
    """What a quote gives for something that other quotes give otherwise.

    Attributes:
        quote: Place of the quote among the draft's, from 0.
        value: The value as the quote writes it.
        date: Day of its document, ``YYYY-MM-DD``, or ``None``.
    """

    quote: int
    value: str
    date: str | None


@dataclass(frozen=True)
class Draft:
    """An answer whose citations are not numbered yet.

    Attributes:
        sentences: Quotes, most relevant first; empty when it abstains.
        abstained: Whether the documents do not answer the question.
        reason: Why it abstained, or ``""``.
        confidence: Probability in [0, 1] that the documents answer the question.
        verdict: ``"Yes."`` or ``"No."`` in the question's language, where the quotes plainly say so, or ``""``.
        rests_on: Places of the quotes that the verdict rests on.
        claims: What quotes of different documents give for the same thing, where that differs.
    """

    sentences: tuple[Chosen, ...]
    abstained: bool
    reason: str
    confidence: float
    verdict: str = ""
    rests_on: tuple[int, ...] = ()
    claims: tuple[Claim, ...] = ()
