"""What the library's settings were chosen to be against what they might be, one at a time, by gold set.

Differences, and their p-values, are those of `eval.bootstrap`, paired over the questions; what an alternative costs is
taken in turns with what is shipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from time import process_time

from eval.bench_figures import milliseconds, percentile, table, turns
from eval.bench_library import token_bytes
from eval.bench_parts import second_step_table, writings_table
from eval.bench_rows import RANKING, compared, short
from eval.compare import compare
from eval.gold import GoldSet, read_gold
from eval.kept import BUILD_SETTINGS, open_gold_library
from eval.resolve import sample
from eval.systems import SystemSpec, open_system
from rag import Library

SETS = ("squad2", "qed", "hotpotqa-100", "covidqa", "cmrc2018-trial")
SHIPPED = SystemSpec("shipped")
ALTERNATIVES = tuple(
    SystemSpec(f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}", {name: value})
    for name, values in (
        ("dense_weight", (0.0, 0.2, 0.6, 1.0)),
        ("fusion", ("rrf",)),
        ("rerank", ("none",)),
        ("candidates_k", (10, 50)),
        ("token_bits", (0, 1, 4)),
        ("precision", ("float32",)),
        ("passage_chars", (500, 1500)),
    )
    for value in values
)
BUILT_OTHERWISE = tuple(spec for spec in ALTERNATIVES if not spec.settings.keys().isdisjoint(BUILD_SETTINGS))
ASKED_OTHERWISE = tuple(spec for spec in ALTERNATIVES if spec not in BUILT_OTHERWISE)
# What is chosen for what it costs as much as for what it finds.
COSTLY = tuple(spec for spec in ALTERNATIVES if not {"dense_weight", "fusion"} & spec.settings.keys())
# Questions that costs are taken on.
TIMED = 40
SEARCHED_K = 10


def choices_report(data: Path, *, names: Iterable[str] = SETS, questions: int) -> Iterator[str]:
    """Yield the tables of each gold set, each a block of Markdown.

    Args:
        data: Folder of gold sets.
        names: Those of them that are asked.
        questions: How many questions are asked of a set, and in a writing, spread evenly.

    Yields:
        For each set: writings of questions, the second step, where it has such questions, settings, and their costs.
    """
    for name in names:
        gold = read_gold(data / name)
        with open_gold_library(gold) as library:
            yield f"### {name}"
            yield from writings_table(gold, library, questions=questions)
            yield from second_step_table(gold, library, questions=questions)
            # What needs no other library first: it is known in minutes.
            for specs in filter(None, (ASKED_OTHERWISE, BUILT_OTHERWISE)):
                yield settings_table(gold, library, specs, questions=questions)
            yield costs_table(gold, library, COSTLY, questions=min(questions, TIMED))


def settings_table(gold: GoldSet, library: Library, specs: Sequence[SystemSpec], *, questions: int) -> str:
    """Return a row for what is shipped and one for each alternative, with its differences from what is shipped."""
    reports = compare(gold, library, (SHIPPED, *specs), limit=questions)
    return table([f"setting ({len(reports[SHIPPED.name].rows)})", *short(RANKING)], *compared(reports, RANKING))


def costs_table(gold: GoldSet, library: Library, specs: Sequence[SystemSpec], *, questions: int) -> str:
    """Return what is shipped and each alternative with passages, bytes a passage, and time of the processor a search.

    Args:
        gold: The gold set.
        library: A library of its documents.
        specs: The alternatives, all of which are open at once.
        questions: How many are asked, each of every system in turn.

    Returns:
        A table.
    """
    asked = [question.question for question in sample(gold.questions, questions)]
    with ExitStack() as opened:
        libraries = {
            spec.name: opened.enter_context(open_system(spec, gold=gold, library=library)).library
            for spec in (SHIPPED, *specs)
        }
        for system in libraries.values():
            system.search(asked[0], SEARCHED_K)
        seconds: dict[str, list[float]] = {name: [] for name in libraries}
        for question, order in zip(asked, turns(list(libraries), len(asked)), strict=True):
            for name in order:
                start = process_time()
                libraries[name].search(question, SEARCHED_K)
                seconds[name].append(process_time() - start)
        rows = [
            [
                name,
                len(list(system.passages())),
                f"{token_bytes(system):,.0f}",
                milliseconds(percentile(seconds[name], 0.5)),
            ]
            for name, system in libraries.items()
        ]
    return table(["setting", "passages", "token vectors, bytes a passage", "search, processor ms (median)"], *rows)
