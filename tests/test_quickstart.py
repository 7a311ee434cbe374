"""The LangChain quick start: its own splitter and store, our encoder, exact spans."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import BAKERY, HARBOUR, LIGHTHOUSE, TOWN
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_text_splitters import RecursiveCharacterTextSplitter

from embeddings import encoder as encoders
from eval.gold import GoldSet
from eval.quickstart import KeptEmbeddings, build, chunk_passages
from eval.systems import BUILT_IN, open_system
from rag import Document, Library
from rag.errors import ConfigurationError

SPLITTER = RecursiveCharacterTextSplitter(chunk_size=1_000, chunk_overlap=200)
NUMBERED = Document("n", "\n\n".join(" ".join(f"w{p}x{n}" for n in range(p * 37 % 300 + 1)) for p in range(30)))
WORDS = st.sampled_from(["harbour", "ha", "a", "\n", "\n\n", " ", "灯塔", "x" * 300, "ha ha\n", "\n \n"])


@pytest.fixture(scope="module")
def encoder() -> encoders.Encoder:
    return encoders.load_encoder(encoders.DEFAULT_MODEL)


def test_the_built_in_system_finds_exact_spans_with_the_encoder_of_the_library(
    town_library: Library, encoder: encoders.Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAG_CACHE", str(tmp_path))
    with open_system(BUILT_IN["langchain"], gold=GoldSet("g", "0", (), None), library=town_library) as opened:
        hits = opened.system.search("Who built the lighthouse?", 2)
    assert [hit.passage.document_id for hit in hits] == [LIGHTHOUSE.id, HARBOUR.id]
    assert hits[0].title == LIGHTHOUSE.title
    text = town_library.document(LIGHTHOUSE.id).text
    query, document = (
        encoder.encode([words], kind=kind)[0].vector
        for words, kind in (("Who built the lighthouse?", "query"), (text, "document"))
    )
    assert hits[0].score == pytest.approx(float(query @ document), abs=1e-5)
    assert len(list((tmp_path / "eval" / "vectors").iterdir())) == 1


def test_it_ranks_as_langchain_s_own_objects_do(encoder: encoders.Encoder, tmp_path: Path) -> None:
    documents = [*TOWN, NUMBERED]
    store = InMemoryVectorStore(KeptEmbeddings(encoder, tmp_path))
    store.add_texts([chunk for document in documents for chunk in SPLITTER.split_text(document.text)])
    expected = [found.page_content for found in store.similarity_search("w7x12 w7x13", k=5)]
    hits = build(documents, folder=tmp_path).search("w7x12 w7x13", 5)
    assert [hit.passage.text for hit in hits] == expected
    assert [hit.rank for hit in hits] == [1, 2, 3, 4, 5]
    assert sorted((hit.score for hit in hits), reverse=True) == [hit.score for hit in hits]


def test_more_hits_than_chunks_are_all_there_are(tmp_path: Path) -> None:
    system = build([*TOWN, Document("empty", "")], folder=tmp_path)
    assert sorted(hit.passage.document_id for hit in system.search("bread", 50)) == sorted(d.id for d in TOWN)
    assert system.search("面包店", 1)[0].passage.document_id == BAKERY.id
    assert build([Document("empty", " ")], folder=tmp_path).search("bread", 5) == []


def test_chunks_of_a_text_without_repetition_leave_out_nothing_but_white_space() -> None:
    passages = list(chunk_passages(NUMBERED, SPLITTER.split_text(NUMBERED.text)))
    assert len(passages) > 10
    end = 0
    for passage in passages:
        assert NUMBERED.text[end : passage.start_char].strip() == ""
        assert passage.end_char > end
        end = passage.end_char
    assert NUMBERED.text[end:].strip() == ""


def test_a_chunk_that_repeats_the_one_before_is_found_after_it() -> None:
    line = "the same line again "
    document = Document("d", line * 200)
    passages = list(chunk_passages(document, SPLITTER.split_text(document.text)))
    assert passages[0].text == passages[1].text
    assert [passage.start_char for passage in passages] == [800 * n for n in range(len(passages))]


@settings(max_examples=200, deadline=None)
@given(st.lists(WORDS, max_size=300).map("".join))
def test_every_chunk_is_a_slice_whatever_the_text(text: str) -> None:
    document, chunks = Document("d", text), SPLITTER.split_text(text)
    passages = list(chunk_passages(document, chunks))
    assert [text[passage.start_char : passage.end_char] for passage in passages] == chunks


def test_a_chunk_that_the_document_does_not_hold_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"document 'harbour.md' does not hold the chunk 'nowhere'"):
        list(chunk_passages(HARBOUR, ["nowhere"]))


def test_vectors_are_kept_by_their_texts_and_made_again_when_damaged(encoder: encoders.Encoder, tmp_path: Path) -> None:
    reports: list[tuple[str, int, int]] = []
    embeddings = KeptEmbeddings(encoder, tmp_path, progress=lambda *report: reports.append(report))
    texts = [f"Ship number {number} came in." for number in range(70)]

    def embedded(texts: list[str]) -> tuple[list[list[float]], bool]:
        reports.clear()
        return embeddings.embed_documents(texts), bool(reports)

    vectors, fresh = embedded(texts)
    assert fresh
    assert [done for _, done, _ in reports] == [64, 70]
    assert {total for _, _, total in reports} == {70}
    expected = [encoding.vector for encoding in encoder.encode(texts, kind="document")]
    np.testing.assert_allclose(np.array(vectors), np.array(expected), atol=1e-5)
    assert embedded(texts) == (vectors, False)
    assert embedded(texts[:69])[1]
    for file in tmp_path.iterdir():
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    again, fresh = embedded(texts)
    assert fresh
    np.testing.assert_allclose(again, vectors, atol=1e-5)
    for file in tmp_path.iterdir():
        file.write_bytes(b"")
    assert embedded(texts)[1]


def test_a_missing_splitter_gives_one_line_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "langchain_text_splitters", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'leadgoose\[compare\]'"):
        build(TOWN, folder=tmp_path)
