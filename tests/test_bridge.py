"""Chinese questions about English documents: what their words become, what is found, and when none of it happens."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import BAKERY, HARBOUR, LIGHTHOUSE, MakeLibrary

from rag import Document, Library, bridge
from rag.bridge import glosses, is_needed, segment
from rag.cedict import load
from rag.evidence import Query
from rag.facts import key_facts
from rag.pipeline import Work

PORT = Document(
    id="port.md",
    title="The port of Warsaw",
    language="en",
    text="Lingang signed 37 projects with Warsaw in May. Li Gang opened the new theater there in 1870.",
)


@pytest.fixture
def english(make_library: MakeLibrary) -> Library:
    return make_library(HARBOUR, LIGHTHOUSE, PORT)


def understood(library: Library, question: str) -> Query:
    query = library.pipeline().understand(Work(question)).query
    assert query is not None
    return query


def words(run: str) -> list[str]:
    return [run[start:end] for start, end in segment(run, load())]


@pytest.mark.parametrize(
    ("run", "cut"),
    [
        ("项目的投资总额是多少", ["项目", "的", "投资", "总额", "是", "多少"]),
        ("灯塔是什么时候建造的", ["灯塔", "是", "什么时候", "建造", "的"]),
        ("燈塔是什麼時候建造的", ["燈塔", "是", "什麼時候", "建造", "的"]),
        ("华沙", ["华沙"]),
    ],
)
def test_characters_are_cut_into_as_few_words_as_can_be(run: str, cut: list[str]) -> None:
    assert words(run) == cut


def test_words_are_read_in_english_and_names_by_their_sound(english: Library) -> None:
    found = glosses("临港在华沙签约了多少项目？谁是李刚", english.pipeline().snapshot)
    assert [gloss.read_as for gloss in found if gloss.renderings] == [
        "Lingang", "Warsaw", "sign a contract", "how many", "project", "who", "Li Gang",
    ]  # fmt: skip
    assert [gloss.read_as for gloss in found if not gloss.content and gloss.renderings] == ["how many", "who"]


def test_of_several_renderings_the_one_that_the_library_holds_is_meant(english: Library) -> None:
    assert load().entry("引航员") is None
    (lamp,) = glosses("灯", english.pipeline().snapshot)
    entry = load().entry("灯")
    assert entry is not None
    assert lamp.read_as == "lamp"
    assert set(lamp.renderings) == set(entry.renderings)


def test_the_sounds_of_a_foreign_name_are_not_read_as_words(english: Library) -> None:
    assert [gloss.renderings for gloss in glosses("胡格诺", english.pipeline().snapshot)] == [()]


@pytest.mark.parametrize(
    ("question", "held"),
    [
        ("灯塔是什么时候建造的？", "1874"),
        ("燈塔是什麼時候建造的？", "1874"),
        ("港口有多少飞行员？", "41"),
        ("李刚什么时候开了新剧院？", "1870"),
    ],
)
def test_a_chinese_question_is_answered_from_english_documents(english: Library, question: str, held: str) -> None:
    answer = english.ask(question)
    assert held in answer.text
    assert answer.citations[0].document_id in {"old/lighthouse.md", "harbour.md", "port.md"}


def test_what_the_documents_do_not_answer_is_refused_with_the_missing_name(english: Library) -> None:
    asked, other = "华沙的新剧院是什么时候开的？", "巴黎的新剧院是什么时候开的？"
    assert english.ask(asked).confidence > english.ask(other).confidence + 0.2
    refused = english.ask("柏林的面包师是谁？")
    assert refused.abstained
    assert "柏林" in refused.reason


def test_a_name_in_english_is_a_key_fact_wherever_it_stands(english: Library) -> None:
    query = understood(english, "华沙的新剧院")
    assert [query.glosses[name] for name in key_facts(query).names] == ["Warsaw"]


def test_what_is_part_of_a_number_is_no_word_of_its_own(english: Library) -> None:
    query = understood(english, "哪个项目有2亿？")
    spans = [
        (term.start_char, term.end_char) for term, weight in zip(query.terms, query.weights, strict=True) if weight
    ]
    assert [query.text[slice(*span)] for span in spans] == ["项目", "2亿"]


def test_where_documents_are_chinese_too_questions_are_searched_as_they_are(
    make_library: MakeLibrary, english: Library
) -> None:
    chinese = make_library(HARBOUR, LIGHTHOUSE, PORT, BAKERY, name="both")
    assert not understood(chinese, "灯塔是什么时候建造的？").glosses
    assert understood(english, "灯塔是什么时候建造的？").glosses


@pytest.mark.parametrize(
    ("question", "needed"),
    [
        ("When was it built?", False),
        ("Où est le phare?", False),
        ("灯台はいつ建てられましたか", False),
        ("Who wrote 红楼梦?", True),
    ],
)
def test_only_what_has_chinese_words_needs_it(question: str, needed: bool) -> None:
    assert is_needed(question) is needed


def test_questions_without_chinese_never_load_the_dictionary(english: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise AssertionError("the dictionary was loaded")

    monkeypatch.setattr(bridge, "load", refuse)
    assert "1874" in english.ask("When was the lighthouse built?").text


def test_every_token_stands_for_a_place_in_the_question(english: Library) -> None:
    question = "华沙的新剧院是什么时候开的？"
    query = understood(english, question)
    assert query.token_spans is not None
    assert query.token_spans.min() >= 0
    assert query.token_spans.max() <= len(question)
    assert np.isclose(query.token_weights.sum(), 1.0)
    assert query.text == question
