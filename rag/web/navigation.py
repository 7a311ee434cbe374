"""The links between the pages, as HTML, in the reader's language; knows no page and no Gradio."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

# Name, address below the service's own, and the page's name by language. Addresses are relative, so that a proxy may
# serve all of it below any path.
PAGES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "chat": ("", {"en": "Chat", "zh": "问答"}),
    "documents": ("documents", {"en": "Documents", "zh": "文档"}),
    "quality": ("quality", {"en": "Quality", "zh": "质量"}),
}
LABEL: Mapping[str, str] = {"en": "Pages", "zh": "页面"}
LEAVE: Mapping[str, str] = {"en": "Log out", "zh": "退出登录"}
LANGUAGES = ("en", "zh")
# The chat page keeps the language that a reader chose in their browser; this tells the service, and asks for the page
# again where it came in another one.
CHOSEN = re.compile(r"(?:^|;\s*)leadgoose-language=(en|zh)(?:;|$)")
TELL_CHOSEN = """try {
  const {language} = JSON.parse(localStorage.getItem('leadgoose-choices')), told = `leadgoose-language=${language}`;
  const known = () => document.cookie.split('; ').includes(told);
  if (/^(en|zh)$/.test(language) && !known()) {
    document.cookie = `${told}; path=/; SameSite=Strict`;
    if (known() && !document.querySelector('#lg-conversation')) location.reload();
  }
} catch { /* nothing is chosen, or nothing may be kept */ }
"""


def page_language(headers: Mapping[str, str]) -> str:
    """Return the language that a reader chose, else the one of ours that their browser likes best.

    Args:
        headers: Of the request, by names in small letters.

    Returns:
        ``"en"`` or ``"zh"``.
    """
    chosen = CHOSEN.search(headers.get("cookie", ""))
    return chosen[1] if chosen else reader_language(headers.get("accept-language"))


def reader_language(accepted: str | None) -> str:
    """Return the language of ours that a reader likes best.

    Args:
        accepted: The value of the header ``Accept-Language``, or ``None``.

    Returns:
        ``"en"`` or ``"zh"``; English where they name neither.

    Reference:
        RFC 9110, section 12.5.4.
    """
    wanted: list[tuple[float, int, str]] = []
    for place, part in enumerate((accepted or "")[:500].split(",")):
        tag, _, weight = part.partition(";")
        language = tag.strip().lower().partition("-")[0]
        if language in LANGUAGES and _weight(weight):
            wanted.append((-_weight(weight), place, language))
    return min(wanted, default=(0.0, 0, "en"))[2]


def _weight(text: str) -> float:
    if not text:
        return 1.0
    name, _, value = text.strip().partition("=")
    if name.strip().lower() != "q":
        return 0.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0


def navigation_html(current: str, language: str, *, leave: bool = False) -> str:
    """Return the links to all pages as HTML, the one to ``current`` marked as such.

    Args:
        current: Name of the page.
        language: ``"en"`` or ``"zh"``.
        leave: Whether there is a token to log out with, which a button is for then.

    Returns:
        The links.
    """
    links = []
    for name, (address, titles) in PAGES.items():
        here = ' aria-current="page"' if name == current else ""
        links.append(f'<li><a href="./{address}"{here}>{escape(titles[language])}</a></li>')
    if leave:
        button = f"<button>{escape(LEAVE[language])}</button>"
        links.append(f'<li class="lg-leave"><form method="post" action="./logout">{button}</form></li>')
    label = escape(LABEL[language])
    return f'<nav class="lg-nav" aria-label="{label}" lang="{language}"><ul>{"".join(links)}</ul></nav>'
