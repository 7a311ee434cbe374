"""Turns of a conversation as HTML; knows no library and no source.

Whatever comes from questions, answers and documents is escaped here: it enters the page as inert text, not Markdown.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from rag.marks import around_mark
from rag.schema import Answer, AnswerSentence, Citation
from rag.web.conflict_html import conflicts_html
from rag.web.history import Turn
from rag.web.inert import cut_html, name_html, spoken_html
from rag.web.said import worded
from rag.web.words import Words

QUESTION_SHOWN_CHARS = 600
# What the service itself says when it abstains begins with these words, which the page says above it.
_ABSTAINED = "Not in these documents"
_THUMB = (
    '<svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true"{}>'
    '<path fill="currentColor" d="M1 7h3v8H1zM5 7l3-6'
    'c1.4 0 2 1 1.8 2.2L9.4 6H14c.9 0 1.4.7 1.2 1.5l-1.3 6c-.2.9-.9 1.5-1.8 1.5H7c-1 0-1.5-.3-2-.8z"/></svg>'
)
UP, DOWN = _THUMB.format(""), _THUMB.format(' class="lg-down"')


def welcome_html(examples: Sequence[str], words: Words) -> str:
    """Return what stands before the first question, with examples to try."""
    buttons = (
        f'<li><button data-example="{i}"{spoken_html(text)}>{escape(text)}</button></li>'
        for i, text in enumerate(examples)
    )
    tried = f"<p>{words.examples}</p><ul>{''.join(buttons)}</ul>" if examples else ""
    return f'<div class="lg-welcome"><h2>{words.welcome}</h2><p>{words.promise}</p>{tried}</div>'


def turn_html(number: int, turn: Turn, words: Words) -> str:
    """Return one turn as HTML.

    Args:
        number: Its place in the conversation, from 1.
        turn: The turn.
        words: What the page says.

    Returns:
        A section with the question and what is known of the answer.
    """
    if turn.error:
        line = escape(" ".join(turn.error.split()))
        reply = f'<p class="lg-error" dir="auto"><strong>{words.error}</strong> {line}</p>'
    elif turn.answer is None or not turn.answer.text:
        reply = f'<p class="lg-pending">{words.searching}</p>'
    else:
        reply = _answer_html(number, turn.answer, words, done=turn.done)
    question = (
        f'<p class="lg-question"{spoken_html(turn.question)}><span class="lg-hidden">{words.asked} </span>'
        f"{cut_html(turn.question, QUESTION_SHOWN_CHARS)}</p>"
    )
    searched = ""
    if turn.answer and turn.answer.query and not turn.error:
        shown = cut_html(turn.answer.query, QUESTION_SHOWN_CHARS)
        searched = f'<p class="lg-searched"{spoken_html(turn.answer.query)}>{words.searched} {shown}</p>'
    label = f"{words.question} {number}"
    return f'<section class="lg-turn" data-at="{number}" aria-label="{label}">{question}{searched}{reply}</section>'


def said_of(turn: Turn, words: Words) -> str:
    """Return a whole turn in plain words, for those who hear the page."""
    if turn.error:
        return f"{words.error} {turn.error}"
    answer = turn.answer
    if answer is None:
        return words.searching
    if answer.abstained:
        return f"{words.absent}. {_reason(answer)}"
    conflict = f" {words.disagree}." if answer.disagreements else ""
    return f"{words.answered} {answer.text[:1000]}{conflict} {words.confidence} {answer.confidence:.2f}"


def _reason(answer: Answer) -> str:
    why = answer.reason.removeprefix(_ABSTAINED).lstrip(":. ")
    return why[:1].upper() + why[1:]


def _answer_html(turn: int, answer: Answer, words: Words, *, done: bool) -> str:
    sure = _confidence_html(answer, words) if done else ""
    tools = _tools_html(turn, words) if done else ""
    if answer.abstained:
        first = answer.hits[0].rank if answer.hits else 0
        look = f'<button data-turn="{turn}" data-number="{first}">{words.nearest}</button>' if answer.hits else ""
        reason = _reason(answer)
        why = f"<p{spoken_html(reason)}>{escape(reason)}</p>"
        return f'<div class="lg-abstained"><p><strong>{words.absent}</strong></p>{why}{sure}{look}</div>{tools}'
    sentences = " ".join(_sentence_html(turn, sentence, answer.citations, words) for sentence in answer.sentences)
    conflicts = conflicts_html(turn, answer, words)
    note = f'<p class="lg-notice">{escape(worded(answer.notice, words.code))}</p>' if answer.notice else ""
    body = f"<p{spoken_html(answer.text)}>{sentences or escape(answer.text)}</p>"
    return f'<div class="lg-answer">{body}{conflicts}{sure}{note}</div>{tools}'


def _confidence_html(answer: Answer, words: Words) -> str:
    share = f"{answer.confidence:.2f}"
    bar = f'<meter min="0" max="1" value="{share}" aria-hidden="true"></meter>'
    return f'<p class="lg-confidence" title="{words.confidence_means}">{words.confidence} {share} {bar}</p>'


def _tools_html(turn: int, words: Words) -> str:
    at = f'data-turn="{turn}"'
    return (
        f'<div class="lg-reply" role="group" aria-label="{words.reply}">'
        f'<button data-judge="right" {at} aria-pressed="false">{UP} {words.right}</button>'
        f'<button data-judge="wrong" {at} aria-pressed="false">{DOWN} {words.wrong}</button>'
        f'<button data-export="copy" {at}>{words.copy}</button>'
        f'<button data-export="markdown" {at}>{words.markdown}</button>'
        f'<button data-export="json" {at}>{words.json}</button></div>'
    )


def _sentence_html(turn: int, sentence: AnswerSentence, citations: Sequence[Citation], words: Words) -> str:
    titles = {c.number: name_html(c.title or c.document_id) for c in citations}
    marks = "".join(
        f'<button class="lg-cite" data-turn="{turn}" data-number="{n}" title="{titles[n]}"'
        f' aria-label="{words.citation.format(n)} {titles[n]}">[{n}]</button>'
        for n in sentence.citations
        if n in titles
    )
    if not marks:
        why, what = words.unsupported_means, words.unsupported
        return f'<span class="lg-unsupported" title="{why}">{escape(sentence.text)} <em>{what}</em></span>'
    before, asked, after = around_mark(sentence, citations)
    text = f"{escape(before)}<strong>{escape(asked)}</strong>{escape(after)}" if asked else escape(before)
    return f"{text} {marks}"
