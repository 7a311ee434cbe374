"""What is measured, as an evaluation sees it: how it is asked, and how a report describes it; knows no gold set."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from eval.adapters import Searcher
from rag import Answer, Hit, Library

PACKAGES = ("leadgoose", "faiss-cpu", "numpy", "onnxruntime", "sentencex", "tantivy", "tokenizers")
# What a system that is not ours is asked for: as the passages that its answer is made from, and that it chose from.
PEER_CONTEXT_K, PEER_CANDIDATES_K = 10, 20


@dataclass(frozen=True)
class Subject:
    """A system as it is measured.

    Attributes:
        name: As the report calls it.
        search: Query and ``k`` to ranked passages.
        ask: Question to answer; ``None`` for a system that only searches.
        propose: Question to the answer of a system that may not abstain; ``None`` when that cannot be had.
        context_k: Passages that an answer is made from.
        candidates_k: Passages among which those are chosen.
        description: Settings and versions, for the report.
    """

    name: str
    search: Callable[[str, int], Sequence[Hit]]
    ask: Callable[[str], Answer] | None
    propose: Callable[[str], Answer] | None
    context_k: int
    candidates_k: int
    description: Mapping[str, Any]


def library_subject(name: str, library: Library, *, threshold: float | None = None) -> Subject:
    """Return a library as it is measured.

    Args:
        name: As the report calls it.
        library: The library.
        threshold: Confidence below which it abstains; its own when ``None``.

    Returns:
        The subject; what it would say if it could not abstain is asked for with threshold 0.
    """
    return Subject(
        name=name,
        search=library.search,
        ask=lambda question: library.ask(question, threshold=threshold),
        propose=lambda question: library.ask(question, threshold=0.0),
        context_k=library.settings.context_k,
        candidates_k=library.settings.candidates_k,
        description=_describe(library, threshold),
    )


def peer_subject(name: str, system: Searcher, *, adapter: str) -> Subject:
    """Return a system behind an adapter as it is measured; one without ``ask`` is measured on its search alone.

    Args:
        name: As the report calls it.
        system: Has ``search(query, k)`` and perhaps ``ask(question)``.
        adapter: Where it comes from, for the report.

    Returns:
        The subject; what it holds back is not known, and its answers are taken to be made from all their passages.
    """
    return Subject(
        name=name,
        search=system.search,
        ask=getattr(system, "ask", None),
        propose=None,
        context_k=PEER_CONTEXT_K,
        candidates_k=PEER_CANDIDATES_K,
        description=environment() | {"adapter": adapter, "threshold": None, "settings": {}, "calibration": None},
    )


def environment() -> dict[str, Any]:
    """Return versions and machine, for the report."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            # Run from a source tree that is not installed, or with another backend.
            continue
    return {"versions": versions, "platform": platform.platform(), "cpus": os.cpu_count()}


def _describe(library: Library, threshold: float | None) -> dict[str, Any]:
    calibration = library.calibration
    return environment() | {
        "encoder": library.statistics()["encoder"],
        "threshold": library.threshold if threshold is None else threshold,
        "settings": asdict(library.settings),
        "calibration": asdict(calibration) if calibration else None,
    }
