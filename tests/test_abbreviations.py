"""Abbreviations as texts introduce them: what is found, what is not, and that a question in either form finds both."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import MakeLibrary
from hypothesis import given
from hypothesis import strategies as st

from rag import Document, Library
from rag.abbreviations import Abbreviation, find_abbreviations, form_key, runs
from rag.evidence import Query
from rag.pipeline import Work

AREA_NAME = "Shanghai Cooperation Organisation Demonstration Area"


@pytest.mark.parametrize(
    ("text", "short", "long"),
    [
        (f"in the {AREA_NAME} (SCODA) today", "SCODA", AREA_NAME),
        (f"In SCODA ({AREA_NAME}), trade", "SCODA", AREA_NAME),
        ("Patients with acute kidney injury (AKI, stage 2)", "AKI", "acute kidney injury"),
        ("the “European Free Trade Association” (EFTA)", "EFTA", "European Free Trade Association"),
        ("caused by coronavirus disease 2019 (COVID-19).", "COVID-19", "coronavirus disease 2019"),
        ("raised monoclonal antibodies (mAbs) against it", "mAbs", "monoclonal antibodies"),
    ],
)  # fmt: skip
def test_a_form_in_parentheses_is_paired_with_the_one_before(text: str, short: str, long: str) -> None:
    assert find_abbreviations(text) == [Abbreviation(short, long)]


@pytest.mark.parametrize(
    "text",
    [
        "The pilots (see below) came.",
        "Cells (Invitrogen) were kept.",
        "It was flooded twice (in 2019).",
        "A sentence ends. Trade (SCODA) begins.",
        "the Ministry of Works (XYZ)",
        "Nothing before.\n(SCODA) Shanghai",
        "the BBC (BBC)",
        "()",
        "SCODA (",
    ],
)
def test_other_parentheses_introduce_nothing(text: str) -> None:
    assert find_abbreviations(text) == []


@given(st.text(alphabet="ABab1 (),.-\n", max_size=60))
def test_both_forms_stand_in_the_text(text: str) -> None:
    for found in find_abbreviations(text):
        assert found.short in text
        assert found.long in text
        assert len(found.long) > len(found.short)


def test_all_writings_of_a_form_have_one_key() -> None:
    assert form_key("Monoclonal Antibodies") == form_key("monoclonal antibody")
    text = "Do monoclonal antibodies work?"
    start, end = runs(text)[form_key("monoclonal antibody")]
    assert text[start:end] == "monoclonal antibodies"


AREA = Document(
    id="area.md",
    title="A trade area",
    language="en",
    text="The Shanghai Cooperation Organisation Demonstration Area (SCODA) was founded in Qingdao.\n\n"
    + "Many other things were said on that day, none of them about trade. " * 12
    + "\n\nIn 2021 SCODA handled 41,000 freight containers.",
)
PORT = Document(
    id="port.md",
    title="The port",
    language="en",
    text="Ships of the Shanghai Cooperation Organisation Demonstration Area berth at the eastern pier since 2019.",
)
DIVERS = Document(
    id="divers.md",
    title="Diving",
    language="en",
    text="The Southern Club of Deep Aquanauts (SCODA) counts 70 divers.",
)


@pytest.fixture(scope="module")
def area_library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """Documents of which one introduces a short form, one has the long one only, and one means something else by it."""
    with Library.open(tmp_path_factory.mktemp("area") / "library") as library:
        library.add([AREA, PORT, DIVERS])
        yield library


def understood(library: Library, question: str) -> Query:
    query = library.pipeline().understand(Work(question)).query
    assert query is not None
    return query


def test_a_short_form_finds_what_has_only_the_long_one(area_library: Library) -> None:
    answer = area_library.ask("Where do the ships of SCODA berth?")
    assert not answer.abstained
    assert "eastern pier" in answer.text


def test_a_long_form_finds_what_has_only_the_short_one(area_library: Library) -> None:
    question = "How many containers did the Shanghai Cooperation Organisation Demonstration Area handle in 2021?"
    answer = area_library.ask(question)
    assert not answer.abstained
    assert "41,000" in answer.text


@pytest.mark.parametrize(
    ("other", "same"), [(PORT, False), (Document(id="b", text="SCODA grows.", language="en"), True)]
)
def test_the_encoder_reads_the_short_form_where_more_passages_hold_it(
    make_library: MakeLibrary, other: Document, same: bool
) -> None:
    library = make_library(AREA, other)
    long, short = (understood(library, f"What of the {form} then?").vector for form in (AREA_NAME, "SCODA"))
    assert np.allclose(long, short) is same


def test_a_short_form_of_two_meanings_is_searched_as_both(area_library: Library) -> None:
    (term,) = [t for t in understood(area_library, "Who is in SCODA?").terms if t.content]
    assert {v for v in term.variants if " " in v} == {
        "shanghai cooper organis demonstr area",
        "southern club deep aquanaut",
    }
    assert "70 divers" in area_library.ask("How many divers does SCODA count?").text


def test_a_word_like_a_short_form_means_what_it_says(make_library: MakeLibrary) -> None:
    text = "The Association of Independent Dental Surgeons (AIDS) met in Norrwick."
    with make_library() as library:
        library.add([Document(id="a", text=text, language="en")])
        assert not any(" " in v for t in understood(library, "What aids the pilots?").terms for v in t.variants)
        assert any(" " in v for t in understood(library, "Where did AIDS meet?").terms for v in t.variants)


def test_a_removed_document_explains_nothing(make_library: MakeLibrary) -> None:
    with make_library() as library:
        library.add([AREA, PORT])
        library.remove(["area.md"])
        assert not any(" " in v for t in understood(library, "Who is in SCODA?").terms for v in t.variants)


def test_a_library_made_before_there_were_abbreviations_is_asked_and_added_to(make_library: MakeLibrary) -> None:
    with make_library() as library:
        library.add([PORT])
        path: Path = library.path
    with sqlite3.connect(path / "library.sqlite3") as database:
        database.execute("DROP TABLE IF EXISTS abbreviations")
    with Library.open(path) as library:
        assert library.search("Where do SCODA ships berth?", k=1)
        library.add([AREA])
        assert any(" " in v for t in understood(library, "Who is in SCODA?").terms for v in t.variants)
