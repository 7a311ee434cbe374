"""The pages of the service put together and mounted; knows what each is called and how all look, not what they do."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from rag.web.navigation import PAGES, TELL_CHOSEN, navigation_html, page_language
from rag.web.page import ICON, style_sheet

# Gradio reports its use to its makers unless told otherwise before the import; nothing may leave this machine.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio as gr

from rag.web.access import LOCAL, page_caller
from rag.web.chat_page import chat_page
from rag.web.documents_page import documents_page
from rag.web.evaluation_jobs import Evaluations
from rag.web.quality_page import quality_page

if TYPE_CHECKING:
    from fastapi import FastAPI

    from rag.web.collections import Collections


# Sessions whose conversation is held in memory, up to 2 MB each; the browser keeps its own. Gradio's default is 10,000.
SESSIONS = 1_000


def create_page(
    collections: Collections, *, examples: Sequence[str] | None = None, evaluations: Evaluations | None = None
) -> gr.Blocks:
    """Return the pages over libraries, not yet mounted anywhere.

    Args:
        collections: The libraries.
        examples: Questions the chat offers at the start; ``None`` for some that the first library is seen to answer.
        evaluations: Runs what the quality page asks for, one at a time; ``None`` for some of the pages' own.

    Returns:
        The pages.
    """
    with _one_application():
        page = gr.Blocks(title="leadgoose", fill_width=True)
        chat = chat_page(collections, examples=examples)
        with page:
            _lay_out(page, "chat", chat)
        quality = quality_page(collections, evaluations or Evaluations())
        for name, part in (("documents", documents_page(collections)), ("quality", quality)):
            address, titles = PAGES[name]
            with page.route(titles["en"], address, show_in_navbar=False):
                _lay_out(page, name, part)
    page.state_session_capacity = SESSIONS
    settings = collections.first.settings
    # They wait for their turn with all other questions, not in a line of Gradio's own, which has no end, and which
    # whoever calls Gradio's routes by hand would pass by.
    page.queue(default_concurrency_limit=settings.serve_askers + settings.serve_queue, api_open=False)
    return page


@contextmanager
def _one_application() -> Iterator[None]:
    """Let no application be made of parts inside the context.

    Gradio makes one with all its routes, 0.1 s each, whenever a part is begun or closed, and drops it for the next
    one; what is kept is that of `gradio.Blocks.queue`, at the end. A fifth of the time to the first page was theirs.
    """
    application: Any = gr.routes.App
    made = vars(application)["create_app"]
    application.create_app = staticmethod(lambda *_, **__: None)
    try:
        yield
    finally:
        application.create_app = made


def _lay_out(page: gr.Blocks, name: str, part: Any) -> None:
    """Put the links to all pages above one of them; Gradio's own bar of links has no landmark and one language."""
    links = gr.HTML(navigation_html(name, "en"), elem_id="lg-nav", js_on_load=TELL_CHOSEN, apply_default_css=False)

    def in_their_language(request: gr.Request) -> str:
        return navigation_html(name, page_language(request.headers), leave=page_caller(request) is not LOCAL)

    page.load(in_their_language, None, links, queue=False, show_progress="hidden", api_visibility="private")
    part.render()


def mount_page(app: FastAPI, page: gr.Blocks) -> None:
    """Mount ``page`` at ``/`` of ``app``, with its looks and without anything that reaches beyond this machine."""
    fonts = ("system-ui", "Noto Sans", "sans-serif")  # named only: no font is fetched
    theme = gr.themes.Default(primary_hue="teal", neutral_hue="slate", font=fonts, font_mono=("monospace",))
    # White on the theme's own teal has a contrast of 2.5 to 1, too little to read.
    fill, over = "*primary_700", "*primary_800"
    theme.set(button_primary_background_fill=fill, button_primary_background_fill_dark=fill)
    theme.set(button_primary_background_fill_hover=over, button_primary_background_fill_hover_dark=over)
    theme.set(input_placeholder_color="*neutral_500", input_placeholder_color_dark="*neutral_400")
    looks: dict[str, Any] = {
        "theme": theme,
        "css": style_sheet() + _pages_css(),
        "head": ICON,
        "footer_links": [],
    }
    off: dict[str, Any] = {"run_history": False, "enable_monitoring": False, "mcp_server": False, "pwa": False}
    with warnings.catch_warnings():
        # It warns, of several pages, that they are not rendered on the server, also where nobody wants that.
        warnings.filterwarnings("ignore", message="SSR mode is not supported")
        gr.mount_gradio_app(app, page, "/", allowed_paths=[], show_error=False, ssr_mode=False, **looks, **off)


def _pages_css() -> str:
    return files("rag.web").joinpath("pages.css").read_text("utf-8")
