"""Extractive answers and refusals, on real libraries with the real encoder."""

from __future__ import annotations

from statistics import median

import pytest

from rag import Document, Library
from tests.conftest import MakeLibrary


def test_the_sentence_that_answers_comes_first_verbatim(town_library: Library) -> None:
    answer = town_library.ask("How many pilots does the harbour of Norrwick employ?")
    assert not answer.abstained
    assert answer.sentences[0].text == "The harbour of Norrwick employs 41 pilots."
    assert answer.sentences[0].citations == (1,)


@pytest.mark.parametrize(
    ("question", "inside"),
    [
        ("Who built the lighthouse of Norrwick?", "Ada Lindqvist"),
        ("When was the pilot station moved to the northern pier?", "March 2019"),
        ("How far can the lamp of the lighthouse be seen?", "31 kilometres"),
    ],
)
def test_the_fitting_sentence_wins(town_library: Library, question: str, inside: str) -> None:
    answer = town_library.ask(question, threshold=0.0)
    assert inside in answer.citations[0].quote


def test_an_unrelated_question_is_refused_with_a_reason_and_the_nearest_passages(town_library: Library) -> None:
    answer = town_library.ask("How long should sourdough prove before it goes into the oven?")
    assert answer.abstained
    assert answer.text == answer.reason != ""
    assert not answer.sentences
    assert not answer.citations
    assert answer.hits


def test_a_changed_year_lowers_the_confidence_and_is_named(town_library: Library) -> None:
    true = town_library.ask("How many ships did the pilots bring into the port in 2022?")
    changed = town_library.ask("How many ships did the pilots bring into the port in 1997?")
    assert changed.confidence < 0.6 * true.confidence
    assert "“1997”" in town_library.ask("How many ships did the pilots bring in 1997?", threshold=1.0).reason


def test_a_name_that_occurs_nowhere_lowers_the_confidence(town_library: Library) -> None:
    true = town_library.ask("How many pilots does the harbour of Norrwick employ?")
    changed = town_library.ask("How many pilots does the harbour of Valparaiso employ?")
    assert changed.confidence < 0.6 * true.confidence


def test_questions_with_another_year_or_name_are_far_less_sure_than_the_true_ones(town_library: Library) -> None:
    pairs = {
        "How many ships did the pilots bring into the port in 2022?": ("2022", "1997"),
        "How many pilots does the harbour of Norrwick employ?": ("Norrwick", "Valparaiso"),
        "Who built the lighthouse of Norrwick?": ("Norrwick", "Bergen"),
        "When was the pilot station of Norrwick moved to the northern pier?": ("Norrwick", "Tulsa"),
        "What was built by Ada Lindqvist in 1874?": ("1874", "1921"),
        "When did Ada Lindqvist build the lighthouse?": ("Ada Lindqvist", "Nils Holm"),
    }
    true = [town_library.ask(question).confidence for question in pairs]
    changed = [town_library.ask(question.replace(*change)).confidence for question, change in pairs.items()]
    assert median(changed) < 0.4 * median(true)
    assert all(less < more for less, more in zip(changed, true, strict=True))


def test_a_name_is_spoken_of_by_its_initials(make_library: MakeLibrary) -> None:
    library = make_library(Document("port", "The pilots of Norrwick work for the United Nations since 1952."))
    answer = library.ask("Since when have the pilots of Norrwick worked for the UN?", threshold=1.0)
    assert "UN" not in answer.reason
    other = library.ask("Since when have the pilots of Norrwick worked for the FAO?", threshold=1.0)
    assert "“FAO”" in other.reason
    assert other.confidence < 0.6 * answer.confidence


def test_a_refusal_says_what_the_documents_speak_of_instead(make_library: MakeLibrary) -> None:
    text = "In 2022 the pilots brought 312 ships into the port. The harbour of Norrwick employs 41 of them."
    library = make_library(Document("port", text), Document("zh", "2022 年领航员把312艘船带进港口。", language="zh"))
    for question, said in (
        ("How many ships did the pilots bring into the port in 2021?", "the documents speak of “2022”, not “2021”"),
        (
            "How many pilots does the harbour of Valparaiso employ?",
            "the documents speak of “Norrwick”, not “Valparaiso”",
        ),
        ("2021 年领航员把多少艘船带进港口？", "文档提到的是“2022”，而不是“2021”"),
    ):
        assert said in library.ask(question, threshold=1.0).reason


def test_a_year_that_only_other_passages_speak_of_is_no_year_of_the_nearest(make_library: MakeLibrary) -> None:
    documents = [
        Document("port", "In 2022 the pilots brought 312 ships into the port."),
        Document("bread", "The bakery was opened in 2021 and sells rye bread."),
    ]
    reason = make_library(*documents, answer_sentences=1).ask("How many ships came into the port in 2021?", threshold=1)
    assert "what is nearest to the question speaks of “2022”, not “2021”" in reason.reason


@pytest.mark.parametrize(
    ("true", "changed"),
    [
        ("Who was not allowed in the port?", "Who was not prohibited in the port?"),
        ("What do the pilots bring into the port?", "What do the pilots not bring into the port?"),
    ],
)
def test_an_opposite_lowers_the_confidence(make_library: MakeLibrary, true: str, changed: str) -> None:
    text = "Whalers were not allowed in the port. Pilots bring ships into the port of Norrwick."
    library = make_library(Document("port", text))
    assert library.ask(changed).confidence < 0.85 * library.ask(true).confidence


def test_a_chinese_question_about_a_chinese_document_is_answered(town_library: Library) -> None:
    answer = town_library.ask("面包店早上几点开门？")
    assert not answer.abstained
    assert answer.sentences[0].text == "磨坊街的面包店早上六点开门。"


def test_a_chinese_question_is_refused_in_chinese(town_library: Library) -> None:
    answer = town_library.ask("量子计算机的价格是多少？")
    assert answer.abstained
    assert "文档" in answer.reason


def test_threshold_0_never_abstains_and_1_always_does(town_library: Library) -> None:
    for question in ("Who won the World Cup?", "How many pilots does the harbour employ?"):
        assert not town_library.ask(question, threshold=0.0).abstained
        assert town_library.ask(question, threshold=1.0).abstained


def test_the_same_sentence_in_two_documents_is_given_once(make_library: MakeLibrary) -> None:
    text = "The ferry to Holm leaves at 7:15 every morning. Tickets are sold on board."
    library = make_library(Document("a", text), Document("b", text), Document("c", "Nothing else matters here."))
    answer = library.ask("When does the ferry to Holm leave?")
    assert [s.text for s in answer.sentences].count("The ferry to Holm leaves at 7:15 every morning.") == 1


def test_an_answer_has_at_most_as_many_sentences_as_set(make_library: MakeLibrary) -> None:
    text = " ".join(f"The ferry to Holm has crew member number {n}." for n in range(1, 9))
    assert (
        len(make_library(Document("a", text), answer_sentences=1).ask("Ferry to Holm crew", threshold=0).sentences) == 1
    )


def test_sentences_come_from_as_many_passages_as_set(make_library: MakeLibrary) -> None:
    places = ("Holm", "Ryd", "Norrwick", "Lund")
    documents = [Document(place, f"The ferry sails to {place} under captain {place[::-1]}.") for place in places]
    for context_k in (1, 2, 3):
        library = make_library(*documents, name=f"{context_k}", context_k=context_k, answer_sentences=4)
        answer = library.ask("Does the ferry sail to Holm, Ryd and Lund?", threshold=0.0)
        assert {c.document_id for c in answer.citations} == {h.passage.document_id for h in answer.hits[:context_k]}
        assert len(answer.hits) == 4


def test_headings_and_questions_of_the_document_are_no_answers(make_library: MakeLibrary) -> None:
    text = "# What is the capital of Norland?\n\nOslund has held that role since 1820.\n\n## The capital of Norland\n\n"
    text += "Is it the capital of Norland? The parliament sits there."
    answer = make_library(Document("faq.md", text)).ask("What is the capital of Norland?", threshold=0.0)
    assert answer.sentences[0].text == "Oslund has held that role since 1820."
    assert not any(s.text.endswith("?") or s.text.startswith("#") for s in answer.sentences)


def test_a_length_is_told_from_a_date(make_library: MakeLibrary) -> None:
    text = "The Long Bridge of Norrwick was designed by Ana Silva and opened on 3 May 1922. It spans 410 metres."
    answer = make_library(Document("bridge", text)).ask("How long is the Long Bridge of Norrwick?", threshold=0.0)
    assert "It spans 410 metres." in [s.text for s in answer.sentences]


def test_a_sentence_that_begins_with_a_pronoun_comes_with_the_one_before_in_one_quote(town_library: Library) -> None:
    answer = town_library.ask("How far can the lamp of the lighthouse be seen?", threshold=0.0)
    quote = answer.citations[0].quote
    assert quote.startswith("The lighthouse of Norrwick was built in 1874")
    assert quote.endswith("Its lamp can be seen from 31 kilometres.")
    assert {s.citations for s in answer.sentences if s.text in quote} == {(1,)}


def test_what_is_above_a_blank_line_is_not_given_for_a_pronoun_below_it(make_library: MakeLibrary) -> None:
    text = "Tickets are sold at the old mill.\n\nIt carries 120 passengers from Holm to Ryd on each crossing."
    answer = make_library(Document("a", text), answer_sentences=1).ask(
        "How many passengers from Holm to Ryd?", threshold=0
    )
    assert answer.citations[0].quote == "It carries 120 passengers from Holm to Ryd on each crossing."


def test_sentences_that_follow_each_other_are_one_citation(make_library: MakeLibrary) -> None:
    text = "The ferry to Holm leaves at 7:15. The ferry to Holm also leaves at 9:40. Nobody swims there."
    answer = make_library(Document("a", text)).ask("When does the ferry to Holm leave?", threshold=0.0)
    assert answer.citations[0].quote == " ".join(s.text for s in answer.sentences if s.citations == (1,))
    assert len(answer.citations) < len(answer.sentences)


@pytest.mark.parametrize(
    "question", ["Who built it?", "How many?", "When was it moved?", "面包店在哪里？", "Is it old?"]
)
def test_every_citation_and_mark_is_exact(town_library: Library, question: str) -> None:
    answer = town_library.ask(question, threshold=0.0)
    assert answer.citations
    for citation in answer.citations:
        text = town_library.document(citation.document_id).text
        assert text[citation.start_char : citation.end_char] == citation.quote
        assert all(s.text in citation.quote for s in answer.sentences if s.citations == (citation.number,))


def test_a_japanese_question_is_not_refused_in_chinese(town_library: Library) -> None:
    assert town_library.ask("灯台の設計者は誰ですか？", threshold=1.0).reason.startswith("Not in these documents")


def test_a_question_of_nothing_but_function_words_or_signs_is_no_crash(town_library: Library) -> None:
    for question in ("What is it?", "???", "…", "🦆", "\u200b?", "a"):
        assert 0.0 <= town_library.ask(question).confidence <= 1.0
