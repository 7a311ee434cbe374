"""What canonical text keeps and what it drops, on the seeds, on texts written for the purpose, and as properties."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.clean import clean, clean_marked

SEEDS = sorted((Path(__file__).parents[1] / "seeds").glob("*.txt"))
CAPTION = "The harbour seen from the old lighthouse | Photo archive"
HIDDEN = "\u200b\u00ad\ufeff\u202e\x07"

LINES = st.sampled_from(
    [
        *(
            "",
            " ",
            "---",
            "title: A day",
            "```",
            CAPTION,
            CAPTION + HIDDEN,
            "Powered by Some CMS 1.0 ©2008-2024",
            "short",
        ),
        *(
            "Speaker: I have no memory of that meeting.",
            "Speaker: I was at home.",
            "| a | b |",
            "a\u0301",
            "م\u200cی",
            "\u2029",
        ),
        *(
            "Do not go gentle into that good night,",
            "Old age should burn and rave at close of day;",
            "新区以制度型开放推动高质量发展迈上台阶",
        ),
    ]
)
MESSY = st.one_of(st.text(), st.lists(st.one_of(LINES, st.text(max_size=5))).map("\n".join))


def words(text: str) -> list[str]:
    return text.split()


# properties


@given(MESSY)
def test_cleaning_twice_equals_cleaning_once(text: str) -> None:
    once = clean(text)
    assert clean(once) == once


@given(MESSY)
def test_canonical_text_has_one_kind_of_space_and_line_end_and_no_ragged_edges(text: str) -> None:
    text = clean(text)
    assert not re.search(r"[^\S\n ]| \n|\n |  |\n\n\n", text)
    assert text == text.strip()
    assert unicodedata.is_normalized("NFC", text)
    assert not any(unicodedata.category(c) in {"Cc", "Cs"} for c in text.replace("\n", ""))


@given(st.lists(st.text("abcdefgh,.", min_size=1, max_size=10), unique=True))
def test_paragraphs_that_stand_once_survive_as_they_are(paragraphs: list[str]) -> None:
    text = "\n\n".join(paragraphs)
    assert clean(text) == text


# characters


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ("a\r\nb\rc\u2028d\x85e", "a\nb\nc\nd\ne"),
        ("a\u2029b\fc", "a\n\nb\n\nc"),
        ("a\u00a0\u3000\t\u2009b", "a b"),
        ("  a  \n\n\n \n\n b\n\n", "a\n\nb"),
        ("cafe\u0301", "caf\u00e9"),
        ("ﬁ x² Ａ", "ﬁ x² Ａ"),
        ("\ufeffso\u00adft zero\u200bwidth", "soft zerowidth"),
        ("a\u202egnp.exe\u202c\u2066b\u2069\u200e", "agnp.exeb"),
        ("bell\x07 nul\0 del\x7f c1\x9b", "bell nul del c1"),
        ("e\u200b\u0301", "\u00e9"),
        ("a\ud800b", "ab"),
        ("", ""),
        (" \n\u200b\n", ""),
    ],
)
def test_characters_are_folded(raw: str, canonical: str) -> None:
    assert clean(raw) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "می\u200cروم",  # Persian, a prefix kept apart
        "क्\u200dष",  # Devanagari, a half form
        "ന്\u200d",  # Malayalam, a final letter as it was written before Unicode 5.1
        "👩\u200d👩\u200d👧",
        "🏳️\u200d🌈",
        "🧑🏽\u200d🚀",
    ],
)
def test_joiners_stay_where_the_script_needs_them(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    ("raw", "canonical"), [("in\u200cvisible", "invisible"), ("a\u200d b", "a b"), ("می\u200c روم", "می روم")]
)
def test_joiners_go_where_they_only_hide_a_word(raw: str, canonical: str) -> None:
    assert clean(raw) == canonical


# repeated lines


def test_a_caption_that_stands_three_times_is_kept_where_it_stands_first() -> None:
    text = f"{CAPTION}\n\nOne.\n\n{CAPTION}\n\nTwo.\n\n{CAPTION}\n\nThree."
    assert clean(text) == f"{CAPTION}\n\nOne.\n\nTwo.\n\nThree."


def test_a_caption_between_lines_without_blank_ones_is_kept_once_too() -> None:
    paragraph = (
        "The fishing boats come back before noon, and the market on the quay closes an hour later than it used to."
    )
    text = "\n".join(f"{CAPTION}\n{number}. {paragraph}" for number in range(4))
    assert clean(text).count(CAPTION) == 1
    assert clean(text).count(paragraph) == 4


def test_a_caption_that_stands_twice_apart_stays() -> None:
    text = f"{CAPTION}\n\nOne.\n\n{CAPTION}\n\nTwo."
    assert clean(text) == text


@pytest.mark.parametrize("gap", ["\n", "\n\n", "\n \n\n"])
def test_a_headline_that_stands_twice_in_a_row_is_kept_once(gap: str) -> None:
    assert clean(f"One.\n\n{CAPTION}{gap}{CAPTION}\n\nTwo.") == f"One.\n\n{CAPTION}\n\nTwo."


def test_copies_that_differ_only_in_space_or_hidden_characters_are_copies() -> None:
    text = f"{CAPTION}\n\nOne.\n\n  {CAPTION}{HIDDEN}\n\nTwo.\n\n{CAPTION.replace(' ', chr(160))}"
    assert clean(text) == f"{CAPTION}\n\nOne.\n\nTwo."


def test_an_east_asian_caption_counts_two_columns_a_character() -> None:
    caption = "新区以制度型开放推动高质量发展"
    assert (
        clean("\n\n".join([caption, "一。", caption, "二。", caption, "三。"])) == f"{caption}\n\n一。\n\n二。\n\n三。"
    )


@pytest.mark.parametrize(
    "line",
    [
        "Short refrain, sung again",
        "| Pudong New Area | open to traffic | none |",
        "## Frequently asked questions and answers",
        "- Runs on every supported operating system",
        "2. Runs on every supported operating system",
        "> Quoted words of a witness that come back",
        "connection.close(timeout=default_timeout)",
        'log.error("the connection to the server was lost")',
        "return the_value_of_the_longest_expression;",
        "2024-04-15 10:31:07 0.25 0.25 1,024 17 OK passed",
    ],
)
def test_lines_with_a_structure_of_their_own_stay_each_time(line: str) -> None:
    text = "\n\n".join([line, "One.", line, "Two.", line, line, "Three."])
    assert clean(text) == text


def test_verse_stays_whole() -> None:
    stanza = (
        "And here the ferry turned again for home\nWith lanterns swaying over {0},\nWith nobody aboard to watch {0}."
    )
    text = "\n\n".join(stanza.format(what) for what in ("quiet water", "broken water", "silver water"))
    assert clean(text) == text


def test_turns_of_a_dialogue_stay() -> None:
    denial = "Mr Hale: I have no memory of that meeting."
    text = "\n\n".join(
        [denial, "Counsel: And of the letter?", denial, "Counsel: The telephone?", denial, "Mr Hale: I was at home."]
    )
    assert clean(text) == text


def test_fields_of_records_stay() -> None:
    records = [f"Case: {n}\nStatus: approved by the board of directors" for n in range(4)] + [
        "Case: 5\nStatus: rejected"
    ]
    text = "\n\n".join(records)
    assert clean(text) == text


def test_a_credit_that_is_always_the_same_is_kept_once() -> None:
    credit = "Source: the statistical office of the province"
    assert clean("\n\n".join([credit, "One.", credit, "Two.", credit, "Three."])).count(credit) == 1


def test_fenced_code_stays_but_for_its_indentation() -> None:
    line = "say the same words again and again and again"
    text = "```\n" + f"{line}\n" * 4 + "```"
    assert clean(text) == text


def test_a_product_footer_goes_only_from_the_end_and_a_sentence_stays() -> None:
    footer = "Powered by Some CMS 7.2.0 ©2008-2024"
    assert clean(f"Text.\n\n{footer}\n") == "Text."
    assert clean(f"{footer}\n\nText.") == f"{footer}\n\nText."
    sentence = "Powered by the sun, the station runs all winter."
    assert clean(f"Text.\n\n{sentence}") == f"Text.\n\n{sentence}"


# front matter


def test_front_matter_goes() -> None:
    assert clean("---\ntitle: A day\ntags:\n  - sea\n# note\ndate: 2024-04-15\n---\n\n# A day\n") == "# A day"


@pytest.mark.parametrize(
    "text",
    [
        "---\nNote: not front matter.\n---\nText.",
        "---\nA sentence between rules.\ntitle: none\n---\nText.",
        "---\nText without an end.\ntitle: A",
        "Text.\n\n---\ntitle: A\n---",
    ],
)
def test_text_between_rules_stays(text: str) -> None:
    assert clean(text) == text


# the seeds


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.name[:3])
def test_no_sentence_of_a_seed_is_lost(path: Path) -> None:
    raw = path.read_text("utf-8")
    canonical = clean(raw)
    lines = {" ".join(line.split()) for line in raw.splitlines()} - {""}
    lost = {line for line in lines if line not in canonical.splitlines()}
    assert lost <= {"Powered by MetInfo 7.2.0 ©2008-2024"}
    assert canonical.count("\n\n") >= raw.strip().count("\n\n") // 2


def test_the_seed_with_repeated_captions_has_each_line_once() -> None:
    canonical = clean(SEEDS[1].read_text("utf-8"))
    lines = [line for line in canonical.splitlines() if line]
    assert len(lines) == len(set(lines))
    assert lines[0].startswith("How can Lingang New Area do a good job")


def test_each_teaser_of_the_seed_is_a_headline_with_its_body_below() -> None:
    paragraphs = clean(SEEDS[1].read_text("utf-8")).split("\n\n")
    teasers = paragraphs[-10:]
    starts = [
        ("Why do people choose", "Although only 28"),
        ("It is expected that", "On June 30th"),
        ("Why Shanghai's", "In summer"),
        ("Do young people", "On the afternoon"),
        ("The outdoor space", "On June 13th"),
    ]
    for (headline, body), (headline_start, body_start) in zip(
        zip(teasers[::2], teasers[1::2], strict=True), starts, strict=True
    ):
        assert headline.startswith(headline_start)
        assert body.startswith(body_start)
        assert "\n" not in headline


def test_the_other_seeds_keep_every_word_but_the_footer() -> None:
    for path in (SEEDS[0], SEEDS[2], SEEDS[3], SEEDS[4]):
        raw = unicodedata.normalize("NFC", path.read_text("utf-8")).removesuffix("Powered by MetInfo 7.2.0 ©2008-2024")
        assert words(clean(raw)) == words(raw)


# places


@given(
    st.lists(
        st.lists(
            st.sampled_from(
                [
                    "  Words of page {0}, line {1}. ",
                    "\tTab\u00a0and e\u0301 of {0} and {1}\r",
                    "A running head that stands on every page of it",
                    "---",
                    "\u200b",
                    "Powered by Something 7 ©2008 of {0}",
                    "",
                ]
            ),
            max_size=6,
        ),
        min_size=1,
        max_size=5,
    )
)
def test_pages_begin_in_canonical_text_where_their_first_kept_line_does(pages: list[list[str]]) -> None:
    raw = ["\n".join(line.format(f"p{n}", f"l{m}") for m, line in enumerate(page)) for n, page in enumerate(pages)]
    starts, text = [], ""
    for page in raw:
        starts.append(len(text))
        text += page + "\n\n"
    canonical, places = clean_marked(text, starts)
    assert canonical == clean(text)
    assert list(places) == sorted(places)
    ends = [*places[1:], len(canonical)]
    for number, (start, end) in enumerate(zip(places, ends, strict=True)):
        named = set(re.findall(r"p(\d)", canonical[start:end]))
        assert named <= {str(number)}
        assert start == len(canonical) or not canonical[start].isspace()


def test_a_page_may_begin_inside_of_a_line() -> None:
    text = "  One  two.\nThree \u200b four   five six."
    canonical, (place,) = clean_marked(text, [text.index("five")])
    assert canonical[place:] == "five six."
