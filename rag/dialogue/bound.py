"""Whether a pronoun of an English question means what that question itself has named, or nothing at all.

"What does Norrwick do if it floods?" needs no conversation, "What does Norrwick do with it?" does.
"""

from __future__ import annotations

import re

from rag.dialogue.mentions import Mention, content_stems, may_be_person, mentions

# Where one of these stands between, a pronoun may well mean what the question itself named before it; within one clause
# it cannot (Chomsky 1981, principle B).
_CLAUSE = re.compile(
    r"\b(?:if|when|whenever|before|after|while|because|since|until|once|that|as|whether|although|though|whatever|where|"
    r"which|what|how|why|who|whom|and|or|but|so|than|then|to)\b|[,;:.!?]",
    re.IGNORECASE,
)
# Behind one of these, directly, a pronoun takes up something that has no determiner: "bread before it goes in".
_OPENS_CLAUSE = re.compile(
    r"\b(?:if|when|before|after|while|because|until|once|that|as|and|or|so|than|where|whether|what|how|why) $",
    re.IGNORECASE,
)
# "How long does it take to ..." points to what follows.
_EXPLETIVE = re.compile(
    r"\bit (?:(?:is|was|be|been|takes?|took|costs?|cost|true|possible|safe|better|worth|seems?|rains?)\b.*?)"
    r"\b(?:to|that|when|if)\b|\b(?:what time|what day|what year) (?:is|was) it\b|\bit (?:true|possible) (?:to|that)\b|"
    r"\b(?:is|was) it (?:\w+ ){0,2}\w+ (?:to|that)\b|\bit (?:rain|snow)|\b(?:is|was) it (?:time|the case)\b",
    re.IGNORECASE,
)
_POSSESSIVES = frozenset(("its", "their", "theirs", "his", "her", "hers"))
_AFTER_BE = re.compile(r"\b(?:is|are|was|were|be|been)$", re.IGNORECASE)


def is_bound(word: str, before: str, after: str, text: str) -> bool:
    """Tell whether a pronoun means what the question itself has named, or nothing at all.

    Args:
        word: The pronoun, in lower case; also "there" and "then".
        before: The question up to it.
        after: The question behind it.
        text: The question.

    Returns:
        Whether nothing outside of the question is needed to understand it.
    """
    if re.search(r"[.?!:;] ", before) and len(content_stems(before)) > 1:
        return True
    if word in ("there", "then"):
        return _is_filler(word, before.strip(), after)
    if word == "it" and _EXPLETIVE.search(text):
        return True
    named = [m for m in mentions(before) if _fits(word, m)]
    return _is_owned(word, before, named) if word in _POSSESSIVES else _is_named(word, before, named)


def _is_filler(word: str, before: str, after: str) -> bool:
    """Tell whether "there" is that of "there are", or "then" that of "then who"."""
    if word == "there" and _AFTER_BE.search(before):
        return True
    return bool(re.match(r" (?:is|are|was|were|be|been)\b", after)) or (word == "then" and not before)


def _is_owned(word: str, before: str, named: list[Mention]) -> bool:
    # "Iceland and its volcanoes", in lower case as well.
    if re.search(r"\b(?:and|or) $", before) or (word in ("their", "theirs") and " and " in before):
        return True
    # "Who expressed his thanks": whoever is asked for.
    asked = re.match(r"(?:who|which \w+) (?!(?:is|are|was|were)\b)\w+", before, re.IGNORECASE)
    return bool(named or asked or _common_noun(word, before))


def _is_named(word: str, before: str, named: list[Mention]) -> bool:
    apart = any(_CLAUSE.search(before[m.end_char :]) for m in named)
    if apart or (_common_noun(word, before) and _CLAUSE.search(before)):
        return True
    return len(content_stems(before)) > 1 and bool(_OPENS_CLAUSE.search(before))


def _fits(word: str, mention: Mention) -> bool:
    if word in ("he", "him", "she", "his", "her", "hers"):
        return mention.person or may_be_person(mention.text)
    return not mention.person


def _common_noun(word: str, before: str) -> bool:
    """Tell whether something without a name or determiner came before: "How does one know that a dog ... its"."""
    if word in ("they", "them", "their", "theirs"):
        return bool(
            re.search(
                r"\b(?:which|what|how many|do|did|have|are|can|should|many|some|all) (?:\w+ )?[a-z]{3,}s\b", before
            )
        )
    someone = re.search(
        r"\b(?:someone|anyone|somebody|everyone|one|person|man|woman|each|every \w+)\b", before, re.IGNORECASE
    )
    return bool(someone) and word not in ("it",)
