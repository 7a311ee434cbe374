"""Traces of OpenTelemetry, collected in memory."""

from __future__ import annotations

import pytest
from api_server import served
from conftest import HARBOUR, MakeLibrary
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from rag import Library, tracing
from rag.errors import ConfigurationError
from rag.web.api import create_api
from rag.web.collections import Collections
from rag.web.guard import Guard
from rag.web.house import House, Limits
from rag.web.known import Known
from rag.web.needed import Needed
from rag.web.queueing import Gate
from rag.web.rate import Rate
from rag.web.request_log import Requests
from rag.web.sessions import Sessions
from rag.web.tokens import FILE, Tokens
from rag.web.traces import traced

QUESTION = "How many pilots does the harbour of Norrwick employ?"
STAGES = ["understand", "retrieve", "rerank", "answer", "cite"]


def test_every_stage_of_a_question_is_a_span_below_whatever_asked(town_library: Library) -> None:
    exporter = InMemorySpanExporter()
    with traced(exporter), tracing.span("asker"):
        town_library.ask(QUESTION)
    *stages, asker = exporter.get_finished_spans()
    assert [span.name for span in stages] == STAGES
    assert {span.parent.span_id for span in stages if span.parent} == {asker.context.span_id}
    assert asker.resource.attributes["service.name"] == "leadgoose"
    assert not any(word in span.to_json() for span in stages for word in ("pilots", "Norrwick"))


def test_nothing_is_traced_unless_somebody_collects(town_library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    with traced(), tracing.span("asker") as span:
        assert span is None
        assert town_library.ask(QUESTION).citations


def test_a_request_is_the_span_that_its_stages_stand_below(make_library: MakeLibrary) -> None:
    exporter = InMemorySpanExporter()
    sent = {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}
    library = make_library(HARBOUR)
    app = create_api(Collections(library))
    house = House(
        needed=Needed(list(app.routes)),
        known=Known(Tokens(library.path / FILE), Sessions()),
        gate=Gate(askers=1, queue=0),
        rate=Rate(100),
        limits=Limits.of(library.settings),
        requests=Requests(),
        names={"127.0.0.1"},
    )
    with traced(exporter):
        with served(Guard(app, house)) as client:  # type: ignore[arg-type]
            response = client.post("/v1/ask", json={"question": QUESTION}, headers=sent)
        assert response.status_code == 200
    *stages, request = exporter.get_finished_spans()
    assert [span.name for span in stages] == STAGES
    assert request.name == "POST /v1/ask"
    assert request.attributes is not None
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["rag.request_id"] == response.headers["x-request-id"]
    assert {span.parent.span_id for span in stages if span.parent} == {request.context.span_id}
    assert format(request.context.trace_id, "x") == "ab" * 16


def test_without_the_packages_it_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    with pytest.raises(ConfigurationError, match=r"leadgoose\[otel\]"), traced():
        pass
