"""Query and candidates to a draft answer of verbatim sentences, without a language model; numbers no citations."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

from rag.choice import nearest
from rag.confidence import Signs, confidence
from rag.evidence import Candidate, Draft, Query
from rag.facts import KeyFacts, key_facts, missing_names, missing_numbers, passage_terms, words
from rag.quoting import quote
from rag.sentences import Scored, ranked_sentences

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
        Quotes from the candidates, best first, none saying the same as another, with what they say together; or none,
        with a reason in Chinese where the question is, else in English.
    """
    scored = ranked_sentences(query, candidates)
    if not scored:
        return Draft((), True, _say(query, NOTHING_FOUND), calibrate(0.0))
    facts = key_facts(query)
    here = frozenset().union(*(passage_terms(s.candidate.stored) for s in nearest(scored)))
    anywhere = here.union(*(passage_terms(c.stored) for c in candidates))
    sure = calibrate(confidence(_signs(query, scored[0], facts, here=here, anywhere=anywhere)))
    if sure < threshold:
        return Draft((), True, _reason(query, facts, here=here, anywhere=anywhere), sure)
    said = quote(query, scored, most=most_sentences)
    return Draft(said.chosen, False, "", sure, verdict=said.verdict, rests_on=said.rests_on, claims=said.claims)


def nothing_passes(query: Query, filters: str) -> Draft:
    """Return the refusal of a question that no document may answer.

    Args:
        query: The query.
        filters: The filters in words, in one line.

    Returns:
        No sentences, and the reason, in Chinese where the question is, else in English; it is as sure as can be.
    """
    return Draft((), True, _say(query, NOTHING_PASSES).format(filters=filters), 0.0)


def _signs(query: Query, best: Scored, facts: KeyFacts, *, here: AbstractSet[str], anywhere: AbstractSet[str]) -> Signs:
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
    # Kana tell Japanese, which uses the same characters.
    return (
        chinese
        if re.search("[\u4e00-\u9fff]", query.text) and not re.search("[\u3040-\u30ff]", query.text)
        else english
    )
