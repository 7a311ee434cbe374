"""What the pages load: style, scripts and icon, all of them files of this package; knows nothing of what is shown."""

from __future__ import annotations

from importlib.resources import files

ICON = (
    '<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22 viewBox=%220 0 32 32%22%3E'
    "%3Crect width=%2232%22 height=%2232%22 rx=%227%22 fill=%22%230f766e%22/%3E%3Ctext x=%2216%22 y=%2222%22 "
    "font-size=%2217%22 font-family=%22sans-serif%22 font-weight=%22bold%22 text-anchor=%22middle%22 "
    'fill=%22white%22%3E[1]%3C/text%3E%3C/svg%3E">'
)
# In the order in which they are put together: each uses those before it.
SCRIPTS = ("tools.js", "past.js", "talk.js", "sources.js", "feedback.js", "menu.js", "keys.js", "chat.js")


def style_sheet() -> str:
    """Return the CSS of the pages."""
    return files("rag.web").joinpath("page.css").read_text("utf-8")


def script() -> str:
    """Return the JavaScript of the chat, the body of one function."""
    folder = files("rag.web").joinpath("browser")
    return "\n".join(folder.joinpath(name).read_text("utf-8") for name in SCRIPTS)
