"""Names the stage that lost a question, so that it is known what to mend; knows passages, not how they were found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from eval.gold import Question
from eval.judge import judge_hits, passage_span, spoken_answers
from eval.metrics import contains, overlap
from rag import Passage

# In the order of the stages of a question.
STAGES = {
    "split": "the evidence is in no passage: lost in cleaning, or cut by the border of a passage",
    "retrieve": "no candidate holds the evidence",
    "rerank": "a candidate holds the evidence, but none of the passages that the answer is made from",
    "answer": "the evidence was in the passages that the answer is made from, and was not said",
    "cite": "the answer is right, but no citation overlaps the evidence",
    "refused": "the answer was right and was held back",
    "answered": "the documents do not answer the question, and an answer was given",
}


def lost_in_search(
    question: Question,
    *,
    passages: Iterable[Passage],
    context: Sequence[Passage],
    candidates: Callable[[], Sequence[Passage]],
) -> str:
    """Return the stage of search that lost an answerable question.

    Args:
        question: With evidence in the library's offsets.
        passages: All passages of its gold documents.
        context: Passages that the answer is made from.
        candidates: Gives the passages among which those were chosen; called only when the context lacks the evidence.

    Returns:
        ``split``, ``retrieve`` or ``rerank``; ``""`` when the context holds the evidence.
    """
    known = tuple(passages)
    if holds_evidence(question, context, known):
        return ""
    # Without a gold document it is not known in which passages the evidence should be.
    if question.document_ids and not holds_evidence(question, known, known):
        return "split"
    return "rerank" if holds_evidence(question, candidates(), known) else "retrieve"


def lost_in_answer(question: Question, *, right: bool | None, cites: bool, abstained: bool, lost: str) -> str:
    """Return the stage that lost a question which was answered or refused.

    Args:
        question: The gold question.
        right: Whether what is proposed is right; ``None`` for a refusal that does not say what it held back.
        cites: Whether it cites gold evidence.
        abstained: Whether it was refused.
        lost: What `lost_in_search` says.

    Returns:
        A key of ``STAGES``; ``""`` when all is well.
    """
    if not question.answerable:
        return "" if abstained else "answered"
    if right is None:
        return lost or "refused"
    if not right:
        return lost or "answer"
    if abstained:
        return "refused"
    return "" if cites else "cite"


def holds_evidence(question: Question, held: Sequence[Passage], passages: Sequence[Passage]) -> bool:
    """Return whether passages hold what answers the question.

    Where a gold answer stands in the evidence, one of them has to hold both: a passage that the border of passages
    leaves with the beginning of the evidence answers nothing. Otherwise they have to meet every need.
    """
    answers = spoken_answers(question)
    telling = [
        (item.document_id, item.start_char, item.end_char)
        for item in question.evidence
        if item.start_char is not None and item.end_char is not None and contains(item.quote, answers)
    ]
    if telling:
        return any(
            contains(passage.text, answers) and any(overlap(passage_span(passage), span) for span in telling)
            for passage in held
        )
    judgement = judge_hits(question, held, passages)
    return judgement is not None and len(frozenset().union(*judgement.met)) == judgement.needs
