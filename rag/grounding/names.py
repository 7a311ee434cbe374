"""Names in a text, and whether another text has them, in full, abbreviated or bent; knows no claims.

A name is a run of capitalised words, or one with capitals or digits inside it. The first word of a sentence is
capitalised whatever it is: it counts as a name where what follows says so.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property

from rag.grounding.wording import LINKING, Word
from rag.terms import FUNCTION_WORDS

# What follows the subject of a sentence: a capitalised word before one of these is a name, not an adverb or the like.
_AFTER_SUBJECT = frozenset(
    "is was has had will would can could did does may might must should said says became becomes".split()
)
_NO_NAMES = (
    FUNCTION_WORDS
    | LINKING
    | frozenset(
        "according after again although another at because before besides despite due each earlier every everyone "
        "everything few finally first following further furthermore having hence if instead later like many meanwhile "
        "more moreover most much nobody none nothing often once one others overall people several similarly since "
        "somebody someone something sometimes still such therefore though through throughout thus today together under "
        "unlike until up upon using usually whatever whenever yes yet okay ok mr mrs ms dr st".split()
    )
)
# Adverbs, participles and the like, which begin a sentence more often than names that end so.
_NO_NAME_ENDINGS = ("ly", "ed", "ing", "tion", "ment", "ness", "ity", "ions", "ments")
INNER_CAPITAL = re.compile(r"(?=.*[A-Z].*[A-Z]|.*[A-Z].*\d|.*\d.*[A-Z]).{2,}", re.DOTALL)
ENDINGS = ("ese", "ians", "ian", "ish", "ans", "an", "ns", "n", "ic", "i", "s")
DEMONYMS = {
    "british": "britain", "french": "france", "spanish": "spain", "dutch": "netherlands", "welsh": "wales",
    "greek": "greece", "swiss": "switzerland", "danish": "denmark", "swedish": "sweden", "polish": "poland",
    "finnish": "finland", "turkish": "turkey", "irish": "ireland", "scottish": "scotland", "english": "england",
    "chinese": "china", "norwegian": "norway", "german": "germany", "russian": "russia", "european": "europe",
}  # fmt: skip
DEMONYMS |= {place: people for people, place in DEMONYMS.items()}
LEAST_COMMON_CHARS = 5
# Initials of so many words in small letters count; two of them would stand in any passage.
SPELT_OUT = (3, 4, 5)
# Behind "Won" and "Don".
NOT = ("'t", "’t")
# Texts of so few words are answers taken from a text rather than sentences: they begin with a capital if that did.
ANSWER_WORDS = 5


@dataclass(frozen=True)
class Name:
    """A run of words that name something.

    Attributes:
        first: Number of its first word in the text.
        end: One past its last.
        words: The words.
    """

    first: int
    end: int
    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        """The words, a space between two."""
        return " ".join(word.text for word in self.words)

    @property
    def place(self) -> tuple[int, int]:
        """Its first character, and one past its last."""
        return self.words[0].start_char, self.words[-1].end_char


def find_names(text: str, words: Sequence[Word], taken: AbstractSet[int]) -> list[Name]:
    """Return the names of a text in order.

    Args:
        text: The text.
        words: Its words.
        taken: Characters that are parts of numbers and dates.

    Returns:
        Its names.
    """
    marked = [_is_name(text, words, n) and word.start_char not in taken for n, word in enumerate(words)]
    names: list[Name] = []
    for n, word in enumerate(words):
        if not marked[n]:
            continue
        last = names[-1] if names else None
        if last and last.end == n and not text[words[n - 1].end_char : word.start_char].strip(" -‐‑.&’'"):
            names[-1] = Name(last.first, n + 1, (*last.words, word))
        else:
            names.append(Name(n, n + 1, (word,)))
    return names


def _is_name(text: str, words: Sequence[Word], n: int) -> bool:
    word = words[n]
    if text.startswith(NOT, word.end_char):
        return False
    if not word.text[0].isupper() and not INNER_CAPITAL.fullmatch(word.text):
        return False
    if word.text.casefold() in _NO_NAMES and not INNER_CAPITAL.fullmatch(word.text):
        return False
    if len(word.text) == 1 and not _capitalised(words, n + 1):
        return False
    return not _is_first(text, words, n) or _surely_name(text, words, n)


def _is_first(text: str, words: Sequence[Word], n: int) -> bool:
    if n == 0 or words[n - 1].sentence != words[n].sentence:
        return True
    between = text[words[n - 1].end_char : words[n].start_char]
    return any(sign in between for sign in ':"“”.!?;(•|')


def _surely_name(text: str, words: Sequence[Word], n: int) -> bool:
    word = words[n]
    if INNER_CAPITAL.fullmatch(word.text):
        return True
    if word.text.casefold().endswith(_NO_NAME_ENDINGS):
        return False
    if len(words) <= ANSWER_WORDS:
        return True
    if n + 1 == len(words) or text[word.end_char : words[n + 1].start_char] not in (" ", "-", "'", "’"):
        return False
    following = words[n + 1].text
    after_name = following in ("s", "of") or following in _AFTER_SUBJECT or following.endswith("ed")
    return after_name or _capitalised(words, n + 1)


def _capitalised(words: Sequence[Word], n: int) -> bool:
    return n < len(words) and words[n].text[0].isupper() and words[n].text.casefold() not in _NO_NAMES


def plain(text: str) -> str:
    """Return a word in lower case without accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))


class NameBook:
    """The words of some texts, as they are asked whether they have a name."""

    def __init__(self, texts: Sequence[Sequence[Word]]) -> None:
        """Take over the words.

        Args:
            texts: The words of each text.
        """
        self._texts = texts
        self._plain = {plain(word.text) for words in texts for word in words}
        self._stems = {word.stem for words in texts for word in words}

    @cached_property
    def _initials(self) -> set[str]:
        """Initials of runs of capitalised words, small words between them left out or not."""
        found: set[str] = set()
        for words in self._texts:
            letters = [w.text[0] if w.text[0].isupper() else "" for w in words]
            small = [w.text.casefold() in FUNCTION_WORDS for w in words]
            for first, letter in enumerate(letters):
                if not letter:
                    continue
                short = full = ""
                for n in range(first, min(first + 10, len(words))):
                    if not letters[n] and not small[n]:
                        break
                    short += letters[n]
                    full += letters[n] or words[n].text[0].upper()
                    found.update((short, full))
            found.update(self._spelt_out(words))
        return found

    @staticmethod
    def _spelt_out(words: Sequence[Word]) -> Iterator[str]:
        """Yield initials of runs of words in small letters too: "chief executive officer" is a CEO."""
        first = "".join(word.text[0].upper() for word in words)
        yield from (first[n : n + size] for size in SPELT_OUT for n in range(len(first) - size + 1))

    @cached_property
    def _joined(self) -> set[str]:
        """Two neighbouring words written as one."""
        return {plain(a.text + b.text) for words in self._texts for a, b in itertools.pairwise(words)}

    def missing(self, name: Name) -> tuple[Word, ...]:
        """Return the words of a name that the texts do not have, in any writing."""
        absent = tuple(word for word in name.words if not self._has_word(word))
        if not absent:
            return ()
        whole = "".join(plain(word.text) for word in name.words)
        initials = "".join(word.text[0] for word in name.words)
        if whole in self._plain or whole in self._joined or (len(initials) > 1 and initials.casefold() in self._plain):
            return ()
        return absent

    def _has_word(self, word: Word) -> bool:
        form = plain(word.text)
        if form in self._plain or word.stem in self._stems or form in self._joined:
            return True
        if word.text.isupper() and 2 <= len(word.text) <= 8 and word.text in self._initials:
            return True
        return DEMONYMS.get(form) in self._plain or any(_akin(form, other) for other in self._plain)


def _akin(one: str, other: str) -> bool:
    """Tell whether one word is the other with an ending, as Russian is Russia."""
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) < LEAST_COMMON_CHARS or longer[:4] != shorter[:4]:
        return False
    if longer.startswith(shorter) and len(longer) - len(shorter) <= 4:
        return True
    return any(longer.endswith(e) and shorter[:-1] == longer.removesuffix(e) for e in ENDINGS)
