"""Words of an English question that point back, such as "it", "those" and "that park", put into what they mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rag.dialogue import antecedent
from rag.dialogue.bound import is_bound
from rag.dialogue.conversation import Turn
from rag.dialogue.ellipsis import YEAR
from rag.dialogue.mentions import AUXILIARIES, PREPOSITIONS, content_stems, mentions

_POINTING = re.compile(
    r"\b(?P<word>he|him|his|she|her|hers|it|its|they|them|their|theirs|there|then|this|that|these|those|such)\b"
    r"(?!['’])",
    re.IGNORECASE,
)
_PERSON, _PERSONS = frozenset(("he", "him", "she")), frozenset(("his", "hers"))
_SEVERAL = frozenset(("they", "them"))
_DEMONSTRATIVES = frozenset(("this", "that", "these", "those", "such"))
_TIMES = frozenset(
    "afternoon century day decade evening hour month morning night quarter summer time way week year".split()
)
_PERSONAL_NOUNS = frozenset("man woman person gentleman lady official author speaker founder".split())
_DEFINITE = re.compile(
    r"\bthe (?P<noun>[a-z]+)(?= (?:[a-z]+ly )?(?:" + "|".join(sorted(AUXILIARIES)) + r")\b|[ ?.!,]*$)"
)
_FIRMS = frozenset("company firm enterprise business manufacturer maker".split())


@dataclass(frozen=True)
class _Pointer:
    """A word that points back, and the noun behind it where there is one."""

    start_char: int
    end_char: int
    word: str
    noun: str = ""


def resolved(text: str, turns: Sequence[Turn], *, connected: bool = False) -> str:
    """Return a question with what its words mean in place of those that point back to earlier turns.

    Args:
        text: The question.
        turns: The turns before it, oldest first; at least one.
        connected: Whether it goes on from them in so many words, such as "and".

    Returns:
        The question; `text` itself where it points to nothing but itself.
    """
    changes: list[tuple[int, int, str]] = []
    seen: set[str] = set()
    for pointer in _pointers(text):
        group = _group(pointer)
        # "What did he say about his company": the second is read with the first.
        if group in seen:
            continue
        meant = _meant(pointer, turns, text)
        if meant is not None:
            seen.add(group)
            changes.append((pointer.start_char, pointer.end_char, meant))
    if changes or connected:
        changes += _definite(text, turns)
    for start, end, meant in sorted(changes, reverse=True):
        text = text[:start] + meant + text[end:]
    return re.sub(r"  +", " ", text).replace(" ?", "?") if changes else text


def _group(pointer: _Pointer) -> str:
    word = pointer.word
    if word in _PERSON | _PERSONS | {"her"}:
        return "person"
    if word in ("it", "its"):
        return "thing"
    return "several" if word in _SEVERAL | {"their", "theirs"} else f"{word} {pointer.noun}"


def _pointers(text: str) -> Iterator[_Pointer]:
    for match in _POINTING.finditer(text):
        word = match["word"].lower()
        if match["word"] != word and match.start():
            continue  # as in a title
        before, after = text[: match.start()], text[match.end() :]
        if word in _DEMONSTRATIVES:
            if pointer := _demonstrative(match, before, after):
                yield pointer
        elif not is_bound(word, before, after, text):
            yield _Pointer(match.start(), match.end(), word)


def _demonstrative(match: re.Match[str], before: str, after: str) -> _Pointer | None:
    """Return a demonstrative, unless it is a conjunction or a relative pronoun: "the ship that sank"."""
    word, previous = match["word"].lower(), (re.findall(r"[\w'’]+|[,;:]", before) or [""])[-1].lower()
    noun = re.match(r" (?:same )?(?P<noun>[a-z][\w-]*)", after)
    behind = (
        noun["noun"] if noun and noun["noun"] not in AUXILIARIES | PREPOSITIONS | {"and", "or", "who", "which"} else ""
    )
    introduced = previous in AUXILIARIES | PREPOSITIONS | {"", "of", "to", "and", "not"}
    if word == "that" and not introduced and after.strip(" ?.!"):
        return None
    if word == "such" and (not behind or re.match(r" as\b| an? ", after)):
        return None
    if behind in _TIMES or (noun is None and after.strip(" ?.!") and re.match(r" [A-Z\d]", after)):
        return None
    if _named_before(behind, before) or (not behind and _qualified(after) and content_stems(before)):
        return None
    end = match.end() + (noun.end() if noun and behind else 0)
    return _Pointer(match.start(), end, word, behind)


def _qualified(after: str) -> bool:
    """Tell whether a demonstrative is told apart by what follows: "those with a licence"."""
    return bool(
        re.match(rf" (?:who|whose|that|which|{'|'.join(sorted(PREPOSITIONS))})\b", after) and after.strip(" ?.!")
    )


def _named_before(noun: str, before: str) -> bool:
    """Tell whether the question has spoken of something of that kind, or of several, before."""
    if re.search(r"[,;.?!]", before) and len(content_stems(before)) > 1:
        return True
    known = noun and noun not in ("one", "ones")
    return bool(known and re.search(rf"\b{re.escape(noun.rstrip('s'))}", before, re.IGNORECASE))


def _meant(pointer: _Pointer, turns: Sequence[Turn], text: str) -> str | None:
    word, after = pointer.word, text[pointer.end_char :]
    if word == "her":
        word = (
            "his" if re.match(r" [a-z]", after) and not re.match(rf" (?:{'|'.join(PREPOSITIONS)})\b", after) else "him"
        )
    finders: dict[str, Callable[[], str | None]] = {
        **dict.fromkeys(_PERSON | {"him"}, lambda: antecedent.person(turns)),
        **dict.fromkeys(_PERSONS, lambda: _possessive(antecedent.person(turns))),
        **dict.fromkeys(_SEVERAL, lambda: antecedent.several(turns)),
        **dict.fromkeys(("their", "theirs"), lambda: _possessive(antecedent.several(turns))),
        "it": lambda: antecedent.thing(turns),
        "its": lambda: _possessive(antecedent.thing(turns)),
        "there": lambda: antecedent.place(turns),
        "then": lambda: _time(turns),
    }
    return finders.get(word, lambda: _pointed(pointer, turns, text[: pointer.start_char]))()


def _possessive(name: str | None) -> str | None:
    return name and (f"{name}’" if name.endswith("s") else f"{name}’s")


def _time(turns: Sequence[Turn]) -> str | None:
    year = YEAR.search(turns[-1].query)
    return f"in {year[0]}" if year else None


def _pointed(pointer: _Pointer, turns: Sequence[Turn], before: str) -> str | None:
    """Return what a demonstrative means: the thing of its kind, else what was spoken of last."""
    noun = pointer.noun
    if noun in _PERSONAL_NOUNS:
        return antecedent.person(turns)
    if noun and noun not in ("one", "ones"):
        if found := antecedent.of_kind(noun, turns):
            return found
        # What has names of its own says what it is about: "... were created across China in that round".
        if any(m.named for m in mentions(before)):
            return None
        last = antecedent.several(turns) if antecedent.is_several(noun) else antecedent.thing(turns)
        return last and (last if noun in last.lower() else f"the {noun} ({last})")
    return antecedent.several(turns) if pointer.word in ("these", "those") else antecedent.thing(turns)


def _definite(text: str, turns: Sequence[Turn]) -> Iterator[tuple[int, int, str]]:
    """Yield the names for "the company" and the like, in a question that points back anyhow."""
    for match in _DEFINITE.finditer(text):
        noun = match["noun"]
        found = antecedent.of_kind(noun, turns) or (antecedent.thing(turns) if noun in _FIRMS else None)
        if found and found.lower() != match[0]:
            yield match.start(), match.end(), found
