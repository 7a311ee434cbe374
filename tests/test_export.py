"""Answers and conversations to take away, against golden texts and hostile documents."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from rag import Answer, Citation
from rag.schema import AnswerSentence, Disagreement, Reading, Span
from rag.web.export import answer_markdown, answer_text, conversation_json, conversation_markdown, inert
from rag.web.history import Turn
from rag.web.words import WORDS

BUILT = Citation(1, "old/lighthouse.md", "The lighthouse", 4, 37, "It was built in 1874\nby Ada.", 3, "History", 0.9)
LAMP = replace(BUILT, number=2, start_char=40, end_char=60, quote="Its lamp shines far.", page=None, heading=None)
ANSWER = Answer(
    "Who built it?",
    "It was built in 1874 by Ada. Its lamp shines far.",
    (AnswerSentence("It was built in 1874 by Ada.", (1,), 1.0), AnswerSentence("Its lamp shines far.", (1, 2), 1.0)),
    (BUILT, LAMP),
    confidence=0.871,
)
REFUSAL = Answer("Why?", "Not.", abstained=True, reason="Not in these documents: nothing about it.", confidence=0.1)
READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
HOSTILE = [
    "![i](http://evil.example/i.png)",
    "[click](javascript:alert(1))",
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "</p><iframe src='http://evil.example'>",
    "# a heading\n## another",
    "- a list\n- of two",
    "1. a list\n2. of two",
    "> quoted\n> twice",
    "a\n===",
    "---",
    "```\ncode\n```",
    "    code",
    "`code` **bold** _so_ ~~gone~~",
    "<http://evil.example>",
    "<a@evil.example>",
    "[1]: http://evil.example\n\n[1]",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "&lt;b&gt; &#60;script&#62;",
    "\\<b>\\</b> \\![i](x)",
    "[^1]: mine\n\n[^1]",
    "a\u2028# b\u2029# c\u0085# d",
]


def test_an_answer_is_markdown_with_a_footnote_a_citation() -> None:
    assert answer_markdown(ANSWER) == (
        "## Who built it?\n\n"
        "It was built in 1874 by Ada.[^1] Its lamp shines far.[^1][^2]\n\n"
        "*confidence 0.87*\n\n"
        "[^1]: “It was built in 1874 by Ada.” — The lighthouse, History, page 3, old/lighthouse.md, 4–37\n\n"
        "[^2]: “Its lamp shines far.” — The lighthouse, old/lighthouse.md, 40–60\n"
    )


def test_a_conversation_keeps_the_footnotes_of_its_answers_apart() -> None:
    turns = (
        Turn("Who built it?", ANSWER, done=True),
        Turn("And?", replace(ANSWER, query="And how far?"), done=True),
        Turn("Why?", REFUSAL, done=True),
        Turn("Where?", error="the disk\nis away"),
        Turn("When?"),
    )
    text = conversation_markdown(turns)
    assert text.startswith("# Conversation\n\n## Who built it?\n\n")
    assert "It was built in 1874 by Ada.[^2-1]" in text
    assert "*Searched for:* And how far?" in text
    assert "**Not in these documents.** Not in these documents: nothing about it." in text
    assert "**Error.** the disk is away" in text
    assert "This question was not answered." in text
    assert [line.split(":")[0] for line in text.splitlines() if line.startswith("[^")] == [
        "[^1-1]", "[^1-2]", "[^2-1]", "[^2-2]",
    ]  # fmt: skip


def test_a_disagreement_is_told_in_every_form() -> None:
    readings = (Reading("1874", 1, "2020-01-01", True), Reading("1870", 2, None, False))
    answer = replace(ANSWER, disagreements=(Disagreement(readings),))
    said = "Sources disagree: 1874 (2020-01-01, the newest) [1]; 1870 (no date) [2]."
    assert said in answer_text(answer)
    assert said.replace("[", r"\[").replace("]", r"\]") in answer_markdown(answer)


def test_json_holds_the_answers_as_every_surface_does() -> None:
    held = json.loads(conversation_json((Turn("Who built it?", ANSWER, done=True), Turn("x", error="away"))))
    assert held["conversation"][0]["answer"] == ANSWER.to_dict()
    assert held["conversation"][1] == {"question": "x", "answer": None, "error": "away"}


def test_a_copy_has_marks_and_the_sources_they_stand_for() -> None:
    bare = replace(ANSWER, sentences=(*ANSWER.sentences, AnswerSentence("Bare.", (), 0.0)))
    assert answer_text(bare) == (
        "It was built in 1874 by Ada. [1] Its lamp shines far. [1] [2] Bare. [not supported]\n\n"
        "[1] “It was built in 1874 by Ada.” — The lighthouse, History, page 3, old/lighthouse.md, 4–37\n"
        "[2] “Its lamp shines far.” — The lighthouse, old/lighthouse.md, 40–60\n"
    )
    assert answer_text(REFUSAL).startswith("Not in these documents. ")


def test_what_is_said_around_follows_the_language_of_the_page() -> None:
    assert "*置信度 0.87*" in answer_markdown(ANSWER, words=WORDS["zh"])
    assert "第 3 页" in answer_text(ANSWER, words=WORDS["zh"])


def hostile(text: str) -> Answer:
    cited = Citation(1, text, text, 0, len(text), text, 1, text, 1.0, Span(0, 1))
    readings = (Reading(text, 1, None, False), Reading(text, 1, None, False))
    sentences = (AnswerSentence(text, (1,), 1.0), AnswerSentence(text, (), 0.0))
    return Answer(text, text, sentences, (cited,), query=text, disagreements=(Disagreement(readings),))


def kinds(markdown: str) -> list[str]:
    """Return what a reader of Markdown makes of a text, without the texts themselves."""
    tokens = READER.parse(markdown)
    return [
        t.type for token in tokens for t in (token, *(token.children or ())) if t.type not in {"text", "text_special"}
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_in_documents_questions_and_errors_stays_text(text: str) -> None:
    turns = (
        Turn(text, hostile(text), done=True),
        Turn(text, replace(REFUSAL, reason=text), done=True),
        Turn(text, error=text),
    )
    plain = (
        Turn("plain", hostile("plain"), done=True),
        Turn("plain", replace(REFUSAL, reason="plain"), done=True),
        Turn("plain", error="plain"),
    )
    assert kinds(conversation_markdown(turns)) == kinds(conversation_markdown(plain))


@given(st.text(st.sampled_from("a1 \n#*_`<>[]()!|-+=~&:;./\\@^$\"'{}"), max_size=40))
def test_any_mixture_of_signs_is_one_paragraph_of_text(text: str) -> None:
    assert set(kinds(inert(text))) <= {"paragraph_open", "inline", "paragraph_close"}


def test_an_address_is_not_made_a_link_by_readers_that_look_for_them() -> None:
    for address in (
        "http://evil.example",
        "HTTPS://evil.example",
        "www.evil.example",
        "WWW.evil.example",
        "a@b.example",
    ):
        assert not re.search(r"(?<!\\)://|www\.|(?<!\\)@", inert(address), re.IGNORECASE)
