"""Finds quoted text in a text whose white space, quotation marks and dashes differ; knows nothing of gold sets.

Both sides are folded to one form in which every character remembers where it came from, so what is found in the folded
text is given back as exact offsets into the text as given.
"""

from __future__ import annotations

import unicodedata
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping

from rag.schema import Span

SINGLE_QUOTES = "'`´‘’‚‛′‹›"
DOUBLE_QUOTES = '"“”„‟″«»「」『』'
DASHES = "-‐‑‒–—―−﹘﹣－"
QUOTES_AND_DASHES = str.maketrans(
    dict.fromkeys(SINGLE_QUOTES, "'") | dict.fromkeys(DOUBLE_QUOTES, '"') | dict.fromkeys(DASHES, "-")
)
# How much of the surrounding folded text identifies one of several occurrences; all widths are tried, widest first.
CONTEXT_CHARS = (256, 128, 64, 32, 16, 8, 0)


class _Folding(dict[str, str]):
    """What each character becomes: a space, a plain quote or dash, nothing, or its compatibility decomposition."""

    def __missing__(self, char: str) -> str:
        if char.isspace():
            folded = " "
        elif unicodedata.category(char) in {"Cc", "Cf"}:
            folded = ""
        else:
            plain = char.translate(QUOTES_AND_DASHES)
            # A few signs (¨, ¯) decompose into a space and a mark; that space is no white space of the text.
            folded = unicodedata.normalize("NFKD", plain).replace(" ", "")
        self[char] = folded
        return folded


_FOLDING = _Folding()


class FoldedText:
    """A text in folded form, with the origin of every character.

    Attributes:
        source: The text as given.
        text: Its folded form; runs of white space are one space.
        origins: Offset into ``source`` of each character of ``text``, ascending.
    """

    def __init__(self, source: str) -> None:
        """Fold ``source``."""
        pieces: list[str] = []
        # Four bytes a character; a list of them would take ten times the text.
        origins = array("I")
        after_space = False
        for offset, char in enumerate(source):
            folded = _FOLDING[char]
            if not folded or (folded == " " and after_space):
                continue
            after_space = folded == " "
            pieces.append(folded)
            origins.extend([offset] * len(folded))
        self.source = source
        self.text = "".join(pieces)
        self.origins = origins

    def occurrences(self, pattern: str, *, left: int = 0, right: int = 0) -> Iterator[int]:
        """Yield where ``pattern`` occurs in ``text``, cutting no character of the source in two.

        Args:
            pattern: Folded text.
            left: Characters of ``pattern`` before the part that is looked for.
            right: Characters of ``pattern`` after it.

        Yields:
            Folded offsets of the part that is looked for.
        """
        position = self.text.find(pattern)
        while position >= 0:
            start, end = position + left, position + len(pattern) - right
            if self._between_characters(start) and self._between_characters(end):
                yield start
            position = self.text.find(pattern, position + 1)

    def source_span(self, start: int, end: int) -> Span:
        """Return the span of ``source`` that folds to ``text[start:end]``, which is not empty."""
        return Span(self.origins[start], self.origins[end - 1] + 1)

    def _between_characters(self, offset: int) -> bool:
        inside = 0 < offset < len(self.origins)
        return not (inside and self.origins[offset - 1] == self.origins[offset])


class Texts:
    """Texts by name, each folded at most once.

    Attributes:
        plain: The texts as given.
    """

    def __init__(self, plain: Mapping[str, str]) -> None:
        """Keep the texts; none is folded yet."""
        self.plain = plain
        self._folded: dict[str, FoldedText] = {}

    def folded(self, name: str) -> FoldedText:
        """Return a text, folded."""
        if name not in self._folded:
            self._folded[name] = FoldedText(self.plain[name])
        return self._folded[name]


def locate(quote: str | FoldedText, text: str | FoldedText, *, near: int = 0) -> Span | None:
    """Return the span of ``text`` that equals ``quote`` but for white space, quotation marks and dashes.

    Compatibility forms (full-width letters, ligatures, decomposed accents) and invisible characters are folded too.

    Args:
        quote: What to find, folded beforehand when looked for in several texts; white space around it is ignored.
        text: Where to find it, folded beforehand when several quotes are looked for.
        near: Offset into the text as given; of several occurrences the one that starts nearest is returned.

    Returns:
        Offsets into the text as given; ``None`` when the quote does not occur or holds no visible character.
    """
    folded = text if isinstance(text, FoldedText) else FoldedText(text)
    pattern = (quote if isinstance(quote, FoldedText) else FoldedText(quote)).text.strip()
    if not pattern:
        return None
    found: Span | None = None
    for start in folded.occurrences(pattern):
        span = folded.source_span(start, start + len(pattern))
        if found and abs(span.start_char - near) >= abs(found.start_char - near):
            break
        found = span
    return found


def transfer(span: Span, given: FoldedText, canonical: FoldedText) -> Span | None:
    """Return where a span of a text as given lies in its cleaned form.

    The span is looked for together with the text around it, on both sides, then on one (cleaning may have dropped the
    lines on the other), then with less and less of it. Among equal matches the one nearest in proportion wins.

    Args:
        span: A span of ``given.source``.
        given: The text before cleaning.
        canonical: The text after cleaning.

    Returns:
        Offsets into ``canonical.source``; ``None`` when the cleaned text does not hold the span.
    """
    if given.source == canonical.source:
        return span
    start, end = _trimmed(given, span)
    if start == end:
        return None
    expected = start * len(canonical.text) / len(given.text)
    for width in CONTEXT_CHARS:
        left, right = min(width, start), min(width, len(given.text) - end)
        for before, after in ((left, right), (left, 0), (0, right)):
            pattern = given.text[start - before : end + after]
            found = list(canonical.occurrences(pattern, left=before, right=after))
            if found:
                nearest = min(found, key=lambda position: abs(position - expected))
                return canonical.source_span(nearest, nearest + end - start)
    return None


def _trimmed(folded: FoldedText, span: Span) -> tuple[int, int]:
    start = bisect_left(folded.origins, span.start_char)
    end = bisect_left(folded.origins, span.end_char)
    while start < end and folded.text[start] == " ":
        start += 1
    while start < end and folded.text[end - 1] == " ":
        end -= 1
    return start, end
