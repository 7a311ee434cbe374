"""Bytes of a file to its text, by suffix; runs in a child process, never where a library is written or asked."""

from __future__ import annotations

import io
import re
import zipfile

from rag.errors import UnreadableSource
from rag.formats.decode import decode
from rag.formats.extracted import Extracted, UnreadableError
from rag.formats.parse_limits import ParseLimits, beyond, beyond_ratio
from rag.formats.suffixes import JSON, JSON_LINES, OFFICE, TABLES, WEB, ZIPPED

_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([\w-]{2,40})", re.I)
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def parse(data: bytes, suffix: str, limits: ParseLimits) -> Extracted:
    """Return the text of a file.

    Args:
        data: The whole file.
        suffix: Its suffix in lower case, with the dot.
        limits: What it may take.

    Returns:
        Its text, headings and pages.

    Raises:
        UnreadableError: It is not what its suffix says, is damaged, encrypted, or beyond a limit.
    """
    extracted = _parse(data, suffix, limits)
    if len(extracted.text) > limits.parse_chars:
        what = f"has {len(extracted.text):,} characters, more than {limits.parse_chars:,}"
        raise UnreadableError(beyond(what, "parse_chars"))
    if not extracted.text.strip():
        raise UnreadableError("holds no text")
    return extracted


def _parse(data: bytes, suffix: str, limits: ParseLimits) -> Extracted:
    if not data.strip(b"\0 \t\r\n"):
        raise UnreadableError("is empty or only white space; remove it or give it text")
    if suffix == ".pdf":
        from rag.formats.pdf import pdf_to_text

        return pdf_to_text(data, limits)
    if suffix in OFFICE:
        _check_container(data, suffix, limits)
        from rag.formats.office import office_to_text

        return office_to_text(data, suffix, limits)
    if suffix == ".eml":
        from rag.formats.mail import mail_to_text

        return mail_to_text(data)
    return _parse_text(data, suffix, limits)


def _parse_text(data: bytes, suffix: str, limits: ParseLimits) -> Extracted:
    from rag.formats import records
    from rag.formats.html_text import html_to_text

    text = _decoded(data, markup=suffix in WEB)
    if suffix in WEB:
        return html_to_text(text)
    if suffix in TABLES:
        return records.csv_to_text(text, delimiters="\t" if suffix == ".tsv" else records.DELIMITERS)
    if suffix in JSON or suffix in JSON_LINES:
        try:
            return records.json_to_text(text, lines=suffix in JSON_LINES, depth=limits.parse_depth)
        except records.TooDeepError as error:
            raise UnreadableError(beyond(str(error), "parse_depth")) from None
    raise UnreadableError(f"has the suffix {suffix!r}, which is not supported")


def _decoded(data: bytes, *, markup: bool) -> str:
    """Return text in the encoding that its markup names, else in the one that its bytes tell."""
    named = _CHARSET.search(data[:4_096]) if markup else None
    if named and not data.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        try:
            return data.decode(named[1].decode("ascii"))
        except (LookupError, ValueError):
            pass
    try:
        return decode(data)
    except UnreadableSource as error:
        raise UnreadableError(str(error)) from None


def _check_container(data: bytes, suffix: str, limits: ParseLimits) -> None:
    """Refuse what is not in the container that its suffix says, or would be far larger unpacked."""
    if suffix not in ZIPPED:
        return
    if data.startswith(_OLD_OFFICE):
        raise UnreadableError("is encrypted, or an old Office document; save it anew without a password")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        raise UnreadableError(f"is damaged, or no {suffix[1:].upper()} file at all; save it anew") from None
    if reason := beyond_ratio(sum(part.file_size for part in parts), len(data), limits):
        raise UnreadableError(reason)
