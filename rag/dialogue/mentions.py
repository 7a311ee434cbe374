"""What a question or answer mentions: names, persons, and things said with a determiner; knows no conversation.

English by its surface: capitals, determiners and closed classes of words. There is no tagger: one would weigh more than
all the rest, and what is wrong here costs a follow-up its context, never an answer its citation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.terms import FUNCTION_WORDS, spelt_terms

AUXILIARIES = frozenset(
    "am are be been can could did do does had has have is may might must shall should was were will would".split()
)
DO_SUPPORT = frozenset("can could did do does had has have may might must shall should will would".split())
PREPOSITIONS = frozenset(
    "about after against as at before behind below besides between by during for from in into like near of on onto "
    "over since than through to toward towards under until up per upon via with within without".split()
)
_STOPS = AUXILIARIES | (PREPOSITIONS - {"of"}) | FUNCTION_WORDS - {"of", "and", "the"}
# What a question or sentence may begin with that is no name, though it has a capital.
_OPENERS = (
    FUNCTION_WORDS
    | AUXILIARIES
    | PREPOSITIONS
    | frozenset(
        "according again also although and anyone both but however list name otherwise ok okay please so someone then "
        "yes now thanks today describe explain especially recently currently here it its meanwhile once another other "
        "others else say show summarise summarize".split()
    )
)
_MONTHS = frozenset(
    "january february march april may june july august september october november december monday tuesday wednesday "
    "thursday friday saturday sunday".split()
)
ROLES = frozenset(
    "ceo cfo cto chair chairman chairwoman chairperson chief co-founder commissioner deputy director doctor dr dean "
    "executive founder general governor head judge king lady lord madam manager managing mayor minister mr mrs ms "
    "officer premier president prime prince princess prof professor queen secretary senator sir vice".split()
)
# A name with one of these in it is no person's.
_NOT_PERSONS = frozenset(
    "academy act agency agreement airport alliance area association authority bank bay belt board branch building "
    "bureau business center centre chamber church city club college commission committee company conference "
    "congress convention co corp corporation council county court department development district east economic "
    "exhibition expo federation festival forum foundation free fund government group harbor harbour high hospital "
    "hotel house inc industrial industry institute international island lake law league library ltd management "
    "market ministry model mountain municipal museum national nations new north northern office organisation "
    "organization park party plan port press program programme project province provincial region republic river "
    "road school science sea section service society south southern special square state station street summit team "
    "technology theory tower town trade treaty union united university valley war west western working world "
    "zone".split()
)
_POST = re.compile(rf"(?:(?:{'|'.join(sorted(ROLES))}) )*(?:of|for) ", re.IGNORECASE)
COMPANY = re.compile(r"\b(?:Co|Ltd|Inc|Corp|LLC|GmbH|AG|PLC|S\.A)\b")
_WORD = r"(?:Co\.|Ltd\.?|Inc\.|[A-Z][\w&’'-]*)"
_NAME = re.compile(rf"{_WORD}(?:(?: (?:of|for|&)(?: the)? | |, ?(?=Ltd|Inc)){_WORD})*(?: \d{{1,3}}(?![\w.,%–-]))?")
QUOTED = re.compile(r"[\"“”]([^\"“”]{2,80})[\"“”]|《([^》]{2,80})》")
_TOKEN = re.compile(r"[\"“][^\"“”]{1,80}[\"”]|[\w&]+(?:[’'-][\w&]+)*|[^\w\s]")
# What a subject does, where it has no capitals that end before its verb: "does the ferry carry", "did the mill take".
_VERBS = frozenset(
    "become begin build buy carry close come contain cost cover create do earn employ end explain fall find get give "
    "go grow happen have hire hold include invest last leave lie lose make mean meet need offer open own pay play "
    "produce provide publish reach receive rise run say see sell serve show sign spend stand start stay take teach "
    "tell use want win work write".split()
)
_HELD = frozenset(
    "begun begin built done found given held known led made met opened paid said sent set taken won".split()
)


@dataclass(frozen=True)
class Mention:
    """Something that a text speaks of.

    Attributes:
        text: As it would stand in a question, with its determiner.
        start_char: Where it begins in its text.
        person: Whether it looks like the name of a person.
        plural: Whether it speaks of several.
        named: Whether it is or holds a name or a quoted expression.
    """

    text: str
    start_char: int
    person: bool = False
    plural: bool = False
    named: bool = False

    @property
    def end_char(self) -> int:
        """One past its last character."""
        return self.start_char + len(self.text)


def names(text: str) -> list[Mention]:
    """Return the names in a text, in order: runs of capitalised words, without what only begins a sentence.

    Args:
        text: A question or an answer.

    Returns:
        Names, titles such as "CEO" cut from the front of those of persons.
    """
    return [found for match in _NAME.finditer(text) for found in _trimmed(match, text)]


def _trimmed(match: re.Match[str], text: str) -> Iterator[Mention]:
    start, name = match.start(), re.sub(r"[’']s?$", "", match[0]).rstrip(".-")
    owner, _, owned = re.sub("[’']s ", "’s ", name).partition("’s ")
    if owned:
        yield Mention(owner, start, person=is_person(owner), named=True)
        start, name = start + len(owner) + len("’s "), owned
    while name:
        first, _, rest = name.partition(" ")
        opens = first.lower() in _OPENERS and (start == 0 or not text[:start].rstrip()[-1:].isalpha())
        titled = first.lower() in ROLES and (is_person(rest) or _POST.match(rest))
        if not (opens or titled or first.lower() in FUNCTION_WORDS or first in ("of", "for", "the")):
            break
        start, name = start + len(name) - len(rest), rest
    # "Ada Lindqvist of Norrwick" are two.
    person, _, place = name.partition(" of ")
    if place and is_person(person):
        yield Mention(person, start, person=True, named=True)
        start, name = start + len(name) - len(place), place
    if name and not all(word.lower() in _MONTHS | ROLES for word in name.split()) and not _may_open(name, start, text):
        yield Mention(name, start, person=is_person(name), named=True)


def _may_open(name: str, start: int, text: str) -> bool:
    """Tell whether a word may have its capital from the sentence that it begins; in a question it hardly does."""
    asked = text.rstrip().endswith("?")
    begins = not start or text[:start].rstrip()[-1:] in ("", ".", "!", "?", '"', "”")
    return begins and not asked and " " not in name and bool(re.match(r" [a-z]", text[start + len(name) :]))


def may_be_person(name: str) -> bool:
    """Tell whether a name may be a person's: none of its words is one of institutions."""
    return not any(word.lower() in _NOT_PERSONS for word in re.findall(r"\w+", name))


def is_person(name: str) -> bool:
    """Tell whether a name looks like that of a person: two or three words, none of them one of institutions."""
    words = name.split()
    plain = all(re.fullmatch(r"[A-Z][a-z’'-]+(?:-[A-Z][a-z]+)?", word) for word in words)
    return len(words) in (2, 3) and plain and not any(w.lower() in _NOT_PERSONS | ROLES | _MONTHS for w in words)


def quoted(text: str) -> list[str]:
    """Return what stands between quotation marks in a text."""
    return [one or other for one, other in QUOTED.findall(text)]


def mentions(question: str) -> list[Mention]:
    """Return what a question speaks of, in order: things with a determiner, and names outside of those.

    Args:
        question: A question in English, or one in another language that holds English names.

    Returns:
        Mentions that do not overlap.
    """
    things = list(_things(question))
    apart = [
        n for n in names(question) if not any(t.start_char < n.end_char and n.start_char < t.end_char for t in things)
    ]
    return sorted([*things, *apart], key=lambda m: m.start_char)


def _things(question: str) -> Iterator[Mention]:
    tokens = list(_TOKEN.finditer(question))
    end = 0
    for number, token in enumerate(tokens):
        if token[0].lower() not in ("the", "a", "an") or number < end:
            continue
        end = _thing_end(tokens, number)
        if end > number + 1:
            start_char, end_char = token.start(), tokens[end - 1].end()
            text = re.sub(r"[’']s?$", "", question[start_char:end_char])
            if head_word(text) in ROLES and " of " in text:
                # "The chairman of the bank" is someone; what is spoken of besides is the bank.
                start_char += text.index(" of ") + len(" of ")
                text = question[start_char : start_char + len(text) - (start_char - token.start())]
            yield Mention(text, start_char, plural=_is_plural(text), named=bool(re.search(r"[A-Z\"“]", text[1:])))


def _thing_end(tokens: Sequence[re.Match[str]], start: int) -> int:
    """Return the number of the token after the thing whose determiner is number `start`."""
    words = [t[0] for t in tokens]
    subject = start > 0 and words[start - 1].lower() in DO_SUPPORT
    end = start + 1
    while end < len(words) and _goes_on(words, end, subject=subject):
        end += 1
    # "When was the conference held": the participle is no part of it.
    asked = start > 0 and words[start - 1].lower() in AUXILIARIES
    if (
        asked
        and end - start > 2
        and words[end - 1].islower()
        and (words[end - 1][-2:] == "ed" or words[end - 1] in _HELD)
    ):
        end -= 1
    # "of", "and" and "the" lead on to something, or are no part of it.
    while words[end - 1].lower() in ("of", "and", "the") and end > start + 1:
        end -= 1
    return end


def _goes_on(words: Sequence[str], at: int, *, subject: bool) -> bool:
    word, before = words[at], words[at - 1]
    if not re.search(r"\w", word):
        return False
    if word == "and":
        return before[:1].isupper() and at + 1 < len(words) and words[at + 1][:1].isupper()
    if word == "the":
        return before == "of"
    if before.endswith(("’s", "'s")) and word.islower() and subject:
        return True
    return word.lower() not in _STOPS and not (subject and _is_verb(words, at))


def _is_verb(words: Sequence[str], at: int) -> bool:
    """Tell whether a word behind a subject is its verb: "did the Area sign"; a quoted name has its kind behind it."""
    word, before = words[at], words[at - 1]
    if word in _VERBS and before.lower() not in ("the", "a", "an", "of"):
        return True
    named = before[:1].isupper() or words[at - 2][-1:] in '"”'
    return word.islower() and word != "of" and named and before[-1:] not in '"”'


def _is_plural(thing: str) -> bool:
    head = re.split(r" of ", thing)[0].split()[-1]
    return head.islower() and head.endswith("s") and not head.endswith(("ss", "us", "is"))


def head_word(text: str) -> str:
    """Return the word that says what kind of thing a mention is, in lower case: "zone" of "the trade zone of X"."""
    words = re.findall(r"[\w-]+", re.split(r" (?:of|for) ", text)[0])
    return words[-1].lower() if words else ""


def content_stems(text: str) -> list[tuple[int, str]]:
    """Return the content words of a text, where each begins and its stem."""
    return [(start, stem) for start, end, stem in spelt_terms(text) if text[start:end].casefold() not in FUNCTION_WORDS]


def nearest(candidates: Sequence[Mention], text: str, question: str) -> Mention | None:
    """Return the mention that stands closest to the words of a question.

    Args:
        candidates: Mentions in `text`.
        text: A text that answers the question.
        question: The question.

    Returns:
        The mention of least distance, in characters and summed over the question's words; ``None`` without candidates.
    """
    wanted = {stem for _, stem in content_stems(question)}
    places: dict[str, list[int]] = {}
    for start, stem in content_stems(text):
        if stem in wanted:
            places.setdefault(stem, []).append(start)

    def distance(mention: Mention) -> int:
        # A word far away says nothing of which is meant.
        return sum(min(120, *(_gap(mention, place) for place in found)) for found in places.values())

    return min(candidates, key=distance, default=None)


def _gap(mention: Mention, place: int) -> int:
    return mention.start_char - place if place < mention.start_char else max(0, place - mention.end_char)
