"""How well the claim check tells changed claims from true ones, on gold questions and on labelled pairs, and how fast.

Every second question and pair is left out of the fit (`eval.fit_claims`) and measured here; all of the project's own
gold set is, which takes no part in it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from embeddings.encoder import Encoder, load_encoder
from eval.bench_figures import spread, table
from eval.claim_cases import Case, attribution_cases, question_cases
from eval.fit_binding import fit_binding
from eval.fit_claims import fit
from eval.gold import GoldSet, read_gold
from eval.resolve import sample
from rag.claims import FEATURES, INTERCEPT, SUPPORTED, WEIGHTS, Verdict, check_claim
from rag.grounding.binding import FEATURES as BINDING
from rag.grounding.binding import WEIGHTS as BOUND
from rag.settings import DEFAULT_ENCODER

SETS = ("squad2", "qed", "hotpotqa-100")
PAIRS = "attribution*.jsonl"
# Questions of each set where no other number is asked for.
QUESTIONS = 300
TIMED = 40


def claims_report(data: Path, gold: GoldSet, seeds: Path, *, limit: int | None) -> Iterator[str]:
    """Yield the tables of the claim check, each a block of Markdown.

    Args:
        data: Folder of gold sets and of labelled pairs; what it lacks is left out.
        gold: The project's own gold set.
        seeds: Folder of its documents.
        limit: Questions of each set; `QUESTIONS` when ``None``.

    Yields:
        Rates by kind of claim, figures on labelled pairs beside baselines, the weights fitted anew, and the time.
    """
    encoder = load_encoder(DEFAULT_ENCODER, precision="int8")
    own = gold_cases(gold, seeds)
    sets = {name: set_cases(data / name, limit or QUESTIONS) for name in SETS if (data / name).is_dir()}
    held_out = {gold.name: own} | {name: cases for name, (_, cases) in sets.items()}
    yield rates_table({name: judged(cases, encoder) for name, cases in held_out.items()})
    files = {path.parent.name: path for path in sorted(data.glob(f"*/{PAIRS}"))}
    pairs = {name: attribution_cases(path, source=name) for name, path in files.items()}
    if pairs:
        yield pairs_table(pairs, encoder)
    fitted_on = [case for cases, _ in sets.values() for case in cases] + [c for p in pairs.values() for c in p[::2]]
    if fitted_on:
        weights, intercept = fit(fitted_on, encoder)
        shown = {"fitted": [*weights, intercept], "shipped": [*WEIGHTS, INTERCEPT]}
        yield weights_table((*FEATURES, "intercept"), shown)
        if bound := fit_binding(fitted_on, encoder):
            yield weights_table(BINDING, {"fitted": bound, "shipped": BOUND})
    yield time_line(own, encoder)


def weights_table(features: Sequence[str], weights: Mapping[str, Sequence[float]]) -> str:
    """Return weights, a row for each of their sets."""
    rows = [[name, *(f"{weight:.1f}" for weight in row)] for name, row in weights.items()]
    return table(("weights", *features), *rows)


def gold_cases(gold: GoldSet, seeds: Path) -> list[Case]:
    """Return the claims made from a gold set and the text files that it is about."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(seeds.glob("*.txt"))}
    return list(question_cases(gold.questions, texts, source=gold.name))


def set_cases(folder: Path, limit: int) -> tuple[list[Case], list[Case]]:
    """Return the claims of the first, third, ... question of a set, which are fitted on, and of the others."""
    gold = read_gold(folder)
    texts = {document.id: document.text for document in gold.documents or ()}
    asked = sample([q for q in gold.questions if q.answerable], limit)
    halves = [list(question_cases(asked[first::2], texts, source=gold.name)) for first in (0, 1)]
    known = {case.claim for case in halves[0]}
    return halves[0], [case for case in halves[1] if case.claim not in known]


def judged(cases: Iterable[Case], encoder: Encoder) -> list[tuple[Case, Verdict]]:
    """Return the cases with the verdict on each."""
    return [(c, check_claim(c.claim, c.evidence, encoder=encoder, question=c.question)) for c in cases]


def rejected(found: Iterable[tuple[Case, Verdict]]) -> dict[tuple[bool, str], tuple[float, int]]:
    """Return, by truth and kind, the share of claims that are not supported, and how many there are."""
    by_kind: dict[tuple[bool, str], list[bool]] = {}
    for case, verdict in found:
        by_kind.setdefault((case.true, case.kind), []).append(not verdict.supported)
    return {key: (float(np.mean(values)), len(values)) for key, values in by_kind.items()}


def rates_table(found: Mapping[str, Sequence[tuple[Case, Verdict]]]) -> str:
    """Return what share of each kind of claim is rejected, of true and of changed ones, a column a set."""
    rates = {name: rejected(cases) for name, cases in found.items()}
    kinds = sorted({key for rate in rates.values() for key in rate}, key=lambda key: (not key[0], key[1]))
    rows = []
    for true, kind in kinds:
        cells = [rate.get((true, kind)) for rate in rates.values()]
        label = f"true: {kind}" if true else f"changed: {kind}"
        rows.append([label, *("-" if cell is None else f"{cell[0]:.3f} ({cell[1]})" for cell in cells)])
    return table(("rejected (of so many)", *rates), *rows)


def pairs_table(pairs: Mapping[str, Sequence[Case]], encoder: Encoder) -> str:
    """Return how well labelled pairs are told apart, on the half that is not fitted on, beside plain baselines."""
    rows: list[Sequence[object]] = []
    for name, cases in pairs.items():
        first, second = cases[::2], cases[1::2]
        truth = np.array([case.true for case in second])
        support = np.array([verdict.support for _, verdict in judged(second, encoder)])
        overlap, fitted = (np.array([_overlap(case) for case in half]) for half in (second, first))
        border = best_border(np.array([case.true for case in first]), fitted)
        for label, scores, threshold in (("claim check", support, SUPPORTED), ("shared words", overlap, border)):
            accuracy, kept = balanced_accuracy(truth, scores >= threshold), float((scores >= threshold)[truth].mean())
            auroc = roc_auc_score(truth, scores)
            rows.append([name, label, f"{accuracy:.3f}", f"{auroc:.3f}", f"{1 - kept:.3f}"])
        rows.append([name, "always one class", "0.500", "0.500", "-"])
    return table(("pairs", "by", "balanced accuracy", "AUROC", "true rejected"), *rows)


def balanced_accuracy(truth: np.ndarray, told: np.ndarray) -> float:
    """Return the mean of the shares of true and of false pairs that are told to be so."""
    return float((told[truth].mean() + (~told[~truth]).mean()) / 2)


def best_border(truth: np.ndarray, scores: np.ndarray) -> float:
    """Return the score from which on pairs are best told to be true."""
    return float(max(np.unique(scores), key=lambda border: balanced_accuracy(truth, scores >= border)))


def _overlap(case: Case) -> float:
    words = re.findall(r"\w+", case.claim.lower())
    known = set(re.findall(r"\w+", " ".join(case.evidence).lower()))
    return sum(word in known for word in words) / max(1, len(words))


def time_line(cases: Sequence[Case], encoder: Encoder) -> str:
    """Return how long a check takes beside encoding a question, in turns on one thread."""
    asked = [case for case in cases if case.question][:TIMED]
    kinds = {
        "judged by likeness": [c for c in cases if c.true and c.kind == "clause"][:TIMED],
        "word for word": [c for c in cases if c.kind == "sentence"][:TIMED],
        "with a fault": [c for c in cases if not c.true and not c.question][:TIMED],
    }
    parts = []
    for label, checked in kinds.items():
        ratios = [_ratio(case, other.question, encoder) for case, other in zip(checked, asked, strict=False)]
        parts.append(f"{label} {spread(ratios)}" if ratios else f"{label} -")
    return f"A check takes so many times the encoding of a question: {'; '.join(parts)}."


def _ratio(case: Case, question: str, encoder: Encoder) -> float:
    """Return how many times as long checking a claim takes as encoding a question."""
    begin = time.perf_counter()
    encoder.encode([question], kind="query")
    between = time.perf_counter()
    check_claim(case.claim, case.evidence, encoder=encoder)
    return (time.perf_counter() - between) / (between - begin)
