"""A follow-up to a question that stands alone, from the turns before it; without a language model unless one is given.

    "And how many of those are national firsts?"  ->  "How many of the innovation cases are national firsts (the Area)?"

A question that stands alone is left exactly as it is: that is how a change of topic is noticed. Knows no library, no
search and no answer in the making; English in `rag.dialogue.english`, Chinese in `rag.dialogue.chinese`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from rag.dialogue import chinese, english
from rag.dialogue.conversation import Rewrite, Turn
from rag.dialogue.mentions import names
from rag.language import question_language

LOG = logging.getLogger(__name__)
# A rewritten question has at most this many characters more than those asked.
MOST_MORE_CHARS = 300
# Longer questions say what they mean themselves; the rules take time that grows with the square of the length.
LONGEST_CHARS = 500


def stand_alone(question: str, turns: Sequence[Turn], *, rewrite: Rewrite | None = None) -> str:
    """Return a question as it would have been asked without the conversation before it.

    Args:
        question: The question, cleaned, on one line.
        turns: The turns before it, oldest first.
        rewrite: What may say it better, such as a chat model. It is asked only where the question points back, and its
            word counts only if it is one line, not much longer, and keeps the numbers and names of the question.

    Returns:
        The question to be searched; `question` itself where it stands alone.
    """
    if not turns or len(question) > LONGEST_CHARS:
        return question
    found = _rewritten(question, turns)[: len(question) + MOST_MORE_CHARS]
    if rewrite is None or found == question:
        return found
    try:
        said = rewrite(question, turns)
    except Exception as error:  # noqa: BLE001 (whatever a model fails with, the question has a stand-alone form)
        LOG.warning("the follow-up was not rewritten by the model: %s", type(error).__name__)
        return found
    return said.strip() if is_faithful(said, question) else found


def _rewritten(question: str, turns: Sequence[Turn]) -> str:
    match question_language(question):
        case "zh":
            return chinese.rewritten(question, turns)
        case "en" | "und":
            return english.rewritten(question, turns)
        case _:
            return question


def is_faithful(said: object, question: str) -> bool:
    """Tell whether what a model makes of a question can be searched in its place.

    Args:
        said: What the model said.
        question: The question.

    Returns:
        Whether it is one line of reasonable length with all numbers and names of the question.
    """
    if not isinstance(said, str) or not said.strip() or len(said.strip().splitlines()) > 1:
        return False
    if len(said) > len(question) + MOST_MORE_CHARS:
        return False
    kept = [*re.findall(r"\d+(?:[.,]\d+)*", question), *(name.text for name in names(question))]
    return all(fact.casefold() in said.casefold() for fact in kept)
