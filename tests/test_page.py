"""What the chat page renders: HTML read back as a browser would, and the files it brings."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import Answer, Citation, Document
from rag.schema import AnswerSentence, Hit, Passage
from rag.web.history import Turn
from rag.web.menu_html import header_html
from rag.web.page import SCRIPTS, script, style_sheet
from rag.web.panel_html import WHOLE_DOCUMENT_CHARS, document_html, evidence, shelf_html, sources_html
from rag.web.turn_html import turn_html, welcome_html
from rag.web.words import WORDS

ROOT = Path(__file__).parents[1]
ENGLISH = WORDS["en"]
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
    read = Reader(document_html(text, spans, ENGLISH))
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
        around = (
            welcome_html([value], ENGLISH)
            + header_html(value, [value, "b"], "b", "zh")
            + shelf_html([(value, value)], ENGLISH)
        )
        panel = sources_html(answer, citation, Document(id=value, title=value, text=value), ENGLISH, turn=1)
        shown = "".join(turn_html(n, turn, ENGLISH) for n, turn in enumerate(turns, start=1))
        # A question may be seen to be in a language, and a text not to be what was cited.
        return Reader(around + panel + shown).names - {"@lang"}

    assert names(text) == names("plain")


def test_a_long_document_is_cut_around_the_span_and_says_so() -> None:
    text = "a" * WHOLE_DOCUMENT_CHARS + "the quote" + "b" * WHOLE_DOCUMENT_CHARS
    read = Reader(document_html(text, [cite(text, WHOLE_DOCUMENT_CHARS, WHOLE_DOCUMENT_CHARS + 9)], ENGLISH))
    assert read.marks == ["the quote"]
    assert "52,000 characters before" in read.text
    assert "52,000 characters after" in read.text


def test_a_sentence_without_a_source_is_marked_as_such() -> None:
    answer = Answer("q", "Bare.", (AnswerSentence("Bare.", (), 0.0),))
    assert "[not supported]" in Reader(turn_html(1, Turn("q", answer), ENGLISH)).text


def test_a_quote_that_the_document_no_longer_holds_is_shown_with_a_warning() -> None:
    stale = Citation(1, LIGHTHOUSE.id, LIGHTHOUSE.title, 0, 9, "Something", None, None, 1.0)
    read = Reader(sources_html(Answer("q", "t", citations=(stale,)), stale, LIGHTHOUSE, ENGLISH, turn=1))
    assert "has changed since" in read.text
    assert read.marks == ["Something"]


def test_a_document_that_cannot_be_shown_leaves_its_quote_and_the_reason() -> None:
    cited = cite(LIGHTHOUSE.text, 0, 12)
    read = Reader(
        sources_html(Answer("q", "t", citations=(cited,)), cited, "The disk <b>is</b> away.", ENGLISH, turn=1)
    )
    assert "The disk <b>is</b> away." in read.text
    assert read.marks == ["It was built"]


def test_nearest_passages_are_labelled_and_never_marked_as_evidence() -> None:
    hit = Hit(Passage(LIGHTHOUSE.id, 0, 20, LIGHTHOUSE.text[:20]), LIGHTHOUSE.title, 1, 0.2)
    answer = Answer("q", "t", abstained=True, reason="r", hits=(hit,))
    (nearest,) = evidence(answer)
    read = Reader(sources_html(answer, nearest, LIGHTHOUSE, ENGLISH, turn=1))
    assert "Nearest passages, not an answer" in read.text
    assert read.marks == []


def test_the_looks_and_the_script_are_shipped_with_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert {"page.css", "browser/*.js"} <= set(project["tool"]["setuptools"]["package-data"]["rag.web"])
    assert ".lg-log" in style_sheet()
    assert "watch('value'" in script()
    assert {path.name for path in (ROOT / "rag/web/browser").iterdir()} == set(SCRIPTS)


@pytest.mark.skipif(shutil.which("node") is None, reason="no node here")
def test_the_scripts_are_javascript(tmp_path: Path) -> None:
    whole = tmp_path / "whole.js"
    whole.write_text(f"function run(element, trigger, props, watch) {{{script()}}}", "utf-8")
    assert subprocess.run(["node", "--check", whole], capture_output=True, check=False, text=True).stderr == ""


def test_a_follow_up_is_shown_as_it_was_searched_and_inert() -> None:
    asked = Turn("And it?", Answer("And it?", "Text.", query="What about <b>the lighthouse</b>?"), done=True)
    read = Reader(turn_html(1, asked, ENGLISH))
    assert "Searched for: What about <b>the lighthouse</b>?" in read.text
    assert "b" not in read.names
    plain = Turn("And it?", Answer("And it?", "Text."), done=True)
    assert "Searched for" not in turn_html(1, plain, ENGLISH)
