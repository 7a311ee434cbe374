"""Holds conversations with a library and judges each follow-up against its stand-alone form; knows no rewriting.

A follow-up is answered as well as its stand-alone form when it loses nothing that this gains: of an answerable question
a gold answer in the text, and a citation that overlaps gold evidence; of an unanswerable one the refusal. Where the
stand-alone form is not answered either there is nothing to lose, so the share of those whose stand-alone form is
answered rightly is given beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

import numpy as np

from eval.copies import told_answer
from eval.dialogues import Dialogue, DialogueSet, DialogueTurn, tied
from eval.judge import cited_spans, cites_evidence
from eval.metrics import contains
from eval.progress import Progress
from eval.questions import Question
from eval.terminal import counted
from rag import Answer, Library

RESAMPLES, TAIL = 2_000, 0.025


@dataclass(frozen=True)
class Verdict:
    """How well a question was answered.

    Attributes:
        said: Whether the answer holds a gold answer; of an unanswerable question, whether it is a refusal.
        cited: Whether a citation overlaps gold evidence; of an unanswerable question as `said`.
    """

    said: bool
    cited: bool

    @property
    def right(self) -> bool:
        """Whether nothing is missing."""
        return self.said and self.cited

    def as_well_as(self, other: Verdict) -> bool:
        """Tell whether nothing is missing that the other has."""
        return self.said >= other.said and self.cited >= other.cited


@dataclass(frozen=True)
class FollowUp:
    """A question that is not the first of its conversation, and what came of it.

    Attributes:
        id: Conversation and number of the turn, from 1.
        half: Of its conversation.
        tags: Kinds of follow-up.
        question: As asked.
        stand_alone: As it would be asked alone; ``""`` where it stands alone as it is.
        query: As it was searched where that is not as asked, else ``""``.
        told: How it was answered in the conversation.
        alone: How its stand-alone form was answered.
        plain: How it was answered as asked, without the conversation.
        seconds: Wall time of asking it in the conversation.
    """

    id: str
    half: str
    tags: tuple[str, ...]
    question: str
    stand_alone: str
    query: str
    told: Verdict
    alone: Verdict
    plain: Verdict
    seconds: float


def converse(
    dialogues: DialogueSet, library: Library, *, threshold: float | None = None, progress: Progress | None = None
) -> list[FollowUp]:
    """Ask a library the questions of each conversation in order, each follow-up also alone, in both forms.

    Args:
        dialogues: The conversations, whose documents the library holds.
        library: What is measured; its own answers are the history.
        threshold: Confidence below which it abstains; the library's own when ``None``.
        progress: Called with stage, done and total after each conversation.

    Returns:
        What came of each question but the first of each conversation.

    Raises:
        GoldError: A document is not in the library, or a quote is not in its document.
    """
    found: list[FollowUp] = []
    known = tied(dialogues, library)
    for number, dialogue in enumerate(known, start=1):
        found += _held(dialogue, lambda question, history: library.ask(question, threshold=threshold, history=history))
        if progress:
            progress("conversations", number, len(known))
    return found


def _held(dialogue: Dialogue, ask: Callable[[str, Sequence[Answer]], Answer]) -> Iterator[FollowUp]:
    history: list[Answer] = []
    for turn in dialogue.turns:
        started = perf_counter()
        answer = ask(turn.question.question, history)
        seconds = perf_counter() - started
        if history:
            yield _follow_up(dialogue, turn, answer, ask, seconds)
        history.append(answer)


def _follow_up(
    dialogue: Dialogue, turn: DialogueTurn, answer: Answer, ask: Callable[..., Answer], seconds: float
) -> FollowUp:
    plain = verdict(turn.question, ask(turn.question.question, ()))
    alone = verdict(turn.question, ask(turn.stand_alone, ())) if turn.stand_alone else plain
    return FollowUp(
        id=turn.question.id,
        half=dialogue.half,
        tags=turn.question.tags,
        question=turn.question.question,
        stand_alone=turn.stand_alone,
        query=answer.query,
        told=verdict(turn.question, answer),
        alone=alone,
        plain=plain,
        seconds=seconds,
    )


def verdict(question: Question, answer: Answer) -> Verdict:
    """Judge an answer.

    Args:
        question: With evidence in the library's offsets.
        answer: Its answer.

    Returns:
        The verdict.
    """
    if not question.answerable:
        return Verdict(answer.abstained, answer.abstained)
    said = not answer.abstained and (not question.answers or contains(answer.text, question.answers))
    return Verdict(
        said, not answer.abstained and cites_evidence(question, cited_spans(told_answer(answer, question.document_ids)))
    )


def document(dialogues: DialogueSet, found: Sequence[FollowUp]) -> dict[str, Any]:
    """Return what came of a set of conversations as JSON values.

    Args:
        dialogues: The conversations.
        found: What came of their follow-ups.

    Returns:
        Figures of all, of each half and of each tag, and a row a follow-up.
    """
    halves = dict.fromkeys(row.half for row in found)
    tags = dict.fromkeys(tag for row in found for tag in row.tags)
    return {
        "gold": {"name": dialogues.name, "digest": dialogues.digest},
        "dialogues": len(dialogues.dialogues),
        **figures(found),
        "halves": {half: figures([row for row in found if row.half == half]) for half in halves if half},
        "tags": {tag: figures([row for row in found if tag in row.tags], resamples=0) for tag in tags},
        "latency_ms": {"p50": 1000 * float(np.median([row.seconds for row in found]))} if found else {},
        "outcomes": [asdict(row) | {"as_well": row.told.as_well_as(row.alone)} for row in found],
    }


def figures(found: Sequence[FollowUp], *, resamples: int = RESAMPLES) -> dict[str, Any]:
    """Return the figures of follow-ups.

    Args:
        found: The follow-ups; those that stand alone as they are count as such, not as follow-ups.
        resamples: Draws of conversations for the 95 % interval; 0 for none.

    Returns:
        ``follow_ups`` that depend on their conversation; ``as_well``, the share answered as well as alone, with its
        ``interval``; ``as_well_where_right`` of the ``right_alone`` that are answered rightly alone;
        ``without_rewriting``, the share answered as well when asked as they are; ``stand_alone`` questions,
        ``left_alone`` the share of them that was searched as asked. A share of none is ``None``.
    """
    follow_ups = [row for row in found if row.stand_alone]
    others = [row for row in found if not row.stand_alone]
    right = [row for row in follow_ups if row.alone.right]
    return {
        "follow_ups": len(follow_ups),
        "as_well": _share([row.told.as_well_as(row.alone) for row in follow_ups]),
        "interval": _interval(follow_ups, resamples),
        "right_alone": len(right),
        "as_well_where_right": _share([row.told.right for row in right]),
        "without_rewriting": _share([row.plain.as_well_as(row.alone) for row in follow_ups]),
        "without_rewriting_where_right": _share([row.plain.right for row in right]),
        "stand_alone": len(others),
        "left_alone": _share([not row.query for row in others]),
    }


def _share(told: Sequence[bool]) -> float | None:
    return sum(told) / len(told) if told else None


def _interval(rows: Sequence[FollowUp], resamples: int) -> tuple[float, float] | None:
    """Return the 95 % percentile interval, conversations drawn as a whole: one wrong turn spoils the next.

    Reference:
        Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter 13; Field and Welsh 2007, on clusters.
    """
    names = list(dict.fromkeys(row.id.rpartition("/")[0] for row in rows))
    if not names or not resamples:
        return None
    places = {name: place for place, name in enumerate(names)}
    counts = np.zeros((2, len(names)))
    for row in rows:
        counts[:, places[row.id.rpartition("/")[0]]] += (row.told.as_well_as(row.alone), 1)
    drawn = np.random.default_rng(0).multinomial(len(names), np.full(len(names), 1 / len(names)), resamples)
    shares = (drawn @ counts[0]) / (drawn @ counts[1])
    low, high = np.quantile(shares, [TAIL, 1 - TAIL])
    return float(low), float(high)


def lines(values: dict[str, Any]) -> Iterator[str]:
    """Yield the figures line by line, for a terminal and for Markdown.

    Args:
        values: Of `document`.

    Yields:
        Lines without their ends.
    """
    held = f"{counted(values['dialogues'], 'conversation')}, {counted(values['follow_ups'], 'follow-up')}"
    yield f"{values['gold']['name']}: {held}"
    yield ""
    heading = ("follow-ups", "n", "as well as alone", "95 %", "where right alone", "without rewriting", "left alone")
    yield "| " + " | ".join(heading) + " |"
    yield "|" + "---|" * len(heading)
    yield _row("all", values)
    for kind in ("halves", "tags"):
        yield from (_row(name, part) for name, part in values[kind].items())
    lost = [row for row in values["outcomes"] if not row["as_well"]]
    if lost:
        yield ""
        yield "not as well as alone:"
        yield from (f"- {row['id']}: {row['question']} -> {row['query'] or 'as asked'}" for row in lost)


def _row(name: str, part: dict[str, Any]) -> str:
    bounds = part["interval"]
    cells = (
        name,
        str(part["follow_ups"]),
        _figure(part["as_well"]),
        f"[{bounds[0]:.3f}, {bounds[1]:.3f}]" if bounds else "-",
        f"{_figure(part['as_well_where_right'])} of {part['right_alone']}",
        _figure(part["without_rewriting"]),
        f"{_figure(part['left_alone'])} of {part['stand_alone']}",
    )
    return "| " + " | ".join(cells) + " |"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
