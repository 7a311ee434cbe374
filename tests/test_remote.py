"""Files at addresses that fsspec opens are indexed as files of a disk are, and read again only when they change."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import MakeLibrary

from rag.cli import main
from rag.errors import SourceError, SourceNotFound
from rag.remote import find_sources
from rag.staleness import staleness

fsspec = pytest.importorskip("fsspec")
HARBOUR = "# Harbour\n\nThe harbour of Norrwick employs 41 pilots. They brought 6,200 ships into the port."


@pytest.fixture
def store() -> Iterator[Any]:
    """A store of objects in this process's memory."""
    files = fsspec.filesystem("memory")
    for name, text in {
        "harbour.md": HARBOUR,
        "old/lighthouse.md": "The lighthouse of Norrwick was built in 1874 by Ada Lindqvist.",
        ".hidden/secret.md": "Nobody is to read this.",
        "notes.xyz": "of no known format",
        "all.zip": "PK",
    }.items():
        files.pipe_file(f"/town/{name}", text.encode())
    yield files
    files.rm("/town", recursive=True)


def test_what_is_at_an_address_is_indexed_by_its_path_below_it_and_cited(store: Any, make_library: MakeLibrary) -> None:
    library = make_library()
    report = library.index("memory://town")
    assert [d.id for d in library.documents()] == ["harbour.md", "old/lighthouse.md"]
    assert set(report.failed) == {"memory:///town/notes.xyz", "memory:///town/all.zip"}
    assert "on a disk alone" in report.failed["memory:///town/all.zip"]
    assert library.document("harbour.md").source == "memory:///town/harbour.md"
    answer = library.ask("How many pilots does the harbour employ?")
    assert answer.citations[0].quote in library.document("harbour.md").text
    # No look at the network is taken for a question.
    assert answer.citations[0].stale is None
    store.rm("/town/harbour.md")
    assert staleness(library.origins(["harbour.md"])["harbour.md"]) is None
    assert library.ask("How many pilots does the harbour employ?").citations[0].stale is None


def test_a_store_that_names_no_sizes_does_not_make_files_empty(
    store: Any, make_library: MakeLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = type(store).find

    def without_sizes(self: Any, *arguments: Any, **options: Any) -> Any:
        return {path: {**facts, "size": None} for path, facts in listed(self, *arguments, **options).items()}

    monkeypatch.setattr(type(store), "find", without_sizes)
    monkeypatch.setattr(type(store), "info", lambda *_, **__: {"size": None})
    library = make_library()
    library.index("memory://town")
    assert [d.id for d in library.documents()] == ["harbour.md", "old/lighthouse.md"]


def test_only_what_has_changed_at_an_address_is_read_again(
    store: Any, make_library: MakeLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = make_library()
    monkeypatch.setattr("rag.writer.TRUSTED_AGE_NS", 0)
    library.index("memory://town")
    read: list[str] = []
    cat_file = type(store).cat_file

    def noted(self: Any, path: str, **options: Any) -> Any:
        read.append(path)
        return cat_file(self, path, **options)

    monkeypatch.setattr(type(store), "cat_file", noted)
    assert library.index("memory://town").unchanged == 2
    assert read == []
    store.pipe_file("/town/harbour.md", HARBOUR.replace("41", "43").encode())
    store.rm("/town/old/lighthouse.md")
    report = library.index("memory://town")
    assert (report.updated, report.removed) == (1, 1)
    assert set(read) == {"/town/harbour.md"}
    assert "43 pilots" in library.document("harbour.md").text


def test_a_file_at_an_address_that_is_too_large_is_refused_by_its_address(
    store: Any, make_library: MakeLibrary
) -> None:
    store.pipe_file("/town/large.txt", b"word " * 250_000)
    report = make_library(file_mb=1).index("memory://town")
    assert report.failed["large.txt"].startswith("memory:///town/large.txt is larger than 1 MB")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("memory://nowhere", "nothing at memory://nowhere"),
        ("s3://key:secret@bucket/x", "holds a user name or password"),
        ("file:///etc", "name its path instead"),
        ("simplecache::memory://town", "name its path instead"),
        ("nosuch://x/y", "cannot be read"),
    ],
)
def test_an_address_that_cannot_or_must_not_be_opened_is_refused_in_one_line(
    address: str, said: str, store: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--library", str(tmp_path / "library"), "index", address]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert "secret" not in line
    assert not (tmp_path / "library").exists()


@pytest.mark.parametrize("paths", ["", [""], [".", ""]])
def test_an_empty_path_is_refused_and_not_the_current_folder(
    paths: str | list[str], make_library: MakeLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "harbour.md").write_text(HARBOUR)
    monkeypatch.chdir(tmp_path / "docs")
    for take in (make_library().index, make_library().add_files):
        with pytest.raises(SourceError, match="names no file or folder"):
            take(paths)


def test_two_addresses_may_not_give_two_documents_one_id(store: Any) -> None:
    store.pipe_file("/town/again/harbour.md", b"Another one.")
    with pytest.raises(SourceError, match=r"would have the same id 'harbour\.md'"):
        find_sources(["memory://town", "memory://town/again"])
    with pytest.raises(SourceNotFound):
        find_sources(["memory://town/missing.md"])
    (one,), _ = find_sources(["memory://town/again/harbour.md"])
    assert (one.id, one.named) == ("harbour.md", "memory:///town/again/harbour.md")


def test_a_server_with_the_interface_of_s3_is_read_and_unchanged_objects_are_known_by_their_tags(
    make_library: MakeLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("s3fs", reason="needs a client of S3; run: pip install s3fs")
    server = pytest.importorskip("moto.server", reason="needs a server of S3; run: pip install moto[server]")
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    running.start()
    host, port = running.get_host_and_port()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_DEFAULT_REGION": "us-east-1",
        "FSSPEC_S3_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
    }.items():
        monkeypatch.setenv(name, value)
    try:
        files = fsspec.filesystem("s3", endpoint_url=f"http://{host}:{port}")
        files.mkdir("archive")
        files.pipe_file("archive/2024/harbour.md", HARBOUR.encode())
        files.pipe_file("archive/2024/empty.md", b"")
        library = make_library()
        report = library.index("s3://archive/2024")
        assert (report.added, set(report.failed)) == (1, {"empty.md"})
        assert library.document("harbour.md").source == "s3://archive/2024/harbour.md"
        assert library.index("s3://archive/2024").unchanged == 1
        assert find_sources(["s3://archive/2024"])[0][1].modified_ns != 0
        with pytest.raises(SourceNotFound):
            library.index("s3://nosuchbucket/x")
    finally:
        running.stop()
        fsspec.config.conf.clear()
    assert threading.active_count() < 40
