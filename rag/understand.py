"""Question to query: what is compared, by meaning and by words, and how much each word says; knows nothing of hits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from embeddings.encoder import Encoder
from rag.evidence import Query
from rag.snapshot import Snapshot
from rag.terms import Term, query_terms

# Encoders that read no script but Latin: on Chinese documents their vectors rank the passage asked for 20th where its
# terms alone rank it first.
ENGLISH_ENCODERS = frozenset({"sentence-transformers/all-MiniLM-L6-v2"})
# Languages in scripts without spaces, as `metadata.find_language` names them.
UNSPACED = frozenset({"zh", "ja", "ko", "th", "lo", "my", "km", "bo"})


def understand(text: str, encoder: Encoder, snapshot: Snapshot) -> Query:
    """Return a question as it is searched.

    Args:
        text: The question, cleaned, on one line.
        encoder: The library's encoder.
        snapshot: The generation asked: its languages and how rare a term is in it.

    Returns:
        The query.
    """
    # A prompt of the encoder is cut off its token spans, so that both count characters of the question.
    encoding = encoder.encode([text], kind="query")[0]
    terms = tuple(query_terms(text, languages=snapshot.languages))
    spaced_only = not UNSPACED.intersection(snapshot.languages)
    weights = tuple(
        snapshot.rarity(term.variants) if term.content and (term.spaced or not spaced_only) else 0.0 for term in terms
    )
    return Query(
        text=text,
        vector=encoding.vector,
        token_vectors=encoding.token_vectors,
        token_weights=_token_weights(encoding.token_spans, terms, weights),
        terms=terms,
        weights=weights,
        readable=encoder.id not in ENGLISH_ENCODERS or not _mostly_unspaced(terms, weights),
    )


def _mostly_unspaced(terms: Sequence[Term], weights: Sequence[float]) -> bool:
    """Tell whether scripts without spaces carry most of what a query says."""
    unspaced = sum(weight for term, weight in zip(terms, weights, strict=True) if not term.spaced)
    return unspaced > sum(weights) / 2


def _token_weights(spans: NDArray[np.int32], terms: Sequence[Term], weights: Sequence[float]) -> NDArray[np.float32]:
    """Return each token's share of the query, (tokens,) float32, adding up to 1."""
    shares = np.zeros(len(spans), np.float32)
    for term, weight in zip(terms, weights, strict=True):
        shares[(spans[:, 0] < term.end_char) & (spans[:, 1] > term.start_char)] = weight
    total = shares.sum()
    # A query of nothing but function words or signs still has to be compared somehow.
    return shares / total if total > 0 else np.full(len(shares), 1.0 / max(1, len(shares)), np.float32)
