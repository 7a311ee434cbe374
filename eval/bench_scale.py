"""What a library of a large corpus costs to build, to keep, to ask and to change; knows how to report it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from eval.bench_child import Child
from eval.bench_figures import disk, megabytes, milliseconds, percentile, spread, table
from eval.bench_speed import cold_start_line, command_seconds
from eval.gold import GoldSet
from eval.resolve import sample

LARGE = "eval.bench_large:LargeLibrary"
WARM_UP_QUESTIONS = 20


def scale_report(
    corpus: Path, work: Path, *, passages: int, gold: GoldSet | None = None, questions: int = 200, rounds: int = 3
) -> Iterator[str]:
    """Build a library of a corpus, or take the one that a folder holds, and report what it costs.

    Args:
        corpus: JSON Lines file of documents.
        work: Keeps the library and the record of its build.
        passages: How many it has at least.
        gold: Questions that the corpus does not answer, asked beside those made from it.
        questions: How many of each kind are asked.
        rounds: How often a document is added, replaced and removed.

    Yields:
        Tables and lines, each as soon as it is measured.
    """
    work.mkdir(parents=True, exist_ok=True)
    with Child(LARGE, str(work)) as child:
        record = child.call("build", corpus=str(corpus), passages=passages)
        held = child.call("statistics")
        tokens = child.call("tokens")
        made = child.call("questions", corpus=str(corpus), count=questions + WARM_UP_QUESTIONS)
    yield build_lines(record, held)
    yield disk_table(disk(work / "library"), held["passages"]) + "\n\n" + tokens
    yield _searches(work, made, gold, questions)
    with Child(LARGE, str(work)) as child:
        recalled = child.call("recall", questions=[text for text, _ in made])
    yield (
        f"vector index: {recalled['index']}; recall@10 against exact, over {len(made)} questions made from the corpus: "
        f"{recalled['recall']:.4f}"
    )
    yield cold_start_line(work / "library", made[0][0])
    yield _changes(work, rounds)


def build_lines(record: Mapping[str, Any], held: Mapping[str, int]) -> str:
    """Return what building took, from the record of its batches."""
    batches = record["batches"]
    seconds, embedded = (sum(done[name] for done in batches) for name in ("seconds", "embedded"))
    rates = [done["embedded"] / done["seconds"] for done in batches if done["embedded"]]
    lines = [
        f"built: {held['documents']:,} documents, {held['passages']:,} passages, in {seconds:,.0f} s, "
        f"{embedded / seconds:.1f} passages/s (first commit {rates[0]:.1f}, last {rates[-1]:.1f}, "
        f"of {len(batches)} commits); peak memory {megabytes(max(done['peak_bytes'] for done in batches))}"
    ]
    if embedded < held["passages"]:
        lines.append(f"an interruption lost the seconds of {held['passages'] - embedded:,} of these passages")
    if len(record["code"]) > 1:
        lines.append("batches were built by more than one state of the code; remove the folder to build it anew")
    return "\n".join(lines)


def disk_table(sizes: Mapping[str, int], passages: int) -> str:
    """Return bytes by kind of file, and by passage."""
    rows = [[kind, megabytes(size), f"{size / passages:,.0f}"] for kind, size in sizes.items()]
    total = sum(sizes.values())
    return table(
        ["files", "size", "bytes a passage"], *rows, ["together", megabytes(total), f"{total / passages:,.0f}"]
    )


def _searches(work: Path, made: Sequence[Sequence[str]], gold: GoldSet | None, questions: int) -> str:
    """Return latencies of questions made from the corpus, and of others, in a process that only searches."""
    # A tiny corpus has fewer questions in it than are asked for.
    first = min(WARM_UP_QUESTIONS, len(made) // 4)
    warm_up, asked = made[:first], made[first:]
    with Child(LARGE, str(work)) as child:
        opening = child.call("open")
        child.call("search", questions=[text for text, _ in warm_up])
        own = child.call("search", questions=[text for text, _ in asked])
        rows = [_search_row("made from it", own)]
        if gold:
            others = [question.question for question in sample(gold.questions, questions)]
            own_peak = child.call("search", questions=others)
            rows.append(_search_row(f"{gold.name}'s, which it does not answer", own_peak))
            own["peak_bytes"] = own_peak["peak_bytes"]
    found = sum(document in documents for (_, document), documents in zip(asked, own["documents"], strict=True))
    return (
        f"search, 10 passages, reranking included, one thread:\n\n"
        f"{table(['questions', 'asked', 'p50 ms', 'p95 ms', 'p99 ms', 'p95 / p50'], *rows)}\n\n"
        f"the document a question was made from is among the first 10 passages' for {found} of {len(asked)}; first "
        f"search after opening {opening:.2f} s, encoder included; peak memory {megabytes(own['peak_bytes'])}"
    )


def _search_row(name: str, searched: Mapping[str, Any]) -> list[object]:
    times = searched["seconds"]
    p50, p95, p99 = (percentile(times, share) for share in (0.5, 0.95, 0.99))
    return [name, len(times), *map(milliseconds, (p50, p95, p99)), f"{p95 / p50:.2f}"]


def _changes(work: Path, rounds: int) -> str:
    """Return what changing one document takes, in a process that has the library open and in one of its own."""
    with Child(LARGE, str(work)) as child:
        child.call("open")
        changed = child.call("change", rounds=rounds)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "added-file.txt"
        file.write_text("The harbour of Norrwick employs 41 pilots.", encoding="utf-8")
        library = ["--library", str(work / "library")]
        added = command_seconds([*library, "add", str(file)])
        removed = command_seconds([*library, "remove", file.name])
    rows = [[f"{kind} a document", spread(changed[kind])] for kind in ("add", "replace", "remove")]
    rows += [["rag add, a new process", f"{added:.2f}"], ["rag remove, a new process", f"{removed:.2f}"]]
    return (
        f"{table(['change', 'seconds'], *rows)}\n\n"
        f"each seen by the next search; {rounds} rounds; peak memory {megabytes(changed['peak_bytes'])}"
    )
