"""Answers and hits survive JSON, and their keys are those that are promised."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.schema import Answer, AnswerSentence, Citation, Disagreement, Document, Hit, Passage, Reading, Span

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
SHARES = st.floats(0, 1)
SPANS = st.tuples(st.integers(0, 99), st.integers(0, 99)).map(lambda pair: Span(*pair))
PAGES = st.none() | st.integers(1, 9)
PASSAGES = st.builds(
    Passage,
    TEXTS,
    st.integers(0, 99),
    st.integers(0, 99),
    TEXTS,
    heading=st.none() | TEXTS,
    sentences=st.lists(SPANS, max_size=3).map(tuple),
    page=PAGES,
)
SIGNALS = st.dictionaries(TEXTS, SHARES, max_size=3)
HITS = st.builds(Hit, PASSAGES, TEXTS, st.integers(1, 9), SHARES, SIGNALS)
CITATIONS = st.builds(
    Citation,
    number=st.integers(1, 9),
    document_id=TEXTS,
    title=TEXTS,
    start_char=st.integers(0, 99),
    end_char=st.integers(0, 99),
    quote=TEXTS,
    page=PAGES,
    heading=st.none() | TEXTS,
    score=SHARES,
    highlight=st.none() | SPANS,
)
READINGS = st.builds(
    Reading, TEXTS, st.integers(1, 9), st.none() | st.dates().map(lambda day: day.isoformat()), st.booleans()
)
ANSWERS = st.builds(
    Answer,
    question=TEXTS,
    text=TEXTS,
    sentences=st.lists(
        st.builds(AnswerSentence, TEXTS, st.lists(st.integers(1, 9), max_size=3).map(tuple), SHARES), max_size=3
    ).map(tuple),
    citations=st.lists(CITATIONS, max_size=3).map(tuple),
    abstained=st.booleans(),
    reason=TEXTS,
    confidence=SHARES,
    hits=st.lists(HITS, max_size=3).map(tuple),
    timings_s=SIGNALS,
    models=st.dictionaries(TEXTS, TEXTS, max_size=3),
    query=TEXTS,
    notice=TEXTS,
    disagreements=st.lists(
        st.builds(Disagreement, st.lists(READINGS, min_size=2, max_size=3).map(tuple)), max_size=2
    ).map(tuple),
)


@given(ANSWERS)
def test_an_answer_read_from_its_json_is_equal(answer: Answer) -> None:
    assert Answer.from_json(answer.to_json()) == answer
    assert Answer.from_json(answer.to_json(indent=2)) == answer


@given(HITS)
def test_a_hit_read_from_its_json_is_equal(hit: Hit) -> None:
    assert Hit.from_dict(json.loads(json.dumps(hit.to_dict()))) == hit


def test_the_keys_of_an_answer_are_those_promised() -> None:
    passage = Passage("d", 0, 4, "Text", "Heading", (Span(0, 4),), 1)
    citation = Citation(1, "d", "Title", 0, 4, "Text", None, None, 0.5)
    answer = Answer("Q", "Text", (AnswerSentence("Text", (1,), 1.0),), (citation,), hits=(Hit(passage, "T", 1, 0.5),))
    found = answer.to_dict()
    assert set(found) == {
        "question", "text", "sentences", "citations", "abstained", "reason", "confidence", "hits", "timings_s",
        "models", "query", "notice", "disagreements",
    }  # fmt: skip
    assert found["sentences"] == [{"text": "Text", "citations": [1], "support": 1.0}]
    assert set(found["citations"][0]) == {
        "number", "document_id", "title", "start_char", "end_char", "quote", "page", "heading", "score",
        "highlight", "also_in", "stale",
    }  # fmt: skip
    assert found["citations"][0]["page"] is None
    assert found["hits"][0]["sentences"] == [[0, 4]]


def test_answers_kept_before_there_were_notices_can_be_read() -> None:
    citation = Citation(1, "d", "Title", 0, 4, "Text", None, None, 0.5)
    written = Answer("Q", "Text", citations=(citation,)).to_dict()
    for key in ("query", "notice", "disagreements"):
        del written[key]
    del written["citations"][0]["highlight"]
    assert Answer.from_dict(written) == Answer("Q", "Text", citations=(citation,))


def test_json_keeps_other_scripts_readable() -> None:
    assert "灯塔" in Answer("灯塔?", "").to_json()


def test_values_cannot_be_changed_in_place() -> None:
    with pytest.raises(FrozenInstanceError):
        Document("d", "text").text = "other"  # type: ignore[misc]
    assert replace(Document("d", "text"), text="other").text == "other"
