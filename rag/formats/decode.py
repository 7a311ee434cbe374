"""Bytes to text, the encoding told from the bytes alone; knows no files, names or suffixes."""

from __future__ import annotations

import unicodedata
from functools import cache

from rag.errors import UnreadableSource

_SIGNATURES = {
    b"%PDF-": "a PDF document",
    b"PK\x03\x04": "a ZIP archive or an Office document",
    b"\x89PNG\r\n\x1a\n": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"\x1f\x8b\x08": "a gzip archive",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old Office document",
    b"\x7fELF": "a program",
    b"SQLite format 3\0": "an SQLite database",
}
# UTF-32 before UTF-16: its little-endian mark begins with the other's.
_BYTE_ORDER_MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
    b"\x84\x31\x95\x33": "gb18030",
}
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b")) + b"\x7f"
_MAX_CONTROL_SHARE = 0.05
_PRINTABLE_ASCII = bytes(range(32, 127))
# Lead bytes of the everyday characters (level one) of each standard. Prose is made of them, and prose read in a wrong
# encoding is not: this tells the five apart on a dozen characters, where charset-normalizer takes EUC-JP for Korean.
# In order of preference on a tie: everyday Hangul has the bytes of everyday Hanzi, not the other way round.
_EAST_ASIAN = {
    "cp949": range(0xB0, 0xC9),
    "cp932": range(0x88, 0x98),
    "euc_jp": range(0xB0, 0xD0),
    "gb18030": range(0xB0, 0xD8),
    "cp950": range(0xA4, 0xC7),
}
_EAST_ASIAN_PUNCTUATION = frozenset(map(chr, [*range(0x2010, 0x2028), *range(0x3000, 0x3040), *range(0xFF00, 0x10000)]))
_OTHER_ENCODINGS = [
    "cp1252",
    "cp1250",
    "cp1251",
    "koi8_r",
    "koi8_u",
    "cp866",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "cp1257",
    "cp874",
    "mac_roman",
    "cp850",
    "iso8859_2",
    "iso8859_5",
    "gb18030",
    "big5hkscs",
    "cp932",
    "euc_jp",
    "cp949",
]
_WESTERN_LETTERS = "àáâãäåæçèéêëìíîïñòóôõöøùúûüÿœßÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜŒ"
_WESTERN = frozenset(_WESTERN_LETTERS + "¡¿«»“”‘’„–—…•·€£¥©®™°§ª²³½×\u00a0\u00ad")
_SAMPLE_CHARS = 20_000


def decode(data: bytes) -> str:
    """Return the text of a file's bytes, its encoding told from the bytes alone.

    Byte order marks come first, then UTF-16 and UTF-32 without one, strict UTF-8, and at last the legacy encodings of
    East Asia, Europe and the Near East. UTF-8 with a few damaged bytes stays UTF-8: each becomes U+FFFD. No lone
    surrogate comes out.

    Args:
        data: The whole file; one cut inside a character counts as damaged.

    Returns:
        The text without its byte order mark; line ends, control characters and Unicode form as they stand.

    Raises:
        UnreadableSource: The bytes are not text; the message is a reason to be put after the file's name.
    """
    _refuse_known_binary(data)
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            return _strict(data, encoding).removeprefix("\ufeff")
    if b"\0" in data:
        return _decode_wide(data)
    if b"\x1b$" in data and (japanese := _try(data, "iso2022_jp_2")) is not None:
        return japanese
    controls = len(data) - len(data.translate(None, _CONTROLS))
    binary = controls > _MAX_CONTROL_SHARE * len(data)
    text = _try(data, "utf-8")
    if text is not None and not binary:
        return text
    east_asian = _decode_east_asian_utf16(data)
    if east_asian is None and binary:
        share = f"{controls:,} of {len(data):,} bytes are control characters"
        raise UnreadableSource(f"seems to be binary: {share}; export its text as UTF-8")
    return east_asian or _decode_damaged_utf8(data) or _decode_legacy(data)


def _try(data: bytes, encoding: str) -> str | None:
    """Return the decoded text, or ``None`` where the bytes are not of that encoding."""
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _strict(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableSource(f"begins as {encoding} but byte {error.start} is not; save it as UTF-8") from error


def _refuse_known_binary(data: bytes) -> None:
    for signature, name in _SIGNATURES.items():
        if data.startswith(signature):
            raise UnreadableSource(f"seems to be {name}, not text; export its text or give it its own suffix")


def _decode_wide(data: bytes) -> str:
    """Return the text of UTF-32 or UTF-16 without a byte order mark, told by the NULs of its spaces and newlines."""
    even, odd = data[::2], data[1::2]
    # High bytes have most of the NULs, and vary less than low bytes in every script.
    order = ("le", "be") if (odd.count(0), -len(set(odd))) >= (even.count(0), -len(set(even))) else ("be", "le")
    # Text of one byte a character would pass for Chinese; in a wide encoding it is at least half high bytes.
    narrow = len(data) - len(data.translate(None, _PRINTABLE_ASCII)) > 0.7 * len(data)
    for encoding in (f"utf-{bits}-{end}" for bits in (32, 16) for end in order):
        text = None if narrow else _try(data, encoding)
        if text and _is_prose(text):
            return text
    raise UnreadableSource("seems to be binary: it has NUL bytes but is not UTF-16 or UTF-32; export its text as UTF-8")


def _decode_east_asian_utf16(data: bytes) -> str | None:
    """Return the text of UTF-16 without ASCII and byte order mark, else ``None``.

    Believed only when all of it is East Asian, with kana or punctuation: the high bytes of these, 30 and FF, begin no
    character of a legacy East Asian encoding.
    """
    for encoding in ("utf-16-le", "utf-16-be"):
        text = _try(data, encoding) or ""
        sample = text[:_SAMPLE_CHARS]
        east_asian = sum("\u3000" <= c <= "\u9fff" or "\uac00" <= c <= "\ud7a3" or c >= "\uff00" for c in sample)
        telling = any("\u3000" <= c <= "\u30ff" or "\uff00" <= c <= "\uff1f" for c in sample)
        if telling and east_asian > 0.95 * len(sample) and _is_prose(text):
            return text
    return None


def _is_prose(text: str) -> bool:
    """Whether no more than one character in a hundred is a control, private or unassigned."""
    sample = text[:_SAMPLE_CHARS]
    odd = sum(unicodedata.category(c) in {"Cc", "Cn", "Co", "Cs"} and c not in "\t\n\v\f\r" for c in sample)
    return odd <= 0.01 * len(sample)


def _decode_damaged_utf8(data: bytes) -> str | None:
    """Return UTF-8 with its few bad bytes replaced, or ``None`` where most of the bytes above 127 are bad."""
    text = data.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    good = sum(c > "\x7f" for c in text) - bad
    return text if good >= 2 * bad else None


def _decode_legacy(data: bytes) -> str:
    shares = {encoding: _everyday_share(_try(data, encoding), encoding) for encoding in _EAST_ASIAN}
    likeliest = max(shares, key=lambda encoding: shares[encoding])
    if shares[likeliest] >= 0.8:
        return data.decode(likeliest)
    western = _try(data, "cp1252")
    if western is not None and _is_western(western):
        return western
    from charset_normalizer import from_bytes

    match = from_bytes(data, cp_isolation=_OTHER_ENCODINGS).best()
    if match is None:
        raise UnreadableSource("is in an encoding that cannot be told; save it as UTF-8")
    return str(match)


def _everyday_share(text: str | None, encoding: str) -> float:
    """Return the share of a text's characters beyond ASCII, in [0, 1], that prose in this encoding is made of."""
    sample = [c for c in (text or "")[:_SAMPLE_CHARS] if c > "\x7f"]
    kana = sum("\u3040" <= c <= "\u30ff" for c in sample)
    japanese = encoding in {"cp932", "euc_jp"}
    if not sample or (japanese and kana < 0.1 * len(sample)):
        return 0.0
    everyday = _everyday_characters(encoding)
    common = sum(c in everyday or c in _EAST_ASIAN_PUNCTUATION for c in sample)
    return (common + (kana if japanese else 0)) / len(sample)


@cache
def _everyday_characters(encoding: str) -> frozenset[str]:
    first_trail = 0x40 if encoding in {"cp932", "cp950"} else 0xA1
    codes = (bytes((lead, trail)) for lead in _EAST_ASIAN[encoding] for trail in range(first_trail, 0xFF))
    return frozenset("".join(code.decode(encoding, "ignore") for code in codes))


def _is_western(text: str) -> bool:
    """Whether the letters beyond ASCII are western Europe's and stand among ASCII ones, as Cyrillic would not."""
    sample = text[:_SAMPLE_CHARS]
    letters = sum(c.isalpha() for c in sample)
    beyond = [c for c in sample if c > "\x7f"]
    accented = sum(c.isalpha() for c in beyond)
    return accented <= 0.3 * letters and sum(c in _WESTERN for c in beyond) >= 0.99 * len(beyond)
