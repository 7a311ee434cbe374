"""Yes and no are said where the evidence says them in the question's words, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rag import Document, Library
from tests.conftest import BAKERY

LIGHTHOUSE = Document(
    "lighthouse.md",
    "The lighthouse of Norrwick was built in 1874 by Ada Lindqvist. "
    "The keeper of the lighthouse was not paid in winter. The harbour of Ryd may be closed to ships in summer. "
    "The mill of Holm grinds rye, but it does not grind oats. "
    "The ferry to Ryd, not the ferry to Lund, carries cattle on Sundays.",
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("verdicts") / "library") as made:
        made.add([LIGHTHOUSE, BAKERY])
        yield made


@pytest.mark.parametrize(
    ("question", "word"),
    [
        ("Was the lighthouse of Norrwick built in 1874?", "Yes."),
        ("Was the lighthouse of Norrwick built by Ada Lindqvist?", "Yes."),
        ("Was the lighthouse of Norrwick built in 1875?", "No."),
        ("Was the keeper of the lighthouse paid in winter?", "No."),
    ],
)
def test_the_word_comes_first_and_cites_the_quote_that_says_so(library: Library, question: str, word: str) -> None:
    answer = library.ask(question, threshold=0.0)
    first, second = answer.sentences[:2]
    assert first.text == word
    assert answer.text.startswith(word)
    assert first.citations == second.citations == (1,)
    quote = answer.citations[0]
    assert library.document(quote.document_id).text[quote.start_char : quote.end_char] == quote.quote
    assert word not in quote.quote


@pytest.mark.parametrize(
    "question",
    [
        "Was the lighthouse of Norrwick built by Ada Holm?",
        "Was the lighthouse of Norrwick painted red in 1874?",
        "Was the lighthouse of Norrwick built in 1874 or in 1875?",
        "Is the harbour of Ryd closed to ships in summer?",
        "Did Ada Lindqvist visit Norrwick?",
        "Who built the lighthouse of Norrwick?",
        # What is denied is another thing.
        "Does the mill of Holm grind rye?",
        "Does the ferry to Ryd carry cattle on Sundays?",
    ],
)
def test_nothing_is_said_where_the_evidence_does_not_plainly_say_it(library: Library, question: str) -> None:
    answer = library.ask(question, threshold=0.0)
    assert answer.sentences[0].text not in ("Yes.", "No.")


def test_an_answer_with_a_verdict_grows_with_the_citations_of_what_is_shown(library: Library) -> None:
    for answer in library.stream("Was the lighthouse of Norrwick built in 1874?", threshold=0.0):
        numbers = {c.number for c in answer.citations}
        assert all(number in numbers for sentence in answer.sentences for number in sentence.citations)
