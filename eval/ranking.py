"""What a ranking is worth: which needs of a question its passages meet, and the metrics of that for one question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

RANKING_METRICS = ("hit@1", "hit@5", "hit@10", "recall@5", "recall@10", "mrr@10", "ndcg@10")
DEPTH = 10


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

    def met_at(self) -> tuple[int | None, ...]:
        """Return for each need the first rank that meets it, ``None`` for those that no ranked passage meets."""
        ranks = {need: rank for rank, met in reversed(list(enumerate(self.met, start=1))) for need in met}
        return tuple(ranks.get(need) for need in range(self.needs))

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

    def ranked(self, retrieved_at: Sequence[int | None] = ()) -> Ranked:
        """Return what the metrics and the gate need of it.

        Args:
            retrieved_at: For each need the best rank before reranking of a passage that meets it; unknown when empty.

        Returns:
            The ranking without its passages.
        """
        return Ranked(self.met_at(), tuple(retrieved_at) or (None,) * self.needs, self.missed_passages())


@dataclass(frozen=True)
class Ranked:
    """A judged ranking, reduced to what the metrics need.

    Attributes:
        met_at: For each need of the question the first rank that meets it, or ``None``; at least one need.
        retrieved_at: For each need the best rank before reranking of a candidate that meets it; ``None`` where no
            candidate does, or the system does not say.
        missed: How many further passages it would take to meet the needs that are not met.
    """

    met_at: tuple[int | None, ...]
    retrieved_at: tuple[int | None, ...]
    missed: int

    def ranks(self) -> list[int]:
        """Return the ranks that meet a need for the first time, ascending."""
        return sorted({rank for rank in self.met_at if rank is not None})

    def first_rank(self) -> int | None:
        """Return the rank of the first passage that meets a need, or ``None``."""
        return min(self.ranks(), default=None)

    def recall(self, k: int) -> float:
        """Return the share, in [0, 1], of the needs that the first ``k`` passages meet."""
        return sum(rank is not None and rank <= k for rank in self.met_at) / len(self.met_at)


def ranking(rankings: Mapping[str, Ranked]) -> dict[str, dict[str, float]]:
    """Rate the ranking of each question.

    Only the first passage that meets a need is credited (Clarke et al. 2008, with alpha = 1), so overlapping passages
    are not counted twice. The ideal of nDCG is the credited passages and those it would take to meet the needs left,
    ranked first: an order that the collection can deliver, whether one passage holds all evidence or several are
    needed. So a metric does not change with the size of passages as such.

    Args:
        rankings: By question id.

    Returns:
        Each metric of ``RANKING_METRICS``, in [0, 1], by question id.

    Reference:
        Järvelin and Kekäläinen 2002, Cumulated Gain-Based Evaluation (nDCG, binary gains, log2 discount);
        Clarke et al. 2008, Novelty and Diversity in Information Retrieval Evaluation.
    """
    import ir_measures
    from ir_measures import RR, Success, nDCG

    names = {
        Success @ 1: "hit@1",
        Success @ 5: "hit@5",
        Success @ 10: "hit@10",
        RR @ 10: "mrr@10",
        nDCG @ 10: "ndcg@10",
    }
    values = {
        question: {"recall@5": ranked.recall(5), "recall@10": ranked.recall(10)}
        for question, ranked in rankings.items()
    }
    if rankings:
        qrels, run = _as_trec(rankings)
        for figure in ir_measures.iter_calc(names, qrels, run):
            values[figure.query_id][names[figure.measure]] = float(figure.value)
    return values


def _as_trec(
    rankings: Mapping[str, Ranked],
) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, float]]]:
    """Return relevance judgements and a run in which a passage is named by its rank."""
    qrels, run = {}, {}
    for question, ranked in rankings.items():
        missed = [f"missed {i}" for i in range(ranked.missed)]
        qrels[question] = dict.fromkeys([*(f"rank {r}" for r in ranked.ranks()), *missed], 1)
        deepest = max(ranked.ranks(), default=1)
        run[question] = {f"rank {r}": 1 / r for r in range(1, deepest + 1)}
    return qrels, run


def recall_curve(rankings: Sequence[Ranked]) -> list[tuple[int, float]]:
    """Return (k, mean recall@k) for k from 1 to 10; empty without a ranking."""
    return [(k, sum(r.recall(k) for r in rankings) / len(rankings)) for k in range(1, DEPTH + 1) if rankings]
