"""The HTTP API, over a real server and a real library."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_server import error_of, served

from rag import Answer, Document, Hit, Library
from rag.dialogue.conversation import Turn
from rag.errors import LibraryDamaged
from rag.schema import Citation, Span
from rag.web.api import create_api
from rag.web.asked import EarlierAnswer
from rag.web.collections import Collections

DOCUMENTS = [
    Document(
        id="harbour/pilots.md",
        title="Pilots of Norrwick harbour",
        date="2023-05-02",
        language="en",
        text="The harbour of Norrwick employs 41 pilots. They brought 6,200 ships into the port in 2022.\n\n"
        "The pilot station was moved to the northern pier in March 2019, after the old one had flooded twice.",
    ),
    Document(
        id="harbour/lighthouse.md",
        title="The lighthouse",
        language="en",
        text="The lighthouse of Norrwick was built in 1874 by Ada Lindqvist. Its lamp can be seen from 31 kilometres.",
    ),
    Document(
        id="bakery café.md",
        title="Bread",
        language="en",
        text="The bakery in Mill Street opens at six in the morning. It sells rye bread, barley bread and oat cakes.",
    ),
]
QUESTIONS = {
    "How many pilots does the harbour of Norrwick employ?": "41",
    "Who built the lighthouse of Norrwick?": "Ada Lindqvist",
    "When does the bakery in Mill Street open?": "six",
}
UNRELATED = "Which enzyme unwinds the double helix during replication?"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("api") / "library") as library:
        library.add(DOCUMENTS)
        yield library


@pytest.fixture(scope="module")
def client(library: Library) -> Iterator[httpx.Client]:
    with served(create_api(Collections(library))) as client:
        yield client


def test_an_answer_has_exactly_the_keys_of_the_schema(client: httpx.Client) -> None:
    body = client.post("/v1/ask", json={"question": "Who built the lighthouse of Norrwick?"}).json()
    assert list(body) == list(Answer(question="", text="").to_dict())
    assert Answer.from_dict(body).to_dict() == body


@pytest.mark.parametrize(("question", "fact"), QUESTIONS.items())
def test_every_quote_of_an_answer_is_the_slice_it_names(client: httpx.Client, question: str, fact: str) -> None:
    answer = client.post("/v1/ask", json={"question": question, "threshold": 0.0}).json()
    assert fact in answer["text"]
    assert answer["citations"]
    for citation in answer["citations"]:
        text = client.get(f"/v1/documents/{citation['document_id']}").json()["text"]
        assert text[citation["start_char"] : citation["end_char"]] == citation["quote"]


def test_several_askers_at_once_each_get_their_own_answer(client: httpx.Client) -> None:
    asked = list(QUESTIONS) * 4
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda q: client.post("/v1/ask", json={"question": q, "threshold": 0.0}).json(), asked))
    assert [a["question"] for a in answers] == asked
    assert all(QUESTIONS[a["question"]] in a["text"] for a in answers)


def test_the_threshold_of_a_request_decides_whether_it_abstains(client: httpx.Client) -> None:
    never = client.post("/v1/ask", json={"question": UNRELATED, "threshold": 0.0}).json()
    assert never["abstained"] is False
    strict = client.post("/v1/ask", json={"question": UNRELATED, "threshold": 1.0}).json()
    assert strict["abstained"] is True
    assert strict["reason"]
    assert strict["citations"] == []


def test_search_returns_ranked_hits(client: httpx.Client) -> None:
    hits = client.post("/v1/search", json={"query": "pilots of the harbour", "k": 2}).json()["hits"]
    assert [hit["rank"] for hit in hits] == [1, 2]
    assert hits[0]["document_id"] == "harbour/pilots.md"
    assert [Hit.from_dict(hit).to_dict() for hit in hits] == hits


def test_the_documents_are_listed_with_their_counts(client: httpx.Client) -> None:
    listed = {d["id"]: d for d in client.get("/v1/documents").json()["documents"]}
    assert set(listed) == {d.id for d in DOCUMENTS}
    assert listed["harbour/pilots.md"]["title"] == "Pilots of Norrwick harbour"
    assert listed["harbour/pilots.md"]["date"] == "2023-05-02"
    assert all(d["passages"] >= 1 for d in listed.values())


@pytest.mark.parametrize("document_id", [d.id for d in DOCUMENTS])
def test_a_document_is_found_by_an_id_with_slashes_spaces_and_accents(client: httpx.Client, document_id: str) -> None:
    body = client.get(f"/v1/documents/{document_id}").json()
    assert body["id"] == document_id
    assert len(body["text"]) == body["characters"] > 0


def test_an_unknown_document_is_a_404_that_names_it(client: httpx.Client) -> None:
    assert "harbour/nothing.md" in error_of(client.get("/v1/documents/harbour/nothing.md"), 404)


@pytest.mark.parametrize("question", ["", " \n\t", "why " * 25_000])
@pytest.mark.parametrize(("path", "key"), [("/v1/ask", "question"), ("/v1/search", "query")])
def test_an_empty_and_an_endless_question_are_refused(client: httpx.Client, path: str, key: str, question: str) -> None:
    assert len(error_of(client.post(path, json={key: question}), 422)) < 500


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "question"),
        ({"question": 7}, "question"),
        ({"question": "Who?", "threshold": 1.5}, "threshold"),
        ({"question": "Who?", "treshold": 0.5}, "treshold"),
    ],
)
def test_a_wrong_field_is_named(client: httpx.Client, body: dict[str, Any], named: str) -> None:
    assert named in error_of(client.post("/v1/ask", json=body), 422)


@pytest.mark.parametrize(
    ("filters", "named"),
    [
        ('{"year": {"$gt": 2022}}', "filter 'year'"),
        ('{"year": null}', "filter 'year'"),
        ('{"year": [2021, [2022]]}', "filter 'year'"),
        ('{"year": NaN}', "filter 'year'"),
        ('{"title": "\\ud800"}', "filter 'title'"),
        ('{"\\ud800": "yes"}', "is no name"),
        ('["year"]', "filters"),
        ('{"date_from": "yesterday"}', "YYYY-MM-DD"),
        ('{"knd": "report"}', "known are document_id"),
    ],
)
def test_filters_that_nothing_can_pass_are_refused(client: httpx.Client, filters: str, named: str) -> None:
    for path, key in (("search", "query"), ("ask", "question")):
        body = f'{{"{key}": "bread", "filters": {filters}}}'.encode()
        response = client.post(f"/v1/{path}", content=body, headers={"content-type": "application/json"})
        assert named in error_of(response, 422)


def test_filters_leave_only_what_passes(client: httpx.Client) -> None:
    for filters, expected in (({"title": "Bread"}, ["bakery café.md"]), ({"title": []}, [])):
        hits = client.post("/v1/search", json={"query": "pilots", "filters": filters}).json()["hits"]
        assert [hit["document_id"] for hit in hits] == expected


def test_an_answer_is_made_of_what_passes(client: httpx.Client) -> None:
    def ask(filters: dict[str, Any]) -> Any:
        return client.post("/v1/ask", json={"question": "Who?", "threshold": 0, "filters": filters}).json()

    assert {hit["document_id"] for hit in ask({"title": "Bread"})["hits"]} == {"bakery café.md"}
    assert "folder=nowhere" in ask({"folder": "nowhere"})["reason"]


@pytest.mark.parametrize("k", [0, -1, 1001, 2.5])
def test_a_number_of_hits_outside_its_range_is_refused(client: httpx.Client, k: float) -> None:
    assert "k" in error_of(client.post("/v1/search", json={"query": "bread", "k": k}), 422)


def test_a_body_that_is_not_json_is_refused(client: httpx.Client) -> None:
    response = client.post("/v1/ask", content=b"{question", headers={"content-type": "application/json"})
    assert "JSON" in error_of(response, 422)


@pytest.mark.parametrize(("path", "key"), [("/v1/ask", "question"), ("/v1/search", "query")])
def test_half_a_surrogate_pair_is_refused(client: httpx.Client, path: str, key: str) -> None:
    body = f'{{"{key}": "who \\ud800"}}'.encode()
    response = client.post(path, content=body, headers={"content-type": "application/json"})
    assert "surrogates" in error_of(response, 422)


def test_a_form_of_another_site_cannot_ask(client: httpx.Client) -> None:
    """A page of another origin may send text/plain without asking the browser first; it must not be read as JSON."""
    body = b'{"question": "Who built the lighthouse?"}'
    error_of(client.post("/v1/ask", content=body, headers={"content-type": "text/plain"}), 422)


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/nothing"), ("POST", "/v1/asks")])
def test_an_unknown_endpoint_is_a_404_that_says_where_the_list_is(client: httpx.Client, method: str, path: str) -> None:
    assert "/openapi.json" in error_of(client.request(method, path), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"), [("GET", "/v1/ask", "POST"), ("PUT", "/v1/documents", "GET, POST")]
)
def test_another_method_than_an_address_takes_is_a_405_that_says_which(
    client: httpx.Client, method: str, path: str, allowed: str
) -> None:
    response = client.request(method, path)
    assert allowed in error_of(response, 405)
    assert response.headers["allow"] == allowed


def test_a_body_without_its_type_is_refused_with_the_header_to_send(client: httpx.Client) -> None:
    response = client.post("/v1/ask", content=b'{"question": "Who?"}')
    assert "Content-Type: application/json" in error_of(response, 422)


def test_health_says_what_the_library_holds(client: httpx.Client) -> None:
    body = client.get("/health").json()
    assert body["status"] == "ok"
    assert body["statistics"]["documents"] == len(DOCUMENTS)
    assert body["statistics"]["passages"] >= len(DOCUMENTS)


def test_the_schema_is_served_but_no_page_that_loads_scripts_from_elsewhere(client: httpx.Client) -> None:
    schema = client.get("/openapi.json").json()
    assert {"/v1/ask", "/v1/search", "/v1/documents", "/v1/documents/{document_id}", "/health"} <= set(schema["paths"])
    assert client.get("/docs").status_code == client.get("/redoc").status_code == 404


def test_trouble_with_the_library_is_a_503_and_a_bug_a_500_and_neither_shows_a_traceback(library: Library) -> None:
    app = create_api(Collections(library))

    @app.get("/damaged")
    def damaged() -> None:
        raise LibraryDamaged("vectors.faiss is cut short;\n  run `rag doctor`")

    @app.get("/broken")
    def broken() -> None:
        raise ZeroDivisionError("a secret of the inside")

    with served(app) as client:
        assert error_of(client.get("/damaged"), 503) == "vectors.faiss is cut short; run `rag doctor`"
        assert "secret" not in error_of(client.get("/broken"), 500)


def test_a_library_is_served_while_it_grows(tmp_path: Path) -> None:
    with Library.open(tmp_path / "growing") as library, served(create_api(Collections(library))) as client:
        assert client.get("/v1/documents").json() == {"documents": [], "total": 0}
        assert client.get("/health").json()["statistics"] == {"documents": 0, "passages": 0}
        assert "rag index" in error_of(client.post("/v1/ask", json={"question": "Who?"}), 409)
        library.add(DOCUMENTS[1:2])
        assert [d["id"] for d in client.get("/v1/documents").json()["documents"]] == ["harbour/lighthouse.md"]
        library.add(DOCUMENTS[:1])
        assert client.get("/health").json()["statistics"]["documents"] == 2
        answer = client.post("/v1/ask", json={"question": next(iter(QUESTIONS)), "threshold": 0.0}).json()
        assert answer["citations"][0]["document_id"] == "harbour/pilots.md"


def test_an_answer_sent_back_points_to_what_it_did_in_python() -> None:
    quote = "It was built in 1874 by Ada Lindqvist."
    cited = Citation(1, "d", "The lighthouse", 40, 40 + len(quote), quote, None, None, 0.5, Span(64, 77))
    answer = Answer("Who built it?", "By her.", citations=(cited,), query="Who built the lighthouse?")
    sent = json.loads(answer.to_json())
    assert Turn.of(EarlierAnswer(**sent).answer()) == Turn.of(answer)
    assert Turn.of(answer).focus == "Ada Lindqvist"


def test_a_follow_up_is_asked_with_the_answers_before_it(client: httpx.Client) -> None:
    first = client.post("/v1/ask", json={"question": "Who built the lighthouse of Norrwick?"}).json()
    asked = {"question": "How far can its lamp be seen?", "threshold": 0.0}
    whole = client.post("/v1/ask", json={**asked, "history": [first]}).json()
    brief = client.post("/v1/ask", json={**asked, "history": [{"question": first["question"]}]}).json()
    assert whole["question"] == asked["question"]
    assert whole["query"] == brief["query"] == "How far can the lighthouse of Norrwick’s lamp be seen?"
    assert "31 kilometres" in whole["text"]
    assert client.post("/v1/ask", json={**asked, "history": []}).json()["query"] == ""


@pytest.mark.parametrize(
    ("history", "named"),
    [
        ("all of it", "history"),
        ([{"text": "no question"}], "history.question"),
        ([{"question": 7}], "history.question"),
        ([{"question": "q", "citations": [{"title": "t"}]}], "history.citations.quote"),
        ([{"question": "q"}] * 101, "history"),
        ([{"question": "\ud800"}], "history.question"),
    ],
)
def test_a_history_that_is_none_is_one_line(client: httpx.Client, history: Any, named: str) -> None:
    content = json.dumps({"question": "Why?", "history": history})
    response = client.post("/v1/ask", content=content, headers={"content-type": "application/json"})
    assert error_of(response, 422).startswith(f"{named}: ")
