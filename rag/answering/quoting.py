"""Scored sentences to the quotes of an answer, with what is marked in them and what they say together.

The one place that knows the order: choose, whole lists, context; then sources that disagree, a yes or no, and marks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.answering.choice import choose
from rag.answering.context import with_context
from rag.answering.disagreement import Contrary, disagreeing
from rag.answering.highlight import highlight
from rag.answering.lists import whole_lists
from rag.answering.sentences import Run, Scored, runs_of, sentence_text
from rag.answering.verdict import verdict
from rag.evidence import Chosen, Claim, Query
from rag.schema import Span


@dataclass(frozen=True)
class Quotes:
    """What an answer quotes.

    Attributes:
        chosen: The quotes, most relevant first.
        verdict: ``"Yes."`` or ``"No."`` in the question's language, or ``""``.
        rests_on: Places of the quotes that the verdict rests on.
        claims: What quotes of different documents give for the same thing, where that differs.
    """

    chosen: tuple[Chosen, ...]
    verdict: str = ""
    rests_on: tuple[int, ...] = ()
    claims: tuple[Claim, ...] = ()


def quote(query: Query, scored: Sequence[Scored], *, most: int) -> Quotes:
    """Return the quotes that answer a question.

    Args:
        query: The query.
        scored: Sentences, best first; at least one.
        most: Most sentences that are chosen; what makes them understood, lists and other sources come on top.

    Returns:
        The quotes.
    """
    contrary = disagreeing(query, scored)
    runs = with_context(_with(whole_lists(query.text, choose(scored, most=most)), contrary))
    said = verdict(query, scored) if not contrary else None
    marks = _marks(query, runs, contrary)
    return Quotes(
        chosen=tuple(_as_chosen(run, mark) for run, mark in zip(runs, marks, strict=True)),
        verdict=said.word if said else "",
        rests_on=(_holder(runs, said.rests_on),) if said else (),
        claims=tuple(_as_claim(runs, claim) for claim in contrary),
    )


def _with(runs: list[Run], contrary: Sequence[Contrary]) -> list[Run]:
    """Return quotes with those of what other sources say right behind the best one."""
    missing = [c.sentence for c in contrary if not any(_holds(run, c.sentence) for run in runs)]
    return [*runs[:1], *runs_of(missing), *runs[1:]]


def _holds(run: Run, sentence: Scored) -> bool:
    return run.key == sentence.candidate.stored.key and run.first <= sentence.number <= run.last


def _holder(runs: Sequence[Run], sentence: Scored) -> int:
    return next(n for n, run in enumerate(runs) if _holds(run, sentence))


def _as_claim(runs: Sequence[Run], claim: Contrary) -> Claim:
    return Claim(_holder(runs, claim.sentence), claim.written, claim.sentence.candidate.stored.date)


def _marks(query: Query, runs: Sequence[Run], contrary: Sequence[Contrary]) -> list[Span | None]:
    """Return for each quote the place in the document of what is asked for, or of what disagrees with another quote."""
    if contrary:
        return [next((_moved(c.value, c.sentence.span) for c in contrary if _holds(r, c.sentence)), None) for r in runs]
    marks: list[Span | None] = [None] * len(runs)
    first = runs[0].chosen[0]
    found = highlight(query, first.text)
    if found:
        marks[0] = _moved(found, first.span)
        return marks
    # Elsewhere only what says all that is asked: a further sentence's mark is right in a quarter of cases otherwise.
    for number, run in enumerate(runs):
        if mark := _plainly(query, run):
            marks[number] = mark
            break
    return marks


def _plainly(query: Query, run: Run) -> Span | None:
    """Return the place of what is asked for in the first sentence of a quote that says all that is asked of it."""
    passage = run.candidate.stored.passage
    for number in range(run.first, run.last + 1):
        before = [sentence_text(run.candidate, n) for n in range(number)]
        found = highlight(query, sentence_text(run.candidate, number), before=before)
        if found:
            return _moved(found, passage.sentences[number])
    return None


def _moved(span: Span, sentence: Span) -> Span:
    return Span(span.start_char + sentence.start_char, span.end_char + sentence.start_char)


def _as_chosen(run: Run, mark: Span | None) -> Chosen:
    stored, late = run.candidate.stored, run.chosen[0].late
    parts = tuple(sentence_text(run.candidate, number) for number in range(run.first, run.last + 1))
    score, also_in = max(0.0, min(1.0, late)), run.candidate.also_in
    return Chosen(stored.passage, stored.title, run.span, run.text, score, mark, parts, also_in)
