"""The second step of a search: from the best passage to the documents that it, or the question, names by their titles.

A question whose answer needs two documents often names only one of them; what the other is called stands in the first.
Knows no index: what it may move up is among the passages that the first step found.

Reference:
    Following the links of a first passage to the second as in Asai, Hashimoto, Hajishirzi, Socher, Xiong (2020),
    "Learning to Retrieve Reasoning Paths over Wikipedia Graph", without their learning: documents that name each other
    are linked by nothing else here. On hotpotqa-100 recall@5 rose from 0.76 to 0.91; the figures are in eval/LOG.md.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from rag.evidence import Candidate
from rag.terms import NO_SPACES, document_terms

Rarity = Callable[[Sequence[str]], float]

# Passages of the first step among which named documents are looked for.
POOL_K = 50
# So many passages are moved up, behind the best one.
MOST_LINKS = 2
# Shorter titles are words rather than names.
LEAST_CHARS = 4
# A title of one word is a name where it is as rare as in a tenth of the passages, in nats; "Notes" is none.
LEAST_RARITY = 2.3
# What stands before a word inside a sentence.
INSIDE = rf"(?:(?<=[\w,;:)]\s)|(?<=[\w,;:)]\s[\"'“‘«(])|(?<=[{NO_SPACES}]))"
# What tells documents of one name apart: "Mark King (musician)".
QUALIFIER = re.compile(r"\s*[(（][^()（）]*[)）]$")


def links(question: str, candidates: Sequence[Candidate], *, rarity: Rarity) -> list[Candidate]:
    """Return passages of other documents that the question, or the best passage, names by their titles.

    Args:
        question: The question.
        candidates: Passages, best first.
        rarity: Inverse document frequency of a term, in nats, given its variants.

    Returns:
        At most `MOST_LINKS` of the first `POOL_K`, each of a document of another name than the others and the best one.
    """
    return list(islice(_links(question, candidates[:POOL_K], rarity), MOST_LINKS)) if candidates else []


def _links(question: str, candidates: Sequence[Candidate], rarity: Rarity) -> Iterator[Candidate]:
    best = candidates[0].stored
    # A passage that begins with its own title does not speak of what else is called so.
    text = best.passage.text.replace(best.title, "\n") if best.title else best.passage.text
    known = {name_of(best.title)}
    tried = {best.title}
    for candidate in candidates[1:]:
        stored = candidate.stored
        # Most candidates are of few documents.
        if stored.title in tried:
            continue
        tried.add(stored.title)
        name = name_of(stored.title)
        if name in known or not (names(question, stored.title) or names(text, stored.title)):
            continue
        # Words of any text, such as "Introduction", are titles too.
        if " " in name or rarity((" ".join(document_terms(name, language=stored.language)),)) >= LEAST_RARITY:
            known.add(name)
            yield candidate


def name_of(title: str) -> str:
    """Return a title without what qualifies it."""
    return QUALIFIER.sub("", title)


def names(text: str, title: str) -> bool:
    """Tell whether a text names a document by its title, as it is written there, without what qualifies it."""
    name = name_of(title)
    if len(name) < LEAST_CHARS or name not in text:
        return False
    is_word = " " not in name
    if is_word and name.islower():
        return False
    # A word has to be a name where it stands: at the beginning of a sentence any word is capitalised.
    before = INSIDE if is_word and name[0].isupper() else ""
    # Between characters of a script without spaces there is no border to look for.
    return re.search(rf"{before}(?<![^\W{NO_SPACES}]){re.escape(name)}(?![^\W{NO_SPACES}])", text) is not None


def moved_up(candidates: Sequence[Candidate], linked: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates with linked ones right behind the best, which keeps its place.

    One that late interaction finds less like the question than every passage it has reranked stays where it is.

    Args:
        candidates: Passages, best first.
        linked: Some of them, but not the best, with what late interaction says of them.

    Returns:
        All of them, scores falling; those of linked ones are at least halfway between the best and the next.
    """
    least_late = min((c.signals["late"] for c in candidates if "late" in c.signals), default=-math.inf)
    linked = [c for c in linked if c.signals.get("late", least_late) >= least_late]
    keys = {c.stored.key for c in linked}
    best, *others = candidates
    rest = [c for c in others if c.stored.key not in keys]
    # Halfway to the best: with the score of the passage passed, its sentences seldom made it into an answer.
    least = (best.score + (rest[0].score if rest else 0.0)) / 2
    raised = [
        replace(c, score=max(c.score, least), signals={**c.signals, "linked": 1.0}, linked_from=best.stored)
        for c in linked
    ]
    return [best, *sorted(raised, key=lambda c: -c.score), *rest]
