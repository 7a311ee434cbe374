"""A text's words with their places and stems, and its sentences: what claims and passages are compared by."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.phrases import fold
from rag.terms import FUNCTION_CHARACTERS, FUNCTION_WORDS, NO_SPACES_FIRST, spelt_terms

# Full stops of initials and of "Co." do not end a sentence; where one is cut for all that, little is lost: what is
# found in a part is looked for in the others too.
SENTENCE_BREAK = re.compile(
    r"(?<![A-Z.]\.)(?<!\b(?:Co|Mr|Dr|St|No|vs)\.)(?<=[.!?])[\"”’)\]]*\s+|(?<=[。！？])[”」』）]*|\n+"
)
# Words that say how things are told rather than what is told, beyond those of questions.
LINKING = frozenset(
    "also i its it he her his him she they them their this these those that there here and or but so such as at by was "
    "were am been being not no never nor neither without only just very too then than however while s t re ve ll d m "
    "which who whom whose what when where why how because since although though during between within into onto "
    "both each either all any some other".split()
)


@dataclass(frozen=True)
class Word:
    """A word of a text; where no spaces are written, two neighbouring characters.

    Attributes:
        start_char: First character.
        end_char: One past the last.
        text: As written.
        stem: Its stem by the rules of English, in lower case without accents.
        content: Whether it says what is told.
        sentence: Number of its sentence, from 0.
    """

    start_char: int
    end_char: int
    text: str
    stem: str
    content: bool
    sentence: int


def find_sentences(text: str) -> list[tuple[int, int]]:
    """Return start and end of each sentence of a text that is not white space alone."""
    breaks = [(0, 0), *(match.span() for match in SENTENCE_BREAK.finditer(text)), (len(text), len(text))]
    spans = [(end, start) for (_, end), (start, _) in itertools.pairwise(breaks)]
    return [(start, end) for start, end in spans if text[start:end].strip()]


def find_words(text: str, sentences: Sequence[tuple[int, int]]) -> list[Word]:
    """Return the words of a text in order.

    Args:
        text: The text.
        sentences: Its sentences, as `find_sentences` gives them.

    Returns:
        Its words, numbers among them.
    """
    found = []
    number = 0
    for start, end, stem in spelt_terms(text):
        while number + 1 < len(sentences) and start >= sentences[number + 1][0]:
            number += 1
        written = text[start:end]
        if NO_SPACES_FIRST.match(written):
            for place in range(start, max(start + 1, end - 1)):
                pair = text[place : min(place + 2, end)]
                content = not set(pair) <= FUNCTION_CHARACTERS
                found.append(Word(place, place + len(pair), pair, pair, content, number))
        else:
            content = written.casefold() not in FUNCTION_WORDS and written.casefold() not in LINKING
            found.append(Word(start, end, written, stem or written.casefold(), content, number))
    return found


def folded_sentences(text: str, sentences: Sequence[tuple[int, int]]) -> str:
    """Return the words of a text without signs, case and accents, with a bar where a sentence ends."""
    return "|" + "|".join(fold(text[start:end]) for start, end in sentences) + "|"
