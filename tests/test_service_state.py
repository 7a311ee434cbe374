"""What those who run the service are told, and evaluations that run in it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_server import error_of, served
from conftest import TOWN, MakeLibrary
from prometheus_client.parser import text_string_to_metric_families

from rag import Library
from rag.errors import ModelError
from rag.web.api import create_api
from rag.web.collections import Collections

GOLD = [
    {"id": "pilots", "question": "How many pilots does the harbour of Norrwick employ?", "answers": ["41"],
     "answerable": True, "evidence": [{"document_id": "harbour.md", "quote": "employs 41 pilots"}], "tags": []},
    {"id": "enzyme", "question": "Which enzyme unwinds the double helix?", "answers": [], "answerable": False,
     "evidence": [], "tags": []},
]  # fmt: skip


class Slow(Library):
    """A library whose every look takes until it is let go."""

    go: threading.Event

    def statistics(self) -> dict[str, Any]:
        self.go.wait(20)
        return super().statistics()

    def warm_up(self) -> None:
        self.go.wait(20)


@pytest.fixture
def slow(town_library: Library) -> Iterator[Slow]:
    with Slow.open(town_library.path, create=False) as library:
        assert isinstance(library, Slow)
        library.go = threading.Event()
        yield library
        library.go.set()


@pytest.fixture(scope="module")
def client(town_library: Library) -> Iterator[httpx.Client]:
    with served(create_api(Collections(town_library))) as client:
        yield client


def lines(client: httpx.Client) -> dict[tuple[str, ...], float]:
    """The figures of the service by name and labels."""
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {(s.name, *map(str, s.labels.values())): s.value for family in families for s in family.samples}


def test_health_answers_at_once_while_the_library_does_not(slow: Slow) -> None:
    with served(create_api(Collections(slow))) as client:
        start = time.monotonic()
        assert client.get("/health").json() == {"status": "ok", "statistics": {}}
        assert time.monotonic() - start < 5
        slow.go.set()
        client.get("/v1/libraries")
        assert client.get("/health").json()["statistics"]["documents"] == len(TOWN)


def test_the_service_is_ready_when_its_models_are_loaded_and_not_before(slow: Slow) -> None:
    with served(create_api(Collections(slow))) as client:
        response = client.get("/ready")
        assert "loaded" in error_of(response, 503)
        assert int(response.headers["retry-after"]) > 0
        slow.go.set()
        until = time.monotonic() + 20
        while client.get("/ready").status_code != 200 and time.monotonic() < until:
            time.sleep(0.02)
        assert client.get("/ready").json() == {"status": "ready"}


def test_a_service_that_cannot_get_ready_says_why(make_library: MakeLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    library = make_library(*TOWN)

    def broken() -> None:
        raise ModelError("the weights are not\nwhat they were")

    monkeypatch.setattr(library, "warm_up", broken)
    with served(create_api(Collections(library))) as client:
        until = time.monotonic() + 20
        while "weights" not in client.get("/ready").text and time.monotonic() < until:
            time.sleep(0.02)
        assert error_of(client.get("/ready"), 503) == "the weights are not what they were"


def test_an_empty_library_is_ready_to_be_filled(make_library: MakeLibrary) -> None:
    with served(create_api(Collections(make_library()))) as client:
        until = time.monotonic() + 20
        while client.get("/ready").status_code != 200 and time.monotonic() < until:
            time.sleep(0.02)
        assert client.get("/ready").status_code == 200


def test_requests_answers_and_abstentions_are_counted_and_no_id_or_question_is_a_label(client: httpx.Client) -> None:
    before = lines(client)
    for threshold in (0.0, 1.0):
        client.post("/v1/ask", json={"question": "A secret question?", "threshold": threshold})
    client.get("/v1/documents/harbour.md")
    client.get("/v1/nothing")
    after = lines(client)

    def more(*labels: str) -> float:
        return after[labels] - before.get(labels, 0.0)

    assert more("leadgoose_http_requests_total", "POST", "/v1/ask", "200") == 2
    assert more("leadgoose_http_requests_total", "GET", "/v1/documents/{document_id:path}", "200") == 1
    assert more("leadgoose_abstentions_total", "default") == 1
    assert more("leadgoose_ask_seconds_count", "default", "api") == 2
    assert after["leadgoose_documents", "default"] == len(TOWN)
    assert after["leadgoose_questions_running",] == 0
    assert not any("secret" in label or "harbour" in label for labels in after for label in labels)


# -- evaluations ------------------------------------------------------------------------------------------------------


def start(client: httpx.Client, rows: list[Any], **form: Any) -> httpx.Response:
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    return client.post("/v1/evaluations", files={"gold": ("town.jsonl", content)}, data=form)


def ended(client: httpx.Client, evaluation_id: str) -> Any:
    until = time.monotonic() + 60
    while True:
        found = client.get(f"/v1/evaluations/{evaluation_id}").json()
        if found["status"] != "running" or time.monotonic() > until:
            return found
        time.sleep(0.05)


def test_an_evaluation_is_followed_to_its_result_and_its_report(client: httpx.Client) -> None:
    begun = start(client, GOLD)
    assert (begun.status_code, begun.json()["status"], begun.json()["total"]) == (202, "running", 2)
    evaluation_id = begun.json()["id"]
    found = ended(client, evaluation_id)
    assert (found["status"], found["error"], found["done"]) == ("done", "", 2)
    assert found["result"]["questions"] == 2
    assert found["result"]["citations"]["exact"] == 1.0
    report = client.get(f"/v1/evaluations/{evaluation_id}/report")
    assert report.headers["content-type"].startswith("text/html")
    assert "town" in report.text
    listed = client.get("/v1/evaluations").json()["evaluations"]
    assert [e["id"] for e in listed] == [evaluation_id]


def test_there_is_one_evaluation_at_a_time_and_it_can_be_given_up(
    town_library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    asked: list[str] = []
    ask = town_library.ask

    def wait(question: str, **options: Any) -> Any:
        asked.append(question)
        go.wait(20)
        return ask(question, **options)

    monkeypatch.setattr(town_library, "ask", wait)
    with served(create_api(Collections(town_library))) as client:
        evaluation_id = start(client, GOLD).json()["id"]
        assert evaluation_id in error_of(start(client, GOLD), 409)
        error_of(client.get(f"/v1/evaluations/{evaluation_id}/report"), 409)
        client.delete(f"/v1/evaluations/{evaluation_id}")
        go.set()
        assert ended(client, evaluation_id)["status"] == "cancelled"
    assert len(asked) <= 2


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"id": "a"}], "town.jsonl"),
        ([], "town.jsonl"),
        ([GOLD[0] | {"evidence": [{"document_id": "none.md", "quote": "x"}]}], "none.md"),
    ],
)
def test_a_gold_set_that_cannot_be_used_is_refused_by_its_own_name(
    client: httpx.Client, rows: list[Any], said: str, tmp_path: Path
) -> None:
    response = start(client, rows)
    if response.status_code == 202:
        found = ended(client, response.json()["id"])
        assert (found["status"], found["result"]) == ("failed", None)
        message = found["error"]
    else:
        message = error_of(response, 422)
    assert said in message
    assert "leadgoose-gold" not in message


def test_an_evaluation_that_is_not_known_is_a_404(client: httpx.Client) -> None:
    for path in ("/v1/evaluations/none", "/v1/evaluations/none/report"):
        assert "none" in error_of(client.get(path), 404)
