"""Question to query: what is compared, by meaning and by words, and how much each word says; knows nothing of hits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from embeddings.encoder import Encoder
from rag import bridge
from rag.evidence import Query
from rag.expansion import commoner, expanded, expansions
from rag.language import question_language
from rag.phrases import phrases
from rag.scripts import in_other_letters, reads
from rag.snapshot import Snapshot
from rag.spelling import Near, may_be_misspelt
from rag.terms import Term, query_terms, spelt_words

# Languages in scripts without spaces, as `metadata.find_language` names them.
UNSPACED = frozenset({"zh", "ja", "ko", "th", "lo", "my", "km", "bo"})
# More words than this that the library does not hold are of another language or subject, not misspelt.
MOST_MISSPELT = 3


@dataclass(frozen=True)
class _Misspelt:
    """A term whose word is nowhere in the library, and the words there that may be meant."""

    term: Term
    near: tuple[Near, ...]
    capitalised: bool


@dataclass(frozen=True)
class _Words:
    """The words of a question, and what the encoder reads in place of some.

    Attributes:
        terms: Its terms, those of misspelt and of foreign words as they are meant.
        weights: How much each says.
        glosses: Its Chinese words in English, where documents and encoder have no Chinese.
        in_english: The terms of those, each with how the encoder reads it.
        read_as: Start and end of a place in the question and what is read instead, in order.
    """

    terms: tuple[Term, ...]
    weights: tuple[float, ...]
    glosses: Sequence[bridge.Gloss]
    in_english: Mapping[Term, str]
    read_as: Sequence[tuple[int, int, str]]


def understand(text: str, encoder: Encoder, snapshot: Snapshot) -> Query:
    """Return a question as it is searched.

    Args:
        text: The question, cleaned, on one line.
        encoder: The library's encoder.
        snapshot: The generation asked: its languages and words, and how rare a term is in it.

    Returns:
        The query.
    """
    words = _words(text, encoder, snapshot)
    read, origin = _respell(text, words.read_as)
    # A prompt of the encoder is cut off its token spans, so that both count characters of the question.
    encoding = encoder.encode([read], kind="query")[0]
    token_spans = origin[encoding.token_spans]
    foreign = [not t.spaced or in_other_letters(text[t.start_char : t.end_char]) for t in words.terms]
    # What has no words, such as an emoji, is read where the vocabulary has it.
    plain = bool(words.terms) and not any(foreign)
    read_by_encoder = bool(words.glosses) or plain or reads(encoder, question_language(text), text)
    return Query(
        text=text,
        vector=encoding.vector,
        token_vectors=encoding.token_vectors,
        token_weights=_token_weights(token_spans, words.terms, words.weights),
        terms=words.terms,
        weights=words.weights,
        readable=read_by_encoder or not _mostly_foreign(words.terms, words.weights, foreign, snapshot),
        # A Chinese question about English documents has no word that says anything of them.
        understood=read_by_encoder or any(words.weights),
        phrases=phrases(text, words.terms),
        token_spans=token_spans,
        glosses=words.in_english,
    )


def _words(text: str, encoder: Encoder, snapshot: Snapshot) -> _Words:
    written = query_terms(text, languages=snapshot.languages)
    other_forms = expansions(text, snapshot, count_tokens=encoder.count_tokens)
    for expansion in other_forms:
        written = expanded(written, expansion, languages=snapshot.languages)
    misspelt = _misspelt(text, written, encoder, snapshot)
    meant = {m.term: _as_meant(m, snapshot.languages) for m in misspelt}
    terms = tuple(meant.get(term, term) for term in written)
    glosses = _glosses(text, encoder, snapshot)
    in_english = bridge.bridged(terms, glosses, snapshot.languages)
    if glosses:
        terms = tuple(sorted([*(t for t in terms if t.spaced), *in_english], key=lambda t: t.start_char))
    forms = [(e.start_char, e.end_char, form) for e in other_forms for form in commoner(text, e, snapshot)]
    glossed = [(g.start_char, g.end_char, f" {g.read_as} ") for g in glosses]
    read_as = sorted([*map(_respelling, misspelt), *forms, *glossed])
    return _Words(terms, _weights(terms, snapshot), glosses, in_english, read_as)


def _weights(terms: Sequence[Term], snapshot: Snapshot) -> tuple[float, ...]:
    """Return how much each term says: its rarity, and nothing for one that cannot be in the library's scripts."""
    spaced_only = not UNSPACED.intersection(snapshot.languages)
    return tuple(
        snapshot.rarity(term.variants) * term.closeness if term.content and (term.spaced or not spaced_only) else 0.0
        for term in terms
    )


def _glosses(text: str, encoder: Encoder, snapshot: Snapshot) -> list[bridge.Gloss]:
    """Return the Chinese words of a question in English, where neither encoder nor documents have Chinese."""
    if not bridge.is_needed(text) or UNSPACED.intersection(snapshot.languages) or reads(encoder, "zh", text):
        return []
    return bridge.glosses(text, snapshot)


def _misspelt(text: str, terms: Sequence[Term], encoder: Encoder, snapshot: Snapshot) -> list[_Misspelt]:
    """Return the terms that are misspelt as it seems: nowhere in the library, unlike words that look almost the same.

    A word that the encoder reads whole is one that people use, and means what it says.
    """
    absent = [term for term in terms if term.content and term.spaced and not snapshot.holds(term.variants)]
    words = [next(iter(spelt_words(text[term.start_char : term.end_char])), "") for term in absent]
    pieces = encoder.count_tokens(words) if words else []
    suspects = [
        (term, word)
        for term, word, count in zip(absent, words, pieces, strict=True)
        if may_be_misspelt(word) and count > 1
    ]
    if len(suspects) > MOST_MISSPELT:
        return []
    return [
        _Misspelt(term, near, text[term.start_char].isupper())
        for term, word in suspects
        if (near := snapshot.near(word))
    ]


def _as_meant(misspelt: _Misspelt, languages: Sequence[str]) -> Term:
    near = misspelt.near
    variants = {v for n in near for term in query_terms(n.word, languages=languages) for v in term.variants}
    return replace(misspelt.term, variants=tuple(sorted(variants)), closeness=near[0].closeness)


def _respelling(misspelt: _Misspelt) -> tuple[int, int, str]:
    word = misspelt.near[0].word
    term = misspelt.term
    return term.start_char, term.end_char, word.capitalize() if misspelt.capitalised else word


def _respell(text: str, others: Sequence[tuple[int, int, str]]) -> tuple[str, NDArray[np.float32]]:
    """Return the question as the encoder reads it, and where each of its borders between characters is in `text`.

    `others` are start, end and what is read instead, in order.
    """
    read, origin = text, np.arange(len(text) + 1, dtype=np.float32)
    for start, end, other in reversed(others):
        read = read[:start] + other + read[end:]
        inside = np.linspace(start, end, len(other) + 1, dtype=np.float32)
        origin = np.concatenate([origin[:start], inside, origin[end + 1 :]])
    return read, origin


def _mostly_foreign(
    terms: Sequence[Term], weights: Sequence[float], foreign: Sequence[bool], snapshot: Snapshot
) -> bool:
    """Tell whether scripts that the encoder does not read carry most of what a query says.

    Their words that no passage holds do not count: by words alone nothing would be found of a Russian question about
    English documents.
    """
    said, unread = 0.0, 0.0
    for term, weight, is_foreign in zip(terms, weights, foreign, strict=True):
        if weight and not (is_foreign and term.spaced and not snapshot.holds(term.variants)):
            said += weight
            unread += weight * is_foreign
    return unread > said / 2


def _token_weights(spans: NDArray[np.float32], terms: Sequence[Term], weights: Sequence[float]) -> NDArray[np.float32]:
    """Return each token's share of the query, (tokens,) float32, adding up to 1.

    A token of several terms has the weight of the one that says most: the parts of a number say nothing beside it.
    """
    shares = np.zeros(len(spans), np.float32)
    for term, weight in zip(terms, weights, strict=True):
        inside = (spans[:, 0] < term.end_char) & (spans[:, 1] > term.start_char)
        shares[inside] = np.maximum(shares[inside], weight)
    total = shares.sum()
    # A query of nothing but function words or signs still has to be compared somehow.
    return shares / total if total > 0 else np.full(len(shares), 1.0 / max(1, len(shares)), np.float32)
