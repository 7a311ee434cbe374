"""Compares one answer with its gold answers, and spans with spans, as pure functions on plain values."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from eval.locate import QUOTES_AND_DASHES

# A span of a document: document id, first character, one past the last.
DocumentSpan = tuple[str, int, int]

# Thai and Lao, Myanmar, Khmer, kana, Han: written without spaces between words.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
TOKEN = re.compile(f"[{UNSPACED}]|[^{UNSPACED}\\s]+")
ARTICLES = frozenset({"a", "an", "the"})
LONG_DASHES = str.maketrans("—―", "  ")


class _Punctuation(dict[int, str | int]):
    """For ``str.translate``: ASCII punctuation vanishes as in SQuAD's script, any other becomes a space."""

    def __missing__(self, code: int) -> str | int:
        char = chr(code)
        folded: str | int = code
        if char in string.punctuation:
            folded = ""
        elif unicodedata.category(char).startswith("P"):
            folded = " "
        self[code] = folded
        return folded


_PUNCTUATION = _Punctuation()


def tokens(text: str) -> list[str]:
    """Return the tokens of a text as SQuAD's script compares them: lower case, no punctuation, no articles.

    Beyond that script: compatibility forms are folded (U+00A0 is a space), curly quotation marks count as straight
    ones, and in scripts without spaces every character is a token. As in that script the point of a number vanishes
    ("9.0%" is "90"), on both sides alike.

    Reference:
        Rajpurkar et al. 2016, SQuAD, section 6.1; ``normalize_answer`` of evaluate-v2.0.py.
    """
    plain = unicodedata.normalize("NFKC", text.translate(LONG_DASHES).translate(QUOTES_AND_DASHES)).lower()
    return [token for token in TOKEN.findall(plain.translate(_PUNCTUATION)) if token not in ARTICLES]


def contains(text: str, answers: Iterable[str]) -> bool:
    """Return whether the tokens of any answer stand in the text in one run: "15" is not found in "2015"."""
    held = tokens(text)
    return any(_has_run(held, tokens(answer)) for answer in answers)


def _has_run(held: Sequence[str], wanted: Sequence[str]) -> bool:
    size = len(wanted)
    return size > 0 and any(held[i : i + size] == wanted for i in range(len(held) - size + 1))


def exact_match(text: str, answers: Iterable[str]) -> bool:
    """Return whether the text equals any answer, token by token.

    Reference:
        Rajpurkar et al. 2016, SQuAD, section 6.1 (EM).
    """
    given = tokens(text)
    return any(given == tokens(answer) for answer in answers)


def token_f1(text: str, answers: Iterable[str]) -> float:
    """Return the best harmonic mean, in [0, 1], of token precision and recall against any answer; 0 without answers.

    Tokens are words, or characters in scripts without spaces.

    Reference:
        Rajpurkar et al. 2016, SQuAD, section 6.1 (macro-averaged F1); ``compute_f1`` of evaluate-v2.0.py.
    """
    given = tokens(text)
    return max((_f1(given, tokens(answer)) for answer in answers), default=0.0)


def _f1(given: Sequence[str], wanted: Sequence[str]) -> float:
    if not given or not wanted:
        return float(given == wanted)
    common = (Counter(given) & Counter(wanted)).total()
    return 2 * common / (len(given) + len(wanted))


def merge(spans: Iterable[DocumentSpan]) -> list[DocumentSpan]:
    """Return the spans in order with those that overlap made one, so that two wordings of one answer count once."""
    merged: list[DocumentSpan] = []
    for document, start, end in sorted(spans):
        if merged and merged[-1][0] == document and start < merged[-1][2]:
            merged[-1] = (document, merged[-1][1], max(end, merged[-1][2]))
        else:
            merged.append((document, start, end))
    return merged


def overlap(one: DocumentSpan, other: DocumentSpan) -> bool:
    """Return whether two spans share a character of one document."""
    return one[0] == other[0] and one[1] < other[2] and other[1] < one[2]


def shared_chars(ones: Iterable[DocumentSpan], others: Iterable[DocumentSpan]) -> tuple[int, int]:
    """Return how many characters two sets of spans share, and how many they cover together.

    Reference:
        Intersection and union of Jaccard 1912, on characters; their ratio is the span IoU.
    """
    one, other = merge(ones), merge(others)
    shared = sum(max(0, min(a[2], b[2]) - max(a[1], b[1])) for a in one for b in other if a[0] == b[0])
    return shared, sum(end - start for _, start, end in [*one, *other]) - shared
