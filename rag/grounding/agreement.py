"""What a claim states that its evidence does not: numbers, dates and names that differ, denials; knows no likeness."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal

from rag.grounding.names import Name, NameBook, plain
from rag.grounding.polarity import OPPOSITES, PREFIXES, Denial
from rag.grounding.reading import Reading
from rag.grounding.restating import asked_for, beside, is_bare, listed, restates
from rag.grounding.rivals import Place, around, around_asked, rival, same_words, tells_the_same
from rag.grounding.values import ORDINAL, Value

NEARLY = frozenset("about around approximately roughly almost nearly over under some circa ca more less".split())
# Sentences that share nearly as many words with a claim as the best one say what it says, or deny it.
NEAR_BEST = 0.8


def faults(stated: Reading, texts: Sequence[Reading], *, asked: Reading | None) -> Iterator[str]:
    """Yield what of a claim is not in its evidence, in plain words.

    Args:
        stated: The claim.
        texts: The evidence.
        asked: The question, where the claim is bare or repeats it: what the claim has of it is in the place where it is
            asked about, and what else it has answers it.

    Yields:
        A line for each number, date or name that is missing or belongs elsewhere, and for a denial on one side alone.
    """
    yield from _value_faults(stated, texts, asked)
    yield from _name_faults(stated, texts, asked)
    if not asked or beside(stated):
        yield from _denial_faults(stated, texts, asked)


def _value_faults(stated: Reading, texts: Sequence[Reading], asked: Reading | None) -> Iterator[str]:
    for value in stated.values:
        written = stated.text[value.start_char : value.end_char]
        same = [(text, _place(v)) for text in texts for v in text.values if _same(value, v, stated)]
        if same:
            if found := _rival_value(value, same, stated, texts, asked):
                yield f"the passage has {_written(found)} here, not {written}"
        elif not _in_date(value, texts) and not _goes_unsaid(value, stated, texts, asked):
            yield f"{written} is not in the passage"


def _rival_value(
    value: Value,
    same: Sequence[tuple[Reading, Place]],
    stated: Reading,
    texts: Sequence[Reading],
    asked: Reading | None,
) -> tuple[Reading, Place] | None:
    """Return the value of the evidence that stands where the claim has one, if it is another."""
    if asked and asked_for(value, asked):
        return None
    others = list(_other_values(value, stated, texts, asked))
    if found := same_words((stated, _place(value)), same, others):
        return found
    wanted = around(_place(value), stated) if not asked else around_asked(asked) if is_bare(stated) else {}
    alike = (o for o in others if asked or tells_the_same(stated, *o, without=_place(value)))
    return rival(wanted, same, alike)


def _goes_unsaid(value: Value, stated: Reading, texts: Sequence[Reading], asked: Reading | None) -> bool:
    """Tell whether a value is "first" where the evidence counts nothing, or how many things a claim itself lists."""
    if value.unit == ORDINAL:
        # What is new is the first.
        return value.number == 1 and not any(v.unit == ORDINAL for text in texts for v in text.values)
    return asked is not None and asked_for(value, asked) and value.number == listed(stated, asked)


def _written(found: tuple[Reading, Place]) -> str:
    text, (start, end) = found
    return text.text[start:end]


def _place(value: Value) -> Place:
    return value.start_char, value.end_char


def _other_values(
    value: Value, stated: Reading, texts: Sequence[Reading], asked: Reading | None
) -> Iterator[tuple[Reading, Place]]:
    """Yield values of the evidence that might stand where the claim has one: of its kind, and not spoken of yet."""
    spoken = [*stated.values, *(asked.values if asked else ())]
    for text in texts:
        for other in text.values:
            alike = other.is_date == value.is_date and (other.is_date or other.unit == value.unit)
            alike = alike and other.is_year == value.is_year and not any(_same(v, other, stated) for v in spoken)
            if alike:
                yield text, _place(other)


def _same(claimed: Value, known: Value, stated: Reading) -> bool:
    """Tell whether a value of the evidence is the claimed one."""
    if claimed.is_date or known.is_date:
        same_day = claimed.month == known.month and claimed.day in (None, known.day)
        return (
            claimed.is_date == known.is_date
            and same_day
            and (claimed.year is None or known.year in (None, claimed.year))
        )
    # What is counted may go unsaid, but a share is never a number.
    if claimed.unit != known.unit and ((claimed.unit and known.unit) or "%" in (claimed.unit, known.unit)):
        return False
    return claimed.number == known.number or _rounds(claimed, known, stated)


def _rounds(claimed: Value, known: Value, stated: Reading) -> bool:
    """Tell whether the claimed number is said to be about one that rounds to it."""
    before = [w.text.casefold() for w in stated.words if w.end_char <= claimed.start_char][-2:]
    if claimed.number is None or known.number is None or not claimed.number or not NEARLY & set(before):
        return False
    step = Decimal(1).scaleb(claimed.number.adjusted() - len(claimed.number.normalize().as_tuple().digits) + 1)
    return abs(claimed.number - known.number) <= step / 2


def _in_date(value: Value, texts: Sequence[Reading]) -> bool:
    """Tell whether a value is said in parts: a year by a date, a date by a day here and its year there."""
    known = [v for text in texts for v in text.values]
    if value.number is not None:
        # "The 20th" is a day, "20 ships" are not said by one.
        return any(
            (value.is_year and value.number == v.year) or (value.unit == ORDINAL and value.number == v.day)
            for v in known
        )
    years = {v.year for v in known} | {int(v.number) for v in known if v.is_year and v.number}
    days = {(v.month, v.day) for v in known if v.is_date} | {(v.month, None) for v in known if v.is_date}
    return (value.month, value.day) in days and (value.year is None or value.year in years)


def _name_faults(stated: Reading, texts: Sequence[Reading], asked: Reading | None) -> Iterator[str]:
    if not stated.names:
        return
    book = NameBook([text.words for text in texts])
    known = {word.stem for word in asked.words} if asked else set()
    # Of other words than names a stem is too little: "development" is not the Developed Countries.
    claimed = {plain(word.text) for text in (stated, asked) if text for word in text.words}
    claimed |= {word.stem for name in stated.names for word in name.words}
    for name in stated.names:
        if book.missing(name):
            yield f"{name.text} is not in the passage"
        elif asked and all(word.stem in known for word in name.words):
            continue
        elif found := _in_its_place(name, stated, texts, list(_other_names(name, claimed, texts)), alone=not asked):
            yield f"the passage has {_written(found)} here, not {name.text}"


def _in_its_place(
    name: Name, stated: Reading, texts: Sequence[Reading], others: Sequence[tuple[Reading, Place]], *, alone: bool
) -> tuple[Reading, Place] | None:
    """Return the name that the evidence has where a claim has another one of it, of a claim `alone` by likeness too."""
    own = list(_places_of(name, texts))
    found = same_words((stated, name.place), own, others)
    if found or not own or not alone:
        return found
    return rival(around(name.place, stated), own, (o for o in others if tells_the_same(stated, *o, without=name.place)))


def _places_of(name: Name, texts: Sequence[Reading]) -> Iterator[tuple[Reading, Place]]:
    words = {plain(word.text) for word in name.words}
    for text in texts:
        for other in text.names:
            if words & {plain(word.text) for word in other.words}:
                yield text, other.place


def _other_names(name: Name, claimed: set[str], texts: Sequence[Reading]) -> Iterator[tuple[Reading, Place]]:
    """Yield names of the evidence that are not in the claim, nor what its name is short for."""
    for text in texts:
        for other in text.names:
            forms = {form for word in other.words for form in (plain(word.text), word.stem)}
            if claimed.isdisjoint(forms) and NameBook([other.words]).missing(name):
                yield text, other.place


def _denial_faults(stated: Reading, texts: Sequence[Reading], asked: Reading | None) -> Iterator[str]:
    wanted = {w.stem for w in stated.content}
    sentences = [(text, n, len(wanted & stems)) for text in texts for n, stems in enumerate(text.sentence_stems)]
    best = max((shared for *_, shared in sentences), default=0)
    if not best:
        return
    # What the question denies is not the claim's own.
    own = [d for d in stated.denials if not (asked and any(_near(d, other) for other in asked.denials))]
    # What is asked about is denied only where the evidence denies the same words, not something beside them.
    near = _same_scope if asked and restates(stated, asked) else _near
    told = [_denial_fault(stated, own, text, n, near) for text, n, shared in sentences if shared >= NEAR_BEST * best]
    if all(told):
        yield told[0]


def _denial_fault(
    stated: Reading, denied: Sequence[Denial], text: Reading, sentence: int, near: Callable[[Denial, Denial], bool]
) -> str:
    """Return how a claim and one sentence differ in what they deny, or ""."""
    own = {w.stem for w in stated.content}
    known = text.sentence_stems[sentence]
    denials = [d for d in text.denials if d.sentence == sentence]
    if any(not any(near(d, other) for other in denials) and not _prefixed(d.scope, known) for d in denied):
        return "the passage does not deny it"
    for denial in denials:
        told = bool(denial.scope) and len(denial.scope & own) >= min(2, len(denial.scope))
        if told and not any(_near(denial, d) for d in stated.denials) and not _prefixed(denial.scope, own):
            return "the passage denies it"
    return "the passage says the opposite" if _turned(own, known) else ""


def _near(one: Denial, other: Denial) -> bool:
    return bool(one.scope & other.around or other.scope & one.around) or not (one.scope and other.scope)


def _same_scope(one: Denial, other: Denial) -> bool:
    return bool(one.scope & other.scope)


def _prefixed(scope: Iterable[str], known: frozenset[str] | set[str]) -> bool:
    return any(prefix + stem in known for stem in scope for prefix in PREFIXES)


def _turned(own: set[str], known: frozenset[str]) -> bool:
    """Tell whether a word is turned into its opposite, and neither text has both."""
    for word in own - known:
        if any(prefix + word in known for prefix in PREFIXES) and len(word) > 3:
            return True
        if any(word == prefix + other for prefix in PREFIXES for other in known - own if len(other) > 3):
            return True
        if word in OPPOSITES:
            number, side = OPPOSITES[word]
            if any(OPPOSITES.get(other) == (number, 1 - side) for other in known - own):
                return True
    return False
