"""A checksum for every page of a library's database, so that bytes which hold nothing cannot change unseen either.

    library.sqlite3-pages   a line that says of which state of the database it is, then four bytes a page

Rows have checksums of their own (`rag.folder.checks`), which is what answers rest on; these are for the rest of the
file, and for putting a flipped bit back. They are derived, and may lag behind after a process was killed: then they are
of another state and say nothing. Knows the formats of SQLite's files, and asks no database.

Reference:
    SQLite, "Database File Format", sections 1.2 and 4, https://www.sqlite.org/fileformat2.html.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.errors import LibraryDamaged
from rag.files import read_small, replace_file
from rag.folder.raw import RawFile
from rag.opening import open_no_link

SUFFIX, FORMAT = "-pages", "leadgoose-pages-1"
# Of a page that nothing is known of: one that SQLite never wrote, such as the one it keeps for locks.
UNKNOWN = 0
LOG_HEADER_BYTES, FRAME_HEADER_BYTES = 32, 24
CHUNK_PAGES = 256
# Of a database of sixty thousand million bytes.
MOST_PAGES = 16_000_000
MOST_BYTES = 4 * MOST_PAGES + 200
# Sizes of a page that SQLite has.
PAGE_SIZES = tuple(2**n for n in range(9, 17))
# First bytes of a log, by the order of the bytes in each number that its checksums are made of.
ORDERS = {0x377F0682: "<", 0x377F0683: ">"}


@dataclass(frozen=True)
class Sums:
    """Checksums of all pages of one state of a database.

    Attributes:
        mark: What the database itself has in that state and in no other.
        page_bytes: Size of a page.
        sums: (pages,) uint32, `UNKNOWN` where nothing is known.
    """

    mark: str
    page_bytes: int
    sums: NDArray[np.uint32]


@dataclass(frozen=True)
class Position:
    """How far a log has been read.

    Attributes:
        salts: What tells it from the log before it.
        frames: Pages in it that have been read.
    """

    salts: bytes = b""
    frames: int = 0


@dataclass(frozen=True)
class Logged:
    """What a log holds behind a position.

    Attributes:
        position: That of its last commit.
        sums: Checksum by number of the page, from 1, of pages as they were committed last.
        pages: Pages that the database has after the last commit; 0 where there is none.
    """

    position: Position
    sums: dict[int, int]
    pages: int


def sums_path(database: Path) -> Path:
    """Return the file that has the checksums of a database's pages."""
    return database.with_name(database.name + SUFFIX)


def read_sums(path: Path) -> Sums | None:
    """Return checksums of pages.

    Args:
        path: Their file.

    Returns:
        The checksums, ``None`` where there is no such file.

    Raises:
        LibraryDamaged: It is not what was written.
    """
    if not os.path.lexists(path):
        return None
    data = read_small(path, most_bytes=MOST_BYTES)
    first, _, rest = data.partition(b"\n")
    try:
        form, mark, page_bytes, crc = first.decode("ascii").split(" ")
        if form != FORMAT or f"{zlib.crc32(_vouched(mark, int(page_bytes), rest)):08x}" != crc:
            raise ValueError(form)
        if int(page_bytes) not in PAGE_SIZES:
            raise ValueError(page_bytes)
        return Sums(mark, int(page_bytes), np.frombuffer(rest, "<u4").astype(np.uint32))
    except ValueError as error:
        raise LibraryDamaged(f"{path} is not what was written there; run: rag doctor") from error


def write_sums(path: Path, sums: Sums) -> None:
    """Keep checksums of pages; nobody waits until they are on the disk, and what is lost is made anew."""
    rest = sums.sums.astype("<u4").tobytes()
    crc = zlib.crc32(_vouched(sums.mark, sums.page_bytes, rest))
    replace_file(path, f"{FORMAT} {sums.mark} {sums.page_bytes} {crc:08x}\n".encode() + rest, durable=False)


def _vouched(mark: str, page_bytes: int, rest: bytes) -> bytes:
    return f"{mark} {page_bytes}\n".encode() + rest


def read_log(path: Path, *, after: Position) -> Logged:
    """Return which pages of a database the commits in its write-ahead log have written, and their checksums.

    Args:
        path: The log; one that is not there holds nothing.
        after: How far it has been read before; of a log that was begun anew since, everything is read.

    Returns:
        What was committed; pages of a transaction that came to nothing are left out.

    Raises:
        OSError: It cannot be read.
    """
    try:
        file = open_no_link(path)
    except FileNotFoundError:
        return Logged(Position(), {}, 0)
    with file:
        header = file.read(LOG_HEADER_BYTES)
        if len(header) < LOG_HEADER_BYTES:
            return Logged(Position(), {}, 0)
        (magic, _, page_bytes), salts = struct.unpack(">III", header[:12]), header[16:24]
        order = ORDERS.get(magic)
        if order is None or page_bytes not in PAGE_SIZES:
            return Logged(Position(), {}, 0)
        frames = after.frames if salts == after.salts else 0
        frame_bytes = FRAME_HEADER_BYTES + page_bytes
        vouched = header[24:32]
        if frames:
            file.seek(LOG_HEADER_BYTES + (frames - 1) * frame_bytes + 16)
            vouched = file.read(8)
        file.seek(LOG_HEADER_BYTES + frames * frame_bytes)
        committed: dict[int, int] = {}
        begun: dict[int, int] = {}
        position, pages = Position(salts, frames), 0
        # Frames of an earlier log may follow, with other salts.
        while len(frame := file.read(frame_bytes)) == frame_bytes and frame[8:16] == salts:
            number, after_commit = struct.unpack(">II", frame[:8])
            # With the same salts, those of a commit that failed and was followed by a smaller one. They do not go on
            # from what is before them; to tell takes a look at every number, and so is asked of a commit's ends alone.
            if (after_commit or not begun) and frame[16:24] != _vouched_on(vouched, frame, order):
                break
            vouched = frame[16:24]
            if after_commit > MOST_PAGES:
                break
            begun[number] = zlib.crc32(memoryview(frame)[FRAME_HEADER_BYTES:])
            frames += 1
            if after_commit:
                committed |= begun
                begun, position, pages = {}, Position(salts, frames), after_commit
        return Logged(position, committed, pages)


def _vouched_on(before: bytes, frame: bytes, order: str) -> bytes:
    """Return the checksum that a frame has in a log where one with another checksum is before it."""
    one, two = struct.unpack(">II", before)
    numbers = struct.unpack(f"{order}{len(frame) // 4 - 4}I", frame[:8] + frame[FRAME_HEADER_BYTES:])
    for first, second in zip(numbers[::2], numbers[1::2], strict=True):
        one = one + first + two & 0xFFFFFFFF
        two = two + second + one & 0xFFFFFFFF
    return struct.pack(">II", one, two)


def applied(sums: Sums, logged: Logged, *, mark: str) -> Sums:
    """Return the checksums after what was logged.

    Args:
        sums: Those before.
        logged: What was committed since.
        mark: Of the state after.

    Returns:
        Those after.
    """
    pages = logged.pages or len(sums.sums)
    after = np.full(pages, UNKNOWN, np.uint32)
    kept = min(pages, len(sums.sums))
    after[:kept] = sums.sums[:kept]
    for number, crc in logged.sums.items():
        if number <= pages:
            after[number - 1] = crc
    return Sums(mark, sums.page_bytes, after)


def file_sums(raw: RawFile, *, page_bytes: int) -> Iterator[int]:
    """Yield the checksum of every page of a database's file.

    Args:
        raw: The file; what is only in its log is not seen.
        page_bytes: Size of a page.

    Yields:
        Checksums, of the last page also where it is cut.

    Raises:
        OSError: It cannot be read.
    """
    start = 0
    while chunk := raw.read(start, CHUNK_PAGES * page_bytes):
        view = memoryview(chunk)
        yield from (zlib.crc32(view[at : at + page_bytes]) for at in range(0, len(chunk), page_bytes))
        start += len(chunk)


def flipped_bit(page: bytes, *, wanted: int) -> tuple[int, int] | None:
    """Return which single bit of a page has to be flipped to give it a checksum.

    CRC-32 tells all single flips in a page apart from each other, and from all double ones (its Hamming distance is 4
    up to 91,607 bits, of which a page of 4,096 bytes has 32,768). Other damage looks like one once in 130,000.

    Args:
        page: The page.
        wanted: The checksum.

    Returns:
        Number of the byte, and the byte with the bit flipped; ``None`` where no single bit does it.

    Reference:
        Koopman, 32-Bit Cyclic Redundancy Codes for Internet Applications, DSN 2002, table 1.
    """
    tried = bytearray(page)
    for at in range(len(tried)):
        before = tried[at]
        for bit in range(8):
            tried[at] = before ^ 1 << bit
            if zlib.crc32(tried) == wanted:
                return at, tried[at]
        tried[at] = before
    return None
