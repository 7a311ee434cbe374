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

import numpy as np
from numpy.typing import NDArray

from embeddings.encoding import Encoder, Encoding
from embeddings.late import max_similarities
from rag.agreement import faults
from rag.reading import Reading, read

# At or above this support a claim counts as supported; of true claims that are paraphrases some 7 % fall below it,
# those with faults included (eval/LOG.md).
SUPPORTED = 0.4
# A claim with a fault is at most as sure as this, each further fault halves it.
FAULTY = 0.2
# Weights of the logistic regression, in the order of `FEATURES`, and its intercept.
FEATURES = ("late", "words")
WEIGHTS = (7.5, 5.7)
INTERCEPT = -9.0
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
        (features,) float64: mean similarity of the claim's content words to the tokens of the evidence, and the share
        of these words that the evidence has.
    """
    before = f"{asked.text} " if asked else ""
    # Both sides as queries: a claim is no answer to its evidence, the two are alike.
    own, *others = encoder.encode([before + stated.text, *_nearest(stated, texts, asked)], kind="query")
    stems = {word.stem for text in texts for word in text.words}
    content = stated.content or stated.words
    shared = sum(word.stem in stems for word in content) / max(1, len(content))
    late = _late(stated, own, [other.token_vectors for other in others], skipped_chars=len(before))
    return np.array([late, shared])


def _nearest(stated: Reading, texts: Sequence[Reading], asked: Reading | None) -> list[str]:
    """Return the sentences of the evidence that share most with the claim, in their order."""
    wanted = {w.stem for w in stated.content} | ({w.stem for w in asked.content} if asked else set())
    ranked = []
    for number, text in enumerate(texts):
        for sentence, stems in enumerate(text.sentence_stems):
            ranked.append((-len(wanted & stems), number, sentence))
    chosen = sorted((number, sentence) for _, number, sentence in sorted(ranked)[:ENCODED_SENTENCES])
    return [texts[number].sentence(sentence) for number, sentence in chosen]


def _late(stated: Reading, own: Encoding, others: Sequence[NDArray[np.float32]], *, skipped_chars: int) -> float:
    """Return the mean similarity of the content words of a claim to the tokens of its evidence.

    Args:
        stated: The claim.
        own: Its encoding.
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
    inside = [best[(starts < w.end_char) & (w.start_char < ends)] for w in stated.content]
    return float(np.mean([found.mean() for found in inside if len(found)] or [best.mean()]))
