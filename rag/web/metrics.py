"""What Prometheus is told: requests, questions, and what libraries hold; knows names of routes, never what was asked.

Reference: https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client import generate_latest as rendered
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from rag.schema import Answer
    from rag.web.figures import Figures
    from rag.web.queueing import Gate

# An answer in the documents' own words takes some hundredths of a second, one in a chat model's up to its deadline.
BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
UNKNOWN, CLIENT_LEFT = "unknown", 499


class Metrics:
    """The figures of one service; nothing is kept in the process beside them.

    Attributes:
        media_type: Of the text.
    """

    media_type = CONTENT_TYPE_LATEST

    def __init__(self, figures: Figures) -> None:
        """Begin to count.

        Args:
            figures: Knows what libraries hold.
        """
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "leadgoose_http_requests", "Requests by route and status", ("method", "route", "status"),
            registry=self._registry,
        )  # fmt: skip
        self.asks = Histogram(
            "leadgoose_ask_seconds", "Time to the whole answer", ("library", "surface"), buckets=BUCKETS_S,
            registry=self._registry,
        )  # fmt: skip
        self.abstentions = Counter(
            "leadgoose_abstentions", "Questions that the documents do not answer", ("library",),
            registry=self._registry,
        )  # fmt: skip
        self.running = Gauge("leadgoose_questions_running", "Questions being answered", registry=self._registry)
        self.waiting = Gauge("leadgoose_questions_waiting", "Questions that wait", registry=self._registry)
        self._registry.register(_Held(figures))
        ProcessCollector(registry=self._registry)

    def answered(self, answer: Answer, *, library: str, surface: str, seconds: float) -> None:
        """Count an answer.

        Args:
            answer: The answer.
            library: Name of the library asked.
            surface: What it was asked through.
            seconds: Wall time until it was whole.
        """
        self.asks.labels(library, surface).observe(seconds)
        if answer.abstained:
            self.abstentions.labels(library).inc()

    def text(self, gate: Gate) -> bytes:
        """Return all figures in Prometheus' text format.

        Args:
            gate: What questions pass.

        Returns:
            The text, in UTF-8.
        """
        self.running.set(gate.running)
        self.waiting.set(gate.waiting)
        return rendered(self._registry)


class _Held(Collector):
    """What the libraries hold at the moment that it is asked for."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[GaugeMetricFamily]:
        held = {name: self._figures.now(name, wait_s=0.5) for name in self._figures.names()}
        for what in ("documents", "passages"):
            family = GaugeMetricFamily(f"leadgoose_{what}", f"Number of {what}", labels=("library",))
            for name, values in held.items():
                if what in values:
                    family.add_metric((name,), values[what])
            yield family


class CountRequests:
    """ASGI middleware: counts requests by their route, so that no id or question becomes a label."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Wrap ``app``."""
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and count what came of it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = CLIENT_LEFT

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            route: Any = getattr(scope.get("route"), "path", UNKNOWN)
            self.metrics.requests.labels(_method(scope["method"]), route, status).inc()


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        """Start."""
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return time.perf_counter() - self._start


def _method(method: str) -> str:
    # A client may send any word for a method, and each new one would be kept for ever.
    return method if method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS") else UNKNOWN
