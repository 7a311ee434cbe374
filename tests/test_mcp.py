"""The tools over the Model Context Protocol, called by the protocol's own client, on both transports."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import chat_server as model
import httpx
import httpx2
import pytest
from api_server import served
from conftest import TOWN, MakeLibrary
from fastapi import FastAPI
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from rag import Library
from rag.cli import main
from rag.web.access import Caller, Role
from rag.web.api import create_api
from rag.web.collections import Collections
from rag.web.mcp_tools import TOOLS, ToolError, Tools

ROOT = Path(__file__).resolve().parent.parent
QUESTION = "How many pilots does the harbour of Norrwick employ?"


@pytest.fixture(scope="module")
def service(town_library: Library) -> Iterator[httpx.Client]:
    with served(create_api(Collections(town_library)), lifespan="on") as client:
        yield client


@asynccontextmanager
async def over_http(service: httpx.Client, **headers: str) -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(trust_env=False, timeout=60, headers=headers) as http,
        Client(streamable_http_client(f"{service.base_url}/mcp", http_client=http)) as client,
    ):
        yield client


@asynccontextmanager
async def over_stdio(library: Library, copy: Path) -> AsyncIterator[Client]:
    """A client of `rag mcp`, whose standard output is copied to a file."""
    arguments = [sys.executable, "-m", "rag", "--library", str(library.path), "mcp"]
    kept = {name: os.environ[name] for name in ("RAG_CACHE", "PATH", "OMP_NUM_THREADS") if name in os.environ}
    started = StdioServerParameters(
        command="sh",
        args=["-c", '"$@" | tee "$0"', str(copy), *arguments],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), **kept},
    )
    with open(os.devnull, "w") as nowhere:
        async with Client(stdio_client(started, errlog=nowhere)) as client:
            yield client


async def check_all_tools(client: Client, library: Library) -> None:
    """Call every tool as a program would: list, ask, open what is cited, search."""
    listed = (await client.list_tools()).tools
    assert [tool.name for tool in listed] == list(TOOLS)
    assert all(tool.description and tool.input_schema and tool.output_schema for tool in listed)

    answered = await client.call_tool("ask", {"question": QUESTION})
    answer = answered.structured_content
    expected = library.ask(QUESTION).to_dict()
    assert {**answer, "timings_s": {}} == {**json.loads(json.dumps(expected)), "timings_s": {}}
    assert answered.content[0].text.startswith("The harbour of Norrwick employs 41 pilots. [1]\n\nSources:\n[1] ")

    place = {key: answer["citations"][0][key] for key in ("document_id", "start_char", "end_char")}
    opened = (await client.call_tool("open_source", place)).structured_content
    assert opened["text"] == answer["citations"][0]["quote"]

    found = (await client.call_tool("search", {"query": "lighthouse", "k": 1})).structured_content
    assert [hit["document_id"] for hit in found["hits"]] == ["old/lighthouse.md"]
    documents = (await client.call_tool("list_documents", {"query": "lighthouse"})).structured_content
    assert [d["id"] for d in documents["documents"]] == ["old/lighthouse.md"]

    for name, arguments, said in (
        ("ask", {"question": " "}, "empty"),
        ("ask", {"question": "Who?", "library": "nowhere"}, "'nowhere'"),
        ("open_source", {"document_id": "none", "start_char": 0, "end_char": 1}, "'none'"),
        ("open_source", {**place, "end_char": 10**6}, "end_char"),
        ("search", {"query": "x", "k": 0}, "k: "),
    ):
        refused = await client.call_tool(name, arguments)
        assert refused.is_error, (name, arguments)
        assert said in refused.content[0].text
        assert "Traceback" not in refused.content[0].text


async def test_every_tool_over_http(service: httpx.Client, town_library: Library) -> None:
    async with over_http(service) as client:
        await check_all_tools(client, town_library)


async def test_every_tool_over_standard_input_and_output_which_holds_nothing_else(
    town_library: Library, tmp_path: Path
) -> None:
    async with over_stdio(town_library, tmp_path / "output") as client:
        await check_all_tools(client, town_library)
    lines = (tmp_path / "output").read_text().splitlines()
    assert len(lines) > len(TOOLS)
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in lines)


def test_a_library_that_is_none_is_one_line_on_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--library", str(tmp_path / "none"), "mcp"]) == 1
    said = capsys.readouterr()
    assert (said.out, len(said.err.splitlines())) == ("", 1)


def test_without_the_package_the_command_says_how_to_get_it_and_the_service_does_without(
    town_library: Library, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rag.web.mcp_server.is_installed", lambda: False)
    assert main(["--library", str(town_library.path), "mcp"]) == 1
    assert "pip install 'leadgoose[mcp]'" in capsys.readouterr().err
    with served(create_api(Collections(town_library)), lifespan="on") as service:
        assert service.post("/mcp", json={}).status_code == 404
        assert service.get("/health").status_code == 200


def test_without_sessions_there_is_nothing_to_listen_to(service: httpx.Client) -> None:
    for method in ("GET", "DELETE"):
        response = service.request(method, "/mcp", headers={"accept": "text/event-stream"})
        assert (response.status_code, response.headers["allow"], list(response.json())) == (405, "POST", ["error"])


async def test_a_page_of_another_host_cannot_call_the_tools(service: httpx.Client) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-06-18"}
    own = service.post("/mcp", json=body, headers=headers | {"origin": str(service.base_url).rstrip("/")})
    assert own.status_code == 200
    other = service.post("/mcp", json=body, headers=headers | {"origin": "http://evil.example"})
    assert (other.status_code, list(other.json())) == (403, ["error"])


async def test_a_caller_may_call_a_tool_for_the_libraries_that_they_may_read(town_library: Library) -> None:
    app = create_api(Collections(town_library))
    callers = {"reader": Caller("reader", {"default": Role.READ}), "other": Caller("other", {"work": Role.ADMIN})}

    class Known:
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                name = dict(scope["headers"]).get(b"x-caller", b"reader").decode()
                scope.setdefault("state", {})["caller"] = callers[name]
            await self.inner(scope, receive, send)

    app.add_middleware(Known)
    assert isinstance(app, FastAPI)
    with served(app, lifespan="on") as service:
        async with over_http(service, **{"x-caller": "reader"}) as client:
            assert not (await client.call_tool("ask", {"question": QUESTION})).is_error
            assert (await client.call_tool("ask", {"question": QUESTION, "library": "work"})).is_error
        async with over_http(service, **{"x-caller": "other"}) as client:
            refused = await client.call_tool("list_documents", {})
            assert refused.is_error
            assert "may not read" in refused.content[0].text


async def test_a_call_that_is_given_up_ends_the_call_of_the_chat_model(make_library: MakeLibrary) -> None:
    left: list[float] = []

    def trickles(handler: model.Handler, _: model.Request) -> None:
        handler.start()
        try:
            while not handler.server.closing.is_set():
                handler.say("The ")
                handler.wait(0.05)
        except OSError:
            left.append(time.monotonic())
            raise

    with model.serving(trickles) as server:
        library = make_library(*TOWN, **server.settings)
        library.warm_up()
        call = asyncio.ensure_future(Tools(Collections(library)).call("ask", {"question": QUESTION}, None))
        until = time.monotonic() + 20
        while not server.requests and time.monotonic() < until:
            await asyncio.sleep(0.02)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        while not left and time.monotonic() < until:
            await asyncio.sleep(0.02)
    assert left


async def test_a_tool_that_is_none_is_named_with_those_there_are(town_library: Library) -> None:
    with pytest.raises(ToolError, match="ask, search, open_source, list_documents"):
        await Tools(Collections(town_library)).call("delete", {}, None)
