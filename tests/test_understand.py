"""Questions as they are searched: what a misspelt word is taken for, and which words are left alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from conftest import HARBOUR, MakeLibrary

from embeddings.encoder import Encoder
from embeddings.encoding import Encoding
from rag import Document, Library
from rag.evidence import Query
from rag.pipeline import Work
from rag.understand import understand


def understood(library: Library, question: str) -> Query:
    query = library.pipeline().understand(Work(question)).query
    assert query is not None
    return query


def variants(query: Query, word: str) -> tuple[str, ...]:
    return next(t.variants for t in query.terms if query.text[t.start_char : t.end_char] == word)


@pytest.mark.parametrize(
    ("misspelt", "right"),
    [("Lindqvst", "Lindqvist"), ("ligthhouse", "lighthouse"), ("Norwick", "Norrwick"), ("floded", "flooded")],
)
def test_a_misspelt_word_is_taken_for_the_one_in_the_library(town_library: Library, misspelt: str, right: str) -> None:
    query, meant = (understood(town_library, f"What of the {word} there?") for word in (misspelt, right))
    assert variants(query, misspelt) == variants(meant, right)
    assert np.allclose(query.vector, meant.vector)
    assert np.allclose(query.token_weights, meant.token_weights, atol=0.02)
    assert 0 < max(query.weights) < max(meant.weights)


@pytest.mark.parametrize("word", ["pilot", "Lindqvists", "lamb", "Ad", "1875", "shipp1", "submarine", "Zzzyxq"])
def test_other_words_mean_what_they_say(town_library: Library, word: str) -> None:
    query = understood(town_library, f"What of the {word} there?")
    assert [t.closeness for t in query.terms] == [1.0] * len(query.terms)


def test_a_question_in_another_language_is_not_respelt(town_library: Library) -> None:
    query = understood(town_library, "Lichthause habour pilott northerm stasion floodet?")
    assert [t.closeness for t in query.terms] == [1.0] * len(query.terms)


def test_a_misspelt_name_is_found_and_not_missing(town_library: Library) -> None:
    answer = town_library.ask("When was the lighthouse of Norwick built by Ada Lindqvst?")
    assert not answer.abstained
    assert "1874" in answer.text
    assert answer.question == "When was the lighthouse of Norwick built by Ada Lindqvst?"


@pytest.mark.parametrize("written", ["2.04 billion", "2,040,000,000", "9.5 %"])
def test_a_number_counts_in_late_interaction_by_how_rare_it_is(make_library: MakeLibrary, written: str) -> None:
    library = make_library(Document("a.md", f"The bridge of Norrwick cost {written} crowns."), HARBOUR)
    query = understood(library, f"What did cost {written} crowns?")
    assert query.token_spans is not None
    start = query.text.index(written)
    starts, ends = query.token_spans.T
    number = query.token_weights[(starts >= start) & (ends <= start + len(written))]
    crowns = query.token_weights[starts == query.text.index("crowns")]
    np.testing.assert_allclose(number, crowns[0], rtol=1e-6)
    assert len(number) > 1


class Listening:
    """An encoder that keeps what it is given to read."""

    def __init__(self, encoder: Encoder) -> None:
        """Wrap an encoder."""
        self.encoder, self.texts = encoder, list[str]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.encoder, name)

    def encode(self, texts: Sequence[str], **options: Any) -> list[Encoding]:
        self.texts += texts
        return self.encoder.encode(texts, **options)


def test_a_misspelt_name_is_read_with_its_capital(town_library: Library) -> None:
    pipeline = town_library.pipeline()
    listening: Any = Listening(pipeline.encoder)
    understand("What did Lindqvst do at the ligthhouse?", listening, pipeline.snapshot)
    assert listening.texts == ["What did Lindqvist do at the lighthouse?"]
