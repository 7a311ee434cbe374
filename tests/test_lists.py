"""Questions for several things get all items of the list that answers them; other questions get what they ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rag import Document, Library

GUILD = Document(
    "guild.md",
    "# The guild\n\nThe guild of Holm has five members:\n\n- The bakers of Ryd\n- The smiths of Lund\n- The weavers\n"
    "- The pilots of Norrwick\n- The brewers\n\nIt meets twice a year in the old hall.",
)
ITEMS = ["- The bakers of Ryd", "- The smiths of Lund", "- The weavers", "- The pilots of Norrwick", "- The brewers"]
LONG = Document("long.md", "The town of Lund has these streets:\n\n" + "\n".join(f"- Street {n}" for n in range(1, 61)))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("lists") / "library") as made:
        made.add([GUILD, LONG])
        yield made


@pytest.mark.parametrize(
    "question",
    [
        "What are the five members of the guild of Holm?",
        "Which members does the guild of Holm have?",
        "List the members of the guild of Holm.",
        "Who are the members of the guild of Holm?",
    ],
)
def test_a_list_is_given_whole_in_the_order_of_the_document_as_one_quote(library: Library, question: str) -> None:
    answer = library.ask(question, threshold=0.0)
    holding = [c for c in answer.citations if "\n".join(ITEMS) in c.quote]
    assert len(holding) == 1
    assert [s.text for s in answer.sentences if s.text in ITEMS] == ITEMS


def test_a_question_for_one_thing_is_not_answered_with_a_list(library: Library) -> None:
    answer = library.ask("How often does the guild of Holm meet?", threshold=0.0)
    assert sum(item in answer.text for item in ITEMS) < 5


def test_a_long_list_is_cut_at_the_bound(library: Library) -> None:
    answer = library.ask("List the streets of the town of Lund.", threshold=0.0)
    assert 5 < answer.text.count("Street ") <= 25
