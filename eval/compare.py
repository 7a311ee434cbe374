"""Runs one gold set through several systems, one after the other; knows no metric and no file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace

from eval.adapters import Searcher
from eval.evaluate import Report, evaluate_subject
from eval.gold import GoldSet
from eval.progress import Progress
from eval.subject import Subject, library_subject, peer_subject
from eval.systems import SystemSpec, open_system
from rag import Library


def compare(
    gold: GoldSet,
    library: Library,
    systems: Sequence[SystemSpec],
    *,
    limit: int | None = None,
    progress: Progress | None = None,
    journals: ExitStack | None = None,
) -> dict[str, Report]:
    """Ask several systems the same questions.

    Each is open only while it is asked, so that one does not slow another and memory is that of the largest.

    Args:
        gold: The questions.
        library: Holds the documents; systems that are settings are laid over its own.
        systems: What is compared.
        limit: How many questions to ask, spread evenly over the set; all when ``None``.
        progress: Called with stage, done and total after each question.
        journals: As for ``eval.evaluate.evaluate_subject``.

    Returns:
        Reports by name, in the order of the systems.

    Raises:
        GoldError: A document of the gold set is not in the library, or a quote is not in its document.
        ConfigurationError: A setting or an adapter cannot be used.
        LibraryMismatch: The library was built with other settings than a system's.
    """
    reports = {}
    for spec in systems:
        with open_system(spec, gold=gold, library=library, progress=progress) as opened:
            subject = _subject(spec, opened.system)
            reports[spec.name] = evaluate_subject(
                gold, subject, opened.library, limit=limit, progress=progress, journals=journals
            )
    return reports


def at_threshold(systems: Iterable[SystemSpec], threshold: float | None) -> tuple[SystemSpec, ...]:
    """Return systems that abstain below a confidence; as they are when it is ``None``, and adapters in any case."""
    if threshold is None:
        return tuple(systems)
    return tuple(
        spec if spec.adapter else replace(spec, settings={**spec.settings, "threshold": threshold}) for spec in systems
    )


def _subject(spec: SystemSpec, system: Searcher) -> Subject:
    if isinstance(system, Library):
        return library_subject(spec.name, system)
    return peer_subject(spec.name, system, adapter=spec.adapter or "")
