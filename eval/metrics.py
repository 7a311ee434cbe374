"""The metrics of a run, as pure functions on plain values; knows nothing of files, libraries or gold formats.

A metric that is undefined (a mean over nothing, abstention without an unanswerable question) is ``None``.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from eval.locate import QUOTES_AND_DASHES

Metrics = dict[str, float | None]
# A span of a document: document id, first character, one past the last.
DocumentSpan = tuple[str, int, int]

# Thai and Lao, Myanmar, Khmer, kana, Han: written without spaces between words.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
TOKEN = re.compile(f"[{UNSPACED}]|[^{UNSPACED}\\s]+")
ARTICLES = frozenset({"a", "an", "the"})
RANKING_METRICS = ("hit@1", "hit@5", "hit@10", "recall@5", "mrr@10", "ndcg@10")
LONG_DASHES = str.maketrans("—―", "  ")


class _Punctuation(dict[int, str | int]):
    """For ``str.translate``: ASCII punctuation vanishes as in SQuAD's script, any other becomes a space."""

    def __missing__(self, code: int) -> str | int:
        char = chr(code)
        folded: str | int = code
        if char in string.punctuation:
            folded = ""
        elif unicodedata.category(char).startswith("P"):
            folded = " "
        self[code] = folded
        return folded


_PUNCTUATION = _Punctuation()


def tokens(text: str) -> list[str]:
    """Return the tokens of a text as SQuAD's script compares them: lower case, no punctuation, no articles.

    Beyond that script: compatibility forms are folded (U+00A0 is a space), curly quotation marks count as straight
    ones, and in scripts without spaces every character is a token. As in that script the point of a number vanishes
    ("9.0%" is "90"), on both sides alike.

    Reference:
        Rajpurkar et al. 2016, SQuAD, section 6.1; ``normalize_answer`` of evaluate-v2.0.py.
    """
    plain = unicodedata.normalize("NFKC", text.translate(LONG_DASHES).translate(QUOTES_AND_DASHES)).lower()
    return [token for token in TOKEN.findall(plain.translate(_PUNCTUATION)) if token not in ARTICLES]


def contains(text: str, answers: Iterable[str]) -> bool:
    """Return whether the tokens of any answer stand in the text in one run: "15" is not found in "2015"."""
    held = tokens(text)
    return any(_has_run(held, tokens(answer)) for answer in answers)


def _has_run(held: Sequence[str], wanted: Sequence[str]) -> bool:
    size = len(wanted)
    return size > 0 and any(held[i : i + size] == wanted for i in range(len(held) - size + 1))


def exact_match(text: str, answers: Iterable[str]) -> bool:
    """Return whether the text equals any answer, token by token.

    Reference:
        Rajpurkar et al. 2016, SQuAD, section 6.1 (EM).
    """
    given = tokens(text)
    return any(given == tokens(answer) for answer in answers)


def token_f1(text: str, answers: Iterable[str]) -> float:
    """Return the best harmonic mean, in [0, 1], of token precision and recall against any answer; 0 without answers.

    Tokens are words, or characters in scripts without spaces.

    Reference:
        Rajpurkar et al. 2016, SQuAD, section 6.1 (macro-averaged F1); ``compute_f1`` of evaluate-v2.0.py.
    """
    given = tokens(text)
    return max((_f1(given, tokens(answer)) for answer in answers), default=0.0)


def _f1(given: Sequence[str], wanted: Sequence[str]) -> float:
    if not given or not wanted:
        return float(given == wanted)
    common = (Counter(given) & Counter(wanted)).total()
    return 2 * common / (len(given) + len(wanted))


def merge(spans: Iterable[DocumentSpan]) -> list[DocumentSpan]:
    """Return the spans in order with those that overlap made one, so that two wordings of one answer count once."""
    merged: list[DocumentSpan] = []
    for document, start, end in sorted(spans):
        if merged and merged[-1][0] == document and start < merged[-1][2]:
            merged[-1] = (document, merged[-1][1], max(end, merged[-1][2]))
        else:
            merged.append((document, start, end))
    return merged


def overlap(one: DocumentSpan, other: DocumentSpan) -> bool:
    """Return whether two spans share a character of one document."""
    return one[0] == other[0] and one[1] < other[2] and other[1] < one[2]


@dataclass(frozen=True)
class Judgement:
    """What the ranked passages of one question are worth.

    A *need* is one thing a passage can give: a span of gold evidence or, lacking evidence, a gold answer in a gold
    document, or a gold document.

    Attributes:
        needs: How many needs the question has; at least 1.
        met: The needs each ranked passage meets, from rank 1.
        reachable: The needs each passage of the collection meets, where it meets any.
    """

    needs: int
    met: tuple[frozenset[int], ...]
    reachable: tuple[frozenset[int], ...] = ()

    def first_rank(self) -> int | None:
        """Return the rank of the first passage that meets a need, or ``None``."""
        return next((rank for rank, met in enumerate(self.met, start=1) if met), None)

    def credited_ranks(self) -> list[int]:
        """Return the ranks of the passages that meet a need which no passage before them met.

        Reference:
            Clarke et al. 2008, Novelty and Diversity in Information Retrieval Evaluation, with alpha = 1.
        """
        ranks, seen = [], frozenset[int]()
        for rank, met in enumerate(self.met, start=1):
            if not met <= seen:
                ranks.append(rank)
            seen |= met
        return ranks

    def missed_passages(self) -> int:
        """Return how many further passages the collection takes to meet the needs that the ranked ones leave.

        Counted greedily (Clarke et al. 2008, section 4.2); a need that no passage can meet counts as one.
        """
        open_needs = frozenset(range(self.needs)).difference(*self.met)
        count = 0
        while open_needs:
            best = max((open_needs & met for met in self.reachable), key=len, default=frozenset[int]())
            open_needs -= best or {min(open_needs)}
            count += 1
        return count


def ranking(judgements: Mapping[str, Judgement]) -> Metrics:
    """Rate rankings, each metric a mean over questions; recall is the share of a question's needs that are met.

    Only the first passage that meets a need is credited, so overlapping passages are not counted twice. The ideal of
    nDCG is the credited passages and those it would take to meet the needs left, ranked first: an order that the
    collection can deliver, whether one passage holds all evidence or several are needed.

    Args:
        judgements: By question id.

    Returns:
        Each metric in [0, 1], or ``None`` without a question.

    Reference:
        Järvelin and Kekäläinen 2002, Cumulated Gain-Based Evaluation (nDCG, binary gains, log2 discount).
    """
    import ir_measures
    from ir_measures import RR, Success, nDCG

    measures = {
        "hit@1": Success @ 1,
        "hit@5": Success @ 5,
        "hit@10": Success @ 10,
        "mrr@10": RR @ 10,
        "ndcg@10": nDCG @ 10,
    }
    if not judgements:
        return dict.fromkeys(RANKING_METRICS)
    qrels: dict[str, dict[str, int]] = {}
    run: dict[str, dict[str, float]] = {}
    for question, judgement in judgements.items():
        missed = (f"missed {i}" for i in range(judgement.missed_passages()))
        qrels[question] = dict.fromkeys([*(f"rank {r}" for r in judgement.credited_ranks()), *missed], 1)
        run[question] = {f"rank {r}": 1 / r for r in range(1, len(judgement.met) + 1)}
    values = ir_measures.calc_aggregate(measures.values(), qrels, run)
    recall = mean([len(frozenset().union(*j.met[:5])) / j.needs for j in judgements.values()])
    return {name: float(values[measures[name]]) if name in measures else recall for name in RANKING_METRICS}


@dataclass(frozen=True)
class CitationCount:
    """The citations of one answer against its gold evidence.

    Attributes:
        cited: Citations in the answer.
        exact: Those whose quote is the cited span of the document.
        relevant: Those that overlap gold evidence.
        evidence: Spans of gold evidence; 0 when the question has none.
        found: Spans of gold evidence that a citation overlaps.
    """

    cited: int
    exact: int
    relevant: int
    evidence: int
    found: int


def citations(counts: Iterable[CitationCount]) -> Metrics:
    """Return ``exact``, ``precision`` and ``recall`` over all citations of a run, pooled.

    ``exact`` is over every citation; precision and recall over questions with gold evidence, for whether a question
    without any should have been answered at all is what the abstention metrics say.
    """
    counts = list(counts)
    judged = [c for c in counts if c.evidence]
    return {
        "exact": ratio(sum(c.exact for c in counts), sum(c.cited for c in counts)),
        "precision": ratio(sum(c.relevant for c in judged), sum(c.cited for c in judged)),
        "recall": ratio(sum(c.found for c in judged), sum(c.evidence for c in judged)),
    }


def abstention(*, answerable: Sequence[bool], confidences: Sequence[float], abstained: Sequence[bool]) -> Metrics:
    """Rate refusals; unanswerable is the positive class.

    ``auroc`` ranks by 1 − confidence and does not depend on the threshold; the others judge the refusals made.

    Args:
        answerable: Whether each question can be answered.
        confidences: Of each answer, in [0, 1].
        abstained: Whether each answer is a refusal.

    Returns:
        ``auroc``, ``precision``, ``recall`` and ``f1``, all ``None`` when no question is unanswerable.

    Reference:
        Fawcett 2006, An introduction to ROC analysis.
    """
    positive = [not value for value in answerable]
    if not any(positive):
        return dict.fromkeys(("auroc", "precision", "recall", "f1"))
    right = sum(p and a for p, a in zip(positive, abstained, strict=True))
    auroc = None
    if not all(positive):
        from sklearn.metrics import roc_auc_score

        auroc = float(roc_auc_score(positive, [1 - value for value in confidences]))
    return {
        "auroc": auroc,
        "precision": ratio(right, sum(abstained)),
        "recall": ratio(right, sum(positive)),
        "f1": ratio(2 * right, sum(abstained) + sum(positive)),
    }


def mean(values: Sequence[float]) -> float | None:
    """Return the arithmetic mean, ``None`` of nothing."""
    return ratio(sum(values), len(values))


def ratio(part: float, whole: float) -> float | None:
    """Return ``part / whole``, ``None`` when the whole is 0."""
    return part / whole if whole else None


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the value below which ``share`` per cent of the values lie, interpolated; ``None`` of nothing."""
    import numpy as np

    return float(np.percentile(values, share)) if values else None
