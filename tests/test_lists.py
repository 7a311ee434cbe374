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
SOUP = Document(
    "soup.md",
    "# Lentil soup\n\n## Ingredients\n\n1. 250 g red lentils\n2. 2 carrots\n3. 1 onion\n4. 1 teaspoon cumin\n\n"
    "## Steps\n\n1. Chop the onion and the carrots.\n2. Fry them in oil. Do not burn them.\n3. Add lentils and cumin."
    '\n\n```python\nprint("soup")\n```',
)
CONTRACT = Document(
    "contract.txt",
    "Service contract\n\n1. Delta Cleaning cleans the offices of Brightwater Ltd every weekday.\n"
    "2. The price is 2,350 euros per month.\n3. The contract ends in 2026. 4. The place of jurisdiction is Hamburg.",
)
LONG = Document("long.md", "The town of Lund has these streets:\n\n" + "\n".join(f"- Street {n}" for n in range(1, 61)))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("lists") / "library") as made:
        made.add([GUILD, SOUP, CONTRACT, LONG])
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


def test_a_numbered_list_is_given_whole_and_ends_where_the_next_list_begins(library: Library) -> None:
    answer = library.ask("What ingredients are in the lentil soup?", threshold=0.0)
    assert [s.text for s in answer.sentences][:4] == [
        "1. 250 g red lentils",
        "2. 2 carrots",
        "3. 1 onion",
        "4. 1 teaspoon cumin",
    ]
    assert "Chop" not in answer.text


def test_the_steps_of_a_recipe_are_its_answer_and_no_code_block_beside_them(library: Library) -> None:
    answer = library.ask("What are the steps to make lentil soup?", threshold=0.0)
    assert answer.text.startswith(
        "1. Chop the onion and the carrots. 2. Fry them in oil. Do not burn them. 3. Add lentils"
    )
    assert "print" not in answer.text


def test_a_verb_that_ends_like_a_plural_asks_for_no_list(library: Library) -> None:
    answer = library.ask("Which company cleans the offices of Brightwater?", threshold=0.0)
    assert answer.citations[0].quote.startswith(
        "1. Delta Cleaning cleans the offices of Brightwater Ltd every weekday."
    )
    assert "Hamburg" not in answer.text


def test_a_quote_does_not_end_on_the_number_of_the_next_clause(library: Library) -> None:
    answer = library.ask("When does the contract with Brightwater end?", threshold=0.0)
    assert "4." not in [s.text for s in answer.sentences]
    assert not any(c.quote.endswith("4.") for c in answer.citations)
