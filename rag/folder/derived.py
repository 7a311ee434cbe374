"""The files of a generation: vector and lexical indexes built whole from the store, or from those of the one before.

Knows the store and the two indexes; nothing of which generation readers see.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings.errors import UnreadableIndex
from embeddings.index import VectorIndex
from embeddings.segments import kept_whole
from rag.errors import LibraryDamaged
from rag.files import sync
from rag.folder.lexical import LexicalIndex, LexicalPassage
from rag.folder.manifest import FORMAT_VERSION, FileDigest, Manifest, Segment, digest, link_file, write_manifest
from rag.folder.store import Store
from rag.stored import StoredPassage, damaged_vectors
from rag.terms import document_terms, spelt_words

LEXICAL, REMOVED = "lexical", "removed.keys"
# tantivy's own locks: empty, made anew by whoever opens the folder.
LOCKS = {".tantivy-writer.lock", ".tantivy-meta.lock"}
# The lexical index counts what has left among a term's passages until it is built whole: at once where that takes no
# time, else when it is this share of what is there.
WHOLE_UP_TO, MOST_LEFT = 2_000, 0.2
BATCH_PASSAGES = 1_000
Keys = NDArray[np.int64]
_NONE: Keys = np.empty(0, np.int64)


@dataclass(frozen=True)
class Target:
    """A generation to be written.

    Attributes:
        folder: An empty folder.
        store: The store it is built from.
        revision: The store's revision that it shows.
        build: What the vectors were made with; its ``dim`` is that of an index without vectors.
    """

    folder: Path
    store: Store
    revision: int
    build: Mapping[str, Any]


@dataclass(frozen=True)
class Base:
    """A generation that another one is made from, its files verified.

    Attributes:
        folder: Its folder.
        manifest: Its manifest.
    """

    folder: Path
    manifest: Manifest


def build_anew(target: Target) -> Manifest:
    """Write the files of a generation from the store alone.

    Args:
        target: What is to be written.

    Returns:
        The manifest, which is written last.

    Raises:
        LibraryDamaged: The store's vectors cannot be used.
    """
    store, revision = target.store, target.revision
    keys = store.passage_keys(revision=revision)
    segment = _write_segment(target, keys)
    LexicalIndex.build(target.folder / LEXICAL, map(_entry, store.passages_of(revision=revision)))
    return _finish(target, (segment,), passages=len(keys), left=0)


def build_upon(target: Target, base: Base) -> Manifest | None:
    """Write the files of a generation as links to those of an earlier one, and what has changed since.

    Args:
        target: What is to be written, on the same disk.
        base: An earlier generation of the same library, its files verified.

    Returns:
        The manifest, which is written last; ``None`` where so much has left that building anew is better.

    Raises:
        LibraryDamaged: The store's vectors or the earlier generation's files cannot be used.
    """
    before, store, revision = base.manifest, target.store, target.revision
    added, gone = store.passage_changes(after=before.revision, upto=revision)
    passages, left = before.passages + len(added) - len(gone), before.left + len(gone)
    if len(gone) and (passages <= WHOLE_UP_TO or left > MOST_LEFT * passages):
        return None
    if store.count_passages(revision=revision) != passages:
        raise LibraryDamaged(f"{base.folder} does not hold the passages of its revision; run: rag doctor")
    segments = _extend_vectors(target, base, added=added, gone=gone)
    _extend_lexical(target, base, added=added, gone=gone)
    return _finish(target, segments, passages=passages, left=left, base=base)


def read_removed(folder: Path, manifest: Manifest) -> Keys:
    """Return the numbers of the passages in a generation's vector indexes that have left, (n,) int64 ascending."""
    if REMOVED not in manifest.files:
        return _NONE
    return np.fromfile(folder / REMOVED, dtype="<i8").astype(np.int64)


def _extend_vectors(target: Target, base: Base, *, added: Keys, gone: Keys) -> tuple[Segment, ...]:
    before = base.manifest.segments
    kept = before[: kept_whole([s.vectors for s in before], len(added))] if len(added) else before
    for segment in kept:
        link_file(base.folder / segment.file, target.folder / segment.file)
    try:
        merged = [VectorIndex.read(base.folder / s.file).ids for s in before[len(kept) :]]
    except UnreadableIndex as error:
        raise LibraryDamaged(f"{error}; run: rag doctor") from error
    removed = np.union1d(read_removed(base.folder, base.manifest), gone)
    live = np.setdiff1d(np.concatenate([added, *merged]), removed)
    # Those of merged segments are forgotten with them.
    removed = np.setdiff1d(removed, np.concatenate([_NONE, *merged]))
    if len(removed):
        # Not tofile, whose errors of a full disk say less.
        (target.folder / REMOVED).write_bytes(removed.astype("<i8").tobytes())
    return (*kept, _write_segment(target, live)) if len(live) else kept


def _write_segment(target: Target, keys: Keys) -> Segment:
    file = f"vectors-{target.revision:08d}.faiss"
    try:
        index = VectorIndex.build(keys, target.store.vectors(keys, dim=int(target.build["dim"])))
    except ValueError as error:
        raise damaged_vectors(target.store.path, str(error)) from error
    index.write(target.folder / file)
    return Segment(file, len(keys), index.kind, index.recall)


def _extend_lexical(target: Target, base: Base, *, added: Keys, gone: Keys) -> None:
    # tantivy puts new files in place of its heads and leaves all others as they are.
    for name in base.manifest.files:
        if name.startswith(f"{LEXICAL}/"):
            link_file(base.folder / name, target.folder / name)
    if len(added) or len(gone):
        LexicalIndex.extend(target.folder / LEXICAL, _entries(target.store, added), removed=gone.tolist())


def _entries(store: Store, keys: Keys) -> Iterator[LexicalPassage]:
    for start in range(0, len(keys), BATCH_PASSAGES):
        yield from map(_entry, store.passages(keys[start : start + BATCH_PASSAGES].tolist()).values())


def _entry(stored: StoredPassage) -> LexicalPassage:
    # The title is searched with every passage: on questions that name a document's subject that gained 7 points
    # of hit@5, elsewhere it changed nothing; a field of its own cost 12 points on long documents.
    text = f"{stored.title}\n{stored.passage.text}"
    return LexicalPassage(stored.key, document_terms(text, language=stored.language), spelt_words(text))


def _finish(
    target: Target, segments: tuple[Segment, ...], *, passages: int, left: int, base: Base | None = None
) -> Manifest:
    """Wait until all files are on the disk, and write the manifest that vouches for them."""
    documents, languages = target.store.count_documents(revision=target.revision)
    manifest = Manifest(
        format_version=FORMAT_VERSION,
        revision=target.revision,
        build=dict(target.build),
        documents=documents,
        passages=passages,
        languages=languages,
        segments=segments,
        left=left,
        files={name: _vouched(target.folder, name, base) for name in _file_names(target.folder)},
    )
    sync(target.folder / LEXICAL)
    write_manifest(target.folder, manifest)
    return manifest


def _file_names(folder: Path) -> list[str]:
    files = (p for p in sorted(folder.rglob("*")) if p.is_file() and p.name not in LOCKS)
    return [p.relative_to(folder).as_posix() for p in files]


def _vouched(folder: Path, name: str, base: Base | None) -> FileDigest:
    """Return the digest of a file: of the verified one that it links to, or else its own, once it is on the disk."""
    path = folder / name
    if base and name in base.manifest.files and path.samefile(base.folder / name):
        return base.manifest.files[name]
    sync(path)
    return digest(path)
