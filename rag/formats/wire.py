"""Frames between a parser and who asked it: four bytes of length, then bytes; nothing that is read is ever run."""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO

LENGTH = struct.Struct(">I")
MOST_BYTES = 2**32 - 1


class FrameTooLargeError(Exception):
    """The other side announces more than is taken."""


def send(stream: BinaryIO, header: dict[str, Any], body: bytes = b"") -> None:
    """Write a header, as JSON, and bytes that go with it, and flush them.

    Args:
        stream: Where to.
        header: JSON values.
        body: Any bytes.
    """
    for part in (json.dumps(header).encode("ascii"), body):
        stream.write(LENGTH.pack(len(part)))
        stream.write(part)
    stream.flush()


def receive(stream: BinaryIO, *, most_bytes: int = MOST_BYTES) -> tuple[dict[str, Any], bytes] | None:
    """Read what `send` wrote.

    Args:
        stream: Where from.
        most_bytes: The longest header or body that is taken.

    Returns:
        Header and bytes; ``None`` where the stream ended before them.

    Raises:
        FrameTooLargeError: More was announced than is taken.
        ValueError: The header is no JSON object.
    """
    header, body = _part(stream, most_bytes), _part(stream, most_bytes)
    if header is None or body is None:
        return None
    values = json.loads(header)
    if not isinstance(values, dict):
        raise ValueError("a header is a JSON object")
    return values, body


def _part(stream: BinaryIO, most_bytes: int) -> bytes | None:
    length = stream.read(LENGTH.size)
    if len(length) < LENGTH.size:
        return None
    (size,) = LENGTH.unpack(length)
    if size > most_bytes:
        raise FrameTooLargeError
    part = stream.read(size)
    return part if len(part) == size else None
