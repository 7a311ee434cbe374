"""A library as a LangChain vector store, over real libraries and the real encoder."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.documents import Document as LangChainDocument
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.indexing import InMemoryRecordManager, index
from langchain_core.vectorstores import VectorStore
from langchain_tests.integration_tests import VectorStoreIntegrationTests
from tiny_models import DIM, make_tiny_model

from rag import Library
from rag.clean import clean
from rag.errors import LibraryDamaged, QuestionError
from rag.vectorstore import LibraryEmbeddings, LibraryVectorStore

MakeLibrary = Callable[..., Library]
SENTENCE = "The harbour of Norrwick has employed pilots of its own since the northern pier was built. "
LONG = "\n\n".join(f"Chapter {number} of the report. " + SENTENCE * 8 for number in range(4))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**31), 2**31)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=4,
)


@pytest.fixture
def store(make_library: MakeLibrary) -> LibraryVectorStore:
    return LibraryVectorStore(make_library())


@pytest.fixture(scope="module")
def town(town_library: Library) -> LibraryVectorStore:
    return LibraryVectorStore(town_library)


class TestStandard(VectorStoreIntegrationTests):
    """LangChain's own suite, in threads and in the event loop."""

    @pytest.fixture
    def vectorstore(self, make_library: MakeLibrary) -> VectorStore:
        return LibraryVectorStore(make_library())


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LibraryVectorStore]:
    with Library.open(tmp_path_factory.mktemp("store") / "library") as library:
        yield LibraryVectorStore(library)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.text(min_size=1), st.tuples(st.text(max_size=200), st.dictionaries(st.text(), JSON, max_size=3)), max_size=4
    )
)
def test_every_text_is_got_back_with_its_id_and_metadata(
    shared: LibraryVectorStore, entries: dict[str, tuple[str, dict[str, Any]]]
) -> None:
    kept = {i: entry for i, entry in entries.items() if clean(entry[0])}
    documents = [LangChainDocument(id=i, page_content=text, metadata=data) for i, (text, data) in kept.items()]
    assert shared.add_documents(documents) == list(kept)
    expected = [d.model_copy(update={"page_content": clean(d.page_content)}) for d in documents]
    assert shared.get_by_ids(list(kept)) == expected


@pytest.mark.parametrize("source", ["report.pdf", "two\nlines", 7, None])
def test_a_text_that_fits_a_passage_is_found_as_it_was_added(store: LibraryVectorStore, source: Any) -> None:
    metadata = {"title": "Pilots", "source": source, "date": "spring", "tags": ["sea"], "year": None}
    store.add_texts([SENTENCE.strip(), "Bread is baked at six."], [metadata, {}], ids=["a", "b"])
    expected = LangChainDocument(id="a", page_content=SENTENCE.strip(), metadata=metadata)
    assert store.similarity_search("pilots", k=1) == [expected]


def test_a_longer_text_is_found_as_passages_and_got_back_whole(store: LibraryVectorStore) -> None:
    store.add_texts([LONG], [{"year": 2024}], ids=["report"])
    found = store.similarity_search("pilots of the harbour", k=3)
    assert len(found) == 3
    for part in found:
        start, end = part.metadata["start_char"], part.metadata["end_char"]
        assert part.id == f"report#{start}-{end}"
        assert part.page_content == clean(LONG)[start:end] != clean(LONG)
        assert part.metadata == {
            "year": 2024,
            "document_id": "report",
            "title": store.library.document("report").title,
            "start_char": start,
            "end_char": end,
        }
    [whole] = store.get_by_ids(["report"])
    assert whole == LangChainDocument(id="report", page_content=clean(LONG), metadata={"year": 2024})


def test_ids_of_documents_and_passages_are_looked_up_in_the_order_asked_for(store: LibraryVectorStore) -> None:
    store.add_texts([LONG, "Bread.", "Not a passage."], ids=["a/long#one.md", "b", "b#0-3"])
    [part] = store.similarity_search("Chapter 2", k=1, filter={"document_id": "a/long#one.md"})
    ids = ["b", str(part.id), "missing", "b#0-3", "b#0-6", "a/long#one.md#1-2", "a/long#one.md"]
    found = store.get_by_ids(ids)
    assert [d.id for d in found] == ["b", part.id, "b#0-3", "b#0-6", "a/long#one.md"]
    assert found[1] == part
    assert [d.page_content for d in found[2:4]] == ["Not a passage.", "Bread."]


def test_a_file_is_found_as_passages_with_its_title_even_when_it_is_short(
    store: LibraryVectorStore, tmp_path: Path
) -> None:
    path = tmp_path / "docs" / "pilots.md"
    path.parent.mkdir()
    path.write_text("# Pilots of Norrwick\n\nThe harbour employs 41 pilots.\n", encoding="utf-8")
    store.library.index(path.parent)
    [found] = store.similarity_search("pilots")
    text = store.library.document("pilots.md").text
    assert found.id == f"pilots.md#0-{len(text)}"
    assert found.metadata == {
        "document_id": "pilots.md",
        "title": "Pilots of Norrwick",
        "start_char": 0,
        "end_char": len(text),
    }
    [whole] = store.get_by_ids(["pilots.md"])
    assert whole.page_content == text
    assert whole.metadata == {"title": "Pilots of Norrwick", "source": str(path)}


def test_texts_are_cleaned_when_they_are_added(store: LibraryVectorStore) -> None:
    store.add_texts(["  Bread\u00a0and \u200bbutter \r\n\r\n\r\n\r\nat six.\ufeff "], ids=["a"])
    assert store.get_by_ids(["a"])[0].page_content == "Bread and butter\n\nat six."


def test_nothing_is_added_when_one_of_the_texts_cannot_be(store: LibraryVectorStore) -> None:
    with pytest.raises(ValueError, match="text 'b' is empty"):
        store.add_texts(["Bread.", " \u200b\n"], ids=["a", "b"])
    with pytest.raises(ValueError, match="metadata of 'b' do not survive JSON"):
        store.add_texts(["Bread.", "Butter."], [{}, {"path": Path("x")}], ids=["a", "b"])
    with pytest.raises(ValueError, match="metadata of 'a' do not survive JSON"):
        store.add_texts(["Bread."], [{"score": math.nan}], ids=["a"])
    with pytest.raises(ValueError, match="2 texts, 1 metadatas, 2 ids"):
        store.add_texts(["Bread.", "Butter."], [{}], ids=["a", "b"])
    with pytest.raises(ValueError, match="given twice"):
        store.add_texts(["Bread.", "Butter."], ids=["a", "a"])
    assert store.get_by_ids(["a", "b"]) == []
    assert store.add_texts([]) == []


def test_only_a_day_of_the_calendar_becomes_the_date_of_a_document(store: LibraryVectorStore) -> None:
    dates = ["2024-01-31", "2024", "2024-99-99", "20240131"]
    store.add_texts([f"Bread was baked {n} times." for n in range(4)], [{"date": d} for d in dates], ids=list("abcd"))
    assert [store.library.document(i).date for i in "abcd"] == ["2024-01-31", None, None, None]
    assert [d.metadata["date"] for d in store.get_by_ids(list("abcd"))] == dates
    assert store.library.ask("Who baked bread in 2024?", threshold=0.0).hits


def test_a_made_id_is_no_part_of_what_is_embedded_and_searched(store: LibraryVectorStore) -> None:
    [identifier] = store.add_texts(["pilots of the harbour, forty-one of them; " * 60])
    assert store.library.document(identifier).title.startswith("pilots of the harbour")


def test_filters_apply_before_the_best_are_taken(store: LibraryVectorStore) -> None:
    near = [f"Pilot number {number} of the harbour of Norrwick." for number in range(30)]
    store.add_texts(near, [{"kind": "near", "number": n} for n in range(30)], ids=[f"near-{n}" for n in range(30)])
    store.add_texts(["Bread is baked at six."], [{"kind": "far", "source": "b.txt", "language": "en"}], ids=["far"])
    query = "pilots of the harbour"
    vector = store.embeddings.embed_query(query)
    for wanted in ({"kind": "far"}, {"source": "b.txt"}, {"kind": ["far", "none"], "language": "en"}):
        assert [d.id for d in store.similarity_search(query, k=1, filter=wanted)] == ["far"]
        assert [d.id for d in store.similarity_search_by_vector(vector, k=1, filter=wanted)] == ["far"]
        [(found, _)] = store.similarity_search_with_relevance_scores(query, k=1, filter=wanted)
        assert found.id == "far"
    numbers = [d.metadata["number"] for d in store.similarity_search(query, k=9, filter={"number": [3, 5]})]
    assert sorted(numbers) == [3, 5]
    assert store.similarity_search(query, filter={"kind": "other"}) == []
    with pytest.raises(ValueError, match="'colour'"):
        store.similarity_search(query, filter={"colour": "red"})


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"filters": {"kind": "report"}}, TypeError, "unknown argument 'filters'"),
        ({"k": 0}, ValueError, "k = 0"),
        ({"filter": lambda document: True}, ValueError, "filter is a function"),
        ({"filter": {"year": {"$gt": 2022}}}, ValueError, "filter 'year'"),
        ({"filter": {"year": None}}, ValueError, "filter 'year'"),
        ({"filter": {"year": math.nan}}, ValueError, "filter 'year'"),
        ({"filter": {"kind": "\ud800"}}, ValueError, "filter 'kind'"),
    ],
)
def test_what_would_pass_for_an_empty_result_is_refused(
    town: LibraryVectorStore, store: LibraryVectorStore, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    vector = town.embeddings.embed_query("pilots")
    for asked in (town, store):
        with pytest.raises(error, match=message):
            asked.similarity_search("pilots", **arguments)
        with pytest.raises(error, match=message):
            asked.similarity_search_with_relevance_scores("pilots", **arguments)
        with pytest.raises(error, match=message):
            asked.similarity_search_by_vector(vector, **arguments)


def test_a_query_that_cannot_be_searched_is_an_error(town: LibraryVectorStore) -> None:
    for query in (" ", "x" * 5_000):
        with pytest.raises(QuestionError):
            town.similarity_search(query)
        with pytest.raises(QuestionError):
            town.similarity_search_with_relevance_scores(query)
    with pytest.raises(ValueError, match="dimension 3"):
        town.similarity_search_by_vector([1.0, 0.0, 0.0])


def test_a_store_that_cannot_be_read_is_an_error_and_not_an_empty_one(store: LibraryVectorStore) -> None:
    assert store.similarity_search("pilots") == []
    with closing(sqlite3.connect(store.library.path / "library.sqlite3")) as database:
        database.execute("DROP TABLE settings")
    with pytest.raises(LibraryDamaged):
        store.similarity_search("pilots")
    with pytest.raises(LibraryDamaged):
        store.get_by_ids(["a"])


def test_scores_order_the_hits_and_are_those_of_the_library(town: LibraryVectorStore) -> None:
    query = "When was the pilot station moved?"
    found = town.similarity_search_with_score(query, k=3)
    hits = town.library.search(query, 3)
    assert [score for _, score in found] == [hit.score for hit in hits]
    assert [document.id for document, _ in found] == [hit.passage.document_id for hit in hits]


async def test_relevance_scores_are_cosines_so_that_a_threshold_can_refuse_everything(town: LibraryVectorStore) -> None:
    query = "How many pilots does the harbour of Norrwick employ?"
    found = await town.asimilarity_search_with_relevance_scores(query, k=3)
    assert found == town.similarity_search_with_relevance_scores(query, k=3)
    hits = {hit.passage.document_id: hit.signals["dense"] for hit in town.library.search(query, 3)}
    assert {d.id: score for d, score in found} == pytest.approx({i: max(0.0, c) for i, c in hits.items()}, abs=1e-5)
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    between = (found[0][1] + found[1][1]) / 2
    retriever = town.as_retriever(search_type="similarity_score_threshold", search_kwargs={"score_threshold": between})
    assert [d.id for d in await retriever.ainvoke(query)] == ["harbour.md"]
    assert await retriever.ainvoke("quarterly revenue of a software maker") == []


def test_deleting_without_ids_empties_the_store(store: LibraryVectorStore) -> None:
    assert store.delete() is True
    store.add_texts(["Bread.", LONG], ids=["a", "b"])
    assert store.delete() is True
    assert store.similarity_search("bread") == []
    assert store.get_by_ids(["a", "b"]) == []
    store.add_texts(["Butter."], ids=["c"])
    assert [d.id for d in store.similarity_search("bread")] == ["c"]


def test_a_passage_cannot_be_deleted_without_its_document(store: LibraryVectorStore) -> None:
    store.add_texts([LONG, "Bread.", "Odd."], ids=["long", "b", "b#0-3"])
    [part] = store.similarity_search("Chapter 1 of the report", k=1)
    with pytest.raises(ValueError, match="delete 'long'"):
        store.delete(["b", str(part.id)])
    assert len(store.get_by_ids(["long", "b"])) == 2
    store.delete(["b#0-3", "missing#0-3", "long"])
    assert [d.id for d in store.get_by_ids(["long", "b", "b#0-3"])] == ["b"]


def test_the_indexing_api_of_langchain_keeps_the_store_in_step(store: LibraryVectorStore) -> None:
    manager = InMemoryRecordManager(namespace="test")
    manager.create_schema()

    def sync(*texts: str) -> dict[str, int]:
        documents = [LangChainDocument(page_content=text, metadata={"source": text[:5]}) for text in texts]
        report = index(documents, manager, store, cleanup="full", source_id_key="source", key_encoder="sha256")
        return {name: count for name, count in dict(report).items() if count}

    assert sync("Bread at six.", "Pilots at sea.") == {"num_added": 2}
    assert sync("Bread at six.", "Lamps at night.") == {"num_added": 1, "num_skipped": 1, "num_deleted": 1}
    assert sorted(d.page_content for d in store.similarity_search("at")) == ["Bread at six.", "Lamps at night."]


async def test_a_store_is_made_from_texts_in_a_library_or_in_a_folder(
    make_library: MakeLibrary, tmp_path: Path
) -> None:
    library = make_library()
    first = LibraryVectorStore.from_texts(["Bread."], None, [{"n": 1}], ids=["a"], library=library)
    documents = [LangChainDocument(id="b", page_content="Butter.", metadata={"n": 2})]
    second = await LibraryVectorStore.afrom_documents(documents, LibraryEmbeddings(library), library=library)
    assert first.get_by_ids(["a", "b"]) == second.get_by_ids(["a", "b"])
    third = LibraryVectorStore.from_texts(["Salt."], library=tmp_path / "third", ids=["c"])
    third.library.close()
    with Library.open(tmp_path / "third", create=False) as reopened:
        assert LibraryVectorStore(reopened).similarity_search("salt") == [
            LangChainDocument(id="c", page_content="Salt.")
        ]


def test_texts_are_not_added_to_the_default_library_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_LIBRARY", str(tmp_path / "default"))
    with pytest.raises(ValueError, match="no library is named"):
        LibraryVectorStore.from_texts(["Bread."])
    assert not (tmp_path / "default").exists()


def test_the_embeddings_of_another_model_are_refused_before_a_library_is_made(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="DeterministicFakeEmbedding"):
        LibraryVectorStore.from_texts(["Bread."], DeterministicFakeEmbedding(size=6), library=tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_embeddings_are_those_of_the_librarys_encoder(town: LibraryVectorStore) -> None:
    texts = [f"Pilot {number} of the harbour." for number in range(3)] + ["Bread is baked at six."]
    rows = town.embeddings.embed_documents(texts)
    encoder = town.library.pipeline().encoder
    expected = [e.vector for e in encoder.encode(texts, kind="document")]
    assert all(row == pytest.approx(vector.tolist(), abs=1e-5) for row, vector in zip(rows, expected, strict=True))
    query = town.embeddings.embed_query("When is bread baked?")
    similarities = [sum(a * b for a, b in zip(query, row, strict=True)) for row in rows]
    assert similarities.index(max(similarities)) == 3
    assert all(type(number) is float for number in query)


async def test_queries_and_documents_get_the_models_own_prompts(make_library: MakeLibrary, tmp_path: Path) -> None:
    model = make_tiny_model(tmp_path / "tiny", prompts={"query": "ask ", "document": "say "})
    embeddings = LibraryVectorStore.from_texts(["bread"], library=make_library(encoder=str(model))).embeddings
    [plain] = await embeddings.aembed_documents(["bread"])
    asked = await embeddings.aembed_query("bread")
    assert len(plain) == len(asked) == DIM
    assert asked != pytest.approx(plain, abs=1e-3)
    encoder = embeddings._library.pipeline().encoder
    assert asked == pytest.approx(encoder.encode(["bread"], kind="query")[0].vector.tolist(), abs=1e-5)
