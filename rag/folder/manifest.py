"""What a generation says of itself, and files written and read so that a crash or a flipped bit does not go unseen.

Knows no index and no store.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rag.errors import LibraryDamaged
from rag.files import brief, open_plain, parse_json, read_small, replace_file, sync

FORMAT_VERSION = 3
CURRENT, MANIFEST = "CURRENT", "manifest.json"
CURRENT_BYTES = 200
# What a file of a generation may be called; no name leads out of its folder.
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*|lexical/\.?[A-Za-z0-9_-][A-Za-z0-9_.-]*", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
# All of it: without its last byte it is not what was written.
_CURRENT = re.compile(rb"([0-9]{1,18}) ([0-9a-f]{64})\n")
# Files that were read and had their digest: device, inode, time of modification and SHA-256. Files of a generation do
# not change, and later generations link to them.
Verified = frozenset[tuple[int, int, int, str]]


@dataclass(frozen=True)
class FileDigest:
    """Size and SHA-256 of one file."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Segment:
    """One vector index of a generation.

    Attributes:
        file: Its file in the generation's folder.
        vectors: Vectors in it, those of passages that have left included.
        kind: ``flat`` (searched exactly) or ``ivf`` (inverted lists).
        recall: Mean share in [0, 1] of a query's ten exact neighbours that it finds; ``None`` where it is exact.
    """

    file: str
    vectors: int
    kind: str
    recall: float | None


@dataclass(frozen=True)
class Manifest:
    """What a generation was built from.

    Attributes:
        format_version: Version of this layout.
        revision: Revision of the store it shows.
        build: Encoder id and weight digest, dimension, whether vectors are normalised, splitter settings, and
            bits of token vectors.
        documents: Number of documents.
        passages: Number of passages.
        languages: ISO 639-1 codes of the documents, sorted.
        segments: Its vector indexes, oldest first.
        left: Passages that left since its indexes were built whole, which some of them still hold.
        files: Size and digest of every file by its path in the generation's folder.
    """

    format_version: int
    revision: int
    build: Mapping[str, Any]
    documents: int
    passages: int
    languages: tuple[str, ...]
    segments: tuple[Segment, ...]
    left: int
    files: Mapping[str, FileDigest]

    @property
    def recall(self) -> float | None:
        """Share in [0, 1] of the exact neighbours that its vector indexes find, over all; ``None`` if all are exact."""
        if all(segment.recall is None for segment in self.segments):
            return None
        found = sum(s.vectors * (1.0 if s.recall is None else s.recall) for s in self.segments)
        return found / sum(s.vectors for s in self.segments)


@dataclass(frozen=True)
class Current:
    """What the file ``CURRENT`` says.

    Attributes:
        revision: The revision readers see.
        manifest_sha256: Digest of its manifest, which vouches for all other files.
    """

    revision: int
    manifest_sha256: str


def read_current(root: Path) -> Current | None:
    """Return what readers see, or ``None`` when the file that names it is not there.

    Args:
        root: The library's folder.

    Returns:
        The revision and its manifest's digest.

    Raises:
        LibraryDamaged: The file that names it holds something else.
    """
    if not os.path.lexists(root / CURRENT):
        return None
    found = _CURRENT.fullmatch(read_small(root / CURRENT, most_bytes=CURRENT_BYTES))
    if not found:
        raise LibraryDamaged(f"{root / CURRENT} does not hold a revision; run: rag doctor")
    return Current(int(found[1]), found[2].decode("ascii"))


def write_current(root: Path, current: Current) -> None:
    """Let readers see a generation, in one step."""
    replace_file(root / CURRENT, f"{current.revision} {current.manifest_sha256}\n".encode("ascii"))


def read_manifest(folder: Path, *, sha256: str) -> Manifest:
    """Return the manifest of a generation.

    Args:
        folder: The generation's folder.
        sha256: The manifest's digest.

    Returns:
        The manifest, of this format.

    Raises:
        LibraryDamaged: It is missing, is not the one with that digest, or is of another format.
    """
    content = read_small(folder / MANIFEST)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise LibraryDamaged(f"{folder / MANIFEST} does not match its digest in {CURRENT}; run: rag doctor")
    data = parse_json(content, folder / MANIFEST)
    try:
        version = data["format_version"]
        if version != FORMAT_VERSION:
            raise LibraryDamaged(
                f"{folder / MANIFEST} is of format {brief(version)}, not {FORMAT_VERSION}; run: rag doctor"
            )
        files = {name: FileDigest(**values) for name, values in data.pop("files").items()}
        segments = tuple(Segment(**values) for values in data.pop("segments"))
        manifest = Manifest(**data | {"files": files, "segments": segments, "languages": tuple(data["languages"])})
        _check_manifest(manifest)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LibraryDamaged(f"{folder / MANIFEST} cannot be read ({brief(error)}); run: rag doctor") from error
    return manifest


def _check_manifest(manifest: Manifest) -> None:
    """Refuse values that no generation has, and names of files that lead out of its folder.

    Args:
        manifest: What was read.

    Raises:
        ValueError: There is one.
    """
    for name, found in manifest.files.items():
        _check_file(name, found)
    if not manifest.segments or any(segment.file not in manifest.files for segment in manifest.segments):
        raise ValueError("it lacks a vector index")
    recalls = [segment.recall for segment in manifest.segments if segment.recall is not None]
    if not all(isinstance(recall, float | int) and 0 <= recall <= 1 for recall in recalls):
        raise ValueError("a recall is no share")
    counts = (manifest.revision, manifest.documents, manifest.passages, manifest.left)
    if not all(map(_is_count, (*counts, *(segment.vectors for segment in manifest.segments)))):
        raise ValueError("a number in it is no count")
    if not (isinstance(manifest.build, dict) and all(isinstance(language, str) for language in manifest.languages)):
        raise ValueError("what it was built with is missing")


def _check_file(name: str, found: FileDigest) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(f"it names the file {name[:40]!r}")
    if not (_is_count(found.size_bytes) and isinstance(found.sha256, str) and _SHA256.fullmatch(found.sha256)):
        raise ValueError(f"size or digest of {name[:40]!r} is none")


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest of a generation, which makes it whole."""
    replace_file(folder / MANIFEST, json.dumps(asdict(manifest), indent=1).encode())


def check_files(folder: Path, files: Mapping[str, FileDigest], *, known: Verified = frozenset()) -> Verified:
    """Check files against their digests.

    Args:
        folder: The folder they are in.
        files: Digest by path in the folder.
        known: Files that need not be read again.

    Returns:
        All of them, verified.

    Raises:
        LibraryDamaged: One is missing or is not the one with that digest.
    """
    verified = set()
    for inner in {folder, *((folder / name).parent for name in files)}:
        if inner.is_symlink():
            raise LibraryDamaged(f"{inner} is a link and not followed; run: rag doctor")
    for name, expected in files.items():
        path = folder / name
        try:
            found = path.lstat()
        except OSError as error:
            raise LibraryDamaged(f"{path} cannot be read ({error.strerror}); run: rag doctor") from error
        if stat.S_ISLNK(found.st_mode):
            raise LibraryDamaged(f"{path} is a link and not followed; run: rag doctor")
        identity = (found.st_dev, found.st_ino, found.st_mtime_ns, expected.sha256)
        if found.st_size != expected.size_bytes or (identity not in known and digest(path) != expected):
            raise LibraryDamaged(f"{path} does not match its digest; run: rag doctor")
        verified.add(identity)
    return frozenset(verified)


def digest(path: Path) -> FileDigest:
    """Return size and digest of a file.

    Args:
        path: The file.

    Returns:
        Its size and digest.

    Raises:
        LibraryDamaged: It cannot be read.
    """
    try:
        with open_plain(path) as file:
            return FileDigest(os.fstat(file.fileno()).st_size, hashlib.file_digest(file, "sha256").hexdigest())
    except OSError as error:
        raise LibraryDamaged(f"{path} cannot be read ({error.strerror}); run: rag doctor") from error


def link_file(source: Path, target: Path) -> None:
    """Give a file that will not change a second name, or, where the disk has no links, copy it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
        sync(target)
