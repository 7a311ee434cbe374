"""What stands where a claim puts a value or a name: told by the words around; knows no meaning beyond stems."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from rag.grounding.reading import Reading

# How many content words on either side tell what a value is a value of; a nearer one tells more.
AROUND = 5
# Words beyond one of these belong to something else, and tell half as much.
PART_ENDS = re.compile(r"[,;:()，；：（）、]")
BEYOND = 0.5
# Where the number would stand that a question asks for.
HOW_MANY = re.compile(
    r"\bhow (?:many|much|large|long|old|far|big)\b|\bwhat (?:number|share|percentage)\b|多少|几", re.I
)
# Something else of the evidence stands in the claimed one's place where it fits so much better.
RATIO, MARGIN = 1.5, 0.6
# Only in a sentence that has so much of the claim does something else stand in the same place.
LEAST_SHARED = 0.65
# Words on either side that are compared one by one, how many of them have to be the same as in the claim, and how many
# fewer there are where the evidence has the claimed thing.
SIDE_WORDS, LEAST_SAME, FEWER = 4, 4, 2

Place = tuple[int, int]
Around = Mapping[str, float]


def around(place: Place, text: Reading) -> dict[str, float]:
    """Return the stems of the content words near a place, in its sentence, with how much each tells, in (0, 1]."""
    start, end = place
    sentence = next((w.sentence for w in text.words if w.end_char > start), 0)
    near = [w for w in text.content if w.sentence == sentence and w.start_char not in text.value_places]
    found: dict[str, float] = {}
    before = [w for w in near if w.end_char <= start][-AROUND:]
    after = [w for w in near if w.start_char >= end][:AROUND]
    for distance, word in (*enumerate(reversed(before), start=1), *enumerate(after, start=1)):
        between = text.text[word.end_char : start] if word.end_char <= start else text.text[end : word.start_char]
        told = BEYOND ** len(PART_ENDS.findall(between)) / distance
        found[word.stem] = max(told, found.get(word.stem, 0.0))
    return found


def around_asked(asked: Reading) -> dict[str, float]:
    """Return what is around the number that a question asks for; nothing where it asks for none."""
    match = HOW_MANY.search(asked.text)
    return around(match.span(), asked) if match else {}


def fit(wanted: Around, known: Around) -> float:
    """Return how much of what is around one place is around another."""
    return sum(min(told, known[stem]) for stem, told in wanted.items() if stem in known)


def tells_the_same(stated: Reading, text: Reading, place: Place, *, without: Place) -> bool:
    """Tell whether the sentence at a place of the evidence has most of what a claim says beside one thing in it."""
    start, end = without
    rest = {w.stem for w in stated.content if not start <= w.start_char < end}
    sentence = next((w.sentence for w in text.words if w.end_char > place[0]), 0)
    return bool(rest) and len(rest & text.sentence_stems[sentence]) >= LEAST_SHARED * len(rest)


def rival(
    claimed: Around,
    own: Sequence[tuple[Reading, Place]],
    others: Iterator[tuple[Reading, Place]],
) -> tuple[Reading, Place] | None:
    """Return what of the evidence fits the place of a claimed thing clearly better than that thing does.

    Args:
        claimed: What is around it in the claim.
        own: Where the evidence has it.
        others: Where the evidence has other things of its kind that the claim does not speak of.

    Returns:
        The best fitting of the others, or ``None``.
    """
    best = RATIO * max((fit(claimed, around(place, text)) for text, place in own), default=0.0) + MARGIN
    found = None
    for text, place in others:
        fits = fit(claimed, around(place, text))
        if fits > best:
            best, found = fits, (text, place)
    return found


def same_words(
    claimed: tuple[Reading, Place],
    own: Sequence[tuple[Reading, Place]],
    others: Sequence[tuple[Reading, Place]],
) -> tuple[Reading, Place] | None:
    """Return what the evidence has between the very words between which a claim has something else.

    Args:
        claimed: The claim, and the place of a thing in it.
        own: Where the evidence has that thing.
        others: Where the evidence has other things of its kind.

    Returns:
        One of the others, with words of the claim on both its sides, or ``None``.
    """
    before, after = _sides(*claimed)
    known = max((sum(_same(before, after, *_sides(*place))) for place in own), default=0)
    for other in others:
        same = _same(before, after, *_sides(*other))
        if min(same) and sum(same) >= max(LEAST_SAME, known + FEWER):
            return other
    return None


def _sides(text: Reading, place: Place) -> tuple[list[str], list[str]]:
    """Return the words before a place, the nearest first, and those after it, each to the end of its sentence."""
    sentence = next((w.sentence for w in text.words if w.end_char > place[0]), 0)
    words = [w for w in text.words if w.sentence == sentence]
    before = [w.text.casefold() for w in words if w.end_char <= place[0]]
    after = [w.text.casefold() for w in words if w.start_char >= place[1]]
    return ["", *before][: -SIDE_WORDS - 1 : -1], [*after, ""][:SIDE_WORDS]


def _same(before: list[str], after: list[str], other_before: list[str], other_after: list[str]) -> tuple[int, int]:
    return _run(before, other_before), _run(after, other_after)


def _run(ones: list[str], others: list[str]) -> int:
    """Return how many words two lists begin with alike."""
    return next((n for n, (a, b) in enumerate(zip(ones, others, strict=False)) if a != b), min(len(ones), len(others)))
