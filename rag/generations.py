"""Immutable generations of the derived indexes, and the one file that names the current one.

    generations/<revision>/vectors.faiss   FAISS, exact inner product
    generations/<revision>/lexical/        tantivy, BM25
    generations/<revision>/manifest.json   what they were built from, and size and SHA-256 of every file
    CURRENT                                the revision readers see and its manifest's SHA-256, switched by one rename

Knows the store and the two indexes; never asks a question of them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.index import VectorIndex
from rag.errors import LibraryDamaged
from rag.lexical import LexicalIndex, LexicalPassage
from rag.store import Store, StoredPassage, damaged_vectors
from rag.terms import document_terms, spelt_words

FORMAT_VERSION = 2
CURRENT, FOLDER, MANIFEST, VECTORS, LEXICAL = "CURRENT", "generations", "manifest.json", "vectors.faiss", "lexical"
# tantivy's own locks: empty, made anew by whoever opens the folder.
LOCKS = {".tantivy-writer.lock", ".tantivy-meta.lock"}


@dataclass(frozen=True)
class FileDigest:
    """Size and SHA-256 of one file."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a generation was built from.

    Attributes:
        format_version: Version of this layout.
        revision: Revision of the store it shows.
        build: Encoder id and weight digest, dimension, whether vectors are normalised, splitter settings, and
            dimensions of token vectors.
        documents: Number of documents.
        passages: Number of passages.
        languages: ISO 639-1 codes of the documents, sorted.
        files: Size and digest of every file by its path in the generation's folder.
    """

    format_version: int
    revision: int
    build: Mapping[str, Any]
    documents: int
    passages: int
    languages: tuple[str, ...]
    files: Mapping[str, FileDigest]


@dataclass(frozen=True)
class Current:
    """What the file ``CURRENT`` says.

    Attributes:
        revision: The revision readers see.
        manifest_sha256: Digest of its manifest, which vouches for all other files.
    """

    revision: int
    manifest_sha256: str


@dataclass(frozen=True)
class Generation:
    """One open generation.

    Attributes:
        manifest: What it was built from.
        manifest_sha256: Its manifest's digest, in hexadecimal.
        vectors: The vector index.
        lexical: The lexical index.
    """

    manifest: Manifest
    manifest_sha256: str
    vectors: VectorIndex
    lexical: LexicalIndex


def read_current(root: Path) -> Current | None:
    """Return what readers see, or ``None`` when the file that names it is not there.

    Args:
        root: The library's folder.

    Returns:
        The revision and its manifest's digest.

    Raises:
        LibraryDamaged: The file that names it holds something else.
    """
    try:
        revision, manifest_sha256 = (root / CURRENT).read_text(encoding="ascii").split()
        return Current(int(revision), manifest_sha256)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise LibraryDamaged(f"{root / CURRENT} does not hold a revision; run: rag doctor") from error


def publish(root: Path, store: Store, *, revision: int, build: Mapping[str, Any]) -> Generation:
    """Build, verify and switch to the generation that shows `revision` of the store.

    Args:
        root: The library's folder.
        store: Its store.
        revision: The revision to show.
        build: What the vectors were made with; its ``dim`` is that of an index without vectors.

    Returns:
        The generation, open.

    Raises:
        LibraryDamaged: The store's vectors cannot be used, or what was written reads back as something else.
    """
    folder = root / FOLDER / f"{revision:08d}"
    # Built beside its place: an earlier build of this revision stays until this one is whole.
    building = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    _write(building, store, revision=revision, build=build)
    shutil.rmtree(folder, ignore_errors=True)
    building.rename(folder)
    _sync(folder.parent)
    current = Current(revision, _digest(folder / MANIFEST).sha256)
    generation = open_generation(root, current)
    _replace(root / CURRENT, f"{current.revision} {current.manifest_sha256}\n".encode("ascii"))
    _collect(root, keep=revision)
    return generation


def open_generation(root: Path, current: Current) -> Generation:
    """Open a generation after checking every file of it against the manifest, and the manifest against `current`.

    Args:
        root: The library's folder.
        current: The generation, as ``CURRENT`` names it.

    Returns:
        The generation, ready to be searched.

    Raises:
        LibraryDamaged: A file is missing, is not the one the manifest names, or cannot be read.
    """
    folder = root / FOLDER / f"{current.revision:08d}"
    if not folder.is_dir():
        raise LibraryDamaged(f"{root / CURRENT} names generation {folder.name}, which is missing; run: rag doctor")
    if _digest(folder / MANIFEST).sha256 != current.manifest_sha256:
        raise LibraryDamaged(f"{folder / MANIFEST} does not match its digest in {root / CURRENT}; run: rag doctor")
    manifest = _read_manifest(folder)
    if manifest.format_version != FORMAT_VERSION:
        raise LibraryDamaged(f"{folder / MANIFEST} is of format {manifest.format_version}, not {FORMAT_VERSION}")
    for name, digest in manifest.files.items():
        if _digest(folder / name) != digest:
            raise LibraryDamaged(f"{folder / name} does not match its digest; run: rag doctor")
    try:
        vectors = VectorIndex.read(folder / VECTORS)
    except (OSError, ValueError) as error:
        raise LibraryDamaged(f"{folder / VECTORS} cannot be read ({error}); run: rag doctor") from error
    lexical = LexicalIndex.open(folder / LEXICAL)
    if not len(vectors) == len(lexical) == manifest.passages:
        raise LibraryDamaged(f"{folder}: its indexes do not hold the same passages; run: rag doctor")
    return Generation(manifest, current.manifest_sha256, vectors, lexical)


def _write(folder: Path, store: Store, *, revision: int, build: Mapping[str, Any]) -> None:
    keys, vectors = store.vectors_of(revision=revision)
    if not len(keys):
        vectors = np.empty((0, int(build["dim"])), np.float32)
    try:
        index = VectorIndex.build(keys, vectors)
    except ValueError as error:
        raise damaged_vectors(store.path, str(error)) from error
    index.write(folder / VECTORS)
    languages: set[str] = set()
    documents: set[int] = set()

    def entry(stored: StoredPassage) -> LexicalPassage:
        languages.add(stored.language)
        documents.add(stored.document_key)
        # The title is searched with every passage: on questions that name a document's subject that gained 7 points
        # of hit@5, elsewhere it changed nothing; a field of its own cost 12 points on long documents.
        text = f"{stored.title}\n{stored.passage.text}"
        return LexicalPassage(stored.key, document_terms(text, language=stored.language), spelt_words(text))

    LexicalIndex.build(folder / LEXICAL, map(entry, store.passages_of(revision=revision)))
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.name not in LOCKS]
    manifest = Manifest(
        format_version=FORMAT_VERSION,
        revision=revision,
        build=dict(build),
        documents=len(store.documents(revision=revision)),
        passages=len(keys),
        languages=tuple(sorted(languages)),
        files={p.relative_to(folder).as_posix(): _digest(p) for p in files},
    )
    for path in files:
        _sync(path)
    _replace(folder / MANIFEST, json.dumps(asdict(manifest), indent=1).encode())
    _sync(folder / LEXICAL)


def _read_manifest(folder: Path) -> Manifest:
    try:
        data = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files = {name: FileDigest(**digest) for name, digest in data.pop("files").items()}
        return Manifest(**data | {"files": files, "languages": tuple(data["languages"])})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise LibraryDamaged(f"{folder / MANIFEST} cannot be read ({error}); run: rag doctor") from error


def _digest(path: Path) -> FileDigest:
    try:
        with path.open("rb") as file:
            return FileDigest(os.fstat(file.fileno()).st_size, hashlib.file_digest(file, "sha256").hexdigest())
    except OSError as error:
        raise LibraryDamaged(f"{path} cannot be read ({error.strerror}); run: rag doctor") from error


def _replace(path: Path, data: bytes) -> None:
    """Put a file in place in one step that survives a crash."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(data)
    _sync(temporary)
    os.replace(temporary, path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _collect(root: Path, *, keep: int) -> None:
    """Delete generations but the current one and the one before it, which a question under way may still read."""
    revisions = sorted(int(p.name) for p in (root / FOLDER).iterdir() if p.name.isdigit())
    for revision in [r for r in revisions if r < keep][:-1]:
        shutil.rmtree(root / FOLDER / f"{revision:08d}", ignore_errors=True)
