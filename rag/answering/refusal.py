"""Why there is no answer, in the language of the question: what is missing, and what the documents have instead."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from rag.answering.instead import instead
from rag.evidence import Query
from rag.facts import key_facts, missing_names, missing_numbers, runs, words
from rag.language import question_language
from rag.terms import Term, held

# A sentence speaks of something else in the place of a fact when it says at least this much of the rest.
SAME_MATTER = 0.3
# In English and in Chinese.
NOTHING_FOUND = (
    "Not in these documents: no passage matches the question.",
    "这些文档中没有与问题相关的内容。",
)
NOTHING_PASSES = (
    "Not in these documents: no document passes the filter {filters}.",
    "没有文档符合筛选条件 {filters}。",
)
SPEAKS_OF_OTHERS = (
    "Not in these documents: the documents speak of {others}, not {facts}.",
    "这些文档没有回答这个问题：文档提到的是{others}，而不是{facts}。",
)
OTHERS_ARE_NEAREST = (
    "Not in these documents: what is nearest to the question speaks of {others}, not {facts}.",
    "这些文档没有回答这个问题：与问题最接近的内容提到的是{others}，而不是{facts}。",
)
NOT_SPOKEN_OF = (
    "Not in these documents: the nearest passages do not speak of {facts}.",
    "这些文档没有回答这个问题：最接近的段落没有提到{facts}。",
)
SPOKEN_OF_ELSEWHERE = (
    "Not in these documents: what is nearest to the question does not speak of {facts}; other passages do.",
    "这些文档没有回答这个问题：与问题最接近的内容没有提到{facts}，只在其他段落中出现。",
)
TOO_UNLIKE = (
    "Not in these documents: the nearest passages do not match the question closely enough.",
    "这些文档没有回答这个问题：最接近的段落与问题不够吻合。",
)


def reason(
    query: Query, sentence: str, *, own: AbstractSet[str], here: AbstractSet[str], anywhere: AbstractSet[str]
) -> str:
    """Return why there is no answer.

    Args:
        query: The query.
        sentence: What would have been the answer.
        own: Its terms.
        here: Terms of the passages that it would have quoted.
        anywhere: Terms of the best passages, those among them.

    Returns:
        One sentence, in Chinese where the question is, else in English: which number or name is missing, if one is,
        and what the documents have in its place.
    """
    facts = key_facts(query)
    for terms, lacks, others in (
        (anywhere, NOT_SPOKEN_OF, SPEAKS_OF_OTHERS),
        (here, SPOKEN_OF_ELSEWHERE, OTHERS_ARE_NEAREST),
    ):
        missing = sorted(missing_names(facts, terms) + missing_numbers(facts, terms), key=lambda t: t.start_char)
        if missing:
            found = _in_place(query, missing, sentence) if _same_matter(query, missing, own) else ""
            return say(query, others if found else lacks).format(facts=words(query, missing), others=found)
    return say(query, TOO_UNLIKE)


def say(query: Query, saying: tuple[str, str]) -> str:
    """Return what is said, in Chinese where the question is, else in English."""
    english, chinese = saying
    return chinese if question_language(query.text) == "zh" else english


def _in_place(query: Query, missing: Sequence[Term], sentence: str) -> str:
    """Return what a sentence has in the place of all the missing facts, ``""`` where it lacks one."""
    found = [instead(query.text, place, sentence) for place in runs(query, missing)]
    return ", ".join(f"“{other}”" for others in found for other in others) if all(found) else ""


def _same_matter(query: Query, missing: Sequence[Term], own: AbstractSet[str]) -> bool:
    """Tell whether a sentence of these terms says enough of the rest of the question."""
    rest = [(t, w) for t, w in zip(query.terms, query.weights, strict=True) if w > 0 and t not in missing]
    total = sum(w for _, w in rest)
    return total > 0 and sum(w for t, w in rest if held(t, own)) >= SAME_MATTER * total
