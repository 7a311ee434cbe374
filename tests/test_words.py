"""The words of the chat page in each of its languages."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

import pytest

from rag.web.page import script
from rag.web.words import WORDS, browser_words, language_of

ENGLISH = asdict(WORDS["en"])
WEB = Path(__file__).parents[1] / "rag/web"


@pytest.mark.parametrize("language", sorted(WORDS))
def test_every_language_says_everything_with_the_same_gaps(language: str) -> None:
    said = asdict(WORDS[language])
    assert said.keys() == ENGLISH.keys()
    assert all(text.strip() for text in said.values())
    assert {key: text.count("{}") for key, text in said.items()} == {k: t.count("{}") for k, t in ENGLISH.items()}


def test_chinese_is_chinese() -> None:
    same = {key for key, text in asdict(WORDS["zh"]).items() if text == ENGLISH[key]}
    assert same == {"markdown", "json"}


def test_no_word_is_said_by_nobody() -> None:
    code = "".join(path.read_text("utf-8") for path in WEB.glob("*.py") if path.name != "words.py")
    used = set(re.findall(r"(?:words|w)\.(\w+)", code + script()))
    assert ENGLISH.keys() - used == set()


def test_words_hold_nothing_that_html_reads() -> None:
    assert not [text for words in WORDS.values() for text in asdict(words).values() if set(text) & set("<>&\"'")]


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("zh-CN", "zh"),
        ("zh", "zh"),
        ("ZH_TW", "zh"),
        ("en-GB", "en"),
        ("fr", "en"),
        ("", "en"),
        (None, "en"),
        ([], "en"),
    ],
)
def test_the_browsers_language_is_taken_where_the_page_speaks_it(tag: object, language: str) -> None:
    assert language_of(tag) == language
    assert browser_words(language)["name"] == WORDS[language].name
