"""Whether a text lacks what a question asks for: how many there are of something."""

from __future__ import annotations

import re

from rag.answering.wanted import values
from rag.terms import spelt_terms

# What is counted: "how many government cadres".
COUNTED = re.compile(r"\bhow many (?P<what>(?:[\w'’-]+ ){0,2}[\w'’-]+)", re.IGNORECASE)
# Words between a number and what it counts, with the last: "nearly 50 entrepreneurial enterprises".
MOST_WORDS, MOST_CHARS = 3, 60


def lacks_count(question: str, text: str) -> bool:
    """Tell whether a question asks how many there are of something, and a text has no number in front of its word."""
    counted = COUNTED.search(question)
    if counted is None:
        return False
    nouns = {term for _, _, term in spelt_terms(counted["what"])}
    behind = (text[value.end_char : value.end_char + MOST_CHARS] for value in values("count", text))
    return not any(nouns & {term for _, _, term in spelt_terms(words)[:MOST_WORDS]} for words in behind)
