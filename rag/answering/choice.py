"""Scored sentences to those that an answer gives: as many as are worth their length, in as few quotes; scores none.

Reference:
    The scores are utilities of a conditional logit model, whose softmax is how likely each sentence is to hold the
    answer (McFadden 1974, "Conditional logit analysis of qualitative choice behavior", equation 12); its scale and the
    two prices were chosen on half of squad2, and eval/LOG.md has what others cost on the other half.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from rag.answering.sentences import Run, Scored, runs_of

# Scores are rounded weights; at this scale their softmax fits best.
SCALE = 6.0
# A further sentence has to be this much likelier to hold the answer for each of its characters, and for having to be
# quoted by itself. What follows a chosen sentence, or comes right before, is quoted with it and easier to read.
PRICE_OF_CHAR, PRICE_OF_QUOTE = 0.0003, 0.05
# Confidence is judged by the passages of so many sentences, the best and those at most this much below it.
NEAREST, NEAREST_MARGIN = 3, 0.5
# Of a document that the question or the best passage names, the best sentence is given unless it scores this much
# lower: the other half of the answer often stands there.
LINKED_MARGIN = 1.0
# Further sentences are chosen among so many of the best.
CONSIDERED = 12
# Two sentences that share this much of the shorter one's terms say the same.
SAME = 0.8


def choose(scored: Sequence[Scored], *, most: int) -> list[Run]:
    """Return the best sentence, and further ones as long as they are worth what they cost to read.

    Args:
        scored: Sentences, best first.
        most: At most this many sentences.

    Returns:
        Runs of sentences that follow each other, best first, none saying the same as another.
    """
    if not scored:
        return []
    chances = _chances(scored)
    chosen = [scored[0], *_linked(scored)][:most]
    rest = [pair for pair in list(zip(scored, chances, strict=True))[1:CONSIDERED] if _is_new(pair[0], chosen)]
    while len(chosen) < most:
        worth = [(chance - _price(s, chosen), -n) for n, (s, chance) in enumerate(rest) if _is_new(s, chosen)]
        if not worth or max(worth)[0] <= 0:
            break
        chosen.append(rest.pop(-max(worth)[1])[0])
    return runs_of(chosen)


def _linked(scored: Sequence[Scored]) -> list[Scored]:
    """Return the best sentence of each other document that was moved up because it is named."""
    best: dict[str, Scored] = {}
    for sentence in scored:
        if sentence.candidate.linked_from and sentence.score >= scored[0].score - LINKED_MARGIN:
            best.setdefault(sentence.candidate.stored.passage.document_id, sentence)
    best.pop(scored[0].candidate.stored.passage.document_id, None)
    return [sentence for sentence in best.values() if not say_the_same(sentence, scored[0])]


def nearest(scored: Sequence[Scored]) -> list[Scored]:
    """Return the best sentence and those that come near it, whether or not an answer gives them.

    Args:
        scored: Sentences, best first.

    Returns:
        At most `NEAREST`, best first, none saying the same as another.
    """
    found: list[Scored] = []
    for sentence in scored:
        if len(found) == NEAREST or sentence.score < scored[0].score - NEAREST_MARGIN:
            break
        if _is_new(sentence, found):
            found.append(sentence)
    return found


def partners(scored: Sequence[Scored]) -> list[Scored]:
    """Return the best sentence of each other document that the best one's is linked with, to be judged with it.

    Args:
        scored: Sentences, best first.

    Returns:
        Sentences, best first; nothing where the question seems to be about one document.
    """
    best = scored[0]
    origin = best.candidate.linked_from.passage.document_id if best.candidate.linked_from else None
    found: dict[str, Scored] = {}
    for sentence in scored:
        if sentence.score < best.score - LINKED_MARGIN:
            break
        document = sentence.candidate.stored.passage.document_id
        if sentence.candidate.linked_from or document == origin:
            found.setdefault(document, sentence)
    found.pop(best.candidate.stored.passage.document_id, None)
    return list(found.values())


def _chances(scored: Sequence[Scored]) -> list[float]:
    exponentials = [math.exp(SCALE * (s.score - scored[0].score)) for s in scored]
    total = sum(exponentials)
    return [e / total for e in exponentials]


def _price(sentence: Scored, chosen: Sequence[Scored]) -> float:
    alone = not any(follow(sentence, other) for other in chosen)
    return PRICE_OF_CHAR * len(sentence.text) + PRICE_OF_QUOTE * alone


def follow(one: Scored, other: Scored) -> bool:
    """Tell whether two sentences stand next to each other in one passage."""
    return one.candidate.stored.key == other.candidate.stored.key and abs(one.number - other.number) == 1


def _is_new(sentence: Scored, chosen: Sequence[Scored]) -> bool:
    return not any(say_the_same(sentence, other) for other in chosen)


def say_the_same(one: Scored, other: Scored) -> bool:
    """Tell whether the shorter of two sentences says little that the other does not."""
    smaller = min(len(one.terms), len(other.terms))
    return len(one.terms & other.terms) >= SAME * smaller
