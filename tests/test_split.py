"""Passages and sentences are exact spans that together hold the whole text, none larger than the encoder reads."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Sequence
from itertools import accumulate

import pytest
from conftest import SEEDS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sentencex import get_sentence_boundaries

from embeddings.encoder import Encoder, load_encoder
from rag.clean import clean
from rag.schema import Document, Passage, Span
from rag.sentence_ends import record_lines, whole_sentences
from rag.split import CUT, CUTS, MIXED, SEGMENTED_CHARS, SplitLimits, _halves, _pack, _Sentence, find_sentences, split

SMALL = SplitLimits(max_tokens=24, max_chars=120)
USUAL = SplitLimits()
CHINESE = (
    "临港新片区位于上海东南。它成立于二〇一九年八月！区内有多少家企业？目前已超过十万家；其中外资企业占三成。" * 12
)
JAPANESE = "港の灯台は一八七四年に建てられました。光は三十一キロ先まで届きます。灯台守は誰ですか？今は無人です。" * 12
THAI = "ประภาคารถูกสร้างขึ้นในปี 1874 แสงของมันมองเห็นได้จากระยะ 31 กิโลเมตร ท่าเรือมีนักบิน 41 คน " * 20


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    """The default encoder, which says what a token is."""
    return load_encoder()


def passages_of(
    text: str, encoder: Encoder, *, limits: SplitLimits = USUAL, language: str = "und", cleaned: bool = True
) -> list[Passage]:
    """Split a text, check all that has to hold of its passages, and return them."""
    document = Document("d", clean(text) if cleaned else text, language=language)
    passages = split(document, count_tokens=encoder.count_tokens, limits=limits)
    assert_exact(document.text, passages)
    assert_small(passages, encoder.count_tokens([p.text for p in passages]), limits)
    return passages


def assert_exact(text: str, passages: Sequence[Passage]) -> None:
    """Passages and sentences are slices, in order, apart, and leave nothing but white space out."""
    place = 0
    for passage in passages:
        assert passage.text == text[passage.start_char : passage.end_char] != ""
        assert not text[place : passage.start_char].strip()
        inner = passage.start_char
        for sentence in passage.sentences:
            assert inner <= sentence.start_char < sentence.end_char <= passage.end_char
            assert not text[inner : sentence.start_char].strip()
            inner = sentence.end_char
        assert (passage.sentences[0].start_char, inner) == (passage.start_char, passage.end_char)
        place = passage.end_char
    assert not text[place:].strip()


def assert_small(passages: Sequence[Passage], tokens: Sequence[int], limits: SplitLimits) -> None:
    for passage, count in zip(passages, tokens, strict=True):
        assert len(passage.text) <= limits.max_chars
        assert count <= limits.max_tokens, passage.text


# -- properties -------------------------------------------------------------------------------------------------------

ENDS = [
    " ",
    "\n",
    "\n\n",
    ". ",
    "! ",
    "? ",
    "。",
    "！",
    "; ",
    ", ",
    "# ",
    "- ",
    "1. ",
    "| ",
    "Mr. ",
    "e.g. ",
    "\n1. ",
    "(3) ",
    " iv. ",
    "§ 3 ",
    "**",
    ".** ",
    "。2. ",
    "\nKey: ",
    "”",
    "\t",
    "\u00a0",
]
WORDS = [
    "word",
    "Wörter",
    "中文",
    "かな",
    "ไทย",
    "हिन्दी",
    "العربية",
    "🦆",
    "👩‍👩‍👧",
    "a\u0301",
    "x" * 70,
    "3.14",
    "U.S.",
]
PIECES = st.sampled_from([*ENDS, *WORDS])
TEXTS = st.one_of(st.text(max_size=400), st.lists(PIECES, max_size=150).map("".join))


@given(text=TEXTS, language=st.sampled_from(["und", "en", "zh", "ja", "th", "de", "xx"]))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_passages_and_sentences_are_slices_that_cover_any_cleaned_text(
    text: str, language: str, encoder: Encoder
) -> None:
    passages_of(text, encoder, limits=SMALL, language=language)


@given(text=TEXTS)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_splitting_copes_with_text_that_nobody_cleaned(text: str, encoder: Encoder) -> None:
    document = Document("d", text)
    assert_exact(text, split(document, count_tokens=lambda texts: [len(t.split()) for t in texts], limits=SMALL))


@given(text=TEXTS)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_splitting_twice_gives_the_same(text: str, encoder: Encoder) -> None:
    assert passages_of(text, encoder, limits=SMALL) == passages_of(text, encoder, limits=SMALL)


def test_a_text_without_anything_has_no_passages(encoder: Encoder) -> None:
    assert passages_of("", encoder) == []
    assert passages_of(" \n\n ", encoder, cleaned=False) == []


# -- scripts without spaces -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "language", "least"), [(CHINESE, "zh", 40), (JAPANESE, "ja", 40), (CHINESE, "und", 40), (THAI, "th", 2)]
)
def test_a_paragraph_of_a_script_without_spaces_has_several_passages_and_sentences(
    text: str, language: str, least: int, encoder: Encoder
) -> None:
    passages = passages_of(text, encoder, language=language)
    assert len(passages) >= 2
    assert sum(len(p.sentences) for p in passages) >= least


def test_chinese_sentences_end_at_their_marks(encoder: Encoder) -> None:
    (passage,) = passages_of("它成立于二〇一九年。区内有多少家企业？超过十万家！", encoder, language="zh")
    starts = passage.start_char
    sentences = [passage.text[s.start_char - starts : s.end_char - starts] for s in passage.sentences]
    assert sentences == ["它成立于二〇一九年。", "区内有多少家企业？", "超过十万家！"]


# -- headings and paragraphs ------------------------------------------------------------------------------------------


def test_passages_name_the_markdown_heading_above_them(encoder: Encoder) -> None:
    text = "# Harbour\n\nIt has 41 pilots.\n\n## Lighthouse\n\nIt was built in 1874.\n\nIts lamp is bright.\n"
    first, second = passages_of(text, encoder)
    assert (first.heading, first.text) == ("Harbour", "# Harbour\n\nIt has 41 pilots.")
    assert (second.heading, second.text) == (
        "Lighthouse",
        "## Lighthouse\n\nIt was built in 1874.\n\nIts lamp is bright.",
    )


def test_a_line_without_a_full_stop_is_a_heading(encoder: Encoder) -> None:
    text = "It has 41 pilots.\n\nThe lighthouse of Norrwick\n\nIt was built in 1874."
    first, second = passages_of(text, encoder)
    assert (first.heading, second.heading) == (None, "The lighthouse of Norrwick")


def test_a_heading_under_a_heading_stays_with_its_text(encoder: Encoder) -> None:
    (passage,) = passages_of("# Harbour\n\n## Pilots\n\nThere are 41 of them.", encoder)
    assert passage.heading == "Pilots"
    assert passage.text.startswith("# Harbour")


@pytest.mark.parametrize("last", ["A closing line without a full stop", "Anna Berg"])
def test_the_last_line_is_no_heading(last: str, encoder: Encoder) -> None:
    (passage,) = passages_of(f"It has 41 pilots.\n\n{last}", encoder)
    assert passage.heading is None


@pytest.mark.parametrize(
    "line",
    ["- a list item", "1. first of all", "| a | b |", "Posted: 5 May", "Tel. 030 12 34 56 78", "2020-11-05 12:30"],
)
def test_items_fields_and_rows_are_no_headings(line: str, encoder: Encoder) -> None:
    (passage,) = passages_of(f"It has 41 pilots.\n\n{line}\n\nThe end of it.", encoder)
    assert passage.heading is None


def test_hard_wrapped_lines_make_one_paragraph_whose_sentences_run_over_line_ends(encoder: Encoder) -> None:
    first = "The harbour of Norrwick employs\n41 pilots. They brought 6,200\nships into the port in 2022."
    text = f"{first}\n\nNext paragraph."
    (passage,) = passages_of(text, encoder)
    found = [text[s.start_char : s.end_char] for s in passage.sentences]
    assert found == [
        "The harbour of Norrwick employs\n41 pilots.",
        "They brought 6,200\nships into the port in 2022.",
        "Next paragraph.",
    ]


def test_list_items_are_sentences_of_their_own(encoder: Encoder) -> None:
    text = "We sell:\n- rye bread\n- oat cakes\n- barley bread, which is made from barley\n  that grows here"
    (passage,) = passages_of(text, encoder)
    found = [passage.text[s.start_char : s.end_char] for s in passage.sentences]
    assert found[:3] == ["We sell:", "- rye bread", "- oat cakes"]
    assert found[3].endswith("that grows here")


def test_a_line_is_a_paragraph_where_lines_are_not_wrapped(encoder: Encoder) -> None:
    long_line = "The harbour employs pilots who bring ships into the port in every kind of weather. " * 4
    passages = passages_of(f"{long_line}\nA second paragraph follows.\nAnd a third one.", encoder)
    found = [p.text[s.start_char - p.start_char : s.end_char - p.start_char] for p in passages for s in p.sentences]
    assert found[-2:] == ["A second paragraph follows.", "And a third one."]


def test_abbreviations_and_decimals_end_no_sentence(encoder: Encoder) -> None:
    (passage,) = passages_of("Dr. Berg paid 3.5 million to Mr. Smith. He left.", encoder, language="en")
    assert len(passage.sentences) == 2


# -- marks of lists, and what closes something ------------------------------------------------------------------------


def sentences_of(text: str, language: str = "en") -> list[str]:
    return [text[s.start_char : s.end_char] for s in find_sentences(text, Span(0, len(text)), language=language)]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("1. 250 g red lentils", "en"),
        ("## 1. Introduction", "en"),
        ("- 1. Chop the onion.", "en"),
        ("It ends soon.|4. The tenant pays.|5. He goes.", "en"),
        ("It ends soon.|4.2. The tenant pays.", "en"),
        ("a. The first.|b. The second.", "en"),
        ("iv. The fourth.|v. The fifth.", "en"),
        ("§ 3 The tenant pays.|§ 4. The landlord pays.", "en"),
        ("**1.** The tenant pays.|**2.** The landlord pays.", "en"),
        ("1) Chop it.|2) Fry it.", "en"),
        ("(1) Chop it.|(2) Fry it.", "en"),
        ("Step 1. Chop it.|Step 2. Fry it.", "en"),
        ("1. Le locataire paie.|2. Il part.", "fr"),
        ("1. Жилец платит.|2. Он уходит.", "ru"),
        ("Der Vertrag wird beendet.|4. Der Mieter zahlt.|5. Er geht.", "de"),
        ("1. 首先打开。|2. 然后关闭。", "zh"),
        ("1．首先打开。|2．然后关闭。", "zh"),
    ],
)
def test_the_mark_of_a_list_belongs_to_the_sentence_after_it(text: str, language: str) -> None:
    assert "|".join(sentences_of(text.replace(".|", ". ").replace("|", ""), language)) == text


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("It was founded in 1998.|It grew.", "en"),
        ("He scored 4.|Then he left.", "en"),
        ("He plays in World War I.|He dies.", "en"),
        ("J. Smith came.|A. Meyer left.", "en"),
        ("Am 3. Mai ging er.|Am 4. ging sie.", "de"),
        ("Es gilt vgl. 4. Mai.|Er kam.", "de"),
    ],
)
def test_a_number_or_an_initial_inside_a_sentence_is_no_mark(text: str, language: str) -> None:
    assert "|".join(sentences_of(text.replace("|", " "), language)) == text


def test_a_mark_with_nothing_after_it_is_kept() -> None:
    assert sentences_of("It ends soon. 4.") == ["It ends soon.", "4."]


@pytest.mark.parametrize(
    "text",
    [
        "**Q: How long is data kept?**|A: For 90 days.",
        "_He came._|She left.",
        "**He came.**|She left.",
        "They say that he left.)|She stayed.",
        "They say he said “yes.”)|She stayed.",
    ],
)
def test_what_closes_something_belongs_to_the_sentence_that_it_closes(text: str) -> None:
    assert "|".join(sentences_of(text.replace("|", "\n"))) == text


def test_a_mark_that_opens_belongs_to_the_sentence_after_it() -> None:
    assert sentences_of("He came. **She** left. _He_ stayed.") == ["He came.", "**She** left.", "_He_ stayed."]


def test_references_in_brackets_belong_to_the_sentence_before_them() -> None:
    text = "Sinks were the cause (6) (7) (8) . A sink is open."
    assert sentences_of(text) == ["Sinks were the cause (6) (7) (8) .", "A sink is open."]
    text = "Sinks were the cause (6) (7) , and a sink is open."
    assert sentences_of(text) == [text]


def test_a_chinese_sentence_may_begin_with_a_number() -> None:
    assert sentences_of("他来了。2019年他走了。", "zh") == ["他来了。", "2019年他走了。"]
    assert sentences_of("“他来了。2019年他走了。”她说。", "zh")[0].startswith("“他来了。2019年")


def test_the_clauses_of_a_contract_are_paragraphs_of_their_own(encoder: Encoder) -> None:
    (passage,) = passages_of(
        "1. The tenant pays\nthe rent.\n(2) He goes.\n§ 3 The house\nis sold by\n§ 7 of it.", encoder
    )
    found = [
        passage.text[s.start_char - passage.start_char : s.end_char - passage.start_char] for s in passage.sentences
    ]
    assert found == ["1. The tenant pays\nthe rent.", "(2) He goes.", "§ 3 The house\nis sold by\n§ 7 of it."]


# -- lines that are records -------------------------------------------------------------------------------------------

PROSE = (
    "the harbour of Norrwick employs forty pilots who\nbring the ships into the port in every kind\n"
    "of weather and are paid by the guild of Holm from\nthe dues that the masters of those vessels have\n"
    "to leave with the keeper of the old lighthouse\nbefore they may take any load on board"
)


@pytest.mark.parametrize(
    "lines",
    [
        [f"item {n} colour red price {3 * n} euros" for n in range(10)],
        [f"Shelf {n}: books on harbours. Many of them." for n in range(10)],
        [f"{chr(65 + n)}nna {'Berg ' * (n % 4)}lives at number {n} of the street" for n in range(8)],
    ],
    ids=["alike", "fields", "anew"],
)
def test_lines_that_are_records_are_sentences_each(lines: list[str]) -> None:
    found = sentences_of("\n".join(lines))
    assert all("\n" not in sentence for sentence in found)
    assert len(found) >= len(lines)


@pytest.mark.parametrize(
    "text", [PROSE, PROSE + ".", PROSE.replace("dues", "dues: those")], ids=["open", "closed", ":"]
)
def test_wrapped_prose_is_not_cut_at_line_ends(text: str) -> None:
    assert sentences_of(text) == [text]


def test_a_few_short_lines_are_read_together() -> None:
    text = "Signed: Hamburg, 15 January\nFor the supplier: Nadia Petrova\nFor the buyer: Paul Brandt"
    assert sentences_of(text) == [text]


def test_lines_too_many_for_a_passage_are_cut_at_their_ends(encoder: Encoder) -> None:
    lines = [f"and item {n}, which is {'quite ' * (n % 5)}red; costs {n} euros" for n in range(80)]
    for passage in passages_of("\n".join(lines), encoder):
        assert set(passage.text.strip("\n").split("\n")) <= set(lines)


@pytest.mark.parametrize(
    "unit",
    ["1. ", "(1) ", "a. ", "**", ".** ", "。1", "“。1", "§ 3. ", "Step 1. ", "iv. ", "A: b\n", "x (1) ", "aaaa. 1. "],
)
def test_marks_without_end_are_looked_at_once(unit: str) -> None:
    def seconds(times: int) -> float:
        text = unit * times
        pieces = [(at, at + len(unit)) for at in range(0, len(text), len(unit))]
        started = time.process_time()
        assert list(whole_sentences(text, pieces))[-1][1] == len(text)
        record_lines(text)
        return time.process_time() - started

    # Ten times the text takes about ten times as long; were it looked at again and again, a hundred times.
    assert min(seconds(20_000) for _ in range(2)) < 40 * max(min(seconds(2_000) for _ in range(3)), 0.002)


# -- sizes ------------------------------------------------------------------------------------------------------------


def test_passages_of_prose_are_about_as_long_as_the_limits_say(encoder: Encoder) -> None:
    text = "\n\n".join("The harbour of Norrwick employs many pilots in the winter. " * 4 for _ in range(30))
    sizes = encoder.count_tokens([p.text for p in passages_of(text, encoder)])
    assert all(USUAL.max_tokens / 2 <= size <= USUAL.max_tokens for size in sizes[:-1])


def test_a_paragraph_that_fits_is_never_cut_to_fill_up_the_passage_before(encoder: Encoder) -> None:
    paragraphs = [" ".join(f"The pilots of port {m} led {n} ships in." for n in range(30, 44)) for m in range(6)]
    assert all(len(p) < USUAL.max_chars < 2 * len(p) for p in paragraphs)
    assert [p.text for p in passages_of("\n\n".join(paragraphs), encoder)] == paragraphs


def test_short_paragraphs_share_a_passage(encoder: Encoder) -> None:
    (passage,) = passages_of("The harbour is old.\n\nIts pilots are not.\n\nThey are all under forty.", encoder)
    assert len(passage.sentences) == 3


def test_a_paragraph_too_long_for_a_passage_is_cut_into_parts_of_like_size(encoder: Encoder) -> None:
    long = " ".join(f"The pilots of Norrwick brought {n} ships in." for n in range(30, 55))
    first, second = passages_of(long, encoder)
    assert abs(len(first.text) - len(second.text)) < len(long) / 5


def test_a_heading_stays_with_the_paragraph_under_it(encoder: Encoder) -> None:
    one, other = (" ".join(f"The pilots of port {m} led {n} ships in." for n in range(30, 44)) for m in range(2))
    found = passages_of(f"{one}\n\n## Pay\n\n{other}", encoder)
    assert [p.text for p in found] == [one, f"## Pay\n\n{other}"]


def words_of_passages(*paragraphs: Sequence[int]) -> list[int]:
    """Return how many words the passages have, of at most 100, of paragraphs whose sentences have the given numbers."""
    text = "\n\n".join(" ".join(f"We{' see' * (words - 1)}." for words in paragraph) for paragraph in paragraphs)
    limits = SplitLimits(max_tokens=100, max_chars=10_000)
    found = split(Document("d", text), count_tokens=lambda texts: [len(t.split()) for t in texts], limits=limits)
    return [len(passage.text.split()) for passage in found]


def test_a_break_inside_a_paragraph_costs_even_where_passages_are_mixed_anyway() -> None:
    # Whole: 0.95^2 + 0 + 0.7^2 = 1.39. Broken: 0.45^2 + 0.2^2 + 2 x 0.5 for mixing = 1.24, and 0.2 for the break.
    assert words_of_passages([5], [50, 50], [30]) == [5, 100, 30]


def test_a_piece_of_a_paragraph_beside_another_paragraph_costs() -> None:
    # Whole: 0.8^2 + 0 = 0.64. Broken: 0.3^2 + 0.5^2 + 0.2 for the break = 0.54, and 0.5 for mixing.
    assert words_of_passages([20], [50, 50]) == [20, 100]


def test_a_paragraph_is_broken_where_that_is_cheaper_than_passages_almost_empty() -> None:
    # Whole: 0.99^2 + 0 + 0.99^2 = 1.96. Broken: 2 x 0.49^2 + 2 x 0.5 for mixing + 0.2 for the break = 1.68.
    assert words_of_passages([1], [50, 50], [1]) == [51, 51]


@pytest.mark.parametrize(
    "text",
    [
        "word " * 10_000,
        "x" * 5_000,
        "字" * 5_000,
        "ก" * 5_000,
        "; ".join("a clause of some length" for _ in range(2_000)),
        "https://example.org/" + "path/" * 1_000,
        "e\u0301\u0323" * 1_500,
        "🦆" * 3_000,
        "1,234.5 " * 2_000,
        "- \n" * 500,
    ],
    ids=lambda text: text[:8],
)
def test_a_sentence_or_word_beyond_all_limits_is_cut_into_pieces_that_fit(text: str, encoder: Encoder) -> None:
    passages_of(text, encoder)
    passages_of(text, encoder, limits=SMALL)


def test_an_endless_sentence_is_cut_where_clauses_end(encoder: Encoder) -> None:
    text = "; ".join(f"clause number {n} has words" for n in range(200))
    for passage in passages_of(text, encoder):
        assert passage.text.endswith((";", "words"))
        assert passage.text.startswith("clause")


def test_no_cut_parts_a_letter_from_its_accent(encoder: Encoder) -> None:
    for passage in passages_of("x\u0323\u0301" * 700, encoder, limits=SMALL):
        assert all(passage.text[s.start_char - passage.start_char] == "x" for s in passage.sentences)


@pytest.mark.parametrize("language", ["en", "zh", "und", "xx", "fr"])
def test_sentences_are_found_in_the_paragraph_alone(language: str) -> None:
    text = "Before it. One sentence. Another one. After it."
    spans = list(find_sentences(text, Span(11, 37), language=language))
    assert [text[s.start_char : s.end_char] for s in spans] == ["One sentence.", "Another one."]


# -- the definition, whatever the shortcuts ---------------------------------------------------------------------------


def defined_runs(sentences: Sequence[_Sentence], limits: SplitLimits) -> list[Sequence[_Sentence]]:
    """Return the runs that cost least, of equals the last one longest: every begin of every run is tried."""
    tokens = [0, *accumulate(s.tokens for s in sentences)]
    ends = [True, *(s.ends_paragraph for s in sentences)]
    ends[-1] = True
    paragraphs = [0, *accumulate(ends[1:])]

    def cost(begin: int, end: int) -> float:
        chars = sentences[end - 1].span.end_char - sentences[begin].span.start_char
        size = max((tokens[end] - tokens[begin]) / limits.max_tokens, chars / limits.max_chars)
        if size > 1.0 and end - begin > 1:
            return math.inf
        broken = not (ends[begin] and ends[end])
        mixed = broken and paragraphs[end - 1] > paragraphs[begin]
        return max(0.0, 1.0 - size) ** 2 + CUT * (not ends[end]) + MIXED * mixed

    least: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(sentences) + 1):
        least.append(min((least[begin][0] + cost(begin, end), begin) for begin in range(end)))
    runs: list[Sequence[_Sentence]] = []
    end = len(sentences)
    while end:
        begin = least[end][1]
        runs.append(sentences[begin:end])
        end = begin
    return runs[::-1]


def defined_cut(text: str, span: Span) -> tuple[int, int] | None:
    """Return where the first half ends and the second begins: of all places the nearest to the middle."""
    start, end = span.start_char, span.end_char
    quarter, middle = (end - start) // 4, (start + end) // 2
    for pattern in CUTS:
        places = [m for m in pattern.finditer(text, start + quarter, end - quarter) if start < m.start() < end]
        if places:
            return min(places, key=lambda m: abs(m.start() - middle)).span()
    return None


# Few sizes, so that many ways to break cost the same; some beyond the limits of 24 tokens and 120 characters.
SENTENCES = st.lists(st.tuples(st.sampled_from([0, 1, 6, 12, 24, 30]), st.integers(1, 4), st.booleans()), max_size=60)


@given(rows=SENTENCES, unit=st.sampled_from([1, 10, 30, 40]))
@settings(max_examples=500, deadline=None)
def test_runs_are_those_of_the_definition_ties_included(rows: list[tuple[int, int, bool]], unit: int) -> None:
    sentences, place = [], 0
    for tokens, length, ends in rows:
        sentences.append(_Sentence(Span(place, place + length * unit), tokens, ends))
        place += length * unit + 1 + ends
    assert _pack(sentences, limits=SMALL) == defined_runs(sentences, SMALL)


def test_passages_of_the_seeds_are_those_of_the_definition(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [Document(p.name, clean(p.read_text(encoding="utf-8"))) for p in SEEDS.rglob("*") if p.is_file()]
    found = [split(d, count_tokens=encoder.count_tokens, limits=USUAL) for d in documents]
    monkeypatch.setattr("rag.split._pack", lambda sentences, *, limits: defined_runs(sentences, limits))
    assert sum(map(len, found)) > len(documents) > 0
    assert found == [split(d, count_tokens=encoder.count_tokens, limits=USUAL) for d in documents]


@given(
    text=st.lists(st.sampled_from(["a", "a", " ", "   ", ",", "; ", "| ", "，"]), min_size=2, max_size=120).map(
        "".join
    ),
    near=st.sampled_from([1, 2, 7, 200]),
    aside=st.integers(0, 3),
)
@settings(max_examples=500, deadline=None)
def test_halves_are_cut_at_the_place_of_all_that_is_nearest_to_the_middle(text: str, near: int, aside: int) -> None:
    span = Span(min(aside, len(text) - 2), len(text))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rag.split.NEAR_CHARS", near)
        left, right = _halves(text, span)
    assert (left.start_char, right.end_char) == (span.start_char, span.end_char)
    cut = defined_cut(text, span)
    middle = (span.start_char + span.end_char) // 2
    assert (left.end_char, right.start_char) == (cut or (middle, middle))


def test_halving_a_huge_text_reads_its_middle_alone() -> None:
    class Counted:
        def __init__(self, pattern: re.Pattern[str]) -> None:
            self.pattern, self.seen = pattern, 0
            self.match = pattern.match

        def finditer(self, text: str, start: int, end: int):
            for found in self.pattern.finditer(text, start, end):
                self.seen += 1
                yield found

    spaces = Counted(CUTS[-1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rag.split.CUTS", (spaces,))
        _halves("word " * 1_000_000, Span(0, 5_000_000))
    assert spaces.seen < 1_000


def test_thousands_of_marks_on_one_letter_are_split_as_any_long_word(encoder: Encoder) -> None:
    text = "a" + "\u0301" * 20_000
    document = Document("a", text)
    assert_exact(text, split(document, count_tokens=encoder.count_tokens, limits=USUAL))


# pages


def test_a_passage_has_the_page_that_each_of_its_sentences_begins_on(encoder: Encoder) -> None:
    first = "# Boats\n\nThe larger boat was built in 1998. The smaller one goes on over"
    rest = " the end of its page. It was bought in 2011.\n\nBoth are painted in March."
    document = Document("a", first + rest, page_starts=(0, len(first) + 1, len(first) + 1))
    passages = split(document, count_tokens=encoder.count_tokens, limits=USUAL)
    assert_exact(document.text, passages)
    pages = {document.text[s.start_char : s.end_char]: p.page for p in passages for s in p.sentences}
    assert pages == {
        "# Boats": 1,
        "The larger boat was built in 1998.": 1,
        "The smaller one goes on over the end of its page.": 1,
        # The second page is empty: what follows is on the third.
        "It was bought in 2011.": 3,
        "Both are painted in March.": 3,
    }


def test_a_text_without_pages_has_none(encoder: Encoder) -> None:
    assert {p.page for p in passages_of("One sentence. And another.", encoder)} == {None}


def test_a_paragraph_read_piece_by_piece_has_the_sentences_of_the_whole() -> None:
    text = " ".join(" ".join(path.read_text(encoding="utf-8") for path in sorted(SEEDS.glob("*.txt"))).split())
    assert len(text) > 4 * SEGMENTED_CHARS
    whole = [text[b["start_index"] : b["end_index"]].strip() for b in get_sentence_boundaries("en", text)]
    spans = find_sentences(text, Span(0, len(text)), language="en")
    assert [text[s.start_char : s.end_char] for s in spans] == [sentence for sentence in whole if sentence]


def test_no_more_than_a_piece_of_a_long_paragraph_is_looked_through_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    # What sentencex takes grows with the square of what is between sentences, and this is all between them.
    hostile = "<!--" * SEGMENTED_CHARS
    looked_at: list[int] = []

    def counted(language: str, text: str) -> object:
        looked_at.append(len(text))
        return get_sentence_boundaries(language, text)

    monkeypatch.setattr("rag.split.sentencex.get_sentence_boundaries", counted)
    spans = list(find_sentences(hostile, Span(0, len(hostile)), language="en"))
    assert "".join(hostile[s.start_char : s.end_char] for s in spans) == hostile
    assert max(looked_at) <= SEGMENTED_CHARS
    assert sum(looked_at) < 2 * len(hostile)
