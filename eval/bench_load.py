"""A service under many askers at once whose chat model is slow.

Knows what askers see, over HTTP: when the first words come, who is sent away, what is lost; nothing of the inside.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from eval.bench_child import ROOT
from eval.bench_figures import megabytes, percentile, table
from eval.served import Served, serving

THINKS_S = 8.0
ASKERS = (1, 4, 16, 64)
PROBE_S = 0.05
# A question that the seeds answer, so that the chat model is asked to phrase the answer.
QUESTION = "Who is the CEO of Geespace?"
# Without examples some would be sought, by asking.
ARGUMENTS = ("--example", QUESTION)


@dataclass(frozen=True)
class Asked:
    """What one asker saw.

    Attributes:
        status: 200, 429, or 0 where no whole response came.
        first_s: Seconds to the first sign: what was found, or the refusal.
        words_s: Seconds to the first words of an answer.
        whole_s: Seconds to its end.
    """

    status: int
    first_s: float
    words_s: float = 0.0
    whole_s: float = 0.0


def load_report(library: Path, *, askers: Sequence[int] = ASKERS, thinks_s: float = THINKS_S) -> Iterator[str]:
    """Yield what askers see when there are more and more of them.

    Args:
        library: Folder of a library of the seeds.
        askers: How many ask at once, in turns.
        thinks_s: Seconds that the chat model takes to its first word.

    Yields:
        Markdown.
    """
    head = ["askers", "answered", "sent away", "lost", "answers a minute"]
    head += ["first sign p50 / p95 / p99 s", "first words p50 / p95 / p99 s", "429 p99 ms", "/health p99 ms", "MB"]
    rows = [head]
    with _model(thinks_s) as url, serving(library, *ARGUMENTS, settings=_settings(url)) as service:
        page = f"first page after {service.page_s:.1f} s ({service.page_cpu_s:.1f} s of processors)"
        yield f"start: {page}, models loaded after {service.ready_s:.1f} s"
        for number in askers:
            rows.append(asyncio.run(_row(service, number)))
        yield table(*rows)
        peak = megabytes(service.peak_bytes())
        yield f"peak memory {peak}, {service.threads()} threads, {service.open_files()} open files"
    with (
        _model(thinks_s) as url,
        serving(library, *ARGUMENTS, settings=_settings(url, serve_askers=max(askers))) as service,
    ):
        yield f"with as many answered at once as ask (serve_askers = {max(askers)}):"
        yield table(head, asyncio.run(_row(service, max(askers))))


def _settings(url: str, **more: int) -> dict[str, str]:
    limits = {f"RAG_{name.upper()}": str(value) for name, value in more.items()}
    key = {"OPENAI_API_KEY": "none"}
    return {"RAG_CHAT_MODEL": "openai:slow", "RAG_CHAT_BASE_URL": url, "RAG_CHAT_TIMEOUT_S": "60", **key, **limits}


async def _row(service: Served, number: int) -> list[str]:
    ended = asyncio.Event()
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=service.address, timeout=300, limits=limits, trust_env=False) as client:
        probing = asyncio.create_task(_probe(client, ended))
        started = time.perf_counter()
        seen = await asyncio.gather(*(_ask(client) for _ in range(number)))
        seconds = time.perf_counter() - started
        ended.set()
        health = await probing
    answered = [one for one in seen if one.status == 200]
    refused = [one.first_s for one in seen if one.status == 429]
    lost = number - len(answered) - len(refused)
    row = [number, len(answered), len(refused), lost, f"{len(answered) * 60 / seconds:.0f}"]
    row += [_spread([a.first_s for a in answered]), _spread([a.words_s for a in answered])]
    row += [f"{percentile(refused, 0.99) * 1000:.0f}" if refused else "–", f"{percentile(health, 0.99) * 1000:.0f}"]
    return [*map(str, row), f"{service.resident_bytes() / 1e6:.0f}"]


async def _ask(client: httpx.AsyncClient) -> Asked:
    started = time.perf_counter()
    first = words = 0.0
    with suppress(httpx.HTTPError):
        async with client.stream("POST", "/v1/ask", json={"question": QUESTION, "stream": True}) as response:
            if response.status_code != 200:
                await response.aread()
                return Asked(response.status_code, time.perf_counter() - started)
            kind = ""
            async for line in response.aiter_lines():
                now = time.perf_counter() - started
                kind = line.removeprefix("event: ") if line.startswith("event: ") else kind
                if line.startswith("data: "):
                    first = first or now
                    words = words or (now if json.loads(line[6:])["text"] else 0.0)
                    if kind == "answer":
                        return Asked(200, first, words, now)
    return Asked(0, first, words)


async def _probe(client: httpx.AsyncClient, ended: asyncio.Event) -> list[float]:
    seconds = []
    while not ended.is_set():
        started = time.perf_counter()
        (await client.get("/health")).raise_for_status()
        seconds.append(time.perf_counter() - started)
        await asyncio.sleep(PROBE_S)
    return seconds


def _spread(seconds: Sequence[float]) -> str:
    return " / ".join(f"{percentile(seconds, share):.2f}" for share in (0.5, 0.95, 0.99)) if seconds else "–"


@contextmanager
def _model(thinks_s: float) -> Iterator[str]:
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "eval.slow_model", str(thinks_s)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        yield process.stdout.readline().strip() if process.stdout else ""
    finally:
        process.kill()
        process.communicate()
