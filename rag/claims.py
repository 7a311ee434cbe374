"""Whether texts carry a claim: its numbers, dates, names and denials one by one, then its meaning; cites nothing.

What can be compared exactly is compared exactly, and a fault there cannot be made good by likeness: a sentence with one
number changed is as like to its source as can be. Only a claim without such faults is judged by late interaction.

Reference:
    Support is a logistic regression on late interaction (Khattab, Zaharia 2020, "ColBERT", equation 3, claim against
    evidence) and on shared words; eval/LOG.md has what it was fitted on and what it reached on the other half.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embeddings.encoding import Encoder
from embeddings.late import max_similarities
from rag.agreement import faults
from rag.reading import Reading, read

# At or above this support a claim counts as supported.
SUPPORTED = 0.5
# A claim with a fault is at most as sure as this, each further fault halves it.
FAULTY = 0.2
# Weights of the logistic regression, in the order of `FEATURES`, and its intercept.
FEATURES = ("late", "weakest", "words", "pairs", "cosine")
WEIGHTS = (6.0, 3.0, 2.0, 1.0, 2.0)
INTERCEPT = -7.0
# Sentences of the evidence that are encoded: those that share most words with the claim.
ENCODED_SENTENCES = 4
# A claim of so few words beside its values and names is an answer to the question, and is read together with it.
BARE_WORDS = 3


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


def check_claim(claim: str, evidence: Sequence[str], *, encoder: Encoder, question: str = "") -> Verdict:
    """Return whether texts together carry a claim.

    Args:
        claim: One sentence, without citation marks.
        evidence: Cited sentences or passages, with titles, headings and dates where they are known.
        encoder: Gives token vectors.
        question: What the claim answers. It tells what a bare number is a number of; nothing is supported by it.

    Returns:
        The verdict; a claim that is a sentence of the evidence, word for word, has support 1.
    """
    stated = read(claim)
    texts = [read(text) for text in evidence if text.strip()]
    if not claim.strip() or not texts:
        return Verdict(0.0)
    if any(stated.folded in text.folded or claim.strip() in text.sentences_as_written for text in texts):
        return Verdict(1.0)
    asked = read(question) if question and is_bare(stated) else None
    found = tuple(faults(stated, texts, asked=asked))
    if found:
        return Verdict(FAULTY * 0.5 ** (len(found) - 1), found)
    values = features(stated, texts, encoder=encoder, asked=asked)
    score = float(np.dot(WEIGHTS, values)) + INTERCEPT
    return Verdict(float(1.0 / (1.0 + np.exp(-score))))


def is_bare(stated: Reading) -> bool:
    """Tell whether a claim says little but a value or a name."""
    taken = {word.start_char for name in stated.names for word in name.words}
    rest = [w for w in stated.content if w.start_char not in taken and w.start_char not in stated.value_places]
    return len(rest) < BARE_WORDS


def features(
    stated: Reading, texts: Sequence[Reading], *, encoder: Encoder, asked: Reading | None
) -> NDArray[np.float64]:
    """Return what support is worked out from, `FEATURES` in their order, each about in [0, 1].

    Args:
        stated: The claim.
        texts: The evidence.
        encoder: Gives token vectors.
        asked: The question where the claim is bare.

    Returns:
        (features,) float64: mean and lowest similarity of the claim's words, shares of its words and of its
        neighbouring words that the evidence has, cosine of the claim and the nearest sentence.
    """
    claim = f"{asked.text} {stated.text}" if asked else stated.text
    sentences = _nearest(stated, texts, asked)
    own, *others = encoder.encode([claim, *sentences], kind="document")
    stems = {word.stem for text in texts for word in text.words}
    content = stated.content or stated.words
    shared = sum(word.stem in stems for word in content) / max(1, len(content))
    late, weakest = _late(read(claim), own.token_vectors, own.token_spans, [o.token_vectors for o in others])
    cosine = max(float(own.vector @ other.vector) for other in others)
    return np.array([late, weakest, shared, _pairs(stated, texts), cosine])


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
    claim: Reading, vectors: NDArray[np.float32], spans: NDArray[np.int32], others: Sequence[NDArray[np.float32]]
) -> tuple[float, float]:
    """Return mean and lowest similarity of the content words of a claim to the tokens of its evidence."""
    texts = [other for other in others if len(other)]
    if not texts or not len(vectors):
        return 0.0, 0.0
    best = max_similarities(vectors, texts, np.array([0]))[:, 0]
    sims = list(_word_similarities(claim, best, spans)) or [float(best.mean())]
    lowest = sorted(sims)[: max(1, len(sims) // 5)]
    return float(np.mean(sims)), float(np.mean(lowest))


def _word_similarities(claim: Reading, best: NDArray[np.float32], spans: NDArray[np.int32]) -> Iterator[float]:
    for word in claim.content:
        inside = (spans[:, 0] < word.end_char) & (word.start_char < spans[:, 1])
        if inside.any():
            yield float(best[inside].mean())


def _pairs(stated: Reading, texts: Sequence[Reading]) -> float:
    """Return the share of a claim's neighbouring content words that are near each other in the evidence."""
    stems = [w.stem for w in stated.content]
    pairs = set(itertools.pairwise(stems))
    if not pairs:
        return 1.0
    near = set()
    for text in texts:
        own = [w.stem for w in text.content]
        for step in (1, 2, 3):
            near |= set(zip(own, own[step:], strict=False)) | set(zip(own[step:], own, strict=False))
    return len(pairs & near) / len(pairs)
