"""The Chinese-English dictionary: what a word may be in English, and how it sounds."""

from __future__ import annotations

import pytest

from rag.cedict import Cedict, load

ENTRIES = """# CC-CEDICT
長沙 长沙 [Chang2 sha1] /Changsha prefecture-level city and capital of Hunan province in south central China/
灣 湾 [Wan1] /surname Wan/
灣 湾 [wan1] /bay/gulf/CL:個|个[ge4]/
投資 投资 [tou2 zi1] /investment/to invest/
簽約 签约 [qian1 yue1] /to sign a contract or agreement/
華沙 华沙 [Hua2 sha1] /Warsaw, capital of Poland/
畫兒 画儿 [hua4 r5] /erhua variant of 畫|画[hua4]/
"""


@pytest.fixture(scope="module")
def cedict() -> Cedict:
    return Cedict(ENTRIES.encode())


@pytest.mark.parametrize(
    ("word", "renderings"),
    [
        ("投资", ("investment", "invest")),
        ("投資", ("investment", "invest")),
        ("签约", ("sign a contract", "agreement")),
        # What follows says where it is.
        ("华沙", ("Warsaw",)),
        ("长沙", ("Changsha",)),
        # Neither the surname nor the measure word is what it means.
        ("湾", ("bay", "gulf")),
        # It only refers to another word.
        ("画儿", ()),
    ],
)
def test_a_word_has_its_english_renderings(cedict: Cedict, word: str, renderings: tuple[str, ...]) -> None:
    entry = cedict.entry(word)
    assert entry is not None
    assert entry.renderings == renderings


def test_a_word_has_its_pinyin_without_tones_and_is_a_name_where_that_is_capitalised(cedict: Cedict) -> None:
    named, common, both = (cedict.entry(word) for word in ("长沙", "投资", "湾"))
    assert named is not None
    assert common is not None
    assert both is not None
    assert (named.pinyin, common.pinyin, both.pinyin) == (("chang", "sha"), ("tou", "zi"), ("wan",))
    assert (named.is_name, common.is_name, both.is_name) == (True, False, False)


@pytest.mark.parametrize("word", ["沙华", "", "a", "#", "investment"])
def test_what_is_no_headword_has_no_entry(cedict: Cedict, word: str) -> None:
    assert cedict.entry(word) is None


def test_the_dictionary_that_is_installed_is_whole() -> None:
    entry = load().entry("冠军")
    assert entry is not None
    assert entry.renderings == ("champion",)
