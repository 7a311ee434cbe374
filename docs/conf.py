"""How the pages are made into a site: `make docs`, which fails on a link that leads nowhere."""

from __future__ import annotations

import re
from typing import Any

project = "leadgoose"
extensions = ["myst_parser"]
html_theme = "furo"
html_show_copyright = False
exclude_patterns = ["_build"]
# Headings are linked as on GitHub.
myst_heading_anchors = 3


def setup(app: Any) -> None:
    """Let Markdown files outside this folder, which are no pages of the site, be linked as files."""
    app.connect("source-read", _link_files)


def _link_files(_: Any, __: str, source: list[str]) -> None:
    source[0] = re.sub(r"\]\((\.\./[\w./-]+\.md)\)", r"](path:\1)", source[0])
