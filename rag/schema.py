"""The values that travel between stages and out of the service; frozen, plain, and without behaviour of a stage.

Offsets count Python characters (Unicode code points) of a document's canonical ``text``; ``end_char`` is exclusive.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, Literal


def is_day(text: str) -> bool:
    """Tell whether a text is a day of the calendar, written ``YYYY-MM-DD``."""
    try:
        # Compared because ISO 8601 has other forms too, such as 20240131 and 2024-W05-3.
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


@dataclass(frozen=True)
class Document:
    """One source after extraction and cleaning.

    Attributes:
        id: Unique in its library; for files the path below the indexed folder, with ``/`` between its parts.
        text: Canonical text; every offset in the system refers to it.
        title: Title found in the source, or ``""``.
        date: ISO 8601 day found in the source, or ``None``.
        language: ISO 639-1 code, or ``"und"`` when unknown.
        source: Where it came from (a path), or ``""`` for documents given as text.
        metadata: Further JSON values, kept as given.
        page_starts: Where each of its pages begins in `text`, in order, or nothing where it has none. A library keeps
            the page of each passage and not these.
    """

    id: str
    text: str
    title: str = ""
    date: str | None = None
    language: str = "und"
    source: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    page_starts: tuple[int, ...] = ()


@dataclass(frozen=True)
class Span:
    """A half-open range of characters of a document's text."""

    start_char: int
    end_char: int


@dataclass(frozen=True)
class Passage:
    """A contiguous span of one document: what is embedded, indexed and ranked.

    Attributes:
        document_id: The document it is a span of.
        start_char: First character in the document's text.
        end_char: One past its last character.
        text: ``document.text[start_char:end_char]``.
        heading: Nearest heading above it, or ``None``; not part of the span.
        sentences: Spans of its sentences, in document offsets, in order.
        page: Page it starts on, from 1, or ``None`` where the source has no pages.
    """

    document_id: str
    start_char: int
    end_char: int
    text: str
    heading: str | None = None
    sentences: tuple[Span, ...] = ()
    page: int | None = None


@dataclass(frozen=True)
class Hit:
    """A passage as an answer to a query.

    Attributes:
        passage: The passage.
        title: Title of its document.
        rank: From 1.
        score: Higher is better; in [0, 1] for one query, not comparable between queries.
        signals: What each leg said, by name (``dense`` is a cosine, ``lexical`` a BM25 score, ``coverage`` the share of
            the query's words that it holds, by rarity, ``title`` of those in its title and heading, ``late`` a mean
            MaxSim, ``cross`` a cross-encoder's score, ``recency`` the factor of its age; ``retrieved_rank`` is its rank
            before reranking).
        also_in: Ids of other documents with the same text, whose passage this is too.
    """

    passage: Passage
    title: str
    rank: int
    score: float
    signals: Mapping[str, float] = field(default_factory=dict)
    also_in: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the hit as JSON values, its passage's fields beside its own."""
        p = self.passage
        return {
            "rank": self.rank,
            "score": self.score,
            "document_id": p.document_id,
            "title": self.title,
            "heading": p.heading,
            "page": p.page,
            "start_char": p.start_char,
            "end_char": p.end_char,
            "text": p.text,
            "sentences": [[s.start_char, s.end_char] for s in p.sentences],
            "signals": dict(self.signals),
            "also_in": list(self.also_in),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Hit:
        """Return the hit that ``to_dict`` gave as JSON values."""
        passage = Passage(
            document_id=data["document_id"],
            start_char=data["start_char"],
            end_char=data["end_char"],
            text=data["text"],
            heading=data["heading"],
            sentences=tuple(Span(*pair) for pair in data["sentences"]),
            page=data["page"],
        )
        also_in = tuple(data.get("also_in", ()))
        return cls(passage, data["title"], data["rank"], data["score"], dict(data["signals"]), also_in)


@dataclass(frozen=True)
class Citation:
    """An exact span of a source: ``document.text[start_char:end_char] == quote``, always.

    Attributes:
        number: From 1, as printed in the answer.
        document_id: The cited document.
        title: Its title.
        start_char: First character of the quote in the document's text.
        end_char: One past its last character.
        quote: The cited text, verbatim.
        page: Page of the quote, from 1, or ``None``.
        heading: Heading above the quote, or ``None``.
        score: How well the quote answers the question, in [0, 1].
        highlight: The part of the quote that is asked for, such as a number, in offsets of the document; ``None`` where
            the question asks for no such thing, or for all of it.
        also_in: Ids of other documents with the same text, which say the same at the same place.
        stale: ``"changed"`` where the file of the document is not what it was when it was indexed, ``"gone"`` where it
            is no longer there, so that the quote may not stand in it; ``None`` where nothing is known against it.
    """

    number: int
    document_id: str
    title: str
    start_char: int
    end_char: int
    quote: str
    page: int | None
    heading: str | None
    score: float
    highlight: Span | None = None
    also_in: tuple[str, ...] = ()
    stale: Literal["changed", "gone"] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the citation as JSON values."""
        return asdict(self) | {"also_in": list(self.also_in)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Citation:
        """Return the citation that ``to_dict`` gave as JSON values, also before it had all of them."""
        highlight = data.get("highlight")
        also_in = tuple(data.get("also_in", ()))
        return cls(**{**data, "highlight": Span(**highlight) if highlight else None, "also_in": also_in})


@dataclass(frozen=True)
class AnswerSentence:
    """One sentence of an answer.

    Attributes:
        text: The sentence.
        citations: Numbers of the citations it rests on.
        support: How far the citations carry it, in [0, 1]; 1 for verbatim sentences.
    """

    text: str
    citations: tuple[int, ...]
    support: float


@dataclass(frozen=True)
class Reading:
    """What one source gives for something that sources disagree on.

    Attributes:
        value: The value as the source writes it.
        citation: Number of the citation that says so.
        date: Day of the source, ``YYYY-MM-DD``, or ``None``.
        newest: Whether no other source that disagrees is as new; false for all where a date is missing.
    """

    value: str
    citation: int
    date: str | None
    newest: bool


@dataclass(frozen=True)
class Disagreement:
    """One thing for which sources give different values.

    Attributes:
        readings: What each gives, two or more, newest first.
    """

    readings: tuple[Reading, ...]


@dataclass(frozen=True)
class Answer:
    """What every surface returns for a question.

    Attributes:
        question: The question as asked.
        text: The answer without citation marks; the reason when the service abstains.
        sentences: The answer's sentences with their citations; empty when it abstains.
        citations: Exact spans of the sources, numbered from 1.
        abstained: Whether the documents do not answer the question.
        reason: Why it abstained, or ``""``.
        confidence: Probability in [0, 1] that the documents answer the question and the answer says so.
        hits: Ranked passages the answer was made from; the nearest ones when it abstains.
        timings_s: Seconds by stage.
        models: Ids of the models used, by role.
        query: The question as it was searched, where that is not as asked: a follow-up made to stand alone, or ``""``.
        notice: One line on what the reader should know of how the answer came about, such as why a chat model's words
            are not in it, or ``""``.
        disagreements: Where the cited sources give different values for the same thing.
    """

    question: str
    text: str
    sentences: tuple[AnswerSentence, ...] = ()
    citations: tuple[Citation, ...] = ()
    abstained: bool = False
    reason: str = ""
    confidence: float = 0.0
    hits: tuple[Hit, ...] = ()
    timings_s: Mapping[str, float] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    notice: str = ""
    disagreements: tuple[Disagreement, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as JSON values; the keys are the same on every surface."""
        return {
            "question": self.question,
            "text": self.text,
            "sentences": [asdict(s) | {"citations": list(s.citations)} for s in self.sentences],
            "citations": [c.to_dict() for c in self.citations],
            "abstained": self.abstained,
            "reason": self.reason,
            "confidence": self.confidence,
            "hits": [h.to_dict() for h in self.hits],
            "timings_s": dict(self.timings_s),
            "models": dict(self.models),
            "query": self.query,
            "notice": self.notice,
            "disagreements": [asdict(d) | {"readings": [asdict(r) for r in d.readings]} for d in self.disagreements],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Answer:
        """Return the answer that ``to_dict`` gave as JSON values."""
        sentences = (AnswerSentence(s["text"], tuple(s["citations"]), s["support"]) for s in data["sentences"])
        return cls(
            question=data["question"],
            text=data["text"],
            sentences=tuple(sentences),
            citations=tuple(Citation.from_dict(c) for c in data["citations"]),
            abstained=data["abstained"],
            reason=data["reason"],
            confidence=data["confidence"],
            hits=tuple(Hit.from_dict(h) for h in data["hits"]),
            timings_s=dict(data["timings_s"]),
            models=dict(data["models"]),
            query=data.get("query", ""),
            notice=data.get("notice", ""),
            disagreements=tuple(
                Disagreement(tuple(Reading(**r) for r in d["readings"])) for d in data.get("disagreements", ())
            ),
        )

    def to_json(self, *, indent: int | None = None) -> str:
        """Return the answer as one JSON document."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=indent)

    @classmethod
    def from_json(cls, text: str) -> Answer:
        """Return the answer that ``to_json`` wrote.

        Args:
            text: One JSON document.

        Returns:
            The answer.

        Raises:
            ValueError: It is no JSON, or no answer.
        """
        try:
            return cls.from_dict(json.loads(text))
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"this is no answer as to_json writes one ({type(error).__name__}: {error})") from error
