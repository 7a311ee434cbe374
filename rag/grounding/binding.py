"""Whether something else of the evidence answers the question better than what a claim answers it with.

A name or a number that the passage has proves little: the passage names others as well. What is claimed and what might
stand in its place are put into the same statement, and each is compared with where the evidence has it. Knows no
faults of other kinds.

Reference:
    The margin to the best other candidate, each scored by words and late interaction, is that of a pairwise logistic
    ranking (Burges et al. 2005, "Learning to Rank using Gradient Descent"); eval/LOG.md has the fit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from embeddings.encoding import Encoder, Encoding
from rag.grounding.reading import Reading, read
from rag.grounding.rivals import Place, around, fit
from rag.grounding.wording import Word

# Other names or values that are tried, those first that stand most like the claimed one.
MOST_TRIED = 8
# Stands for the answer.
HERE = "\u2022"
# What asks, in whose place the answer is put.
ASKING = re.compile(
    r"\b(?:who|whom|when|where|how (?:many|much|long|old|far)(?: \w+)?|"
    r"(?:what|which)(?: (?!is|was|are|were|did|does|do|has|had|can)\w+)?)\b|"
    r"什么时候|何时|什么|哪(?:一?[个位家年天]|里|儿)?|谁|多少|几(?=[个位家名年月日次])",
    re.IGNORECASE,
)
FEATURES = ("around", "late", "own")
WEIGHTS = (1.8, 3.6, 7.9)
# Something else answers better where it is ahead by so much; of the true names some 3 % are behind another by more.
AHEAD = 1.5


@dataclass(frozen=True)
class Candidate:
    """Something that may answer the question, at one place of the evidence.

    Attributes:
        written: How it is written.
        text: The text that has it.
        place: Its place there.
    """

    written: str
    text: Reading
    place: Place

    @cached_property
    def words(self) -> list[Word]:
        """Its words."""
        return [w for w in self.text.words if self.place[0] <= w.start_char < self.place[1]]

    @cached_property
    def _span(self) -> Place:
        return self.text.spans[self.words[0].sentence]

    @property
    def sentence(self) -> tuple[int, str]:
        """Its sentence, and where in its text that begins."""
        return self._span[0], self.text.text[slice(*self._span)]

    @property
    def place_there(self) -> Place:
        """Its place in its sentence."""
        return self.place[0] - self._span[0], self.place[1] - self._span[0]


def better_answer(stated: Reading, texts: Sequence[Reading], asked: Reading, *, encoder: Encoder) -> str:
    """Return what of the evidence answers a question clearly better than a claim does, or "".

    Args:
        stated: The claim: an answer of few words, or a sentence that repeats the question.
        texts: The evidence.
        asked: The question.
        encoder: Gives token vectors.

    Returns:
        The name, number or date that should stand in the claim; "" where the claim answers with none, with several,
        or with the one that fits.
    """
    place = answer_place(stated, asked)
    if place is None:
        return ""
    own, others = candidates(stated, place, texts, asked)
    if not own or not others:
        return ""
    found = features([*own, *others], place, stated, asked, encoder=encoder) @ np.array(WEIGHTS)
    best = int(np.argmax(found[len(own) :]))
    return others[best].written if found[len(own) + best] - found[: len(own)].max() > AHEAD else ""


def answer_place(stated: Reading, asked: Reading) -> Place | None:
    """Return where a claim has the one name, or else the one value, that its question does not have."""
    known = {word.stem for word in asked.words}
    names = [n.place for n in stated.names if not any(word.stem in known for word in n.words)]
    values = [
        (v.start_char, v.end_char)
        for v in stated.values
        if not any(w.stem in known for w in stated.words if v.start_char <= w.start_char < v.end_char)
    ]
    places = names or values
    return places[0] if len(places) == 1 else None


def candidates(
    stated: Reading, place: Place, texts: Sequence[Reading], asked: Reading
) -> tuple[list[Candidate], list[Candidate]]:
    """Return where the evidence has what a claim answers with, and what else of its kind might answer.

    Args:
        stated: The claim.
        place: Where it has its answer.
        texts: The evidence.
        asked: The question.

    Returns:
        Places of the claimed answer, and others, those first that stand most like it.
    """
    claimed = {w.stem for w in stated.words if place[0] <= w.start_char < place[1]}
    spoken = {w.stem for w in (*stated.words, *asked.words)}
    own, others = [], []
    alike = _kind(stated, place)
    for candidate in _things(texts, alike):
        stems = {word.stem for word in candidate.words}
        if stems & claimed:
            own.append(candidate)
        elif not stems & spoken and stems:
            others.append(candidate)
    wanted = _around_answer(stated, place, asked)
    others.sort(key=lambda c: -fit(wanted, around(c.place, c.text)))
    # Of two documents that answer together the first leads to the second: what it has in the answer's place is none.
    inside = [other for other in others if any(other.text is c.text for c in own)]
    return own, inside[:MOST_TRIED]


def _kind(text: Reading, place: Place) -> str:
    """Return what stands at a place of a text: a name, a time or a number."""
    value = next((v for v in text.values if (v.start_char, v.end_char) == place), None)
    if value is None:
        return "name"
    return "time" if value.is_date or value.is_year else "number"


def _things(texts: Sequence[Reading], kind: str) -> Iterator[Candidate]:
    for text in texts:
        for place in (*(n.place for n in text.names), *((v.start_char, v.end_char) for v in text.values)):
            found = Candidate(text.text[slice(*place)], text, place)
            if found.words and _kind(text, place) == kind:
                yield found


def features(
    tried: Sequence[Candidate],
    place: Place,
    stated: Reading,
    asked: Reading,
    *,
    encoder: Encoder,
) -> NDArray[np.float64]:
    """Return `FEATURES` of each candidate, (candidates, features) float64.

    Args:
        tried: The candidates.
        place: Where the claim has its answer.
        stated: The claim.
        asked: The question.
        encoder: Gives token vectors.

    Returns:
        How much of what is around the answer in the statement is around the candidate; late interaction of the
        statement with the candidate's sentence; the greatest similarity of a token of the statement to one of the
        candidate there.
    """
    written = list(dict.fromkeys(c.written for c in tried))
    sentences = list(dict.fromkeys(c.sentence for c in tried))
    wanted = _around_answer(stated, place, asked)
    whole = [told(stated, place, asked, answer) for answer in written]
    encoded = encoder.encode([*whole, *(c for _, c in sentences)], kind="query")
    statements = {answer: encoded[n].token_vectors for n, answer in enumerate(written)}
    there = dict(zip(sentences, encoded[len(whole) :], strict=True))
    rows = [
        [fit(wanted, around(c.place, c.text)), *_late(statements[c.written], there[c.sentence], c.place_there)]
        for c in tried
    ]
    return np.array(rows)


def told(stated: Reading, place: Place, asked: Reading, answer: str) -> str:
    """Return the claim with another answer; one of few words is put in the place of what asks."""
    changed = f"{stated.text[: place[0]]}{answer}{stated.text[place[1] :]}"
    if len({w.stem for w in asked.content} & {w.stem for w in stated.content}) > 1:
        return changed
    match = ASKING.search(asked.text)
    if not match:
        return f"{asked.text} {changed}"
    return f"{asked.text[: match.start()]}{changed}{asked.text[match.end() :].rstrip(' ?？')}"


def _around_answer(stated: Reading, place: Place, asked: Reading) -> dict[str, float]:
    statement = read(told(stated, place, asked, HERE))
    start = statement.text.find(HERE)
    return around((start, start + len(HERE)), statement)


def _late(statement: NDArray[np.float32], there: Encoding, place: Place) -> tuple[float, float]:
    """Return the mean similarity of a statement's tokens to a sentence's, and the greatest to those at a place."""
    if not len(statement) or not len(there.token_vectors):
        return 0.0, 0.0
    similar = statement @ there.token_vectors.T
    inside = (there.token_spans[:, 0] < place[1]) & (place[0] < there.token_spans[:, 1])
    return float(similar.max(axis=1).mean()), float(similar[:, inside].max()) if inside.any() else 0.0
