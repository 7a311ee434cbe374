"""Short and long forms in a question to the other forms that its library's documents introduce for them.

Knows the library's abbreviations, and nothing of how a question is searched.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from rag.abbreviations import Abbreviation, form_key, runs
from rag.snapshot import Snapshot
from rag.terms import FUNCTION_WORDS, NO_SPACES, Term, query_terms

CountTokens = Callable[[Sequence[str]], Sequence[int]]
# Of a form that stands for several things in different documents so many are searched, the most common first.
MOST_FORMS = 3
# Passages that hold a form are counted up to here.
MOST_PASSAGES = 1_000
# So many of the passages that hold a form's terms are read to see how they write it.
MOST_READ = 20
# So many long forms of a question are looked into, the longest first, each of which reads passages: more stand in a
# pasted text, not in a question.
MOST_LONG = 20


@dataclass(frozen=True)
class Expansion:
    """A form in a question and the other forms of it.

    Attributes:
        start_char: Where the form begins in the question.
        end_char: One past its end.
        forms: The other forms, the one that most documents introduce first.
        is_short: Whether the question has the short form and these are long.
    """

    start_char: int
    end_char: int
    forms: tuple[str, ...]
    is_short: bool


def expansions(
    text: str, snapshot: Snapshot, *, count_tokens: Callable[[Sequence[str]], Sequence[int]]
) -> list[Expansion]:
    """Return the forms in a question that documents introduce another form for, in order, none overlapping.

    Args:
        text: The question.
        snapshot: The generation asked.
        count_tokens: Tells how many tokens the encoder reads a text as.

    Returns:
        Expansions.
    """
    places = runs(text)
    known = snapshot.abbreviations(places)
    if not known:
        return []
    by_short: dict[str, list[Abbreviation]] = defaultdict(list)
    by_long: dict[str, list[Abbreviation]] = defaultdict(list)
    for abbreviation, _ in known:
        by_short[form_key(abbreviation.short)].append(abbreviation)
        by_long[form_key(abbreviation.long)].append(abbreviation)
    # Longer keys are of longer forms.
    looked_into = sorted(by_long.keys() & places.keys(), key=lambda key: (-len(key), key))[:MOST_LONG]
    found = []
    for key, (start, end) in places.items():
        longs = [a.long for a in by_short.get(key, ()) if _is_meant(text, start, end, a, count_tokens)]
        introduced = by_long[key] if key in looked_into else ()
        shorts = [a.short for a in introduced if not _is_a_word(a.short, snapshot)]
        for forms, is_short in ((_distinct(longs), True), (_distinct(shorts), False)):
            if forms:
                found.append(Expansion(start, end, forms, is_short))
    return list(_longest(found))


def expanded(terms: Sequence[Term], expansion: Expansion, *, languages: Sequence[str]) -> list[Term]:
    """Return terms of which those of a form are found by its other forms too."""
    forms = tuple(v for form in expansion.forms for v in _as_variants(form, languages))
    return [
        # "WHO" is no function word where it is a short form.
        replace(t, variants=tuple(dict.fromkeys((*t.variants, *forms))), content=True)
        if (t.content or expansion.is_short) and _is_in(t, expansion)
        else t
        for t in terms
    ]


def _is_in(term: Term, expansion: Expansion) -> bool:
    return expansion.start_char <= term.start_char and term.end_char <= expansion.end_char


def commoner(text: str, expansion: Expansion, snapshot: Snapshot) -> tuple[str, ...]:
    """Return the short form that more passages hold than the long one of the question, or nothing.

    The encoder reads it instead: documents go on with the short form once they have introduced it, and to the encoder
    the two are different words. It does not read long forms for short ones; that lost 13 points of hit@1.
    """
    if expansion.is_short:
        return ()
    asked, short = text[expansion.start_char : expansion.end_char], expansion.forms[0]
    return (short,) if _passages_with(short, snapshot) > _passages_with(asked, snapshot) else ()


def _passages_with(form: str, snapshot: Snapshot) -> int:
    variants = next(_as_variants(form, snapshot.languages))
    return len(snapshot.lexical([(v,) for v in variants.split(" ")], MOST_PASSAGES, allowed=None, every=True))


def _as_variants(form: str, languages: Sequence[str]) -> Iterator[str]:
    """Yield a form as terms that have to be there together, once for each way in which it is stemmed."""
    for language in languages or ("und",):
        terms = query_terms(form, languages=[language])
        yield " ".join(dict.fromkeys(t.variants[0] for t in terms if t.content) or [t.variants[0] for t in terms])


def _is_a_word(short: str, snapshot: Snapshot) -> bool:
    """Tell whether a short form is a common word besides, "WHO" or "LAB": the index knows no capitals to tell by.

    As another form of a rare name such a word would make it as common as itself.
    """
    if short.casefold() in FUNCTION_WORDS:
        return True
    variants = next(_as_variants(short, snapshot.languages))
    keys = snapshot.lexical([(v,) for v in variants.split(" ")], MOST_READ, allowed=None, every=True)
    texts = [f"{stored.title}\n{stored.passage.text}" for stored in snapshot.passages(list(keys)).values()]
    word = "|".join(re.escape(w.removesuffix("s")) for w in (short.lower(), short.capitalize()))
    as_a_word = re.compile(rf"(?<![^\W{NO_SPACES}])(?:{word})s?(?![^\W{NO_SPACES}])")
    return 2 * sum(as_a_word.search(text) is not None for text in texts) > len(texts)


def _is_meant(text: str, start: int, end: int, abbreviation: Abbreviation, count_tokens: CountTokens) -> bool:
    """Tell whether a word of a question is a short form, rather than a word like it: "AIDS" and not "aids"."""
    written, short = text[start:end], abbreviation.short
    if written.removesuffix("s") == short.removesuffix("s"):
        # In a question all in capitals "WHO" is what it mostly is.
        return not (written.casefold() in FUNCTION_WORDS and (text[:start] + text[end:]).isupper())
    # What the encoder reads whole is a word that people use, and means what it says.
    return written.islower() and written not in FUNCTION_WORDS and count_tokens([written])[0] > 1


def _distinct(forms: Sequence[str]) -> tuple[str, ...]:
    return tuple({form_key(form): form for form in reversed(forms)}.values())[::-1][:MOST_FORMS]


def _longest(found: Sequence[Expansion]) -> Iterator[Expansion]:
    taken: set[int] = set()
    chosen = []
    for expansion in sorted(found, key=lambda e: (e.start_char - e.end_char, e.start_char)):
        place = range(expansion.start_char, expansion.end_char)
        if taken.isdisjoint(place):
            taken.update(place)
            chosen.append(expansion)
    yield from sorted(chosen, key=lambda e: e.start_char)
