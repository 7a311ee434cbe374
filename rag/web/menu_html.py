"""What stands around a conversation as HTML: the top of the page, the feedback form, the keys; knows no answers."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from rag.web.inert import name_html
from rag.web.words import WORDS, Words


def header_html(held: str, libraries: Sequence[str], library: str, language: str) -> str:
    """Return the top of the page.

    Args:
        held: What the library holds, in words.
        libraries: Names of those that can be chosen.
        library: The one that is asked.
        language: The language of the page.

    Returns:
        Name, choice of library and language, and buttons for conversations and keys.
    """
    words = WORDS[language]
    several = _choice("library", words.library, [(n, n) for n in libraries], library) if len(libraries) > 1 else ""
    spoken = _choice("language", words.language, [(code, w.name) for code, w in WORDS.items()], language)
    return (
        f'<header class="lg-header"><h1>leadgoose</h1><p>{escape(held)}</p>{several}'
        f'<span class="lg-grow"></span>{spoken}'
        f'<button data-do="keys">{words.keys}</button><button data-do="past">{words.past}</button>'
        f'<button data-do="new">{words.new}</button></header>'
    )


def _choice(name: str, label: str, options: Sequence[tuple[str, str]], chosen: str) -> str:
    listed = "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{name_html(text)}</option>'
        for value, text in options
    )
    return f'<select data-choose="{name}" aria-label="{label}" title="{label}">{listed}</select>'


def form_html(words: Words) -> str:
    """Return the form for what would be right, which is moved to the answer it is about."""
    return (
        f'<form class="lg-form" aria-label="{words.correct}">'
        f"<p><strong>{words.correct}</strong> {words.correct_help}</p>"
        f'<label>{words.right_answer}<textarea name="answer" rows="2" maxlength="2000" dir="auto"></textarea></label>'
        f'<p class="lg-picked">{words.right_passage}: <span data-picked>{words.not_selected}</span></p>'
        f'<label class="lg-check"><input type="checkbox" name="absent"> {words.not_here}</label>'
        f'<label>{words.comment}<textarea name="comment" rows="1" maxlength="2000" dir="auto"></textarea></label>'
        f'<p class="lg-row"><button type="submit">{words.save}</button>'
        f'<button type="button" data-do="cancel">{words.cancel}</button></p></form>'
    )


def keys_html(words: Words) -> str:
    """Return what the keys do."""
    keys = (
        (("/",), words.key_box),
        (("[", "]"), words.key_step),
        (("Esc",), words.key_back),
        (("?",), words.key_help),
    )
    rows = "".join(
        f"<dt>{' '.join(f'<kbd>{escape(k)}</kbd>' for k in pressed)}</dt><dd>{said}</dd>" for pressed, said in keys
    )
    switch = f'<label class="lg-check"><input type="checkbox" data-keys checked> {words.keys_on}</label>'
    return f"<h2>{words.keys}</h2><dl>{rows}</dl><p>{words.keys_where}</p>{switch}"
