"""Quoted phrases of a question, found in it and in texts, whatever their signs, case and accents; knows no index."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from rag.evidence import Phrase
from rag.terms import NO_SPACES, Term

Score = TypeVar("Score", float, NDArray[np.float64])
QUOTED = re.compile('"([^"]+)"|“([^“”]+)”|„([^„“”]+)[“”]|«([^«»]+)»|「([^「」]+)」|『([^『』]+)』|《([^《》]+)》')
WORD = re.compile(rf"[{NO_SPACES}]|[^\W{NO_SPACES}]+")
# What holding all phrases adds to a score in [0, 1]: more than lies between the best and the worst.
BOOST = 1.5


def phrases(text: str, terms: Sequence[Term]) -> tuple[Phrase, ...]:
    """Return the quoted phrases of a question; a single word in quotation marks is none.

    Args:
        text: The question.
        terms: Its terms.

    Returns:
        Phrases in order.
    """
    return tuple(_phrases(text, terms))


def _phrases(text: str, terms: Sequence[Term]) -> Iterator[Phrase]:
    for match in QUOTED.finditer(text):
        folded = fold(match[match.lastindex or 0])
        inside = [t.variants for t in terms if match.start() <= t.start_char and t.end_char <= match.end()]
        if " " in folded:
            yield Phrase(folded, tuple(inside))


def share_held(wanted: Sequence[Phrase], text: str) -> float:
    """Return the share, in [0, 1], of at least one phrase that a text holds word for word."""
    known = f" {fold(text)} "
    return sum(f" {phrase.folded} " in known for phrase in wanted) / len(wanted)


def boosted(score: Score, share: Score) -> Score:
    """Return a score in [0, 1] of a passage that holds this share of the phrases, among such as may hold some."""
    return (score + BOOST * share) / (1.0 + BOOST)


def fold(text: str) -> str:
    """Return the words of a text with a space between them, without signs, case and accents."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join(WORD.findall(unicodedata.normalize("NFC", plain)))
