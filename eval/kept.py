"""Libraries of gold sets that bring their own documents: built once, kept in the user's cache; knows no metrics."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import embeddings
import rag
from eval.gold import GoldSet
from eval.progress import Progress
from rag import Library, Settings, installed
from rag.address import MilvusAddress
from rag.errors import GoldError, LibraryDamaged, LibraryEmpty, LibraryMismatch, LibraryNotFound
from rag.writer import IndexReport

# Settings a library is built with; the others only matter when it is asked.
BUILD_SETTINGS = ("encoder", "passage_tokens", "passage_chars", "token_bits", "precision")
# Modules, and whole packages, that only matter when it is asked or shown. A change to any other builds it anew, so that
# what is measured is what the code at hand would serve.
ASKING_MODULES = (
    "__main__.py",
    "abandon.py",
    "address.py",
    "answer.py",
    "answering/",
    "arguments.py",
    "backup.py",
    "bridge.py",
    "calibration.py",
    "cedict.py",
    "chain.py",
    "cite.py",
    "claims.py",
    "cli.py",
    "commands.py",
    "confidence.py",
    "configuration.py",
    "copies.py",
    "dialogue/",
    "doctor.py",
    "evidence.py",
    "expansion.py",
    "expected.py",
    "facts.py",
    "filters.py",
    "folder/backup_files.py",
    "folder/holder.py",
    "folder/page_care.py",
    "follow_up.py",
    "following.py",
    "grounding/",
    "initials.py",
    "installed.py",
    "language.py",
    "marks.py",
    "milvus/",
    "phrase.py",
    "phrases.py",
    "phrasing/",
    "printable.py",
    "recent.py",
    "remembered.py",
    "rerank.py",
    "restore.py",
    "retrieve.py",
    "scripts.py",
    "second_step.py",
    "spelling.py",
    "staleness.py",
    "tracing.py",
    "understand.py",
    "vectorstore.py",
    "watch.py",
    "web/",
)
RECORD = "gold-library.json"
# What is added to the name of the library beside which one is kept in Milvus.
KEPT_IN_MILVUS = re.compile(r"(_[0-9a-f]{12}){2}$")


def open_gold_library(
    gold: GoldSet,
    *,
    settings: Settings | None = None,
    root: Path | MilvusAddress | None = None,
    progress: Progress | None = None,
) -> Library:
    """Open a library of a gold set's own documents, built when there is none of this content, settings and code.

    Args:
        gold: A gold set with documents.
        settings: Those of the library; those of the environment when ``None``.
        root: Folder to keep it in, or library in Milvus to keep it beside; ``eval`` in the cache folder when ``None``.
        progress: Called with stage, done and total while it is built.

    Returns:
        The library, open.

    Raises:
        GoldError: None of its documents could be indexed.
        ValueError: The gold set has no documents.
    """
    from filelock import FileLock

    if gold.documents is None:
        raise ValueError(f"gold set {gold.name!r} brings no documents; evaluate it on the library they are in")
    settings = settings or _settings()
    built_with = "\n".join(f"{name}={getattr(settings, name)}" for name in BUILD_SETTINGS)
    if isinstance(root, MilvusAddress):
        return _open_in_milvus(gold, root, built_with, settings=settings, progress=progress)
    folder = (root or _cache()) / f"{gold.name}-{gold.digest[:12]}-{_sha256(built_with.encode())[:12]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    code = code_digest(leaving_out=ASKING_MODULES)
    with FileLock(f"{folder}.lock"):
        if _record(folder).get("code") == code:
            try:
                return _open(folder, settings)
            except (LibraryNotFound, LibraryMismatch, LibraryDamaged):
                # It is a cache: what cannot be used is made again.
                pass
        return _build(gold, folder, code=code, settings=settings, progress=progress)


def left_out(gold: GoldSet, library: Library) -> tuple[str, ...]:
    """Return the ids of a gold set's documents that its library lacks, since nothing in them could be indexed."""
    held = {summary.id for summary in library.documents()}
    return tuple(document.id for document in gold.documents or () if document.id not in held)


def build_seconds(library: Library) -> float | None:
    """Return how long a library of a gold set took to build; ``None`` for any other library."""
    seconds = _record(library.path.parent).get("seconds")
    return float(seconds) if seconds is not None else None


def runs_folder() -> Path:
    """Return the folder of evaluations under way."""
    return _cache() / "runs"


def code_digest(*, harness: bool = False, leaving_out: Collection[str] = ()) -> str:
    """Return the SHA-256 of the service's code, in hexadecimal.

    Args:
        harness: Whether the evaluation's own code counts too.
        leaving_out: Modules that do not count, by their path below their package; ``web/`` leaves out all below it.

    Returns:
        The digest.
    """
    folders = [*map(Path, rag.__path__), *map(Path, embeddings.__path__), *([Path(__file__).parent] if harness else [])]
    return installed.code_digest(folders, leaving_out=leaving_out)


def _open(folder: Path, settings: Settings) -> Library:
    with ExitStack() as opened:
        library = opened.enter_context(Library.open(folder / "library", create=False, settings=settings))
        # Only now are its indexes read and its encoder's weights compared with those it was built with.
        library.warm_up()
        opened.pop_all()
    return library


def _open_in_milvus(
    gold: GoldSet, beside: MilvusAddress, built_with: str, *, settings: Settings, progress: Progress | None
) -> Library:
    """Open a gold set's library in Milvus, whose name tells content, settings and code, and build it if empty."""
    asking = [module for module in ASKING_MODULES if module != "milvus/"]
    made_by = _sha256(f"{built_with}\n{code_digest(leaving_out=asking)}".encode())[:12]
    name = f"{KEPT_IN_MILVUS.sub('', beside.name)}_{gold.digest[:12]}_{made_by}"
    with ExitStack() as opened:
        library = opened.enter_context(Library.open(str(replace(beside, name=name)), settings=settings))
        try:
            library.statistics()
        except LibraryEmpty:
            # Of one commit: it is there whole or not at all.
            _fill(library, gold, progress)
        library.warm_up()
        opened.pop_all()
    return library


def _fill(library: Library, gold: GoldSet, progress: Progress | None) -> IndexReport:
    report = library.add(gold.documents or (), progress=progress)
    if not report.documents:
        reason = next(iter(report.failed.values()), "it brings none")
        raise GoldError(f"gold set {gold.name!r}: none of its documents could be indexed ({reason})")
    return report


def _build(gold: GoldSet, folder: Path, *, code: str, settings: Settings, progress: Progress | None) -> Library:
    if folder.exists():
        shutil.rmtree(folder)
    with ExitStack() as opened:
        library = opened.enter_context(Library.open(folder / "library", settings=settings))
        report = _fill(library, gold, progress)
        # Written last and whole: its presence says that the library is complete.
        draft = folder / f"{RECORD}.draft"
        draft.write_text(json.dumps({"code": code, "seconds": report.seconds}), encoding="utf-8")
        draft.replace(folder / RECORD)
        opened.pop_all()
    return library


def _record(folder: Path) -> dict[str, str | float]:
    path = folder / RECORD
    if not path.exists():
        return {}
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        # Cut short or edited: as good as none, and what it describes is built anew.
        return {}
    return record if isinstance(record, dict) else {}


def _settings() -> Settings:
    named = os.environ.get("RAG_CONFIG")
    return Settings.read(Path(named) if named else None, environ=os.environ, overrides={})


def _cache() -> Path:
    from platformdirs import user_cache_path

    named = os.environ.get("RAG_CACHE")
    return (Path(named) if named else user_cache_path("leadgoose")) / "eval"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
