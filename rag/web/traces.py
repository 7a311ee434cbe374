"""Sends spans to whoever collects them by OpenTelemetry's protocol; the packages are the extra ``otel``.

Where to is said by the variables that all of OpenTelemetry reads, such as ``OTEL_EXPORTER_OTLP_ENDPOINT``.
Reference: https://opentelemetry.io/docs/specs/otel/protocol/exporter/
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rag import tracing
from rag.errors import ConfigurationError

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
SERVICE = "leadgoose"


@contextmanager
def traced(exporter: Any = None) -> Iterator[None]:
    """Send spans inside the context, if the environment names where to.

    Args:
        exporter: What sends them instead; ``None`` for OpenTelemetry's own protocol over HTTP.

    Yields:
        Nothing.

    Raises:
        ConfigurationError: They are to be sent and the packages are missing.
    """
    if exporter is None and not any(os.environ.get(name) for name in ENDPOINTS):
        yield
        return
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        if exporter is None:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            exporter = OTLPSpanExporter()
    except ImportError as error:
        raise ConfigurationError(
            f"{ENDPOINTS[0]} is set and what sends traces is not installed; run: pip install 'leadgoose[otel]'"
        ) from error
    name = os.environ.get("OTEL_SERVICE_NAME", SERVICE)
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracing.trace_with(provider.get_tracer(SERVICE))
    try:
        yield
    finally:
        tracing.trace_with(None)
        provider.shutdown()


def caller_context(headers: Mapping[str, str]) -> Any:
    """Return the context that a request was sent in, if its headers tell of one and spans are collected."""
    if "traceparent" not in headers:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract(dict(headers))
