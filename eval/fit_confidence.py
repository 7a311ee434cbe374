"""How much each sign of an answer counts in its confidence: fitted on half of the questions, shown on the others.

python -m eval.fit_confidence [--data FOLDER] [--limit N]   the folder holds gold sets of corpus.jsonl, questions.jsonl

Reference:
    Questions that a set's documents do not answer are made as those of Jia, Liang (2017), "Adversarial Examples for
    Evaluating Reading Comprehension Systems", section 3.1, changes questions: one number or one name for another.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.fit_rerank import held
from eval.gold import GoldSet, Question, read_gold
from eval.kept import open_gold_library
from eval.resolve import sample
from rag import Library
from rag.answer import signs_of
from rag.confidence import MOST_TERMS, Signs, confidence
from rag.facts import key_facts, runs
from rag.pipeline import Pipeline, Work

Floats = NDArray[np.float64]
ROOT = Path(__file__).resolve().parent.parent
SETS = ("squad2", "qed", "covidqa", "hotpotqa-100", "pubmedqa")
FEATURES = (
    "tokens", "stand_ins", "dense", "content_terms", "negated", "opposed", "number_not_here", "number_nowhere",
    "name_not_here", "name_nowhere",
)  # fmt: skip
# How much the questions of a kind count beside the answerable ones of their set, all together.
SHARES: Mapping[str, float] = {
    "answerable": 1.0,
    "unanswerable": 0.5,
    "number": 0.25,
    "name": 0.25,
    "without": 0.125,
    "other": 0.125,
}
# squad2 counts twice, as only it has unanswerable questions that people wrote. Where a set has none, the made ones
# count for them.
SET_SHARES: Mapping[str, float] = {"squad2": 2.0}
MADE_ALONE = 2.0
NUMBER = re.compile(r"(?<![\w.,])\d{1,4}(?![\w,]|\.\d)")
CHANGES = (-20, -10, -9, -7, -5, -3, -2, -1, 1, 2, 3, 5, 7, 9, 10, 20)
# At most so many questions of a set are asked without their documents, and of another set.
WITHOUT, OTHER = 150, 120
SEED = 7


@dataclass(frozen=True)
class Case:
    """A question that was asked.

    Attributes:
        kind: A key of `SHARES`: what makes it answerable or not.
        held_out: Whether it is of the half that is not fitted on.
        features: (features,) float64.
        confidence: What the service says at present.
    """

    kind: str
    held_out: bool
    features: Floats
    confidence: float


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Fit the weights of the confidence.")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of gold sets")
    parser.add_argument("--limit", type=int, help="questions asked of each set, spread evenly; all by default")
    arguments = parser.parse_args()
    sys.stdout.write(table(arguments.data, limit=arguments.limit) + "\n")
    return 0


def table(data: Path, *, limit: int | None = None) -> str:
    """Return the fitted weights, and how well they and the shipped ones tell what is answerable on the other half.

    Args:
        data: Folder of gold sets.
        limit: How many questions of each set are asked, spread evenly over it; all when ``None``.

    Returns:
        The weights and a table in Markdown: AUROC of a set's answerable questions against each kind that is not; or a
        sentence where there is nothing to fit on.
    """
    golds = {name: read_gold(data / name) for name in held(data, SETS)}
    cases = {name: list(read_cases(gold, golds, limit)) for name, gold in golds.items()}
    fitted_on = {name: [c for c in found if not c.held_out] for name, found in cases.items()}
    if len({case.kind == "answerable" for found in fitted_on.values() for case in found}) < 2:
        return f"nothing to fit on: {data} has no gold set of {', '.join(SETS)} with enough questions"
    weights, intercept = fit(fitted_on)
    lines = [f"intercept {intercept:.2f}", *(f"{n} {w:.2f}" for n, w in zip(FEATURES, weights, strict=True)), ""]
    kinds = [kind for kind in SHARES if kind != "answerable"]
    lines += ["| set | weights | " + " | ".join(kinds) + " |", "| --- " * (len(kinds) + 2) + "|"]
    for name, found in cases.items():
        shown = [case for case in found if case.held_out]
        scores = {
            "fitted": [float(case.features @ weights) for case in shown],
            "shipped": [c.confidence for c in shown],
        }
        lines += [_row(name, label, shown, scored, kinds) for label, scored in scores.items()]
    return "\n".join(lines)


def _row(name: str, label: str, cases: Sequence[Case], scores: Sequence[float], kinds: Iterable[str]) -> str:
    of = {kind: [s for s, c in zip(scores, cases, strict=True) if c.kind == kind] for kind in SHARES}
    figures = [f"{auroc(of['answerable'], of[k]):.3f}" if of["answerable"] and of[k] else "-" for k in kinds]
    return "| " + " | ".join([name, label, *figures]) + " |"


def auroc(higher: Sequence[float], lower: Sequence[float]) -> float:
    """Return how often a value of the first is above one of the second, in [0, 1]; equal ones count half."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score([*[1] * len(higher), *[0] * len(lower)], [*higher, *lower]))


def read_cases(gold: GoldSet, golds: Mapping[str, GoldSet], limit: int | None = None) -> Iterator[Case]:
    """Yield the questions of a gold set and those made from them, asked of its documents.

    Args:
        gold: The gold set.
        golds: All of them, by name: questions about other documents are taken from these.
        limit: How many of its questions are asked, spread evenly over it; all when ``None``.

    Yields:
        The cases; a question and what is made from it are of the same half.
    """
    chance = random.Random(SEED)  # noqa: S311
    questions = sample(gold.questions, limit)
    with open_gold_library(gold) as library:
        pipeline = library.pipeline(threshold=0.0)
        without = _Without(library, pipeline)
        names = [name for question in questions for name in _names(question.question, pipeline)]
        for number, question in enumerate(questions):
            held_out = number % 2 == 1
            kind = "answerable" if question.answerable else "unanswerable"
            asked = [(kind, Work(question.question))]
            if question.answerable:
                asked += [("number", Work(text)) for text in _other_number(question.question, chance)]
                asked += [("name", Work(text)) for text in _other_name(question.question, names, pipeline, chance)]
                if chance.random() * len(questions) < WITHOUT:
                    asked.append(("without", without.work(question)))
            yield from (case for what, work in asked for case in _case(what, held_out, work, pipeline))
        for question in _others(gold, golds, chance):
            yield from _case("other", chance.random() < 0.5, Work(question.question), pipeline)


class _Without:
    """Asks questions of all documents but those that answer them."""

    def __init__(self, library: Library, pipeline: Pipeline) -> None:
        self._passages: dict[str, list[int]] = {}
        snapshot = pipeline.snapshot
        for stored in snapshot.store.passages_of(revision=snapshot.revision):
            self._passages.setdefault(stored.passage.document_id, []).append(stored.key)

    def work(self, question: Question) -> Work:
        others = [keys for document, keys in self._passages.items() if document not in question.document_ids]
        return Work(question.question, None, np.array(sorted(key for keys in others for key in keys), np.int64))


def _case(kind: str, held_out: bool, work: Work, pipeline: Pipeline) -> Iterator[Case]:
    """Yield the case, unless nothing is found or the encoder does not read it."""
    for name, stage in pipeline.stages():
        if name == "answer":
            break
        work = stage(work)
    settings = pipeline.settings
    if work.query and work.query.readable:
        candidates = work.candidates[: settings.context_k]
        signs = signs_of(work.query, candidates)
        if signs:
            yield Case(kind, held_out, _features(signs), confidence(signs))


def _features(signs: Signs) -> Floats:
    capped = replace(signs, content_terms=min(signs.content_terms, MOST_TERMS))
    values = {name: float(getattr(capped, name)) for name in FEATURES}
    return np.array([*({**values, "content_terms": values["content_terms"] / MOST_TERMS}).values()])


def _other_number(question: str, chance: random.Random) -> list[str]:
    """Return the question with one of its numbers changed, if it has any."""
    found = list(NUMBER.finditer(question))
    if not found:
        return []
    match = chance.choice(found)
    other = chance.choice([c for c in CHANGES if int(match[0]) + c >= 0]) + int(match[0])
    return [f"{question[: match.start()]}{other}{question[match.end() :]}"]


def _other_name(question: str, names: Sequence[str], pipeline: Pipeline, chance: random.Random) -> list[str]:
    """Return the question with one of its names changed for one of another question, if there are any."""
    own = _names(question, pipeline)
    words = set(question.casefold().split())
    others = [name for name in names if not words & set(name.casefold().split())]
    return [question.replace(chance.choice(own), chance.choice(others), 1)] if own and others else []


def _names(question: str, pipeline: Pipeline) -> list[str]:
    query = pipeline.understand(Work(question)).query
    return [query.text[start:end] for start, end in runs(query, key_facts(query).names)] if query else []


def _others(gold: GoldSet, golds: Mapping[str, GoldSet], chance: random.Random) -> list[Question]:
    found = [question for name, other in golds.items() if name != gold.name for question in other.questions]
    return chance.sample(found, min(OTHER, len(found)))


def fit(cases: Mapping[str, Sequence[Case]]) -> tuple[Floats, float]:
    """Return the weights and the intercept under which what is answerable and what is not are the likeliest.

    Args:
        cases: Those to fit on, by set.

    Returns:
        (features,) float64, and the intercept, for features as `rag.confidence` weighs them.
    """
    from scipy.optimize import minimize

    found = [(name, case) for name, own in cases.items() for case in own]
    features = np.array([[*case.features, 1.0] for _, case in found])
    signs = np.array([1.0 if case.kind == "answerable" else -1.0 for _, case in found])
    counts = Counter((name, case.kind) for name, case in found)
    shares = np.array([_share(name, case.kind, counts) for name, case in found])
    shares /= shares.sum()

    def loss(weights: Floats) -> float:
        # The ridge keeps weights finite where a feature alone tells all cases apart.
        return float(shares @ np.logaddexp(0.0, -signs * (features @ weights)) + 1e-5 * weights @ weights)

    fitted: Floats = minimize(loss, np.zeros(features.shape[1]), method="BFGS").x
    return fitted[:-1], float(fitted[-1])


def _share(name: str, kind: str, counts: Mapping[tuple[str, str], int]) -> float:
    alone = MADE_ALONE if kind != "answerable" and not counts.get((name, "unanswerable")) else 1.0
    return SET_SHARES.get(name, 1.0) * SHARES[kind] * alone / counts[name, kind]


if __name__ == "__main__":
    sys.exit(main())
