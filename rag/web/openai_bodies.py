"""What OpenAI's clients send and are sent, as it is checked and described; knows no library and answers nothing.

Reference: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import HTTPException
from pydantic import BaseModel, ConfigDict, Field

from rag.dialogue.conversation import MOST_TURNS
from rag.schema import Answer
from rag.web.answer_body import EXAMPLE as ANSWER
from rag.web.api_examples import MODEL as MODEL_EXAMPLE
from rag.web.api_examples import shown
from rag.web.asked import AskRequest, EarlierAnswer, Filters, Text
from rag.web.marked import unmarked

MODEL = "leadgoose"
MOST_MESSAGES = 1_000
# A chat client may send what a turn is made of in parts.
TEXT_PARTS = ("text", "input_text", "output_text")


class OpenAIErrorDetail(BaseModel):
    """What went wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIErrorBody(BaseModel):
    """An error as OpenAI's clients read it."""

    error: OpenAIErrorDetail


class Part(BaseModel):
    """A part of a message."""

    type: str
    text: Text | None = None


class Message(BaseModel):
    """A message of the chat; ``leadgoose`` is the answer object that an assistant's message came with."""

    role: str
    content: Text | list[Part] | None = None
    leadgoose: EarlierAnswer | None = None

    def text(self) -> str:
        """Return what it says."""
        if isinstance(self.content, list):
            other = next((p.type for p in self.content if p.type not in TEXT_PARTS), None)
            if other:
                raise HTTPException(422, f"messages.content: parts of type {other!r} cannot be read, only text")
            return "\n".join(p.text or "" for p in self.content)
        return self.content or ""


class ChatRequest(BaseModel):
    """A chat whose last message is the question. Messages of system, developer and tools are not read.

    Of OpenAI's further options those that have no meaning here are accepted and passed over; ``threshold`` and
    ``filters`` are as for ``/v1/ask``, and ``sources`` says whether a list of sources stands below the answer.
    """

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {"model": MODEL, "messages": [{"role": "user", "content": "How many pilots are there in Norrwick?"}]}
            ]
        },
    )
    model: Text = MODEL
    messages: Annotated[list[Message], Field(min_length=1, max_length=MOST_MESSAGES)]
    stream: bool | None = False
    sources: bool = True
    threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    filters: Filters | None = None

    def asked(self) -> tuple[AskRequest, list[Answer]]:
        """Return the question with the conversation before it."""
        *before, last = self.messages
        if last.role != "user":
            raise HTTPException(422, f"messages: the last one is of {last.role!r}; it has to be the user's question")
        asked = AskRequest.model_construct(question=last.text(), threshold=self.threshold, filters=self.filters)
        return asked, _history(before)[-MOST_TURNS:]


class ChoiceMessage(BaseModel):
    """The answer's text, with marks that number its citations."""

    role: Literal["assistant"]
    content: str
    refusal: str | None


class Choice(BaseModel):
    """The one answer."""

    index: int
    message: ChoiceMessage
    finish_reason: Literal["stop"]
    logprobs: None


class Completion(BaseModel):
    """A chat completion; ``leadgoose`` is the whole answer object, as ``/v1/ask`` returns it."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    leadgoose: dict[str, Any]


class Model(BaseModel):
    """A library."""

    model_config = shown(MODEL_EXAMPLE)
    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class Models(BaseModel):
    """The libraries that the caller may read."""

    model_config = shown({"object": "list", "data": [MODEL_EXAMPLE]})
    object: Literal["list"]
    data: list[Model]


def _history(messages: list[Message]) -> list[Answer]:
    """Return what was asked and answered, oldest first; a question without an answer is passed over."""
    turns: list[Answer] = []
    question: str | None = None
    for message in messages:
        if message.role == "user":
            question = message.text()
        elif message.role == "assistant" and question:
            given = message.leadgoose
            turns.append(given.answer() if given else Answer(question, unmarked(message.text())))
            question = None
    return turns


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": OpenAIErrorBody, "description": meaning}
    for status, meaning in (
        (400, "Something in the request cannot be used"),
        (403, "The caller may not read the library"),
        (404, "There is no such model"),
        (409, "The library holds nothing yet"),
        (429, "Too many questions are waiting"),
        (503, "The service cannot answer now"),
    )
}
EXAMPLE: dict[str, Any] = {
    "id": "chatcmpl-5f2c",
    "object": "chat.completion",
    "created": 1764115200,
    "model": MODEL,
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "The harbour of Norrwick employs 41 pilots. [1]\n\nSources:\n"
                "[1] Pilots of Norrwick harbour: “The harbour of Norrwick employs 41 pilots.”",
                "refusal": None,
            },
            "finish_reason": "stop",
            "logprobs": None,
        }
    ],
    "leadgoose": ANSWER,
}
