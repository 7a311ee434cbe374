"""The source panel as HTML: a document with the cited span marked, or what the library holds; knows no library.

Whatever comes from documents is escaped here: it enters the page as inert text, not Markdown.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from rag.marks import source_notes
from rag.schema import Answer, Citation, Document, Hit
from rag.web.history import NEAREST_SHOWN
from rag.web.inert import language_html, name_html
from rag.web.said import worded
from rag.web.words import Words

SHELF_SHOWN = 50
WHOLE_DOCUMENT_CHARS = 60_000  # longer documents are shown as a window around the chosen span
WINDOW_CHARS = 8_000  # on each side of the span


def evidence(answer: Answer) -> tuple[Citation, ...]:
    """Return what the source panel shows: the citations, or the nearest passages in their shape when it abstains."""
    return tuple(_as_citation(hit) for hit in answer.hits[:NEAREST_SHOWN]) if answer.abstained else answer.citations


def chosen_citation(answer: Answer, number: int) -> Citation | None:
    """Return the one of ``evidence`` with this number, the first when there is none, ``None`` when it is empty."""
    found = evidence(answer)
    return next((c for c in found if c.number == number), found[0] if found else None)


def _as_citation(hit: Hit) -> Citation:
    p = hit.passage
    span = (p.start_char, p.end_char, p.text)
    also_in = hit.also_in
    return Citation(hit.rank, p.document_id, hit.title, *span, p.page, p.heading, score=hit.score, also_in=also_in)


def sources_html(answer: Answer, chosen: Citation, source: Document | str, words: Words, *, turn: int) -> str:
    """Return the source panel of one answer as HTML.

    Args:
        answer: The answer whose citations, or nearest passages, are shown.
        chosen: The one of them that is shown in its document.
        source: That document, or one line on why it cannot be shown.
        words: What the page says.
        turn: The answer's place in the conversation, from 1.

    Returns:
        The chosen document with its span marked, below buttons for all that can be chosen.
    """
    found = evidence(answer)
    label = words.nearest if answer.abstained else words.sources_of.format(turn)
    chips = "".join(f"<li>{_chip(turn, c, current=c == chosen, nearest=answer.abstained)}</li>" for c in found)
    kind = " lg-nearest" if answer.abstained else ""
    shown = f'data-turn="{turn}" data-number="{chosen.number}"'
    steps = _steps_html(turn, found, chosen, words)
    body = _source_html(found, chosen, source, words, nearest=answer.abstained)
    return (
        f'<section class="lg-sources{kind}" aria-label="{label}" {shown}>'
        f'<div class="lg-bar"><h2>{label}</h2>{steps}<button data-back>{words.back}</button></div>'
        f'<ol class="lg-chips">{chips}</ol>{body}</section>'
    )


def _steps_html(turn: int, found: Sequence[Citation], chosen: Citation, words: Words) -> str:
    at = next(i for i, c in enumerate(found) if c == chosen)

    def button(step: str, sign: str, label: str, to: int) -> str:
        number = f' data-number="{found[to].number}"' if 0 <= to < len(found) else ' aria-disabled="true"'
        named = f'aria-label="{label}" title="{label}"'
        return f'<button data-step="{step}" data-turn="{turn}"{number} {named}>{sign}</button>'

    where = words.step.format(at + 1, len(found))
    before = button("previous", "‹", words.previous, at - 1)
    return f'<span class="lg-steps">{before}<span>{where}</span>{button("next", "›", words.following, at + 1)}</span>'


def shelf_html(documents: Sequence[tuple[str, str]], words: Words) -> str:
    """Return what the source panel shows before the first question: names and dates of what can be asked about."""
    shown = documents[:SHELF_SHOWN]
    rows = "".join(f'<li dir="auto">{name_html(name)} <span>{escape(date)}</span></li>' for name, date in shown)
    more = len(documents) - len(shown)
    rest = f'<p class="lg-empty">{words.more.format(f"{more:,}")}</p>' if more else ""
    body = f"<h2>{words.here}</h2><ul>{rows}</ul>{rest}"
    return f'<section class="lg-sources lg-shelf" aria-label="{words.here}" tabindex="0">{body}</section>'


def no_sources_html(words: Words, text: str = "") -> str:
    """Return the source panel without a source, with one line of our own in its place."""
    line = f'<p class="lg-empty">{text or words.appear}</p>'
    return f'<section class="lg-sources" aria-label="{words.sources}"><h2>{words.sources}</h2>{line}</section>'


def _chip(turn: int, citation: Citation, *, current: bool, nearest: bool) -> str:
    # The words of a citation stand in the answer already; those of a nearest passage stand nowhere else.
    name = name_html(citation.quote[:80] if nearest else citation.title or citation.document_id)
    pressed = ' aria-current="true"' if current else ""
    number = citation.number
    return f'<button data-turn="{turn}" data-number="{number}" title="{name}"{pressed}><b>{number}</b> {name}</button>'


def _source_html(
    found: Sequence[Citation], chosen: Citation, source: Document | str, words: Words, *, nearest: bool
) -> str:
    if isinstance(source, str):
        return _stale_html(chosen, source, words)
    if source.text[chosen.start_char : chosen.end_char] != chosen.quote:
        return _stale_html(chosen, words.changed, words)
    title = name_html(source.title or source.id)
    page = words.page.format(chosen.page) if chosen.page is not None else ""
    heading = chosen.heading if chosen.heading != source.title else None
    facts = " · ".join(name_html(fact) for fact in (source.date, heading, page, source.id) if fact)
    notes = "".join(
        f'<p class="lg-notice" dir="auto">{name_html(worded(note, words.code))}</p>' for note in source_notes(chosen)
    )
    spans = [chosen] if nearest else [chosen, *(c for c in found if c.document_id == source.id)]
    start, _ = _window(source.text, chosen)
    # What is selected here becomes a place in the document: counted from the start of what is shown.
    place = f'data-document="{escape(source.id)}" data-start="{start}"'
    label = words.text_of.format(title)
    return (
        f'<h3 dir="auto" title="{title}">{title}</h3><p class="lg-facts" dir="auto">{facts}</p>{notes}'
        f'<div class="lg-text" dir="auto" tabindex="0" role="region" aria-label="{label}" {place}'
        f"{language_html(source.language)}>{document_html(source.text, spans, words, nearest=nearest)}</div>"
        f'<button class="lg-take" data-take>{words.use_selected}</button>'
    )


def _stale_html(chosen: Citation, message: str, words: Words) -> str:
    title = name_html(chosen.title or chosen.document_id)
    quote = f'<mark class="lg-chosen" tabindex="-1">{escape(chosen.quote)}</mark>'
    facts = f'<p class="lg-error">{escape(message)}</p>'
    region = f'tabindex="0" role="region" aria-label="{words.text_of.format(title)}"'
    return f'<h3 dir="auto">{title}</h3>{facts}<div class="lg-text" dir="auto" {region}>{quote}</div>'


def document_html(text: str, spans: Sequence[Citation], words: Words, *, nearest: bool = False) -> str:
    """Return ``text`` escaped, the first of ``spans`` marked as chosen and the others where they do not overlap.

    A text longer than ``WHOLE_DOCUMENT_CHARS`` is cut to a window around the chosen span, and says so.
    """
    chosen = spans[0]
    first, last = _window(text, chosen)
    tag = "span" if nearest else "mark"  # a mark says "this is the evidence", which a nearest passage is not
    parts, at = [_cut_note(first, words.cut_before)], first
    for span in sorted(_apart(spans, first, last), key=lambda c: c.start_char):
        state = 'class="lg-chosen" tabindex="-1"' if span is chosen else 'class="lg-cited"'
        parts.append(escape(text[at : span.start_char]))
        parts.append(f"<{tag} {state}>{_quote_html(text, span)}</{tag}>")
        at = span.end_char
    return "".join((*parts, escape(text[at:last]), _cut_note(len(text) - last, words.cut_after)))


def _window(text: str, chosen: Citation) -> tuple[int, int]:
    if len(text) <= WHOLE_DOCUMENT_CHARS:
        return 0, len(text)
    return max(0, chosen.start_char - WINDOW_CHARS), min(len(text), chosen.end_char + WINDOW_CHARS)


def _quote_html(text: str, span: Citation) -> str:
    """Return a span of a text, what is asked for in it bold."""
    asked = span.highlight
    if asked is None or not span.start_char <= asked.start_char < asked.end_char <= span.end_char:
        return escape(text[span.start_char : span.end_char])
    before, after = text[span.start_char : asked.start_char], text[asked.end_char : span.end_char]
    return f"{escape(before)}<strong>{escape(text[asked.start_char : asked.end_char])}</strong>{escape(after)}"


def _apart(spans: Sequence[Citation], first: int, last: int) -> list[Citation]:
    kept: list[Citation] = []
    for span in spans:
        inside = first <= span.start_char and span.end_char <= last
        if inside and all(span.end_char <= k.start_char or k.end_char <= span.start_char for k in kept):
            kept.append(span)
    return kept


def _cut_note(chars: int, said: str) -> str:
    return f'<p class="lg-cut">{said.format(f"{chars:,}")}</p>' if chars else ""
