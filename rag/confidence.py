"""How likely it is that the documents answer a question, from how well they match it and which key facts they lack.

Reference:
    Logistic regression on the public sets squad2, qed, covidqa and hotpotqa-100: their questions; near misses made from
    them by changing one number or name; questions asked of another set's documents. Neither the gold set on seeds/ nor
    the held-out halves took part. Held out, when it was fitted, it ranked with an AUROC of 0.66 on squad2, whose
    unanswerable questions were written to look answerable, and 0.91 on changed numbers and names; on the gold set 0.79.
    The figures, and those of what was left out, are in eval/LOG.md; it was not fitted anew for later changes to
    passages and token vectors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

# Raised whenever a change makes questions come out with other confidences: what was calibrated on them then is void.
CONFIDENCE_VERSION = 3
# Confidence below which an answer abstains, where nothing was calibrated or set.
DEFAULT_THRESHOLD = 0.35
INTERCEPT = -4.08
SENTENCE, DENSE, TERMS = 3.24, 3.45, 0.96
NUMBER_NOT_HERE, NUMBER_NOWHERE = -1.21, -1.12
NAME_NOT_HERE, NAME_NOWHERE = -1.60, -0.41
# A question says more the more content words it has; beyond this many it makes no difference.
MOST_TERMS = 12


@dataclass(frozen=True)
class Signs:
    """What tells whether the documents answer a question.

    Attributes:
        sentence: Late interaction of the best sentence with the question, in about [0, 1].
        dense: Cosine of its passage with the question.
        content_terms: Number of content words in the question.
        number_not_here: A number of the question is not in the passages that the answer quotes.
        number_nowhere: A number of the question is in none of the best passages.
        name_not_here: A name of the question is not in the passages that the answer quotes.
        name_nowhere: A name of the question is in none of the best passages.
    """

    sentence: float
    dense: float
    content_terms: int
    number_not_here: bool
    number_nowhere: bool
    name_not_here: bool
    name_nowhere: bool


def confidence(signs: Signs) -> float:
    """Return the probability, in [0, 1], that the documents answer the question."""
    log_odds = (
        INTERCEPT
        + SENTENCE * signs.sentence
        + DENSE * signs.dense
        + TERMS * min(signs.content_terms, MOST_TERMS) / MOST_TERMS
        + NUMBER_NOT_HERE * signs.number_not_here
        + NUMBER_NOWHERE * signs.number_nowhere
        + NAME_NOT_HERE * signs.name_not_here
        + NAME_NOWHERE * signs.name_nowhere
    )
    return 1.0 / (1.0 + math.exp(-log_odds))
