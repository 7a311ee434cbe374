"""Immutable generations of the derived indexes, and the one file that names the current one.

    generations/<revision>/vectors-<revision>.faiss   FAISS, one or more: each of the vectors of one or several commits
    generations/<revision>/removed.keys               numbers of passages in those that have left, where there are any
    generations/<revision>/lexical/                   tantivy, BM25
    generations/<revision>/manifest.json              what they were built from, and size and SHA-256 of every file
    CURRENT                                           the revision readers see and its manifest's SHA-256, switched by
                                                      one rename

What has not changed since the generation before is a link to its file. Knows how a generation is put in place and
opened, not how its files are made; never asks a question of them.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embeddings.approximate import LEAST_RECALL
from embeddings.errors import UnreadableIndex
from embeddings.index import VectorIndex
from embeddings.segments import SegmentedIndex
from rag.errors import LibraryDamaged
from rag.files import sync
from rag.folder.derived import LEXICAL, Base, Target, build_anew, build_upon, read_removed
from rag.folder.lexical import LexicalIndex
from rag.folder.manifest import (
    CURRENT,
    MANIFEST,
    Current,
    Manifest,
    Segment,
    Verified,
    check_files,
    digest,
    read_current,
    read_manifest,
    write_current,
)
from rag.folder.store import Store

FOLDER, UNFINISHED = "generations", ".new"
LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Generation:
    """One open generation.

    Attributes:
        manifest: What it was built from.
        manifest_sha256: Its manifest's digest, in hexadecimal.
        vectors: The vector index.
        lexical: The lexical index.
        verified: Its files, which need not be read again to be trusted.
    """

    manifest: Manifest
    manifest_sha256: str
    vectors: SegmentedIndex
    lexical: LexicalIndex
    verified: Verified


def publish(
    root: Path,
    store: Store,
    *,
    revision: int,
    build: Mapping[str, Any],
    before: Generation | None = None,
    whole: bool = False,
) -> Generation:
    """Build, verify and switch to the generation that shows `revision` of the store.

    Args:
        root: The library's folder.
        store: Its store.
        revision: The revision to show.
        build: What the vectors were made with; its ``dim`` is that of an index without vectors.
        before: A generation that is open, whose files need not be read again.
        whole: Whether everything is built anew from the store, rather than what has changed since the current one.

    Returns:
        The generation, open.

    Raises:
        LibraryDamaged: The store's vectors cannot be used, or what was written reads back as something else.
    """
    folder, earlier = _folder(root, revision), _named(root)
    # Built beside its place, and verified there: readers of an earlier build of this revision go on with that one.
    target = Target(folder.with_name(f"{folder.name}{UNFINISHED}"), store, revision, build)
    try:
        known = None if whole else _extended(root, target, before.verified if before else frozenset())
        if known is None:
            known = before.verified if before else frozenset()
            _empty(target.folder)
            build_anew(target)
        manifest_sha256 = digest(target.folder / MANIFEST).sha256
        generation = _open(target.folder, manifest_sha256, before=before, known=known)
        _clear(folder)
        target.folder.rename(folder)
    except BaseException:
        # On a full disk every try would take some more of it.
        shutil.rmtree(target.folder, ignore_errors=True)
        raise
    sync(folder.parent)
    write_current(root, Current(revision, manifest_sha256))
    _collect(root, keep={revision, earlier})
    _warn(generation.manifest)
    return generation


def _named(root: Path) -> int:
    """Return the revision that readers see, 0 where that cannot be told."""
    try:
        current = read_current(root)
    except LibraryDamaged:
        return 0
    return current.revision if current else 0


def _extended(root: Path, target: Target, known: Verified) -> Verified | None:
    """Write a generation from the current one and return the latter's files; ``None`` where there is none to trust."""
    try:
        current = read_current(root)
        if current is None or current.revision >= target.revision:
            return None
        folder = _folder(root, current.revision)
        manifest = read_manifest(folder, sha256=current.manifest_sha256)
        if manifest.build != dict(target.build):
            return None
        # A flipped bit would be merged into new files, whose digests then vouch for it.
        verified = check_files(folder, manifest.files, known=known)
        _empty(target.folder)
        return verified if build_upon(target, Base(folder, manifest)) else None
    except LibraryDamaged as error:
        LOG.warning("%s; building all indexes anew from the database", str(error).removesuffix("; run: rag doctor"))
        return None


def open_generation(root: Path, current: Current, *, before: Generation | None = None) -> Generation:
    """Open a generation after checking every file of it against the manifest, and the manifest against `current`.

    Args:
        root: The library's folder.
        current: The generation, as ``CURRENT`` names it.
        before: A generation that is open, whose files need not be read again.

    Returns:
        The generation, ready to be searched.

    Raises:
        LibraryDamaged: A file is missing, is not the one the manifest names, or cannot be read.
    """
    folder = _folder(root, current.revision)
    for inner in (folder.parent, folder):
        if inner.is_symlink():
            raise LibraryDamaged(f"{inner} is a link and not followed; run: rag doctor")
    if not folder.is_dir():
        raise LibraryDamaged(f"{root / CURRENT} names generation {folder.name}, which is missing; run: rag doctor")
    return _open(folder, current.manifest_sha256, before=before, known=before.verified if before else frozenset())


def _open(folder: Path, manifest_sha256: str, *, before: Generation | None, known: Verified) -> Generation:
    manifest = read_manifest(folder, sha256=manifest_sha256)
    verified = check_files(folder, manifest.files, known=known)
    vectors = _open_vectors(folder, manifest, before)
    lexical = LexicalIndex.open(folder / LEXICAL)
    if not len(vectors) == len(lexical) == manifest.passages:
        raise LibraryDamaged(f"{folder}: its indexes do not hold the same passages; run: rag doctor")
    return Generation(manifest, manifest_sha256, vectors, lexical, verified)


def _open_vectors(folder: Path, manifest: Manifest, before: Generation | None) -> SegmentedIndex:
    removed = read_removed(folder, manifest)
    try:
        segments = [_open_segment(folder, s, manifest, before) for s in manifest.segments]
    except (OSError, ValueError, UnreadableIndex) as error:
        raise LibraryDamaged(f"a vector index in {folder} cannot be read ({error}); run: rag doctor") from error
    return SegmentedIndex(tuple(s.without(removed) if len(removed) else s for s in segments))


def _open_segment(folder: Path, segment: Segment, manifest: Manifest, before: Generation | None) -> VectorIndex:
    """Return a vector index: the one that is open already where it is of the same file."""
    if before and manifest.files[segment.file] == before.manifest.files.get(segment.file):
        return before.vectors.segments[before.manifest.segments.index(segment)]
    return VectorIndex.read(folder / segment.file)


def _folder(root: Path, revision: int) -> Path:
    return root / FOLDER / f"{revision:08d}"


def _empty(folder: Path) -> None:
    _clear(folder.parent, links_only=True)
    _clear(folder)
    folder.mkdir(parents=True)


def _clear(folder: Path, *, links_only: bool = False) -> None:
    """Delete a folder, or the link that is in its place and not what it leads to."""
    if folder.is_symlink():
        folder.unlink()
    elif not links_only:
        shutil.rmtree(folder, ignore_errors=True)


def _warn(manifest: Manifest) -> None:
    for segment in manifest.segments:
        if segment.recall is not None and segment.recall < LEAST_RECALL:
            LOG.warning(
                "the vector index of %d passages finds %.1f %% of the exact neighbours, less than %.0f %%; "
                "lexical search is not affected",
                segment.vectors,
                100 * segment.recall,
                100 * LEAST_RECALL,
            )


def _collect(root: Path, *, keep: set[int]) -> None:
    """Delete all generations but some: the current one, and the one before it, which a question may still read."""
    for folder in (root / FOLDER).iterdir():
        # What is unfinished was left by a process that was killed: there is one writer, and this is it.
        if folder.name.endswith(UNFINISHED) or (folder.name.isdigit() and int(folder.name) not in keep):
            shutil.rmtree(folder, ignore_errors=True)
