"""Index terms: words stemmed, accents folded, bigrams where no spaces are written, and query and document agree."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.terms import STEMMERS, Term, document_terms, held, query_terms, spelt_terms, spelt_words

LANGUAGES = st.sampled_from([*STEMMERS, "zh", "ja", "und"])
WORDS = [
    "Harbours",
    "café",
    "北京市",
    "東京タワー",
    "서울은",
    "ไทย",
    "हिन्दी",
    "العَرَبِيَّة",
    "naïve",
    "ﬁne",
    "A1b2",
    "3.14",
    "x_y",
    "🦆",
    " ",
]
MIXED = st.one_of(
    st.text(max_size=80),
    st.lists(st.sampled_from(WORDS), max_size=12).map("".join),
)


@given(text=MIXED, language=LANGUAGES)
@settings(deadline=None, max_examples=300)
def test_a_text_asked_for_by_its_own_words_is_found_by_every_one_of_them(text: str, language: str) -> None:
    asked = query_terms(text, languages=[language])
    kept = document_terms(text, language=language)
    assert all(set(kept) & set(term.variants) for term in asked)
    assert {term.variants[0] for term in asked if len(term.variants) == 1} <= set(kept)


@given(text=MIXED, languages=st.lists(LANGUAGES, max_size=4))
@settings(deadline=None)
def test_every_query_term_says_which_characters_it_stands_for(text: str, languages: list[str]) -> None:
    for term in query_terms(text, languages=languages):
        assert text[term.start_char : term.end_char].strip()
        assert term.variants
        assert all(v and not any(c.isspace() for c in v) for v in term.variants)


@pytest.mark.parametrize(
    ("text", "language", "terms"),
    [
        ("The harbours employed pilots", "en", ["the", "harbour", "employ", "pilot"]),
        ("Häuser und Gärten", "de", ["haus", "und", "gart"]),
        ("Café, CAFÉ, cafe", "und", ["cafe", "cafe", "cafe"]),
        ("harbours", "und", ["harbours"]),
        ("北京大学", "zh", ["北京", "京大", "大学"]),
        ("北", "zh", ["北"]),
        ("在Lingang新区", "zh", ["在", "lingang", "新区"]),
        ("港の灯台", "ja", ["港の", "の灯", "灯台"]),
        ("48 of 102", "en", ["48", "of", "102"]),
        ("", "en", []),
        ("!?。 — 🦆", "en", []),
    ],
)
def test_terms_of_a_text(text: str, language: str, terms: list[str]) -> None:
    assert document_terms(text, language=language) == terms


def test_a_query_is_stemmed_for_every_language_of_the_library() -> None:
    (term,) = query_terms("Häuser", languages=["en", "de"])
    assert set(term.variants) == {"hauser", "haus"}


def test_languages_without_a_stemmer_count_as_one() -> None:
    assert query_terms("Häuser", languages=["zh", "xx"]) == query_terms("Häuser", languages=[])


def test_places_count_characters_of_the_query() -> None:
    text = "Who runs 北京大学 now?"
    found = [text[t.start_char : t.end_char] for t in query_terms(text, languages=["en"])]
    assert found == ["Who", "runs", "北京", "京大", "大学", "now"]


def test_a_repeated_word_stands_in_each_of_its_places() -> None:
    places = [(t.start_char, t.end_char) for t in query_terms("the pilot the pilot", languages=["en"])]
    assert places == [(0, 3), (4, 9), (10, 13), (14, 19)]


@pytest.mark.parametrize(
    ("text", "content"),
    [("Who is the pilot of it", ["pilot"]), ("谁是灯塔的主人", ["是灯", "灯塔", "塔的", "的主", "主人"])],
)
def test_words_that_only_put_a_question_are_told_from_its_content(text: str, content: list[str]) -> None:
    terms = query_terms(text, languages=["en"])
    assert [text[t.start_char : t.end_char] for t in terms if t.content] == content


def test_words_are_kept_as_spelt_but_for_case_and_accents() -> None:
    assert spelt_words("Harbours of 2021, the CAFÉ's A1b2 北京 harbours") == {"harbours", "of", "the", "cafe", "s"}


@pytest.mark.parametrize(
    ("asked", "written"),
    [
        ("2.04 billion", "2,040,000,000 yuan"),
        ("2,040,000,000", "20.4亿元"),
        ("9%", "9 percent"),
        ("9 per cent", "9%"),
        ("Aug 20th", "20 August"),
        ("August 20", "20th of Aug."),
        ("5 September", "2021-09-05"),
        ("three", "3"),
        ("12", "Twelve"),
    ],
)
def test_numbers_and_days_are_found_in_other_writings(asked: str, written: str) -> None:
    kept = set(document_terms(f"It was {written} or so.", language="en"))
    content = [term for term in query_terms(asked, languages=["en"]) if term.content]
    assert content
    assert all(kept & set(term.variants) for term in content)


def test_a_number_is_one_thing_asked_about_and_its_words_are_searched_too() -> None:
    text = "Who has 2.04 billion?"
    terms = query_terms(text, languages=["en"])
    assert [(text[t.start_char : t.end_char], t.content) for t in terms[2:]] == [
        ("2.04 billion", True),
        ("2", False),
        ("04", False),
        ("billion", False),
    ]
    assert [t.variants for t in terms[2:]] == [("2040000000",), ("2",), ("04",), ("billion",)]


def test_a_variant_of_several_words_is_held_where_all_of_them_are() -> None:
    term = Term(0, 3, ("efta", "free trade"))
    assert held(term, {"free", "trade", "x"})
    assert held(term, {"efta"})
    assert not held(term, {"free", "other"})


def test_a_word_ends_where_the_script_changes() -> None:
    assert spelt_terms("SCODA的面积 ports") == [(0, 5, "scoda"), (5, 8, "的面积"), (9, 14, "port")]
