"""The composed stages: context for the encoder, checks of the question, growth of a streamed answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import MakeLibrary
from tiny_models import make_tiny_cross_encoder

from rag import Document, Library, Settings
from rag.errors import ModelError, QuestionError, UnreadableSource
from rag.pipeline import prepare, read
from rag.sources import find_files
from tests.conftest import SEEDS


def test_a_streamed_answer_grows_and_ends_as_ask_has_it(seeds_library: Library) -> None:
    question = "Which projects did Xiao Wunan hope to promote?"
    snapshots = list(seeds_library.stream(question, threshold=0.0))
    final = seeds_library.ask(question, threshold=0.0)
    assert snapshots[0].text == ""
    assert snapshots[0].hits
    lengths = [len(s.sentences) for s in snapshots]
    assert lengths == sorted(lengths)
    assert snapshots[-1].to_dict() | {"timings_s": {}} == final.to_dict() | {"timings_s": {}}


def test_the_stages_report_their_seconds(seeds_library: Library) -> None:
    answer = seeds_library.ask("Who is Yao Hao?")
    assert set(answer.timings_s) == {"understand", "retrieve", "rerank", "answer", "cite"}
    assert answer.models["encoder"] == "sentence-transformers/all-MiniLM-L6-v2"


def test_a_cross_encoder_reranks_the_candidates_and_is_named(seeds_library: Library, tmp_path: Path) -> None:
    model = str(make_tiny_cross_encoder(tmp_path / "model"))
    question, settings = "Who is Yao Hao?", Settings(rerank="cross", cross_encoder=model, candidates_k=5)
    with Library.open(seeds_library.path, settings=settings) as library:
        answer = library.ask(question, threshold=0.0)
        assert answer.models["reranker"] == model
        scores = [hit.signals["cross"] for hit in answer.hits if "cross" in hit.signals]
        assert len(scores) == 5
        assert scores == sorted(scores, reverse=True)
        assert {hit.signals["retrieved_rank"] for hit in answer.hits[:5]} == {1, 2, 3, 4, 5}
        # Sentences are still chosen by late interaction.
        assert all("late" in hit.signals for hit in answer.hits[:5])
        assert library.search(question, 5) == list(answer.hits[:5])
    assert "reranker" not in seeds_library.ask(question).models


def test_a_passage_loses_by_age_where_that_is_wanted(make_library: MakeLibrary) -> None:
    years = {"a": ("41", "2010-05-01"), "b": ("42", "2020-05-01"), "c": ("43", None)}
    texts = {name: f"The harbour of Norrwick employs {count} pilots." for name, (count, _) in years.items()}
    documents = [Document(id=name, title="Pilots", text=texts[name], date=years[name][1]) for name in years]
    question = "How many pilots does Norrwick employ?"
    with make_library(*documents) as library:
        before = {h.passage.document_id: h.score for h in library.search(question)}
        assert all("recency" not in h.signals for h in library.search(question))
        path = library.path
    with Library.open(path, settings=Settings(recency_days=365)) as library:
        after = {h.passage.document_id: h.score for h in library.search(question)}
        assert after == pytest.approx({"a": 0.8 * before["a"], "b": before["b"], "c": before["c"]}, abs=1e-3)
        assert list(after) == sorted(after, key=lambda name: -after[name])
        # Age is counted from the newest document, so a newer one ages the others.
        library.add([Document(id="d", title="Bread", text="Rye bread is sold at six.", date="2021-05-01")])
        aged = {h.passage.document_id: h.signals.get("recency") for h in library.search(question)}
        assert aged == {"a": pytest.approx(0.8, abs=1e-3), "b": pytest.approx(0.9), "c": None, "d": 1.0}


def test_of_copies_the_newest_is_cited(make_library: MakeLibrary) -> None:
    years = {"a": "2010-05-01", "b": "2020-05-01", "c": None}
    text = "The harbour of Norrwick employs 41 pilots."
    copies = [Document(id=name, title="Pilots", text=text, date=day) for name, day in years.items()]
    (citation,) = make_library(*copies).ask("How many pilots does Norrwick employ?").citations
    assert (citation.document_id, citation.also_in) == ("b", ("a", "c"))


def test_a_cross_encoder_that_cannot_be_loaded_is_an_error_of_one_line(seeds_library: Library) -> None:
    settings = Settings(rerank="cross", cross_encoder="no such model")
    with (
        Library.open(seeds_library.path, settings=settings) as library,
        pytest.raises(ModelError, match="'no such model' is no folder and no hub id") as caught,
    ):
        library.ask("Who is Yao Hao?")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("question", ["", "  \n\t", "\u3000"])
def test_an_empty_question_is_refused(seeds_library: Library, question: str) -> None:
    with pytest.raises(QuestionError, match="empty"):
        seeds_library.ask(question)


def test_a_question_of_100_000_characters_is_refused_with_its_length(seeds_library: Library) -> None:
    with pytest.raises(QuestionError, match="100,000"):
        seeds_library.ask("x" * 100_000)


def test_half_of_a_surrogate_pair_is_refused(seeds_library: Library) -> None:
    with pytest.raises(QuestionError, match="Unicode"):
        seeds_library.ask("What is \ud83d?")


def test_preparing_cleans_the_text_and_finds_what_is_missing() -> None:
    document = prepare(Document("x.txt", "November 3, 2022\n\nThe great  flood\n\nIt rained\u00a0for nine days."))
    assert document.text.endswith("It rained for nine days.")
    assert (document.title, document.date) == ("The great flood", "2022-11-03")
    assert prepare(document) == document


def test_a_document_without_text_is_refused() -> None:
    with pytest.raises(UnreadableSource, match="no text"):
        prepare(Document("x", " \u200b\n"))


def test_every_citation_on_the_seeds_equals_its_slice(seeds_library: Library) -> None:
    for line in (SEEDS.parent / "eval" / "gold.jsonl").read_text(encoding="utf-8").splitlines()[::4]:
        question = line.split('"question": "')[1].split('", "answers"')[0].replace('\\"', '"')
        answer = seeds_library.ask(question, threshold=0.0)
        assert answer.citations
        for citation in answer.citations:
            text = seeds_library.document(citation.document_id).text
            assert text[citation.start_char : citation.end_char] == citation.quote


@pytest.mark.parametrize(
    ("name", "text", "title", "day"),
    [
        ("employees.csv", "Name,Since\nAda Lindqvist,2019-04-01\nMary Stone,2021-02-03\n", "employees", None),
        ("data.json", '[{"name": "Router X1", "date": "2024-05-06"}, {"name": "Router X2"}]', "data", None),
        ("data.json", '{"routers": [{"name": "Router X1"}, {"name": "Router X2"}]}', "data", None),
        ("data.json", '{"title": "Routers", "routers": [{"name": "Router X1"}]}', "Routers", None),
        ("data.json", '{"title": "Routers of 2024", "date": "2024-05-06"}', "Routers of 2024", "2024-05-06"),
        ("data.jsonl", '{"name": "X1", "date": "2024-05-06"}\n{"name": "X2", "date": "2024-05-07"}\n', "data", None),
    ],
)
def test_a_row_gives_a_file_of_rows_neither_its_title_nor_its_date(
    name: str, text: str, title: str, day: str | None, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    ((source,), _) = find_files([tmp_path / name])
    document = read(source)
    assert (document.title, document.date) == (title, day)
