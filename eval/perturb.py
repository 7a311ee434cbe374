"""True sentences with exactly one number, date, name or denial changed, to see whether a claim check notices.

Knows nothing of the check: what a number or a name is, it decides by patterns of its own. The same seed gives the same
changes.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

Kind = Literal["number", "date", "name", "negation"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MONTHS = "January February March April May June July August September October November December".split()
NUMBER_WORDS = "two three four five six seven eight nine ten eleven twelve".split()
YEAR = re.compile(r"(?<![\w.,$€£-])(?:1[5-9]\d\d|20[0-4]\d)(?![\w%]|[.,]\d| ?%)")
DAY = re.compile(
    rf"(?<!\w)(?:(?P<month>{'|'.join(MONTHS)}) (?P<day>[0-3]?\d)|(?P<day_first>[0-3]?\d)(?:st|nd|rd|th)?(?: of)? "
    rf"(?P<month_after>{'|'.join(MONTHS)}))(?!\w*\d)"
)
FIGURE = re.compile(r"(?<![\w.,-])\d{1,3}(?:,\d{3})+(?:\.\d+)?|(?<![\w.,-])\d+(?:\.\d+)?(?![\w-]|[.,]\d)")
SPELT = re.compile(rf"(?<![\w-])(?:{'|'.join(NUMBER_WORDS)})(?![\w-])")
NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-zà-ÿ]{2,}(?:[ -][A-Z][a-zà-ÿ]+)*(?!\w)")
# Capitalised, but nobody's name.
NO_NAME = frozenset(
    f"{' '.join(MONTHS)} Monday Tuesday Wednesday Thursday Friday Saturday Sunday The This That Chairman Director "
    "Secretary Deputy Vice President Ministry Minister Ltd General Manager Sir Lord King Queen Prince Industry "
    "Investment Federation".split()
)
AUXILIARY = re.compile(r"(?<!\w)(?:is|are|was|were|has|have|had|will|would|can|could|should|may|might|must)(?= \w)")
DENIAL = re.compile(r"(?<!\w)(?:not|never) |(?<=\w)n[’']t(?!\w)|(?<= )no (?!longer|more|one)")
DENIED = re.compile(r"(?<!\w)(?:not|never|no|none|neither|nor|without|cannot)(?!\w)|n[’']t(?!\w)", re.IGNORECASE)
# Other numbers that are drawn before a sentence counts as one that has them all.
ATTEMPTS = 100
# Names of fallback, where a text has no other.
OTHER_NAMES = ("Robert Miller", "Toronto", "Li Ming", "Brazil", "Helena Novak", "Kyoto", "Siemens", "Nairobi")


@dataclass(frozen=True)
class Change:
    """A sentence with one thing changed.

    Attributes:
        kind: What was changed.
        text: The sentence, changed.
        before: What was there.
        after: What is there now; one of the two is empty where a denial came or went.
    """

    kind: Kind
    text: str
    before: str
    after: str


def changes(sentence: str, *, seed: int, names: Sequence[str] = ()) -> Iterator[Change]:
    """Yield a sentence changed in each way that it allows.

    Args:
        sentence: A true sentence.
        seed: Gives the same changes again.
        names: Names of other sentences, one of which is put in the place of a name.

    Yields:
        At most one change of each kind.
    """
    for kind in KINDS:
        # A string as seed is digested the same way in every process.
        found = _CHANGES[kind](sentence, random.Random(f"{seed} {kind} {sentence}"), names)  # noqa: S311
        if found is not None and found.text != sentence:
            yield found


def changed_answer(answer: str, *, seed: int, names: Sequence[str] = ()) -> Change | None:
    """Return a short answer with its number, date or name changed; ``None`` where it has none.

    Args:
        answer: A few words.
        seed: Gives the same change again.
        names: Names of other sentences, one of which is put in the place of a name.

    Returns:
        The first change that it allows.
    """
    # A name is only told by its capitals inside a sentence.
    for change in changes(f"it is {answer}", seed=seed, names=names):
        if change.kind != "negation":
            return replace(change, text=change.text.removeprefix("it is "))
    return None


def find_names(text: str) -> list[str]:
    """Return the names inside the sentences of a text, each once, in order."""
    runs = (match[0] for match in NAME.finditer(text))
    return list(dict.fromkeys(run for run in runs if not NO_NAME & set(re.split("[ -]", run))))


def _number(sentence: str, chance: random.Random, _names: Sequence[str]) -> Change | None:
    dated = {place for pattern in (YEAR, DAY) for match in pattern.finditer(sentence) for place in range(*match.span())}
    found = [m for pattern in (FIGURE, SPELT) for m in pattern.finditer(sentence) if m.start() not in dated]
    if not found:
        return None
    match = chance.choice(found)
    known = {other[0] for other in found}
    tried = (_other_number(match[0], chance) for _ in range(ATTEMPTS))
    after = next((number for number in tried if number not in known), None)
    return None if after is None else _changed("number", sentence, match.span(), after)


def _other_number(written: str, chance: random.Random) -> str:
    """Return another number in the same form: one figure of it is another."""
    if written in NUMBER_WORDS:
        return chance.choice(NUMBER_WORDS)
    places = [n for n, char in enumerate(written) if char.isdigit()]
    place = chance.choice(places)
    digits = "123456789" if place == 0 else "0123456789"
    return written[:place] + chance.choice(digits) + written[place + 1 :]


def _date(sentence: str, chance: random.Random, _names: Sequence[str]) -> Change | None:
    spans: list[tuple[tuple[int, int], Callable[[str], str]]] = []
    for match in YEAR.finditer(sentence):
        spans.append((match.span(), lambda year: str(int(year) + chance.choice((-10, -3, -2, -1, 1, 2, 3, 10)))))
    for match in DAY.finditer(sentence):
        month = "month" if match["month"] else "month_after"
        day = "day" if match["day"] else "day_first"
        spans.append((match.span(month), lambda name: chance.choice([m for m in MONTHS if m != name])))
        spans.append((match.span(day), lambda day: chance.choice([str(n) for n in range(1, 29) if str(n) != day])))
    if not spans:
        return None
    known = {other[0] for other in YEAR.finditer(sentence)}
    span, other = chance.choice(spans)
    tried = (other(sentence[slice(*span)]) for _ in range(ATTEMPTS))
    after = next((part for part in tried if part not in known), None)
    return None if after is None else _changed("date", sentence, span, after)


def _name(sentence: str, chance: random.Random, names: Sequence[str]) -> Change | None:
    found = [m for m in NAME.finditer(sentence) if not NO_NAME & set(re.split("[ -]", m[0]))]
    if not found:
        return None
    match = chance.choice(found)
    own = set(re.findall(r"\w+", sentence))
    others = [name for name in names if not own & set(re.findall(r"\w+", name))]
    like = [name for name in others if name.count(" ") == match[0].count(" ")]
    fallback = [name for name in OTHER_NAMES if not own & set(name.split())]
    return _changed("name", sentence, match.span(), chance.choice(like or others or fallback))


def _negation(sentence: str, chance: random.Random, _names: Sequence[str]) -> Change | None:
    denials = list(DENIAL.finditer(sentence))
    if len(denials) == 1 and len(DENIED.findall(sentence)) == 1:
        return _changed("negation", sentence, denials[0].span(), "")
    if DENIED.search(sentence):
        return None
    auxiliaries = list(AUXILIARY.finditer(sentence))
    if not auxiliaries:
        return None
    place = chance.choice(auxiliaries).end()
    return _changed("negation", sentence, (place, place), " not")


_CHANGES: dict[Kind, Callable[[str, random.Random, Sequence[str]], Change | None]] = {
    "number": _number,
    "date": _date,
    "name": _name,
    "negation": _negation,
}


def _changed(kind: Kind, sentence: str, span: tuple[int, int], after: str) -> Change:
    start, end = span
    return Change(kind, sentence[:start] + after + sentence[end:], sentence[start:end], after)
