"""The systems that one run compares: what each is called and differs in, read from names and a file, and opened.

Knows libraries, settings and adapters; nothing of metrics. An adapter's author imports from here.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from eval.adapters import Asker, Searcher, importable, load_adapter, passage_at
from eval.gold import GoldSet
from eval.kept import BUILD_SETTINGS, build_seconds, open_gold_library
from eval.progress import Progress
from rag import Library, Settings
from rag.address import MilvusAddress, read_address
from rag.errors import ConfigurationError, LibraryMismatch

__all__ = ["BUILT_IN", "Asker", "OpenSystem", "Searcher", "SystemSpec", "open_system", "passage_at", "read_systems"]

NAME = re.compile(r"[\w.-]+")
ADAPTER = re.compile(r"[\w.]+:[\w.]+")


@dataclass(frozen=True)
class SystemSpec:
    """What a system is called, and what makes it another than the library as it stands.

    Attributes:
        name: Unique in a run.
        settings: Settings that replace the library's, by name.
        adapter: ``module:factory`` of a system that is no library, or ``None``.
        summary: What it is, for readers of a report; ``""`` for a user's own.
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    adapter: str | None = None
    summary: str = ""


BUILT_IN: Mapping[str, SystemSpec] = {
    spec.name: spec
    for spec in (
        SystemSpec("default", summary="the library with its own settings"),
        SystemSpec("dense", {"dense_weight": 1.0, "rerank": "none"}, summary="vectors only, no reranker"),
        SystemSpec("lexical", {"dense_weight": 0.0, "rerank": "none"}, summary="BM25 only, no reranker"),
        SystemSpec("rrf", {"fusion": "rrf", "rerank": "none"}, summary="both, fused by rank, no reranker"),
        SystemSpec("no-rerank", {"rerank": "none"}, summary="both, fused by score, no reranker"),
        SystemSpec(
            "langchain",
            adapter="eval.quickstart:build",
            summary="the LangChain quick start: 1,000-character chunks in its in-memory vector store, the same encoder",
        ),
    )
}


@dataclass(frozen=True)
class OpenSystem:
    """A system that can be asked.

    Attributes:
        name: The name of its `SystemSpec`.
        system: What is asked.
        library: The library whose canonical texts its offsets refer to.
    """

    name: str
    system: Searcher
    library: Library


def read_systems(names: str | None, toml: Path | None = None) -> tuple[SystemSpec, ...]:
    """Return the systems that are named.

    Args:
        names: Names parted by commas: built-in ones, tables ``[systems.NAME]`` of the file, and ``module:factory`` of
            adapters. When there is none, ``default`` and all of the file's.
        toml: A file of systems, or ``None``.

    Returns:
        The systems in the order named; the first is the one the others are compared with.

    Raises:
        ConfigurationError: A name is unknown or given twice, nothing is named, or the file cannot be used.
    """
    own = _read_file(toml) if toml else {}
    if not own and not (names and names.strip()):
        raise ConfigurationError(f"no system is named; {_known(BUILT_IN)}")
    wanted = [name.strip() for name in names.split(",")] if names and names.strip() else ["default", *own]
    return _named(wanted, {**BUILT_IN, **own})


@contextmanager
def open_system(
    spec: SystemSpec, *, gold: GoldSet, library: Library, progress: Progress | None = None
) -> Iterator[OpenSystem]:
    """Open a system, ready to be asked, for as long as the context lasts.

    Args:
        spec: What to open.
        gold: The gold set it will be asked; a folder's documents are indexed anew for other build settings.
        library: What all systems are compared on, whose settings a system's own are laid over; it stays open.
        progress: Called with stage, done and total while something is built.

    Yields:
        The system.

    Raises:
        ConfigurationError: A setting or an adapter cannot be used.
        LibraryMismatch: The user's own library was built with other settings than the system's.
    """
    if spec.adapter is not None:
        documents = [library.document(summary.id) for summary in library.documents()]
        # All the while: an adapter may import what it needs only when it is asked.
        with importable(spec.adapter):
            adapted = load_adapter(spec.adapter, documents, encoder=library.settings.encoder, progress=progress)
            yield OpenSystem(spec.name, adapted, library)
        return
    with ExitStack() as opened:
        chosen = library
        if spec.settings:
            chosen = opened.enter_context(_reopened(spec, gold=gold, library=library, progress=progress))
        # Otherwise its first answer would wait for the encoder, and the latencies could not be compared.
        chosen.warm_up()
        yield OpenSystem(spec.name, chosen, chosen)


def _reopened(spec: SystemSpec, *, gold: GoldSet, library: Library, progress: Progress | None) -> Library:
    asked = _overlaid(library.settings, spec.settings)
    other_build = any(getattr(asked, name) != getattr(library.settings, name) for name in BUILD_SETTINGS)
    if other_build and gold.documents is not None:
        # Beside the library it is compared with, when that is a kept one.
        place: Path | MilvusAddress | None = read_address(library.address)
        if not isinstance(place, MilvusAddress):
            place = None if build_seconds(library) is None else library.path.parent.parent
        return open_gold_library(gold, settings=asked, root=place, progress=progress)
    try:
        return Library.open(library.address, create=False, settings=asked)
    except LibraryMismatch as error:
        raise LibraryMismatch(f"system {spec.name!r}: {error}") from error


def _overlaid(settings: Settings, overrides: Mapping[str, Any]) -> Settings:
    checked = Settings.read(None, environ={}, overrides=overrides)
    # Precision goes by the encoder where neither is said.
    named = {*overrides, "precision"} if "encoder" in overrides else set(overrides)
    return replace(settings, **{name: getattr(checked, name) for name in named})


def _named(wanted: list[str], known: Mapping[str, SystemSpec]) -> tuple[SystemSpec, ...]:
    specs = []
    for position, name in enumerate(wanted):
        if name in wanted[:position]:
            raise ConfigurationError(f"system {name!r} is named twice; name each once")
        if name not in known and not ADAPTER.fullmatch(name):
            raise ConfigurationError(f"unknown system {name!r}; {_known(known)}")
        specs.append(known.get(name) or SystemSpec(name, adapter=name))
    return tuple(specs)


def _known(specs: Mapping[str, SystemSpec]) -> str:
    return f"known are {', '.join(specs)}, MODULE:FACTORY of an adapter, and the tables of a systems file"


def _read_file(path: Path) -> dict[str, SystemSpec]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"cannot read the systems file {path}: {error}") from error
    tables = content.pop("systems", None)
    if content or not isinstance(tables, dict) or not tables:
        found = f"holds {', '.join(content)}" if content else "names no system"
        raise ConfigurationError(f"the systems file {path} {found}; it has to hold tables [systems.NAME], nothing else")
    return {name: _read_table(name, table, place=f"{path}, systems.{name}") for name, table in tables.items()}


def _read_table(name: str, table: Any, *, place: str) -> SystemSpec:
    if not NAME.fullmatch(name):
        raise ConfigurationError(f"{place}: {name!r} is no name; it takes letters, digits, '_', '-' and '.'")
    if name in BUILT_IN:
        raise ConfigurationError(f"{place}: {name!r} is built in; choose another name")
    if not isinstance(table, dict):
        raise ConfigurationError(f"{place} = {table!r}; it has to be a table of settings, or of an adapter")
    if "adapter" not in table:
        try:
            _overlaid(Settings(), table)
        except ConfigurationError as error:
            raise ConfigurationError(f"{place}: {error}") from error
        return SystemSpec(name, table)
    adapter = table["adapter"]
    if not isinstance(adapter, str) or not ADAPTER.fullmatch(adapter):
        raise ConfigurationError(f"{place}: adapter = {adapter!r}; it has to be 'MODULE:FACTORY'")
    if len(table) > 1:
        others = ", ".join(key for key in table if key != "adapter")
        raise ConfigurationError(f"{place}: {others} stands beside adapter, which takes no settings; leave it out")
    return SystemSpec(name, adapter=adapter)
