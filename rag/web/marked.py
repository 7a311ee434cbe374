"""An answer as text with numbered marks and a list of sources, for whoever shows nothing but text; and back again."""

from __future__ import annotations

import re

from rag.cite import join
from rag.language import question_language
from rag.printable import shown
from rag.schema import Answer

HEADINGS = {"en": "Sources:", "zh": "来源："}
# A list of sources below an answer of ours, and the marks in it.
LIST = re.compile(rf"\n\n(?:{'|'.join(map(re.escape, HEADINGS.values()))})\n\[1\] .*\Z", re.DOTALL)
MARK = re.compile(r"\s?\[\d{1,3}\]")


def marked_text(answer: Answer) -> str:
    """Return the answer with the numbers of its citations behind each sentence; its reason where it abstains."""
    if answer.abstained or not answer.sentences:
        return answer.text
    text = ""
    for count, sentence in enumerate(answer.sentences):
        # As sentences are joined without marks; scripts that put no space between them put none before a mark.
        before = join([answer.sentences[count - 1].text, ""]) if count else ""
        text += " " if before.endswith(" ") else ""
        gap = "" if not join([sentence.text, ""]).endswith(" ") else " "
        text += sentence.text + "".join(f"{gap}[{n}]" for n in sentence.citations)
    return text


def sources_text(answer: Answer) -> str:
    """Return a list of what is cited, to stand below the answer; ``""`` where nothing is."""
    if answer.abstained or not answer.citations:
        return ""
    heading = HEADINGS["zh" if question_language(answer.question) == "zh" else "en"]
    lines = (
        f"[{c.number}] {shown(c.title or c.document_id)}{f', page {c.page}' if c.page else ''}: “{shown(c.quote)}”"
        for c in answer.citations
    )
    return f"\n\n{heading}\n" + "\n".join(lines)


def unmarked(text: str) -> str:
    """Return the words of an answer from its text with marks and sources."""
    return MARK.sub("", LIST.sub("", text)).strip()
