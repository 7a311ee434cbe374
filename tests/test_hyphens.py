"""Words divided at the end of a line."""

from __future__ import annotations

import pytest

from rag.formats.hyphens import DIVIDED, undivided


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("high|quality steel", "high-quality steel"),
        ("high|quality steel and Highquality", "highquality steel and Highquality"),
        ("manip|ulation, manipulation, struc|ture", "manipulation, manipulation, structure"),
        ("cross|border trade is cross-border, so|called", "cross-border trade is cross-border, so-called"),
        ("2019|20 and a|", "2019-20 and a-"),
    ],
)
def test_a_divided_word_is_written_as_elsewhere_else_as_the_document_divides(text: str, whole: str) -> None:
    assert undivided([[text.replace("|", DIVIDED)]]) == [[whole]]
