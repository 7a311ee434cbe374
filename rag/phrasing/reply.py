"""A chat model's reply to plain sentences with the numbers they cite; knows no passage and checks nothing.

Models write Markdown, HTML and links whether told to or not, and so do documents that want them to. None of it is left:
a sentence is text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import sentencex

from rag.phrasing.prompt import HIDDEN, NO_ANSWER

MOST_SENTENCES = 12
# [1], [1, 2], [1][2], [passage 1], 【1】; numbers end where their digits do, so that there is one way to read a row of
# them: a pattern with several takes longer than the universe has on thirty digits without a closing bracket.
MARK = re.compile(
    r"[\[【]\s*(?:(?:passage|source)s?\s*)?(\d{1,4}(?!\d)(?:[\s,;&]+\d{1,4}(?!\d))*[\s,;&]*)[\]】]", re.IGNORECASE
)
# Marks belong to the sentence that they follow, on whichever side of its full stop they stand.
AFTER_STOP = re.compile(rf"([.!?。！？…][\"”’»」』)）]*)[ \t]*((?:{MARK.pattern}[ \t]*)+)", re.IGNORECASE)
# "According to passage 1, …" cites as well.
CITES = re.compile(
    r"^(?:according to|based on|as (?:stated|said|mentioned|described) in|in) (?:the )?(?:passage|source)s? "
    r"(\d{1,4})(?: and (\d{1,4}))?(?:,\s*|\s+(?=it |the ))",
    re.IGNORECASE,
)
BEFORE_STOP = re.compile(r"\s+(?=[.!?,;:。！？，])")
THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)?|!\[[^\]]*\]\[[^\]]*\]")
LINK = re.compile(r"\[([^\]\d][^\]]*)\]\([^)]*\)?")
CODE_FENCE = re.compile(r"^\s*(```|~~~).*$", re.MULTILINE)
HIDDEN_HTML = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.DOTALL | re.IGNORECASE)
TAG = re.compile(r"</?[A-Za-z][^<>]*>?|<https?:[^<>\s]*>?")
EMPHASIS = re.compile(r"\*\*|__|`|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)")
# What begins a line and is not said: headings, bullets, quotations, rules, names of speakers.
LINE_START = re.compile(r"^\s*(?:#{1,6}\s+|>\s*|[-*+•]\s+|\d{1,2}[.)]\s+|(?:answer|assistant)\s*:\s*)+", re.IGNORECASE)
# Small models go on with a question of their own, or repeat the one asked.
NEXT_QUESTION = re.compile(r"^\s*(?:question|user)\s*:.*", re.IGNORECASE | re.MULTILINE | re.DOTALL)
ASKS = re.compile(r"[?？][\"”’»」』)）]*$")
ENDS = re.compile(r"[.!?…:;。！？；：][\"”’»」』)）*]*$")
SAYS_SOMETHING = re.compile(r"[^\W_]")


@dataclass(frozen=True)
class Said:
    """A sentence of a reply.

    Attributes:
        text: The sentence, plain text in one line.
        numbers: Passages it cites, in order, as the model numbered them; they need not exist.
    """

    text: str
    numbers: tuple[int, ...]


def sentences(reply: str, *, finished: bool) -> list[Said]:
    """Return the sentences of a reply.

    Args:
        reply: The reply so far.
        finished: Whether it is whole; otherwise its last sentence may still go on and is left out.

    Returns:
        At most ``MOST_SENTENCES``, none twice, no questions, and no last one that is cut off.
    """
    # Marks are put before the full stop, so that no sentence begins with those of the one before.
    text = AFTER_STOP.sub(r"\2\1 ", plain(reply))
    pieces = [piece for line in text.splitlines() for piece in sentencex.segment("en", LINE_START.sub("", line))]
    if pieces and (not finished or _is_cut_off(pieces)):
        del pieces[-1]
    said = [_said(piece) for piece in pieces]
    return [s for s in dict.fromkeys(said) if SAYS_SOMETHING.search(s.text) and not ASKS.search(s.text)][
        :MOST_SENTENCES
    ]


def _is_cut_off(pieces: Sequence[str]) -> bool:
    """Tell whether the last sentence stops in its middle, where the model had to stop."""
    last = pieces[-1].strip()
    return bool(ENDS.search(MARK.sub("", pieces[0]).strip())) and not ENDS.search(last) and not MARK.search(last)


def says_no_answer(reply: str) -> bool:
    """Tell whether a reply says that the passages do not answer."""
    return any(is_no_answer(s) for s in sentences(reply, finished=True))


def is_no_answer(said: Said) -> bool:
    """Tell whether a sentence is what the prompt asks for when the passages do not answer."""
    return said.text.strip(" .!:'\"").upper() == NO_ANSWER


def plain(reply: str) -> str:
    """Return a reply as plain text: without thoughts, markup, images, addresses of links and signs that hide."""
    text = NEXT_QUESTION.sub("", HIDDEN_HTML.sub(" ", THOUGHT.sub(" ", reply)))
    text = LINK.sub(r"\1", IMAGE.sub(" ", CODE_FENCE.sub("", text)))
    return HIDDEN.sub(" ", EMPHASIS.sub("", TAG.sub(" ", text)))


def _said(piece: str) -> Said:
    numbers = [int(n) for mark in MARK.finditer(piece) for n in re.findall(r"\d+", mark[1])]
    text = BEFORE_STOP.sub("", " ".join(MARK.sub(" ", piece).split()))
    if cites := CITES.match(text):
        numbers = [*(int(n) for n in cites.groups() if n), *numbers]
        text = text[cites.end() :][:1].upper() + text[cites.end() + 1 :]
    return Said(text, tuple(dict.fromkeys(numbers)))
