"""Speed of searching and indexing beside LangChain's quick start, of two askers beside one, and of a cold start.

Knows how to compare fairly: each system in its own process with its own threads, idle while the other one works; the
same questions and files; warmed up; in turns.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from eval.bench_child import ROOT, Child, environment
from eval.bench_figures import milliseconds, percentile, slices, spread, table, turns
from eval.gold import GoldSet
from eval.resolve import sample

OURS, QUICK_START = "leadgoose", "LangChain quick start"
SYSTEMS = {
    OURS: ("eval.bench_library:ServedLibrary",),
    QUICK_START: ("eval.bench_quickstart:QuickStart", "memory"),
    "LangChain with flat FAISS": ("eval.bench_quickstart:QuickStart", "flat"),
    # Beside other work, torch's threads wait for each other: then this one is the faster.
    "LangChain with flat FAISS, one thread": ("eval.bench_quickstart:QuickStart", "flat", "1"),
}
K = 10
# Long enough that caches belong to who is asked, short enough that what else the machine does meets all alike.
SLICE_QUESTIONS = 20
WARM_UP_QUESTIONS = 40
ASK_RUNS = 5


def search_table(gold: GoldSet, *, questions: int = 400) -> str:
    """Return percentiles of a search of ours, reranking included, and of the quick starts'.

    Args:
        gold: Documents and questions.
        questions: How many are asked, each once of every system.

    Returns:
        A table, and what it says about ours.
    """
    warm_up, asked = _questions(gold, questions)
    with _started(gold, SYSTEMS) as children:
        for child in children.values():
            child.call("search", questions=warm_up, k=K)
        seconds: dict[str, list[float]] = {name: [] for name in children}
        parts = slices(asked, SLICE_QUESTIONS)
        for part, order in zip(parts, turns(list(children), len(parts)), strict=True):
            for name in order:
                seconds[name] += children[name].call("search", questions=part, k=K)
        threads = {name: child.call("threads") for name, child in children.items()}
    ours = percentile(seconds[OURS], 0.5)
    rows = [
        [
            name,
            threads[name],
            *(milliseconds(percentile(times, share)) for share in (0.5, 0.95)),
            f"{percentile(times, 0.95) / percentile(times, 0.5):.2f}",
            f"{ours / percentile(times, 0.5):.2f}",
        ]
        for name, times in seconds.items()
    ]
    heading = ["system", "threads", "p50 ms", "p95 ms", "p95 / p50", "our p50 / its p50"]
    return f"{K} passages for each of {len(asked)} questions of {gold.name}:\n\n{table(heading, *rows)}"


def askers_line(gold: GoldSet, *, questions: int = 400, threads: int = 2) -> str:
    """Return how much more is searched by several threads of one process than by one.

    Args:
        gold: Documents and questions.
        questions: How many are asked, by one thread and by several.
        threads: How many are several.

    Returns:
        A line with the median ratio of throughputs over slices of the questions.
    """
    warm_up, asked = _questions(gold, questions)
    parts = slices(asked, 2 * SLICE_QUESTIONS)
    ratios = []
    with _started(gold, {OURS: SYSTEMS[OURS]}) as children:
        child = children[OURS]
        # Every question will be asked by one and by several: once before, so that neither meet it first.
        for count in (1, threads):
            child.call("together", questions=[*warm_up, *asked], k=K, threads=count)
        for part, order in zip(parts, turns([1, threads], len(parts)), strict=True):
            times = {count: child.call("together", questions=part, k=K, threads=count) for count in order}
            ratios.append(times[1] / times[threads])
    return (
        f"throughput of {threads} askers in one process / of one, {len(parts)} slices of {len(parts[0])} questions of "
        f"{gold.name} in turns: median {spread(ratios)}"
    )


def indexing_table(gold: GoldSet, *, rounds: int = 5) -> str:
    """Return how long indexing a folder takes us, commit included, and the quick start, which keeps all in memory.

    Args:
        gold: Brings the documents.
        rounds: How often each indexes them, in turns.

    Returns:
        A table, and the median ratio.
    """
    systems = {name: SYSTEMS[name] for name in (OURS, QUICK_START)}
    seconds: dict[str, list[float]] = {name: [] for name in systems}
    passages: dict[str, int] = {}
    with _files(gold) as folder, _children(systems) as children:
        for order in turns(list(systems), rounds):
            for name in order:
                done = children[name].call("index", folder=str(folder))
                seconds[name].append(done["seconds"])
                passages[name] = done["passages"]
        threads = {name: child.call("threads") for name, child in children.items()}
    rows = [[name, threads[name], passages[name], spread(times)] for name, times in seconds.items()]
    ratios = [theirs / ours for ours, theirs in zip(seconds[OURS], seconds[QUICK_START], strict=True)]
    size = sum(len(document.text) for document in gold.documents or ())
    return (
        f"{gold.name}, {len(gold.documents or ())} text files, {size:,} characters, {rounds} rounds in turns:\n\n"
        f"{table(['system', 'threads', 'passages', 'seconds'], *rows)}\n\n"
        f"quick start's seconds / ours: median {spread(ratios)}"
    )


def cold_start_line(library: Path, question: str) -> str:
    """Return how long ``rag ask`` takes as a new process on a library whose files were read before."""
    command = ["--library", str(library), "ask", question]
    seconds = [command_seconds(command) for _ in range(ASK_RUNS + 1)][1:]
    return f"rag ask, a new process, {ASK_RUNS} times: median {spread(seconds)} s"


def command_seconds(arguments: Sequence[str]) -> float:
    """Return the seconds that ``rag`` takes as a new process.

    Args:
        arguments: Of the command.

    Returns:
        Wall time.

    Raises:
        CalledProcessError: It failed.
    """
    start = perf_counter()
    command = [sys.executable, "-m", "rag", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT, env=environment())  # noqa: S603
    return perf_counter() - start


def _questions(gold: GoldSet, count: int) -> tuple[list[str], list[str]]:
    """Return questions to warm up with and others to measure with, both spread evenly over the set."""
    chosen = [question.question for question in sample(gold.questions, count + WARM_UP_QUESTIONS)]
    step = max(2, len(chosen) // WARM_UP_QUESTIONS)
    warm_up = chosen[::step]
    return warm_up, [question for number, question in enumerate(chosen) if number % step]


@contextmanager
def _started(gold: GoldSet, systems: dict[str, tuple[str, ...]]) -> Iterator[dict[str, Child]]:
    """Start systems that have indexed the documents of a gold set."""
    with _files(gold) as folder, _children(systems) as children:
        for child in children.values():
            child.call("index", folder=str(folder))
        yield children


@contextmanager
def _children(systems: dict[str, tuple[str, ...]]) -> Iterator[dict[str, Child]]:
    with ExitStack() as started:
        yield {name: started.enter_context(Child(*system)) for name, system in systems.items()}


@contextmanager
def _files(gold: GoldSet) -> Iterator[Path]:
    """Write the documents of a gold set as text files."""
    with TemporaryDirectory(prefix="leadgoose-bench-") as name:
        for number, document in enumerate(gold.documents or ()):
            (Path(name) / f"{number:06d}.txt").write_text(document.text, encoding="utf-8")
        yield Path(name)
