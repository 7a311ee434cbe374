"""What announces a sentence: the line above the list that it is an item of, or the question or heading that it answers.

Such a line and the sentence are read together: "Error codes:", and five lines below "E3: the filter is blocked".
"""

from __future__ import annotations

import re

from rag.answering.lists import ENUMERATED
from rag.answering.sentences import ASKS_OR_ANNOUNCES, Scored, sentence_text
from rag.terms import document_terms

ENDS_OPEN = re.compile(r"[:：][*_]*\s*$")
# Between two items of a list there may be so many sentences of what else the first one says.
MOST_BETWEEN = 3


def announcing(sentence: Scored) -> list[int]:
    """Return the place, among the sentences of its passage, of what announces a sentence; none where nothing does.

    Args:
        sentence: The sentence.

    Returns:
        One place at most.
    """
    candidate, number = sentence.candidate, sentence.number
    if number and _announces(sentence_text(candidate, number - 1)):
        return [number - 1]
    if not ENUMERATED.match(sentence.text):
        return []
    item = number
    for above in range(number - 1, -1, -1):
        if item - above > MOST_BETWEEN + 1:
            break
        text = sentence_text(candidate, above)
        if _announces(text):
            return [above]
        item = above if ENUMERATED.match(text) else item
    return []


def announced_by(sentence: Scored) -> frozenset[str]:
    """Return the index terms of what announces a sentence."""
    stored = sentence.candidate.stored
    texts = (sentence_text(sentence.candidate, number) for number in announcing(sentence))
    return frozenset(term for text in texts for term in document_terms(text, language=stored.language))


def _announces(text: str) -> bool:
    return bool(ASKS_OR_ANNOUNCES.search(text) or ENDS_OPEN.search(text))
