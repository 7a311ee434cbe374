"""Answers and hits as the API describes them; what is sent is `rag.schema`'s own JSON, never made from these."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rag.web.api_examples import HIT, shown


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SpanBody(_Body):
    """A half-open range of characters of a document's text."""

    start_char: int
    end_char: int


class CitationBody(_Body):
    """An exact span of a source: the document's text from start_char to end_char is the quote, always."""

    number: int = Field(description="From 1, as printed in the answer")
    document_id: str
    title: str
    start_char: int
    end_char: int
    quote: str
    page: int | None
    heading: str | None
    score: float
    highlight: SpanBody | None = Field(description="The part of the quote that is asked for")
    also_in: list[str] = Field(description="Other documents with the same text")
    stale: Literal["changed", "gone"] | None = Field(description="What became of the file since it was indexed")


class SentenceBody(_Body):
    """A sentence of the answer, with the numbers of the citations it rests on."""

    text: str
    citations: list[int]
    support: float


class HitBody(_Body):
    """A ranked passage."""

    rank: int
    score: float
    document_id: str
    title: str
    heading: str | None
    page: int | None
    start_char: int
    end_char: int
    text: str
    sentences: list[list[int]] = Field(description="Start and end of each sentence")
    signals: dict[str, float]
    also_in: list[str]


class ReadingBody(_Body):
    """What one source gives for something that sources disagree on."""

    value: str
    citation: int
    date: str | None
    newest: bool


class DisagreementBody(_Body):
    """One thing for which sources give different values."""

    readings: list[ReadingBody]


EXAMPLE: dict[str, Any] = {
    "question": "How many pilots does the harbour of Norrwick employ?",
    "text": "The harbour of Norrwick employs 41 pilots.",
    "sentences": [{"text": "The harbour of Norrwick employs 41 pilots.", "citations": [1], "support": 1.0}],
    "citations": [
        {
            "number": 1,
            "document_id": "harbour/pilots.md",
            "title": "Pilots of Norrwick harbour",
            "start_char": 0,
            "end_char": 42,
            "quote": "The harbour of Norrwick employs 41 pilots.",
            "page": None,
            "heading": None,
            "score": 0.93,
            "highlight": {"start_char": 32, "end_char": 34},
            "also_in": [],
            "stale": None,
        }
    ],
    "abstained": False,
    "reason": "",
    "confidence": 0.97,
    "hits": [],
    "timings_s": {"understand": 0.004, "retrieve": 0.002, "rerank": 0.006, "answer": 0.003, "cite": 0.001},
    "models": {"encoder": "sentence-transformers/all-MiniLM-L6-v2", "answerer": "extractive"},
    "query": "",
    "notice": "",
    "disagreements": [],
}


class AnswerBody(_Body):
    """An answer with exact citations, or, where the documents do not answer, the reason."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})
    question: str
    text: str
    sentences: list[SentenceBody]
    citations: list[CitationBody]
    abstained: bool
    reason: str
    confidence: float
    hits: list[HitBody]
    timings_s: dict[str, float]
    models: dict[str, str]
    query: str = Field(description="The question as it was searched, where that is not as asked")
    notice: str = Field(description="What the reader should know of how the answer came about")
    disagreements: list[DisagreementBody]


class HitsBody(_Body):
    """Ranked passages, best first."""

    model_config = shown({"hits": [HIT]}, forbid=True)
    hits: list[HitBody]
