"""Answers and conversations as text to take away: Markdown with footnotes, JSON, and plain text with its sources.

Pure functions. Whatever comes from documents, questions and models is inert in the Markdown: no link, no image, no
heading and no HTML of theirs comes to life in a reader of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from rag import printable
from rag.marks import disagreement_lines
from rag.schema import Answer, Citation
from rag.web.history import Turn
from rag.web.words import WORDS, Words

_SIGNS = re.compile(r"[\\`*_{}\[\]<>#|~^$&@]|://|(?<=www)\.", re.IGNORECASE)
# What makes a list, a quotation, a rule or a heading of a line that it begins.
_LINE_START = re.compile(r"^(\d{1,9})([.)])|^([-+=:])")


def answer_markdown(answer: Answer, *, words: Words = WORDS["en"]) -> str:
    """Return one answer as Markdown, its citations as footnotes ``[^1]``.

    Args:
        answer: The answer.
        words: What is said around it.

    Returns:
        The question as a heading, the answer, and for each citation its quote on one line, the document, the page and
        the span in characters of the document's text.
    """
    body, notes = _parts(Turn(answer.question, answer, done=True), "", words)
    return "\n\n".join((*body, *notes)) + "\n"


def conversation_markdown(turns: Sequence[Turn], *, words: Words = WORDS["en"]) -> str:
    """Return a conversation as Markdown; the footnotes of its second answer are ``[^2-1]`` and so on."""
    parts = [_parts(turn, f"{number}-", words) for number, turn in enumerate(turns, start=1)]
    bodies = [line for body, _ in parts for line in body]
    notes = [line for _, footnotes in parts for line in footnotes]
    return "\n\n".join((f"# {words.conversation}", *bodies, *notes)) + "\n"


def conversation_json(turns: Sequence[Turn]) -> str:
    """Return a conversation as JSON: each turn's question, its answer as on every surface, and its error or ``""``."""
    rows: list[dict[str, Any]] = [
        {"question": t.question, "answer": t.answer.to_dict() if t.answer else None, "error": t.error} for t in turns
    ]
    return json.dumps({"conversation": rows}, ensure_ascii=False, indent=2)


def answer_text(answer: Answer, *, words: Words = WORDS["en"]) -> str:
    """Return one answer as plain text with marks ``[1]``, and below it the sources they stand for."""
    if answer.abstained:
        return f"{words.absent}. {answer.reason}\n"
    marked = " ".join(
        s.text + "".join(f" [{n}]" for n in s.citations) if s.citations else f"{s.text} {words.unsupported}"
        for s in answer.sentences
    )
    sources = (
        f"[{c.number}] “{_line(c.quote)}” — {', '.join(map(printable.shown, _where(c, words)))}"
        for c in answer.citations
    )
    lines = [marked or answer.text, *disagreement_lines(answer)]
    return "\n".join((*lines, "", *sources)) + "\n"


def inert(text: str) -> str:
    """Return a text on one line in which no sign of Markdown and no address has a meaning."""
    plain = _SIGNS.sub(lambda match: f"\\{match[0]}", printable.shown(_line(text)))
    return _LINE_START.sub(lambda m: f"{m[1]}\\{m[2]}" if m[1] else f"\\{m[3]}", plain)


def _parts(turn: Turn, prefix: str, words: Words) -> tuple[list[str], list[str]]:
    body, answer = [f"## {inert(turn.question)}"], turn.answer
    if turn.error:
        return [*body, f"**{words.error}** {inert(turn.error)}"], []
    if answer is None:
        return [*body, words.stopped], []
    if answer.query:
        body.append(f"*{words.searched}* {inert(answer.query)}")
    if answer.abstained:
        body.append(f"**{words.absent}.** {inert(answer.reason)}")
    else:
        body.append(_marked(answer, prefix, words))
    body += [f"> {inert(line)}" for line in disagreement_lines(answer)]
    body.append(f"*{words.confidence} {answer.confidence:.2f}*")
    return body, list(_footnotes(answer.citations, prefix, words))


def _marked(answer: Answer, prefix: str, words: Words) -> str:
    known = {c.number for c in answer.citations}
    sentences = []
    for sentence in answer.sentences:
        marks = "".join(f"[^{prefix}{n}]" for n in sentence.citations if n in known)
        sentences.append(inert(sentence.text) + (marks or f" {inert(words.unsupported)}"))
    return " ".join(sentences) or inert(answer.text)


def _footnotes(citations: Sequence[Citation], prefix: str, words: Words) -> Iterator[str]:
    for c in citations:
        yield f"[^{prefix}{c.number}]: “{inert(c.quote)}” — {', '.join(map(inert, _where(c, words)))}"


def _where(citation: Citation, words: Words) -> list[str]:
    page = words.page.format(citation.page) if citation.page is not None else ""
    title = citation.title if citation.title != citation.document_id else ""
    span = f"{citation.start_char}–{citation.end_char}"
    return [_line(part) for part in (title, citation.heading or "", page, citation.document_id, span) if part]


def _line(text: str) -> str:
    return " ".join(text.split())
