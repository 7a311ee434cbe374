"""How likely it is that the documents answer a question, from how well they match it and which key facts they lack.

Reference:
    Logistic regression on half of the questions of the public sets squad2, qed, covidqa, hotpotqa-100 and pubmedqa:
    their questions; near misses made from them by changing one number or name; questions whose documents are not
    there, or are of another set. Half of cmrc2018-trial's for what the encoder does not read. The gold set on seeds/
    took no part. ``python -m eval.fit_confidence`` fits weights of the former anew, with near misses drawn in its own
    way, and shows what comes of the other halves; the figures, and those of what was left out, are in eval/LOG.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

# Raised whenever a change makes questions come out with other confidences: what was calibrated on them then is void.
CONFIDENCE_VERSION = 4
# Confidence below which an answer abstains, where nothing was calibrated or set: on the fitted half of squad2 it
# refuses 9 % of what is answerable, and 39 % of what was written to look so; 64 to 90 % of changed questions.
DEFAULT_THRESHOLD = 0.35
INTERCEPT = -5.11
TOKENS, STAND_INS, DENSE, TERMS = 5.79, 1.43, 2.30, 0.53
NEGATED, OPPOSED = -2.94, -1.51
NUMBER_NOT_HERE, NUMBER_NOWHERE = -2.72, -1.55
NAME_NOT_HERE, NAME_NOWHERE = -2.02, -1.08
# Of a question in a script that the encoder does not read, of which only its words say anything.
WORDS_INTERCEPT, WORDS_COVERED, WORDS_NUMBER_NOT_HERE = -2.97, 8.44, -1.46
# A question says more the more content words it has; beyond this many it makes no difference.
MOST_TERMS = 12


@dataclass(frozen=True)
class Signs:
    """What tells whether the documents answer a question.

    Attributes:
        read: Whether the encoder reads the question's script.
        covered: Share of what its words say that the best sentence, the one before or the title says, in [0, 1].
        tokens: Mean over the question's tokens of how near the best sentence comes to each, in about [0, 1].
        stand_ins: The same of those content words that the sentence lacks, 1 where it lacks none.
        dense: Cosine of its passage with the question.
        content_terms: Number of content words in the question.
        negated: The question negates, and the sentence does not.
        opposed: The sentence says the opposite of a word of the question.
        number_not_here: A number of the question is not in the passages that the answer quotes.
        number_nowhere: A number of the question is in none of the best passages.
        name_not_here: A name of the question is not in the passages that the answer quotes.
        name_nowhere: A name of the question is in none of the best passages.
    """

    read: bool
    covered: float
    tokens: float
    stand_ins: float
    dense: float
    content_terms: int
    negated: bool
    opposed: bool
    number_not_here: bool
    number_nowhere: bool
    name_not_here: bool
    name_nowhere: bool


def confidence(signs: Signs) -> float:
    """Return the probability, in [0, 1], that the documents answer the question."""
    log_odds = _as_read(signs) if signs.read else _by_words(signs)
    return 1.0 / (1.0 + math.exp(-log_odds))


def _as_read(signs: Signs) -> float:
    return (
        INTERCEPT
        + TOKENS * signs.tokens
        + STAND_INS * signs.stand_ins
        + DENSE * signs.dense
        + TERMS * min(signs.content_terms, MOST_TERMS) / MOST_TERMS
        + NEGATED * signs.negated
        + OPPOSED * signs.opposed
        + NUMBER_NOT_HERE * signs.number_not_here
        + NUMBER_NOWHERE * signs.number_nowhere
        + NAME_NOT_HERE * signs.name_not_here
        + NAME_NOWHERE * signs.name_nowhere
    )


def _by_words(signs: Signs) -> float:
    return WORDS_INTERCEPT + WORDS_COVERED * signs.covered + WORDS_NUMBER_NOT_HERE * signs.number_not_here
