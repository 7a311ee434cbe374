"""English follow-ups made to stand alone: fragments, bare question words, words that point back, missing context."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.dialogue import antecedent
from rag.dialogue.conversation import Turn
from rag.dialogue.ellipsis import YEAR, replaced
from rag.dialogue.mentions import AUXILIARIES, PREPOSITIONS, content_stems, mentions, names, quoted
from rag.dialogue.pointing import resolved

_CONNECTIVE = re.compile(r"^(?:and|but|so|then|also|or|ok|okay|well|now),? +(?=\S)", re.IGNORECASE)
_ABOUT = re.compile(r"^(?:what|how) about +|^what of +", re.IGNORECASE)
_ASKS = re.compile(r"\b(?:who|whom|whose|what|which|when|where|why|how)\b", re.IGNORECASE)
_AUXILIARY = "|".join(sorted(AUXILIARIES))
_BARE = re.compile(
    r"^(?:why|when|where|how|who|whom|how so|why not|how come|since when|until when|how long|how much|how many|by whom|"
    r"with whom|for whom|why is that|how is that|why was that)$",
    re.IGNORECASE,
)
_ELSE = re.compile(
    r"^(?:(?:who|what|where|which) else|anyone else|anything else|which others|any others)\b", re.IGNORECASE
)
# Questions of no more content words than this do not say what they are about, unless they name it.
FEW_WORDS = 3


def rewritten(question: str, turns: Sequence[Turn]) -> str:
    """Return an English follow-up as a question that stands alone.

    Args:
        question: The question.
        turns: The turns before it, oldest first; at least one.

    Returns:
        The question; `question` itself where it stands alone.
    """
    text = question.strip()
    connected = bool(_CONNECTIVE.match(text))
    body = _CONNECTIVE.sub("", text)
    about = _ABOUT.match(body)
    body = body[about.end() :] if about else body
    bare = body.rstrip(" ?.!")
    if _BARE.match(bare):
        return _bare(bare, turns)
    if _is_fragment(bare, connected=connected or bool(about)):
        fragment = resolved(bare, turns)
        return _capital(replaced(fragment, turns[-1].query) or f"{fragment} ({_scope(turns)})?")
    if _ELSE.match(bare):
        return _else(bare, turns)
    found = resolved(body, turns, connected=connected)
    lacking = found != body or connected or _points_at(body, turns)
    if lacking and not _says_what(found):
        found = _with_scope(found, _scope(_turns_on(body, turns), beside=found))
    return _capital(found) if found != body else question


def _is_fragment(bare: str, *, connected: bool) -> bool:
    """Tell whether a text asks nothing by itself and takes its question from the one before."""
    words = bare.split()
    if not words or _ASKS.search(bare) or any(word.lower() in AUXILIARIES - {"may", "will"} for word in words):
        return False
    # Key words are a query of their own; "In 2021?" and "The Taiwan side?" are not.
    short = len(words) <= 4 and (
        words[0].lower() in PREPOSITIONS | {"the"} or all(re.match(r"[A-Z\d]", w) for w in words)
    )
    return connected or short


def _bare(word: str, turns: Sequence[Turn]) -> str:
    """Return the last question with another question word: "Why?"."""
    query = turns[-1].query.rstrip(" ?？")
    asking = word.split(" is that", maxsplit=1)[0].split(" was that", maxsplit=1)[0]
    match = re.match(rf"(?P<asked>.*?)\b(?P<aux>{_AUXILIARY})\b (?P<rest>.+)", query, re.IGNORECASE)
    if not match or not _ASKS.search(match["asked"]):
        return f"{_capital(asking)}: {query}?"
    rest, kind = match["rest"], antecedent.asked_for(query)
    if re.match(r"\w+ed\b|held\b|made\b|built\b|sent\b|given\b|\w+ing\b", rest):
        # What was asked for is the subject, and goes where a subject stands.
        rest = f"{kind or 'anyone'} {rest}"
        kind = ""
    told = antecedent.told_for(turns[-1], kind) if kind else ""
    note = f" ({told or kind})" if kind else ""
    return f"{_capital(asking)} {match['aux']} {rest}{note}?"


def _else(bare: str, turns: Sequence[Turn]) -> str:
    """Return who or what else is asked for, in the words of the last question where the follow-up has none."""
    asked = bare.split()
    query = turns[-1].query.rstrip(" ?？")
    if len(asked) > 2:
        found = resolved(bare, turns)
        told = found if _says_what(found) else _with_scope(found, _scope(_turns_on(bare, turns)))
        return f"{told.rstrip('?')}?"
    first, _, rest = query.partition(" ")
    if first.lower() == asked[0].lower() and rest:
        return f"{bare} {rest}?"
    return f"{bare}: {query}?"


def _says_what(text: str) -> bool:
    """Tell whether a question names what it is about."""
    return bool(names(text) or quoted(text) or YEAR.search(text) or any(m.named for m in mentions(text)))


def _points_at(body: str, turns: Sequence[Turn]) -> bool:
    """Tell whether a question takes for granted what it is about: few words, no name, one of them said before."""
    stems = {stem for _, stem in content_stems(body)}
    if _says_what(body) or not 0 < len(stems) <= FEW_WORDS:
        return False
    if len(stems) == 1 and re.search(r"\bthe [a-z]+[ ?.!]*$", body):
        return True
    said = set().union(*(_stems(text) for turn in turns for text in (turn.query, turn.answer, *turn.cited)))
    return 2 * len(stems & said) >= len(stems)


def _stems(text: str) -> set[str]:
    return {stem for _, stem in content_stems(text)}


def _turns_on(body: str, turns: Sequence[Turn]) -> Sequence[Turn]:
    """Return the turns up to the last whose question, else whose answer, has a word of the follow-up."""
    stems = _stems(body)
    asked = [number for number, turn in enumerate(turns, start=1) if stems & _stems(turn.query)]
    told = [number for number, turn in enumerate(turns, start=1) if stems & _stems(turn.answer)]
    return turns[: (asked or told or [len(turns)])[-1]]


def _scope(turns: Sequence[Turn], *, beside: str = "") -> str:
    """Return what the last question was about, as far as `beside` does not say it."""
    topic = [m.text for m in antecedent.topic(turns)]
    about = [text for text in topic if text.lower() not in beside.lower()]
    return ", ".join(about[:2]) if topic else turns[-1].query.rstrip(" ?？")


def _with_scope(question: str, scope: str) -> str:
    return f"{question.rstrip(' ?？.')} ({scope})?" if scope else question


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
