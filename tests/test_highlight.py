"""The part of a quote that is asked for: found where it is clear, and nothing marked where it is not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rag import Document, Library
from rag.answering.wanted import values, wanted
from tests.conftest import BAKERY, HARBOUR, LIGHTHOUSE

SHOP = Document(
    "shop.md", "磨坊街的面包店有41名员工。面包店于2019年3月5日开业。面包店位于上海市浦东新区。", language="zh"
)
BRIDGE = Document(
    "bridge.md",
    "The Long Bridge of Ryd cost $2.5 million and spans 410 metres. About 12% of its traffic is by bicycle. "
    "Sixteen guards watch over the Long Bridge in winter.",
)
FAIR = Document("fair.md", "The summer fair of Holm has 90 stalls, of which 35 sell bread; it has been held 12 times.")
AHLGREN = Document(
    "ahlgren.md",
    "Sven Ahlgren was born in Malmo in 1921. He joined the Northern Bank in 1950 and left it in 1963. "
    "He painted the hills of Skane all his life. He died on 4 June 1988 in Ystad.",
)
MILLS = Document(
    "mills.md",
    "The windmill of Tofta was built in 1810 by Ole Berg. It is 21 metres tall and has 4 sails. "
    "The windmill of Hammar is older: it was built in 1690 and is 12 metres tall. "
    "The chapel of Tofta was not damaged in the storm of 1902. The chapel has 300 seats and 12 candlesticks.",
)
CRANES = Document(
    "cranes.md",
    "title: Crane K7; price: 90.5; motors: 6; hoist: 3.\n\ntitle: Crane K9; price: 120.5; motors: 8; hoist: 4.\n",
)
BUS = Document("bus.md", "The tram to Alby carried 900 riders in 2019 and 450 riders in 2020.")
DEPOT = Document("depot.md", "车站现有职工90人，其中司机占20%。", language="zh")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("marked") / "library") as made:
        made.add([HARBOUR, LIGHTHOUSE, BAKERY, SHOP, BRIDGE, FAIR, AHLGREN, MILLS, CRANES, BUS, DEPOT])
        yield made


@pytest.mark.parametrize(
    ("question", "marked"),
    [
        ("How many pilots does the harbour of Norrwick employ?", "41"),
        ("When was the pilot station of Norrwick moved to the northern pier?", "March 2019"),
        ("In which year was the lighthouse of Norrwick built?", "1874"),
        ("Who built the lighthouse of Norrwick?", "Ada Lindqvist"),
        ("How far can the lamp of the lighthouse be seen?", "31 kilometres"),
        ("How much did the Long Bridge of Ryd cost?", "$2.5 million"),
        ("How many guards watch over the Long Bridge?", "Sixteen"),
        ("How many stalls has the summer fair of Holm?", "90"),
        ("How many of the stalls of the summer fair of Holm sell bread?", "35"),
        ("磨坊街的面包店有多少名员工？", "41"),
        ("面包店何时开业？", "2019年3月5日"),
        ("面包店位于哪里？", "上海市浦东新区"),
        ("店主是谁？", "林晓梅"),
        ("Why was the pilot station moved?", None),
        ("What is the lighthouse of Norrwick?", None),
    ],
)
def test_what_is_asked_for_is_marked_in_offsets_of_the_document(
    library: Library, question: str, marked: str | None
) -> None:
    answer = library.ask(question, threshold=0.0)
    first = answer.citations[0]
    if marked is None:
        assert first.highlight is None
        return
    assert first.highlight is not None
    start, end = first.highlight.start_char, first.highlight.end_char
    assert library.document(first.document_id).text[start:end] == marked
    assert first.start_char <= start < end <= first.end_char


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("How many ships are there?", "count"),
        ("How many years did it take?", "measure"),
        ("What percentage of ships is new?", "share"),
        ("How much money was spent?", "money"),
        ("In what century did it begin?", "period"),
        ("What did he do when the war began?", None),
        ("What is known of the man who built it?", None),
        ("Why?", None),
    ],
)
def test_the_kind_of_value_is_told_from_what_asks_rather_than_from_any_word(question: str, kind: str | None) -> None:
    assert wanted(question) == kind


def test_a_value_is_found_whole() -> None:
    assert [v.text for v in values("money", "It cost US$2.5 million, not 300 euros.")] == [
        "US$2.5 million",
        "300 euros",
    ]
    assert [v.text for v in values("date", "From 3 May 1922 to June 1924, in the 1930s.")] == [
        "3 May 1922 to June 1924",
        "1930s",
    ]
    assert [v.text for v in values("count", "Of 1,250 ships 12% left.")] == ["1,250"]


def marks(library: Library, question: str) -> list[str]:
    answer = library.ask(question, threshold=0.0)
    found = [(c.document_id, c.highlight) for c in answer.citations if c.highlight]
    return [library.document(name).text[mark.start_char : mark.end_char] for name, mark in found]


@pytest.mark.parametrize(
    "question",
    [
        "When did Sven Ahlgren marry?",
        "When did Sven Ahlgren found the Northern Bank?",
        "Where did Sven Ahlgren study?",
        "When was the chapel of Tofta damaged?",
        "How many organs has the chapel of Tofta?",
        "How many wheels does the Crane K7 have?",
        "司机有多少？",
    ],
)
def test_a_value_of_which_the_text_says_something_else_is_not_marked(library: Library, question: str) -> None:
    assert marks(library, question) == []


@pytest.mark.parametrize(
    ("question", "marked"),
    [
        ("When was Sven Ahlgren born?", "1921"),
        ("When did Sven Ahlgren join the Northern Bank?", "1950"),
        ("When did Sven Ahlgren leave the Northern Bank?", "1963"),
        ("How many sails has the windmill of Tofta?", "4"),
        ("How many seats has the chapel of Tofta?", "300"),
        ("How many motors does the Crane K7 have?", "6"),
        ("How many motors does the Crane K9 have?", "8"),
        ("How many riders did the tram to Alby carry in 2020?", "450"),
        ("车站有多少职工？", "90"),
    ],
)
def test_of_several_values_the_one_is_marked_whose_clause_says_what_is_asked(
    library: Library, question: str, marked: str
) -> None:
    assert marks(library, question) == [marked]


@pytest.mark.parametrize(
    ("question", "marked"),
    [("When did Sven Ahlgren die?", "4 June 1988"), ("How tall is the windmill of Tofta?", "21 metres tall")],
)
def test_what_is_asked_for_is_marked_in_whichever_quote_says_it(library: Library, question: str, marked: str) -> None:
    assert marks(library, question) == [marked]


def test_a_year_and_a_number_behind_it_are_two_values() -> None:
    found = [v.text for v in values("count", "It sold 20 in 2019 and 30 in 2020, between 40 and 50 later.")]
    assert found == ["20", "2019", "30", "2020", "40 and 50"]
