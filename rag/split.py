"""Document text to passages and sentences, as exact spans; knows nothing of encoders but how they count tokens.

A passage is a run of whole sentences of one section, at most `max_tokens` tokens and `max_chars` characters long. As
far as that allows it is made of whole paragraphs; one that is too long for a passage is cut into parts of like size.
Passages follow each other without overlap and together hold every character of the text that is not white space. Where
a document has pages, each sentence of a passage begins on the passage's page.
"""

from __future__ import annotations

import math
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate, groupby
from typing import NamedTuple

import sentencex

from rag.enumerators import CLAUSE, ITEM, is_mark
from rag.schema import Document, Passage, Span
from rag.sentence_ends import is_wrapped, record_lines, whole_sentences

CountTokens = Callable[[Sequence[str]], Sequence[int]]

MARKDOWN_HEADING = re.compile(r"#{1,6} +\S")
LIST_ITEM = re.compile(rf"[ \t]*{ITEM}")
# What begins an item only where the line before ends a sentence.
LIST_CLAUSE = re.compile(rf"[ \t]*{CLAUSE}")
ENDED = tuple(".!?…:;。！？：；")
# Lines without a full stop that are no headings either: table rows, list items, fields ("Posted: …"), dates and times.
FURNITURE = re.compile(rf"\||{LIST_ITEM.pattern}|[^:：]{{1,24}}[:：]\s*\S{{1,24}}(?:\s\S+){{0,4}}$|(?:\D*\d){{6}}")
SENTENCE_END = tuple(".!?…:;,。！？；：，、\"”'’»」』)）]】")
# Hard-wrapped text keeps its lines short; where any line is longer than this, a line is a paragraph.
WRAPPED_LINE_CHARS = 200
HEADING_CHARS = 200
# Where a sentence that is too long may be cut, best first; then anywhere between two characters.
CUTS = (re.compile(r"(?<=[;；。]) *"), re.compile(r"(?<=[,，、:：|]) *"), re.compile(r" +|\n"))
# Before them all, but in prose that was broken to a width.
LINE_END = re.compile(r"\n")
# How far from its middle a sentence that is too long is first looked through for a place to cut.
NEAR_CHARS = 200
# Read for sentences at a time: what sentencex takes grows with the square of what is between them, 20 s for 200,000.
SEGMENTED_CHARS = 10_000
MOST_MARKS = 30

# What a break inside a paragraph costs, and a passage that holds a piece of a paragraph beside other paragraphs, where
# one that is almost empty costs 1. Without them passages are fuller, and begin with the end of something else.
CUT, MIXED = 0.2, 0.5


@dataclass(frozen=True)
class SplitLimits:
    """How large a passage may be.

    Attributes:
        max_tokens: Upper bound in tokens of the encoder, context left out.
        max_chars: Upper bound in characters.
    """

    max_tokens: int = 200
    max_chars: int = 900


@dataclass(frozen=True)
class _Sentence:
    span: Span
    tokens: int
    ends_paragraph: bool


@dataclass(frozen=True)
class _Section:
    heading: str | None
    paragraphs: tuple[Span, ...]


def split(document: Document, *, count_tokens: CountTokens, limits: SplitLimits) -> list[Passage]:
    """Return the document's passages in order.

    Args:
        document: A document with canonical text.
        count_tokens: Tokens of each of the given strings, as the encoder counts them.
        limits: Bounds on a passage's size.

    Returns:
        Passages without overlap; every character that is not white space lies in exactly one of them.
    """
    measure = partial(_measure, document, count_tokens=count_tokens, limits=limits)
    return [
        _passage(document, run, section.heading)
        for section in _sections(document.text)
        for _, same_page in groupby(measure(section), key=lambda sentence: _page(document, sentence.span))
        for run in _pack(list(same_page), limits=limits)
    ]


def _passage(document: Document, run: Sequence[_Sentence], heading: str | None) -> Passage:
    start, end = run[0].span.start_char, run[-1].span.end_char
    spans = tuple(s.span for s in run)
    page = _page(document, spans[0])
    return Passage(document.id, start, end, document.text[start:end], heading=heading, sentences=spans, page=page)


def _page(document: Document, span: Span) -> int | None:
    """Return the number of the page that a span begins on, from 1; ``None`` where the document has no pages."""
    starts = document.page_starts
    return max(1, bisect_right(starts, span.start_char)) if starts else None


# -- sections and paragraphs ------------------------------------------------------------------------------------------


def _sections(text: str) -> Iterator[_Section]:
    """Yield runs of paragraphs that stand under one heading; the heading's own line is the first of them."""
    paragraphs = list(_paragraphs(text))
    heading: str | None = None
    run: list[Span] = []
    for index, span in enumerate(paragraphs):
        line = text[span.start_char : span.end_char]
        if _is_heading(line, last=index + 1 == len(paragraphs)):
            previous_is_heading = len(run) == 1 and heading is not None
            if run and not previous_is_heading:
                yield _Section(heading, tuple(run))
                run = []
            heading = line.lstrip("# ").strip() or None
        run.append(span)
    if run:
        yield _Section(heading, tuple(run))


def _paragraphs(text: str) -> Iterator[Span]:
    """Yield paragraphs: blocks between blank lines, or single lines where the text is not hard-wrapped."""
    lines = [Span(m.start(), m.end()) for m in re.finditer(r"[^\n]*[^\s][^\n]*", text)]
    wrapped = all(s.end_char - s.start_char <= WRAPPED_LINE_CHARS for s in lines)
    start: int | None = None
    for index, span in enumerate(lines):
        start = span.start_char if start is None else start
        following = lines[index + 1] if index + 1 < len(lines) else None
        if following is None or not (wrapped and _continues(text, span, following)):
            yield Span(start, span.end_char)
            start = None


def _continues(text: str, line: Span, following: Span) -> bool:
    """Tell whether two lines of hard-wrapped text belong to one paragraph."""
    if text.count("\n", line.end_char, following.start_char) > 1:
        return False
    both = (text[line.start_char : line.end_char], text[following.start_char : following.end_char])
    structured = any(MARKDOWN_HEADING.match(s) or s.count("|") > 1 for s in both)
    begins = LIST_ITEM.match(both[1]) or (both[0].endswith(ENDED) and LIST_CLAUSE.match(both[1]))
    return not structured and not (begins and not is_mark(both[0].strip()))


def _is_heading(line: str, *, last: bool) -> bool:
    if MARKDOWN_HEADING.match(line):
        return True
    plain = "\n" not in line and len(line) <= HEADING_CHARS and any(c.isalpha() for c in line)
    return plain and not last and not line.endswith(SENTENCE_END) and not FURNITURE.match(line)


# -- sentences --------------------------------------------------------------------------------------------------------


def _measure(
    document: Document, section: _Section, *, count_tokens: CountTokens, limits: SplitLimits
) -> list[_Sentence]:
    """Return the section's sentences with their sizes, those beyond the limits cut into pieces."""
    spans = [[*find_sentences(document.text, p, language=document.language)] for p in section.paragraphs]
    flat = [s for paragraph in spans for s in paragraph]
    # A heading belongs to what follows it.
    lasts = {paragraph[-1] for paragraph in spans[section.heading is not None and len(spans) > 1 :]}
    counts = count_tokens([document.text[s.start_char : s.end_char] for s in flat])
    sentences: list[_Sentence] = []
    for span, tokens in zip(flat, counts, strict=True):
        whole = _Sentence(span, tokens, span in lasts)
        sentences += _cut(document.text, whole, count_tokens=count_tokens, limits=limits)
    return sentences


def find_sentences(text: str, within: Span, *, language: str) -> Iterator[Span]:
    """Yield the sentences of a paragraph, white space at their ends left out.

    Args:
        text: A document's canonical text.
        within: The paragraph.
        language: ISO 639-1 code; others are split by the rules of English.

    Yields:
        Spans in order, in the text's offsets.

    Reference:
        The rules are those of the Wikimedia Foundation's sentencex.
    """
    paragraph = text[within.start_char : within.end_char]
    for start, end in _bounds(paragraph, language if language != "und" else "en"):
        piece = paragraph[start:end]
        if own := piece.strip():
            first = within.start_char + start + len(piece) - len(piece.lstrip())
            yield Span(first, first + len(own))


def _bounds(paragraph: str, language: str) -> Iterator[tuple[int, int]]:
    """Yield where sentences begin and end; each line by itself where lines are records."""
    for start, end in record_lines(paragraph) or [(0, len(paragraph))]:
        line = paragraph[start:end]
        for first, last in whole_sentences(line, _boundaries(line, language)):
            yield start + first, start + last


def _boundaries(paragraph: str, language: str) -> Iterator[tuple[int, int]]:
    """Yield where sentencex ends sentences; a paragraph of megabytes is looked at piece by piece."""
    place = 0
    while place < len(paragraph):
        piece = paragraph[place : place + SEGMENTED_CHARS]
        found = [(b["start_index"], b["end_index"]) for b in sentencex.get_sentence_boundaries(language, piece)]
        # The last one may go on behind the piece, so the next piece begins with it.
        if place + len(piece) < len(paragraph) and len(found) > 1:
            found.pop()
        yield from ((place + start, place + end) for start, end in found)
        place += found[-1][1] if found else len(piece)


def _cut(text: str, sentence: _Sentence, *, count_tokens: CountTokens, limits: SplitLimits) -> Iterator[_Sentence]:
    """Yield the sentence, or its halves when it is too large, halved again until they fit."""
    start, end = sentence.span.start_char, sentence.span.end_char
    fits = sentence.tokens <= limits.max_tokens and end - start <= limits.max_chars
    if fits or end - start < 2:
        yield sentence
        return
    left, right = _halves(text, sentence.span)
    counts = count_tokens([text[s.start_char : s.end_char] for s in (left, right)])
    first, second = _Sentence(left, counts[0], False), replace(sentence, span=right, tokens=counts[1])
    yield from _cut(text, first, count_tokens=count_tokens, limits=limits)
    yield from _cut(text, second, count_tokens=count_tokens, limits=limits)


def _halves(text: str, span: Span) -> tuple[Span, Span]:
    """Return two parts of the span, cut at the best place in its middle half."""
    start, end = span.start_char, span.end_char
    middle = (start + end) // 2
    lines = text[start:end].split("\n")
    for pattern in CUTS if len(lines) == 1 or is_wrapped(lines) else (LINE_END, *CUTS):
        cut = _nearest(pattern, text, span)
        if cut:
            return Span(start, cut.start()), Span(cut.end(), end)
    # A letter has a few marks; where thousands stand on one, its parts would otherwise shrink by one at a time.
    moved = next(
        (n for n in range(middle, min(middle + MOST_MARKS, end)) if not unicodedata.combining(text[n])), middle
    )
    return Span(start, moved), Span(moved, end)


def _nearest(pattern: re.Pattern[str], text: str, span: Span) -> re.Match[str] | None:
    """Return the match in the span's middle half that begins nearest to its middle, the first of two as near."""
    start, end = span.start_char, span.end_char
    quarter, middle = (end - start) // 4, (start + end) // 2
    low, high = start + quarter, end - quarter
    reach = NEAR_CHARS
    # Outward from the middle, since one near it is the rule: a long text has millions of places.
    while True:
        right = min(high, middle + reach)
        # What stands left of the reach is looked at from where a run of spaces begins.
        left = low + len(text[low : max(low, middle - reach)].rstrip(" "))
        places = (m for m in pattern.finditer(text, left, right) if start < m.start() < end)
        found = min(places, key=lambda m: abs(m.start() - middle), default=None)
        everything = left == low and right == high
        if found and (everything or abs(found.start() - middle) <= reach):
            return pattern.match(text, found.start(), high)
        if everything:
            return None
        reach *= 2


# -- packing ----------------------------------------------------------------------------------------------------------


def _pack(sentences: Sequence[_Sentence], *, limits: SplitLimits) -> list[Sequence[_Sentence]]:
    """Return runs of sentences within the limits: of all ways to break, the one that costs least.

    Reference:
        Dynamic programming over breaks with squared slack, as in Knuth, Plass (1981), "Breaking Paragraphs into Lines".
    """
    begins = _begins(sentences, limits)
    runs: list[Sequence[_Sentence]] = []
    end = len(sentences)
    while end:
        runs.append(sentences[begins[end] : end])
        end = begins[end]
    return runs[::-1]


class _Sizes(NamedTuple):
    """Sentences as the search for the best runs sees them.

    Attributes:
        tokens: Of the first n sentences together, from n = 0.
        starts: Where each sentence starts.
        ends: Where each ends.
        whole: Whether a paragraph ends with the first n sentences, from n = 0.
    """

    tokens: list[int]
    starts: list[int]
    ends: list[int]
    whole: list[bool]


def _begins(sentences: Sequence[_Sentence], limits: SplitLimits) -> list[int]:
    """Return for the first n sentences where the last of their best runs begins; of equals the longest run."""
    sizes = _Sizes(
        tokens=[0, *accumulate(s.tokens for s in sentences)],
        starts=[s.span.start_char for s in sentences],
        ends=[s.span.end_char for s in sentences],
        whole=[True, *(s.ends_paragraph for s in sentences[:-1]), True],
    )
    # For the first n sentences what their best runs cost, and where the last of those begins.
    least, begins = [0.0], [0]
    paragraph = 0
    for end, first in enumerate(_firsts(sizes, limits), start=1):
        if sizes.whole[end - 1]:
            paragraph = end - 1
        cost, begin = _cheapest(sizes, least, range(first, end), paragraph=paragraph, limits=limits)
        least.append(cost)
        begins.append(begin)
    return begins


def _firsts(sizes: _Sizes, limits: SplitLimits) -> Iterator[int]:
    """Yield for each sentence the first with which it fits into one run."""
    first = 0
    for last, stop in enumerate(sizes.ends):
        total = sizes.tokens[last + 1]
        # One sentence alone has been cut as far as it can be.
        while first < last and (
            total - sizes.tokens[first] > limits.max_tokens or stop - sizes.starts[first] > limits.max_chars
        ):
            first += 1
        yield first


def _cheapest(
    sizes: _Sizes, least: Sequence[float], run: range, *, paragraph: int, limits: SplitLimits
) -> tuple[float, int]:
    """Return what the runs up to an end cost at least, and where the last of them begins.

    Args:
        sizes: The sentences.
        least: What the runs up to each end before cost.
        run: The longest last run.
        paragraph: Where the paragraph of its last sentence begins.
        limits: Bounds on a run's size.

    Returns:
        The cost, and the first sentence of the last run.
    """
    # The innermost loop of indexing: names of its own, and max() written out, which took half of the time.
    tokens, starts, whole = sizes.tokens, sizes.starts, sizes.whole
    max_tokens, max_chars = limits.max_tokens, limits.max_chars
    total, stop, ends_whole = tokens[run.stop], sizes.ends[run.stop - 1], whole[run.stop]
    cut = 0.0 if ends_whole else CUT
    lowest, best, found = min(least[run.start : run.stop]), math.inf, run.start
    for begin in run:
        by_tokens, by_chars = (total - tokens[begin]) / max_tokens, (stop - starts[begin]) / max_chars
        slack = 1.0 - (by_tokens if by_tokens > by_chars else by_chars)
        own = (slack**2 if slack > 0.0 else 0.0) + cut
        # Later ones hold less, so they cost no less than this.
        if lowest + own >= best:
            break
        if begin < paragraph and not (whole[begin] and ends_whole):
            own += MIXED
        if least[begin] + own < best:
            best, found = least[begin] + own, begin
    return best, found
