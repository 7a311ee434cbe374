"""How much each sign of an answer counts in its confidence: fitted on half of the questions, shown on the others.

python -m eval.fit_confidence [--data FOLDER] [--limit N]   the folder holds gold sets of corpus.jsonl, questions.jsonl
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.fit_rerank import held
from eval.gold import GoldSet, Question, read_gold
from eval.kept import open_gold_library
from eval.near_misses import changed, pool_of
from eval.resolve import sample
from rag import Library
from rag.answer import signs_of
from rag.confidence import (
    GLOSSED_WEIGHTS,
    INTERCEPT,
    UNREAD_INTERCEPT,
    UNREAD_WEIGHTS,
    WEIGHTS,
    Signs,
    weighed,
)
from rag.folder.snapshot import in_folder
from rag.pipeline import Pipeline, Work

Floats = NDArray[np.float64]
ROOT = Path(__file__).resolve().parent.parent
# How many questions of a set are asked, spread evenly over it: what more of them would change is less than its noise.
ASKED: Mapping[str, int] = {"squad2": 1600, "qed": 200, "covidqa": 150, "hotpotqa-100": 100}
# Of questions that the encoder does not read.
UNREAD: Mapping[str, int] = {"cmrc2018-trial": 200}
# Of questions that are read word by word in another language; as those.
GLOSSED: Mapping[str, int] = {"xquad-zh-en": 352}
# Few of these questions can be changed: all are asked without their documents, and all kinds count alike.
CHINESE = frozenset({*UNREAD, *GLOSSED})
# How much the questions of a kind count beside the answerable ones of their set, all together. Those with another word
# are only shown: drawn at random it seldom makes a question that people ask, and what is learned from them is lost on
# unanswerable questions that people wrote.
SHARES: Mapping[str, float] = {
    "answerable": 1.0,
    "unanswerable": 0.5,
    "number": 0.25,
    "name": 0.125,
    "other_name": 0.125,
    "word": 0.0,
    "without": 0.125,
    "other": 0.125,
}
# squad2 counts twice, as only it has unanswerable questions that people wrote, and hotpotqa-100 four times, as its few
# are the only ones that rest on two documents. Where a set has no unanswerable ones, the made ones count for them.
SET_SHARES: Mapping[str, float] = {"squad2": 2.0, "hotpotqa-100": 4.0}
MADE_ALONE = 2.0
# No question counts more than an answerable one of its set, however few there are of its kind.
MOST_COUNTED = 1.0
# More of these makes an answer likelier; more of any other sign, less likely.
RAISING = frozenset({"tokens", "stand_ins", "dense", "content_terms", "covered", "glossed_covered"})
# What says nothing by itself, but how much other signs can be expected to say.
EITHER_WAY = frozenset({"glossed"})
# At most so many questions of a set are asked without their documents, and of another set.
WITHOUT, OTHER = 60, 40
# Of the answerable questions of the set that has unanswerable ones that people wrote, at most this share is refused.
TOLD_BY, MOST_REFUSED = "squad2", 0.08
# Keeps weights finite where a sign alone tells all cases apart.
RIDGE = 1e-5
SEED = 7


@dataclass(frozen=True)
class Case:
    """A question that was asked.

    Attributes:
        kind: A key of `SHARES`: what makes it answerable or not.
        held_out: Whether it is of the half that is not fitted on.
        signs: What its confidence is worked out from.
    """

    kind: str
    held_out: bool
    signs: Signs


@dataclass(frozen=True)
class Model:
    """Weights of signs, as `rag.confidence` has them.

    Attributes:
        intercept: Log-odds of a question without any sign.
        weights: What each sign adds.
    """

    intercept: float
    weights: Mapping[str, float]

    def confidences(self, cases: Sequence[Case]) -> Floats:
        """Return the confidence in each case, (cases,), in [0, 1]."""
        confidences: Floats = 1.0 / (1.0 + np.exp(-self.log_odds(cases)))
        return confidences

    def log_odds(self, cases: Sequence[Case]) -> Floats:
        """Return the log-odds in each case, (cases,), in nats."""
        found: Floats = _features(cases, self.weights) @ np.array(list(self.weights.values())) + self.intercept
        return found


SHIPPED, SHIPPED_UNREAD = Model(INTERCEPT, WEIGHTS), Model(UNREAD_INTERCEPT, UNREAD_WEIGHTS)
SHIPPED_GLOSSED = Model(INTERCEPT, {**WEIGHTS, **GLOSSED_WEIGHTS})
Cases = Mapping[str, Sequence[Case]]


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Fit the weights of the confidence.")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of gold sets")
    parser.add_argument("--limit", type=int, help="at most so many questions of each set; as shipped by default")
    arguments = parser.parse_args()
    sys.stdout.write(table(arguments.data, limit=arguments.limit) + "\n")
    return 0


def table(data: Path, *, limit: int | None = None) -> str:
    """Return the fitted weights and the shipped ones, and how well they tell what is answerable on the other half.

    Args:
        data: Folder of gold sets.
        limit: At most how many questions of each set are asked; as many as for the shipped weights when ``None``.

    Returns:
        The weights, the threshold, and tables in Markdown: AUROC of a set's answerable questions against each kind that
        is not, and the share of each kind that is refused; or a sentence where there is nothing to fit on.
    """
    read, unread, glossed = read_sets(data, limit)
    if not _can_be_fitted(read):
        return f"nothing to fit on: {data} has no gold set of {', '.join(ASKED)} with enough questions"
    lines = [*_shown(read, SHIPPED)]
    if _can_be_fitted(unread):
        lines += ["", "What the encoder does not read:", "", *_shown(unread, SHIPPED_UNREAD)]
    if _can_be_fitted(glossed):
        title = "What is read word by word in another language, beside the shipped weights:"
        lines += ["", title, "", *_shown(glossed, SHIPPED_GLOSSED, beside=SHIPPED)]
    return "\n".join(lines)


def read_sets(data: Path, limit: int | None = None) -> tuple[Cases, Cases, Cases]:
    """Return the cases of the sets that a folder holds, of those that the encoder does not read, and of those glossed.

    Args:
        data: Folder of gold sets.
        limit: As for `table`.

    Returns:
        Cases by set.
    """
    most = {name: min(count, limit or count) for name, count in {**ASKED, **UNREAD, **GLOSSED}.items()}
    golds = {name: read_gold(data / name) for name in held(data, most)}
    cases = {name: list(read_cases(gold, _strangers(gold, golds), most[name])) for name, gold in golds.items()}
    read, unread, glossed = (
        {name: found for name, found in cases.items() if name in sets} for sets in (ASKED, UNREAD, GLOSSED)
    )
    return read, unread, glossed


def _strangers(gold: GoldSet, golds: Mapping[str, GoldSet]) -> dict[str, GoldSet]:
    """Return the sets whose questions are put to the documents of another: those that are read as its own are."""
    names = UNREAD if gold.name in GLOSSED else {**ASKED, **UNREAD}
    return {name: other for name, other in golds.items() if name in names}


def _can_be_fitted(cases: Cases) -> bool:
    return len({case.kind == "answerable" for found in cases.values() for case in found if not case.held_out}) == 2


def _shown(cases: Cases, shipped: Model, *, beside: Model | None = None) -> Iterator[str]:
    """Yield the lines on questions that are judged by the same signs."""
    to_fit = {name: [case for case in found if not case.held_out] for name, found in cases.items()}
    fitted = fit(to_fit, list(shipped.weights), beside=beside)
    models = {"fitted": fitted, "shipped": shipped}
    yield from ("| sign | fitted | shipped |", "| --- | --- | --- |")
    yield f"| intercept | {fitted.intercept:.2f} | {shipped.intercept:.2f} |"
    yield from (f"| {sign} | {fitted.weights[sign]:.2f} | {weight:.2f} |" for sign, weight in shipped.weights.items())
    kinds = [kind for kind in SHARES if any(case.kind == kind for found in cases.values() for case in found)]
    thresholds = {label: threshold(cases, model) for label, model in models.items()}
    yield from ("", "AUROC on the other half:", "")
    yield from _by_set(cases, models, kinds[1:], lambda _, by, kind: auroc(by["answerable"], by[kind]))
    at = ", ".join(f"{label} {value:.2f}" for label, value in thresholds.items())
    yield from ("", f"Share refused on the other half at the threshold ({at}):", "")
    yield from _by_set(cases, models, kinds, lambda label, by, kind: float((by[kind] < thresholds[label]).mean()))


def threshold(cases: Cases, model: Model) -> float:
    """Return the highest threshold, in hundredths, at which few of the answerable questions fitted on are refused.

    Args:
        cases: Cases by set.
        model: What gives their confidences.

    Returns:
        A confidence in [0, 1]; below it are at most `MOST_REFUSED` of those of `TOLD_BY`, or of all where that is
        missing.
    """
    found = cases.get(TOLD_BY) or [case for own in cases.values() for case in own]
    confidences = model.confidences([c for c in found if c.kind == "answerable" and not c.held_out])
    return max((n / 100 for n in range(101) if (confidences < n / 100).mean() <= MOST_REFUSED), default=0.0)


def _by_set(
    cases: Cases,
    models: Mapping[str, Model],
    kinds: Sequence[str],
    figure: Callable[[str, Mapping[str, Floats], str], float],
) -> Iterator[str]:
    """Yield a table of a figure of each kind of question, by set and weights."""
    yield "| set | weights | " + " | ".join(kinds) + " |"
    yield "| --- " * (len(kinds) + 2) + "|"
    for name, found in cases.items():
        shown = [case for case in found if case.held_out]
        for label, model in models.items():
            scores = model.confidences(shown)
            by = {kind: scores[[case.kind == kind for case in shown]] for kind in SHARES}
            figures = [
                f"{figure(label, by, kind):.3f}" if len(by[kind]) and len(by["answerable"]) else "-" for kind in kinds
            ]
            yield "| " + " | ".join([name, label, *figures]) + " |"


def auroc(higher: Sequence[float] | Floats, lower: Sequence[float] | Floats) -> float:
    """Return how often a value of the first is above one of the second, in [0, 1]; equal ones count half."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score([*[1] * len(higher), *[0] * len(lower)], [*higher, *lower]))


def read_cases(gold: GoldSet, golds: Mapping[str, GoldSet], limit: int) -> Iterator[Case]:
    """Yield the questions of a gold set and those made from them, asked of its documents.

    Args:
        gold: The gold set.
        golds: Sets by name: questions about other documents are taken from these.
        limit: At most how many of its questions are asked, spread evenly over it.

    Yields:
        The cases; a question and what is made from it are of the same half.
    """
    chance = random.Random(SEED)  # noqa: S311
    questions, pool = sample(gold.questions, limit), pool_of(gold.questions)
    with open_gold_library(gold) as library:
        pipeline = library.pipeline(threshold=0.0)
        without = _Without(library, pipeline)
        for number, question in enumerate(questions):
            asked = [("answerable" if question.answerable else "unanswerable", Work(question.question))]
            if question.answerable:
                asked += [(kind, Work(text)) for kind, text in changed(question, pool, seed=SEED).items()]
                if chance.random() * len(questions) < WITHOUT or gold.name in CHINESE:
                    asked.append(("without", without.work(question)))
            yield from (
                case for kind, work in asked for case in _case(kind, number % 2 == 1, work, pipeline, gold.name)
            )
        for question in _others(gold, golds, chance):
            yield from _case("other", chance.random() < 0.5, Work(question.question), pipeline, gold.name)


class _Without:
    """Asks questions of all documents but those that answer them."""

    def __init__(self, library: Library, pipeline: Pipeline) -> None:
        self._passages: dict[str, list[int]] = {}
        snapshot = in_folder(pipeline.snapshot)
        for stored in snapshot.store.passages_of(revision=snapshot.revision):
            self._passages.setdefault(stored.passage.document_id, []).append(stored.key)

    def work(self, question: Question) -> Work:
        others = [keys for document, keys in self._passages.items() if document not in question.document_ids]
        return Work(question.question, None, np.array(sorted(key for keys in others for key in keys), np.int64))


def _case(kind: str, held_out: bool, work: Work, pipeline: Pipeline, gold: str) -> Iterator[Case]:
    """Yield the case, unless nothing is found, or it is not read as the others of its set are."""
    for name, stage in pipeline.stages():
        if name == "answer":
            break
        work = stage(work)
    if work.query:
        signs = signs_of(work.query, work.candidates[: pipeline.settings.context_k])
        if signs and (signs.read, signs.glossed > 0) == (gold not in UNREAD, gold in GLOSSED):
            yield Case(kind, held_out, signs)


def _others(gold: GoldSet, golds: Mapping[str, GoldSet], chance: random.Random) -> list[Question]:
    found = [question for name, other in golds.items() if name != gold.name for question in other.questions]
    return chance.sample(found, min(OTHER, len(found)))


def fit(cases: Cases, signs: Sequence[str], *, beside: Model | None = None) -> Model:
    """Return the weights and the intercept under which what is answerable and what is not are the likeliest.

    Args:
        cases: Those to fit on, by set.
        signs: Names of the signs that are weighed.
        beside: Weights of some of them, and an intercept, that stay as they are; all are fitted when ``None``.

    Returns:
        The model, its numbers rounded to hundredths.
    """
    from scipy.optimize import minimize

    found = [(name, case) for name, own in cases.items() for case in own]
    free = [sign for sign in signs if beside is None or sign not in beside.weights]
    known = beside.log_odds([case for _, case in found]) if beside else np.zeros(len(found))
    ones = np.full((len(found), 1), 0.0 if beside else 1.0)
    features = np.column_stack([_features([case for _, case in found], free), ones])
    sides = np.array([1.0 if case.kind == "answerable" else -1.0 for _, case in found])
    counts = Counter((name, case.kind) for name, case in found)
    shares = np.array([_share(name, case.kind, counts) for name, case in found])
    shares /= shares.sum()

    def loss(weights: Floats) -> tuple[float, Floats]:
        margins = sides * (known + features @ weights)
        slope: Floats = 2 * RIDGE * weights - features.T @ (shares * sides / (1.0 + np.exp(margins)))
        return float(shares @ np.logaddexp(0.0, -margins) + RIDGE * weights @ weights), slope

    bounds = [*map(_bounds, free), (None, None)]
    found_at = minimize(loss, np.zeros(features.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds).x
    *weights, intercept = (round(float(weight), 2) + 0.0 for weight in found_at)
    fitted = dict(zip(free, weights, strict=True))
    return Model(beside.intercept, {**beside.weights, **fitted}) if beside else Model(intercept, fitted)


def _bounds(sign: str) -> tuple[float | None, float | None]:
    if sign in EITHER_WAY:
        return None, None
    return (0.0, None) if sign in RAISING else (None, 0.0)


def _features(cases: Sequence[Case], signs: Iterable[str]) -> Floats:
    names = list(signs)
    return np.array([[weighed(case.signs, name) for name in names] for case in cases]).reshape(len(cases), len(names))


def _share(name: str, kind: str, counts: Mapping[tuple[str, str], int]) -> float:
    alone = MADE_ALONE if kind != "answerable" and not counts.get((name, "unanswerable")) else 1.0
    share = 1.0 if name in CHINESE else SHARES[kind] * alone
    each = share * counts[name, "answerable"] / counts[name, kind]
    return SET_SHARES.get(name, 1.0) * min(each, MOST_COUNTED)


if __name__ == "__main__":
    sys.exit(main())
