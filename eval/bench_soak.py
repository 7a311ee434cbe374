"""A service under a great many questions: whether memory, threads and open files stay as they are.

Knows the process from outside; what it does with its memory is its own affair.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import httpx

from eval.bench_figures import percentile, table
from eval.served import Served, serving

SAMPLES = 20
# As many as are answered at once by default: each thread that answers has needed what it ever needs before it counts.
ASKERS = 8
ROUNDS = 3
# What is less than that a question is not told from how the C library keeps memory in pieces.
LEAK_BYTES = 1_000


@dataclass(frozen=True)
class Held:
    """What a service holds at a moment.

    Attributes:
        questions: How many it had been asked since it was warm.
        memory_bytes: Its resident memory.
        files: Open files and connections.
        threads: Its threads.
    """

    questions: int
    memory_bytes: int
    files: int
    threads: int

    @classmethod
    def of(cls, service: Served, questions: int) -> Held:
        """Return what a service holds now, after so many questions."""
        return cls(questions, service.resident_bytes(), service.open_files(), service.threads())


def soak_report(library: Path, *, questions: Sequence[str], requests: int) -> Iterator[str]:
    """Yield what memory, threads and open files do over many questions, and whether they are flat.

    Args:
        library: Folder of a library of the seeds.
        questions: Asked in turn.
        requests: How many are asked in all, once the service is warm.

    Yields:
        Markdown.
    """
    # Without examples some would be sought, by asking.
    arguments = ("--example", questions[0])
    with serving(library, *arguments, settings={"RAG_SERVE_RATE_PER_MINUTE": "1000000"}) as service:
        with httpx.Client(base_url=service.address, timeout=60, trust_env=False) as client:
            before = Held.of(service, 0)
            _warm(client, questions)
            held = [Held.of(service, 0)]
            rows = [["questions", "resident MB", "files", "threads", "p50 ms", "p99 ms"]]
            rows += [[*_row(before), "–", "–"], [*_row(held[0]), "–", "–"]]
            step, asked = max(1, requests // SAMPLES), cycle(questions)
            for done in range(step, requests + 1, step):
                seconds = [_seconds(client, question) for question in islice(asked, step)]
                held.append(Held.of(service, done))
                times = [f"{percentile(seconds, share) * 1000:.0f}" for share in (0.5, 0.99)]
                rows.append([*_row(held[-1]), *times])
        yield table(*rows)
        yield f"the first two lines: before any question, and after each was asked {ROUNDS} times, {ASKERS} at once"
        yield f"{verdict(held)}; every question was answered"


def verdict(held: Sequence[Held]) -> str:
    """Return whether what a service holds is flat, and the rule.

    Memory is, if the most of the second half is at most that of the first and `LEAK_BYTES` for each question between
    the two halves' ends; files and threads are, if there are never more in the second half than in the first.

    Args:
        held: At equal distances, in order; two or more, of which one in the middle is of both halves.

    Returns:
        A line that begins with ``flat`` or ``not flat``.
    """
    middle = len(held) // 2
    first, second = held[: middle + 1], held[middle:]
    allowed = LEAK_BYTES * (second[-1].questions - first[-1].questions)
    grown = max(h.memory_bytes for h in second) - max(h.memory_bytes for h in first)
    files = max(h.files for h in second) - max(h.files for h in first)
    threads = max(h.threads for h in second) - max(h.threads for h in first)
    flat = grown <= allowed and files <= 0 and threads <= 0
    rule = f"from the most of the first half to that of the second memory grew by {grown / 1e6:.1f} MB, of which "
    rule += f"{allowed / 1e6:.1f} ({LEAK_BYTES:,} bytes a question) are allowed, files by {max(0, files)}, threads by "
    return f"{'flat' if flat else 'not flat'}: {rule}{max(0, threads)}"


def _warm(client: httpx.Client, questions: Sequence[str]) -> None:
    """Ask everything, as many at once as are answered at once."""
    with ThreadPoolExecutor(ASKERS) as askers:
        list(askers.map(lambda question: _seconds(client, question), [*questions] * ROUNDS))


def _seconds(client: httpx.Client, question: str) -> float:
    started = time.perf_counter()
    client.post("/v1/ask", json={"question": question}).raise_for_status()
    return time.perf_counter() - started


def _row(held: Held) -> list[str]:
    return [f"{held.questions:,}", f"{held.memory_bytes / 1e6:.1f}", str(held.files), str(held.threads)]
