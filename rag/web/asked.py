"""What callers send: questions, queries and the conversation before them, checked; knows no library and no endpoint."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from rag.dialogue.conversation import MOST_TURNS
from rag.filters import check_filters
from rag.given import earlier_answers
from rag.schema import Answer

# Longer ones are refused: only the last few answers of a conversation are read.
MOST_HISTORY = 100
# Of an earlier answer so many citations are read, more than an answer has.
MOST_CITATIONS = 10


def _encodable(text: str) -> str:
    text.encode()  # JSON can spell half a surrogate pair, which is no character and cannot be sent back
    return text


def _comparable(filters: dict[str, Any]) -> dict[str, Any]:
    check_filters(filters)
    return filters


Text = Annotated[str, AfterValidator(_encodable)]
Filters = Annotated[
    dict[str, Any],
    AfterValidator(_comparable),
    Field(description="Value, or list of allowed values, by name; only documents that pass all are asked"),
]


class EarlierMark(BaseModel):
    """What was marked in a citation, in offsets of its document."""

    start_char: int
    end_char: int


class EarlierCitation(BaseModel):
    """A citation of an earlier answer, as it was returned; only what a follow-up may point back to is read."""

    quote: Text
    title: Text = ""
    start_char: int = 0
    highlight: EarlierMark | None = None


class EarlierAnswer(BaseModel):
    """An earlier answer of the conversation, as it was returned, or no more of it than its question and text."""

    question: Text
    query: Text = ""
    text: Text = ""
    abstained: bool = False
    citations: list[EarlierCitation] = []

    def answer(self) -> Answer:
        """Return it as an answer that a follow-up may be asked after."""
        values = self.model_dump()
        (answer,) = earlier_answers([values | {"citations": values["citations"][:MOST_CITATIONS]}], most=1)
        return answer


# That it says something is checked where the setting of its length is known; here it is told to who reads the schema.
Asked = Annotated[Text, Field(json_schema_extra={"minLength": 1, "pattern": r"\S"})]
QUESTION = "How many pilots does the harbour of Norrwick employ?"


class AskRequest(BaseModel):
    """A question to the documents that ``filters`` let through.

    Below the confidence ``threshold``, by default the library's own, the answer abstains. ``history`` is the
    conversation before it, oldest first: a follow-up is searched as it would stand alone, and ``query`` says how.
    With ``stream``, or an ``Accept`` header that asks for ``text/event-stream``, the answer comes as it grows.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"question": QUESTION},
                {
                    "question": "And in 2021?",
                    "threshold": 0.5,
                    "filters": {"folder": "harbour", "language": ["en", "zh"]},
                    "history": [{"question": QUESTION, "text": "The harbour of Norrwick employs 41 pilots."}],
                    "stream": False,
                },
            ]
        },
    )
    question: Asked
    threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    filters: Filters | None = None
    history: Annotated[list[EarlierAnswer], Field(max_length=MOST_HISTORY)] = []
    stream: bool = False

    def answers(self) -> list[Answer]:
        """Return the end of the conversation before the question, oldest first."""
        return [earlier.answer() for earlier in self.history[-MOST_TURNS:]]


class SearchRequest(BaseModel):
    """A query for the ``k`` best passages among those that ``filters`` let through."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"query": "pilots of the harbour", "k": 5}]}
    )
    query: Asked
    k: Annotated[int, Field(ge=1, le=1000)] = 10
    filters: Filters | None = None
