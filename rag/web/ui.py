"""The pages of the service put together and mounted; knows what each is called and how all look, not what they do."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rag.web.page import ICON, style_sheet

# Gradio reports its use to its makers unless told otherwise before the import; nothing may leave this machine.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio as gr

from rag.web.chat_page import chat_page

if TYPE_CHECKING:
    from fastapi import FastAPI

    from rag.web.collections import Collections

ASKERS = 8  # questions answered at the same time; Gradio's own default is one


def create_page(collections: Collections, *, examples: Sequence[str] | None = None) -> gr.Blocks:
    """Return the pages over libraries, not yet mounted anywhere.

    Args:
        collections: The libraries.
        examples: Questions the chat offers at the start; ``None`` for some that the first library is seen to answer.

    Returns:
        The pages.
    """
    page = gr.Blocks(title="leadgoose", fill_width=True)
    chat: Any = chat_page(collections, examples=examples)
    with page:
        chat.render()
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
    looks: dict[str, Any] = {"theme": theme, "css": style_sheet(), "head": ICON, "footer_links": []}
    off: dict[str, Any] = {"run_history": False, "enable_monitoring": False, "mcp_server": False, "pwa": False}
    gr.mount_gradio_app(app, page, "/", allowed_paths=[], show_error=False, ssr_mode=False, **looks, **off)
