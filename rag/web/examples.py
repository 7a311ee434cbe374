"""Questions to begin with that a library is seen to answer; knows no page."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.library import Library

_NAME = re.compile(r"\b[A-Z][\w'-]+(?: [A-Z][\w'-]+)+")


def suggest_questions(library: Library, *, count: int = 3) -> list[str]:
    """Return at most ``count`` questions about names that documents repeat, each seen to be answered by ``library``."""
    questions: list[str] = []
    for summary in library.documents()[:20]:
        names = Counter(_NAME.findall(library.document(summary.id).text[:20_000])).most_common(1)
        question = f"What is said about {names[0][0]}?" if names and names[0][1] > 1 else ""
        if question and question not in questions and not library.ask(question).abstained:
            questions.append(question)
        if len(questions) == count:
            break
    return questions
