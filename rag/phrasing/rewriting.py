"""A follow-up made to stand alone by a chat model; what the model says is checked by whoever asks for it."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rag.dialogue.conversation import Rewrite, Turn
from rag.phrasing.chat import Chat
from rag.phrasing.chat_model import ChatFailure, Message
from rag.phrasing.prompt import inert

RULES = """You rewrite the last question of a conversation so that it can be understood without the conversation.
Put names and things from the conversation in the place of pronouns, and add what the question leaves out.
Keep its language, its names and its numbers. Answer nothing. Write one line: the question."""
# Of the deadline for a reply, which the answer needs too; the question waits no longer than so many seconds.
SHARE, MOST_S = 0.2, 3.0


def rewriter(chat: Chat) -> Rewrite:
    """Return what asks a chat model to make a follow-up stand alone.

    Args:
        chat: The model.

    Returns:
        A function of the question and the turns before it, oldest first; ``""`` where the model fails or is too slow.
    """

    def rewrite(question: str, turns: Sequence[Turn]) -> str:
        ends_s = time.monotonic() + min(MOST_S, SHARE * chat.timeout_s)
        try:
            return "".join(chat.reply(_messages(question, turns), deadline_s=ends_s)).strip()
        except ChatFailure:
            return ""

    return rewrite


def _messages(question: str, turns: Sequence[Turn]) -> list[Message]:
    said = "\n".join(f"Question: {inert(t.query)}\nAnswer: {inert(t.answer) or 'none'}" for t in turns)
    return [Message("system", RULES), Message("user", f"{said}\n\nLast question: {inert(question)}")]
