"""Quoted phrases: told from single words, and held word for word but for signs, case and accents."""

from __future__ import annotations

import pytest
from conftest import MakeLibrary

from rag import Document
from rag.phrases import boosted, fold, phrases, share_held
from rag.terms import query_terms


def folded(text: str) -> list[str]:
    return [phrase.folded for phrase in phrases(text, query_terms(text, languages=["en"]))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('Who said "the Old Pier"?', ["the old pier"]),
        ("Who said “the old  pier”, and «café noir»?", ["the old pier", "cafe noir"]),
        ("谁说「北京市」?", ["北 京 市"]),
        ('Who is "Ada"?', []),
        ('A 5" pipe and a 6" one', ["pipe and a 6"]),
        ("Pilots' and masters' wages", []),
        ('An open "quotation', []),
        ('""', []),
    ],
)
def test_phrases_are_what_stands_in_quotation_marks(text: str, expected: list[str]) -> None:
    assert folded(text) == expected


def test_a_phrase_is_held_word_for_word() -> None:
    wanted = phrases('"the old pier" and "six pilots"', query_terms("", languages=["en"]))
    assert share_held(wanted, "On The Old—Pier, six pilots.") == 1
    assert share_held(wanted, "On the old piers, six pilots.") == 0.5
    assert share_held(wanted, "On the pier, old pilots.") == 0
    assert fold("Naïve  CAFÉ: 北京!") == "naive cafe 北 京"


def test_holding_a_phrase_is_worth_more_than_any_score() -> None:
    assert boosted(1.0, 0.0) < boosted(0.0, 1.0) < boosted(1.0, 1.0) == 1.0
    assert boosted(0.0, 0.0) == 0.0


@pytest.mark.parametrize("rerank", ["late", "none"])
def test_a_passage_that_holds_the_quoted_phrase_comes_first(make_library: MakeLibrary, rerank: str) -> None:
    held = Document(
        "b", "Its keeper sold bread at six, and wrote: we were cold, and the pier was no home.", language="en"
    )
    others = [
        Document(f"a{n}", f"The cold pier, cold pier number {n}, was the home where we were.", language="en")
        for n in range(30)
    ]
    library = make_library(*others, held, rerank=rerank)
    found = [
        library.search(f"Which cold pier was the home {quoted}", 1)[0].passage.document_id
        for quoted in ("where we were?", "where “We were cold”?", "where “we were home”?")
    ]
    assert (found[0] == "b", found[1] == "b", found[2] == "b") == (False, True, False)
