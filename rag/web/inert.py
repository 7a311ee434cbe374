"""Texts of others as HTML that does nothing: names, attributes and languages; knows no page."""

from __future__ import annotations

from html import escape

from rag import printable
from rag.language import question_language


def name_html(text: str) -> str:
    """Return a title, heading or id as HTML: the name of a file may turn the direction of writing of what follows."""
    return escape(printable.shown(text))


def language_html(language: str) -> str:
    """Return the attribute that names a language, ``""`` where it is unknown."""
    return f' lang="{escape(language)}"' if language != "und" else ""


def spoken_html(text: str) -> str:
    """Return the attributes of a text of any language: which it is as far as that shows, and how it is written."""
    return f' dir="auto"{language_html(question_language(text[:2000]))}'


def cut_html(text: str, most: int) -> str:
    """Return at most so many characters of a text as HTML."""
    return escape(text if len(text) <= most else text[:most] + "…")
