"""Zip archives as folders: what is in them, and its bytes; nothing is ever unpacked onto the disk."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rag.errors import UnreadableSource
from rag.formats.parse_limits import ParseLimits, beyond, beyond_ratio
from rag.formats.suffixes import ARCHIVES, SUPPORTED
from rag.opening import open_regular

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_END, _END_BYTES, _MOST_COMMENT = b"PK\x05\x06", 22, 65_535
_END_64, _LOCATOR_64, _LOCATOR_BYTES = b"PK\x06\x06", b"PK\x06\x07", 20
# An entry of the directory without its name and extra fields.
_ENTRY_BYTES = 46
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    ValueError,
    OSError,
    NotImplementedError,
    RuntimeError,
    struct.error,
)


@dataclass(frozen=True)
class Member:
    """A file in an archive.

    Attributes:
        names: Its name in the archive; where archives lie in each other, the name in each, the outermost first.
        size_bytes: Its size, unpacked.
    """

    names: tuple[str, ...]
    size_bytes: int

    @property
    def path(self) -> str:
        """Its path below the outermost archive."""
        return "/".join(self.names)


def list_members(archive: Path, limits: ParseLimits) -> tuple[list[Member], dict[str, str]]:
    """Return what can be indexed in an archive.

    Args:
        archive: A zip file.
        limits: How many files, how deep and how large.

    Returns:
        Its files with a supported suffix, those of archives in it included, and for each file left out, except hidden
        ones, the reason by its path below the archive; ``""`` stands for the archive itself.
    """
    left_out: dict[str, str] = {}
    members: list[Member] = []
    try:
        with open_regular(archive) as file:
            members += _members(file, (), limits, left_out)
    except (OSError, UnreadableSource) as error:
        left_out[""] = f"cannot be opened: {error}"
    return members, left_out


def read_member(archive: Path, names: tuple[str, ...], *, most_bytes: int) -> bytes:
    """Return the bytes of a file in an archive.

    Args:
        archive: The outermost archive.
        names: What `Member.names` says.
        most_bytes: The largest file that is read.

    Returns:
        Its bytes, checked against its checksum.

    Raises:
        UnreadableSource: It is gone, damaged or larger; the message is to be put after its name.
    """
    try:
        with open_regular(archive) as file:
            return _read(file, names, most_bytes)
    except KeyError:
        raise UnreadableSource("is no longer in its archive; index again") from None
    except _BROKEN as error:
        raise UnreadableSource(f"cannot be unpacked: {error}; pack the archive anew") from error


def archive_of(path: Path) -> Path | None:
    """Return the archive that a path leads into, ``None`` where none of the folders above it is one."""
    return next((above for above in path.parents if above.suffix.lower() in ARCHIVES and above.is_file()), None)


def member_digest(archive: Path, path: str, limits: ParseLimits) -> str | None:
    """Return the SHA-256 of a file in an archive, in hexadecimal.

    Args:
        archive: The outermost archive.
        path: What `Member.path` says.
        limits: How large the archive and the file may be.

    Returns:
        64 digits; ``None`` where there is no such file in it.

    Raises:
        UnreadableSource: It is damaged.
    """
    found = next((member for member in list_members(archive, limits)[0] if member.path == path), None)
    if found is None:
        return None
    return hashlib.sha256(read_member(archive, found.names, most_bytes=limits.file_bytes)).hexdigest()


def _read(file: BinaryIO, names: tuple[str, ...], most_bytes: int) -> bytes:
    with zipfile.ZipFile(file) as opened:
        data = _unpacked(opened, opened.getinfo(names[0]), most_bytes)
    return _read(io.BytesIO(data), names[1:], most_bytes) if len(names) > 1 else data


def _unpacked(opened: zipfile.ZipFile, info: zipfile.ZipInfo, most_bytes: int) -> bytes:
    with opened.open(info) as member:
        data = member.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise UnreadableSource(beyond(f"is larger than {most_bytes // 1_000_000:,} MB", "file_mb"))
    return data


def _members(file: BinaryIO, above: tuple[str, ...], limits: ParseLimits, left_out: dict[str, str]) -> Iterator[Member]:
    """Yield the files of an archive that may lie in others."""
    here = "/".join(above)
    try:
        with _opened(file, limits) as opened:
            infos = opened.infolist()
            _check_size(infos, _size(file), limits)
            counts = Counter(info.filename for info in infos)
            for info in infos:
                if info.is_dir() or _is_hidden(info.filename):
                    continue
                names = (*above, info.filename)
                reason = _why_not(info, limits, depth=len(names))
                if counts[info.filename] > 1:
                    reason = "stands in the archive more than once; pack it anew"
                if reason:
                    left_out["/".join(names)] = reason
                elif _suffix(info.filename) in ARCHIVES:
                    inner = io.BytesIO(_unpacked(opened, info, limits.file_bytes))
                    yield from _members(inner, names, limits, left_out)
                else:
                    yield Member(names, info.file_size)
    except UnreadableSource as error:
        left_out[here] = str(error)
    except _BROKEN as error:
        left_out[here] = f"is damaged, or no zip archive at all ({error}); pack it anew"


@contextmanager
def _opened(file: BinaryIO, limits: ParseLimits) -> Iterator[zipfile.ZipFile]:
    """Open an archive whose directory is no larger than its files can need."""
    # The directory is read at once, whatever its size.
    if _directory_bytes(file) > limits.archive_files * (_ENTRY_BYTES + 1_000):
        raise _too_many(limits)
    with zipfile.ZipFile(file) as opened:
        yield opened


def _too_many(limits: ParseLimits) -> UnreadableSource:
    return UnreadableSource(beyond(f"holds more than {limits.archive_files:,} files", "archive_files"))


def _check_size(infos: list[zipfile.ZipInfo], packed_bytes: int, limits: ParseLimits) -> None:
    if len(infos) > limits.archive_files:
        raise _too_many(limits)
    if reason := beyond_ratio(sum(info.file_size for info in infos), packed_bytes, limits):
        raise UnreadableSource(reason)


def _why_not(info: zipfile.ZipInfo, limits: ParseLimits, *, depth: int) -> str:
    """Return why a file in an archive is left out, or ``""``."""
    reasons = {
        _escapes(info.filename): "its name leads out of the archive; it is not read",
        any(ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 for c in info.filename): "its name holds control characters",
        stat.S_ISLNK(info.external_attr >> 16): "is a link, which is not followed",
        bool(info.flag_bits & 1): "is encrypted; pack it without a password",
        info.compress_type not in METHODS: "is packed in an unusual way; pack it with an ordinary zip program",
    }
    if True in reasons:
        return reasons[True]
    suffix = _suffix(info.filename)
    if suffix not in SUPPORTED:
        return f"unsupported suffix {suffix!r}; supported are {' '.join(SUPPORTED)}"
    if suffix in ARCHIVES and depth >= limits.archive_depth:
        return beyond(f"is an archive {depth} deep in archives, more than {limits.archive_depth - 1}", "archive_depth")
    if info.file_size > limits.file_bytes:
        return beyond(f"is larger than {limits.file_mb:,} MB", "file_mb")
    return beyond_ratio(info.file_size, info.compress_size, limits)


def _escapes(name: str) -> bool:
    """Tell whether a name is no plain path below the archive, on whatever system."""
    parts = name.replace("\\", "/").split("/")
    return name.startswith(("/", "\\")) or ".." in parts or (len(name) > 1 and name[1] == ":")


def _is_hidden(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return parts[0] == "__MACOSX" or any(part.startswith(".") and part not in (".", "..") for part in parts)


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _size(file: BinaryIO) -> int:
    file.seek(0, os.SEEK_END)
    return file.tell()


def _directory_bytes(file: BinaryIO) -> int:
    """Return how large an archive says its directory is; 0 where it says nothing.

    Reference:
        PKWARE, .ZIP File Format Specification 6.3.10, sections 4.3.14 to 4.3.16.
    """
    size = _size(file)
    file.seek(max(0, size - _END_BYTES - _MOST_COMMENT - _LOCATOR_BYTES))
    tail = file.read()
    end = tail.rfind(_END)
    if end < 0 or end + _END_BYTES > len(tail):
        return 0
    (directory,) = struct.unpack_from("<I", tail, end + 12)
    locator = end - _LOCATOR_BYTES
    if locator >= 0 and tail.startswith(_LOCATOR_64, locator):
        (offset,) = struct.unpack_from("<Q", tail, locator + 8)
        file.seek(min(offset, size))
        record = file.read(56)
        if record.startswith(_END_64) and len(record) == 56:
            directory = max(int(directory) if directory != 0xFFFFFFFF else 0, struct.unpack_from("<Q", record, 40)[0])
    return int(directory)
