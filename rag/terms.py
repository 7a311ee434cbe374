"""Text to index terms: stemmed words for scripts with spaces, character bigrams for scripts without; knows no index.

Reference:
    Bigrams for Chinese, Japanese and Korean: Nie, Gao, Zhang, Zhou (2000), "On the use of words and n-grams for Chinese
    information retrieval". Stemmers are those of Snowball, as tantivy carries them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import cache

import tantivy

from rag.quantities import Quantity, quantities

STEMMERS = {
    "ar": "arabic", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish", "fi": "finnish",
    "fr": "french", "hu": "hungarian", "it": "italian", "nb": "norwegian", "nl": "dutch", "no": "norwegian",
    "pt": "portuguese", "ro": "romanian", "ru": "russian", "sv": "swedish", "ta": "tamil", "tr": "turkish",
}  # fmt: skip
# Han, kana, hangul, bopomofo; Thai, Lao, Myanmar, Khmer, Tibetan: written without spaces, or, hangul, with particles
# glued to words.
NO_SPACES = (
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u30ff\u3100-\u318f\u31a0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff々〆"
)
RUN = re.compile(f"[{NO_SPACES}]+|[^{NO_SPACES}]+")
NO_SPACES_FIRST = re.compile(f"[{NO_SPACES}]")
# Words that put a question rather than say what it is about. In a small library they are rare, so that their rarity
# would make them count most. English and Chinese; elsewhere rarity alone decides.
FUNCTION_WORDS = frozenset(
    "a about am an and any are as at be been being but by can could did do does doing for from give had has have he "
    "her him his how i if in into is it its many me much my name no nor not of on or our please s she should so some t "
    "tell than that the their them then there these they this those to us was we were what when where whether which "
    "while who whom whose why will with would you your".split()
)
FUNCTION_CHARACTERS = frozenset(
    "的是了吗呢么什谁哪几多少何在有和与及个位为被把就也都而且或请问这那其之以于对从到由年家里"
)
# Small numbers as words, as English stems them; "one" is seldom a number.
_NUMBER_WORDS = "two three four five six seven eight nine ten eleven twelv".split()
NUMBER_WORDS = {word: str(number) for number, word in enumerate(_NUMBER_WORDS, start=2)}
NUMBER_WORDS |= {number: word for word, number in NUMBER_WORDS.items()}


@dataclass(frozen=True)
class Term:
    """An index term of a query.

    Attributes:
        start_char: First character it stands for.
        end_char: One past the last.
        variants: Its forms in the languages asked for; any of them matches. One with spaces in it is several terms that
            have to be there together.
        content: Whether it says what is asked about, rather than how a question is put.
        spaced: Whether its script puts spaces between words.
        closeness: How sure it is that its variants are meant, in (0, 1]: 1 unless they are of words spelt like it.
    """

    start_char: int
    end_char: int
    variants: tuple[str, ...]
    content: bool = True
    spaced: bool = True
    closeness: float = 1.0


@cache
def _analyzer(language: str) -> tantivy.TextAnalyzer:
    # Stem before folding accents: the stemmers' rules are written with them.
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple()).filter(tantivy.Filter.lowercase())
    if language in STEMMERS:
        builder = builder.filter(tantivy.Filter.stemmer(STEMMERS[language]))
    return builder.filter(tantivy.Filter.ascii_fold()).build()


@cache
def _splitter() -> tantivy.TextAnalyzer:
    return tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple()).build()


def document_terms(text: str, *, language: str) -> list[str]:
    """Return the terms of a text, in order, stemmed by the rules of `language` (ISO 639-1).

    The common forms of its numbers and days follow, where they are written in other ways.
    """
    terms: list[str] = []
    for run in RUN.findall(text):
        terms += _bigrams(run) if NO_SPACES_FIRST.match(run) else _analyzer(language).analyze(run)
    for quantity in quantities(text):
        terms += _form(quantity, language)
    return terms


def spelt_words(text: str) -> set[str]:
    """Return the words of a text as they are spelt, in lower case without accents; none with digits in them."""
    runs = (run for run in RUN.findall(text) if not NO_SPACES_FIRST.match(run))
    return {word for run in runs for word in _analyzer("und").analyze(run) if word.isalpha()}


def spelt_terms(text: str) -> list[tuple[int, int, str]]:
    """Return the words of a text, start, end and term of each, stemmed as in English whatever its language."""
    found = []
    for run in RUN.finditer(text):
        place = run.start()
        # Where the script changes a word ends, as it does in the index.
        for word in _splitter().analyze(run[0]):
            place = text.index(word, place)
            found.append((place, place + len(word), "".join(_analyzer("en").analyze(word))))
            place += len(word)
    return found


def held(term: Term, terms: AbstractSet[str]) -> bool:
    """Tell whether one of a term's variants is among terms; one of several terms needs all of them."""
    if not terms.isdisjoint(term.variants):
        return True
    # Asked of every term and sentence: only those with other forms have several variants.
    return len(term.variants) > 1 and any(" " in v and terms >= set(v.split(" ")) for v in term.variants)


def query_terms(text: str, *, languages: Iterable[str]) -> list[Term]:
    """Return the terms of a query with their places, each stemmed by the rules of every one of `languages`.

    A number of several words is a term of its own before them: they are searched too, but it is what is asked about.
    """
    stemmed = sorted({code if code in STEMMERS else "und" for code in languages}) or ["und"]
    terms = [term for run in RUN.finditer(text) for term in _run_terms(run, stemmed)]
    for quantity in quantities(text):
        terms = _with_quantity(terms, quantity, tuple({f: None for code in stemmed for f in _form(quantity, code)}))
    return [_with_number_word(term) if term.content and "en" in stemmed else term for term in terms]


def _with_number_word(term: Term) -> Term:
    also = {NUMBER_WORDS[v] for v in term.variants if v in NUMBER_WORDS}
    return replace(term, variants=tuple(sorted({*term.variants, *also}))) if also else term


def _with_quantity(terms: list[Term], quantity: Quantity, forms: tuple[str, ...]) -> list[Term]:
    start, end = quantity.start_char, quantity.end_char
    inside = [n for n, term in enumerate(terms) if start < term.end_char and term.start_char < end]
    first, last = inside[0], inside[-1] + 1
    if (terms[first].start_char, terms[last - 1].end_char) == (start, end) and len(inside) == 1:
        whole = [replace(terms[first], variants=tuple(sorted({*terms[first].variants, *forms})))]
    else:
        whole = [Term(start, end, forms), *(replace(term, content=False) for term in terms[first:last])]
    return [*terms[:first], *whole, *terms[last:]]


def _form(quantity: Quantity, language: str) -> list[str]:
    return _analyzer(language).analyze(quantity.form) if quantity.form.isalpha() else [quantity.form]


def _run_terms(run: re.Match[str], languages: list[str]) -> Iterator[Term]:
    if NO_SPACES_FIRST.match(run[0]):
        for start, bigram in enumerate(_bigrams(run[0]), start=run.start()):
            content = not set(bigram) <= FUNCTION_CHARACTERS
            yield Term(start, start + len(bigram), (bigram,), content, spaced=False)
        return
    place = 0
    # The index's own tokenizer says what a word is, so that query and documents agree in every script.
    for word in _splitter().analyze(run[0]):
        place = run[0].index(word, place)
        variants = {term for code in languages for term in _analyzer(code).analyze(word)}
        content = word.casefold() not in FUNCTION_WORDS
        yield Term(run.start() + place, run.start() + place + len(word), tuple(sorted(variants)), content)
        place += len(word)


def _bigrams(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)] or [run]
