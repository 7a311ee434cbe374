"""The API's description of itself: every endpoint with examples, and no request that breaks what it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_server import served
from conftest import HARBOUR

from eval.bench_api import exercise
from rag import Library
from rag.web.api import create_api
from rag.web.collections import Collections


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("described")
    with (
        Library.open(folder / "first") as first,
        Collections(first, root=folder / "more") as collections,
        served(create_api(collections)) as client,
    ):
        first.add([HARBOUR])
        collections.create("work").add([HARBOUR])
        collections.create("empty")
        while client.get("/ready").status_code != 200:
            pass
        yield client


def test_no_request_breaks_the_service_and_every_response_is_one_that_is_described(client: httpx.Client) -> None:
    found = exercise(str(client.base_url).rstrip("/"), examples=4)
    assert {one.endpoint: one.faults for one in found if one.faults} == {}
    statuses = {one.endpoint: one.statuses for one in found}
    for endpoint, status in (
        ("POST /v1/ask", 200),
        ("POST /v1/search", 200),
        ("GET /v1/documents/{document_id}", 200),
        ("POST /v1/libraries", 201),
    ):
        assert statuses[endpoint][status], (endpoint, statuses[endpoint])


def test_every_endpoint_is_described_with_a_summary_its_errors_and_examples(client: httpx.Client) -> None:
    schema = client.get("/openapi.json").json()
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            assert operation["tags"], (method, path)
            for status, response in operation["responses"].items():
                assert response["description"], (method, path, status)
            assert shows_an_example(schema, operation), (method, path)
            if "application/json" in operation.get("requestBody", {}).get("content", {}):
                content = operation["requestBody"]["content"]["application/json"]
                assert resolved(schema, content["schema"]).get("examples"), (method, path)


def test_the_examples_of_the_description_can_be_sent(client: httpx.Client) -> None:
    schema = client.get("/openapi.json").json()
    sent = 0
    for path, operations in schema["paths"].items():
        content = operations.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json")
        for example in resolved(schema, content["schema"])["examples"] if content else ():
            response = client.post(path, json=example)
            assert response.status_code < 300 or "no document" in response.text or response.status_code == 409, (
                path,
                response.text,
            )
            sent += 1
    assert sent >= 5


def shows_an_example(schema: Any, operation: Any) -> bool:
    """Whether a response that all goes well with has one, its own or its schema's; a report is a page, and has none."""
    found = next(response for status, response in operation["responses"].items() if int(status) < 300)
    contents = found["content"]
    return "text/html" in contents or any(
        "example" in content or "examples" in resolved(schema, content["schema"]) for content in contents.values()
    )


def resolved(schema: Any, part: Any) -> Any:
    """A part of a schema that may be named by a reference."""
    reference = part.get("$ref", "")
    return schema["components"]["schemas"][reference.rsplit("/", 1)[-1]] if reference else part


def test_the_description_is_one_json_document_without_anything_of_this_machine(client: httpx.Client) -> None:
    text = client.get("/openapi.json").text
    assert str(Path.home()) not in text
    assert json.loads(text)["openapi"].startswith("3.")
