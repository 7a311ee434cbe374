"""Decoded text to canonical text, to which every offset in the system refers; knows nothing of files or passages."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby

REPEATED_COLUMNS = 30
REPEATED_TIMES = 3

_LINE_ENDS = {"\r\n": "\n", "\r": "\n", "\v": "\n", "\f": "\n\n", "\x85": "\n", "\u2028": "\n", "\u2029": "\n\n"}
_LINE_END = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
# Controls, soft hyphen, zero-width space and word joiner, marks and overrides of direction, BOM, annotation marks, lone
# surrogates, noncharacters.
_INVISIBLE = re.compile(
    "[\0-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]+"
)
_JOINED_SCRIPTS = "\u0600-\u109f\u1780-\u18af\ua840-\uabff\ufb50-\ufdff\ufe70-\ufefc"
_EMOJI = "\u20e3\u2190-\u2bff\u3030\u303d\u3297\u3299\ufe0f\U0001f000-\U0001faff\U000e0020-\U000e007f"
# A joiner shapes the letters of Arabic and Indic scripts (some Malayalam words end in one) and glues emoji; elsewhere
# it only hides a word from search.
_JOINERS = re.compile(
    f"(?<=[{_JOINED_SCRIPTS}])(\u200c(?=[{_JOINED_SCRIPTS}])|\u200d)[\u200c\u200d]*"
    f"|(?<=[{_EMOJI}])(\u200d)(?=[{_EMOJI}])|[\u200c\u200d]+"
)
_HORIZONTAL_SPACE = re.compile(r"[^\S\n]+")
_NOT_SPACE = re.compile(r"\S")
_FENCE = re.compile(r"```|~~~")
# Headings, quotes, list items and table rows mean something each time they stand; so do lines of code.
_STRUCTURED = re.compile(r"[#>|]|(?:[-*+•‣·]|\(?(?:\d{1,3}|[A-Za-z])[.)]) |[\w.]+\(|.*(?:[{}<>=\\]|[|;]$)")
_FIELD = re.compile(r"([^\W\d_][^:：|]{0,30})[:：] ?(\S.*)")
_VERSE_COLUMNS = range(12, 61)
_FRONT_MATTER = re.compile(r"---[ ]*\n((?:.*\n)*?)(?:---|\.\.\.)[ ]*(?:\n|\Z)")
_FRONT_MATTER_LINE = re.compile(r"[\w-]+ ?:|[-# ]|$")
_PRODUCT_FOOTER = re.compile(r"powered by .{1,80}(?:©|\(c\) ?\d).{0,40}", re.I)


def clean(text: str) -> str:
    r"""Return the canonical text of a decoded source.

    - Unicode NFC; line ends ``\n``; characters that cannot be seen removed, except joiners where a script needs them.
    - Every horizontal space one plain space, lines stripped (indentation goes, in code as well), at most one blank
      line in a row, none at the start or end. Blank lines between paragraphs stay.
    - YAML front matter with a title or date removed: it is metadata, which is read from the text before cleaning.
    - A line of at least 30 columns (East Asian characters take two) that stands three times or more, or twice in a row,
      is kept once, where it stands first. Headings, list items, table rows, code, verse and the fields of records
      are not boilerplate and stay. A closing "Powered by … ©" line goes.

    ``clean(clean(text)) == clean(text)`` for every text.
    """
    return clean_marked(text, ())[0]


def clean_marked(text: str, marks: Sequence[int]) -> tuple[str, tuple[int, ...]]:
    """Return the canonical text, and where in it the marked places of the source are.

    Args:
        text: Decoded text, as `clean` takes it.
        marks: Offsets into it in ascending order, such as where its pages begin.

    Returns:
        What `clean` returns, and for each mark the offset of the first character that was kept from there on; the
        length of the text where none was.
    """
    places = [_first_visible(text, mark) for mark in marks]
    # What one step takes away can bring together what another looks for; each round but the last makes the text
    # shorter, and the last but one is nearly always the first.
    while True:
        cleaned, places = _clean_once(text, places)
        if cleaned == text:
            return cleaned, tuple(places)
        text = cleaned


def _first_visible(text: str, mark: int) -> int:
    """Return the first offset from a mark on at which there is no white space."""
    match = _NOT_SPACE.search(text, mark)
    return match.start() if match else len(text)


def _clean_once(text: str, marks: Sequence[int]) -> tuple[str, list[int]]:
    places = list(_places(text, marks))
    text = _fold_characters(text)
    body = _without_front_matter(text)
    skipped = text.count("\n", 0, len(text) - len(body))
    lines = [line.strip(" ") for line in body.split("\n")]
    kept = _without_blank_runs(lines, list(_without_repeats(lines)))
    if kept and _PRODUCT_FOOTER.fullmatch(lines[kept[-1]]):
        kept = kept[:-1]
    chosen = [lines[number] for number in kept]
    return "\n".join(chosen), _moved([(line - skipped, column) for line, column in places], kept, chosen)


def _places(text: str, marks: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield for each mark the number of its line once characters are folded, and its offset in that line."""
    done = line = column = 0
    for mark in marks:
        # Folding does not reach across a mark: what stands there is seen, and white space is before it.
        first, *others = _fold_characters(text[done:mark]).split("\n")
        if others:
            line, column, first = line + len(others), 0, others[-1]
        column += len(first if column else first.lstrip(" "))
        done = mark
        yield line, column


def _moved(places: Sequence[tuple[int, int]], kept: Sequence[int], lines: Sequence[str]) -> list[int]:
    """Return the offsets of places once only some lines are left: their own, else the start of the next one left."""
    starts = [0, *accumulate(len(line) + 1 for line in lines)]
    moved = []
    for line, column in places:
        index = bisect_left(kept, line)
        same = index < len(kept) and kept[index] == line
        while not same and index < len(kept) and not lines[index]:
            index += 1
        moved.append(min(starts[index] + (column if same else 0), max(starts[-1] - 1, 0)))
    return moved


def _without_blank_runs(lines: Sequence[str], kept: Sequence[int]) -> list[int]:
    """Return the numbers of the lines without blank ones at the start, at the end, and after another."""
    left: list[int] = []
    for number in kept:
        if lines[number] or (left and lines[left[-1]]):
            left.append(number)
    return left[:-1] if left and not lines[left[-1]] else left


def _fold_characters(text: str) -> str:
    text = _LINE_END.sub(lambda match: _LINE_ENDS[match[0]], text)
    text = unicodedata.normalize("NFC", _INVISIBLE.sub("", text))
    text = _JOINERS.sub(lambda match: match[1] or match[2] or "", text)
    return _HORIZONTAL_SPACE.sub(" ", text)


def _without_front_matter(text: str) -> str:
    """Take away a first block between rules that has a title or a date: a note between two rules is text."""
    match = _FRONT_MATTER.match(text)
    if not match:
        return text
    lines = match[1].split("\n")
    is_metadata = all(_FRONT_MATTER_LINE.match(line) for line in lines)
    has_key = any(line.lower().startswith(("title:", "date:")) for line in lines)
    return text[match.end() :] if is_metadata and has_key else text


def _without_repeats(lines: Sequence[str]) -> Iterator[int]:
    """Yield the numbers of the lines that are not later copies of boilerplate."""
    counts = Counter(lines)
    idle = {line for line, count in counts.items() if count > 1 and _is_long_prose(line)}
    if not idle:
        yield from range(len(lines))
        return
    idle -= _fields_with_several_values(lines)
    seen: set[str] = set()
    previous = ""
    for number, (line, meant) in enumerate(zip(lines, _meant(lines), strict=True)):
        if line in idle and not meant:
            if line == previous or (line in seen and counts[line] >= REPEATED_TIMES):
                continue
            seen.add(line)
        previous = line or previous
        yield number


def _is_long_prose(line: str) -> bool:
    """Whether a line by itself may be a caption or page furniture: long, mostly letters, without structure."""
    if len(line) * 2 < REPEATED_COLUMNS or _columns(line) < REPEATED_COLUMNS or _STRUCTURED.match(line):
        return False
    return sum(unicodedata.category(c)[0] in "LMZ" for c in line) >= 0.7 * len(line)


def _columns(line: str) -> int:
    return len(line) + sum(unicodedata.east_asian_width(c) in "WF" for c in line)


def _fields_with_several_values(lines: Sequence[str]) -> set[str]:
    """Return the lines ``key: value`` whose key has another value elsewhere: parts of records, turns of a dialogue."""
    values: defaultdict[str, set[str]] = defaultdict(set)
    for match in filter(None, map(_FIELD.match, lines)):
        values[match[1]].add(match[0])
    return set().union(*(same_key for same_key in values.values() if len(same_key) > 1))


def _meant(lines: Sequence[str]) -> Iterator[bool]:
    """Yield for each line whether it stands in fenced code or in verse, where repetition is meant."""
    fenced = False
    for _, group in groupby(lines, key=bool):
        block = list(group)
        verse = _is_verse(block)
        for line in block:
            fenced ^= bool(_FENCE.match(line))
            yield fenced or verse


def _is_verse(block: Sequence[str]) -> bool:
    """Whether a block is three different lines or more, none as long as prose is set or as short as a label."""
    return len(set(block)) >= 3 and all(_columns(line) in _VERSE_COLUMNS for line in block)
