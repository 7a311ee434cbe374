"""What the chat page renders: HTML read back as a browser would, and the files it brings."""

from __future__ import annotations

import tomllib
from html.parser import HTMLParser
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from rag import Answer, Citation, Document
from rag.schema import AnswerSentence, Hit, Passage
from rag.web.page import (
    WHOLE_DOCUMENT_CHARS,
    Turn,
    conversation_html,
    document_html,
    evidence,
    script,
    sources_html,
    style_sheet,
)

ROOT = Path(__file__).parents[1]
LIGHTHOUSE = Document(id="lighthouse.md", title="The lighthouse", text="It was built in 1874 by Ada Lindqvist.")


class Reader(HTMLParser):
    """Reads HTML back: its text, the text of each mark, and the names of its elements and attributes."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text, self.marks, self.names, self.inside = "", [], set[str](), False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names |= {tag, *(f"@{name}" for name, _ in attrs)}
        if tag == "mark":
            self.inside = True
            self.marks.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "mark"

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.inside:
            self.marks[-1] += data


def cite(text: str, start: int, end: int, *, number: int = 1, document_id: str = "d") -> Citation:
    return Citation(number, document_id, "", start, end, text[start:end], None, None, 1.0)


# \r and NUL cannot stand in HTML text; canonical texts hold neither.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), min_size=1, max_size=200)


@given(texts, st.data())
def test_a_document_reads_as_its_text_and_the_chosen_mark_as_its_quote(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    other = data.draw(st.integers(0, len(text) - 1))
    spans = [cite(text, start, end), cite(text, other, other + 1, number=2)]
    read = Reader(document_html(text, spans))
    assert read.text == text
    assert text[start:end] in read.marks
    assert len(read.marks) == (1 if start <= other < end else 2)


@given(texts)
def test_whatever_is_asked_or_answered_adds_no_element_and_no_attribute(text: str) -> None:
    def names(value: str) -> set[str]:
        citation = Citation(1, value, value, 0, len(value), value, None, value, 1.0)
        answer = Answer(value, value, (AnswerSentence(value, (1,), 1.0),), (citation,))
        refusal = Answer(value, value, abstained=True, reason=value)
        turns = (Turn(value, answer, done=True), Turn(value, refusal, done=True), Turn(value, error=value), Turn(value))
        return Reader(conversation_html(turns, [value], note=value)).names

    assert names(text) == names("plain")


def test_a_long_document_is_cut_around_the_span_and_says_so() -> None:
    text = "a" * WHOLE_DOCUMENT_CHARS + "the quote" + "b" * WHOLE_DOCUMENT_CHARS
    read = Reader(document_html(text, [cite(text, WHOLE_DOCUMENT_CHARS, WHOLE_DOCUMENT_CHARS + 9)]))
    assert read.marks == ["the quote"]
    assert "52,000 characters before" in read.text
    assert "52,000 characters after" in read.text


def test_a_sentence_without_a_source_is_marked_as_such() -> None:
    answer = Answer("q", "Bare.", (AnswerSentence("Bare.", (), 0.0),))
    assert "[not supported]" in Reader(conversation_html((Turn("q", answer),), [])).text


def test_a_quote_that_the_document_no_longer_holds_is_shown_with_a_warning() -> None:
    stale = Citation(1, LIGHTHOUSE.id, LIGHTHOUSE.title, 0, 9, "Something", None, None, 1.0)
    read = Reader(sources_html(Answer("q", "t", citations=(stale,)), stale, LIGHTHOUSE, turn=1))
    assert "has changed since" in read.text
    assert read.marks == ["Something"]


def test_a_document_that_cannot_be_shown_leaves_its_quote_and_the_reason() -> None:
    cited = cite(LIGHTHOUSE.text, 0, 12)
    read = Reader(sources_html(Answer("q", "t", citations=(cited,)), cited, "The disk <b>is</b> away.", turn=1))
    assert "The disk <b>is</b> away." in read.text
    assert read.marks == ["It was built"]


def test_nearest_passages_are_labelled_and_never_marked_as_evidence() -> None:
    hit = Hit(Passage(LIGHTHOUSE.id, 0, 20, LIGHTHOUSE.text[:20]), LIGHTHOUSE.title, 1, 0.2)
    answer = Answer("q", "t", abstained=True, reason="r", hits=(hit,))
    (nearest,) = evidence(answer)
    read = Reader(sources_html(answer, nearest, LIGHTHOUSE, turn=1))
    assert "Nearest passages, not an answer" in read.text
    assert read.marks == []


def test_the_looks_and_the_script_are_shipped_with_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert {"page.css", "page.js"} <= set(project["tool"]["setuptools"]["package-data"]["rag.web"])
    assert ".lg-log" in style_sheet()
    assert "watch('value'" in script()


def test_a_follow_up_is_shown_as_it_was_searched_and_inert() -> None:
    asked = Turn("And it?", Answer("And it?", "Text.", query="What about <b>the lighthouse</b>?"), done=True)
    read = Reader(conversation_html((asked,), ()))
    assert "Searched for: What about <b>the lighthouse</b>?" in read.text
    assert "b" not in read.names
    plain = Turn("And it?", Answer("And it?", "Text."), done=True)
    assert "Searched for" not in conversation_html((plain,), ())
