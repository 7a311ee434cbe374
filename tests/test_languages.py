"""The language of a question, what an encoder reads, and questions in another language than the documents."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import HARBOUR, LIGHTHOUSE, TOWN, MakeLibrary
from tiny_models import make_tiny_model, make_tiny_multilingual_model

from embeddings.encoder import DEFAULT_MODEL, load_encoder
from rag import Document, Library
from rag.language import question_language
from rag.pipeline import Work
from rag.scripts import SENTENCES, reads

PAIRS = {"bridge": "桥", "lamp": "灯", "bread": "饼", "ship": "船", "wolf": "狼", "river": "河"}
DOCUMENTS = [
    Document(id="bridge", title="", text="bridge river bridge", language="en"),
    Document(id="lamp", title="", text="lamp ship lamp", language="en"),
    Document(id="bread", title="", text="bread wolf bread", language="en"),
]


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("Who built it?", "en"),
        ("Why?", "en"),
        ("What about 2021?", "en"),
        ("Wer hat den Leuchtturm gebaut?", "de"),
        ("Combien de pilotes travaillent au port ?", "fr"),
        ("¿Cuántos pilotos hay en el puerto?", "es"),
        ("Chi ha costruito il faro?", "it"),
        ("Quem construiu o farol?", "pt"),
        ("Wie heeft de vuurtoren gebouwd?", "nl"),
        ("灯塔是谁建的？", "zh"),
        ("灯台は誰が建てましたか", "ja"),
        ("등대를 누가 지었습니까?", "ko"),
        ("Кто построил маяк?", "ru"),
        ("Τι είναι αυτό;", "el"),
        ("pilots 2022", "und"),
        ("", "und"),
    ],
)
def test_the_language_of_a_short_question_is_told(question: str, language: str) -> None:
    assert question_language(question) == language


def test_the_language_is_that_of_the_question_not_of_the_names_in_it() -> None:
    assert question_language("Geespace 的 CEO 是谁？") == "zh"
    assert question_language("Who wrote 红楼梦?") == "en"


def test_the_default_encoder_reads_english_alone() -> None:
    encoder = load_encoder(DEFAULT_MODEL)
    assert not any(reads(encoder, language, sentence) for language, sentence in SENTENCES.items())
    assert reads(encoder, "en", "All human beings are born free and equal in dignity and rights.")


@pytest.fixture(scope="module")
def multilingual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model to which the words of a pair mean the same, with the prompts of e5."""
    folder = tmp_path_factory.mktemp("models") / "two-languages"
    return make_tiny_multilingual_model(folder, pairs=PAIRS, characters=SENTENCES["zh"] + "在哪里？和")


def test_an_encoder_is_known_by_its_vocabulary_whatever_its_name(tmp_path: Path, multilingual: Path) -> None:
    one = load_encoder(str(make_tiny_model(tmp_path / "letters")), cache_dir=tmp_path)
    other = load_encoder(str(multilingual), cache_dir=tmp_path)
    assert not reads(one, "zh", "桥")
    assert reads(other, "zh", "桥")
    # With prompts a model runs through sentence-transformers: both ways of running one count alike.
    assert other.count_unknown(["桥 bridge 龘", ""]) == [1, 0]
    assert one.count_unknown(["a 京 龘", ""]) == [1, 0]


def test_a_multilingual_encoder_finds_documents_in_another_language(
    multilingual: Path, make_library: MakeLibrary
) -> None:
    library = make_library(*DOCUMENTS, encoder=str(multilingual), passage_tokens=16)
    query = library.pipeline().understand(Work("桥在哪里？")).query
    assert query is not None
    assert query.readable
    for question, document in (("桥在哪里？", "bridge"), ("灯", "lamp"), ("饼和狼", "bread")):
        best, *_ = library.search(question, 3)
        assert best.passage.document_id == document
        assert "lexical" not in best.signals


def test_a_question_of_which_nothing_is_understood_is_refused(make_library: MakeLibrary) -> None:
    english = make_library(HARBOUR, LIGHTHOUSE)
    for question in ("この灯台を建てたのは誰ですか", "港には何人の水先人がいますか"):
        answer = english.ask(question)
        assert answer.abstained
        assert answer.confidence < 0.1
    assert not english.ask("Who built the lighthouse?").abstained


RUSSIAN = Document(
    id="порт.md",
    title="Порт",
    language="ru",
    text="Порт Норвик нанимает сорок лоцманов. Маяк построила Ада Линдквист. Пекарня открывается в шесть утра.",
)


def test_letters_that_the_encoder_reads_one_by_one_are_searched_by_their_words(make_library: MakeLibrary) -> None:
    pipeline = make_library(*TOWN, RUSSIAN).pipeline()

    def readable(question: str) -> bool:
        query = pipeline.understand(Work(question)).query
        assert query is not None
        return query.readable

    assert not readable("Кто построил маяк?")
    assert not readable("Сколько лоцманов нанимает порт?")
    assert readable("Who built the lighthouse of Norrwick?")
    assert readable("Wer hat den Leuchtturm von Norrwick gebaut?")
    # Signs are no words, and a name in another script does not outweigh what is said of it.
    assert readable("What is the α of the lighthouse?")
    assert readable("Which pilots of Norrwick harbour brought ships to the lighthouse of Порт?")
    (best, *_) = pipeline.search("Кто построил маяк?", 3)
    assert best.passage.document_id == RUSSIAN.id
    assert "dense" not in best.signals


def test_a_question_in_letters_that_no_document_has_is_still_compared(make_library: MakeLibrary) -> None:
    query = make_library(HARBOUR, LIGHTHOUSE).pipeline().understand(Work("Кто построил маяк?")).query
    assert query is not None
    assert query.readable


def test_a_question_without_words_is_refused(make_library: MakeLibrary) -> None:
    answer = make_library(*TOWN).ask("😀")
    assert answer.abstained
    assert answer.confidence < 0.1


def test_a_question_in_a_script_that_the_encoder_does_not_read_is_answered_by_its_words(
    make_library: MakeLibrary,
) -> None:
    library = make_library(*TOWN)
    query = library.pipeline().understand(Work("面包店几点开门？")).query
    assert query is not None
    assert not query.readable
    answer = library.ask("面包店几点开门？", threshold=0.0)
    assert "六点" in answer.text


@pytest.mark.parametrize(
    ("question", "refusal"),
    [
        ("木星上有多少只企鹅？", "这些文档"),
        ("How many penguins live on Jupiter?", "Not in these documents"),
        ("Who wrote 红楼梦?", "Not in these documents"),
    ],
)
def test_a_refusal_is_in_the_language_of_the_question(town_library: Library, question: str, refusal: str) -> None:
    answer = town_library.ask(question, threshold=1.0)
    assert answer.abstained
    assert answer.text.startswith(refusal)
