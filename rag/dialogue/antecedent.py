"""What a word of a follow-up points back to: the person, thing, place or several things the turns before it spoke of.

Reference:
    Grosz, Joshi, Weinstein (1995), "Centering: A Framework for Modeling the Local Coherence of Discourse": what the
    last utterance is about, its subject before its other mentions, is what a pronoun most likely means. Here an answer
    to "who" or "which" comes before either, since it is what was asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from rag.dialogue.conversation import Turn
from rag.dialogue.mentions import (
    AUXILIARIES,
    COMPANY,
    PREPOSITIONS,
    ROLES,
    Mention,
    content_stems,
    head_word,
    is_person,
    mentions,
    names,
    nearest,
    quoted,
)
from rag.expected import expected_kind
from rag.terms import FUNCTION_WORDS

ASKED = re.compile(r"\b(?P<how>which|what|how many)(?P<what>(?: [\w-]+){1,6})", re.IGNORECASE)
_ASKED_ZH = re.compile(r"哪(?:一)?(?:家|个|所|座|项|场|款|种|位|份|届) ?(?P<what>[^？?，,]+)")
_OBJECT_WHO = re.compile(r"\bwhom\b|\bwho (?:did|does|do|has|have|will|can)\b", re.IGNORECASE)
_COMPANIES = frozenset("companies company enterprise enterprises firm firms manufacturer startup".split())
# "In which city did it open": what comes next is about what opened, not about the city.
_CIRCUMSTANCES = frozenset(
    "century city cities country date day hour month place province region state time town way week year years".split()
)
_PEOPLE = ROLES | frozenset(
    "academic actor actress artist athlete author character composer entrepreneur expert figure leader member minister "
    "official participant person player politician professor representative scholar scientist singer speaker "
    "writer".split()
)
# What people do is done at these, and in other places.
_EVENTS = re.compile(
    r"(?i)\b(?:ceremony|conference|congress|event|expo|fair|festival|forum|meeting|museum|party|port|station|summit|"
    r"university|visit)\b"
)


def person(turns: Sequence[Turn]) -> str | None:
    """Return the person that the turns spoke of last, the one that was asked for before others.

    Args:
        turns: Turns, oldest first.

    Returns:
        A name, or ``None``.
    """
    return _last(turns, lambda turn: next(iter(persons(turn)), None))


def persons(turn: Turn) -> list[str]:
    """Return the persons that a turn spoke of, the likeliest first."""
    asked = [m.text for m in mentions(turn.query) if m.person]
    told = _person_told(turn)
    kind = head_word(asked_for(turn.query))
    if (expected_kind(turn.query) == "person" or kind in _PEOPLE) and not (_OBJECT_WHO.search(turn.query) and asked):
        asked = [told, *asked] if told else asked
    return asked or ([told] if told else [])


def _person_told(turn: Turn) -> str | None:
    if turn.focus and is_person(turn.focus):
        return turn.focus
    known = turn.query.casefold()
    told = [m for m in names(turn.answer) if m.person and m.text.casefold() not in known]
    found = nearest(told, turn.answer, turn.query)
    return found.text if found else None


def thing(turns: Sequence[Turn]) -> str | None:
    """Return the one thing, not a person, that the turns spoke of last.

    Args:
        turns: Turns, oldest first.

    Returns:
        A name, or a thing with its determiner; ``None`` where there is none.
    """
    return _last(turns, _thing) or _last(turns, lambda turn: next((m.text for m in mentions(turn.query)), None))


def _thing(turn: Turn) -> str | None:
    asked = asked_for(turn.query)
    if asked and not is_several(asked) and head_word(asked) not in _CIRCUMSTANCES | _PEOPLE:
        return told_for(turn, asked) or next(_single(turn), None) or f"the {asked}"
    return next(_single(turn), None)


def _single(turn: Turn) -> Iterator[str]:
    return (m.text for m in mentions(turn.query) if not m.person and not m.plural)


def asked_for(query: str) -> str:
    """Return what kind of thing a question asks for.

    Args:
        query: A question, such as "Which supervision model does the zone adopt?".

    Returns:
        The kind, such as "supervision model"; ``""`` where it is not a kind of thing.
    """
    if match := _ASKED_ZH.search(query):
        return match["what"].strip()
    match = ASKED.search(query)
    if not match:
        return ""
    words = match["what"].split()
    # "How many companies took part": where the verb has no auxiliary, the plural before it ends what is asked for.
    several = match["how"].lower() == "how many"
    end = next((n for n, word in enumerate(words) if _ends_kind(word, words[:n], several=several)), len(words))
    return " ".join(words[:end])


def _ends_kind(word: str, before: Sequence[str], *, several: bool) -> bool:
    if word.lower() in AUXILIARIES | PREPOSITIONS | FUNCTION_WORDS:
        return True
    return bool(before) and (word.endswith("ed") or (several and is_several(before[-1])))


def is_several(asked: str) -> bool:
    """Tell whether what is asked for is several things."""
    head = head_word(asked)
    return head.endswith("s") and not head.endswith(("ss", "us", "is"))


def told_for(turn: Turn, asked: str) -> str | None:
    """Return what the answer names where a question asked for a kind of thing.

    Args:
        turn: The turn.
        asked: The kind of thing, as `asked_for` gives it.

    Returns:
        A name or quoted expression that the question does not hold itself, or ``None``.
    """
    if turn.focus:
        return turn.focus
    known, head = turn.query.casefold(), head_word(asked)
    marked = [q for q in quoted(turn.answer) if q.casefold() not in known]
    found = [m for m in names(turn.answer) if m.text.casefold() not in known and m.text.casefold() not in head]
    if told := _saying_kind(marked, head):
        return _with_kind(told, head)
    if told := _saying_kind([m.text for m in found], head):
        return told
    if head in _COMPANIES or re.search(r"公司|企业", turn.query):
        found = [m for m in found if COMPANY.search(m.text)]
    elif marked:
        return _with_kind(marked[0], head)
    # Teams and firms may be named like persons.
    best = nearest(found, turn.answer, turn.query)
    return best.text if best else None


def _saying_kind(expressions: Iterable[str], head: str) -> str | None:
    """Return the first expression that says of what kind it is."""
    return next((e for e in expressions if head in re.findall(r"\w+", e.lower())), None)


def _with_kind(title: str, head: str) -> str:
    """Return a quoted title without its subtitle, and what it is the title of: the "Deep Blue" exhibition."""
    main = title.split(": ", maxsplit=1)[0]
    return main if head in main.lower().split() or not head.isascii() else f'the "{main}" {head}'


def several(turns: Sequence[Turn]) -> str | None:
    """Return the several things or persons, or the body of people, that the turns spoke of last.

    Args:
        turns: Turns, oldest first.

    Returns:
        Them as they would stand in a question, or ``None``.
    """
    return _last(turns, _several_things) or _pair(turns) or _last(turns, _body)


def _body(turn: Turn) -> str | None:
    """Return a body of people: "they" of a company, but not of a person or of what has no name."""
    told = _thing(turn)
    return told if told and names(told) and not is_person(told) else None


def _several_things(turn: Turn) -> str | None:
    asked = asked_for(turn.query)
    if asked and is_several(asked):
        return f"the {asked}"
    return next((m.text for m in mentions(turn.query) if m.plural), None)


def _pair(turns: Sequence[Turn]) -> str | None:
    """Return the persons whom the last two turns named, one each."""
    if not turns or expected_kind(turns[-1].query) != "person":
        return None
    found = [told for turn in turns[-2:] for told in persons(turn)[:1]]
    # One person is nobody's "they".
    return " and ".join(found) if len(set(found)) > 1 else None


def place(turns: Sequence[Turn]) -> str | None:
    """Return where what the turns spoke of takes place, with its preposition.

    Args:
        turns: Turns, oldest first.

    Returns:
        Such as "in Shanghai" or "at the conference"; ``None`` where nothing tells.
    """
    return _last(turns, _place)


def _place(turn: Turn) -> str | None:
    found = [m for m in mentions(turn.query) if not m.person]
    events = [m for m in found if _EVENTS.search(m.text)]
    placed = [
        m for m in found if re.search(r"\b(?:in|at|to|with|from|near|into)(?: the)? $", turn.query[: m.start_char])
    ]
    chosen = (events or placed[-1:] or found)[:1]
    if not chosen:
        return None
    text = chosen[0].text
    return f"{'at' if _EVENTS.search(text) else 'in'} {text}"


def of_kind(noun: str, turns: Sequence[Turn]) -> str | None:
    """Return the thing of a kind that the turns spoke of: "the Norrwick Harbour Museum" for "museum".

    Args:
        noun: The kind, one word.
        turns: Turns, oldest first.

    Returns:
        The thing, or ``None`` where the turns spoke of none of that kind.
    """
    return _last(turns, lambda turn: _spoken_of(noun, turn))


def _spoken_of(noun: str, turn: Turn) -> str | None:
    wanted = _stem(noun)
    asked = [m for m in mentions(turn.query) if _stem(head_word(m.text)) == wanted]
    told = [m for text in (turn.answer, *turn.cited) for m in names(text) if _stem(head_word(m.text)) == wanted]
    # One word is the kind itself, not a thing of that kind.
    return next((m.text for m in [*asked, *told] if len(m.text.replace("the ", "").split()) > 1), None)


def _stem(word: str) -> str:
    return next((stem for _, stem in content_stems(word)), word)


def _last(turns: Sequence[Turn], find: Callable[[Turn], str | None]) -> str | None:
    return next((found for turn in reversed(turns) if (found := find(turn))), None)


def topic(turns: Sequence[Turn]) -> list[Mention]:
    """Return what the last turn was about: names and things of its question, in order."""
    return mentions(turns[-1].query) if turns else []
