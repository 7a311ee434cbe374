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
from rag.expansion import MOST_LONG
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
        (f"青岛有{AREA_NAME}（SCODA）。", "SCODA", AREA_NAME),
        (f"青岛的SCODA（{AREA_NAME}）很大", "SCODA", AREA_NAME),
        ("İİİİ new harbour area (NHA)", "NHA", "new harbour area"),
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
        "Shanghai Co。 Deep Area（SCODA）",
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
        database.execute("PRAGMA user_version = 1")
    with Library.open(path) as library:
        assert library.search("Where do SCODA ships berth?", k=1)
        library.add([AREA])
        assert any(" " in v for t in understood(library, "Who is in SCODA?").terms for v in t.variants)


def variants(library: Library, question: str) -> set[str]:
    return {v for t in understood(library, question).terms for v in t.variants}


PRONOUNS = [
    Document(id=f"town{n}", language="en", text=f"All of the {n} people who live there care for it, and who would not?")
    for n in range(30)
]
HEALTH = Document(
    id="health",
    title="Offices",
    language="en",
    text="The World Health Organization (WHO) is in Geneva. The Information Technology (IT) office is in Holm.",
)
BLOOD = [
    Document(id="blood", language="en", text="Acute lymphoblastic leukemia (ALL) is a cancer of the blood."),
    Document(id="drug", language="en", text="Vincristine is given against acute lymphoblastic leukemia at first."),
]


@pytest.fixture(scope="module")
def health_library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """Short forms that are common words besides, among many passages that hold the words."""
    with Library.open(tmp_path_factory.mktemp("health") / "library") as library:
        library.add([HEALTH, *BLOOD, *PRONOUNS])
        yield library


@pytest.mark.parametrize(
    ("question", "found", "inside"),
    [
        ("Which city is the World Health Organization in?", "health", "Geneva"),
        ("Which drug is given against acute lymphoblastic leukemia?", "drug", "Vincristine"),
    ],
)
def test_a_short_form_that_is_a_common_word_is_not_searched_for_its_long_form(
    health_library: Library, question: str, found: str, inside: str
) -> None:
    assert not {"who", "all", "it"} & variants(health_library, question)
    answer = health_library.ask(question)
    assert not answer.abstained
    assert inside in answer.text
    assert answer.hits[0].passage.document_id == found


def test_an_organisation_is_not_spoken_of_where_a_word_like_its_short_form_stands(make_library: MakeLibrary) -> None:
    question = "Where is the bakery of the Information Technology office?"
    bakery = Document(
        id="bakery", language="en", text="The bakery is in Mill Street. It opens at six, and it sells rye."
    )
    with make_library(HEALTH, bakery, *PRONOUNS) as library:
        assert "it" not in variants(library, question)


@pytest.mark.parametrize(("text", "kept"), [("The lab closes at {} on Mondays.", False), ("LAB rose by {}%.", True)])
def test_a_short_form_is_taken_for_a_common_word_where_most_passages_write_it_so(
    make_library: MakeLibrary, text: str, kept: bool
) -> None:
    introduction = Document(id="a", language="en", text="Lactic acid bacteria (LAB) live in sour milk.")
    others = [Document(id=f"{n}", language="en", text=text.format(n)) for n in range(5)]
    with make_library(introduction, *others) as library:
        assert ("lab" in variants(library, "Where do lactic acid bacteria live?")) is kept


@pytest.mark.parametrize(
    ("question", "is_name"),
    [
        ("In which city is WHO?", True),
        ("WHO的城市在哪里？", True),
        ("In which city is he who asks?", False),
        ("WHO IS IN THE CITY?", False),
    ],
)
def test_a_function_word_in_capitals_is_the_short_form_it_is_known_as(
    health_library: Library, question: str, is_name: bool
) -> None:
    query = understood(health_library, question)
    assert ("world health organiz" in {v for t in query.terms for v in t.variants}) is is_name
    weights = [w for t, w in zip(query.terms, query.weights, strict=True) if "who" in t.variants]
    assert [w > 0 for w in weights] == [is_name]


def test_a_function_word_is_no_other_form_however_many_passages_write_it_in_capitals(make_library: MakeLibrary) -> None:
    others = [Document(id=f"{n}", language="en", text=f"WHO grew by {n}%.") for n in range(5)]
    with make_library(HEALTH, *others) as library:
        assert "who" not in variants(library, "Where is the World Health Organization?")


def test_a_short_form_next_to_another_script_is_known(make_library: MakeLibrary) -> None:
    chinese = Document(id="zh", language="zh", text=f"青岛有{AREA_NAME}（SCODA），面积很大。")
    with make_library(chinese, PORT) as library:
        assert library.pipeline().snapshot.languages == ("en", "zh")
        for question in ("SCODA的面积是多少？", "SCODA 的面积是多少？", "Where is SCODA?"):
            assert "shanghai cooper organis demonstr area" in variants(library, question)


def test_the_forms_of_a_long_question_are_stemmed_once(
    make_library: MakeLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{a}{b}est {a}{b}ill {a}{b}ong" for a in "bdfghjk" for b in "aeiou"]
    forms = [(name, "".join(word[0] for word in name.split()).upper() + f"Q{n}") for n, name in enumerate(names)]
    text = " ".join(f"Here is the {name} quay {n} ({short})." for n, (name, short) in enumerate(forms))
    calls = []
    monkeypatch.setattr("rag.expansion.form_key", lambda form: calls.append(form) or form_key(form))
    with make_library(Document(id="a", language="en", text=text)) as library:
        query = understood(library, " ".join(short for _, short in forms))
    assert sum(any(" " in v for v in t.variants) for t in query.terms) == len(forms)
    assert len(calls) <= 4 * len(forms)


def test_of_very_many_long_forms_in_a_question_some_are_looked_into(
    make_library: MakeLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{a}{b}est {a}{b}ill {a}{b}ong" for a in "bdfghjk" for b in "aeiou"]
    short = [f"{''.join(word[0] for word in name.split()).upper()}{name[1].upper()}" for name in names]
    text = " ".join(f"Here is the {long} quay ({form})." for long, form in zip(names, short, strict=True))
    read = []
    monkeypatch.setattr("rag.expansion._is_a_word", lambda form, snapshot: bool(read.append(form)))
    with make_library(Document(id="a", language="en", text=text)) as library:
        understood(library, f"Where is the {names[0]} quay?")
        few = len(read)
        understood(library, " ".join(f"{name} quay" for name in names))
    assert few == 1
    assert few < len(read) - few <= MOST_LONG
