"""A folder of files that try to crash, stall, swell or mislead what reads them, and of good ones among them."""

from __future__ import annotations

import io
import json
import os
import random
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_WORDS = "A hostile file of Norrwick with words that can be read."


@dataclass(frozen=True)
class Good:
    """A good file among the hostile ones.

    Attributes:
        name: Its id once it is indexed.
        question: What it answers.
        answer: Words of the answer.
    """

    name: str
    question: str
    answer: str


GOOD = (
    Good("good/tug.txt", "What is the name of the tug of Norrwick?", "Astrid"),
    Good("good/pier.md", "How long is the northern pier?", "340 metres"),
    Good("good/lamp.html", "From how far can the lamp of the lighthouse be seen?", "31 kilometres"),
    Good("good/fees.csv", "What is the fee for a ferry?", "1450"),
    Good("good/staff.json", "Who is the harbour master?", "Lindqvist"),
    Good("good/dredging.eml", "When does the dredging of the channel begin?", "3 June 2023"),
    Good("good/old.zip/quay.txt", "When was the old quay built?", "1874"),
    Good("good/boats.docx", "How fast is the larger boat?", "24 knots"),
    Good("good/manual.pdf", "On which channel are calls for help heard?", "channel 16"),
)


def write_hostile(folder: Path, *, canary: str, times: int = 5, tiny_files: int = 0, line_bytes: int = 0) -> list[str]:
    """Write the folder.

    Args:
        folder: Where to; made if it is missing.
        canary: Address of a server on this machine that no file may make anybody connect to.
        times: Size of those whose size is the point; 100 for some hundred thousand characters each.
        tiny_files: Tiny files beside the others.
        line_bytes: Length of a file of one line, of which only the end is on the disk.

    Returns:
        The names below the folder of the hostile files that could be written here, tiny ones left out.
    """
    for name, content in _good_files().items():
        _write(folder / name, content)
    written = []
    for name, content in _hostile_files(canary, times):
        try:
            _write(folder / name, content)
        except OSError:
            # Not every file system has every name.
            continue
        written.append(name)
    for number in range(tiny_files):
        _write(folder / f"tiny/{number // 1_000}/{number}.txt", f"Tiny file {number}.".encode())
    if line_bytes:
        with open(folder / "line.txt", "wb") as file:
            file.seek(line_bytes - 5)
            file.write(b" end.")
        written.append("line.txt")
    return [*written, *_special_files(folder)]


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _special_files(folder: Path) -> list[str]:
    """Make what is no file: links, loops, pipes; return what could be made."""
    made = []
    for name, target in {"out.txt": "/etc/hostname", "loop.txt": "loop.txt", "up": "..", "gone.txt": "nowhere"}.items():
        try:
            (folder / name).symlink_to(target)
            made.append(name)
        except OSError:
            continue
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.txt")
        made.append("pipe.txt")
    return made


def _good_files() -> dict[str, bytes]:
    mail = "From: a@b.example\nSubject: Dredging\n\nThe dredging of the channel begins on 3 June 2023.\n"
    return {
        "good/tug.txt": b"The tug of Norrwick is called Astrid and was built in Bergen.",
        "good/pier.md": b"# Piers\n\nThe northern pier is 340 metres long.\n",
        "good/lamp.html": b"<nav>no</nav><main><p>The lamp of the lighthouse can be seen from 31 kilometres.</main>",
        "good/fees.csv": b"Kind of ship,Fee in kroner\nFishing boat,120\nFerry,1450\n",
        "good/staff.json": b'[{"name": "Ada Lindqvist", "post": "harbour master"}]',
        "good/dredging.eml": mail.encode(),
        "good/old.zip": _zip({"quay.txt": b"The old quay was built in 1874 of granite."}),
        "good/boats.docx": _docx("<w:p><w:r><w:t>The larger boat makes 24 knots.</w:t></w:r></w:p>"),
        "good/manual.pdf": _pdf_page("Calls for help are heard on channel 16."),
    }


def _hostile_files(canary: str, times: int) -> Iterator[tuple[str, bytes]]:
    yield from _texts(times).items()
    yield from _names().items()
    yield from _pdfs(canary).items()
    yield from _office(canary).items()
    yield from _markup(canary, times).items()
    yield from _records(times).items()
    yield from _mails().items()
    yield from _archives().items()


def _noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)  # noqa: S311


def _texts(times: int) -> dict[str, bytes]:
    noise = _noise(4_000)
    return {
        "empty.txt": b"",
        "blank.txt": b" \t\r\n" * 500,
        "nul.txt": b"\0" * 5_000,
        "nul-inside.txt": b"Words \0 and words.",
        "binary.txt": noise,
        "program.txt": b"\x7fELF\x02\x01\x01" + bytes(200),
        "picture.txt": b"\x89PNG\r\n\x1a\n" + noise[:300],
        "utf-16.txt": _WORDS.encode("utf-16-le"),
        "utf-16-odd.txt": b"\xff\xfe" + _WORDS.encode("utf-16-le") + b"\x41",
        "utf-32.txt": _WORDS.encode("utf-32"),
        "byte-order-mark.txt": b"\xef\xbb\xbf",
        "latin-1.txt": "Der Hafen ist größer, als er früher war. Déjà vu.".encode("latin-1"),
        "shift-jis.txt": "港には四十一人の水先人がいます。船は六千隻です。".encode("shift_jis"),
        "two-encodings.txt": "Größe ".encode() * 20 + "Größe".encode("latin-1"),
        "lone-surrogate.txt": b"Words \xed\xa0\x80 and words that can be read.",
        "overlong.txt": b"Words \xc0\xaf and words that can be read.",
        "one-line.txt": b"x" * (1_000 * times),
        "spaces.txt": b" " * (10_000 * times) + b"A word.",
        "newlines.txt": b"\n" * (10_000 * times) + b"A word.",
        "combining.txt": ("a" + "\u0301" * (200 * times)).encode(),
        "bidi.txt": "Words \u202egnp.exe\u202c and \u2066words\u2069.".encode(),
        "zero-width.txt": "\u200b".join(_WORDS).encode(),
        "escapes.txt": b"\x1b]0;title\x07\x1b[2JWords after escapes.",
        "quotes.md": b">" * (200 * times) + b" deep",
        "fence.md": b"```\nA fence that nobody closes.\n" * 3,
        "front-matter.md": b"---\ntitle: no end\n" + b"key: value\n" * (20 * times),
        "brackets.md": b"[" * (500 * times) + b"](x)",
        "emphasis.md": b"*a **b " * (100 * times),
    }


def _names() -> dict[str, bytes]:
    names = (
        "gpj.\u202etxt.exe.txt new\nline.txt tab\there.txt -rf.txt $(touch-x).txt quote'\".txt emoji-🚢.txt "
        ".hidden.txt UPPER.TXT no-suffix double.pdf.txt percent%2F..%2Fup.txt semi;colon.txt star*.txt"
    ).split(" ")
    odd = [" leading.txt", "trailing .txt", "l" * 200 + ".txt", "cafe\u0301.txt"]
    return {f"names/{name}": f"Words of the file {number}.".encode() for number, name in enumerate([*names, *odd])}


def _pdf(*objects: str | bytes) -> bytes:
    """Return a PDF of these objects, numbered from 1, the first its catalogue."""
    data, offsets = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content.encode() if isinstance(content, str) else content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    trailer = b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(data))
    return data + head + table + trailer


def _pdf_page(text: str, *, catalogue: str = "", stream: bytes | None = None) -> bytes:
    content = stream if stream is not None else b"BT /F 12 Tf 50 700 Td (%s) Tj ET" % text.encode()
    packed = zlib.compress(content)
    return _pdf(
        f"<</Type/Catalog/Pages 2 0 R{catalogue}>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        b"<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream" % (len(packed), packed),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )


def _pdfs(canary: str) -> dict[str, bytes]:
    page = _pdf_page(_WORDS)
    script = f"/OpenAction<</S/JavaScript/JS(app.launchURL('{canary}');)>>"
    remote = f"/OpenAction<</S/URI/URI({canary})>>"
    many = " ".join("3 0 R" for _ in range(6_000))
    return {
        "empty.pdf": b"",
        "header.pdf": b"%PDF-1.7\n",
        "cut.pdf": page[: len(page) // 2],
        "noise.pdf": b"%PDF-1.7\n" + _noise(5_000),
        "encrypted.pdf": page.replace(
            b"/Root 1 0 R",
            b"/Root 1 0 R/Encrypt<</Filter/Standard/V 2/R 3/Length 128/P -4/O("
            + b"o" * 32
            + b")/U("
            + b"u" * 32
            + b")>>/ID[(a)(a)]",
        ),
        "blank.pdf": _pdf_page("", stream=b""),
        "circle.pdf": _pdf("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[2 0 R 2 0 R]/Count 2>>"),
        "count.pdf": _pdf("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[]/Count 2000000000>>"),
        "many-pages.pdf": _pdf(
            "<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Kids[{many}]/Count 6000>>", "<</Type/Page/Parent 2 0 R>>"
        ),
        "stream-bomb.pdf": _pdf_page("", stream=b"BT " + b"(x) Tj " * 1_000_000 + b"ET"),
        "deep-array.pdf": _pdf("<</Type/Catalog/Pages 2 0 R/A " + "[" * 100_000 + "]" * 100_000 + ">>"),
        "script.pdf": _pdf_page(_WORDS, catalogue=script),
        "remote.pdf": _pdf_page(_WORDS, catalogue=remote),
        "web-page.pdf": b"<html><p>Not a PDF.</p></html>",
    }


def _zip(files: Mapping[str, bytes], **options: int) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED, **options) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def _docx(body: str, *, head: str = "", more: Mapping[str, bytes] | None = None) -> bytes:
    package = "http://schemas.openxmlformats.org"
    word = f"{package}/wordprocessingml/2006/main"
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    types = (
        f'<?xml version="1.0"?><Types xmlns="{package}/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{kind}"/></Types>'
    )
    relations = (
        f'<?xml version="1.0"?><Relationships xmlns="{package}/package/2006/relationships"><Relationship Id="r" Type='
        f'"{package}/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>'
    )
    document = f'<?xml version="1.0"?>{head}<w:document xmlns:w="{word}"><w:body>{body}</w:body></w:document>'
    parts = {"[Content_Types].xml": types, "_rels/.rels": relations, "word/document.xml": document}
    return _zip({name: text.encode() for name, text in parts.items()} | dict(more or {}))


def _office(canary: str) -> dict[str, bytes]:
    paragraph = f"<w:p><w:r><w:t>{_WORDS}</w:t></w:r></w:p>"
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    laughs = f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]>'
    entity = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{canary}"><!ENTITY f SYSTEM "file:///etc/passwd">]>'
    package = "http://schemas.openxmlformats.org"
    linked = (
        f'<?xml version="1.0"?><Relationships xmlns="{package}/package/2006/relationships"><Relationship Id="t" '
        f'TargetMode="External" Target="{canary}" Type="{package}/officeDocument/2006/relationships/attachedTemplate"/>'
        f'<Relationship Id="i" TargetMode="External" Target="{canary}" '
        f'Type="{package}/officeDocument/2006/relationships/image"/></Relationships>'
    )
    good = _docx(paragraph)
    return {
        "empty.docx": b"",
        "cut.docx": good[: len(good) // 2],
        "bomb.docx": _docx(paragraph, more={"word/media/zeros.bin": bytes(60_000_000)}),
        "laughs.docx": _docx("<w:p><w:r><w:t>&l9;</w:t></w:r></w:p>", head=laughs),
        "entity.docx": _docx(f"{paragraph}<w:p><w:r><w:t>&e;&f;</w:t></w:r></w:p>", head=entity),
        "linked.docx": _docx(paragraph, more={"word/_rels/document.xml.rels": linked.encode()}),
        "deep.docx": _docx("<w:p>" * 50_000 + "</w:p>" * 50_000),
        "deep-tables.docx": _docx("<w:tbl><w:tr><w:tc>" * 3_000 + "</w:tc></w:tr></w:tbl>" * 3_000),
        "no-document.docx": _zip({"other.xml": b"<x/>"}),
        "pdf.docx": _pdf_page(_WORDS),
        "text.xlsx": _WORDS.encode(),
        "no-sheet.xlsx": _zip({"xl/workbook.xml": b"<workbook/>"}),
        "text.pptx": _WORDS.encode(),
        "noise.xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + _noise(4_000),
        "no-container.epub": _zip({"mimetype": b"application/epub+zip"}),
        "escape.epub": _zip(
            {
                "META-INF/container.xml": b'<container><rootfiles><rootfile full-path="../../etc/passwd"/>'
                b"</rootfiles></container>"
            }
        ),
        "entity.odt": _zip({"content.xml": f'<?xml version="1.0"?>{entity}<x>&e;</x>'.encode()}),
        "braces.rtf": b"{\\rtf1 " + b"{" * 200_000,
        "bin.rtf": b"{\\rtf1 Words \\bin999999999 x}",
    }


def _markup(canary: str, times: int) -> dict[str, bytes]:
    remote = (
        f'<meta http-equiv="refresh" content="0;url={canary}"><link rel="stylesheet" href="{canary}">'
        f'<script src="{canary}"></script><base href="{canary}"><p>{_WORDS}</p><img src="{canary}/x.png">'
        f'<iframe src="{canary}"></iframe><object data="{canary}"></object>'
    )
    return {
        "deep.html": b"<div>" * (1_000 * times) + b"deep",
        "open.html": b"<table><tr><td><ul><li><p>" * (50 * times) + b"open",
        "remote.html": remote.encode(),
        "script.html": b"<script>" + b"x" * 100_000,
        "references.html": b"<p>" + b"&amp;" * (500 * times) + b"&#xD800;&#1114112;&#0;&bogus;",
        "attributes.html": b"<p " + b"a=1 " * (500 * times) + b">Words.</p>",
        "comments.html": b"<!--" * (500 * times) + b"<p>Words.",
        "declarations.html": b"<![CDATA[<!DOCTYPE" * (100 * times),
        "span.html": b"<table><tr><td colspan=1000000000 rowspan=1000000000>Words.</td></tr></table>",
        "nul.html": b"<p>Wo\0rds.</p>" + b"\0" * 1_000,
        "less.html": b"<" * (2_000 * times),
    }


def _records(times: int) -> dict[str, bytes]:
    return {
        "open-quote.csv": b'a,b\n"' + b"x,y\n" * (1_000 * times),
        "wide.csv": b",".join(b"%d" % n for n in range(200 * times)),
        "formula.csv": b"a,b\n=cmd|' /C calc'!A0,@SUM(1)\n",
        "nul.csv": b"a,b\n\0,1\n" * 3,
        "deep.json": b"[" * 200_000,
        "deep-records.json": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        "broken.json": b'{"a": [1, 2',
        "digits.json": b'{"n": ' + b"9" * 10_000 + b"}",
        "surrogate.json": b'{"text": "Words \\ud800 and words."}',
        "twice.json": json.dumps({"a": 1}).encode() + b'{"a": 2}',
        "one-bad.jsonl": b'{"a": "Words."}\nno record\n{"a": 2}\n',
    }


def _mails() -> dict[str, bytes]:
    head = b"From: a@b.example\nSubject: Words\nMIME-Version: 1.0\n"
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(500))
    return {
        "no-headers.eml": b"\n\nNothing but words.",
        "nested.eml": head + nested,
        "base64.eml": head + b"Content-Transfer-Encoding: base64\n\n!!!! no base64 ????",
        "charset.eml": head + b"Content-Type: text/plain; charset=klingon\n\nWords in Klingon.",
        "long-header.eml": head + b"X: " + b"y" * 500_000 + b"\n\nWords.",
        "codes.eml": b"Subject: " + b"=?utf-8?B?w?=" * 1_000 + b"\nFrom: <<<>>>@\nDate: 99 Foo 99999\n\nWords.",
        "message.eml": head + b"Content-Type: message/rfc822\n\n" * 200,
    }


def _archives() -> dict[str, bytes]:
    link = zipfile.ZipInfo("link.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    linked = io.BytesIO()
    with zipfile.ZipFile(linked, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    nested = _zip({"words.txt": _WORDS.encode()})
    for _ in range(6):
        nested = _zip({"inner.zip": nested})
    locked = bytearray(_zip({"locked.txt": b"x"}))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(mark) + place] |= 1
    good = _zip({"words.txt": _WORDS.encode()})
    return {
        "bomb.zip": _zip({"zeros.txt": bytes(60_000_000)}),
        "many.zip": _zip({f"{n}.txt": b"" for n in range(12_000)}),
        "nested.zip": nested,
        "escape.zip": _zip({"../../escaped.txt": b"x", "/tmp/absolute.txt": b"x"}),  # noqa: S108
        "link.zip": linked.getvalue(),
        "locked.zip": bytes(locked),
        "cut.zip": good[: len(good) // 2],
        "noise.zip": b"PK\x03\x04" + _noise(2_000),
        "bad-sum.zip": good.replace(zlib.crc32(_WORDS.encode()).to_bytes(4, "little"), b"\0\0\0\0"),
    }
