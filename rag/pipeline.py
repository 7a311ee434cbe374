"""The one place that knows the order of the stages, for indexing and for asking.

index:  file -> load -> clean -> metadata -> split -> embed
ask:    question -> (made to stand alone) -> understand -> retrieve -> rerank -> answer -> cite
        (-> phrase, where a chat model is set)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from embeddings.cross_encoder import CrossEncoder
from embeddings.encoder import Encoder
from embeddings.encoding import Encoding
from embeddings.entailment import Entailment
from embeddings.errors import EncoderError
from embeddings.late import pack
from rag import (
    abandon,
    answer,
    cite,
    claims,
    clean,
    follow_up,
    load,
    metadata,
    phrase,
    rerank,
    retrieve,
    second_step,
    split,
    staleness,
    tracing,
    understand,
)
from rag.calibration import Calibration
from rag.dialogue.conversation import MOST_TURNS, Rewrite, recent
from rag.errors import ModelError, UnreadableSource
from rag.evidence import Candidate, Draft, Query
from rag.filters import in_words
from rag.formats.extracted import Extracted
from rag.formats.parse_limits import ParseLimits
from rag.formats.suffixes import TABULAR
from rag.given import check_question, earlier_answers
from rag.phrasing.chat import Chat
from rag.phrasing.chat_model import ChatFailure
from rag.remembered import RememberingEncoder
from rag.rerank import Shelf, Tokens
from rag.schema import Answer, Document, Hit, Passage
from rag.settings import Settings
from rag.snapshot import Snapshot
from rag.sources import DEFAULT_LIMITS, SourceFile
from rag.stored import PassageVectors

T = TypeVar("T")
# Of an answer that is not at hand, as much as is known.
History = Sequence[Answer | Mapping[str, Any]]
# Title and heading in front of a passage take at most this many characters, so that they seldom push its end out of
# what the encoder reads: of 10,703 passages of six sets those of 11, by five tokens at most, of digits more would.
CONTEXT_CHARS = 160


# -- index ------------------------------------------------------------------------------------------------------------


def prepare(document: Document, *, seek_date: bool = True) -> Document:
    """Return a document given as text with its canonical text, and title, date and language where it lacks them.

    Args:
        document: A document as it was given.
        seek_date: Whether a date that it lacks is looked for in its text.

    Returns:
        The document as it is kept.

    Raises:
        UnreadableSource: Nothing is left of its text after cleaning.
    """
    text, page_starts = clean.clean_marked(document.text, document.page_starts)
    if not text:
        raise UnreadableSource(f"{document.id}: the document holds no text")
    language = document.language if document.language != "und" else metadata.find_language(text)
    # Offsets never refer to the title, but it is printed and indexed: one line, without control characters.
    given = " ".join(clean.clean(document.title).split())
    title = given or metadata.find_title(text, fallback=document.id.rsplit("/", 1)[-1])
    day = document.date or (metadata.find_date(text) if seek_date else None)
    return replace(document, text=text, title=title, language=language, date=day, page_starts=page_starts)


def read(source: SourceFile, limits: ParseLimits = DEFAULT_LIMITS) -> Document:
    """Return a file as a document.

    Args:
        source: The file.
        limits: What reading it may take.

    Returns:
        The document as it is kept.

    Raises:
        UnreadableSource: It holds no text that can be read.
    """
    found = load.read(source, limits)
    # A date in a table is that of one row.
    seek_date = source.path.suffix.lower() not in TABULAR
    # Title and date may stand in furniture that cleaning removes, such as front matter.
    return prepare(
        Document(
            id=source.id,
            text=found.text,
            title=_title(found, source.path),
            date=found.date or (metadata.find_date(found.text) if seek_date else None),
            source=source.kept_place,
            page_starts=found.page_starts,
        ),
        seek_date=seek_date,
    )


def _title(found: Extracted, path: Path) -> str:
    if path.suffix.lower() in TABULAR:
        return found.title or path.stem
    return metadata.choose_title(found.title, found.text, fallback=path.stem)


def split_document(document: Document, encoder: Encoder, settings: Settings) -> list[Passage]:
    """Return the document's passages, none larger than what the encoder reads beside their context."""
    room = encoder.max_tokens - max(8, encoder.max_tokens // 5)
    most = min(settings.passage_tokens or room, room)
    most_chars = settings.passage_chars or split.SplitLimits.max_chars
    limits = split.SplitLimits(max_tokens=most, max_chars=most_chars)
    return split.split(document, count_tokens=encoder.count_tokens, limits=limits)


def encode(pairs: Sequence[tuple[str, Passage]], encoder: Encoder, *, threads: int) -> list[Encoding]:
    """Return what the encoder makes of passages given with their documents' titles, each read behind its context."""
    texts = [context(title, passage) + passage.text for title, passage in pairs]
    try:
        return encoder.encode(texts, kind="document", threads=threads)
    except EncoderError as error:
        # What encodes documents is loaded when it is first needed.
        raise ModelError(str(error)) from error


def to_keep(title: str, passage: Passage, encoding: Encoding, *, token_bits: int) -> PassageVectors:
    """Return what a library keeps of a passage's encoding.

    Args:
        title: Title of its document.
        passage: The passage.
        encoding: What `encode` made of the two.
        token_bits: Bits a component of the token vectors kept; 0 keeps none.

    Returns:
        Its vectors.
    """
    vectors, starts = _own_tokens(title, passage, encoding)
    return PassageVectors(encoding.vector, pack(vectors, token_bits) if token_bits else b"", starts)


def _own_tokens(title: str, passage: Passage, encoding: Encoding) -> Tokens:
    # Only the passage's own tokens are kept: they are what late interaction compares and citations point at.
    context_chars = len(context(title, passage))
    own = encoding.token_spans[:, 0] >= context_chars
    places = encoding.token_spans[own, 0] - context_chars
    starts = np.searchsorted(places, [s.start_char - passage.start_char for s in passage.sentences])
    return encoding.token_vectors[own], starts.astype(np.int64)


def context(title: str, passage: Passage) -> str:
    """Return what the encoder reads in front of a passage: title and heading, unless it begins with them."""
    parts = dict.fromkeys(part for part in (title, passage.heading or "") if part)
    known = [part for part in parts if not passage.text.lstrip("# ").startswith(part)]
    return "".join(f"{part[: CONTEXT_CHARS // len(known)]}. " for part in known)


# -- ask --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Work:
    """A question on its way through the stages; each stage returns a copy that knows more.

    What a stage is limited to comes with the question: its filters, and the numbers of the passages that pass them,
    (n,) int64, or ``None`` for all; and the answers that the conversation held before it, oldest first.
    """

    question: str
    filters: Mapping[str, Any] | None = None
    allowed: NDArray[np.int64] | None = None
    history: Sequence[Answer] = ()
    query: Query | None = None
    candidates: tuple[Candidate, ...] = ()
    draft: Draft | None = None
    answer: Answer | None = None
    timings_s: Mapping[str, float] = field(default_factory=dict)


Stage = Callable[[Work], Work]


@dataclass(frozen=True)
class Pipeline:
    """The stages of a question over one snapshot of a library.

    Attributes:
        snapshot: The generation asked.
        encoder: The library's encoder.
        settings: Its settings.
        threshold: Confidence in [0, 1], calibrated where a calibration is given, below which an answer abstains.
        calibration: What makes confidences true on the user's questions, or ``None``.
        cross_encoder: What reranks instead of late interaction, or ``None``.
        rewrite: What may make a follow-up stand alone better than rules do, or ``None``.
        chat: The chat model that phrases answers, or ``None``.
        entailment: What judges its claims beside values, names and denials, or ``None``.
    """

    snapshot: Snapshot
    encoder: Encoder
    settings: Settings
    threshold: float
    calibration: Calibration | None = None
    cross_encoder: CrossEncoder | None = None
    rewrite: Rewrite | None = None
    chat: Chat | None = None
    entailment: Entailment | None = None

    def stages(self) -> list[tuple[str, Stage]]:
        """Return the stages by name, in order."""
        phrasing: list[tuple[str, Stage]] = [("phrase", self.phrase)] if self.chat else []
        return [
            ("understand", self.understand),
            ("retrieve", self.retrieve),
            ("rerank", self.rerank),
            ("answer", self.answer),
            ("cite", self.cite),
            *phrasing,
        ]

    def begin(self, question: str, filters: Mapping[str, Any] | None = None, history: History = ()) -> Work:
        """Return a question as it enters the first stage.

        Args:
            question: The question.
            filters: Value, or list of allowed values, by name, as `rag.filters` describes them.
            history: The answers before it in its conversation, oldest first, as `rag.given.earlier_answers` takes them.

        Returns:
            The question, with the passages that pass the filters.

        Raises:
            FilterError: A filter names what no document has, or its value is of the wrong kind.
            TypeError: `history` is no list of answers.
        """
        return Work(question, filters, self.snapshot.select(filters), earlier_answers(history, most=MOST_TURNS))

    def run(self, question: str, filters: Mapping[str, Any] | None = None, history: History = ()) -> Answer:
        """Return the answer to a question.

        Args:
            question: The question.
            filters: As for `begin`.
            history: As for `begin`.

        Returns:
            The answer.

        Raises:
            QuestionError: The question is empty or too long.
            FilterError: As `begin` raises it.
        """
        work = self.begin(question, filters, history)
        for name, stage in self.stages():
            work = timed(name, stage)(work)
        return finish(work)

    def stream(
        self, question: str, filters: Mapping[str, Any] | None = None, history: History = ()
    ) -> Iterator[Answer]:
        """Yield the answer as it grows: the passages found, then sentence by sentence; the last one is complete."""
        work = self.begin(question, filters, history)
        for name, stage in self.stages():
            if name == "phrase":
                yield from self._phrase_aloud(work)
                return
            work = timed(name, stage)(work)
            if name == "rerank":
                found = Answer(question, "", hits=self._hits(work.candidates), timings_s=work.timings_s)
                yield replace(found, query=_searched(work))
        complete = finish(work)
        yield from cite.growing(complete)
        yield complete

    def _phrase_aloud(self, work: Work) -> Iterator[Answer]:
        start_s = time.perf_counter()
        with tracing.span_apart("phrase"):
            for phrased in self._phrasings(work):
                yield finish(noted(phrased, "phrase", time.perf_counter() - start_s))

    def search(self, query: str, k: int, filters: Mapping[str, Any] | None = None) -> list[Hit]:
        """Return the best `k` passages for a query, from those that pass the filters."""
        work = self._retrieve(self.understand(self.begin(query, filters)), k=k)
        return list(self._hits(self.rerank(work).candidates, k=k))

    def understand(self, work: Work) -> Work:
        """Check the question and turn it into a query.

        Args:
            work: The question.

        Returns:
            The question with its query.

        Raises:
            QuestionError: The question is empty or too long.
        """
        check_question(work.question, most_chars=self.settings.question_chars)
        text = " ".join(clean.clean(work.question).split())
        text = follow_up.stand_alone(text, recent(work.history), rewrite=self.rewrite)
        return replace(work, query=understand.understand(text, self.encoder, self.snapshot))

    def retrieve(self, work: Work) -> Work:
        """Find candidates."""
        return self._retrieve(work, k=self.settings.hits_k)

    def _retrieve(self, work: Work, *, k: int) -> Work:
        query = _known(work.query)
        fusion = retrieve.Fusion(
            leg_k=max(self.settings.leg_k, k),
            dense_weight=self.settings.dense_weight if query.readable else 0.0,
            method=self.settings.fusion,
        )
        most = max(self.settings.candidates_k, k, second_step.POOL_K)
        found = retrieve.retrieve(query, self.snapshot, k=most, fusion=fusion, allowed=work.allowed)
        return replace(work, candidates=tuple(found))

    def rerank(self, work: Work) -> Work:
        """Put the candidates in a better order."""
        reorder = self.settings.rerank == "late"
        head = work.candidates[: self.settings.candidates_k]
        # Late interaction is noted in any case: the answer's sentences are chosen by it.
        ranked = rerank.rerank(_known(work.query), head, self._shelf(head), reorder=reorder)
        if self.cross_encoder:
            texts = [context(c.stored.title, c.stored.passage) + c.stored.passage.text for c in ranked]
            ranked = rerank.rescore(_known(work.query), ranked, texts, self.cross_encoder)
        everything = [*ranked, *_below(ranked, work.candidates[len(head) :])]
        # A cross-encoder has read the passages that would be moved up, and its word is last.
        if self.settings.rerank == "late":
            everything = self._follow(_known(work.query), everything)
        if self.settings.recency_days is not None:
            newest = self.snapshot.newest_date()
            everything = rerank.prefer_recent(everything, newest, half_life_days=self.settings.recency_days)
        return replace(work, candidates=tuple(everything))

    def _shelf(self, candidates: Sequence[Candidate]) -> Shelf:
        return self.snapshot if self.snapshot.token_bits else _EncodedAnew(candidates, self.encoder)

    def _follow(self, query: Query, candidates: list[Candidate]) -> list[Candidate]:
        linked = second_step.links(query.text, candidates, rarity=self.snapshot.rarity)
        if not linked:
            return candidates
        # Late interaction has not seen those from far below.
        noted = rerank.rerank(query, linked, self._shelf(linked), reorder=False)
        return second_step.moved_up(candidates, noted)

    def answer(self, work: Work) -> Work:
        """Choose the sentences that answer the question."""
        if work.filters and work.allowed is not None and not len(work.allowed):
            return replace(work, draft=answer.nothing_passes(_known(work.query), in_words(work.filters)))
        draft = answer.draft(
            _known(work.query),
            work.candidates[: self.settings.context_k],
            most_sentences=self.settings.answer_sentences,
            threshold=self.threshold,
            # float leaves a confidence as it is.
            calibrate=self.calibration.apply if self.calibration else float,
        )
        return replace(work, draft=draft)

    def cite(self, work: Work) -> Work:
        """Number and check the citations."""
        finished = cite.cite(
            work.question, _known(work.draft), documents=self.snapshot.document, hits=self._hits(work.candidates)
        )
        reranker = {"reranker": self.cross_encoder.id} if self.cross_encoder else {}
        models = {"encoder": self.encoder.id, **reranker, "answerer": "extractive"}
        answered = replace(finished, models=models, query=_searched(work))
        # What a chat model makes of it may cite further documents.
        return replace(work, answer=answered if self.chat else self._marked(answered))

    def _marked(self, answered: Answer) -> Answer:
        """Return an answer that says which of the files it cites are not what was indexed any more."""
        if self.settings.source_check == "off" or not answered.citations:
            return answered
        origins = self.snapshot.origins({c.document_id for c in answered.citations})
        return staleness.marked(answered, origins, self.settings.parse_limits)

    def phrase(self, work: Work) -> Work:
        """Let the chat model phrase the answer, each of its sentences checked; an abstention is left as it is."""
        *_, last = self._phrasings(work)
        return last

    def _phrasings(self, work: Work) -> Iterator[Work]:
        extractive = _known(work.answer)
        if self.chat is None or extractive.abstained:
            yield work
            return
        phrasing = phrase.Phrasing(
            self.chat,
            most_tokens=self.settings.chat_tokens,
            mark=self.settings.chat_unsupported == "mark",
            count_tokens=self.encoder.count_tokens,
            check=partial(_support, RememberingEncoder(self.encoder), self.entailment, _known(work.query).text),
            # The same model may have been asked how a follow-up would stand alone.
            spent_s=work.timings_s.get("understand", 0.0) if work.history else 0.0,
        )
        found = phrase.sources(extractive, work.candidates[: self.settings.context_k])
        for phrased in phrase.phrase(extractive, found, phrasing):
            for citation in phrased.citations:
                cite.check(citation, self.snapshot.document(citation.document_id))
            yield replace(work, answer=self._marked(phrased))

    def _hits(self, candidates: Sequence[Candidate], k: int | None = None) -> tuple[Hit, ...]:
        return tuple(c.to_hit(rank) for rank, c in enumerate(candidates[: k or self.settings.hits_k], start=1))


@dataclass(frozen=True)
class _EncodedAnew:
    """Candidates of a library that keeps no token vectors: those are made when they are asked for."""

    candidates: Sequence[Candidate]
    encoder: Encoder

    def similarities(self, query: NDArray[np.float32], keys: Sequence[int]) -> list[NDArray[np.float32]]:
        """Return the best similarity of each query token in each sentence of the passages."""
        stored = {c.stored.key: c.stored for c in self.candidates}
        # One thread a question: others are asking too.
        pairs = [(stored[key].title, stored[key].passage) for key in keys]
        encodings = encode(pairs, self.encoder, threads=1)
        return [
            rerank.by_sentence(query, _own_tokens(title, passage, encoding))
            for (title, passage), encoding in zip(pairs, encodings, strict=True)
        ]


def _support(
    encoder: Encoder, entailment: Entailment | None, question: str, claim: str, evidence: Sequence[str]
) -> float:
    try:
        found = claims.check_claim(claim, evidence, encoder=encoder, question=question, entailment=entailment)
        return found.support
    except EncoderError:
        raise ChatFailure("wrote what cannot be checked: the encoder fails") from None


def timed(name: str, stage: Stage) -> Stage:
    """Return the stage with its seconds noted."""

    def run(work: Work) -> Work:
        abandon.check()
        start = time.perf_counter()
        with tracing.span(name):
            done = stage(work)
        return noted(done, name, time.perf_counter() - start)

    return run


def _searched(work: Work) -> str:
    """Return the question as it was searched, or ``""`` where that is as asked."""
    text = _known(work.query).text
    return "" if text == " ".join(clean.clean(work.question).split()) else text


def noted(work: Work, name: str, seconds: float) -> Work:
    """Return the question with the seconds of a stage."""
    return replace(work, timings_s=dict(work.timings_s) | {name: seconds})


def finish(work: Work) -> Answer:
    """Return the answer that the last stage left, with the seconds of every stage."""
    return replace(_known(work.answer), timings_s=work.timings_s)


def _known(value: T | None) -> T:
    if value is None:
        raise ValueError("a stage ran before the one it builds on; run them in the order of Pipeline.stages()")
    return value


def _below(ranked: Sequence[Candidate], rest: Sequence[Candidate]) -> list[Candidate]:
    """Return candidates that were not reranked, with scores that put them below those that were."""
    floor = min((c.score for c in ranked), default=1.0)
    return [c.scored(min(c.score, 1.0) * floor) for c in rest]
