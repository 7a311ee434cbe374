"""The chat page: what stands on it, and which event of it calls what; knows no library and no HTML.

The browser's side lives in ``browser/*.js``. Each event is one call; what comes back is a message to the conversation,
to the source panel or to the page around them, each to be shown by the script and bounded whatever the length of the
conversation: a turn that was shown stays in the browser.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from rag.web.access import LOCAL, Role, check_page, page_caller, refusal
from rag.web.chat_events import Chat, Place, Shown
from rag.web.collections import DEFAULT
from rag.web.page import script
from rag.web.queueing import asking

if TYPE_CHECKING:
    from rag.web.collections import Collections

_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
# Only questions are queued: Gradio's client loses an event that is queued while the stream of another one ends.
_DIRECT = _QUIET | {"queue": False}
_TOLD = "watch('value', () => document.dispatchEvent(new CustomEvent('lg-{}', {{detail: props.value}})));"


def chat_page(collections: Collections, *, examples: Sequence[str] | None = None) -> gr.Blocks:
    """Return the chat page.

    Args:
        collections: Its libraries answer the questions. They serve all sessions; what they asked lives in each
            session's own state.
        examples: Questions offered at the start in the first library; ``None`` offers some that it is seen to answer.

    Returns:
        The page, to be rendered into one that is served.
    """
    chat = Chat(collections, examples)
    page = gr.Blocks()
    with page:
        _connect(_Events(chat), _lay_out())
    return page


@dataclass(frozen=True)
class _Parts:
    """What stands on the page and takes part in its events."""

    turns: gr.State
    place: gr.State
    talk: gr.HTML
    box: gr.Textbox
    send: gr.Button
    panel: gr.HTML
    wire: gr.HTML


def _lay_out() -> _Parts:
    turns, place = gr.State(()), gr.State(Place())
    _html("lg-header", '<header class="lg-header"><h1>leadgoose</h1></header>')
    with gr.Row(elem_id="lg-columns"):
        with gr.Column(min_width=320):
            # Speaks for itself when a turn is whole, in a line of its own: a log read aloud at every step is noise.
            log = (
                '<div class="lg-log" role="log" aria-live="off" aria-label="Conversation" tabindex="0"></div>'
                '<p class="lg-hidden" id="lg-status" role="status" aria-live="polite"></p>'
                '<p class="lg-note" id="lg-note" role="status" aria-live="polite"></p>'
            )
            talk = _html("lg-conversation", log, _TOLD.format("talk"))
            with gr.Row(elem_id="lg-composer"):
                box = _question_box()
                send = gr.Button("Send", variant="primary", scale=0, min_width=80)
        with gr.Column(min_width=320):
            panel = _html("lg-panel", '<section class="lg-sources"></section>', _TOLD.format("panel"))
    wire = _html("lg-wire", "", script(), visible="hidden")
    return _Parts(turns, place, talk, box, send, panel, wire)


@dataclass(frozen=True)
class _Events:
    """The events as Gradio calls them: values of the page in, values of the page out."""

    chat: Chat

    def enter(self, event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        readable = self._readable(request)
        if not readable:
            told = {"kind": "note", "note": refusal(page_caller(request), Role.READ, DEFAULT)}
            return *(gr.skip(),) * 4, told, gr.skip(), gr.update(interactive=False)
        place, shown, around = self.chat.enter(event._data, readable, leave=page_caller(request) is not LOCAL)
        words = place.words
        box = gr.update(label=words.question, placeholder=words.placeholder)
        return place, shown.turns, shown.talk, shown.panel, around, box, gr.update(value=words.send, interactive=True)

    def suggest(self, place: Place, request: gr.Request) -> Any:
        return self.chat.suggest(place) if _may_read(request, place) else gr.skip()

    def ask(self, question: str, turns: Any, place: Place, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        check_page(request, Role.READ, place.library)
        question = question.strip()
        if not question:
            yield gr.skip(), gr.skip(), gr.skip(), self.chat.missing(place), "", gr.skip()
            return
        shown = self.chat.ask(question, turns, place, asking(request))
        yield *_values(next(shown)), gr.skip(), "", gr.update(interactive=False)
        # The box is left alone from here on: the next question may be half typed already.
        for more in shown:
            yield *_values(more), gr.skip(), gr.skip(), gr.skip()

    def example(self, turns: Any, place: Place, event: gr.EventData, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        yield from self.ask(self.chat.example(place, event._data), turns, place, request)

    def fail(self, turns: Any, place: Place) -> tuple[Any, ...]:
        return *_values(self.chat.fail(turns, place)), gr.skip(), gr.skip(), _ready()

    def choose(self, turns: Any, place: Place, event: gr.EventData, request: gr.Request) -> Any:
        chosen = self.chat.choose(turns, place, event._data) if _may_read(request, place) else None
        return chosen or gr.skip()

    def judge(self, turns: Any, place: Place, event: gr.EventData, request: gr.Request) -> Any:
        return self.chat.judge(turns, place, event._data) if _may_read(request, place) else gr.skip()

    def export(self, turns: Any, place: Place, event: gr.EventData, request: gr.Request) -> Any:
        made = self.chat.export(turns, place, event._data) if _may_read(request, place) else None
        return made or gr.skip()

    def restart(self, place: Place, request: gr.Request) -> tuple[Any, ...]:
        # A session that never entered has a place too, which its caller need not be allowed.
        if not _may_read(request, place):
            return (gr.skip(),) * 6
        return *_values(self.chat.restart(place)), gr.skip(), "", _ready()

    def _readable(self, request: gr.Request) -> list[str]:
        caller = page_caller(request)
        return [name for name in self.chat.names() if caller.may(Role.READ, name)]


def _connect(events: _Events, parts: _Parts) -> None:
    turns, place, wire = parts.turns, parts.place, parts.wire
    session = [turns, place]
    shown = [turns, parts.talk, parts.panel, wire, parts.box, parts.send]
    asked = gr.on([parts.box.submit, parts.send.click], events.ask, [parts.box, *session], shown, **_QUIET)
    tried = wire.example(events.example, session, shown, **_QUIET)
    for question in (asked, tried):
        question.failure(events.fail, session, shown, **_DIRECT)
        question.then(_ready, None, parts.send, **_DIRECT)
    wire.choose(events.choose, session, parts.panel, **_DIRECT)
    wire.judge(events.judge, session, wire, **_DIRECT)
    wire.export(events.export, session, wire, **_DIRECT)
    wire.suggest(events.suggest, place, wire, **_DIRECT)
    whole = [place, turns, parts.talk, parts.panel, wire, parts.box, parts.send]
    wire.enter(events.enter, None, whole, **_DIRECT)
    # Another conversation ends the answer that is being written.
    wire.leave(events.enter, None, whole, cancels=[asked, tried], **_DIRECT)
    wire.restart(events.restart, place, shown, cancels=[asked, tried], **_DIRECT)


def _values(shown: Shown) -> tuple[Any, ...]:
    return shown.turns, shown.talk or gr.skip(), shown.panel or gr.skip()


def _may_read(request: gr.Request, place: Place) -> bool:
    # A session's library was one that its reader might read; a token may have been taken back since.
    return page_caller(request).may(Role.READ, place.library)


def _ready() -> Any:
    return gr.update(interactive=True)


def _html(element: str, template: str, script: str | None = None, **options: Any) -> gr.HTML:
    """Return a place that is filled by the script: its HTML never changes, its value is a message."""
    options |= {"js_on_load": script, "apply_default_css": False}
    return gr.HTML(None, elem_id=element, html_template=template, **options)


def _question_box() -> gr.Textbox:
    return gr.Textbox(
        label="Question", placeholder="Ask about your documents", show_label=False, container=False, autofocus=True,
        max_lines=6, scale=1, html_attributes=gr.InputHTMLAttributes(enterkeyhint="send", autocomplete="off"),
    )  # fmt: skip
