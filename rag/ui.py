"""The chat page over one library: a conversation and the exact sources of its answers; knows no stage and no storage.

Whatever comes from questions, answers and documents is escaped here: it enters the page as inert text, not Markdown.
"""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from rag.errors import RagError
from rag.schema import Answer, AnswerSentence, Citation, Document, Hit

# Gradio reports its use to its makers unless told otherwise before the import; nothing may leave this machine.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio as gr

if TYPE_CHECKING:
    from fastapi import FastAPI

    from rag.library import Library

ASKERS = 8  # questions answered at the same time; Gradio's own default is one
NEAREST_SHOWN = 5
SHELF_SHOWN = 50
QUESTION_SHOWN_CHARS = 600
WHOLE_DOCUMENT_CHARS = 60_000  # longer documents are shown as a window around the chosen span
WINDOW_CHARS = 8_000  # on each side of the span

_NAME = re.compile(r"\b[A-Z][\w'-]+(?: [A-Z][\w'-]+)+")
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


def create_page(library: Library, *, examples: Sequence[str] | None = None) -> gr.Blocks:
    """Return the chat page over ``library``.

    Args:
        library: Answers the questions. It serves all sessions; what they asked lives in each session's own state.
        examples: Questions offered at the start; ``None`` offers some that the library is seen to answer.

    Returns:
        The page, not yet mounted anywhere.
    """
    chat = _Chat(library, tuple(suggest_questions(library) if examples is None else examples))
    page = gr.Blocks(title="leadgoose", fill_width=True)
    with page:
        turns = gr.State(())
        with gr.Row(elem_id="lg-top"):
            header = _html(chat.header(), "lg-header")
            clear = gr.Button("New conversation", size="sm", scale=0, min_width=160)
        with gr.Row(elem_id="lg-columns"):
            with gr.Column(min_width=320):
                conversation = _html(conversation_html((), chat.examples), "lg-conversation", _CONVERSATION_JS)
                with gr.Row(elem_id="lg-composer"):
                    box = _question_box()
                    send = gr.Button("Send", variant="primary", scale=0, min_width=80)
            with gr.Column(min_width=320):
                sources = _html(chat.shelf(), "lg-panel", _SOURCES_JS)
        shown = [turns, conversation, sources, box, send]
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        # Only questions are queued: Gradio's client loses an event that is queued while the stream of another one ends.
        direct = quiet | {"queue": False}
        asked = gr.on([box.submit, send.click], chat.ask, [box, turns], shown, **quiet)
        tried = conversation.example(chat.ask_example, [turns], shown, **quiet)
        for question in (asked, tried):
            question.failure(chat.explain_failure, [turns], shown, **direct)
            question.then(_ready, None, send, **direct)
        for choosing in (conversation, sources):
            choosing.choose(chat.choose, [turns], sources, **direct)
        clear.click(chat.restart, None, shown, cancels=[asked, tried], **direct)
        page.load(chat.header, None, header, **direct)
        page.load(chat.shelf, None, sources, **direct)
    page.queue(default_concurrency_limit=ASKERS)
    return page


def mount_page(app: FastAPI, page: gr.Blocks) -> None:
    """Mount ``page`` at ``/`` of ``app``, with its looks and without anything that reaches beyond this machine."""
    fonts = ("system-ui", "Noto Sans", "sans-serif")  # named only: no font is fetched
    theme = gr.themes.Default(primary_hue="teal", neutral_hue="slate", font=fonts, font_mono=("monospace",))
    # White on the theme's own teal has a contrast of 2.5 to 1, too little to read.
    fill, over = "*primary_700", "*primary_800"
    theme.set(button_primary_background_fill=fill, button_primary_background_fill_dark=fill)
    theme.set(button_primary_background_fill_hover=over, button_primary_background_fill_hover_dark=over)
    theme.set(input_placeholder_color="*neutral_500", input_placeholder_color_dark="*neutral_400")
    looks: dict[str, Any] = {"theme": theme, "css": _CSS, "head": _ICON, "footer_links": []}
    off: dict[str, Any] = {"run_history": False, "enable_monitoring": False, "mcp_server": False, "pwa": False}
    gr.mount_gradio_app(app, page, "/", allowed_paths=[], show_error=False, ssr_mode=False, **looks, **off)


def suggest_questions(library: Library, *, count: int = 3) -> list[str]:
    """Return at most ``count`` questions about names that documents repeat, each seen to be answered by ``library``."""
    questions: list[str] = []
    for summary in library.documents()[:20]:
        names = Counter(_NAME.findall(library.document(summary.id).text[:20_000])).most_common(1)
        question = f"What is said about {names[0][0]}?" if names and names[0][1] > 1 else ""
        if question and question not in questions and not library.ask(question).abstained:
            questions.append(question)
        if len(questions) == count:
            break
    return questions


@dataclass(frozen=True)
class _Chat:
    """What happens on the page's events; holds nothing of a session."""

    library: Library
    examples: tuple[str, ...]

    def header(self) -> str:
        try:
            counts = self.library.statistics()
            held = f"{_count(counts['documents'], 'document')} · {_count(counts['passages'], 'passage')}"
        except RagError as error:
            held = str(error)
        return f'<header class="lg-header"><h1>leadgoose</h1><p>{escape(held)}</p></header>'

    def shelf(self) -> str:
        try:
            return shelf_html([(d.title or d.id, d.date or "") for d in self.library.documents()])
        except RagError:  # the header says it
            return _no_sources()

    def ask(self, question: str, turns: Turns) -> Iterator[tuple[Any, ...]]:
        question = question.strip()
        if not question:
            log = conversation_html(turns, self.examples, note="Type a question first.")
            yield turns, log, gr.skip(), "", gr.skip()
            return
        yield *self._show(turns, Turn(question)), "", gr.update(interactive=False)
        # The box is left alone from here on: the next question may be half typed already.
        unchanged = (gr.skip(), gr.skip())
        answer = None
        try:
            for answer in self.library.stream(question):
                yield *self._show(turns, Turn(question, answer)), *unchanged
        except RagError as error:
            yield *self._show(turns, Turn(question, error=str(error))), *unchanged
        else:
            yield *self._show(turns, Turn(question, answer, done=True)), *unchanged

    def ask_example(self, turns: Turns, event: gr.EventData) -> Iterator[tuple[Any, ...]]:
        yield from self.ask(self.examples[int(event.index)], turns)

    def explain_failure(self, turns: Turns) -> tuple[Any, ...]:
        """Show that a bug, not the documents, is why there is no answer; the traceback is on the server's stderr."""
        if not turns:
            return (gr.skip(),) * 5
        error = "Something went wrong inside leadgoose. The terminal it runs in says more."
        return *self._show(turns[:-1], Turn(turns[-1].question, error=error)), gr.skip(), _ready()

    def choose(self, turns: Turns, event: gr.EventData) -> Any:
        turn, number = int(event.turn), int(event.number)
        answer = turns[turn - 1].answer if 0 < turn <= len(turns) else None
        if answer is None or number not in {c.number for c in evidence(answer)}:
            return gr.skip()
        return sources_html(self.library, answer, turn=turn, number=number, jump=True)

    def restart(self) -> tuple[Any, ...]:
        return (), conversation_html((), self.examples), self.shelf(), "", _ready()

    def _show(self, earlier: Turns, last: Turn) -> tuple[Turns, str, str]:
        turns = (*earlier, last)
        panel = _no_sources()
        if last.answer is not None and (last.done or evidence(last.answer)):
            panel = sources_html(self.library, last.answer, turn=len(turns))
        return turns, conversation_html(turns, self.examples), panel


def _ready() -> Any:
    return gr.update(interactive=True)


def evidence(answer: Answer) -> tuple[Citation, ...]:
    """Return what the source panel shows: the citations, or the nearest passages in their shape when it abstains."""
    return tuple(_as_citation(hit) for hit in answer.hits[:NEAREST_SHOWN]) if answer.abstained else answer.citations


def _as_citation(hit: Hit) -> Citation:
    p = hit.passage
    span = (p.start_char, p.end_char, p.text)
    return Citation(hit.rank, p.document_id, hit.title, *span, page=p.page, heading=p.heading, score=hit.score)


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
    return f'<section class="lg-turn" aria-label="Question {number}">{question}{reply}</section>'


def _answer_html(turn: int, answer: Answer, *, done: bool) -> str:
    sure = f'<p class="lg-confidence" title="{_CONFIDENCE}">confidence {answer.confidence:.2f}</p>' if done else ""
    if answer.abstained:
        first = answer.hits[0].rank if answer.hits else 0
        look = f'<button data-turn="{turn}" data-number="{first}">{_NEAREST}</button>' if answer.hits else ""
        why = answer.reason.removeprefix(_ABSTAINED).lstrip(":. ")  # the line above it says that already
        reason = f'<p dir="auto">{escape(why[:1].upper() + why[1:])}</p>'
        return f'<div class="lg-abstained"><p><strong>{_ABSTAINED}</strong></p>{reason}{sure}{look}</div>'
    titles = {c.number: c.title or c.document_id for c in answer.citations}
    sentences = " ".join(_sentence_html(turn, sentence, titles) for sentence in answer.sentences)
    return f'<div class="lg-answer"><p dir="auto">{sentences or escape(answer.text)}</p>{sure}</div>'


def _sentence_html(turn: int, sentence: AnswerSentence, titles: dict[int, str]) -> str:
    marks = "".join(
        f'<button class="lg-cite" data-turn="{turn}" data-number="{n}" title="{escape(titles[n])}"'
        f' aria-label="Citation {n}: {escape(titles[n])}">[{n}]</button>'
        for n in sentence.citations
        if n in titles
    )
    return f"{escape(sentence.text)} {marks or '<em>[no source]</em>'}"


def sources_html(library: Library, answer: Answer, *, turn: int, number: int = 0, jump: bool = False) -> str:
    """Return the source panel of one answer as HTML.

    Args:
        library: Holds the documents.
        answer: The answer whose citations, or nearest passages, are shown.
        turn: Its place in the conversation, from 1.
        number: The chosen citation; 0 is the first.
        jump: Whether the reader chose it, and is to be taken there.

    Returns:
        The chosen document with its span marked, below buttons for all that can be chosen.
    """
    found = evidence(answer)
    chosen = next((c for c in found if c.number == number), found[0] if found else None)
    if chosen is None:
        return _no_sources("This answer cites no passage.")
    label = _NEAREST if answer.abstained else f"Sources of answer {turn}"
    chips = "".join(f"<li>{_chip(turn, c, current=c is chosen, nearest=answer.abstained)}</li>" for c in found)
    # A value that differs each time makes the page scroll again when the same citation is chosen twice.
    moved = f' data-jump="{time.monotonic_ns()}"' if jump else ""
    kind = " lg-nearest" if answer.abstained else ""
    shown = f'data-turn="{turn}" data-number="{chosen.number}"{moved}'
    return (
        f'<section class="lg-sources{kind}" aria-label="{label}" {shown}>'
        f'<div class="lg-bar"><h2>{label}</h2><button data-back>Back to the answer</button></div>'
        f'<ol class="lg-chips">{chips}</ol>{_source_html(library, found, chosen, nearest=answer.abstained)}</section>'
    )


def shelf_html(documents: Sequence[tuple[str, str]]) -> str:
    """Return what the source panel shows before the first question: names and dates of what can be asked about."""
    shown = documents[:SHELF_SHOWN]
    rows = "".join(f'<li dir="auto">{escape(name)} <span>{escape(date)}</span></li>' for name, date in shown)
    more = len(documents) - len(shown)
    rest = f'<p class="lg-empty">and {more:,} more</p>' if more else ""
    body = f"<h2>In this library</h2><ul>{rows}</ul>{rest}"
    return f'<section class="lg-sources lg-shelf" aria-label="Documents">{body}</section>'


def _no_sources(text: str = "The passages an answer rests on appear here, in their documents.") -> str:
    return f'<section class="lg-sources" aria-label="Sources"><h2>Sources</h2><p class="lg-empty">{text}</p></section>'


def _chip(turn: int, citation: Citation, *, current: bool, nearest: bool) -> str:
    # The words of a citation stand in the answer already; those of a nearest passage stand nowhere else.
    name = escape(citation.quote[:80] if nearest else citation.title or citation.document_id)
    pressed = ' aria-current="true"' if current else ""
    number = citation.number
    return f'<button data-turn="{turn}" data-number="{number}" title="{name}"{pressed}><b>{number}</b> {name}</button>'


def _source_html(library: Library, found: Sequence[Citation], chosen: Citation, *, nearest: bool) -> str:
    try:
        document = library.document(chosen.document_id)
    except KeyError:
        return _stale_html(chosen, "This document is no longer in the library. The passage read:")
    except RagError as error:
        return _stale_html(chosen, f"The document cannot be shown: {error}")
    if document.text[chosen.start_char : chosen.end_char] != chosen.quote:
        return _stale_html(chosen, "This document has changed since the answer was given. The passage read:")
    title = escape(document.title or document.id)
    page = f"page {chosen.page}" if chosen.page is not None else ""
    heading = chosen.heading if chosen.heading != document.title else None
    facts = " · ".join(escape(fact) for fact in (document.date, heading, page, document.id) if fact)
    spans = [chosen] if nearest else [chosen, *(c for c in found if c.document_id == document.id)]
    return (
        f'<h3 dir="auto" title="{title}">{title}</h3><p class="lg-facts" dir="auto">{facts}</p>'
        f'<div class="lg-text" dir="auto" tabindex="0" role="region" aria-label="Text of {title}"{_language(document)}>'
        f"{document_html(document.text, spans, nearest=nearest)}</div>"
    )


def _stale_html(chosen: Citation, message: str) -> str:
    title = escape(chosen.title or chosen.document_id)
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
        parts.append(f"<{tag} {state}>{escape(text[span.start_char : span.end_char])}</{tag}>")
        at = span.end_char
    return "".join((*parts, escape(text[at:last]), _cut_note(len(text) - last, "after")))


def _apart(spans: Sequence[Citation], first: int, last: int) -> list[Citation]:
    kept: list[Citation] = []
    for span in spans:
        inside = first <= span.start_char and span.end_char <= last
        if inside and all(span.end_char <= k.start_char or k.end_char <= span.start_char for k in kept):
            kept.append(span)
    return kept


def _cut_note(chars: int, side: str) -> str:
    return f'<p class="lg-cut">{chars:,} characters {side} this are not shown</p>' if chars else ""


def _language(document: Document) -> str:
    return f' lang="{escape(document.language)}"' if document.language != "und" else ""


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _html(value: str, element: str, script: str | None = None) -> gr.HTML:
    return gr.HTML(value, elem_id=element, js_on_load=script, apply_default_css=False)


def _question_box() -> gr.Textbox:
    return gr.Textbox(
        label="Question", placeholder="Ask about your documents", show_label=False, container=False, autofocus=True,
        max_lines=6, scale=1, html_attributes=gr.InputHTMLAttributes(enterkeyhint="send", autocomplete="off"),
    )  # fmt: skip


_ICON = (
    '<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22 viewBox=%220 0 32 32%22%3E'
    "%3Crect width=%2232%22 height=%2232%22 rx=%227%22 fill=%22%230f766e%22/%3E%3Ctext x=%2216%22 y=%2222%22 "
    "font-size=%2217%22 font-family=%22sans-serif%22 font-weight=%22bold%22 text-anchor=%22middle%22 "
    'fill=%22white%22%3E[1]%3C/text%3E%3C/svg%3E">'
)

# Either side may be rendered last, so both point the answer's mark out that the panel shows.
_POINT_OUT_JS = """
const citeShown = () => {
  const {turn, number} = document.querySelector('#lg-panel .lg-sources').dataset;
  return turn && document.querySelector(`#lg-conversation [data-turn="${turn}"][data-number="${number}"]`);
};
const pointOut = () => {
  document.querySelectorAll('.lg-cite[aria-current]').forEach((cite) => cite.removeAttribute('aria-current'));
  citeShown()?.setAttribute('aria-current', 'true');
};
const buttonOf = (event) => event.target.closest('button')?.dataset ?? {};
"""

_CONVERSATION_JS = (
    _POINT_OUT_JS
    + """
element.addEventListener('click', (event) => {
  const {turn, number, example} = buttonOf(event);
  if (number) trigger('choose', {turn, number});
  if (example) trigger('example', {index: example});
});
watch('value', () => {
  pointOut();
  const turn = element.querySelector('.lg-turn:last-of-type');
  const log = element.querySelector('.lg-log');
  if (!turn) return;
  if (log.scrollHeight > log.clientHeight) log.scrollTop = turn.offsetTop - 8;
  else turn.scrollIntoView({block: 'nearest'});
});
"""
)

_SOURCES_JS = (
    _POINT_OUT_JS
    + """
element.addEventListener('click', (event) => {
  const {turn, number, back} = buttonOf(event);
  if (number) trigger('choose', {turn, number});
  const cite = back !== undefined && citeShown();
  if (cite) { cite.scrollIntoView({block: 'center'}); cite.focus(); }
});
watch('value', () => {
  pointOut();
  const panel = element.querySelector('.lg-sources');
  const chosen = panel.querySelector('.lg-chosen'), text = panel.querySelector('.lg-text');
  if (!chosen || !text) return;
  const spare = Math.max(text.clientHeight - chosen.offsetHeight, 0);
  text.scrollTop = chosen.offsetTop - Math.min(spare / 2, text.clientHeight / 3);
  if (!panel.dataset.jump) return;
  chosen.focus({preventScroll: true});
  panel.scrollIntoView({block: window.innerWidth < 768 ? 'start' : 'nearest'});
});
"""
)

_CSS = """
.gradio-container { --lg-mark: #fde68a; --lg-cited: #fef3c7; --lg-warn: #b45309; --lg-soft: #56657a; --lg-near: #dde5ef;
  max-width: 96rem; margin: 0 auto; }
.dark .gradio-container { --lg-mark: #92600a; --lg-cited: #4a3a14; --lg-warn: #fbbf24; --lg-soft: #a3b1c6;
  --lg-near: #2a3853; }
#lg-header .html-container, #lg-conversation .html-container, #lg-panel .html-container { padding: 0; }
#lg-top { align-items: center; flex-wrap: nowrap; }
#lg-header { min-width: 0; flex: 1; }
#lg-top button { flex: none; }
.lg-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.lg-header { display: flex; align-items: baseline; flex-wrap: wrap; gap: 0 1rem; color: var(--body-text-color); }
.lg-header h1 { font-size: 1.35rem; font-weight: 700; margin: 0; }
.lg-header p, .lg-facts, .lg-confidence, .lg-empty, .lg-cut, .lg-pending { color: var(--lg-soft); margin: 0; }
.lg-facts, .lg-confidence, .lg-cut { font-size: .85rem; }
.lg-log, .lg-sources { color: var(--body-text-color); line-height: 1.55; overflow-wrap: anywhere; position: relative; }
.lg-log { height: calc(100dvh - 9.5rem); overflow-y: auto; padding: .1rem; }
.lg-log p { margin: 0 0 .4rem; }
.lg-turn { padding-bottom: 1.25rem; }
.lg-turn .lg-question { background: var(--background-fill-secondary); border-radius: .75rem; padding: .5rem .9rem;
  width: fit-content; max-width: 90%; margin-left: auto; white-space: pre-wrap; }
.lg-answer > p:first-child { font-size: 1.05rem; }
.lg-abstained, .lg-error { border-left: .25rem solid var(--lg-warn); padding: .25rem 0 .25rem .8rem; }
.lg-abstained strong, .lg-error strong { color: var(--lg-warn); }
.lg-welcome h2, .lg-sources h2 { font-size: 1.05rem; font-weight: 600; margin: 0; }
.lg-welcome h2 { font-size: 1.25rem; margin: 1rem 0 .4rem; }
.lg-welcome ul, .lg-chips { list-style: none; margin: .4rem 0; padding: 0; display: flex; flex-wrap: wrap; gap: .4rem; }
.lg-log button, .lg-sources button { font: inherit; color: inherit; cursor: pointer; text-align: left;
  border: 1px solid var(--border-color-primary); background: var(--background-fill-primary); border-radius: .5rem;
  padding: .3rem .7rem; }
.lg-log button:hover, .lg-sources button:hover { border-color: var(--color-accent); }
.lg-log :focus-visible, .lg-sources :focus-visible { outline: 2px solid var(--color-accent); outline-offset: 1px; }
.lg-log button.lg-cite { border: 0; background: none; padding: 0 .1rem; font-weight: 600;
  color: var(--link-text-color); }
.lg-log button.lg-cite:hover { text-decoration: underline; }
.lg-log button.lg-cite[aria-current] { background: var(--lg-mark); color: inherit; border-radius: .25rem; }
.lg-sources { height: calc(100dvh - 5.75rem); display: flex; flex-direction: column; }
.lg-bar { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: baseline; gap: 0 1rem; }
.lg-sources .lg-bar button { border: 0; background: none; padding: 0; font-size: .85rem; color: var(--link-text-color);
  white-space: nowrap; }
.lg-chips button { max-width: 16rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
  font-size: .85rem; }
.lg-chips button[aria-current] { border-color: var(--color-accent); background: var(--background-fill-secondary); }
.lg-sources h3 { font-size: 1rem; font-weight: 600; margin: .4rem 0 0; flex: none;
  display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; }
.lg-shelf { overflow-y: auto; }
.lg-shelf ul { margin: .5rem 0; padding: 0; list-style: none; }
.lg-shelf li { padding: .5rem 0; border-bottom: 1px solid var(--border-color-primary); }
.lg-shelf span { color: var(--lg-soft); white-space: nowrap; }
.lg-text { white-space: pre-wrap; overflow-y: auto; flex: 1; min-height: 0; position: relative; margin-top: .5rem;
  padding: .8rem 1rem; border: 1px solid var(--border-color-primary); border-radius: .5rem;
  background: var(--background-fill-secondary); }
.lg-text mark { color: inherit; background: var(--lg-cited); border-radius: .2rem; }
.lg-text mark.lg-chosen { background: var(--lg-mark); }
.lg-text span.lg-chosen { background: var(--lg-near); border-radius: .2rem; }
.lg-nearest h2 { color: var(--lg-warn); }
@media (max-width: 767px) {
  .lg-log { height: auto; min-height: 30dvh; }
  .lg-sources { height: auto; max-height: 90dvh; }
  .lg-chips { flex-wrap: nowrap; flex: none; overflow-x: auto; max-width: calc(100vw - 4rem); }
  .lg-chips button { max-width: 12rem; }
  .gradio-container textarea { font-size: 16px; }
}
"""
