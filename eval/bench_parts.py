"""Parts of the understanding of questions, and the second step, against the library without them, by gold set.

Each part is asked for by questions in the writing that it is there for, which are made from gold questions by rule.
What a part does is replaced in the modules that call it: being without one is no setting that anybody should have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any
from unittest import mock

from eval.bench_figures import table
from eval.bench_rows import RANKING, compared, short
from eval.evaluate import Report, evaluate_subject
from eval.gold import GoldSet, Question
from eval.resolve import sample
from eval.subject import library_subject
from eval.writings import Rewriting, long_form, misspelt, other_numbers, quoting, rewritten, short_form
from rag import Library, facts, retrieve, second_step, terms, understand

SECOND_STEP = ("retrieval.recall@5", "retrieval.ndcg@10", "answers.contains", "citations.recall")
# What a name of a module is replaced by, while a part is left out.
Replaced = tuple[ModuleType, str, Any]


@dataclass(frozen=True)
class Part:
    """A part of the understanding of questions, the writing that it is there for, and what stands in for it.

    Attributes:
        name: As the table calls the writing.
        rewrite: Puts questions so.
        left_out: What the part's names are replaced by, module, name and value, to leave it out.
    """

    name: str
    rewrite: Rewriting
    left_out: tuple[Replaced, ...]


def _nothing(*_: Any, **__: Any) -> tuple[()]:
    return ()


ABBREVIATIONS = ((understand, "expansions", _nothing),)
NUMBERS: tuple[Replaced, ...] = (
    (terms, "quantities", _nothing),
    (terms, "NUMBER_WORDS", {}),
    (facts, "COUNT", re.compile(r"(?!)")),
    # Remembered titles would have been read without their numbers' forms.
    (retrieve, "_title_terms", retrieve._title_terms.__wrapped__),
)
PARTS = (
    Part("one letter misspelt", misspelt, ((understand, "may_be_misspelt", lambda _: False),)),
    Part("numbers and days written otherwise", other_numbers, NUMBERS),
    Part("a phrase quoted", quoting, ((understand, "phrases", _nothing),)),
    Part("short for long form", short_form, ABBREVIATIONS),
    Part("long for short form", long_form, ABBREVIATIONS),
)
LINKS = ((second_step, "links", _nothing),)


def writings_table(gold: GoldSet, library: Library, *, questions: int) -> Iterator[str]:
    """Yield a table of questions in other writings, and without the part that is there for them; none without any."""
    texts = {given.id: given.text for given in gold.documents or ()}
    rows = []
    for part in PARTS:
        others = sample(rewritten(gold.questions, texts, part.rewrite), questions)
        if not others:
            continue
        ids = {question.id for question in others}
        plain = [question for question in gold.questions if question.id in ids]
        reports = {
            f"{part.name} ({len(others)})": _asked(gold, library, others, name=part.name),
            "without the part for it": _asked(gold, library, others, name=part.name, left_out=part.left_out),
            "as they were": _asked(gold, library, plain, name=f"plain for {part.name}"),
        }
        rows += compared(reports, RANKING)
    if rows:
        yield table(["writing (questions)", *short(RANKING)], *rows)


def second_step_table(gold: GoldSet, library: Library, *, questions: int) -> Iterator[str]:
    """Yield a table of the questions that need several documents, with and without the second step; none without any.

    Args:
        gold: The gold set.
        library: A library of its documents.
        questions: How many are asked at most.

    Yields:
        The table.
    """
    several = sample([q for q in gold.questions if q.answerable and len(q.document_ids) > 1], questions)
    if several:
        reports = {
            "as it is": _asked(gold, library, several, name="two steps"),
            "without the second step": _asked(gold, library, several, name="two steps", left_out=LINKS),
        }
        yield table([f"on several documents ({len(several)})", *short(SECOND_STEP)], *compared(reports, SECOND_STEP))


def _asked(
    gold: GoldSet,
    library: Library,
    questions: Sequence[Question],
    *,
    name: str,
    left_out: Iterable[Replaced] = (),
) -> Report:
    """Return what comes of some questions; the name tells interrupted runs apart."""
    replaced = tuple(left_out)
    part = replace(gold, questions=tuple(questions))
    subject = library_subject(f"{name}{' without' if replaced else ''}", library)
    with without(replaced):
        return evaluate_subject(part, subject, library)


@contextmanager
def without(left_out: Iterable[Replaced]) -> Iterator[None]:
    """Replace names of modules, as long as the context lasts."""
    with ExitStack() as replaced:
        for module, name, value in left_out:
            replaced.enter_context(mock.patch.object(module, name, value))
        yield
