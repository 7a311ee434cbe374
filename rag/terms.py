"""Text to index terms: stemmed words for scripts with spaces, character bigrams for scripts without; knows no index.

Reference:
    Bigrams for Chinese, Japanese and Korean: Nie, Gao, Zhang, Zhou (2000), "On the use of words and n-grams for Chinese
    information retrieval". Stemmers are those of Snowball, as tantivy carries them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import tantivy

STEMMERS = {
    "ar": "arabic", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish", "fi": "finnish",
    "fr": "french", "hu": "hungarian", "it": "italian", "nb": "norwegian", "nl": "dutch", "no": "norwegian",
    "pt": "portuguese", "ro": "romanian", "ru": "russian", "sv": "swedish", "ta": "tamil", "tr": "turkish",
}  # fmt: skip
# Han, kana, hangul, bopomofo; Thai, Lao, Myanmar, Khmer, Tibetan: written without spaces, or, hangul, with glued particles.
NO_SPACES = (
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u30ff\u3100-\u318f\u31a0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff々〆"
)
RUN = re.compile(f"[{NO_SPACES}]+|[^{NO_SPACES}]+")
WORD = re.compile(rf"[{NO_SPACES}]+|[^\W_{NO_SPACES}]+")
NO_SPACES_FIRST = re.compile(f"[{NO_SPACES}]")


@dataclass(frozen=True)
class Term:
    """An index term and the characters it stands for; `variants` are its forms in the languages asked for."""

    start_char: int
    end_char: int
    variants: tuple[str, ...]


@cache
def _analyzer(language: str) -> tantivy.TextAnalyzer:
    # Stem before folding accents: the stemmers' rules are written with them.
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple()).filter(tantivy.Filter.lowercase())
    if language in STEMMERS:
        builder = builder.filter(tantivy.Filter.stemmer(STEMMERS[language]))
    return builder.filter(tantivy.Filter.ascii_fold()).build()


def document_terms(text: str, *, language: str) -> list[str]:
    """Return the terms of a text, in order, stemmed by the rules of `language` (ISO 639-1)."""
    terms: list[str] = []
    for run in RUN.findall(text):
        terms += _bigrams(run) if NO_SPACES_FIRST.match(run) else _analyzer(language).analyze(run)
    return terms


def query_terms(text: str, *, languages: Iterable[str]) -> list[Term]:
    """Return the terms of a query with their places, each stemmed by the rules of every one of `languages`."""
    stemmed = sorted({code if code in STEMMERS else "und" for code in languages}) or ["und"]
    return [term for word in WORD.finditer(text) for term in _word_terms(word, stemmed)]


def _word_terms(word: re.Match[str], languages: list[str]) -> Iterator[Term]:
    if NO_SPACES_FIRST.match(word[0]):
        width = min(2, len(word[0]))
        for offset, bigram in enumerate(_bigrams(word[0])):
            yield Term(word.start() + offset, word.start() + offset + width, (bigram,))
        return
    variants = {term for code in languages for term in _analyzer(code).analyze(word[0])}
    if variants:
        yield Term(word.start(), word.end(), tuple(sorted(variants)))


def _bigrams(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)] or [run]
