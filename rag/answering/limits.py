"""Whether a text says what a yes-or-no question asks only in part: for a time, under a condition, or as told by others.

Knows surfaces in English, German and Chinese; a text of which it says nothing need not be without limits.
"""

from __future__ import annotations

import re

# What limits whatever it stands in, asked of whatever time.
LIMITS = re.compile(
    r"\b(?:unless|only|except|excepting|excluding|apart from|other than|provided|providing|as long as|so long as|"
    r"subject to|if|whether|lest|just|merely|half|partially|supposed(?:ly)?|reported(?:ly)?|nominally|scheduled|"
    r"threaten\w*|attempt\w*|tried|tries|told|says|said|false|wrong|according|usually|normally|generally|mostly|mainly|"
    r"often|occasionally|seldom|temporarily|nur|ausser|ausgenommen|sofern|wenn|solange|lediglich|es sei denn)\b|"
    r"\baußer\b|除非|除了|除外|以外|之外|仅|只|才|如果|假如|若",
    re.IGNORECASE,
)
# What ends a state: it was so, and is not now.
ENDED = re.compile(
    r"\b(?:until|till|used to|former(?:ly)?|previous(?:ly)?|once|originally|ex-\w+|früher|ehemals|bis|nicht mehr)\b|"
    r"曾|过去|原来|原先|以前|之前|直到|截至",
    re.IGNORECASE,
)
NO_LONGER = re.compile(r"\b(?:no longer|not any ?more|any ?more|no more|nicht mehr)\b|不再", re.IGNORECASE)
# What is the case is asked, rather than what was. "Has it closed?" asks what was.
PRESENT = re.compile(r"^\W*(?:is|are|isn't|aren't|do|does|doesn't|don't|can|will|should|must)\b", re.IGNORECASE)
PRESENT_BE = re.compile(r"^\W*(?:is|are|isn't|aren't)\b", re.IGNORECASE)
MODAL = re.compile(r"^\W*(?P<modal>can|could|will|would|should|must)\b", re.IGNORECASE)
# What a text may say for a modal verb.
SAME_MODAL = {
    "can": r"can|could|may|able|allowed|possible|cannot",
    "could": r"could|able|allowed|possible",
    "will": r"will|won't|shall|going to",
    "would": r"would",
    "should": r"should|ought|shouldn't",
    "must": r"must|ha(?:s|ve) to|required|mustn't",
}
PAST = re.compile(r"\b(?:was|were|had|did|wasn't|weren't|hadn't|didn't)\b", re.IGNORECASE)
NOW = re.compile(r"\b(?:is|are|am|has|have|isn't|aren't|hasn't|haven't)\b|['’](?:s|re)\b", re.IGNORECASE)
WEAK_PAST = re.compile(r"\b\w{2,}ed\b", re.IGNORECASE)
# What begins "in summer", "under twelve" or "on request": how something is now is limited by it.
ADJUNCTS = re.compile(
    r"\b(?:in|on|at|during|between|from|for|under|over|above|below|with|without|after|before|within|through|when|while|"
    r"where|as|every|each|twice|since|that|upon|by|im|am|bei|für|mit|ohne|unter|ab|während)\b|时候?|期间",
    re.IGNORECASE,
)


def limited(question: str, text: str) -> bool:
    """Tell whether a text says less than what a yes-or-no question asks.

    What is to be the case now, or later, is limited by all that the text adds of when, where and for whom; what was
    the case only by conditions and by words of others.

    Args:
        question: The question.
        text: The sentence that holds the words of the question.

    Returns:
        Whether it is limited by something that the question does not say itself.
    """
    if _added(LIMITS, question, text):
        return True
    if not PRESENT.search(question):
        # Chinese has no tenses.
        return _added(NO_LONGER, question, text) or (question[:1] > "\u3000" and _added(ENDED, question, text))
    return (
        _added(ENDED, question, text)
        or _added(ADJUNCTS, question, text)
        or _is_past(question, text)
        or _lacks_modal(question, text)
    )


def _added(pattern: re.Pattern[str], question: str, text: str) -> bool:
    """Tell whether a text has words of a kind that the question has not, or has them more often."""
    asked, said = ([word.casefold() for word in pattern.findall(part)] for part in (question, text))
    return any(said.count(word) > asked.count(word) for word in said)


def _is_past(question: str, text: str) -> bool:
    """Tell whether a text speaks of what was, where the question asks what is."""
    if PRESENT_BE.search(question):
        return not NOW.search(text) and bool(PAST.search(text))
    if re.match(r"\W*do", question, re.IGNORECASE):
        return _added(PAST, question, text) or _added(WEAK_PAST, question, text)
    return False


def _lacks_modal(question: str, text: str) -> bool:
    modal = MODAL.search(question)
    return modal is not None and not re.search(rf"\b(?:{SAME_MODAL[modal['modal'].casefold()]})\b", text, re.IGNORECASE)
