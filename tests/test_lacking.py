"""A number of what is counted: missed where the question asks how many, and only there."""

from __future__ import annotations

import pytest

from rag.answering.lacking import lacks_count


@pytest.mark.parametrize(
    ("question", "text", "lacks"),
    [
        ("How many pilots were in each group?", "Two groups of clerks were sent.", True),
        ("How many pilots were sent?", "They sent 41 of the pilots.", False),
        ("How many pilots were sent?", "All pilots were sent.", True),
        ("Who sent the pilots?", "All pilots were sent.", False),
    ],
)
def test_a_text_without_a_number_of_what_is_counted_lacks_it(question: str, text: str, lacks: bool) -> None:
    assert lacks_count(question, text) is lacks
