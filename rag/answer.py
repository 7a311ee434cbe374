"""Query and candidates to a draft answer of verbatim sentences, without a language model; numbers no citations.

Reference:
    The weights of a sentence's features are those of a conditional logit model fitted on half of squad2, qed and
    covidqa, rounded; eval/LOG.md has the figures on the other halves and on the gold set.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from rag.confidence import Signs, confidence
from rag.evidence import Candidate, Chosen, Draft, Query
from rag.expected import Kind, expected_kind, holds
from rag.facts import KeyFacts, key_facts, missing_names, missing_numbers, passage_terms, words
from rag.language import question_language
from rag.schema import Span
from rag.terms import document_terms, held

# Weights: the passage's score; the sentence's late interaction; the share of the question's words in it; that share
# gained by the sentence before, and by title and heading; holding the expected kind of answer; length; the cosine.
PASSAGE, LATE, COVERAGE, BEFORE, CONTEXT, KIND, LENGTH, DENSE = 1.0, 1.0, 1.0, 0.6, 0.6, 0.35, 0.1, 0.5
LENGTH_CHARS = 400
# A further sentence is given while it scores at most this much below the best. At 0.5 squad2's answers hold the gold
# answer in 0.90 of the answerable questions, in 350 characters; always three sentences gain a point and 180 characters.
MARGIN = 0.5
# Markdown headings and questions.
ASKS_OR_ANNOUNCES = re.compile(r"^#{1,6} |[?？][\"”’』」)）]*$")
# Two sentences that share this much of the shorter one's terms say the same.
SAME = 0.8
# Why there is no answer, in English and in Chinese.
NOTHING_FOUND = (
    "Not in these documents: no passage matches the question.",
    "这些文档中没有与问题相关的内容。",
)
NOTHING_PASSES = (
    "Not in these documents: no document passes the filter {filters}.",
    "没有文档符合筛选条件 {filters}。",
)
NOT_SPOKEN_OF = (
    "Not in these documents: the nearest passages do not speak of {facts}.",
    "这些文档没有回答这个问题：最接近的段落没有提到{facts}。",
)
SPOKEN_OF_ELSEWHERE = (
    "Not in these documents: what is nearest to the question does not speak of {facts}; other passages do.",
    "这些文档没有回答这个问题：与问题最接近的内容没有提到{facts}，只在其他段落中出现。",
)
TOO_UNLIKE = (
    "Not in these documents: the nearest passages do not match the question closely enough.",
    "这些文档没有回答这个问题：最接近的段落与问题不够吻合。",
)


@dataclass(frozen=True)
class _Scored:
    candidate: Candidate
    span: Span
    text: str
    terms: frozenset[str]
    late: float
    score: float


def draft(
    query: Query,
    candidates: Sequence[Candidate],
    *,
    most_sentences: int,
    threshold: float,
    calibrate: Callable[[float], float],
) -> Draft:
    """Return the sentences that answer the question, or why there are none.

    Args:
        query: The query.
        candidates: Reranked passages whose sentences may be the answer, best first.
        most_sentences: At most this many sentences.
        threshold: Calibrated confidence below which it abstains, in [0, 1].
        calibrate: Raw to calibrated confidence, both in [0, 1], rising.

    Returns:
        Sentences of the candidates, best first, none saying the same as another or scoring far below the best; or none,
        with a reason in Chinese where the question is, else in English.
    """
    found = list(_sentences(query, candidates))
    # A heading or a question may be all words of the question asked, and answers nothing.
    telling = [s for s in found if not ASKS_OR_ANNOUNCES.search(s.text)]
    scored = sorted(telling or found, key=lambda s: -s.score)
    if not scored:
        return Draft((), True, _say(query, NOTHING_FOUND), calibrate(0.0))
    chosen = _choose(scored, most=most_sentences)
    facts = key_facts(query)
    here = frozenset().union(*(passage_terms(s.candidate.stored) for s in chosen))
    anywhere = here.union(*(passage_terms(c.stored) for c in candidates))
    sure = calibrate(confidence(_signs(query, scored[0], facts, here=here, anywhere=anywhere)))
    if sure < threshold:
        return Draft((), True, _reason(query, facts, here=here, anywhere=anywhere), sure)
    return Draft(tuple(_as_chosen(s) for s in chosen), False, "", sure)


def nothing_passes(query: Query, filters: str) -> Draft:
    """Return the refusal of a question that no document may answer.

    Args:
        query: The query.
        filters: The filters in words, in one line.

    Returns:
        No sentences, and the reason, in Chinese where the question is, else in English; it is as sure as can be.
    """
    return Draft((), True, _say(query, NOTHING_PASSES).format(filters=filters), 0.0)


def _sentences(query: Query, candidates: Sequence[Candidate]) -> Iterator[_Scored]:
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
            text = passage.text[span.start_char - passage.start_char : span.end_char - passage.start_char]
            terms = frozenset(document_terms(text, language=language))
            coverages = [coverage(query, known) for known in (terms, terms | before, terms | before | context)]
            # Where the encoder does not read the question, its words have to stand in for its meaning.
            late = candidate.sentence_late[number] if candidate.sentence_late else coverages[0]
            score = _score(candidate, late=late, coverages=coverages, fits=_fits(kind, text, query.text), text=text)
            yield _Scored(candidate, span, text, terms, late, score)
            before = terms


def coverage(query: Query, terms: AbstractSet[str]) -> float:
    """Return the share, in [0, 1], of what the question's words say that is among the terms."""
    total = sum(query.weights)
    found = sum(w for term, w in zip(query.terms, query.weights, strict=True) if held(term, terms))
    return found / total if total > 0 else 0.0


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
    return kind != "other" and holds(kind, sentence, question=question)


def _choose(scored: Sequence[_Scored], *, most: int) -> list[_Scored]:
    """Return the best sentences, near-duplicates dropped, short of those that score much lower."""
    chosen: list[_Scored] = []
    for sentence in scored:
        if len(chosen) == most or sentence.score < scored[0].score - MARGIN:
            break
        if not any(_same(sentence, other) for other in chosen):
            chosen.append(sentence)
    return chosen


def _same(one: _Scored, other: _Scored) -> bool:
    smaller = min(len(one.terms), len(other.terms))
    return len(one.terms & other.terms) >= SAME * smaller


def _as_chosen(sentence: _Scored) -> Chosen:
    stored = sentence.candidate.stored
    return Chosen(stored.passage, stored.title, sentence.span, sentence.text, max(0.0, min(1.0, sentence.late)))


def _signs(
    query: Query, best: _Scored, facts: KeyFacts, *, here: AbstractSet[str], anywhere: AbstractSet[str]
) -> Signs:
    return Signs(
        sentence=best.late,
        dense=best.candidate.signals.get("dense", best.late),
        content_terms=sum(w > 0 for w in query.weights),
        number_not_here=bool(missing_numbers(facts, here)),
        number_nowhere=bool(missing_numbers(facts, anywhere)),
        name_not_here=bool(missing_names(facts, here)),
        name_nowhere=bool(missing_names(facts, anywhere)),
    )


def _reason(query: Query, facts: KeyFacts, *, here: AbstractSet[str], anywhere: AbstractSet[str]) -> str:
    """Say why there is no answer: which key fact is missing, if one is."""
    for terms, saying in ((anywhere, NOT_SPOKEN_OF), (here, SPOKEN_OF_ELSEWHERE)):
        lacking = sorted(missing_names(facts, terms) + missing_numbers(facts, terms), key=lambda t: t.start_char)
        if lacking:
            return _say(query, saying).format(facts=words(query, lacking))
    return _say(query, TOO_UNLIKE)


def _say(query: Query, saying: tuple[str, str]) -> str:
    english, chinese = saying
    return chinese if question_language(query.text) == "zh" else english
