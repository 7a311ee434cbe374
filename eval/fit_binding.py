"""What tells a true answer from other names and values of its passage: pairwise logistic regression on gold questions.

Reference:
    Burges et al. (2005), "Learning to Rank using Gradient Descent", with a linear score: of each true answer and each
    other candidate the difference of their features, and its opposite, the candidates of an answer sharing one weight.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from sklearn.linear_model import LogisticRegression

from embeddings.encoder import Encoder
from eval.claim_cases import Case
from rag.grounding.binding import answer_place, candidates, features
from rag.grounding.reading import read

# Made claims that answer their question.
ANSWERING = ("answer", "statement")


def fit_binding(cases: Iterable[Case], encoder: Encoder) -> list[float]:
    """Return the weights of `rag.grounding.binding.FEATURES`; none where no case has something else that might answer.

    Args:
        cases: Claims made from questions.
        encoder: Gives token vectors.

    Returns:
        A weight for each feature.
    """
    rows, weights = [], []
    for case in cases:
        if case.true and case.kind in ANSWERING:
            pairs = _differences(case, encoder)
            rows += pairs
            weights += [1.0 / max(1, len(pairs))] * len(pairs)
    if not rows:
        return []
    signed = np.array([*rows, *(-row for row in rows)])
    truth = [True] * len(rows) + [False] * len(rows)
    scale = signed.std(axis=0) + 1e-9
    model = LogisticRegression(fit_intercept=False, C=3.0, max_iter=3000)
    model.fit(signed / scale, truth, sample_weight=[*weights, *weights])
    return [float(weight) for weight in model.coef_[0] / scale]


def _differences(case: Case, encoder: Encoder) -> list[np.ndarray]:
    """Return how the true answer differs from each other candidate, at the place where it fits best."""
    stated, asked, texts = read(case.claim), read(case.question), [read(text) for text in case.evidence]
    place = answer_place(stated, asked)
    if place is None:
        return []
    own, others = candidates(stated, place, texts, asked)
    if not own or not others:
        return []
    found = features([*own, *others], place, stated, asked, encoder=encoder)
    best = found[int(np.argmax(found[: len(own), :2].sum(axis=1)))]
    return [best - other for other in found[len(own) :]]
