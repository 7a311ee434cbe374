"""The links between the pages, and in which language they are."""

from __future__ import annotations

import pytest

from rag.web.navigation import LABEL, LANGUAGES, PAGES, navigation_html, page_language, reader_language


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("zh", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB,zh;q=0.9", "en"),
        ("de,fr;q=0.9", "en"),
        ("de, zh-TW;q=0.5", "zh"),
        ("en;q=0.3,zh;q=0.7", "zh"),
        ("zh;q=0", "en"),
        ("zh;q=nonsense, ;;,q=1", "en"),
    ],
)
def test_a_reader_gets_the_language_of_ours_that_they_like_best(accepted: str | None, language: str) -> None:
    assert reader_language(accepted) == language


@pytest.mark.parametrize(
    ("cookie", "language"),
    [
        ("leadgoose-language=zh", "zh"),
        ("a=b; leadgoose-language=en; c=d", "en"),
        ("leadgoose-language=xx", "zh"),
        ("", "zh"),
    ],
)
def test_what_a_reader_chose_goes_before_what_their_browser_likes(cookie: str, language: str) -> None:
    assert page_language({"cookie": cookie, "accept-language": "zh-CN"}) == language


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_link_is_to_where_the_reader_is_and_each_has_words(language: str) -> None:
    for name in PAGES:
        links = navigation_html(name, language)
        assert links.count('aria-current="page"') == 1
        assert all(titles[language] in links for _, titles in PAGES.values())
        assert f'aria-label="{LABEL[language]}"' in links
