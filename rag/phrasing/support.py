"""A sentence of a chat model to the verbatim spans that carry it, among the passages it was given; calls no model."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from rag.phrasing.prompt import Given, quoted
from rag.phrasing.reply import Said
from rag.schema import Span
from rag.terms import document_terms

# A sentence that its citations carry less than this is not supported; `rag.claims` was fitted to that border.
SUPPORTED = 0.5
# Sentences of a passage that are tried as its evidence, those first that share most words with what is said.
MOST_TRIED = 3
ADDRESS = re.compile(r"(?:\w+://|www\.|mailto:)\S+|\b[\w.+-]+@[\w-]+\.\w+", re.IGNORECASE)

# Claim and evidence, in one or more pieces, to how far the evidence carries the claim, in [0, 1].
Check = Callable[[str, Sequence[str]], float]


@dataclass(frozen=True)
class Quote:
    """A verbatim span of a passage.

    Attributes:
        given: The passage.
        span: Its place in the document.
    """

    given: Given
    span: Span

    @property
    def text(self) -> str:
        """What the document says there."""
        return quoted(self.given.source.passage, self.span)


@dataclass(frozen=True)
class Carried:
    """A sentence with what carries it.

    Attributes:
        text: The sentence.
        quotes: The spans it rests on; none where it is not supported.
        support: How far they carry it, in [0, 1].
    """

    text: str
    quotes: tuple[Quote, ...]
    support: float


def carry(said: Said, given: Sequence[Given], check: Check) -> Carried:
    """Return the sentence with the fewest spans that carry it.

    Those of the passages it cites come first; then it is cited anew from any other passage that carries it.

    Args:
        said: The sentence.
        given: The passages the model was given.
        check: Tells how far evidence carries a claim.

    Returns:
        The sentence with one or two spans, or with none and a support below ``SUPPORTED``.
    """
    cited = [g for g in given if g.number in said.numbers]
    others = [g for g in given if g.number not in said.numbers]
    best = Carried(said.text, (), 0.0)
    for group in (cited, others):
        for quotes in _evidence(said.text, group):
            support = _support(said.text, quotes, check)
            if support >= SUPPORTED:
                support = min(support, _support(said.text, quotes, check, whole=True))
            if support > best.support:
                best = Carried(said.text, quotes, support)
            if support >= SUPPORTED:
                return best
    return Carried(said.text, (), best.support)


def _support(claim: str, quotes: Sequence[Quote], check: Check, *, whole: bool = False) -> float:
    """Return how far quotes carry a claim, or their whole passages, where something else may stand in its place."""
    evidence = [q.text for q in quotes]
    if whole:
        evidence = list(dict.fromkeys(q.given.source.passage.text for q in quotes))
    # An address that no passage holds carries something out or leads away, whatever stands around it.
    if any(address.rstrip(".,;:!?)]") not in " ".join(evidence) for address in ADDRESS.findall(claim)):
        return 0.0
    return check(claim, evidence)


def _evidence(claim: str, group: Sequence[Given]) -> Iterator[tuple[Quote, ...]]:
    """Yield what may carry a claim: single sentences, those most alike first, then two together."""
    if not group:
        return
    said = frozenset(document_terms(claim, language="en"))
    quotes = [Quote(g, span) for g in group for span in g.sentences]
    alike = {q: len(said & frozenset(document_terms(q.text, language="en"))) for q in quotes}
    tried = [q for g in group for q in _most_alike([q for q in quotes if q.given is g], alike)]
    tried.sort(key=lambda q: -alike[q])
    yield from ((q,) for q in tried)
    for one, other in combinations(tried[: MOST_TRIED + 1], 2):
        yield tuple(sorted((one, other), key=lambda q: (q.given.number, q.span.start_char)))


def _most_alike(quotes: Sequence[Quote], alike: dict[Quote, int]) -> list[Quote]:
    return sorted((q for q in quotes if alike[q]), key=lambda q: -alike[q])[:MOST_TRIED]
