"""Key facts: numbers and names of a question, told from its other words, and whether passages speak of them."""

from __future__ import annotations

import numpy as np
import pytest

from rag.evidence import Query
from rag.facts import KeyFacts, key_facts, missing_names, missing_numbers, words
from rag.terms import Term, document_terms, query_terms


def query(text: str) -> Query:
    terms = tuple(query_terms(text, languages=["en"]))
    weights = tuple(float(t.content) for t in terms)
    none = np.zeros((0, 4), np.float32)
    return Query(text, np.zeros(4, np.float32), none, none[:, 0], terms, weights)


def spelled(text: str, *, numbers: bool) -> list[str]:
    facts = key_facts(query(text))
    return [text[t.start_char : t.end_char] for t in (facts.numbers if numbers else facts.names)]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("How many cases in 2021?", ["2021"]),
        ("The tenth anniversary", ["tenth"]),
        ("Which two posts does she hold?", []),
        ("Which 2 posts does she hold?", []),
        ("Which posts did she hold on May 5 in Gate 3 or 13 others?", ["5", "3", "13"]),
        ("How much is 2.5 billion and 9 percent?", ["2.5 billion", "9 percent"]),
        ("On June 30th", ["30th"]),
    ],
)
def test_numbers_are_digits_and_ordinals(text: str, numbers: list[str]) -> None:
    assert spelled(text, numbers=True) == numbers


def test_names_are_capitalised_words_but_the_first() -> None:
    assert spelled("Which Bureau did Li Gang of SCODA visit?", numbers=False) == ["Bureau", "Li", "Gang", "SCODA"]


def test_what_no_term_speaks_of_is_missing() -> None:
    facts = key_facts(query("What did Li Gang sign in 2021 with Russia?"))
    spoken = frozenset(document_terms("Li Gang signed a Russian treaty in 2022.", language="en"))
    assert [t.variants for t in missing_numbers(facts, spoken)] == [("2021",)]
    assert missing_names(facts, spoken) == ()


def test_short_beginnings_do_not_make_names_akin() -> None:
    facts = key_facts(query("Did the man from Chin come?"))
    assert len(missing_names(facts, frozenset(document_terms("China", language="en")))) == 1


def test_neighbouring_facts_are_written_together() -> None:
    asked = query("Did Li Gang meet Xu in 2021?")
    facts = key_facts(asked)
    assert words(asked, [*facts.names, *facts.numbers]) == "“Li Gang”, “Xu”, “2021”"


def test_a_number_written_in_another_way_is_not_missing() -> None:
    facts = key_facts(query("Did 2.04 billion people get 9 percent on Aug 20th?"))
    spoken = frozenset(document_terms("On 20 August 2,040,000,000 people got 9%.", language="en"))
    assert missing_numbers(facts, spoken) == missing_names(facts, spoken) == ()
    other = frozenset(document_terms("On 20 August 2,040,000 people got 9 points.", language="en"))
    assert [t.variants for t in missing_numbers(facts, other)] == [("2040000000",), ("9%",)]


def test_a_short_form_is_not_spoken_of_by_the_first_word_of_its_long_one() -> None:
    area = Term(0, 5, ("scoda", "shanghai cooper area"))
    facts = KeyFacts((), (area,))
    assert missing_names(facts, frozenset({"shanghai"})) == (area,)
    assert missing_names(facts, frozenset({"shanghai", "cooper", "area"})) == ()
