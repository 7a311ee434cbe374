"""Zip archives as folders of documents, and what in them is refused."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import struct
import zipfile
from pathlib import Path

import pytest
from conftest import MakeLibrary

from rag import Library
from rag.errors import SourceError, UnreadableSource
from rag.formats.parse_limits import ParseLimits
from rag.load import read, source_digest
from rag.sources import SourceFile, find_files

FILES = Path(__file__).parent / "files"


def pack(path: Path, **files: str | bytes) -> Path:
    return pack_named(path, {name.replace("_", "."): content for name, content in files.items()})


def pack_named(path: Path | io.BytesIO, files: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path if isinstance(path, Path) else Path()


def packed(files: dict[str, str | bytes]) -> bytes:
    data = io.BytesIO()
    pack_named(data, files)
    return data.getvalue()


def found(path: Path, limits: ParseLimits | None = None) -> tuple[dict[str, SourceFile], dict[str, str]]:
    sources, left_out = find_files([path], limits or ParseLimits())
    return {source.id: source for source in sources}, left_out


def test_a_file_in_an_archive_is_a_document_with_the_digest_of_its_bytes(tmp_path: Path) -> None:
    path = pack_named(tmp_path / "old.zip", {"reports/a.txt": "Some text.", "b.md": "# B", ".hidden.txt": "no"})
    sources, left_out = found(tmp_path)
    assert list(sources) == ["old.zip/b.md", "old.zip/reports/a.txt"]
    assert left_out == {}
    source = sources["old.zip/reports/a.txt"]
    assert (source.path, source.size_bytes) == (path / "reports/a.txt", 10)
    assert read(source).text == "Some text."
    assert source_digest(source) == hashlib.sha256(b"Some text.").hexdigest()


def test_files_of_all_formats_are_read_in_an_archive() -> None:
    sources, _ = found(FILES / "archive.zip")
    assert sorted(sources) == ["archive.zip/chromium.pdf", "archive.zip/fees.csv", "archive.zip/python.eml"]
    assert read(sources["archive.zip/chromium.pdf"]).page_starts[0] == 0


def test_an_archive_in_an_archive_is_read_to_its_depth_and_no_further(tmp_path: Path) -> None:
    inner = packed({"c.txt": "Innermost."})
    middle = packed({"b.txt": "Middle.", "inner.zip": inner})
    pack_named(tmp_path / "outer.zip", {"a.txt": "Outer.", "middle.zip": middle})
    sources, left_out = found(tmp_path)
    assert sorted(sources) == ["outer.zip/a.txt", "outer.zip/middle.zip/b.txt"]
    assert read(sources["outer.zip/middle.zip/b.txt"]).text == "Middle."
    (reason,) = left_out.values()
    assert "raise the setting archive_depth (RAG_ARCHIVE_DEPTH)" in reason
    deeper, left_out = found(tmp_path, ParseLimits(archive_depth=3))
    assert read(deeper["outer.zip/middle.zip/inner.zip/c.txt"]).text == "Innermost."
    assert left_out == {}


@pytest.mark.parametrize(
    "name", ["../up.txt", "/etc/passwd.txt", "a/../../b.txt", "C:/x.txt", "..\\up.txt", "\\\\h\\x.txt"]
)
def test_a_name_that_leads_out_of_the_archive_is_refused(tmp_path: Path, name: str) -> None:
    pack_named(tmp_path / "bad.zip", {"good.txt": "Good.", name: "Evil."})
    sources, left_out = found(tmp_path)
    assert list(sources) == ["bad.zip/good.txt"]
    assert [(name in path, "leads out of the archive" in why) for path, why in left_out.items()] == [(True, True)]


def test_links_and_encrypted_unsupported_and_doubled_files_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("good.txt", "Good.")
        link = zipfile.ZipInfo("link.txt")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("tool.exe", "MZ")
        archive.writestr("line\nbreak.txt", "x")
        archive.writestr("squeezed.txt", "x" * 99, compress_type=zipfile.ZIP_LZMA)
        for _ in range(2):
            with pytest.warns(UserWarning, match="Duplicate") if "twice.txt" in archive.namelist() else nothing():
                archive.writestr("twice.txt", "x")
        archive.writestr("secret.txt", "x")
        archive.getinfo("secret.txt").flag_bits |= 1
    sources, left_out = found(tmp_path)
    assert list(sources) == ["bad.zip/good.txt"]
    reasons = {name.rpartition("/")[2]: why for name, why in left_out.items()}
    assert "is a link" in reasons["link.txt"]
    assert "unsupported suffix '.exe'" in reasons["tool.exe"]
    assert "control characters" in reasons["line\nbreak.txt"]
    assert "unusual way" in reasons["squeezed.txt"]
    assert "more than once" in reasons["twice.txt"]
    assert "is encrypted" in reasons["secret.txt"]


class nothing:
    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


def test_a_bomb_is_refused_by_name_and_its_neighbour_read(tmp_path: Path) -> None:
    pack_named(tmp_path / "bomb.zip", {"zeros.txt": b"\0" * 50_000_000, "good.txt": os.urandom(400_000).hex()})
    sources, left_out = found(tmp_path)
    assert list(sources) == ["bomb.zip/good.txt"]
    assert [why for why in left_out.values() if "RAG_PARSE_RATIO" in why]
    pack_named(tmp_path / "bomb.zip", {f"{n}.txt": b"\0" * 9_000_000 for n in range(4)})
    with pytest.raises(SourceError, match="nothing to index"):
        found(tmp_path)


def test_a_file_that_is_larger_than_its_archive_says_is_refused_when_it_is_read(tmp_path: Path) -> None:
    path = pack_named(tmp_path / "lies.zip", {"a.txt": b"x" * 3_000_000})
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<I", 3_000_000), struct.pack("<I", 7)))
    sources, _ = found(tmp_path)
    with pytest.raises(UnreadableSource, match=r"lies\.zip/a\.txt cannot be unpacked"):
        read(sources["lies.zip/a.txt"])


def test_too_many_files_or_too_large_a_directory_are_refused_with_the_setting(tmp_path: Path) -> None:
    pack_named(tmp_path / "many.zip", {f"{n}.txt": "x" for n in range(30)})
    pack_named(tmp_path / "one.zip", {"a.txt": "x"})
    sources, left_out = found(tmp_path, ParseLimits(archive_files=20))
    assert list(sources) == ["one.zip/a.txt"]
    assert "holds more than 20 files; raise the setting archive_files" in left_out[str(tmp_path / "many.zip")]
    data = bytearray((tmp_path / "one.zip").read_bytes())
    struct.pack_into("<I", data, data.rindex(b"PK\x05\x06") + 12, 2_000_000_000)
    (tmp_path / "many.zip").write_bytes(data)
    assert "archive_files" in found(tmp_path)[1][str(tmp_path / "many.zip")]


@pytest.mark.parametrize(
    "content", [b"", b"PK\x05\x06", b"PK\x03\x04" + b"\0" * 100, b"text", b"PK\x05\x06" + b"\xff" * 18]
)
def test_a_damaged_archive_is_named_and_stops_no_other_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.zip").write_bytes(content)
    (tmp_path / "good.txt").write_text("Good.")
    sources, left_out = found(tmp_path)
    assert list(sources) == ["good.txt"]
    assert list(left_out) == [str(tmp_path / "bad.zip")]


def test_an_archive_without_documents_named_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nothing to index in .*empty\.zip"):
        found(pack_named(tmp_path / "empty.zip", {}))


def test_of_a_changed_archive_only_changed_files_are_embedded_again(tmp_path: Path, make_library: MakeLibrary) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    pack_named(docs / "a.zip", {"one.txt": "The tug is called Astrid.", "two.txt": "The pier is 80 metres long."})
    library: Library = make_library()
    assert library.index(docs).added == 2
    pack_named(docs / "a.zip", {"one.txt": "The tug is called Astrid.", "two.txt": "The pier is 95 metres long."})
    report = library.index(docs)
    assert (report.unchanged, report.updated, report.embedded) == (1, 1, 1)
    pack_named(docs / "a.zip", {"one.txt": "The tug is called Astrid."})
    assert library.index(docs).removed == 1
    assert [hit.passage.document_id for hit in library.search("tug")] == ["a.zip/one.txt"]
