"""The chat page over libraries: what stands on it and what its events do; knows no stage, no storage and no HTML."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from rag.conversation import MOST_TURNS
from rag.errors import RagError
from rag.schema import Answer, Document
from rag.web.page import (
    Turn,
    Turns,
    chosen_citation,
    conversation_html,
    evidence,
    header_html,
    no_sources_html,
    script,
    shelf_html,
    sources_html,
)

if TYPE_CHECKING:
    from rag.library import Library
    from rag.web.collections import Collections

_NAME = re.compile(r"\b[A-Z][\w'-]+(?: [A-Z][\w'-]+)+")
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
# Only questions are queued: Gradio's client loses an event that is queued while the stream of another one ends.
_DIRECT = _QUIET | {"queue": False}


def chat_page(collections: Collections, *, examples: Sequence[str] | None = None) -> gr.Blocks:
    """Return the chat page.

    Args:
        collections: Its libraries answer the questions. They serve all sessions; what they asked lives in each
            session's own state.
        examples: Questions offered at the start; ``None`` offers some that the first library is seen to answer.

    Returns:
        The page, to be rendered into one that is served.
    """
    library = collections.first
    chat = _Chat(library, tuple(suggest_questions(library) if examples is None else examples))
    page = gr.Blocks()
    with page:
        parts = _lay_out(chat)
        _connect(chat, parts)
        page.load(chat.header, None, parts.header, **_DIRECT)
        page.load(chat.shelf, None, parts.sources, **_DIRECT)
    return page


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


def show_sources(library: Library, answer: Answer, *, turn: int, number: int = 0, jump: bool = False) -> str:
    """Return the source panel of one answer as HTML.

    Args:
        library: Holds the documents.
        answer: The answer whose citations, or nearest passages, are shown.
        turn: Its place in the conversation, from 1.
        number: The chosen citation; 0 is the first.
        jump: Whether the reader chose it, and is to be taken there.

    Returns:
        The panel, also when the document is gone or cannot be read: then it says so.
    """
    chosen = chosen_citation(answer, number)
    if chosen is None:
        return no_sources_html("This answer cites no passage.")
    source: Document | str
    try:
        source = library.document(chosen.document_id)
    except KeyError:
        source = "This document is no longer in the library. The passage read:"
    except RagError as error:
        source = f"The document cannot be shown: {error}"
    return sources_html(answer, chosen, source, turn=turn, jump=time.monotonic_ns() if jump else None)


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
        return header_html(held)

    def shelf(self) -> str:
        try:
            return shelf_html([(d.title or d.id, d.date or "") for d in self.library.documents()])
        except RagError:  # the header says it
            return no_sources_html()

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
        history = [turn.answer for turn in turns[-MOST_TURNS:] if turn.answer and turn.done]
        try:
            for answer in self.library.stream(question, history=history):
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
        return show_sources(self.library, answer, turn=turn, number=number, jump=True)

    def restart(self) -> tuple[Any, ...]:
        return (), conversation_html((), self.examples), self.shelf(), "", _ready()

    def _show(self, earlier: Turns, last: Turn) -> tuple[Turns, str, str]:
        turns = (*earlier, last)
        panel = no_sources_html()
        if last.answer is not None and (last.done or evidence(last.answer)):
            panel = show_sources(self.library, last.answer, turn=len(turns))
        return turns, conversation_html(turns, self.examples), panel


def _ready() -> Any:
    return gr.update(interactive=True)


@dataclass(frozen=True)
class _Parts:
    """What stands on the page and takes part in its events."""

    turns: gr.State
    header: gr.HTML
    clear: gr.Button
    conversation: gr.HTML
    box: gr.Textbox
    send: gr.Button
    sources: gr.HTML


def _lay_out(chat: _Chat) -> _Parts:
    turns = gr.State(())
    with gr.Row(elem_id="lg-top"):
        header = _html(chat.header(), "lg-header")
        clear = gr.Button("New conversation", size="sm", scale=0, min_width=160)
    with gr.Row(elem_id="lg-columns"):
        with gr.Column(min_width=320):
            conversation = _html(conversation_html((), chat.examples), "lg-conversation", script())
            with gr.Row(elem_id="lg-composer"):
                box = _question_box()
                send = gr.Button("Send", variant="primary", scale=0, min_width=80)
        with gr.Column(min_width=320):
            sources = _html(chat.shelf(), "lg-panel", script())
    return _Parts(turns, header, clear, conversation, box, send, sources)


def _connect(chat: _Chat, parts: _Parts) -> None:
    turns, box, send = parts.turns, parts.box, parts.send
    shown = [turns, parts.conversation, parts.sources, box, send]
    asked = gr.on([box.submit, send.click], chat.ask, [box, turns], shown, **_QUIET)
    tried = parts.conversation.example(chat.ask_example, [turns], shown, **_QUIET)
    for question in (asked, tried):
        question.failure(chat.explain_failure, [turns], shown, **_DIRECT)
        question.then(_ready, None, send, **_DIRECT)
    for choosing in (parts.conversation, parts.sources):
        choosing.choose(chat.choose, [turns], parts.sources, **_DIRECT)
    parts.clear.click(chat.restart, None, shown, cancels=[asked, tried], **_DIRECT)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _html(value: str, element: str, script: str | None = None) -> gr.HTML:
    return gr.HTML(value, elem_id=element, js_on_load=script, apply_default_css=False)


def _question_box() -> gr.Textbox:
    return gr.Textbox(
        label="Question", placeholder="Ask about your documents", show_label=False, container=False, autofocus=True,
        max_lines=6, scale=1, html_attributes=gr.InputHTMLAttributes(enterkeyhint="send", autocomplete="off"),
    )  # fmt: skip
