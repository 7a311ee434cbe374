"""One answer object: the same question gives the same JSON whatever it is asked through."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import openai
import pytest
from api_server import served
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from rag import Library
from rag.cli import main
from rag.web.api import create_api
from rag.web.collections import Collections
from rag.web.export import conversation_json
from rag.web.history import Turn

QUESTIONS = [
    "How many pilots does the harbour of Norrwick employ?",
    "面包店几点开门？",
    "Which enzyme unwinds the double helix during replication?",
]


@pytest.fixture(scope="module")
def service(town_library: Library) -> Iterator[httpx.Client]:
    with served(create_api(Collections(town_library)), lifespan="on") as client:
        yield client


def told_by_http(service: httpx.Client, question: str) -> Any:
    return service.post("/v1/ask", json={"question": question}).json()


def told_by_the_last_event(service: httpx.Client, question: str) -> Any:
    text = service.post("/v1/ask", json={"question": question, "stream": True}).text
    *_, last = [line for line in text.splitlines() if line.startswith("data: ")]
    return json.loads(last.removeprefix("data: "))


def told_to_openais_client(service: httpx.Client, question: str, *, stream: bool = False) -> Any:
    messages: Any = [{"role": "user", "content": question}]
    with httpx.Client(trust_env=False) as http:
        chat = openai.OpenAI(base_url=f"{service.base_url}/v1", api_key="none", http_client=http)
        told: Any = chat.chat.completions.create(model="leadgoose", messages=messages, stream=stream)
        return (list(told)[-1] if stream else told).model_extra["leadgoose"]


def told_in_openais_stream(service: httpx.Client, question: str) -> Any:
    return told_to_openais_client(service, question, stream=True)


HTTP = [told_by_http, told_by_the_last_event, told_to_openais_client, told_in_openais_stream]


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("told", HTTP)
def test_what_http_tells_is_what_python_is_told(
    service: httpx.Client, town_library: Library, told: Callable[[httpx.Client, str], Any], question: str
) -> None:
    assert plain(told(service, question)) == plain(town_library.ask(question).to_dict())


@pytest.mark.parametrize("question", QUESTIONS)
async def test_what_a_tool_tells_is_what_python_is_told(
    service: httpx.Client, town_library: Library, question: str
) -> None:
    async with Client(streamable_http_client(f"{service.base_url}/mcp")) as client:
        told = (await client.call_tool("ask", {"question": question})).structured_content
    assert plain(told) == plain(town_library.ask(question).to_dict())


def test_what_the_command_line_prints_is_what_python_is_told(
    town_library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--library", str(town_library.path), "ask", QUESTIONS[0], "--json"]) == 0
    assert plain(json.loads(capsys.readouterr().out)) == plain(town_library.ask(QUESTIONS[0]).to_dict())


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_the_chat_is_taken_away_as_is_what_python_is_told(town_library: Library, question: str) -> None:
    *_, answer = town_library.stream(question)
    (row,) = json.loads(conversation_json([Turn(question, answer, done=True)]))["conversation"]
    assert plain(row["answer"]) == plain(town_library.ask(question).to_dict())


def plain(answer: dict[str, Any]) -> Any:
    """An answer as it is read from JSON, without how long it took."""
    return json.loads(json.dumps(answer | {"timings_s": {}}))
