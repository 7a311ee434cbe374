"""What a file may take when it is read; each bound is a setting, and is named where a file is beyond it."""

from __future__ import annotations

from dataclasses import dataclass

# What is no larger is no bomb, however well it was packed.
SMALL_BYTES = 10_000_000


@dataclass(frozen=True)
class ParseLimits:
    """Bounds on one file; each has the name of its setting.

    Attributes:
        file_mb: Size of a file, or of one in a zip archive, in millions of bytes.
        parse_timeout_s: Seconds that parsing may take.
        parse_memory_mb: Memory that the parser may take for it, in millions of bytes.
        parse_chars: Characters of text that may come out.
        parse_pages: Pages, slides or sheets.
        parse_depth: How deeply values, elements or parts may be nested.
        parse_ratio: How many times its size in an archive a file may expand to.
        archive_depth: How deeply zip archives may lie in each other; 1 for none in another.
        archive_files: Files in a zip archive.
        ocr: ``on`` to recognise letters on pages of a PDF that have no text, else ``off``.
    """

    file_mb: int = 100
    parse_timeout_s: float = 60.0
    parse_memory_mb: int = 1_000
    parse_chars: int = 20_000_000
    parse_pages: int = 5_000
    parse_depth: int = 100
    parse_ratio: int = 200
    archive_depth: int = 2
    archive_files: int = 10_000
    ocr: str = "off"

    @property
    def file_bytes(self) -> int:
        """Size of a file in bytes."""
        return self.file_mb * 1_000_000


def beyond_ratio(unpacked_bytes: int, packed_bytes: int, limits: ParseLimits) -> str:
    """Return the reason for refusing what would be far larger unpacked, or ``""``.

    Args:
        unpacked_bytes: Its size as it says itself.
        packed_bytes: Its size as it is.
        limits: How many times its size it may expand to.

    Returns:
        The reason, to be put after the file's name.
    """
    if unpacked_bytes <= SMALL_BYTES or unpacked_bytes <= limits.parse_ratio * max(1, packed_bytes):
        return ""
    times = unpacked_bytes // max(1, packed_bytes)
    return beyond(f"would expand to {times:,} times its size, more than {limits.parse_ratio}", "parse_ratio")


def beyond_memory(limits: ParseLimits) -> str:
    """Return the reason for refusing what takes too much memory to parse."""
    return beyond(f"takes more than {limits.parse_memory_mb:,} MB of memory to parse", "parse_memory_mb")


def beyond_time(limits: ParseLimits) -> str:
    """Return the reason for refusing what takes too long to parse."""
    return beyond(f"takes longer than {limits.parse_timeout_s:g} s to parse", "parse_timeout_s")


def beyond(what: str, setting: str) -> str:
    """Return the reason for refusing a file that is beyond a limit.

    Args:
        what: What it is, with the limit's value, to be put after the file's name.
        setting: The limit's name.

    Returns:
        The reason, with the setting and its environment variable.
    """
    return f"{what}; raise the setting {setting} (RAG_{setting.upper()}) to read it"
