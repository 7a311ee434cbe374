"""How much each signal of reranking counts: fitted on half of the questions, shown on others.

python -m eval.fit_rerank [--data FOLDER]      the folder holds gold sets of corpus.jsonl and questions.jsonl

Reference:
    McFadden (1974), "Conditional Logit Analysis of Qualitative Choice Behavior": of one question's candidates the
    relevant one is chosen with a probability that grows with the weighted sum of its features.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.gold import Question, read_gold
from eval.judge import judge_hits
from eval.kept import open_gold_library
from eval.ranking import Judgement, ranking
from eval.resolve import Corpus, resolve, sample
from rag import Hit, Library, Settings
from rag.rerank import COVERAGE, FIRST_STAGE, PASSAGE, SENTENCE, TITLE

Floats = NDArray[np.float64]
ROOT = Path(__file__).resolve().parent.parent
FEATURES = ("first stage", "coverage", "title", "passage", "sentence")
SHIPPED = np.array([FIRST_STAGE, COVERAGE, TITLE, PASSAGE, SENTENCE])
# Sets that are fitted on, and what each question of theirs counts; others, where there are any, are only shown.
FITTED: Mapping[str, float] = {"squad2": 1.0, "qed": 1.0}
SHOWN = ("squad2", "qed", "covidqa", "hotpotqa-100", "pubmedqa")
METRICS = ("hit@1", "hit@5", "ndcg@10")
# Keeps weights finite where one feature alone tells all candidates apart.
RIDGE = 1e-4


@dataclass(frozen=True)
class Choice:
    """The candidates of one question.

    Attributes:
        features: (candidates, 5) float64, `FEATURES`, each but coverage and title min-max normalised.
        judgement: What they are worth, in the order of the first stage.
    """

    features: Floats
    judgement: Judgement

    @property
    def relevant(self) -> NDArray[np.bool_]:
        """Which candidates meet a need, (candidates,)."""
        return np.array([bool(met) for met in self.judgement.met])


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Fit the weights of reranking.")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of gold sets")
    sys.stdout.write(table(parser.parse_args().data) + "\n")
    return 0


def table(data: Path, *, shown: Iterable[str] = SHOWN, limit: int | None = None) -> str:
    """Return the fitted weights and the shipped ones, with the ranking metrics on the questions held out.

    Args:
        data: Folder of gold sets.
        shown: Names of sets; those that the folder holds are used.
        limit: How many questions of each set are asked, spread evenly over it; all when ``None``.

    Returns:
        A table in Markdown, "-" where no question was held out; a sentence where there is nothing to fit on.
    """
    choices = {name: read_choices(data / name, limit) for name in held(data, shown)}
    halves = {name: found[::2] for name, found in choices.items() if name in FITTED}
    if not any(map(_told, halves.values())):
        return (
            f"nothing to fit on: of {', '.join(FITTED)}, no gold set in {data} has a question with both relevant "
            "candidates and others"
        )
    fitted = fit(halves)
    head = ["weights", *FEATURES, *(f"{name} {'/'.join(METRICS)}" for name in choices)]
    rows = [head, ["---"] * len(head)]
    for label, weights in (("fitted", fitted / fitted.sum()), ("shipped", SHIPPED)):
        rows.append([label, *(f"{weight:.2f}" for weight in weights), *_figures(choices.values(), weights)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def held(data: Path, names: Iterable[str]) -> list[str]:
    """Return which of the named gold sets a folder holds."""
    return [name for name in names if (data / name / "questions.jsonl").exists()]


def _figures(choices: Iterable[Sequence[Choice]], weights: Floats) -> Iterator[str]:
    """Yield the metrics of each set's second half."""
    for found in choices:
        rated = rate(found[1::2], weights) if found[1::2] else {}
        yield " / ".join(f"{value:.3f}" for value in rated.values()) or "-"


def read_choices(folder: Path, limit: int | None = None) -> list[Choice]:
    """Return the candidates of a gold set's answerable questions, with what each stage says of them.

    Args:
        folder: The gold set.
        limit: How many questions are asked, spread evenly over the set; all when ``None``.

    Returns:
        One choice a question, but for those that quote a phrase or are in a script that the encoder does not read.
    """
    gold = read_gold(folder)
    with open_gold_library(gold, settings=replace(Settings(), rerank="none")) as library:
        corpus = Corpus(library)
        asked = [question for question in resolve(gold, sample(gold.questions, limit), corpus) if question.answerable]
        found = [_choice(question, library, corpus) for question in asked]
    return [choice for choice in found if choice]


def _choice(question: Question, library: Library, corpus: Corpus) -> Choice | None:
    hits = library.search(question.question, library.settings.candidates_k)
    if not hits or any("phrase" in hit.signals or "late" not in hit.signals for hit in hits):
        return None
    passages = [passage for document in question.document_ids for passage in corpus.passages(document)]
    judgement = judge_hits(question, [hit.passage for hit in hits], passages)
    return Choice(_features(hits), judgement) if judgement else None


def _features(hits: Sequence[Hit]) -> Floats:
    raw = np.array([[hit.score, hit.signals["late"], hit.signals["sentence"]] for hit in hits])
    spread = raw.max(axis=0) - raw.min(axis=0)
    # As in `rag.rerank`: what does not tell candidates apart counts the same for all; the others are shares already.
    scaled = np.where(spread > 0, (raw - raw.min(axis=0)) / np.where(spread > 0, spread, 1.0), 1.0)
    shares = [[hit.signals.get("coverage", 0.0), hit.signals.get("title", 0.0)] for hit in hits]
    return np.column_stack([scaled[:, :1], shares, scaled[:, 1:]])


def fit(choices: Mapping[str, Sequence[Choice]]) -> Floats:
    """Return the weights under which the relevant candidates are the likeliest to be chosen.

    Args:
        choices: Those to fit on, by set; each set counts by `FITTED`, whatever its size. A set of which nothing can
            be learned counts nothing.

    Returns:
        (5,) float64, `FEATURES`.
    """
    from scipy.optimize import minimize

    told = {name: _told(found) for name, found in choices.items()}
    sets = [(FITTED[name], _padded(found)) for name, found in told.items() if found]

    def loss(weights: Floats) -> float:
        parts = [share * _log_loss(*padded, weights) for share, padded in sets]
        return sum(parts) + RIDGE * float(weights @ weights)

    fitted: Floats = minimize(loss, np.ones(len(FEATURES)), method="BFGS").x
    return fitted


def _told(choices: Sequence[Choice]) -> list[Choice]:
    """Return those that something can be learned from: not where all or none of the candidates are relevant."""
    return [choice for choice in choices if choice.relevant.any() and not choice.relevant.all()]


def _padded(choices: Sequence[Choice]) -> tuple[Floats, Floats, Floats]:
    """Return features, and what is added to all and to relevant candidates: minus infinity to those that are none."""
    most = max(len(choice.features) for choice in choices)
    features = np.zeros((len(choices), most, len(FEATURES)))
    every, relevant = np.full((len(choices), most), -np.inf), np.full((len(choices), most), -np.inf)
    for row, choice in enumerate(choices):
        features[row, : len(choice.features)] = choice.features
        every[row, : len(choice.features)] = 0.0
        relevant[row, : len(choice.features)][choice.relevant] = 0.0
    return features, every, relevant


def _log_loss(features: Floats, every: Floats, relevant: Floats, weights: Floats) -> float:
    scores = features @ weights
    chosen = np.logaddexp.reduce(scores + relevant, axis=1) - np.logaddexp.reduce(scores + every, axis=1)
    return -float(chosen.mean())


def rate(choices: Sequence[Choice], weights: Floats) -> dict[str, float]:
    """Return the means of the ranking metrics when the candidates are ordered by the weighted sum of their features.

    Args:
        choices: Those to rate.
        weights: (features,) float64.

    Returns:
        Each of `METRICS`, in [0, 1].
    """
    ordered = {}
    for number, choice in enumerate(choices):
        order = np.argsort(-(choice.features @ weights), kind="stable")[:10]
        met = tuple(choice.judgement.met[place] for place in order)
        ordered[str(number)] = replace(choice.judgement, met=met).ranked()
    rated = ranking(ordered)
    return {metric: float(np.mean([values[metric] for values in rated.values()])) for metric in METRICS}


if __name__ == "__main__":
    sys.exit(main())
