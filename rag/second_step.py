"""The second step of a search: from the best passage to the documents that it, or the question, names by their titles.

A question whose answer needs two documents often names only one of them; what the other is called stands in the first.
Knows no index: what it may move up is among the passages that the first step found.

Reference:
    Following the links of a first passage to the second as in Asai, Hashimoto, Hajishirzi, Socher, Xiong (2020),
    "Learning to Retrieve Reasoning Paths over Wikipedia Graph", without their learning: documents that name each other
    are linked by nothing else here. On hotpotqa-100 recall@5 rose from 0.76 to 0.91; the figures are in eval/LOG.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from rag.evidence import Candidate
from rag.terms import NO_SPACES

# Passages of the first step among which named documents are looked for.
POOL_K = 50
# So many passages are moved up, behind the best one.
MOST_LINKS = 2
# Shorter titles are words rather than names.
LEAST_CHARS = 4
# What tells documents of one name apart: "Mark King (musician)".
QUALIFIER = re.compile(r"\s*[(（][^()（）]*[)）]$")


def links(question: str, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return passages of other documents that the question, or the best passage, names by their titles.

    Args:
        question: The question.
        candidates: Passages, best first.

    Returns:
        At most `MOST_LINKS` of the candidates, each of another document than the others and than the best one.
    """
    return list(islice(_links(question, candidates), MOST_LINKS)) if candidates else []


def _links(question: str, candidates: Sequence[Candidate]) -> Iterator[Candidate]:
    best = candidates[0].stored
    known = {best.document_key}
    for candidate in candidates[1:]:
        stored = candidate.stored
        if stored.document_key in known:
            continue
        if names(question, stored.title) or names(best.passage.text, stored.title):
            known.add(stored.document_key)
            yield candidate


def names(text: str, title: str) -> bool:
    """Tell whether a text names a document by its title, as it is written there, without what qualifies it."""
    name = QUALIFIER.sub("", title)
    if len(name) < LEAST_CHARS or name not in text:
        return False
    # Between characters of a script without spaces there is no border to look for.
    return re.search(rf"(?<![^\W{NO_SPACES}]){re.escape(name)}(?![^\W{NO_SPACES}])", text) is not None


def moved_up(candidates: Sequence[Candidate], linked: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates with linked ones right behind the best, which keeps its place.

    Args:
        candidates: Passages, best first.
        linked: Some of them, but not the best.

    Returns:
        All of them, scores falling; those of linked ones are at least halfway between the best and the next.
    """
    keys = {c.stored.key for c in linked}
    best, *others = candidates
    rest = [c for c in others if c.stored.key not in keys]
    # Halfway to the best: with the score of the passage passed, its sentences seldom made it into an answer.
    least = (best.score + (rest[0].score if rest else 0.0)) / 2
    raised = [replace(c, score=max(c.score, least), signals={**c.signals, "linked": 1.0}) for c in linked]
    return [best, *sorted(raised, key=lambda c: -c.score), *rest]
