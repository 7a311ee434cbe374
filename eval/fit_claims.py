"""What likeness and shared words count in a claim's support: a logistic regression on half of the labelled claims.

Only claims without faults are fitted on, as only they are judged so; changed values, names and denials, which are as
like to the evidence as true ones, are left to the comparison that finds them.

Reference:
    Cox (1958), "The Regression Analysis of Binary Sequences". Labelled pairs and made claims have half of the weight
    each, and in each the true and the false ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression

from embeddings.encoder import Encoder
from eval.claim_cases import Case
from rag.claims import features
from rag.grounding.agreement import faults
from rag.grounding.reading import read
from rag.grounding.restating import is_bare, restates

# Kinds of made claims that likeness has to tell; sentences and statements are put to other passages as well.
MADE = ("clause", "answer", "statement", "sentence")
# How far a sentence is moved to a passage that does not carry it.
MOVED = 5


def fit(cases: Sequence[Case], encoder: Encoder) -> tuple[list[float], float]:
    """Return the weights of the features, and the intercept.

    Args:
        cases: Labelled pairs, and claims made from questions.
        encoder: Gives token vectors.

    Returns:
        A weight for each of `rag.claims.FEATURES`, and the intercept.
    """
    pairs = [case for case in cases if case.kind[0].isupper()]
    made = [case for case in cases if case.true and case.kind in MADE]
    moved = [case for kind in ("sentence", "statement") for case in _moved([c for c in made if c.kind == kind])]
    rows, truth, weights = [], [], []
    for group in (pairs, [*made, *moved]):
        known = list(_rows(group, encoder))
        count = {label: sum(true is label for true, _ in known) for label in (True, False)}
        for true, row in known:
            rows.append(row)
            truth.append(true)
            weights.append(1.0 / count[true])
    mean = float(np.mean(weights))
    model = LogisticRegression(C=10.0, max_iter=5000).fit(rows, truth, sample_weight=[w / mean for w in weights])
    return [float(weight) for weight in model.coef_[0]], float(model.intercept_[0])


def _moved(cases: Sequence[Case]) -> Iterator[Case]:
    """Yield claims beside passages that are about something else."""
    for n, case in enumerate(cases):
        yield Case("other passage", False, case.claim, cases[(n + MOVED) % len(cases)].evidence, case.question)


def _rows(cases: Iterable[Case], encoder: Encoder) -> Iterable[tuple[bool, list[float]]]:
    """Yield truth and features of the claims that are judged by likeness."""
    for case in cases:
        stated, texts = read(case.claim), [read(text) for text in case.evidence]
        asked = read(case.question) if case.question else None
        if asked and not is_bare(stated) and not restates(stated, asked):
            asked = None
        carried = any(stated.folded in text.folded for text in texts)
        if case.claim.strip() and not carried and not any(faults(stated, texts, asked=asked)):
            yield case.true, features(stated, texts, encoder=encoder, asked=asked).tolist()
