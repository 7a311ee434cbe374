"""The process that parses: reads one file after the other from its standard input, and writes what it found."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import asdict
from typing import Any, BinaryIO

from rag.formats import wire
from rag.formats.confinement import bound, confine
from rag.formats.extracted import UnreadableError
from rag.formats.parse import parse
from rag.formats.parse_limits import ParseLimits, beyond, beyond_memory


def main() -> None:
    """Serve until there is no more to read."""
    # What a library prints must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    confine()
    # A child that ends before this has the installation to blame, and no file.
    wire.send(answers, {"ready": True})
    try:
        serve(sys.stdin.buffer, answers)
    finally:
        # Not the interpreter's way out: native threads may be under way, which that waits for or crashes on.
        os._exit(0)


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer every request in turn.

    Args:
        requests: Frames of ``suffix`` and ``limits`` with a file's bytes.
        answers: Frames of what `rag.formats.extracted.Extracted` holds, its text as bytes, or of an ``error``.
    """
    while (request := wire.receive(requests)) is not None:
        header, data = request
        wire.send(answers, *_answer(data, str(header["suffix"]), ParseLimits(**header["limits"])))


def _answer(data: bytes, suffix: str, limits: ParseLimits) -> tuple[dict[str, Any], bytes]:
    _load(suffix, limits)
    bound(memory_bytes=limits.parse_memory_mb * 1_000_000, timeout_s=limits.parse_timeout_s)
    try:
        extracted = asdict(parse(data, suffix, limits))
        text = extracted.pop("text").encode("utf-8", "replace")
        return extracted, text
    except UnreadableError as error:
        return {"error": str(error)}, b""
    except MemoryError:
        return {"error": beyond_memory(limits)}, b""
    except RecursionError:
        return {"error": beyond("is nested too deeply to be read", "parse_depth")}, b""
    except Exception as error:  # noqa: BLE001 -- whatever a parser raises is about this file, and stays with it
        return {"error": f"cannot be parsed: {type(error).__name__}: {str(error)[:200]}"}, b""


def _load(suffix: str, limits: ParseLimits) -> None:
    """Import what parses such a file, so that it does not count as the file's memory."""
    from rag.formats.suffixes import OFFICE

    if suffix == ".pdf":
        import rag.formats.pdf

        if limits.ocr == "on":
            with contextlib.suppress(ImportError):
                import rag.formats.ocr
    elif suffix in OFFICE:
        import rag.formats.office  # noqa: F401


if __name__ == "__main__":
    main()
