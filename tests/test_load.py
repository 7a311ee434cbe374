"""Finding and reading files on a real file system."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from pathlib import Path

import pytest

from rag.errors import SourceError, SourceNotFound, UnreadableSource
from rag.formats.parse_limits import ParseLimits
from rag.formats.suffixes import ARCHIVES, SUPPORTED
from rag.load import read
from rag.opening import file_digest
from rag.sources import SourceFile, find_files

SEEDS = Path(__file__).parents[1] / "seeds"


def write(path: Path, content: str | bytes = "Some text.") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def ids(*paths: Path) -> list[str]:
    return [source.id for source in find_files(paths)[0]]


def source_of(path: Path) -> SourceFile:
    return find_files([path])[0][0]


# finding


def test_files_are_found_below_a_folder_in_order_and_hidden_ones_are_not(tmp_path: Path) -> None:
    for name in ("b.txt", "a/z.MD", "a/y.rst", ".hidden.txt", ".git/x.txt", "a/.cache/x.txt"):
        write(tmp_path / name)
    found, left_out = find_files([tmp_path])
    assert [source.id for source in found] == ["a/y.rst", "a/z.MD", "b.txt"]
    assert left_out == {}


def test_a_found_file_carries_its_size_and_modification_time(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "four")
    os.utime(path, ns=(1, 1_700_000_000_123_456_789))
    assert source_of(path) == SourceFile("a.txt", path, 4, path.stat().st_mtime_ns)


def test_every_supported_suffix_is_found_in_any_case(tmp_path: Path) -> None:
    files = [suffix for suffix in SUPPORTED if suffix not in ARCHIVES]
    names = [f"a{suffix}" for suffix in files] + [f"b{suffix.upper()}" for suffix in files]
    for name in names:
        write(tmp_path / name)
    assert ids(tmp_path) == sorted(names)


def test_an_unsupported_suffix_is_left_out_with_the_supported_ones_named(tmp_path: Path) -> None:
    write(tmp_path / "a.txt")
    odd = write(tmp_path / "b.xyz")
    _, left_out = find_files([tmp_path])
    assert list(left_out) == [str(odd)]
    assert "'.xyz'" in left_out[str(odd)]
    assert ".markdown" in left_out[str(odd)]


def test_a_missing_path_is_named() -> None:
    with pytest.raises(SourceNotFound, match="no such file or folder: /nowhere/at-all;"):
        find_files([Path("/nowhere/at-all")])


def test_a_path_with_nothing_to_index_is_refused_even_beside_one_that_has(tmp_path: Path) -> None:
    write(tmp_path / "good/a.txt")
    write(tmp_path / "bad/a.xyz")
    with pytest.raises(SourceError, match=r"nothing to index in .*bad: supported are .*\.txt .*a\.xyz"):
        find_files([tmp_path / "good", tmp_path / "bad"])


def test_an_unsupported_file_named_outright_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="nothing to index"):
        find_files([write(tmp_path / "a.xyz")])


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="nothing to index"):
        find_files([tmp_path])


def test_ids_are_composed_unicode(tmp_path: Path) -> None:
    write(tmp_path / unicodedata.normalize("NFD", "café") / "ü.txt")
    assert ids(tmp_path) == ["café/" + unicodedata.normalize("NFC", "ü") + ".txt"]


def test_clashing_ids_of_two_folders_get_the_folders_name_and_others_do_not(tmp_path: Path) -> None:
    for name in ("one/a.txt", "two/a.txt", "two/b.txt"):
        write(tmp_path / name)
    assert ids(tmp_path / "one", tmp_path / "two") == ["b.txt", "one/a.txt", "two/a.txt"]


def test_clashing_names_of_two_files_get_their_folders_name(tmp_path: Path) -> None:
    files = [write(tmp_path / "one/a.txt"), write(tmp_path / "two/a.txt")]
    assert ids(*files) == ["one/a.txt", "two/a.txt"]


def test_a_clash_that_remains_names_both_files(tmp_path: Path) -> None:
    write(tmp_path / "x/docs/a.txt")
    write(tmp_path / "y/docs/a.txt")
    with pytest.raises(SourceError, match=r"x/docs/a\.txt and .*y/docs/a\.txt would have the same id 'docs/a\.txt'"):
        find_files([tmp_path / "x/docs", tmp_path / "y/docs"])


def test_of_names_that_differ_only_in_composition_one_is_left_out_and_all_others_are_found(tmp_path: Path) -> None:
    for form in ("NFC", "NFD"):
        write(tmp_path / unicodedata.normalize(form, "é.txt"))
    write(tmp_path / "other.txt")
    if len(list(tmp_path.iterdir())) < 3:
        pytest.skip("this file system composes names itself")
    found, left_out = find_files([tmp_path])
    assert [source.id for source in found] == ["other.txt", unicodedata.normalize("NFC", "é.txt")]
    (reason,) = left_out.values()
    assert "same id" in reason


def test_a_file_reached_through_two_paths_counts_once(tmp_path: Path) -> None:
    write(tmp_path / "sub/a.txt")
    write(tmp_path / "b.txt")
    assert ids(tmp_path, tmp_path / "sub", tmp_path / "b.txt", tmp_path) == ["b.txt", "sub/a.txt"]


def test_a_link_out_of_the_folder_is_left_out_and_named(tmp_path: Path) -> None:
    secret = write(tmp_path / "secret.txt")
    write(tmp_path / "docs/a.txt")
    (tmp_path / "docs/link.txt").symlink_to(secret)
    (tmp_path / "docs/up").symlink_to(tmp_path, target_is_directory=True)
    found, left_out = find_files([tmp_path / "docs"])
    assert [source.id for source in found] == ["a.txt"]
    assert sorted(Path(name).name for name in left_out) == ["link.txt", "up"]
    assert str(secret) in left_out[str(tmp_path / "docs/link.txt")]


def test_a_folder_whose_name_begins_like_the_root_is_outside_it(tmp_path: Path) -> None:
    write(tmp_path / "docs/a.txt")
    (tmp_path / "docs/link.txt").symlink_to(write(tmp_path / "docs-private/b.txt"))
    assert ids(tmp_path / "docs") == ["a.txt"]


def test_links_within_the_folder_and_loops_end(tmp_path: Path) -> None:
    write(tmp_path / "a/b.txt")
    (tmp_path / "a/loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self.txt").symlink_to("self.txt")
    (tmp_path / "gone.txt").symlink_to("nowhere.txt")
    found, left_out = find_files([tmp_path])
    assert [source.id for source in found] == ["a/b.txt"]
    assert sorted(Path(name).name for name in left_out) == ["gone.txt", "loop", "self.txt"]


def test_a_path_that_is_itself_a_link_is_followed(tmp_path: Path) -> None:
    write(tmp_path / "real/a.txt")
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    assert ids(tmp_path / "link") == ["a.txt"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_never_opened(tmp_path: Path) -> None:
    write(tmp_path / "a.txt")
    os.mkfifo(tmp_path / "pipe.txt")
    found, left_out = find_files([tmp_path])
    assert [source.id for source in found] == ["a.txt"]
    assert left_out == {str(tmp_path / "pipe.txt"): "not a regular file"}


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="needs a device file")
def test_a_device_named_outright_is_refused() -> None:
    with pytest.raises(SourceError, match="not a regular file"):
        find_files([Path("/dev/null")])


def test_a_name_that_is_not_unicode_is_left_out(tmp_path: Path) -> None:
    write(tmp_path / "a.txt")
    try:
        write(Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt")))
    except OSError:
        pytest.skip("this file system takes only Unicode names")
    found, left_out = find_files([tmp_path])
    assert [source.id for source in found] == ["a.txt"]
    (name,) = left_out
    assert name.encode().endswith(b"caf\\udce9.txt")
    assert "Unicode" in left_out[name]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser can read everything")
def test_an_unreadable_folder_is_left_out(tmp_path: Path) -> None:
    write(tmp_path / "a.txt")
    write(tmp_path / "closed/b.txt")
    (tmp_path / "closed").chmod(0)
    try:
        found, left_out = find_files([tmp_path])
    finally:
        (tmp_path / "closed").chmod(0o700)
    assert [source.id for source in found] == ["a.txt"]
    assert list(left_out) == [str(tmp_path / "closed")]


def test_the_ignore_file_leaves_out_names_paths_and_folders_without_a_word(tmp_path: Path) -> None:
    for name in (
        "a.txt",
        "notes.md",
        "drafts/b.txt",
        "sub/drafts/c.txt",
        "sub/notes.md",
        "sub/old/d.txt",
        "sub/e.txt",
        "e.xyz",
    ):
        write(tmp_path / name)
    write(tmp_path / ".ragignore", "# a comment\n\nnotes.*\ndrafts/\nsub/old\n*.xyz\n")
    found, left_out = find_files([tmp_path])
    assert [source.id for source in found] == ["a.txt", "sub/e.txt"]
    assert left_out == {}


def test_a_file_named_outright_is_found_though_its_folder_ignores_it(tmp_path: Path) -> None:
    write(tmp_path / ".ragignore", "a.txt\n")
    assert ids(write(tmp_path / "a.txt")) == ["a.txt"]


def test_a_damaged_ignore_file_is_named(tmp_path: Path) -> None:
    write(tmp_path / "a.txt")
    write(tmp_path / ".ragignore", b"\xff\xfe\xfa")
    with pytest.raises(SourceError, match=r"\.ragignore"):
        find_files([tmp_path])


def test_the_seeds_are_five_documents_and_their_sources_page_is_none() -> None:
    found, left_out = find_files([SEEDS])
    assert [source.id[:4] for source in found] == ["000_", "001_", "002_", "003_", "004_"]
    assert left_out == {}


def test_the_sources_page_names_every_seed_with_its_size() -> None:
    page = (SEEDS / "SOURCES.md").read_text("utf-8")
    for source in find_files([SEEDS])[0]:
        (row,) = [line for line in page.splitlines() if source.id in line]
        assert row.endswith(f"| {source.size_bytes:,} |")


# digests


def test_a_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5_000
    assert file_digest(write(tmp_path / "a.txt", content)) == hashlib.sha256(content).hexdigest()


def test_the_digest_of_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSource, match=r"gone\.txt"):
        file_digest(tmp_path / "gone.txt")


# reading


def test_a_text_is_read_as_it_stands(tmp_path: Path) -> None:
    text = "---\ntitle: A\n---\r\n# Head\u00a0ing\n\n\n\tcode\n"
    assert read(source_of(write(tmp_path / "a.md", text))).text == text


@pytest.mark.parametrize(
    "content", [b"", b" \n\t\r\n", "\u3000\u00a0\n".encode(), b"\xef\xbb\xbf", b"\xff\xfe", "\n \n".encode("utf-16")]
)
def test_a_file_without_a_visible_character_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UnreadableSource, match=r"a\.txt is empty or only white space"):
        read(source_of(write(tmp_path / "a.txt", content)))


def test_a_file_above_the_limit_is_refused_and_one_at_the_limit_is_whole(tmp_path: Path) -> None:
    limits = ParseLimits(file_mb=1)
    assert len(read(source_of(write(tmp_path / "a.txt", "x" * 1_000_000)), limits).text) == 1_000_000
    with pytest.raises(UnreadableSource, match=r"b\.txt is larger than 1 MB; raise the setting file_mb"):
        read(source_of(write(tmp_path / "b.txt", "x" * 1_000_001)), limits)


def test_a_file_that_went_away_is_refused(tmp_path: Path) -> None:
    source = source_of(write(tmp_path / "a.txt"))
    source.path.unlink()
    with pytest.raises(UnreadableSource, match=r"a\.txt"):
        read(source)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "PDF"),
        (b"PK\x03\x04\x14\0\x06\0", "ZIP"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "PNG"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "JPEG"),
        (b"\x7fELF\x02\x01\x01" + bytes(60), "program"),
        (b"text with a \0 in it", "binary"),
        (b"text with a \0 in it, of even length", "binary"),
        (b"name\0value\0" * 40, "binary"),
        (bytes(range(256)) * 20, "binary"),
        (b"\x01\x02\x03\x04abcdef" * 50, "binary"),
        (hashlib.sha512(b"seed").digest() * 40, "binary"),
    ],
)
def test_binary_files_are_refused_and_said_to_be_what_they_seem(tmp_path: Path, content: bytes, name: str) -> None:
    with pytest.raises(UnreadableSource, match=rf"a\.txt seems to be .*{name}"):
        read(source_of(write(tmp_path / "a.txt", content)))


def test_a_message_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSource) as caught:
        read(source_of(write(tmp_path / "a.txt", b"\0\0\0")))
    assert "\n" not in str(caught.value)
