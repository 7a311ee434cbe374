"""Sources that give different values for the same thing, on real libraries with the real encoder."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag import Answer, Document
from tests.conftest import HARBOUR, MakeLibrary

OLD = Document(
    id="old.md",
    title="The ferry to Holm",
    date="2019-04-01",
    language="en",
    text="The ferry to Holm carries 120 passengers on each crossing. It was built in the yard of Ryd.",
)


def changed(document: Document, before: str, after: str, *, date: str | None = "2023-06-30") -> Document:
    assert before in document.text
    return replace(document, id="new.md", date=date, text=document.text.replace(before, after))


def ask(make_library: MakeLibrary, question: str, *documents: Document) -> Answer:
    return make_library(*documents).ask(question, threshold=0.0)


@pytest.mark.parametrize(
    ("text", "before", "after", "question"),
    [
        (OLD.text, "120", "180", "How many passengers does the ferry to Holm carry?"),
        (OLD.text, "120", "ninety", "How many passengers does the ferry to Holm carry?"),
        (
            "The bridge of Ryd was opened on 3 May 1922.",
            "3 May 1922",
            "7 June 1924",
            "When was the bridge of Ryd opened?",
        ),
        (
            "The bridge of Ryd cost $2.5 million.",
            "$2.5 million",
            "$4.1 million",
            "How much did the bridge of Ryd cost?",
        ),
        ("The bridge of Ryd spans 410 metres.", "410", "430", "How long is the bridge of Ryd?"),
        (
            "About 12% of the harbour's income is rent.",
            "12%",
            "31%",
            "What percentage of the harbour's income is rent?",
        ),
        ("磨坊街的面包店有41名员工。", "41", "56", "磨坊街的面包店有多少名员工？"),
    ],
)
def test_a_changed_value_in_a_newer_document_is_shown_beside_the_old_one(
    make_library: MakeLibrary, text: str, before: str, after: str, question: str
) -> None:
    old = replace(OLD, text=text, language="zh" if "面" in text else "en")
    answer = ask(make_library, question, old, changed(old, before, after))
    (disagreement,) = answer.disagreements
    newest, oldest = disagreement.readings
    assert (newest.date, newest.newest, oldest.date, oldest.newest) == ("2023-06-30", True, "2019-04-01", False)
    cited = {c.number: c for c in answer.citations}
    assert cited[newest.citation].document_id == "new.md"
    assert cited[oldest.citation].document_id == "old.md"
    for reading in disagreement.readings:
        citation = cited[reading.citation]
        mark = citation.highlight
        assert mark is not None
        start, end = mark.start_char - citation.start_char, mark.end_char - citation.start_char
        assert citation.quote[start:end] == reading.value
    assert answer.text.count(oldest.value) == answer.text.count(newest.value) == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("2.04 billion", "2,040,000,000"),
        ("2.04 billion", "2.04 billion"),
        ("2.04 billion", "about 2 billion"),
    ],
)
def test_another_writing_of_the_same_number_is_no_disagreement(
    make_library: MakeLibrary, before: str, after: str
) -> None:
    old = replace(OLD, text="The port handled 2.04 billion crates of herring.")
    question = "How many crates of herring did the port handle?"
    assert not ask(make_library, question, old, changed(old, before, after)).disagreements


@pytest.mark.parametrize("after", ["20 August 1922", "Aug 20th, 1922", "1922", "August 1922", "1922-08-20"])
def test_another_writing_or_a_part_of_the_same_day_is_no_disagreement(make_library: MakeLibrary, after: str) -> None:
    old = replace(OLD, text="The bridge of Ryd was opened on August 20, 1922.")
    new = changed(old, "August 20, 1922", after)
    assert not ask(make_library, "When was the bridge of Ryd opened?", old, new).disagreements


@pytest.mark.parametrize(
    "other",
    [
        "The ferry to Lund carries 300 passengers on each crossing.",
        "The ferry to Holm carries 90 cars on each crossing.",
        "The bus to Holm has 60 seats and leaves twice a day.",
    ],
)
def test_a_value_of_something_else_is_no_disagreement(make_library: MakeLibrary, other: str) -> None:
    question = "How many passengers does the ferry to Holm carry?"
    assert not ask(make_library, question, OLD, replace(OLD, id="new.md", text=other)).disagreements


def test_values_of_different_years_are_no_disagreement(make_library: MakeLibrary) -> None:
    old = replace(OLD, text="In 2021 the harbour of Holm employed 41 pilots.")
    new = replace(old, id="new.md", text="In 2022 the harbour of Holm employed 43 pilots.")
    assert not ask(make_library, "How many pilots did the harbour of Holm employ?", old, new).disagreements


def test_none_is_called_the_newest_where_a_date_is_missing(make_library: MakeLibrary) -> None:
    new = changed(OLD, "120", "180", date=None)
    (disagreement,) = ask(make_library, "How many passengers does the ferry to Holm carry?", OLD, new).disagreements
    assert {r.value for r in disagreement.readings} == {"120", "180"}
    assert not any(r.newest for r in disagreement.readings)


def test_one_document_does_not_disagree_with_itself(make_library: MakeLibrary) -> None:
    text = "The ferry to Holm carries 120 passengers. The ferry to Holm carries 130 passengers."
    question = "How many passengers does the ferry to Holm carry?"
    assert not ask(make_library, question, replace(OLD, text=text), HARBOUR).disagreements


@pytest.mark.parametrize("number", ["120", "180"])
def test_a_question_for_yes_or_no_gets_neither_where_sources_disagree(make_library: MakeLibrary, number: str) -> None:
    question = f"Does the ferry to Holm carry {number} passengers on each crossing?"
    answer = ask(make_library, question, OLD, changed(OLD, "120", "180"))
    assert answer.sentences[0].text not in ("Yes.", "No.")
    (disagreement,) = answer.disagreements
    assert [r.value for r in disagreement.readings] == ["180", "120"]


def test_a_question_on_one_year_is_not_answered_with_the_number_of_another(make_library: MakeLibrary) -> None:
    old = replace(OLD, text="The ferry to Holm carried 120 passengers in 2019.")
    new = replace(OLD, id="new.md", text="The ferry to Holm carried 180 passengers in 2021.")
    answer = ask(make_library, "Did the ferry to Holm carry 120 passengers in 2019?", old, new)
    assert answer.disagreements == ()
    assert answer.sentences[0].text == "Yes."


@pytest.mark.parametrize(
    ("old", "new", "question"),
    [
        (
            ("Fees 2021", "The yearly fee is 30 euros."),
            ("Fees 2022", "The yearly fee is 36 euros."),
            "What was the yearly fee in 2021?",
        ),
        (
            ("Fees 2021", "The yearly fee is 30 euros."),
            ("Fees 2022", "The yearly fee is 36 euros."),
            "What is the yearly fee?",
        ),
        (
            ("Saw", "The saw K20 is blue. The blade lasts 40 hours."),
            ("Saws", "The saw K30 is red. The blade lasts 60 hours."),
            "How long does the blade of the K20 last?",
        ),
        (
            ("Saw", "The saw K20 is blue. The blade lasts 40 hours."),
            ("Saws", "The saw K30 is red. The blade lasts 60 hours."),
            "How long does the blade last?",
        ),
        (
            ("Handbook of the Wren 200", "The tank holds 12 litres."),
            ("Handbook of the Wren 400", "The tank holds 19 litres."),
            "How much does the tank hold?",
        ),
        (
            ("Mill", "In 2020 the mill was rebuilt. The mill employs 14 people."),
            ("The mill", "In 2021 the mill was sold. The mill employs 19 people."),
            "How many people does the mill employ?",
        ),
    ],
)
def test_values_of_different_years_and_models_are_no_disagreement(
    make_library: MakeLibrary, old: tuple[str, str], new: tuple[str, str], question: str
) -> None:
    documents = [
        replace(OLD, id=f"{n}.md", title=title, text=text, date=None) for n, (title, text) in enumerate((old, new))
    ]
    assert ask(make_library, question, *documents).disagreements == ()


@pytest.mark.parametrize("titles", [("Fees", "Fees"), ("Fees 2022", "Fees 2022, corrected"), ("Fees 2022", "Fees")])
def test_values_of_the_same_year_or_of_one_that_is_not_told_do_disagree(
    make_library: MakeLibrary, titles: tuple[str, str]
) -> None:
    documents = [
        replace(OLD, id=f"{n}.md", title=title, text=f"The yearly fee is {30 + 6 * n} euros.", date=None)
        for n, title in enumerate(titles)
    ]
    (disagreement,) = ask(make_library, "What is the yearly fee?", *documents).disagreements
    assert {reading.value for reading in disagreement.readings} == {"30 euros", "36 euros"}
