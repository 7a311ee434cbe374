"""Sources that disagree, side by side as HTML; knows no conversation."""

from __future__ import annotations

from html import escape

from rag.schema import Answer, Citation, Disagreement, Reading
from rag.web.inert import name_html, spoken_html
from rag.web.words import Words

QUOTE_SHOWN_CHARS = 300


def conflicts_html(turn: int, answer: Answer, words: Words) -> str:
    """Return what the sources of an answer disagree on, one column a source and the newest marked.

    Args:
        turn: The answer's place in the conversation, from 1.
        answer: The answer.
        words: What the page says.

    Returns:
        HTML; ``""`` where they agree.
    """
    cited = {c.number: c for c in answer.citations}
    return "".join(_conflict_html(turn, disagreement, cited, words) for disagreement in answer.disagreements)


def _conflict_html(turn: int, disagreement: Disagreement, cited: dict[int, Citation], words: Words) -> str:
    columns = "".join(
        _reading_html(turn, reading, cited[reading.citation], words)
        for reading in disagreement.readings
        if reading.citation in cited
    )
    return (
        f'<div class="lg-conflict" role="group" aria-label="{words.disagree}"><p><strong>{words.disagree}</strong></p>'
        f'<ul class="lg-readings">{columns}</ul></div>'
    )


def _reading_html(turn: int, reading: Reading, citation: Citation, words: Words) -> str:
    date = escape(reading.date) if reading.date else words.undated
    newest = f' <span class="lg-newest">{words.newest}</span>' if reading.newest else ""
    name = name_html(citation.title or citation.document_id)
    number = citation.number
    label = f"{words.citation.format(number)} {name}"
    button = (
        f'<button class="lg-cite" data-turn="{turn}" data-number="{number}" title="{name}"'
        f' aria-label="{label}">[{number}]</button>'
    )
    quote = citation.quote
    shown = quote if len(quote) <= QUOTE_SHOWN_CHARS else quote[:QUOTE_SHOWN_CHARS] + "…"
    return (
        f"<li{' class=lg-is-newest' if reading.newest else ''}>"
        f'<p class="lg-value" dir="auto">{escape(reading.value)}</p>'
        f'<p class="lg-facts">{date}{newest}</p><blockquote{spoken_html(quote)}>{escape(shown)}</blockquote>'
        f'<p class="lg-facts" dir="auto">{button} {name}</p></li>'
    )
