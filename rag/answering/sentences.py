"""Query and candidates to scored sentences: how likely each is to hold the answer; chooses none.

Reference:
    The weights of a sentence's features are those of a conditional logit model fitted on half of squad2, qed and
    covidqa, rounded; eval/LOG.md has the figures on the other halves and on the gold set.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rag.enumerators import without_mark
from rag.evidence import Candidate, Query
from rag.expected import Kind, expected_kind, holds
from rag.facts import passage_terms
from rag.schema import Span
from rag.terms import document_terms

# Weights: the passage's score; the sentence's late interaction; the share of the question's words in it; that share
# gained by the sentence before, and by title and heading; holding the expected kind of answer; length; the cosine.
PASSAGE, LATE, COVERAGE, BEFORE, CONTEXT, KIND, LENGTH, DENSE = 1.0, 1.0, 1.0, 0.6, 0.6, 0.35, 0.1, 0.5
LENGTH_CHARS = 400
# Markdown headings and questions.
ASKS_OR_ANNOUNCES = re.compile(r"^#{1,6} |[?？][\"”’』」)）*_]*$")


@dataclass(frozen=True)
class Scored:
    """A sentence of a candidate.

    Attributes:
        candidate: The passage it is in.
        number: Its place among the passage's sentences, from 0.
        span: Its place in the document.
        text: The sentence, verbatim.
        terms: Its index terms.
        late: How far it covers the query by late interaction, in about [0, 1].
        score: How likely it is to hold the answer; higher is better.
    """

    candidate: Candidate
    number: int
    span: Span
    text: str
    terms: frozenset[str]
    late: float
    score: float


@dataclass(frozen=True)
class Run:
    """Sentences of a candidate that follow each other, to be quoted as one.

    Attributes:
        candidate: The passage they are in.
        first: Place of the first among the passage's sentences, from 0.
        last: Place of the last.
        chosen: Those that were chosen for what they say, best first; the others are there to understand them.
    """

    candidate: Candidate
    first: int
    last: int
    chosen: tuple[Scored, ...]

    @property
    def span(self) -> Span:
        """Place of the quote in the document."""
        sentences = self.candidate.stored.passage.sentences
        return Span(sentences[self.first].start_char, sentences[self.last].end_char)

    @property
    def text(self) -> str:
        """The quote, verbatim."""
        passage, span = self.candidate.stored.passage, self.span
        return passage.text[span.start_char - passage.start_char : span.end_char - passage.start_char]

    @property
    def score(self) -> float:
        """How likely its best sentence is to hold the answer."""
        return self.chosen[0].score

    @property
    def key(self) -> int:
        """Number of its passage."""
        return self.candidate.stored.key


def sentence_text(candidate: Candidate, number: int) -> str:
    """Return a sentence of a candidate by its place among the passage's sentences."""
    passage = candidate.stored.passage
    span = passage.sentences[number]
    return passage.text[span.start_char - passage.start_char : span.end_char - passage.start_char]


def spoken_beside(sentence: Scored) -> frozenset[str]:
    """Return the terms of a sentence, of the one before, and of the title and heading above them."""
    candidate, stored = sentence.candidate, sentence.candidate.stored
    before = sentence_text(candidate, sentence.number - 1) if sentence.number else ""
    around = f"{stored.title}\n{stored.passage.heading or ''}\n{before}"
    return sentence.terms.union(document_terms(around, language=stored.language))


def dated(sentence: Scored, terms: frozenset[str]) -> frozenset[str]:
    """Return terms with those of the date of a sentence's document."""
    stored = sentence.candidate.stored
    return terms.union(document_terms(stored.date or "", language=stored.language))


def runs_of(chosen: Iterable[Scored]) -> list[Run]:
    """Return sentences as runs, those that follow each other in one, best first."""
    runs: list[list[Scored]] = []
    for sentence in sorted(chosen, key=lambda s: (s.candidate.stored.key, s.number)):
        last = runs[-1][-1] if runs else None
        if last and last.candidate.stored.key == sentence.candidate.stored.key and last.number + 1 == sentence.number:
            runs[-1].append(sentence)
        else:
            runs.append([sentence])
    made = [
        Run(run[0].candidate, run[0].number, run[-1].number, tuple(sorted(run, key=lambda s: -s.score))) for run in runs
    ]
    return sorted(made, key=lambda run: -run.score)


def ranked_sentences(query: Query, candidates: Sequence[Candidate]) -> list[Scored]:
    """Return the sentences of candidates that can be an answer, best first.

    Args:
        query: The query.
        candidates: Reranked passages, best first.

    Returns:
        Scored sentences; headings and questions only where there is nothing else.
    """
    found = list(_sentences(query, candidates))
    # A heading or a question may be all words of the question asked, and answers nothing.
    telling = [s for s in found if not ASKS_OR_ANNOUNCES.search(s.text)]
    return sorted(telling or found, key=lambda s: -s.score)


def _sentences(query: Query, candidates: Sequence[Candidate]) -> Iterator[Scored]:
    kind = expected_kind(query.text)
    for candidate in candidates:
        passage, language = candidate.stored.passage, candidate.stored.language
        headline = f"{candidate.stored.title} {passage.heading or ''}"
        context = frozenset(document_terms(headline, language=language))
        if candidate.linked_from:
            # It is read as what that passage goes on to, which says what it is about.
            context |= passage_terms(candidate.linked_from)
        before: frozenset[str] = frozenset()
        for number, span in enumerate(passage.sentences):
            text = sentence_text(candidate, number)
            terms = frozenset(document_terms(text, language=language))
            coverages = [query.coverage(known) for known in (terms, terms | before, terms | before | context)]
            # Where the encoder does not read the question, its words have to stand in for its meaning.
            late = candidate.sentence_late[number] if candidate.sentence_late else coverages[0]
            score = _score(candidate, late=late, coverages=coverages, fits=_fits(kind, text, query.text), text=text)
            yield Scored(candidate, number, span, text, terms, late, score)
            before = terms


def _score(candidate: Candidate, *, late: float, coverages: Sequence[float], fits: bool, text: str) -> float:
    own, with_before, with_context = coverages
    return (
        PASSAGE * candidate.score
        + LATE * late
        + COVERAGE * own
        + BEFORE * (with_before - own)
        + CONTEXT * (with_context - with_before)
        + KIND * fits
        + LENGTH * min(len(text), LENGTH_CHARS) / LENGTH_CHARS
        + DENSE * candidate.signals.get("dense", 0.0)
    )


def _fits(kind: Kind, sentence: str, question: str) -> bool:
    return kind != "other" and holds(kind, without_mark(sentence), question=question)
