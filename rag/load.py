"""Sources to their texts; knows nothing of encodings, cleaning, metadata or passages.

Plain text is decoded here; everything else is parsed by a process of its own, since a file from anywhere may crash,
hang or swell what reads it.
"""

from __future__ import annotations

import hashlib

from rag.errors import UnreadableSource
from rag.formats.archive import read_member
from rag.formats.decode import decode
from rag.formats.extracted import Extracted
from rag.formats.parse_limits import ParseLimits, beyond
from rag.formats.parser import PARSER
from rag.formats.suffixes import PLAIN, SUPPORTED
from rag.opening import file_digest, open_regular, unreadable
from rag.remote import read_remote
from rag.sources import DEFAULT_LIMITS, SourceFile, unsupported


def source_digest(source: SourceFile, limits: ParseLimits = DEFAULT_LIMITS) -> str:
    """Return the SHA-256 of what a source holds, in hexadecimal: of the file, or of the one in its archive.

    Args:
        source: A file that ``find_files`` found.
        limits: What it may take.

    Returns:
        64 digits, letters in lower case.

    Raises:
        UnreadableSource: It cannot be opened, read or unpacked.
    """
    if source.archive is None and not source.address:
        return file_digest(source.place)
    return hashlib.sha256(_read_bytes(source, limits)).hexdigest()


def read(source: SourceFile, limits: ParseLimits = DEFAULT_LIMITS) -> Extracted:
    """Return a file's text as it stands, with its pages where it has some.

    Args:
        source: A file that ``find_files`` found.
        limits: What it may take; a file beyond them is refused, never cut.

    Returns:
        Text with more to it than white space.

    Raises:
        UnreadableSource: The file is empty, damaged, beyond a limit, of an unsupported format, or cannot be read.
    """
    data = _read_bytes(source, limits)
    suffix = source.path.suffix.lower()
    try:
        if suffix in PLAIN:
            return Extracted(_decoded(data))
        if suffix in SUPPORTED:
            return PARSER.parse(data, suffix, limits)
    except UnreadableSource as error:
        raise UnreadableSource(f"{source.named} {error}") from error
    raise UnreadableSource(f"{source.named}: {unsupported(source.path)}")


def _decoded(data: bytes) -> str:
    text = decode(data)
    if not text.strip("\ufeff\0 \t\r\n\f\v\u00a0\u3000"):
        raise UnreadableSource("is empty or only white space; remove it or give it text")
    return text


def check_size(source: SourceFile, size_bytes: int, limits: ParseLimits = DEFAULT_LIMITS) -> None:
    """Refuse a file that is too large; nothing of it need be read to tell.

    Args:
        source: The file.
        size_bytes: Its size.
        limits: What it may take.

    Raises:
        UnreadableSource: It is.
    """
    if size_bytes > limits.file_bytes:
        raise UnreadableSource(f"{source.named} {beyond(f'is larger than {limits.file_mb:,} MB', 'file_mb')}")


def _read_bytes(source: SourceFile, limits: ParseLimits) -> bytes:
    """Return the bytes of a source that is not too large."""
    if source.archive is not None:
        try:
            return read_member(source.place, source.member, most_bytes=limits.file_bytes)
        except UnreadableSource as error:
            raise UnreadableSource(f"{source.named} {error}") from error
    # What is too large when it is found need not be opened.
    check_size(source, source.size_bytes, limits)
    if source.address:
        data = read_remote(source, limits)
        check_size(source, len(data), limits)
        return data
    with open_regular(source.place) as file:
        try:
            data = file.read(limits.file_bytes + 1)
        except OSError as error:
            raise unreadable(source.path, error) from error
    check_size(source, len(data), limits)
    return data
