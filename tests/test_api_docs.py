"""The pages on the interfaces for programs: every request and every program in them works as printed."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_server import served
from conftest import TOWN

from rag import Library
from rag.web.api import create_api
from rag.web.collections import Collections

ROOT = Path(__file__).resolve().parent.parent
ADDRESS = "http://127.0.0.1:7860"
GOLD = {"id": "a", "question": "Who?", "answers": ["41"], "answerable": True, "evidence": [], "tags": []}
FILES = {
    "mill.md": b"The mill of Norrwick grinds barley.",
    "ferry.txt": b"The ferry of Norrwick leaves at nine.",
    "gold.jsonl": json.dumps(GOLD).encode() + b"\n",
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("docs")
    with Library.open(folder / "first") as first, Collections(first, root=folder / "more") as collections:
        first.add(TOWN)
        with served(create_api(collections), lifespan="on") as client:
            yield client


def blocks(page: str, language: str) -> list[str]:
    """The blocks of code of a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / "docs" / page).read_text(), re.MULTILINE | re.DOTALL)


def send(client: httpx.Client, command: str) -> httpx.Response:
    """Send what a line of curl sends."""
    words = iter(shlex.split(command.replace("\\\n", " "))[1:])
    method, url, headers, body, files = "", "", {}, None, []
    for word in words:
        if word == "-X":
            method = next(words)
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(words)
        elif word == "-F":
            name, _, value = next(words).partition("=")
            known = value.removeprefix("@")
            part: Any = (known, FILES[known]) if value.startswith("@") else (None, value)
            files.append((name, part))
        elif word != "-N":
            url = word
    assert url.startswith(ADDRESS), command
    method = method or ("POST" if body or files else "GET")
    return client.request(method, url.removeprefix(ADDRESS), headers=headers, content=body, files=files or None)


def test_every_request_of_the_page_works_as_printed(service: httpx.Client) -> None:
    commands = [
        command
        for block in blocks("http-api.md", "sh")
        for command in re.split(r"\n(?=curl)", block.strip())
        if command.startswith("curl")
    ]
    assert len(commands) >= 14
    for command in commands:
        response = send(service, command)
        assert response.status_code < 300, (command, response.text)
        if "text/event-stream" in command:
            assert "event: answer" in response.text


@pytest.mark.parametrize("page", ["http-api.md", "mcp.md"])
def test_every_program_of_the_pages_runs(service: httpx.Client, page: str, capsys: pytest.CaptureFixture[str]) -> None:
    (program,) = blocks(page, "python")
    exec(compile(program.replace(ADDRESS, str(service.base_url).rstrip("/")), page, "exec"), {})
    assert "Ada Lindqvist" in capsys.readouterr().out


def test_every_address_of_the_page_is_described(service: httpx.Client) -> None:
    paths = set(service.get("/openapi.json").json()["paths"])
    page = (ROOT / "docs" / "http-api.md").read_text()
    for address in re.findall(r"`(?:GET|POST|DELETE) (/[^`?]*)`", page):
        assert address in paths | {"/openapi.json"} or address.replace("{id}", "{evaluation_id}") in paths, address
    mentioned = page.replace("{id}", "{evaluation_id}")
    unsaid = [p for p in paths if re.sub(r"/\{.*", "", p) not in mentioned]
    assert not unsaid
