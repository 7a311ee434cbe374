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


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("marked") / "library") as made:
        made.add([HARBOUR, LIGHTHOUSE, BAKERY, SHOP, BRIDGE, FAIR])
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
