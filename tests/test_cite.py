"""Citations are numbered, exact, and checked before anything leaves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from conftest import HARBOUR, LIGHTHOUSE

from rag.cite import InexactCitationError, check, cite, growing, join
from rag.errors import LibraryChanged
from rag.evidence import Chosen, Draft
from rag.schema import Answer, Document, Passage, Span

DOCUMENTS = {d.id: d for d in (HARBOUR, LIGHTHOUSE)}


def chosen(document: Document, quote: str, *, score: float = 0.5) -> Chosen:
    start = document.text.index(quote)
    passage = Passage(document.id, 0, len(document.text), document.text, heading="Above", page=3)
    span = Span(start, start + len(quote))
    return Chosen(passage=passage, title=document.title, span=span, text=quote, score=score)


SENTENCES = (
    chosen(LIGHTHOUSE, "The lighthouse of Norrwick was built in 1874 by Ada Lindqvist.", score=0.9),
    chosen(HARBOUR, "The harbour of Norrwick employs 41 pilots."),
    chosen(LIGHTHOUSE, "Its lamp can be seen from 31 kilometres."),
)


def answered(*sentences: Chosen) -> Answer:
    draft = Draft(sentences, abstained=False, reason="", confidence=0.8)
    return cite("Who?", draft, documents=DOCUMENTS.get, hits=())


def test_every_chosen_sentence_becomes_a_numbered_exact_citation() -> None:
    answer = answered(*SENTENCES)
    assert [c.number for c in answer.citations] == [1, 2, 3]
    for citation, sentence in zip(answer.citations, SENTENCES, strict=True):
        text = DOCUMENTS[citation.document_id].text
        assert text[citation.start_char : citation.end_char] == citation.quote == sentence.text
        assert (citation.page, citation.heading, citation.score) == (3, "Above", sentence.score)
    assert [(s.text, s.citations, s.support) for s in answer.sentences] == [
        (s.text, (n,), 1.0) for n, s in enumerate(SENTENCES, start=1)
    ]
    assert answer.text == " ".join(s.text for s in SENTENCES)
    assert (answer.question, answer.confidence, answer.abstained) == ("Who?", 0.8, False)


def test_an_abstention_says_why_and_cites_nothing() -> None:
    draft = Draft((), abstained=True, reason="Not in these documents.", confidence=0.1)
    answer = cite("Who?", draft, documents=DOCUMENTS.get, hits=())
    assert (answer.text, answer.reason) == ("Not in these documents.", "Not in these documents.")
    assert answer.abstained
    assert answer.citations == answer.sentences == ()


@pytest.mark.parametrize(
    "wrong",
    [
        replace(SENTENCES[0], text=SENTENCES[0].text[:-1]),
        replace(SENTENCES[0], text=SENTENCES[0].text.replace("1874", "1875")),
        replace(SENTENCES[0], span=Span(1, 1 + len(SENTENCES[0].text))),
        replace(SENTENCES[0], span=Span(10**6, 10**6), text=""),
        replace(SENTENCES[0], passage=replace(SENTENCES[0].passage, document_id="harbour.md")),
    ],
)
def test_a_citation_that_is_not_exact_never_leaves(wrong: Chosen) -> None:
    with pytest.raises(InexactCitationError):
        answered(SENTENCES[1], wrong)


def test_a_citation_of_a_document_that_left_never_leaves_and_is_no_bug() -> None:
    gone = replace(SENTENCES[0], passage=replace(SENTENCES[0].passage, document_id="unknown.md"))
    with pytest.raises(LibraryChanged, match="changed while it was asked; ask again"):
        answered(SENTENCES[1], gone)


def test_an_inexact_citation_is_named_with_its_place() -> None:
    citation = replace(answered(*SENTENCES).citations[0], quote="Something else")
    with pytest.raises(InexactCitationError, match=r"citation 1 .*old/lighthouse\.md\[0:62\].*Something else"):
        check(citation, LIGHTHOUSE)


def test_an_answer_grows_sentence_by_sentence_with_its_citations() -> None:
    answer = answered(*SENTENCES)
    one, two = growing(answer)
    assert (one.text, len(one.citations)) == (SENTENCES[0].text, 1)
    assert answer.text.startswith(two.text)
    assert len(two.sentences) == len(two.citations) == 2
    assert list(growing(answered(SENTENCES[0]))) == []


@pytest.mark.parametrize(
    ("sentences", "text"),
    [
        (["One.", "Two."], "One. Two."),
        (["一。", "二。", "Three."], "一。二。Three."),
        (["One.", "二。"], "One. 二。"),
        (["他说：「好。」", "二。"], "他说：「好。」二。"),
        ([], ""),
    ],
)
def test_no_space_goes_behind_the_full_stop_of_scripts_without_spaces(sentences: list[str], text: str) -> None:
    assert join(sentences) == text
