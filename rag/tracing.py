"""Spans around the stages of a question, for whoever collects them; nothing at all where nobody does.

Knows nothing of how spans are collected: what does hands in the tracer of OpenTelemetry to begin them with. No
question, answer or document is ever part of a span.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_TRACERS: list[Any] = []


def trace_with(tracer: Any) -> None:
    """Begin spans with a tracer from now on.

    Args:
        tracer: An ``opentelemetry.trace.Tracer``; ``None`` to begin none any more.
    """
    _TRACERS[:] = [] if tracer is None else [tracer]


@contextmanager
def span(name: str, attributes: Mapping[str, Any] | None = None, *, parent: Any = None) -> Iterator[Any]:
    """Be one span, below the one that this thread or task is in.

    Args:
        name: What it is called.
        attributes: What else is told of it.
        parent: The context of OpenTelemetry that it stands in instead.

    Yields:
        The span; ``None`` where nobody collects any.
    """
    if not _TRACERS:
        yield None
        return
    with _TRACERS[0].start_as_current_span(name, context=parent, attributes=dict(attributes or {})) as current:
        yield current


@contextmanager
def span_apart(name: str) -> Iterator[None]:
    """Be one span that no other one stands below: for generators, whose context is that of whoever takes from them.

    Args:
        name: What it is called.

    Yields:
        Nothing.
    """
    started = _TRACERS[0].start_span(name) if _TRACERS else None
    try:
        yield
    finally:
        if started is not None:
            started.end()
