"""What pages have in common whose parts the server fills: every event checks who asks and answers in one way.

Knows no library and no HTML of a page.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any, ClassVar

import gradio as gr

from rag.errors import RagError
from rag.web.access import page_caller
from rag.web.discreet import told
from rag.web.documents_html import notice_html
from rag.web.documents_words import Words
from rag.web.navigation import page_language
from rag.web.said import worded

DIRECT: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "queue": False}
# How often a page asks how far something is, while it runs.
FOLLOW_S = 1.0
Parts = dict[str, Any]


class ActingPage(ABC):
    """What happens on a page's events; holds nothing of a session.

    What a button or a form asks for is done by the method ``_do_ACT``, which is given the session's state, the request
    and the wish; every one of them checks who asks. Each returns parts by name; those left out stay as they are.

    Attributes:
        parts: The parts: the session's state first, a timer last, between them places for HTML.
        fields: Fields that browsers send with what they ask for.
        language_words: What the page says, by language.
    """

    parts: ClassVar[Sequence[str]]
    fields: ClassVar[Sequence[str]]
    language_words: ClassVar[Mapping[str, Words]]

    @abstractmethod
    def whole(self, state: Any, request: gr.Request) -> Parts:
        """Return the whole page."""

    @abstractmethod
    def progress(self, state: Any, request: gr.Request) -> Parts:
        """Return how far what runs is; once it has ended, what came of it."""

    def load(self, state: Any, request: gr.Request) -> tuple[Any, ...]:
        """Show the page to who has just opened it."""
        return self._answer(request, lambda: self.whole(state, request))

    def act(self, state: Any, request: gr.Request, event: gr.EventData) -> tuple[Any, ...]:
        """Do what a button or a form of the page asks for."""
        wish = {name: getattr(event, name) for name in self.fields if hasattr(event, name)}
        done = getattr(self, f"_do_{wish.get('act')}", None)
        if done is None:
            return self._shown({})
        return self._answer(request, lambda: done(state, request, wish))

    def follow(self, state: Any, request: gr.Request) -> tuple[Any, ...]:
        """Show how far it is; what was said of something else stays."""
        return self._answer(request, lambda: {"notice": gr.skip()} | self.progress(state, request))

    def explain_failure(self, request: gr.Request) -> str:
        """Say that something is broken; the traceback is on the server's stderr."""
        return notice_html(self.words(request)["reload"], error=True)

    def words(self, request: gr.Request) -> Words:
        """Return what the page says to a browser."""
        return self.language_words[page_language(request.headers)]

    def _answer(self, request: gr.Request, work: Callable[[], Parts]) -> tuple[Any, ...]:
        """Return what is to be shown, or in one line what is wrong."""
        try:
            return self._shown({"notice": ""} | work())
        except RagError as error:
            line = worded(told(page_caller(request), str(error)), page_language(request.headers))
            return self._shown({"notice": notice_html(line, error=True)})

    def _shown(self, parts: Parts) -> tuple[Any, ...]:
        return tuple(parts.get(name, gr.skip()) for name in self.parts)


def lay_out(page: ActingPage, state: Any, *, key: str, scripts: Sequence[str]) -> gr.Blocks:
    """Return the page, to be rendered into one that is served.

    Args:
        page: What happens on it.
        state: The state that a session begins with.
        key: What the ids of its parts begin with.
        scripts: Files of its script.

    Returns:
        The page.
    """
    script = "\n".join(files("rag.web").joinpath(part).read_text("utf-8") for part in scripts)
    places = page.parts[1:-1]
    blocks = gr.Blocks()
    with blocks:
        given = gr.State(state)
        shown: dict[str, Any] = {
            name: gr.HTML("", elem_id=f"lg-{key}-{name}", js_on_load=script, apply_default_css=False) for name in places
        }
        timer = gr.Timer(FOLLOW_S, active=False)
        parts = [given, *shown.values(), timer]
        blocks.load(page.load, given, parts, **DIRECT)
        for name in places:
            # By default what is asked for while an answer is on its way is dropped.
            acted = shown[name].act(page.act, given, parts, trigger_mode="multiple", **DIRECT)
            acted.failure(page.explain_failure, None, shown["notice"], **DIRECT)
        timer.tick(page.follow, given, parts, **DIRECT)
    return blocks
