"""Claims against their evidence: what differs is named, what is said in another way is not, a copy is carried."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.encoder import Encoder, load_encoder
from rag.claims import SUPPORTED, Verdict, check_claim
from rag.settings import DEFAULT_ENCODER

CASES = (
    "As of now, a total of 102 breakthrough innovation cases have been formed, of which 48 are national firsts; The "
    "cutting-edge technology industry has signed nearly 500 projects with a total investment of over 600 billion yuan."
)
INVESTMENT = "In 2022 the area took in 2.04 billion US dollars of foreign investment, which is 9% of that of Shanghai."
FOUNDED = "The harbour of Norrwick, led by Ada Brandt, was opened on August 20th, 1974. It was not closed in the war."
CHINESE = "临港新片区2022年实际使用外资20.4亿美元，共有三十五家企业参加。李刚没有参加会议。"


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder(DEFAULT_ENCODER)


def verdict(encoder: Encoder, claim: str, *evidence: str, question: str = "") -> Verdict:
    return check_claim(claim, evidence, encoder=encoder, question=question)


@pytest.mark.parametrize(
    ("claim", "evidence"),
    [
        ("A total of 102 breakthrough innovation cases have been formed.", CASES),
        ("Some 102 innovation cases have been formed, of which 48 are national firsts.", CASES),
        ("The total investment is over 600,000,000,000 yuan.", CASES),
        ("In 2022 the area took in $2,040,000,000 of foreign investment.", INVESTMENT),
        ("That is nine percent of the foreign investment of Shanghai.", INVESTMENT),
        ("The area took in about 2 billion US dollars of foreign investment in 2022.", INVESTMENT),
        ("The harbour of Norrwick was opened on 20 August 1974.", FOUNDED),
        ("The harbour was opened in August 1974.", FOUNDED),
        ("Ada Brandt leads the harbour of Norrwick.", FOUNDED),
        ("The harbour wasn't closed in the war.", FOUNDED),
        ("临港新片区2022年实际使用外资2,040,000,000美元。", CHINESE),
        ("共有35家企业参加。", CHINESE),
        ("李刚没有参加会议。", CHINESE),
    ],
)
def test_what_the_evidence_says_in_another_way_is_supported(encoder: Encoder, claim: str, evidence: str) -> None:
    found = verdict(encoder, claim, evidence)
    assert found.faults == ()
    assert found.support >= SUPPORTED


@pytest.mark.parametrize(
    ("claim", "evidence", "fault"),
    [
        ("A total of 103 breakthrough innovation cases have been formed.", CASES, "103 is not in the passage"),
        ("A total of 48 breakthrough innovation cases have been formed.", CASES, "the passage has 102 here, not 48"),
        ("The total investment is over 600 billion dollars.", CASES, "600 billion is not in the passage"),
        ("The area took in 48.5 billion US dollars.", INVESTMENT, "48.5 billion is not in the passage"),
        ("The area took in 9 billion US dollars.", INVESTMENT, "9 billion is not in the passage"),
        ("In 2021 the area took in 2.04 billion US dollars.", INVESTMENT, "2021 is not in the passage"),
        ("The harbour was opened on August 21st, 1974.", FOUNDED, "August 21st, 1974 is not in the passage"),
        ("The harbour was opened in May 1974.", FOUNDED, "May 1974 is not in the passage"),
        ("The harbour of Norrwick is led by Ada Miller.", FOUNDED, "Ada Miller is not in the passage"),
        ("Kingsport has a harbour that is led by Ada Brandt.", FOUNDED, "Kingsport is not in the passage"),
        ("The harbour of Norrwick was not opened on August 20th, 1974.", FOUNDED, "the passage does not deny it"),
        ("It was closed in the war.", FOUNDED, "the passage denies it"),
        ("临港新片区2022年实际使用外资48.5亿美元。", CHINESE, "48.5亿 is not in the passage"),
        ("临港新片区2021年实际使用外资20.4亿美元。", CHINESE, "2021 is not in the passage"),
        ("李刚参加了会议。", CHINESE, "the passage denies it"),
    ],
)
def test_one_thing_changed_is_named(encoder: Encoder, claim: str, evidence: str, fault: str) -> None:
    found = verdict(encoder, claim, evidence)
    assert fault in found.faults
    assert found.support < SUPPORTED


def test_a_bare_number_is_checked_against_what_the_question_counts(encoder: Encoder) -> None:
    question = "How many breakthrough innovation cases had the area formed?"
    assert verdict(encoder, "102", CASES, question=question).supported
    assert verdict(encoder, "48", CASES, question=question).faults == ("the passage has 102 here, not 48",)


LED = (
    "The harbour of Norrwick is led by Ada Brandt since 2019. Kurt Weber, its former head, has 12 ships in Oslo. "
    "The ferries of Kingsport carry 340 people a day."
)


@pytest.mark.parametrize(
    ("question", "true", "swapped"),
    [
        ("Who leads the harbour of Norrwick?", "Ada Brandt", "Kurt Weber"),
        ("Who has ships in Oslo?", "Kurt Weber", "Ada Brandt"),
        ("How many people do the ferries of Kingsport carry?", "340", "12"),
        ("How many ships does Kurt Weber have?", "12", "340"),
    ],
)
def test_a_bare_answer_is_not_another_one_of_the_same_passage(
    encoder: Encoder, question: str, true: str, swapped: str
) -> None:
    assert verdict(encoder, true, LED, question=question).supported
    assert not verdict(encoder, swapped, LED, question=question).supported


def test_a_sentence_is_not_that_of_another_name_between_the_same_words(encoder: Encoder) -> None:
    found = verdict(encoder, "The harbour of Norrwick is led by Kurt Weber since 2019.", LED)
    assert "the passage has Ada Brandt here, not Kurt Weber" in found.faults
    assert not verdict(encoder, "The ferries of Kingsport carry 12 people a day.", LED).supported


@pytest.mark.parametrize(
    "claim",
    [
        "The head of the harbour of Norrwick is Ada Brandt.",
        "Ada Brandt has been the head of the harbour of Norrwick since 2019.",
    ],
)
def test_a_true_sentence_may_repeat_the_question(encoder: Encoder, claim: str) -> None:
    question = "Who has been the head of the harbour of Norrwick since 2019?"
    assert verdict(encoder, claim, LED, question=question).supported
    assert not verdict(encoder, claim.replace("Ada Brandt", "Kurt Weber"), LED, question=question).supported
    assert not verdict(encoder, f"{claim[:-1]}, in 2018.", LED, question=question).supported


def test_a_sentence_that_repeats_the_question_denies_nothing_of_its_own_accord(encoder: Encoder) -> None:
    evidence = "Few knew the mole, which was not a dam but a wall, and which Ada Brandt built in the harbour."
    question = "Who built the mole in the harbour?"
    assert verdict(encoder, "Ada Brandt built the mole in the harbour.", evidence, question=question).supported
    denied = verdict(encoder, "Ada Brandt has not built the mole in the harbour.", evidence, question=question)
    assert "the passage does not deny it" in denied.faults


def test_what_the_question_denies_is_not_denied_by_the_claim(encoder: Encoder) -> None:
    question = "Who sang 'Won't you bring the ferry home'?"
    claim = "Ada Brandt sang 'Won't you bring the ferry home'."
    evidence = "Bring the ferry home is a song that was sung by Ada Brandt."
    assert verdict(encoder, claim, evidence, question=question).faults == ()


def test_a_day_says_no_number(encoder: Encoder) -> None:
    assert verdict(encoder, "The harbour was opened on the 20th of the month.", FOUNDED).faults == ()
    assert "20 is not in the passage" in verdict(encoder, "The harbour has 20 cranes.", FOUNDED).faults


def test_initials_stand_for_words_in_small_letters(encoder: Encoder) -> None:
    evidence = "Ada Brandt is the chief executive officer of Norrwick Ferries."
    assert verdict(encoder, "Ada Brandt is the CEO of Norrwick Ferries.", evidence).faults == ()
    assert verdict(encoder, "Ada Brandt is the CFO of Norrwick Ferries.", evidence).faults


def test_the_first_of_its_kind_may_go_unsaid(encoder: Encoder) -> None:
    new = "The mole was built by Ada Brandt when nobody had built one."
    assert verdict(encoder, "The first mole was built by Ada Brandt.", new).faults == ()
    second = "The second mole was built by Ada Brandt."
    assert verdict(encoder, "The first mole was built by Ada Brandt.", second).faults


def test_a_question_supports_nothing(encoder: Encoder) -> None:
    question = "Who led the harbour of Kingsport in 1999?"
    found = verdict(encoder, "Ada Brandt led the harbour of Kingsport in 1999.", FOUNDED, question=question)
    assert found.faults == ("1999 is not in the passage", "Kingsport is not in the passage")


def test_titles_and_dates_among_the_evidence_carry_what_they_say(encoder: Encoder) -> None:
    claim = "On August 20th, 2023 Norrwick celebrated its fourth anniversary."
    passage = "On August 20th the town celebrated its fourth anniversary."
    assert verdict(encoder, claim, passage).faults
    assert verdict(encoder, claim, passage, "News from Norrwick", "2023-08-21").faults == ()


def test_abbreviations_and_bent_names_are_the_same_names(encoder: Encoder) -> None:
    evidence = "The United Nations sent Russian observers to the Lin-Gang Special Area."
    for claim in ("The UN sent observers from Russia.", "The United Nations sent observers to Lingang."):
        assert verdict(encoder, claim, evidence).faults == ()


def test_what_speaks_of_something_else_is_not_supported(encoder: Encoder) -> None:
    assert not verdict(encoder, "Cows eat grass on wet meadows.", CASES).supported


@pytest.mark.parametrize(("claim", "evidence"), [("", [CASES]), ("x", []), (CASES, [""]), (" ", [" "])])
def test_nothing_carries_nothing(encoder: Encoder, claim: str, evidence: list[str]) -> None:
    assert check_claim(claim, evidence, encoder=encoder) == Verdict(0.0)


@settings(max_examples=200, deadline=None)
@given(st.text(min_size=1, max_size=120), st.text(max_size=60))
def test_a_text_checked_against_itself_is_always_supported(encoder: Encoder, claim: str, other: str) -> None:
    if claim.strip():
        assert check_claim(claim, [other, claim], encoder=encoder) == Verdict(1.0)


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=80), st.lists(st.text(max_size=80), max_size=3), st.text(max_size=40))
def test_support_is_a_share_and_faults_exclude_it(
    encoder: Encoder, claim: str, evidence: list[str], question: str
) -> None:
    clean = [text.encode(errors="ignore").decode() for text in (claim, question, *evidence)]
    found = check_claim(clean[0], clean[2:], encoder=encoder, question=clean[1])
    assert 0.0 <= found.support <= 1.0
    assert not (found.faults and found.supported)


def test_a_claim_of_signs_alone_is_judged_with_a_question(encoder: Encoder) -> None:
    assert not verdict(encoder, "— …", LED, question="Who leads the harbour?").supported
