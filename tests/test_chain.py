"""The chain and the retriever as LangChain runs them, over real libraries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableGenerator, RunnableLambda
from langchain_tests.integration_tests import RetrieversIntegrationTests

from rag import Answer, Library
from rag.chain import AnswerChain, PassageRetriever, answer_chain
from rag.errors import LibraryError, QuestionError

QUESTIONS = [
    "How many pilots does the harbour of Norrwick employ?",
    "Who built the lighthouse of Norrwick?",
    "Which enzyme unwinds the double helix during replication?",
]
WORDS = ["Who built ", "the lighthouse ", "of Norrwick?"]
STEPS = ["question", "understand", "retrieve", "rerank", "answer", "cite"]


def timeless(answer: Answer) -> Answer:
    """The answer without its timings, which no two runs share."""
    return replace(answer, timings_s={})


class Watcher(BaseCallbackHandler):
    """Notes the names of runs that start, and may do something at one of them."""

    raise_error = True

    def __init__(self, act: Callable[[str], None] = lambda _: None) -> None:
        self.names: list[str] = []
        self.act = act

    def on_chain_start(self, *_: Any, **details: Any) -> None:
        self.names.append(details["name"])
        self.act(details["name"])


@pytest.fixture
def chain(town_library: Library) -> AnswerChain:
    return answer_chain(town_library, threshold=0.0)


def test_the_graph_shows_the_stages_of_the_pipeline_in_order(chain: AnswerChain) -> None:
    graph = chain.get_graph()
    following = {edge.source: edge.target for edge in graph.edges}
    node = graph.first_node()
    names = []
    while node and node.id in following:
        node = graph.nodes[following[node.id]]
        names.append(node.name)
    assert names[:-1] == STEPS


def test_every_stage_is_a_run_of_its_own_to_callbacks(chain: AnswerChain) -> None:
    watcher = Watcher()
    chain.invoke(QUESTIONS[0], {"callbacks": [watcher]})
    assert watcher.names == ["AnswerChain", *STEPS]


@pytest.mark.parametrize("threshold", [None, 0.0, 1.0])
@pytest.mark.parametrize("question", QUESTIONS)
def test_invoke_returns_what_the_library_answers(town_library: Library, question: str, threshold: float | None) -> None:
    answer = answer_chain(town_library, threshold=threshold).invoke(question)
    assert timeless(answer) == timeless(town_library.ask(question, threshold=threshold))
    assert list(answer.timings_s) == STEPS[1:]


async def test_batch_and_the_asynchronous_calls_answer_like_invoke(chain: AnswerChain) -> None:
    expected = [timeless(chain.invoke(question)) for question in QUESTIONS]
    assert [timeless(a) for a in chain.batch(QUESTIONS)] == expected
    assert [timeless(a) for a in await chain.abatch(QUESTIONS)] == expected
    assert timeless(await chain.ainvoke(QUESTIONS[0])) == expected[0]


@pytest.mark.parametrize("question", QUESTIONS)
async def test_streams_yield_the_snapshots_of_the_library(
    chain: AnswerChain, town_library: Library, question: str
) -> None:
    expected = [timeless(a) for a in town_library.stream(question, threshold=0.0)]
    assert [timeless(a) for a in chain.stream(question)] == expected
    assert [timeless(a) async for a in chain.astream(question)] == expected
    assert expected[-1] == timeless(chain.invoke(question))


def test_each_snapshot_of_a_stream_says_more_than_the_one_before(seeds_library: Library) -> None:
    chain = answer_chain(seeds_library, threshold=0.0)
    snapshots = list(chain.stream("What did Xiao Wunan and his party investigate in Shanghai Lin-Gang?"))
    assert len(snapshots) > 1
    assert snapshots[0].hits
    assert not snapshots[0].text
    for one, other in pairwise(snapshots):
        assert other.text.startswith(one.text)
        assert other.sentences[: len(one.sentences)] == one.sentences
        assert len(other.text) >= len(one.text)


async def test_the_event_loop_goes_on_while_an_answer_streams(chain: AnswerChain) -> None:
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    turning = asyncio.create_task(turn())
    seen = [turns async for _ in chain.astream(QUESTIONS[0])]
    turning.cancel()
    assert seen[0] > 0
    assert seen == sorted(set(seen))


async def test_as_a_step_the_chain_takes_a_streamed_question_and_passes_on_the_whole_answer(
    chain: AnswerChain,
) -> None:
    async def words(_: AsyncIterator[str]) -> AsyncIterator[str]:
        for word in WORDS:
            yield word

    def words_at_once(_: Iterator[str]) -> Iterator[str]:
        yield from WORDS

    longer = RunnableGenerator(words_at_once, words) | chain | RunnableLambda(lambda answer: answer.text)
    expected = chain.invoke(QUESTIONS[1]).text
    assert list(longer.stream("")) == [expected]
    assert [text async for text in longer.astream("")] == [expected]


def test_one_question_sees_one_generation_throughout(
    make_library: Callable[..., Library], town_library: Library
) -> None:
    library = make_library(*(town_library.document(d.id) for d in town_library.documents()))
    chain = answer_chain(library, threshold=0.0)
    before = chain.invoke(QUESTIONS[1])
    assert "Ada Lindqvist" in before.text

    def interfere(name: str) -> None:
        if name == "rerank":
            library.remove(["old/lighthouse.md"])

    assert timeless(chain.invoke(QUESTIONS[1], {"callbacks": [Watcher(interfere)]})) == timeless(before)
    after = chain.invoke(QUESTIONS[1])
    assert {hit.passage.document_id for hit in after.hits} == {"harbour.md", "bakery.md"}


async def test_a_question_that_cannot_be_asked_raises_whichever_way_it_is_put(chain: AnswerChain) -> None:
    with pytest.raises(QuestionError):
        chain.invoke(" ")
    with pytest.raises(QuestionError):
        await chain.ainvoke(" ")
    with pytest.raises(QuestionError):
        list(chain.stream(" "))
    with pytest.raises(QuestionError):
        [a async for a in chain.astream(" ")]


def test_one_bad_question_of_a_batch_stops_no_other(chain: AnswerChain) -> None:
    good, bad = chain.batch([QUESTIONS[0], "x" * 5_000], return_exceptions=True)
    assert timeless(good) == timeless(chain.invoke(QUESTIONS[0]))
    assert isinstance(bad, QuestionError)


def test_a_chain_over_an_empty_library_or_with_an_impossible_threshold_is_refused(
    make_library: Callable[..., Library], town_library: Library
) -> None:
    with pytest.raises(LibraryError, match="holds no documents"):
        answer_chain(make_library())
    with pytest.raises(ValueError, match="from 0 to 1"):
        answer_chain(town_library, threshold=1.5)


def test_the_chain_declares_a_question_as_its_input_and_an_answer_as_its_output(chain: AnswerChain) -> None:
    assert chain.get_input_jsonschema()["type"] == "string"
    assert set(chain.get_output_jsonschema()["$defs"]["Answer"]["properties"]) == set(Answer("", "").to_dict())


class TestPassageRetriever(RetrieversIntegrationTests):
    """LangChain's own suite."""

    @pytest.fixture(autouse=True)
    def _over_the_seeds(self, seeds_library: Library) -> None:
        self._library = seeds_library

    @property
    def retriever_constructor(self) -> type[PassageRetriever]:
        return PassageRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"library": self._library}

    @property
    def retriever_query_example(self) -> str:
        return "free trade zone"


def test_retrieved_documents_say_where_their_text_stands(seeds_library: Library) -> None:
    query = "Lin-Gang Special Area"
    documents = PassageRetriever(library=seeds_library).invoke(query)
    hits = seeds_library.search(query, 10)
    assert len(documents) == len(hits) == 10
    for document, hit in zip(documents, hits, strict=True):
        place = document.metadata
        text = seeds_library.document(place["document_id"]).text
        assert text[place["start_char"] : place["end_char"]] == document.page_content
        assert document.id == f"{place['document_id']}#{place['start_char']}-{place['end_char']}"
        found = hit.to_dict()
        assert place == {name: found[name] for name in place}
        assert set(place) == {
            "document_id", "title", "heading", "page", "start_char", "end_char", "score", "rank",
        }  # fmt: skip


async def test_filters_of_the_retriever_hold_unless_one_query_brings_its_own(town_library: Library) -> None:
    retriever = PassageRetriever(library=town_library, filters={"kind": "history"})
    assert [d.metadata["document_id"] for d in retriever.invoke("Norrwick")] == ["old/lighthouse.md"]
    own = await retriever.ainvoke("Norrwick", k=1, filters={"year": [2022, 2023]})
    assert [d.metadata["document_id"] for d in own] == ["harbour.md"]


async def test_a_chain_keeps_to_its_filters_however_it_is_run(town_library: Library) -> None:
    question, filters = "Who built the lighthouse of Norrwick?", {"folder": "old"}
    chain = answer_chain(town_library, threshold=0.0, filters=filters)
    wanted = town_library.ask(question, threshold=0.0, filters=filters)
    *_, streamed = chain.stream(question)
    for answer in (chain.invoke(question), await chain.ainvoke(question), streamed):
        assert answer.citations == wanted.citations
        assert {hit.passage.document_id for hit in answer.hits} == {"old/lighthouse.md"}
    with pytest.raises(ValueError, match="'colour'"):
        answer_chain(town_library, filters={"colour": "red"}).invoke(question)


def test_an_empty_library_is_an_error_and_not_an_empty_result(make_library: Callable[..., Library]) -> None:
    with pytest.raises(LibraryError, match="holds no documents"):
        PassageRetriever(library=make_library()).invoke("Norrwick")


def test_a_retriever_of_no_passages_is_refused(town_library: Library) -> None:
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        PassageRetriever(library=town_library, k=0)
    with pytest.raises(ValueError, match="k = 0"):
        PassageRetriever(library=town_library).invoke("Norrwick", k=0)
