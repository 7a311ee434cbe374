"""Answers and their documents to the chat page's escaped HTML, CSS and JavaScript; knows no library and no Gradio.

Whatever comes from questions, answers and documents is escaped here: it enters the page as inert text, not Markdown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

from rag import printable
from rag.marks import around_mark, disagreement_lines, source_notes
from rag.schema import Answer, AnswerSentence, Citation, Document, Hit

NEAREST_SHOWN = 5
SHELF_SHOWN = 50
QUESTION_SHOWN_CHARS = 600
WHOLE_DOCUMENT_CHARS = 60_000  # longer documents are shown as a window around the chosen span
WINDOW_CHARS = 8_000  # on each side of the span
ICON = (
    '<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22 viewBox=%220 0 32 32%22%3E'
    "%3Crect width=%2232%22 height=%2232%22 rx=%227%22 fill=%22%230f766e%22/%3E%3Ctext x=%2216%22 y=%2222%22 "
    "font-size=%2217%22 font-family=%22sans-serif%22 font-weight=%22bold%22 text-anchor=%22middle%22 "
    'fill=%22white%22%3E[1]%3C/text%3E%3C/svg%3E">'
)

_ABSTAINED = "Not in these documents"
_NEAREST = "Nearest passages, not an answer"
_CONFIDENCE = "How probable it is that the documents answer the question and that this answer says so"


@dataclass(frozen=True)
class Turn:
    """One question of a conversation; without an answer and an error it is still being searched.

    Attributes:
        question: As typed.
        answer: The answer so far, or ``None``.
        error: One plain line when something went wrong, or ``""``.
        done: Whether the answer is whole.
    """

    question: str
    answer: Answer | None = None
    error: str = ""
    done: bool = False


Turns = tuple[Turn, ...]


def style_sheet() -> str:
    """Return the CSS of the page."""
    return files("rag.web").joinpath("page.css").read_text("utf-8")


def script() -> str:
    """Return the JavaScript that the conversation and the source panel run when they are loaded."""
    return files("rag.web").joinpath("page.js").read_text("utf-8")


def header_html(held: str) -> str:
    """Return the top of the page as HTML; ``held`` says what the library holds."""
    return f'<header class="lg-header"><h1>leadgoose</h1><p>{escape(held)}</p></header>'


def evidence(answer: Answer) -> tuple[Citation, ...]:
    """Return what the source panel shows: the citations, or the nearest passages in their shape when it abstains."""
    return tuple(_as_citation(hit) for hit in answer.hits[:NEAREST_SHOWN]) if answer.abstained else answer.citations


def chosen_citation(answer: Answer, number: int) -> Citation | None:
    """Return the one of ``evidence`` with this number, the first when there is none, ``None`` when it is empty."""
    found = evidence(answer)
    return next((c for c in found if c.number == number), found[0] if found else None)


def _as_citation(hit: Hit) -> Citation:
    p = hit.passage
    span = (p.start_char, p.end_char, p.text)
    also_in = hit.also_in
    return Citation(hit.rank, p.document_id, hit.title, *span, p.page, p.heading, score=hit.score, also_in=also_in)


def conversation_html(turns: Turns, examples: Sequence[str], *, note: str = "") -> str:
    """Return the conversation as HTML, oldest turn first; the welcome with its ``examples`` before the first turn."""
    body = "".join(_turn_html(number, turn) for number, turn in enumerate(turns, start=1)) or _welcome_html(examples)
    line = f'<p class="lg-note">{escape(note)}</p>' if note else ""
    return f'<div class="lg-log" role="log" aria-label="Conversation" tabindex="0">{body}{line}</div>'


def _welcome_html(examples: Sequence[str]) -> str:
    buttons = (f'<li><button data-example="{i}">{escape(text)}</button></li>' for i, text in enumerate(examples))
    tried = f"<p>For example:</p><ul>{''.join(buttons)}</ul>" if examples else ""
    promise = "Each answer cites the exact passages it rests on. When the documents do not answer, it says so."
    return f'<div class="lg-welcome"><h2>Ask your documents</h2><p>{promise}</p>{tried}</div>'


def _turn_html(number: int, turn: Turn) -> str:
    asked = turn.question if len(turn.question) <= QUESTION_SHOWN_CHARS else turn.question[:QUESTION_SHOWN_CHARS] + "…"
    if turn.error:
        reply = f'<p class="lg-error"><strong>Error.</strong> {escape(" ".join(turn.error.split()))}</p>'
    elif turn.answer is None or not turn.answer.text:
        reply = '<p class="lg-pending">Searching the documents…</p>'
    else:
        reply = _answer_html(number, turn.answer, done=turn.done)
    question = f'<p class="lg-question" dir="auto"><span class="lg-hidden">You asked: </span>{escape(asked)}</p>'
    searched = _searched_html(turn.answer.query) if turn.answer and turn.answer.query and not turn.error else ""
    return f'<section class="lg-turn" aria-label="Question {number}">{question}{searched}{reply}</section>'


def _searched_html(query: str) -> str:
    """Return how a follow-up was understood, so that the reader can put it in other words."""
    shown = query if len(query) <= QUESTION_SHOWN_CHARS else query[:QUESTION_SHOWN_CHARS] + "…"
    return f'<p class="lg-searched" dir="auto">Searched for: {escape(shown)}</p>'


def _answer_html(turn: int, answer: Answer, *, done: bool) -> str:
    sure = f'<p class="lg-confidence" title="{_CONFIDENCE}">confidence {answer.confidence:.2f}</p>' if done else ""
    if answer.abstained:
        first = answer.hits[0].rank if answer.hits else 0
        look = f'<button data-turn="{turn}" data-number="{first}">{_NEAREST}</button>' if answer.hits else ""
        why = answer.reason.removeprefix(_ABSTAINED).lstrip(":. ")  # the line above it says that already
        reason = f'<p dir="auto">{escape(why[:1].upper() + why[1:])}</p>'
        return f'<div class="lg-abstained"><p><strong>{_ABSTAINED}</strong></p>{reason}{sure}{look}</div>'
    sentences = " ".join(_sentence_html(turn, sentence, answer.citations) for sentence in answer.sentences)
    lines = "".join(f'<p class="lg-disagree" dir="auto">{escape(line)}</p>' for line in disagreement_lines(answer))
    note = f'<p class="lg-notice">{escape(answer.notice)}</p>' if answer.notice else ""
    return f'<div class="lg-answer"><p dir="auto">{sentences or escape(answer.text)}</p>{lines}{sure}{note}</div>'


def _sentence_html(turn: int, sentence: AnswerSentence, citations: Sequence[Citation]) -> str:
    titles = {c.number: _name(c.title or c.document_id) for c in citations}
    marks = "".join(
        f'<button class="lg-cite" data-turn="{turn}" data-number="{n}" title="{titles[n]}"'
        f' aria-label="Citation {n}: {titles[n]}">[{n}]</button>'
        for n in sentence.citations
        if n in titles
    )
    if not marks:
        why = "No passage supports this sentence of the chat model"
        return f'<span class="lg-unsupported" title="{why}">{escape(sentence.text)} <em>[not supported]</em></span>'
    before, asked, after = around_mark(sentence, citations)
    text = f"{escape(before)}<strong>{escape(asked)}</strong>{escape(after)}" if asked else escape(before)
    return f"{text} {marks}"


def sources_html(
    answer: Answer, chosen: Citation, source: Document | str, *, turn: int, jump: int | None = None
) -> str:
    """Return the source panel of one answer as HTML.

    Args:
        answer: The answer whose citations, or nearest passages, are shown.
        chosen: The one of them that is shown in its document.
        source: That document, or one line on why it cannot be shown.
        turn: The answer's place in the conversation, from 1.
        jump: Given when the reader chose the citation, and is to be taken there; differs each time, so that the page
            scrolls again when the same citation is chosen twice.

    Returns:
        The chosen document with its span marked, below buttons for all that can be chosen.
    """
    found = evidence(answer)
    label = _NEAREST if answer.abstained else f"Sources of answer {turn}"
    chips = "".join(f"<li>{_chip(turn, c, current=c == chosen, nearest=answer.abstained)}</li>" for c in found)
    moved = f' data-jump="{jump}"' if jump is not None else ""
    kind = " lg-nearest" if answer.abstained else ""
    shown = f'data-turn="{turn}" data-number="{chosen.number}"{moved}'
    return (
        f'<section class="lg-sources{kind}" aria-label="{label}" {shown}>'
        f'<div class="lg-bar"><h2>{label}</h2><button data-back>Back to the answer</button></div>'
        f'<ol class="lg-chips">{chips}</ol>{_source_html(found, chosen, source, nearest=answer.abstained)}</section>'
    )


def shelf_html(documents: Sequence[tuple[str, str]]) -> str:
    """Return what the source panel shows before the first question: names and dates of what can be asked about."""
    shown = documents[:SHELF_SHOWN]
    rows = "".join(f'<li dir="auto">{_name(name)} <span>{escape(date)}</span></li>' for name, date in shown)
    more = len(documents) - len(shown)
    rest = f'<p class="lg-empty">and {more:,} more</p>' if more else ""
    body = f"<h2>In this library</h2><ul>{rows}</ul>{rest}"
    return f'<section class="lg-sources lg-shelf" aria-label="Documents">{body}</section>'


def no_sources_html(text: str = "The passages an answer rests on appear here, in their documents.") -> str:
    """Return the source panel without a source, with one line of our own in its place."""
    return f'<section class="lg-sources" aria-label="Sources"><h2>Sources</h2><p class="lg-empty">{text}</p></section>'


def _chip(turn: int, citation: Citation, *, current: bool, nearest: bool) -> str:
    # The words of a citation stand in the answer already; those of a nearest passage stand nowhere else.
    name = _name(citation.quote[:80] if nearest else citation.title or citation.document_id)
    pressed = ' aria-current="true"' if current else ""
    number = citation.number
    return f'<button data-turn="{turn}" data-number="{number}" title="{name}"{pressed}><b>{number}</b> {name}</button>'


def _source_html(found: Sequence[Citation], chosen: Citation, source: Document | str, *, nearest: bool) -> str:
    if isinstance(source, str):
        return _stale_html(chosen, source)
    if source.text[chosen.start_char : chosen.end_char] != chosen.quote:
        return _stale_html(chosen, "This document has changed since the answer was given. The passage read:")
    title = _name(source.title or source.id)
    page = f"page {chosen.page}" if chosen.page is not None else ""
    heading = chosen.heading if chosen.heading != source.title else None
    facts = " · ".join(_name(fact) for fact in (source.date, heading, page, source.id) if fact)
    notes = "".join(f'<p class="lg-notice" dir="auto">{_name(note)}</p>' for note in source_notes(chosen))
    spans = [chosen] if nearest else [chosen, *(c for c in found if c.document_id == source.id)]
    return (
        f'<h3 dir="auto" title="{title}">{title}</h3><p class="lg-facts" dir="auto">{facts}</p>{notes}'
        f'<div class="lg-text" dir="auto" tabindex="0" role="region" aria-label="Text of {title}"{_language(source)}>'
        f"{document_html(source.text, spans, nearest=nearest)}</div>"
    )


def _stale_html(chosen: Citation, message: str) -> str:
    title = _name(chosen.title or chosen.document_id)
    quote = f'<mark class="lg-chosen" tabindex="-1">{escape(chosen.quote)}</mark>'
    facts = f'<p class="lg-error">{escape(message)}</p>'
    return f'<h3 dir="auto">{title}</h3>{facts}<div class="lg-text" dir="auto">{quote}</div>'


def document_html(text: str, spans: Sequence[Citation], *, nearest: bool = False) -> str:
    """Return ``text`` escaped, the first of ``spans`` marked as chosen and the others where they do not overlap.

    A text longer than ``WHOLE_DOCUMENT_CHARS`` is cut to a window around the chosen span, and says so.
    """
    chosen, whole = spans[0], len(text) <= WHOLE_DOCUMENT_CHARS
    first = 0 if whole else max(0, chosen.start_char - WINDOW_CHARS)
    last = len(text) if whole else min(len(text), chosen.end_char + WINDOW_CHARS)
    tag = "span" if nearest else "mark"  # a mark says "this is the evidence", which a nearest passage is not
    parts, at = [_cut_note(first, "before")], first
    for span in sorted(_apart(spans, first, last), key=lambda c: c.start_char):
        state = 'class="lg-chosen" tabindex="-1"' if span is chosen else 'class="lg-cited"'
        parts.append(escape(text[at : span.start_char]))
        parts.append(f"<{tag} {state}>{_quote_html(text, span)}</{tag}>")
        at = span.end_char
    return "".join((*parts, escape(text[at:last]), _cut_note(len(text) - last, "after")))


def _quote_html(text: str, span: Citation) -> str:
    """Return a span of a text, what is asked for in it bold."""
    asked = span.highlight
    if asked is None or not span.start_char <= asked.start_char < asked.end_char <= span.end_char:
        return escape(text[span.start_char : span.end_char])
    before, after = text[span.start_char : asked.start_char], text[asked.end_char : span.end_char]
    return f"{escape(before)}<strong>{escape(text[asked.start_char : asked.end_char])}</strong>{escape(after)}"


def _apart(spans: Sequence[Citation], first: int, last: int) -> list[Citation]:
    kept: list[Citation] = []
    for span in spans:
        inside = first <= span.start_char and span.end_char <= last
        if inside and all(span.end_char <= k.start_char or k.end_char <= span.start_char for k in kept):
            kept.append(span)
    return kept


def _cut_note(chars: int, side: str) -> str:
    return f'<p class="lg-cut">{chars:,} characters {side} this are not shown</p>' if chars else ""


def _name(text: str) -> str:
    """Return a title, heading or id as HTML: the name of a file may turn the direction of writing of what follows."""
    return escape(printable.shown(text))


def _language(document: Document) -> str:
    return f' lang="{escape(document.language)}"' if document.language != "und" else ""
