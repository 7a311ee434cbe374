"""Judges one answer against its gold question; knows nothing of libraries and means over questions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from eval.gold import Question
from eval.metrics import DocumentSpan, contains, exact_match, merge, overlap, shared_chars, token_f1, tokens
from eval.ranking import Judgement, Ranked
from rag import Answer, Hit, Passage

# Answers that a passage cannot be searched for: nearly every one holds "no".
VERDICTS = (["yes"], ["no"], ["maybe"])


@dataclass(frozen=True)
class CitationCount:
    """The citations of one answer against its gold evidence.

    Attributes:
        cited: Citations in the answer.
        exact: Those whose quote is the cited span of the document.
        relevant: Those that overlap gold evidence.
        evidence: Spans of gold evidence; 0 when the question has none.
        found: Spans of gold evidence that a citation overlaps.
        sentences: Sentences of the answer.
        supported: Those of which a citation overlaps gold evidence.
        shared_chars: Characters that are both cited and gold evidence.
        covered_chars: Characters that are either.

    Reference:
        Gao et al. 2023, ALCE, section 3: citation precision is ``relevant / cited`` and citation recall
        ``supported / sentences``, with overlap in place of entailment; a citation is irrelevant if its sentence is as
        well supported without it, which on spans is: if it overlaps no evidence itself.
    """

    cited: int
    exact: int
    relevant: int
    evidence: int
    found: int
    sentences: int
    supported: int
    shared_chars: int
    covered_chars: int


@dataclass(frozen=True)
class Outcome:
    """One question, what came of it, and how that is judged.

    Attributes:
        question: The gold question, its evidence in the library's offsets.
        answer: The answer as served; the reason when it abstained; ``""`` of a system that only searches.
        proposed: What it says when it may not abstain; the answer itself unless it abstained.
        right: Whether what is proposed is right; ``False`` for every unanswerable question; ``None`` where it is not
            known: of a system that only searches, or that does not say what it held back.
        contains: Whether the answer served holds a gold answer; ``None`` where there is none to hold.
        em: Whether it equals one; ``None`` likewise.
        f1: Token F1 against the best, in [0, 1]; ``None`` likewise.
        ranked: What its ranked passages are worth; ``None`` where nothing says which are relevant.
        citations: Those of the answer served; ``None`` of a system that only searches.
        abstained: Whether it is a refusal; ``None`` likewise.
        confidence: In [0, 1]; ``None`` likewise.
        seconds: Wall time of asking.
        hits: Retrieved passages, from rank 1.
        cited: Spans cited by what is proposed, in order of their numbers.
        stage: The stage that lost the question, ``""`` when all is well.
    """

    question: Question
    answer: str
    proposed: str
    right: bool | None
    contains: bool | None
    em: bool | None
    f1: float | None
    ranked: Ranked | None
    citations: CitationCount | None
    abstained: bool | None
    confidence: float | None
    seconds: float
    hits: tuple[DocumentSpan, ...]
    cited: tuple[DocumentSpan, ...]
    stage: str

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as flat JSON values, for people."""
        question, counts = self.question, self.citations
        return {
            "id": question.id,
            "question": question.question,
            "tags": list(question.tags),
            "answerable": question.answerable,
            "answers": list(question.answers),
            "rank": self.ranked.first_rank() if self.ranked else None,
            "answer": self.answer,
            "proposed": self.proposed,
            "right": self.right,
            "contains": self.contains,
            "em": self.em,
            "f1": self.f1,
            "citations": counts and counts.cited,
            "citations_exact": counts and counts.exact,
            "citations_relevant": counts and counts.relevant,
            "evidence": counts and counts.evidence,
            "evidence_cited": counts and counts.found,
            "iou": counts.shared_chars / counts.covered_chars if counts and counts.covered_chars else None,
            "abstained": self.abstained,
            "confidence": self.confidence,
            "stage": self.stage,
            "seconds": self.seconds,
        }

    def to_row(self) -> dict[str, Any]:
        """Return the outcome as the row that metrics are computed from, without any text."""
        ranked = asdict(self.ranked) if self.ranked else dict.fromkeys(f.name for f in fields(Ranked))
        counts = asdict(self.citations) if self.citations else dict.fromkeys(f.name for f in fields(CitationCount))
        return {
            "id": self.question.id,
            "answerable": self.question.answerable,
            "right": self.right,
            "contains": self.contains,
            "em": self.em,
            "f1": self.f1,
            "chars": len(self.answer) if self.contains is not None and not self.abstained else None,
            **ranked,
            **counts,
            "abstained": self.abstained,
            "confidence": self.confidence,
            "seconds": self.seconds,
            "stage": self.stage,
        }

    def to_record(self) -> dict[str, Any]:
        """Return everything but the question as JSON values; `from_record` reads it."""
        values = asdict(self)
        del values["question"]
        return {"id": self.question.id, **values}

    @classmethod
    def from_record(cls, record: Mapping[str, Any], question: Question) -> Outcome:
        """Return the outcome of a question that ``to_record`` gave."""
        values = {name: value for name, value in record.items() if name != "id"}
        ranked, counts = values["ranked"], values["citations"]
        values["ranked"] = ranked and Ranked(tuple(ranked["met_at"]), tuple(ranked["retrieved_at"]), ranked["missed"])
        values["citations"] = counts and CitationCount(**counts)
        for name in ("hits", "cited"):
            values[name] = tuple((document, start, end) for document, start, end in values[name])
        return cls(question=question, **values)


def is_right(question: Question, answer: Answer) -> bool:
    """Return whether an answer is right, whatever it cites.

    Args:
        question: With evidence in the library's offsets.
        answer: An answer; a refusal is never right.

    Returns:
        Whether it holds a gold answer; lacking gold answers, whether it cites gold evidence; lacking that too, a gold
        document. Never for an unanswerable question.
    """
    if answer.abstained or not question.answerable:
        return False
    if question.answers:
        return contains(answer.text, question.answers)
    if question.evidence:
        return cites_evidence(question, cited_spans(answer))
    return any(citation.document_id in question.document_ids for citation in answer.citations)


def cites_evidence(question: Question, cited: Iterable[DocumentSpan]) -> bool:
    """Return whether a cited span overlaps gold evidence; where there is none to overlap, anything cited does."""
    spans, lost = evidence_spans(question)
    if not spans:
        return not lost or any(True for _ in cited)
    return any(overlap(place, span) for place in cited for span in spans)


def cited_spans(answer: Answer) -> tuple[DocumentSpan, ...]:
    """Return the spans that an answer cites, in order."""
    return tuple((c.document_id, c.start_char, c.end_char) for c in answer.citations)


def passage_span(passage: Passage) -> DocumentSpan:
    """Return where a passage is."""
    return passage.document_id, passage.start_char, passage.end_char


def judge_hits(question: Question, ranked: Iterable[Passage], passages: Iterable[Passage]) -> Judgement | None:
    """Judge which needs the ranked passages meet.

    A passage meets a need when it overlaps that span of gold evidence. Lacking evidence there is one need, which a
    passage of a gold document (of any, when none is named) meets that holds a gold answer; and where the only answers
    are yes, no or maybe, or none, each gold document is a need that any of its passages meets.

    Args:
        question: With evidence in the library's offsets.
        ranked: Passages from rank 1.
        passages: All passages of its gold documents.

    Returns:
        The judgement; ``None`` when the question is unanswerable.
    """
    if not question.answerable:
        return None
    spans, lost = evidence_spans(question)
    answers = spoken_answers(question)

    def met(passage: Passage) -> frozenset[int]:
        document = passage.document_id
        if question.evidence:
            place = passage_span(passage)
            return frozenset(i for i, span in enumerate(spans) if overlap(place, span))
        if answers:
            named = not question.document_ids or document in question.document_ids
            return frozenset((0,) if named and contains(passage.text, answers) else ())
        return frozenset(i for i, name in enumerate(question.document_ids) if name == document)

    needs = len(spans) + lost if question.evidence else 1 if answers else len(question.document_ids)
    if not needs:
        return None
    reachable = tuple(found for passage in passages if (found := met(passage)))
    return Judgement(needs, tuple(met(passage) for passage in ranked), reachable)


def retrieved_at(question: Question, candidates: Sequence[Hit]) -> tuple[int | None, ...]:
    """Return for each need of a question the best rank before reranking of a candidate that meets it.

    Args:
        question: With evidence in the library's offsets.
        candidates: With ``retrieved_rank`` among their signals, where the system says so.

    Returns:
        A rank or ``None`` a need; empty when the question has none.
    """
    judgement = judge_hits(question, [hit.passage for hit in candidates], ())
    if judgement is None:
        return ()
    best: dict[int, int] = {}
    for hit, met in zip(candidates, judgement.met, strict=True):
        rank = hit.signals.get("retrieved_rank")
        if rank is not None:
            best |= {need: min(int(rank), best.get(need, int(rank))) for need in met}
    return tuple(best.get(need) for need in range(judgement.needs))


def spoken_answers(question: Question) -> tuple[str, ...]:
    """Return the gold answers that a passage can be searched for."""
    return tuple(answer for answer in question.answers if tokens(answer) not in VERDICTS)


def evidence_spans(question: Question) -> tuple[list[DocumentSpan], int]:
    """Return the question's evidence with overlapping spans made one, and how many spans cleaning has dropped."""
    placed = [
        (item.document_id, item.start_char, item.end_char)
        for item in question.evidence
        if item.start_char is not None and item.end_char is not None
    ]
    return merge(placed), len(question.evidence) - len(placed)


def count_citations(question: Question, answer: Answer, texts: Mapping[str, str]) -> CitationCount:
    """Return how many of an answer's citations are exact and relevant, and how much evidence they find."""
    spans, lost = evidence_spans(question)
    # What is no span of its document cites nothing, however much of it lies around the evidence.
    cited = [place for place in cited_spans(answer) if 0 <= place[1] < place[2] <= len(texts[place[0]])]
    relevant = [
        citation.number
        for citation, place in zip(answer.citations, cited_spans(answer), strict=True)
        if place in cited and any(overlap(place, span) for span in spans)
    ]
    shared, covered = shared_chars(cited, spans)
    return CitationCount(
        cited=len(answer.citations),
        exact=sum(texts[c.document_id][c.start_char : c.end_char] == c.quote for c in answer.citations),
        relevant=len(relevant),
        evidence=len(spans) + lost,
        found=sum(any(overlap(place, span) for place in cited) for span in spans),
        sentences=len(answer.sentences),
        supported=sum(not set(relevant).isdisjoint(sentence.citations) for sentence in answer.sentences),
        shared_chars=shared,
        covered_chars=covered,
    )


def judge_answer(question: Question, answer: Answer) -> tuple[bool | None, bool | None, float | None]:
    """Return ``contains``, EM and token F1 of an answer served; ``None`` where there is no gold answer."""
    if not question.answers:
        return None, None, None
    given: Sequence[str] = question.answers
    if answer.abstained:
        return False, False, token_f1("", given)
    return contains(answer.text, given), exact_match(answer.text, given), token_f1(answer.text, given)
