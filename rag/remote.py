"""Files below an address that fsspec opens, ``s3://bucket/prefix`` for one: found, and read; knows nothing of texts."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from rag.errors import SourceError, SourceNotFound, UnreadableSource
from rag.formats.parse_limits import ParseLimits
from rag.formats.suffixes import ARCHIVES, SUPPORTED
from rag.given import NO_PATH
from rag.printable import one_line
from rag.sources import DEFAULT_LIMITS, SourceFile, find_files, unsupported

# Where stores of objects say when one was written.
TIMES = ("LastModified", "mtime", "last_modified", "updated", "modified", "created")


def is_address(path: str | Path) -> bool:
    """Tell whether this is an address and no path."""
    return isinstance(path, str) and "://" in path


def find_sources(
    paths: Sequence[str | Path], limits: ParseLimits = DEFAULT_LIMITS
) -> tuple[list[SourceFile], dict[str, str]]:
    """Find the files to index under files, folders and addresses.

    Args:
        paths: Files and folders, as `rag.sources.find_files` takes them, and addresses of files or prefixes.
        limits: As for that.

    Returns:
        The files sorted by id, and the reason for each that was left out.

    Raises:
        SourceNotFound: A path or an address does not exist.
        SourceError: One is ``""``, holds nothing to index, cannot be opened, or holds a password; or two files have the
            same id.
    """
    if "" in paths:
        raise SourceError(NO_PATH)
    local = [Path(path) for path in paths if not is_address(path)]
    sources, left_out = find_files(local, limits) if local else ([], {})
    for path in paths:
        if is_address(path):
            sources += _below(str(path), left_out)
    seen: dict[str, SourceFile] = {}
    for source in sources:
        if (other := seen.setdefault(source.id, source)) is not source:
            raise SourceError(
                f"{other.named} and {source.named} would have the same id {source.id!r}; rename one, or index a prefix "
                "above both"
            )
    return sorted(sources, key=lambda source: source.id), left_out


def read_remote(source: SourceFile, limits: ParseLimits = DEFAULT_LIMITS) -> bytes:
    """Return the bytes of a file at an address, one more than the limit at most.

    Args:
        source: The file.
        limits: What it may take.

    Returns:
        Its bytes.

    Raises:
        UnreadableSource: It cannot be opened or read.
    """
    if not source.size_bytes:
        return b""
    try:
        with _one_line(source.address):
            files, path = _opened(source.address)
            return bytes(files.cat_file(path, start=0, end=limits.file_bytes + 1))
    except SourceError as error:
        raise UnreadableSource(str(error)) from error


def _below(address: str, left_out: dict[str, str]) -> list[SourceFile]:
    with _one_line(address):
        files, root = _opened(address)
        found = files.find(root, detail=True)
    sources = []
    for path, facts in sorted(found.items()):
        below = path[len(root) :].strip("/") or PurePosixPath(path).name
        if any(part.startswith(".") for part in below.split("/")):
            continue
        named = str(files.unstrip_protocol(path))
        if reason := _why_not(Path(path)):
            left_out[named] = reason
            continue
        name = unicodedata.normalize("NFC", below)
        with _one_line(named):
            size_bytes = _size_bytes(files, path, facts)
        sources.append(SourceFile(name, Path(path), size_bytes, _stamp(facts), address=named))
    if not found:
        raise SourceNotFound(f"there is nothing at {address}; check the address")
    if not sources:
        raise SourceError(f"nothing to index at {address}: supported are {' '.join(SUPPORTED)}")
    return sources


def _size_bytes(files: Any, path: str, facts: Mapping[str, Any]) -> int:
    """Return the size of a file; 1 where the store does not tell, since one of 0 is known to be empty."""
    size = facts.get("size")
    if size is None:
        size = files.info(path).get("size")
    return 1 if size is None else int(size)


def _why_not(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix in ARCHIVES:
        return "archives are read on a disk alone; unpack it there, or index a copy of it"
    return "" if suffix in SUPPORTED else unsupported(path)


def _stamp(facts: Mapping[str, Any]) -> int:
    """Return a number that changes when the file does: of its version where the store gives one, else its time; 0."""
    version = facts.get("ETag") or facts.get("etag") or facts.get("md5Hash") or facts.get("content_md5")
    if version:
        # 60 bits are below any time that is not trusted yet, for which they stand.
        return int(hashlib.sha256(str(version).encode()).hexdigest()[:15], 16) or 1
    for name in TIMES:
        time = facts.get(name)
        if isinstance(time, datetime):
            return int(time.timestamp() * 1e9)
        if isinstance(time, int | float):
            return int(time * 1e9)
    return 0


def _opened(address: str) -> tuple[Any, str]:
    """Return a file system and the path in it that an address names.

    Args:
        address: The address.

    Returns:
        Both.

    Raises:
        SourceError: It cannot be opened, or must not be.
    """
    scheme, _, rest = address.partition("://")
    if "@" in urlsplit(address).netloc or "@" in rest.partition("/")[0]:
        raise SourceError(
            f"the {scheme} address holds a user name or password; leave it out: the environment or the configuration "
            "of the store's own client has it"
        )
    if scheme in ("file", "local") or "::" in address:
        raise SourceError(f"{address} is read as a file of this machine, or through one; name its path instead")
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise SourceError(f'{address} needs fsspec ({error}); run: pip install "leadgoose[ray]"') from error
    try:
        files, path = url_to_fs(address)
    except ImportError as error:
        package = "s3fs" if scheme in ("s3", "s3a") else "gcsfs" if scheme in ("gs", "gcs") else "the package it names"
        raise SourceError(f"{address}: {one_line(error)}; run: pip install {package}") from error
    return files, str(path)


@contextmanager
def _one_line(address: str) -> Iterator[None]:
    """Turn whatever the client of a store raises, each its own kinds, into one line."""
    try:
        yield
    except SourceError:
        raise
    except FileNotFoundError as error:
        raise SourceNotFound(f"there is nothing at {address}; check the address") from error
    except Exception as error:
        said = one_line(error) or type(error).__name__
        raise SourceError(f"{address} cannot be read ({said}); check address and credentials") from error
