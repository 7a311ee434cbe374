"""What is marked and what sources disagree on, as shown on the page and in the terminal."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from rag.marks import around_mark, around_mark_in_quote, disagreement_lines
from rag.schema import Answer, AnswerSentence, Citation, Disagreement, Reading, Span
from rag.web.history import Turn
from rag.web.panel_html import document_html
from rag.web.turn_html import turn_html
from rag.web.words import WORDS

TEXT = "Before. The ferry carries <120> passengers. It is old."
QUOTE = "The ferry carries <120> passengers."
START = TEXT.index(QUOTE)
MARK = Span(TEXT.index("<120>"), TEXT.index("<120>") + 5)
CITATION = Citation(1, "a", "A", START, START + len(QUOTE), QUOTE, None, None, 0.5, MARK)
SENTENCE = AnswerSentence(QUOTE, (1,), 1.0)


def test_the_mark_is_bold_in_the_answer_and_in_the_document_and_escaped_in_both() -> None:
    answer = Answer("q", QUOTE, (SENTENCE,), (CITATION,))
    english = WORDS["en"]
    for html in (turn_html(1, Turn("q", answer, done=True), english), document_html(TEXT, [CITATION], english)):
        assert "The ferry carries <strong>&lt;120&gt;</strong> passengers." in html


def test_what_sources_disagree_on_is_one_escaped_line_newest_first() -> None:
    readings = (Reading("<180>", 2, "2023-06-30", newest=True), Reading("120", 1, None, newest=False))
    answer = Answer(
        "q", QUOTE, (SENTENCE,), (CITATION, replace(CITATION, number=2)), disagreements=(Disagreement(readings),)
    )
    (line,) = disagreement_lines(answer)
    assert line == "Sources disagree: <180> (2023-06-30, the newest) [2]; 120 (no date) [1]."
    page = turn_html(1, Turn("q", answer, done=True), WORDS["en"])
    assert "&lt;180&gt;" in page
    assert "<180>" not in page


@given(st.text(max_size=30), st.text(min_size=1, max_size=30), st.text(max_size=30), st.integers(0, 40))
def test_the_three_parts_of_a_quote_are_the_quote(before: str, asked: str, after: str, at: int) -> None:
    quote = before + asked + after
    mark = Span(at + len(before), at + len(before) + len(asked))
    citation = Citation(1, "a", "A", at, at + len(quote), quote, None, None, 0.5, mark)
    assert around_mark_in_quote(citation) == (before, asked, after)
    assert around_mark(AnswerSentence(quote, (1,), 1.0), [citation]) == (before, asked, after)


def test_a_sentence_that_does_not_hold_the_mark_has_none() -> None:
    two = Citation(1, "a", "A", START, len(TEXT), TEXT[START:], None, None, 0.5, MARK)
    assert around_mark(AnswerSentence("It is old.", (1,), 1.0), [two]) == ("It is old.", "", "")
    assert around_mark(SENTENCE, [two])[1] == "<120>"
