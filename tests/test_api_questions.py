"""Questions over HTTP: as they grow, given up when whoever asked leaves, and through OpenAI's own client."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import chat_server as model
import httpx
import openai
import pytest
from api_server import error_of, served
from conftest import TOWN, MakeLibrary

from rag import Answer, Library
from rag.web.answer_body import AnswerBody
from rag.web.api import create_api
from rag.web.collections import Collections
from rag.web.marked import marked_text, sources_text, unmarked
from rag.web.queueing import Gate

QUESTION = "How many pilots does the harbour of Norrwick employ?"
UNRELATED = "Which enzyme unwinds the double helix during replication?"


@pytest.fixture(scope="module")
def client(town_library: Library, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    root = tmp_path_factory.mktemp("more")
    with (
        Collections(town_library, root=root) as collections,
        served(create_api(collections)) as client,
    ):
        collections.create("work").add(TOWN[:1])
        collections.create("empty")
        yield client


def same(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key != "timings_s"}


def events_of(text: str) -> list[tuple[str, Any]]:
    """The events of a stream, by name."""
    blocks = [b for b in text.split("\n\n") if b and not b.startswith(":")]
    split = [dict(line.split(": ", 1) for line in block.split("\n")) for block in blocks]
    return [(block.get("event", ""), json.loads(block["data"])) for block in split]


# -- events -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["accept", "stream"])
def test_an_answer_grows_in_events_and_the_last_one_is_the_answer(client: httpx.Client, by: str) -> None:
    body = {"question": QUESTION} | ({"stream": True} if by == "stream" else {})
    headers = {"accept": "text/event-stream"} if by == "accept" else {}
    response = client.post("/v1/ask", json=body, headers=headers)
    assert response.headers["content-type"].startswith("text/event-stream")
    events = events_of(response.text)
    assert [name for name, _ in events[:-1]] == ["partial"] * (len(events) - 1)
    name, last = events[-1]
    assert name == "answer"
    assert same(last) == same(client.post("/v1/ask", json={"question": QUESTION}).json())
    assert len(events) >= 3


@pytest.mark.parametrize("stream", [False, True])
def test_what_is_wrong_with_a_question_is_a_status_whether_it_is_streamed_or_not(
    client: httpx.Client, stream: bool
) -> None:
    assert "empty" in error_of(client.post("/v1/ask", json={"question": " ", "stream": stream}), 422)
    unknown = client.post("/v1/ask?library=nowhere", json={"question": QUESTION, "stream": stream})
    assert "'nowhere'" in error_of(unknown, 404)
    empty = client.post("/v1/ask?library=empty", json={"question": QUESTION, "stream": stream})
    assert "holds no documents" in error_of(empty, 409)


def test_a_question_goes_to_the_library_that_is_named(client: httpx.Client) -> None:
    asked = {"question": "Who built the lighthouse of Norrwick?", "threshold": 0.0}
    assert "Ada Lindqvist" in client.post("/v1/ask", json=asked).json()["text"]
    found = client.post("/v1/search?library=work", json={"query": "lighthouse"}).json()["hits"]
    assert {hit["document_id"] for hit in found} == {"harbour.md"}
    assert client.post("/v1/ask?library=default", json=asked).json()["text"].count("Lindqvist")


def test_the_described_answer_has_the_keys_of_every_answer(client: httpx.Client) -> None:
    for question in (QUESTION, UNRELATED):
        answer = client.post("/v1/ask", json={"question": question}).json()
        assert AnswerBody.model_validate(answer).model_dump() == answer


def wait_until(so: Callable[[], bool]) -> None:
    """Wait for something that another thread does, up to a while that even a busy machine keeps."""
    until = time.monotonic() + 20
    while not so() and time.monotonic() < until:
        time.sleep(0.02)


def leave_when(so: Callable[[], bool], client: httpx.Client, path: str, body: dict[str, Any]) -> None:
    """Send a request, and close the connection once something is so."""
    content = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    with socket.create_connection((client.base_url.host, client.base_url.port or 0)) as connection:
        connection.sendall(f"{head}content-length: {len(content)}\r\n\r\n".encode() + content)
        wait_until(so)


# -- leaving ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v1/ask", "/v1/chat/completions"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_ends_the_call_of_the_chat_model(
    make_library: MakeLibrary, path: str, stream: bool
) -> None:
    left: list[float] = []

    def trickles(handler: model.Handler, _: model.Request) -> None:
        handler.start()
        started = time.monotonic()
        try:
            while time.monotonic() - started < 20:
                handler.say("The ")
                handler.wait(0.05)
        except OSError:
            left.append(time.monotonic() - started)
            raise

    with model.serving(trickles) as server:
        library = make_library(*TOWN, **server.settings)
        body = {"question": QUESTION} if path == "/v1/ask" else {"messages": [{"role": "user", "content": QUESTION}]}
        library.warm_up()
        with served(create_api(Collections(library))) as client:
            leave_when(lambda: bool(server.requests), client, path, body | {"stream": stream})
            wait_until(lambda: bool(left))
            wait_until(lambda: "leadgoose_questions_running 0.0" in client.get("/metrics").text)
            running = client.get("/metrics").text
    assert len(server.requests) == 1
    assert left, "the chat model was still being listened to"
    assert "leadgoose_questions_running 0.0" in running


class Gated:
    """Middleware that lets questions pass a gate, as the service does."""

    def __init__(self, app: Any, gate: Gate) -> None:
        self.app = app
        self.gate = gate

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope.setdefault("state", {})["gate"] = self.gate
        await self.app(scope, receive, send)


def test_a_question_too_many_is_told_when_to_come_again_and_lists_do_not_wait(town_library: Library) -> None:
    gate = Gate(askers=1, queue=0)
    app = create_api(Collections(town_library))
    app.add_middleware(Gated, gate=gate)
    with served(app) as client, gate.entered():
        for path, body in (
            ("/v1/ask", {"question": QUESTION}),
            ("/v1/ask", {"question": QUESTION, "stream": True}),
            ("/v1/search", {"query": QUESTION}),
        ):
            response = client.post(path, json=body)
            assert "too many" in error_of(response, 429)
            assert int(response.headers["retry-after"]) > 0
        chat = client.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": QUESTION}]})
        assert (chat.status_code, chat.json()["error"]["type"]) == (429, "rate_limit_error")
        assert client.get("/v1/documents").json()["total"] == len(TOWN)
        assert "leadgoose_questions_running 1.0" in client.get("/metrics").text


@pytest.mark.parametrize("stream", [False, True])
def test_a_service_that_ends_says_so_to_those_whose_answers_it_gives_up(
    make_library: MakeLibrary, stream: bool
) -> None:
    with model.serving(model.falls_silent) as server:
        library = make_library(*TOWN, **server.settings)
        library.warm_up()
        gate = Gate(askers=1, queue=0)
        app = create_api(Collections(library))
        app.add_middleware(Gated, gate=gate)
        with served(app) as client, ThreadPoolExecutor(1) as pool:
            asked = pool.submit(client.post, "/v1/ask", json={"question": QUESTION, "stream": stream})
            wait_until(lambda: bool(server.requests))
            gate.cancel()
            response = asked.result(30)
        assert gate.idle
    if stream:
        name, last = events_of(response.text)[-1]
        assert (name, list(last)) == ("error", ["error"])
        assert "given up" in last["error"]
    else:
        assert "given up" in error_of(response, 503)


# -- OpenAI's client --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chat(client: httpx.Client) -> Iterator[openai.OpenAI]:
    with httpx.Client(trust_env=False) as http:
        yield openai.OpenAI(base_url=f"{client.base_url}/v1", api_key="none", http_client=http, max_retries=0)


def messages(*texts: str) -> list[Any]:
    return [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(texts)]


def test_openais_client_gets_the_answer_with_marks_and_sources_and_the_object_beside_it(
    chat: openai.OpenAI, client: httpx.Client
) -> None:
    completion = chat.chat.completions.create(model="leadgoose", messages=messages(QUESTION))
    said = completion.choices[0].message.content or ""
    assert said.startswith("The harbour of Norrwick employs 41 pilots. [1]")
    assert "\n\nSources:\n[1] Pilots of Norrwick harbour: “" in said
    answer = (completion.model_extra or {})["leadgoose"]
    assert same(answer) == same(client.post("/v1/ask", json={"question": QUESTION}).json())
    bare = chat.chat.completions.create(
        model="leadgoose", messages=messages(QUESTION), extra_body={"sources": False}, temperature=0.3
    )
    assert bare.choices[0].message.content == marked_text(Answer.from_dict(answer))


def test_openais_client_streams_the_same_text_as_it_gets_whole(chat: openai.OpenAI) -> None:
    for question in (QUESTION, UNRELATED):
        whole = chat.chat.completions.create(model="leadgoose", messages=messages(question))
        chunks = list(chat.chat.completions.create(model="leadgoose", messages=messages(question), stream=True))
        said = "".join(c.choices[0].delta.content or "" for c in chunks)
        assert said == whole.choices[0].message.content
        assert chunks[-1].choices[0].finish_reason == "stop"
        assert same((chunks[-1].model_extra or {})["leadgoose"]) == same((whole.model_extra or {})["leadgoose"])


def test_earlier_messages_are_the_conversation_of_a_follow_up(chat: openai.OpenAI) -> None:
    first, follow_up = "Who built the lighthouse of Norrwick?", "How far can its lamp be seen?"
    said = chat.chat.completions.create(model="leadgoose", messages=messages(first)).choices[0].message.content or ""
    asked = [{"role": "system", "content": "Answer in rhymes."}, *messages(first, said, follow_up)]
    completion = chat.chat.completions.create(model="leadgoose", messages=asked, extra_body={"threshold": 0.0})
    assert "31 kilometres" in (completion.choices[0].message.content or "")
    query = (completion.model_extra or {})["leadgoose"]["query"]
    assert query == "How far can the lighthouse of Norrwick’s lamp be seen?"


def test_each_library_is_a_model(chat: openai.OpenAI) -> None:
    assert [m.id for m in chat.models.list()] == ["leadgoose", "leadgoose/empty", "leadgoose/work"]
    assert chat.models.retrieve("leadgoose/work").owned_by == "leadgoose"
    completion = chat.chat.completions.create(model="leadgoose/work", messages=messages(QUESTION))
    assert "41 pilots" in (completion.choices[0].message.content or "")


def test_errors_have_the_shape_that_openais_client_reads(chat: openai.OpenAI) -> None:
    for name in ("gpt-9", "leadgoose/nowhere"):
        with pytest.raises(openai.NotFoundError) as unknown:
            chat.chat.completions.create(model=name, messages=messages(QUESTION))
        assert unknown.value.code == "model_not_found"
        with pytest.raises(openai.NotFoundError):
            chat.models.retrieve(name)
    picture: Any = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]
    for asked in (messages(" "), messages("Who?", "He."), picture):
        with pytest.raises(openai.BadRequestError) as refused:
            chat.chat.completions.create(model="leadgoose", messages=asked)
        assert refused.value.type == "invalid_request_error"
    with pytest.raises(openai.ConflictError, match="holds no documents"):
        chat.chat.completions.create(model="leadgoose/empty", messages=messages(QUESTION))


def test_what_a_chat_model_replaces_is_not_streamed(make_library: MakeLibrary) -> None:
    def slow(handler: model.Handler, request: model.Request) -> None:
        handler.wait(1.8)
        model.says(model.HARBOUR_REPLY, pause_s=0.01)(handler, request)

    with model.serving(slow) as server:
        library = make_library(*TOWN, **server.settings)
        with served(create_api(Collections(library))) as client, httpx.Client(trust_env=False) as http:
            chat = openai.OpenAI(base_url=f"{client.base_url}/v1", api_key="none", http_client=http, max_retries=0)
            chunks = list(
                chat.chat.completions.create(
                    model="leadgoose", messages=messages(QUESTION), stream=True, extra_body={"sources": False}
                )
            )
    answer = Answer.from_dict((chunks[-1].model_extra or {})["leadgoose"])
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == marked_text(answer)
    assert answer.models["answerer"] == "fake"


@pytest.mark.parametrize("question", [QUESTION, "面包店几点开门？"])
def test_marks_and_sources_are_taken_off_an_answer_that_comes_back(town_library: Library, question: str) -> None:
    answer = town_library.ask(question, threshold=0.0)
    assert sources_text(answer)
    assert unmarked(marked_text(answer) + sources_text(answer)) == answer.text


def test_the_folder_of_a_library_is_told_to_none_but_administrators(tmp_path: Path) -> None:
    from fastapi import Request

    from rag.web.access import Caller, Role
    from rag.web.error_responses import public

    message = f"process 7 is writing to the library {tmp_path}/library; GET /v1/documents lists the ids"
    scope: dict[str, Any] = {"type": "http", "state": {"caller": Caller("reader", {"*": Role.READ})}}
    assert public(Request(scope), message) == (
        "process 7 is writing to the library library; GET /v1/documents lists the ids"
    )
    assert public(Request({"type": "http", "state": {}}), message) == message
