"""Where a text denies what it tells, and whether a claim denies the same; knows words, no values and no names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.grounding.wording import Word

# "Not only" and "no less than" deny nothing, nor is "No. 5" a denial.
CUE = re.compile(
    r"(?<!\w)(?:(?:not|never|cannot|without|neither|nor|none|nobody|nothing|nowhere|unable|hardly|rarely|seldom)(?!\w)"
    r"(?! only\b| just\b| merely\b| least\b)|no(?!\w)(?!\.? ?\d| less than| doubt\b| one\b(?= of))|"
    r"fail(?:s|ed|ing)? to\b|fail(?:s|ed)\b|lack(?:s|ed|ing)?\b|refus(?:es|ed|ing|e)\b|den(?:y|ies|ied)\b)"
    r"|\w+n[’']t(?!\w)|(?<!\w)(?:do|does|did|is|was|are|were|has|have|had|wo|would|could|should|must|ca|need)n t(?!\w)"
    r"|(?:不(?![仅過过断少论管同久但])|没有?|沒有?|未(?!来|來)|無(?!論)|无(?!论)|并非)",
    re.IGNORECASE,
)
# Where what is denied ends.
BOUNDARY = re.compile(r"[,;:.!?，；：。！？]|\b(?:but|although|though|while|whereas|because|and)\b")
PREFIXES = ("un", "in", "im", "ir", "il", "dis", "non")
SCOPE_WORDS, AROUND_WORDS = 3, 6
OPPOSITES = {
    word: pair
    for number, pairs in enumerate(
        (
            ("increas grow grew rise rose risen", "decreas declin fall fell fallen drop shrink shrank"),
            ("more", "less fewer"), ("higher highest", "lower lowest"), ("larger largest", "smaller smallest"),
            ("before", "after"), ("accept approv", "reject"), ("allow permit", "forbid forbidden ban prohibit"),
            ("win won", "lose lost"), ("begin began start", "end ended"), ("abov", "below"), ("import", "export"),
            ("best", "worst"), ("most", "least"), ("older oldest", "younger youngest"), ("support", "oppos"),
            ("success", "failur"), ("alive", "dead"), ("tru", "fals"), ("major", "minor"), ("majority", "minority"),
        )
    )
    for side, words in enumerate(pairs)
    for word in words.split()
    for pair in [(number, side)]
}  # fmt: skip


@dataclass(frozen=True)
class Denial:
    """One word that denies.

    Attributes:
        start_char: First character.
        sentence: Number of its sentence.
        scope: Stems of the words it denies, as many as can be told.
        around: Stems of the words near it.
    """

    start_char: int
    sentence: int
    scope: frozenset[str]
    around: frozenset[str]


def find_denials(text: str, words: Sequence[Word]) -> list[Denial]:
    """Return the words of a text that deny something, in order."""
    return list(_denials(text, words))


def _denials(text: str, words: Sequence[Word]) -> Iterator[Denial]:
    for match in CUE.finditer(text):
        if not match.start() and re.match("(?: really)?,|(?: ,)| but", text[match.end() :]):
            continue  # an answer to what was said before
        inside = next((w for w in words if w.start_char < match.end() and match.start() < w.end_char), None)
        if inside:
            yield _denial(text, match, [w for w in words if w.sentence == inside.sentence])


def _denial(text: str, cue: re.Match[str], words: Sequence[Word]) -> Denial:
    """Return what a word denies, among the words of its sentence."""
    after = [w.stem for w in words if w.start_char >= cue.end() and w.content]
    before = [w.stem for w in words if w.end_char <= cue.start() and w.content]
    stop = BOUNDARY.search(text, cue.end())
    end = stop.start() if stop else len(text)
    reached = [w.stem for w in words if cue.end() <= w.start_char < end and w.content][:SCOPE_WORDS]
    scope = [stem for stem in reached if sum(w.stem == stem for w in words) == 1]
    near = [*before[-AROUND_WORDS:], *after[:AROUND_WORDS]]
    return Denial(cue.start(), words[0].sentence, frozenset(scope), frozenset(near))
