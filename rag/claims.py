"""Whether texts carry a claim: its numbers, dates, names and denials one by one, then its meaning; cites nothing.

What can be compared exactly is compared exactly, and a fault there cannot be made good by likeness: a sentence with one
number changed is as like to its source as can be. Only a claim without such faults is judged by late interaction.

Reference:
    Support is a logistic regression on late interaction (Khattab, Zaharia 2020, "ColBERT", equation 3, claim against
    evidence) and on shared words; eval/LOG.md has what it was fitted on and what it reached on the other half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from embeddings.encoding import Encoder, Encoding
from embeddings.late import max_similarities
from rag.grounding.agreement import faults
from rag.grounding.binding import better_answer, told
from rag.grounding.reading import Reading, read
from rag.grounding.restating import is_bare, restates
from rag.grounding.wording import Word

# At or above this support a claim counts as supported: best for labelled pairs of the half fitted on (eval/LOG.md).
SUPPORTED = 0.5
# A claim with a fault is at most as sure as this, each further fault halves it.
FAULTY = 0.2
# Weights of the logistic regression, in the order of `FEATURES`, and its intercept.
FEATURES = ("late", "words")
WEIGHTS = (7.9, 6.7)
INTERCEPT = -10.1
# Sentences of the evidence that are encoded: those that share most words with the claim.
ENCODED_SENTENCES = 4
# What a word of the question counts in a claim that repeats it, and all of them together beside those that answer it:
# the passage need not say it in the words in which it is asked for.
ASKED_WORD, ASKED_WORDS = 0.2, 0.5


@dataclass(frozen=True)
class Verdict:
    """What the check of one claim found.

    Attributes:
        support: How sure it is that the evidence carries the claim, in [0, 1]; below `SUPPORTED` it does not.
        faults: What is wrong, in plain words; empty where only the likeness is low, or nothing is wrong.
    """

    support: float
    faults: tuple[str, ...] = ()

    @property
    def supported(self) -> bool:
        """Whether the evidence carries the claim."""
        return self.support >= SUPPORTED


class Entails(Protocol):
    """What may judge a claim in place of likeness."""

    def probabilities(self, texts: Sequence[str], claim: str) -> NDArray[np.float32]:
        """Return how likely each text entails the claim, ``(texts,) float32`` in [0, 1]."""


def check_claim(
    claim: str, evidence: Sequence[str], *, encoder: Encoder, question: str = "", entailment: Entails | None = None
) -> Verdict:
    """Return whether texts together carry a claim.

    Args:
        claim: One sentence, without citation marks.
        evidence: Cited sentences or passages, with titles, headings and dates where they are known.
        encoder: Gives token vectors.
        question: What the claim answers. It tells what a short answer is an answer to, and which part of a sentence
            that repeats it is one; nothing is supported by it.
        entailment: What judges a claim without faults; ``None`` for late interaction and shared words.

    Returns:
        The verdict; a claim that is a sentence of the evidence, word for word, has support 1.
    """
    stated = read(claim)
    texts = [read(text) for text in evidence if text.strip()]
    if not claim.strip() or not texts:
        return Verdict(0.0)
    if any(stated.folded in text.folded or claim.strip() in text.sentences_as_written for text in texts):
        return Verdict(1.0)
    asked = _answered(stated, question)
    found = tuple(faults(stated, texts, asked=asked))
    if not found and asked and (other := better_answer(stated, texts, asked, encoder=encoder)):
        found = (f"the passage answers with {other}",)
    if found:
        return Verdict(FAULTY * 0.5 ** (len(found) - 1), found)
    if entailment:
        return Verdict(_entailed(stated, texts, asked, entailment))
    values = features(stated, texts, encoder=encoder, asked=asked)
    score = float(np.dot(WEIGHTS, values)) + INTERCEPT
    return Verdict(float(1.0 / (1.0 + np.exp(-score))))


def _entailed(stated: Reading, texts: Sequence[Reading], asked: Reading | None, entailment: Entails) -> float:
    """Return how likely the sentences nearest to a claim, together, entail it; a bare one as the question's answer."""
    claim = told(stated, (0, len(stated.text)), asked, stated.text) if asked else stated.text
    return float(entailment.probabilities([" ".join(_nearest(stated, texts, asked))], claim)[0])


def _answered(stated: Reading, question: str) -> Reading | None:
    """Return the question where a claim can only be read together with it, or repeats it."""
    asked = read(question)
    return asked if question.strip() and (is_bare(stated) or restates(stated, asked)) else None


def features(
    stated: Reading, texts: Sequence[Reading], *, encoder: Encoder, asked: Reading | None
) -> NDArray[np.float64]:
    """Return what support is worked out from, `FEATURES` in their order, each about in [0, 1].

    Args:
        stated: The claim.
        texts: The evidence.
        encoder: Gives token vectors.
        asked: The question where the claim is bare or repeats it.

    Returns:
        (features,) float64: mean similarity of the claim's content words to the tokens of the evidence, and the share
        of all its words that the evidence has as they are written. Stems and content words alone tell less: what a
        model makes up shows in small words and endings too.
    """
    before = f"{asked.text} " if asked and is_bare(stated) else ""
    # Both sides as queries: a claim is no answer to its evidence, the two are alike.
    own, *others = encoder.encode([before + stated.text, *_nearest(stated, texts, asked)], kind="query")
    forms = {word.text.casefold() for text in texts for word in text.words}
    # A value that has no fault is there, in whatever writing.
    shared = [w.start_char in stated.value_places or w.text.casefold() in forms for w in stated.words]
    words = float(np.average(shared, weights=_counts(stated.words, asked))) if shared else 0.0
    content = stated.content or stated.words
    late = _late(content, _counts(content, asked), own, [o.token_vectors for o in others], skipped_chars=len(before))
    return np.array([late, words])


def _counts(words: Sequence[Word], asked: Reading | None) -> NDArray[np.float64]:
    """Return what each word counts: those of the question less."""
    known = {word.stem for word in asked.words} if asked else set()
    repeated = np.array([word.stem in known for word in words], np.bool_)
    own = max(1, int((~repeated).sum()))
    return np.where(repeated, min(ASKED_WORD, ASKED_WORDS * own / max(1, int(repeated.sum()))), 1.0)


def _nearest(stated: Reading, texts: Sequence[Reading], asked: Reading | None) -> list[str]:
    """Return the sentences of the evidence that share most with the claim, in their order."""
    wanted = {w.stem for w in stated.content} | ({w.stem for w in asked.content} if asked else set())
    ranked = []
    for number, text in enumerate(texts):
        for sentence, stems in enumerate(text.sentence_stems):
            ranked.append((-len(wanted & stems), number, sentence))
    chosen = sorted((number, sentence) for _, number, sentence in sorted(ranked)[:ENCODED_SENTENCES])
    return [texts[number].sentence(sentence) for number, sentence in chosen]


def _late(
    content: Sequence[Word],
    weights: NDArray[np.float64],
    own: Encoding,
    others: Sequence[NDArray[np.float32]],
    *,
    skipped_chars: int,
) -> float:
    """Return the mean similarity of the content words of a claim to the tokens of its evidence.

    Args:
        content: The content words.
        weights: What each counts.
        own: The claim's encoding.
        others: Token vectors of the evidence.
        skipped_chars: Characters of what was encoded before the claim.

    Returns:
        A mean in about [-1, 1]; 0 where there is nothing to compare.
    """
    texts = [other for other in others if len(other)]
    if not texts or not len(own.token_vectors):
        return 0.0
    best = max_similarities(own.token_vectors, texts, np.array([0]))[:, 0]
    starts, ends = own.token_spans[:, 0] - skipped_chars, own.token_spans[:, 1] - skipped_chars
    tokens = [best[(starts < w.end_char) & (w.start_char < ends)] for w in content]
    known = [(found.mean(), weight) for found, weight in zip(tokens, weights, strict=True) if len(found)]
    if not known:
        return float(best.mean())
    means, counts = np.transpose(known)
    return float(np.average(means, weights=counts))
