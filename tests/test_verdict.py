"""Yes and no are said where the evidence says them in the question's words, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rag import Document, Library
from rag.answering.limits import limited
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


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Is the archive open to visitors?", "The archive is open to visitors unless it rains."),
        ("Is the archive open to visitors?", "The archive is open to visitors in June."),
        ("Is the archive open to visitors?", "On request the archive is open to visitors."),
        ("Is the archive open to visitors?", "The archive was open to visitors."),
        ("Is the archive open to visitors?", "The archive is open to visitors over sixteen."),
        ("Is the archive open to visitors?", "The guide said the archive is open to visitors."),
        ("Is the farm the property of the Holm family?", "The farm is the former property of the Holm family."),
        ("Does the farm belong to the Holm family?", "The farm belonged to the Holm family."),
        ("Does the farm belong to the Holm family?", "The farm used to belong to the Holm family."),
        ("Did the farm belong to the Holm family?", "The farm no longer belongs to the Holm family."),
        ("Did the farm pay taxes?", "The farm paid taxes except in years of war."),
        ("Will the bridge open in 2031?", "The bridge will open in 2031 provided the money is found."),
        ("Will the bridge open in 2031?", "The bridge opens in 2031."),
        ("Must members pay the fee?", "Members pay the fee."),
        ("档案馆对游客开放吗？", "档案馆仅对游客开放半天。"),
        ("档案馆属于王家吗？", "档案馆曾属于王家。"),
        ("Is the hall free?", "Die Halle ist nur im Sommer frei."),
    ],
)
def test_what_is_said_in_part_is_neither_yes_nor_no(question: str, text: str) -> None:
    assert limited(question, text)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Is the archive open to visitors in June?", "The archive is open to visitors in June."),
        ("Is the archive only open to visitors in June?", "The archive is only open to visitors in June."),
        ("Does the farm belong to the Holm family?", "The farm belongs to the Holm family."),
        ("Did the farm belong to the Holm family?", "The farm belonged to the Holm family until 1960."),
        ("Was the bridge built of stone?", "The bridge was built of stone in 1874 by an engineer from Ryd."),
        ("Has the bridge been repaired?", "The bridge has been repaired twice."),
        ("Will the bridge open in 2031?", "The bridge will open in 2031."),
        ("档案馆对游客开放吗？", "档案馆对游客开放。"),
    ],
)
def test_what_is_said_whole_is_not_limited(question: str, text: str) -> None:
    assert not limited(question, text)


def test_a_question_on_now_gets_no_yes_from_what_once_was(tmp_path_factory: pytest.TempPathFactory) -> None:
    farm = Document("farm.md", "The farm of Ryd belonged to the Holm family until 1960.")
    with Library.open(tmp_path_factory.mktemp("farm") / "library") as made:
        made.add([farm])
        assert made.ask("Does the farm of Ryd belong to the Holm family?", threshold=0.0).text == farm.text
        assert made.ask("Did the farm of Ryd belong to the Holm family?", threshold=0.0).text == f"Yes. {farm.text}"
