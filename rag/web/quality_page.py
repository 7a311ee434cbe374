"""The quality page over libraries: what stands on it and what its events do; knows no stage, no storage and no HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gradio as gr

if TYPE_CHECKING:
    from rag.web.collections import Collections


def quality_page(collections: Collections) -> gr.Blocks:
    """Return the quality page.

    Args:
        collections: The libraries that are measured.

    Returns:
        The page, to be rendered into one that is served.
    """
    page = gr.Blocks()
    with page:
        gr.HTML("<h1>Quality</h1>", apply_default_css=False)
    return page
