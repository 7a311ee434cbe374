"""How likely it is that the documents answer a question, from how well they match it and which key facts they lack.

Reference:
    Logistic regression on half of the questions of the public sets squad2, qed, covidqa and hotpotqa-100: their
    questions; near misses made from them by changing one number or name; questions whose documents are not
    there, or are of another set. Half of cmrc2018-trial's for what the encoder does not read, of xquad-zh-en's for what
    is read word by word. The gold set on seeds/ took no part. ``python -m eval.fit_confidence`` fits anew, and shows
    what comes of the other halves. What it gives differs where sentences of linked documents, or of what a question
    joins, are judged together, which these weights were fitted without. The figures, and those of what was left out,
    are in eval/LOG.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

# Raised whenever a change makes questions come out with other confidences: what was calibrated on them then is void.
CONFIDENCE_VERSION = 6
# Confidence below which an answer abstains, where nothing was calibrated or set: the highest at which at most 8 % of
# the answerable questions of the fitted half of squad2 are refused.
DEFAULT_THRESHOLD = 0.39
INTERCEPT = -3.23
WEIGHTS: Mapping[str, float] = {
    "tokens": 3.99,
    "stand_ins": 1.24,
    "unmet": -1.34,
    "dense": 2.30,
    "content_terms": 0.75,
    "negated": -3.85,
    "opposed": -0.98,
    "number_not_near": -1.29,
    "number_not_here": -0.03,
    "number_nowhere": -1.22,
    "name_not_here": -1.58,
    "name_nowhere": -0.36,
    "instead": -1.09,
    "no_count": -1.47,
}
# What is added for a question that is read word by word in another language: it is never as near to a sentence as one
# asked in that language, and what both have says more.
GLOSSED_WEIGHTS: Mapping[str, float] = {"glossed": -0.05, "glossed_covered": 4.5}
# Of a question in a script that the encoder does not read, of which only its words say anything.
UNREAD_INTERCEPT = -4.38
UNREAD_WEIGHTS: Mapping[str, float] = {"covered": 13.49, "number_not_here": -4.46}
# A question says more the more content words it has; beyond this many it makes no difference.
MOST_TERMS = 12


@dataclass(frozen=True)
class Signs:
    """What tells whether the documents answer a question.

    Attributes:
        read: Whether the encoder reads the question's script.
        glossed: Share of what the question's words say that is read in another language, in [0, 1].
        glossed_covered: Share that is read so and that the best sentence, the one before or the title says.
        covered: Share of what its words say that the best sentence, the one before or the title says, in [0, 1].
        tokens: Mean over the question's tokens of how near the best sentence comes to each, in about [0, 1]; here and
            in what follows, a sentence of another document that it is linked with comes near as well.
        stand_ins: The same of those content words that the sentence lacks, 1 where it lacks none.
        unmet: How far the sentence and the one before are from the content word that they meet least, in about [0, 1];
            a common word counts less, by its rarity beside the rarest of the question.
        dense: Cosine of its passage with the question.
        content_terms: Number of content words in the question.
        negated: The question negates, and the sentence does not.
        opposed: The sentence says the opposite of a word of the question.
        number_not_near: A number of the question is not in the sentence, the one before, the title or the date.
        number_not_here: A number of the question is not in the passages that the answer quotes.
        number_nowhere: A number of the question is in none of the best passages.
        name_not_here: A name of the question is not in the passages that the answer quotes.
        name_nowhere: A name of the question is in none of the best passages.
        instead: The sentence has others of their kind in the place of all that are not in the quoted passages.
        no_count: The question asks how many there are of something, which has no number in front of it in the answer.
    """

    read: bool
    glossed: float
    glossed_covered: float
    covered: float
    tokens: float
    stand_ins: float
    unmet: float
    dense: float
    content_terms: int
    negated: bool
    opposed: bool
    number_not_near: bool
    number_not_here: bool
    number_nowhere: bool
    name_not_here: bool
    name_nowhere: bool
    instead: bool
    no_count: bool


def confidence(signs: Signs) -> float:
    """Return the probability, in [0, 1], that the documents answer the question."""
    intercept, weights = (INTERCEPT, WEIGHTS) if signs.read else (UNREAD_INTERCEPT, UNREAD_WEIGHTS)
    log_odds = intercept + sum(weight * weighed(signs, name) for name, weight in weights.items())
    if signs.glossed:
        log_odds += sum(weight * weighed(signs, name) for name, weight in GLOSSED_WEIGHTS.items())
    return 1.0 / (1.0 + math.exp(-log_odds))


def weighed(signs: Signs, name: str) -> float:
    """Return a sign as it is weighed: content words as a share of the most that make a difference."""
    if name == "content_terms":
        return min(signs.content_terms, MOST_TERMS) / MOST_TERMS
    return float(getattr(signs, name))
