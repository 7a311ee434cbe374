"""Indexing on a Ray cluster of this machine stores what one process stores, whatever becomes of files and workers."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_interrupted import kept
from tiny_models import make_tiny_model

from rag import Library, Settings
from rag.errors import ClusterError

pytest.importorskip("ray", reason='needs Ray; run: pip install "leadgoose[ray]"')
from rag.cluster.joining import cluster
from rag.cluster.rows import Chunk, chunks_table

# Ray warns of its own settings, and leaves it to the end of the process to close what it opened.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

WORDS = [f"{a}{b}{c}" for a in "bdkmt" for b in "aeiou" for c in ("ra", "lo", "ni", "s")]
ROWS = """SELECT d.id, d.title, d.text, d.source, d.digest, p.start_char, p.end_char, p.text, p.heading, p.page,
    p.sentences, v.sentence_starts, v.vector, v.tokens FROM passages p JOIN documents d ON d.key = p.document_key
    JOIN vectors v ON v.passage_key = p.key WHERE d.removed IS NULL ORDER BY p.key"""


def prose(random_: random.Random, sentences: int) -> str:
    return " ".join(" ".join(random_.choices(WORDS, k=9)).capitalize() + "." for _ in range(sentences))


def write_docs(folder: Path, *, files: int = 20, long: int = 40, seed: int = 1) -> Path:
    """Write short texts, one of several chunks, one with two copies, and one that cannot be read."""
    folder.mkdir()
    random_ = random.Random(seed)
    for number in range(files):
        (folder / f"{number:03}.md").write_text(f"# Report {number}\n\n{prose(random_, 6)}")
    (folder / "long.txt").write_text("\n\n".join(prose(random_, 5) for _ in range(long)))
    (folder / "copy.md").write_bytes((folder / "001.md").read_bytes())
    (folder / "bad.pdf").write_bytes(b"no PDF")
    return folder


def stored(library: Library | Path) -> list[tuple[Any, ...]]:
    path = library if isinstance(library, Path) else library.path
    with closing(sqlite3.connect(path / "library.sqlite3")) as database:
        return database.execute(ROWS).fetchall()


def assert_same(here: list[tuple[Any, ...]], there: list[tuple[Any, ...]]) -> None:
    """Compare document by document: texts, passages and token counts are equal, vectors as near as batches let them."""
    here, there = ([row for row in sorted(rows, key=lambda r: (r[0], r[5]))] for rows in (here, there))
    assert [row[:12] for row in here] == [row[:12] for row in there]
    for one, other in zip(here, there, strict=True):
        np.testing.assert_allclose(np.frombuffer(one[12], "<f4"), np.frombuffer(other[12], "<f4"), atol=1e-4)
        assert len(one[13]) == len(other[13])


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(encoder=str(make_tiny_model(tmp_path_factory.mktemp("model") / "tiny")), passage_chars=200)


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_docs(tmp_path_factory.mktemp("docs") / "docs")


@pytest.fixture(scope="module")
def by_one_process(tmp_path_factory: pytest.TempPathFactory, settings: Settings, docs: Path) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("one") / "library", settings=settings) as library:
        library.index(docs)
        yield library


@pytest.fixture(scope="module")
def on_ray() -> Iterator[str]:
    with cluster("local") as name:
        yield name


def test_a_cluster_stores_what_one_process_stores_document_by_document(
    tmp_path: Path, settings: Settings, docs: Path, by_one_process: Library, on_ray: str
) -> None:
    assert "this machine alone" in on_ray
    seen: list[tuple[str, int, int]] = []
    with Library.open(tmp_path / "library", settings=settings) as library:
        report = library.index(docs, ray="auto", progress=lambda *step: seen.append(step))
        assert (report.added, report.copies, list(report.failed)) == (22, 1, ["bad.pdf"])
        assert "no PDF at all" in report.failed["bad.pdf"]
        assert_same(stored(by_one_process), stored(library))
        # In the same order besides, so that ties are broken alike.
        assert [row[:12] for row in stored(by_one_process)] == [row[:12] for row in stored(library)]
        question = "What does the report say on barani?"
        assert library.search(question)[0].passage == by_one_process.search(question)[0].passage
        again = library.index(docs, ray="auto")
        assert (again.embedded, again.unchanged) == (0, 22)
    # The long document alone came in several parts.
    assert len([step for step in seen if step[0] == "embed"]) > 2
    assert seen[-1] == ("index", 1, 1)


def test_what_is_interrupted_keeps_whole_documents_and_is_gone_on_with(
    tmp_path: Path, settings: Settings, docs: Path, by_one_process: Library, on_ray: str
) -> None:
    calls = []

    def interrupt(stage: str, done: int, _total: int) -> None:
        calls.append(stage)
        if stage == "embed" and done > 2_500:
            raise KeyboardInterrupt

    with Library.open(tmp_path / "library", settings=settings) as library:
        with pytest.raises(KeyboardInterrupt):
            library.index(docs, ray="auto", progress=interrupt)
        kept = library.unpublished()
        assert 0 < kept < 22
        report = library.index(docs, ray="auto")
        assert report.documents == 22
        assert 0 < report.embedded < len(stored(library))
        assert_same(stored(by_one_process), stored(library))


def test_a_worker_with_other_code_or_without_the_encoder_is_named_and_the_library_is_as_it_was(
    tmp_path: Path, settings: Settings, docs: Path, on_ray: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Library.open(tmp_path / "library", settings=settings) as library:
        with monkeypatch.context() as patch:
            patch.setattr("rag.cluster.embed.code_here", lambda: ("9.9", "0" * 12))
            with pytest.raises(ClusterError, match=r"the worker 127\.0\.0\.1 runs leadgoose .* and this machine 9\.9"):
                library.index(docs, ray="auto")
        assert library.unpublished() == 0
        library.index(docs / "001.md")
        with monkeypatch.context() as patch:
            patch.setattr(library._build.encoder(), "digest", "f" * 64)
            with pytest.raises(ClusterError, match=r"has other weights of .* put the same ones there"):
                library.index(docs, ray="auto")
        assert library.unpublished() == 0
        assert len(library.documents()) == 1


def test_what_a_worker_cannot_open_is_read_where_it_was_found(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs = write_docs(tmp_path / "docs", files=3, long=2)

    def unmounted(_ray: Any, entries: Any, _job: Any) -> Iterator[Any]:
        for number, entry in enumerate(entries):
            yield chunks_table([Chunk(number, failed=f"cannot read {entry.id}: it is not there")])

    @contextmanager
    def nowhere(_where: str) -> Iterator[str]:
        yield "nowhere"

    monkeypatch.setattr("rag.cluster.joining.cluster", nowhere)
    monkeypatch.setattr("rag.cluster.embed._check_workers", lambda _ray, _job: None)
    monkeypatch.setattr("rag.cluster.embed._blocks", unmounted)
    with Library.open(tmp_path / "library", settings=settings) as library:
        library.index(docs)
        (docs / "001.md").write_text("# Report 1\n\nIt was written anew.")
        report = library.index(docs, ray="auto")
        assert (report.updated, report.removed) == (1, 0)
        assert set(report.failed) == {"bad.pdf"}
        assert "It was written anew." in library.document("001.md").text


def test_the_command_says_where_it_works_keeps_stdout_clean_and_lists_what_failed(
    tmp_path: Path, settings: Settings, docs: Path
) -> None:
    failed = tmp_path / "failed.jsonl"
    arguments = ["index", docs, "--ray", "local", "--json", "--failed", failed, "--encoder", settings.encoder]
    command = [sys.executable, "-m", "rag", "--library", tmp_path / "library", *arguments]
    ran = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout)["documents"] == 22
    assert ran.stderr.splitlines() == [
        next(line for line in ran.stderr.splitlines() if line.startswith("rag: reading and embedding on Ray on this")),
        f"rag: 1 left out; {failed} names them",
    ]
    (line,) = map(json.loads, failed.read_text().splitlines())
    assert line["path"] == "bad.pdf"
    assert "no PDF" in line["reason"]


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_ctrl_c_ends_the_cluster_keeps_whole_documents_and_the_next_run_goes_on(
    tmp_path: Path, settings: Settings
) -> None:
    docs, library = write_docs(tmp_path / "docs", files=400), tmp_path / "library"
    arguments = ["index", docs, "--ray", "local", "--encoder", settings.encoder]
    command = [sys.executable, "-m", "rag", "--library", library, *arguments]
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 200
    while not kept(library) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    # As a terminal does: to everything that was started from it.
    os.killpg(process.pid, signal.SIGINT)
    said, complained = process.communicate(timeout=100)
    assert (process.returncode, said) == (130, ""), complained
    assert "documents embedded so far are kept, run the command again to go on" in complained.splitlines()[-1]
    assert "Traceback" not in complained
    number = kept(library)
    assert 0 < number < 402
    with Library.open(library, settings=Settings(encoder=settings.encoder)) as opened:
        report = opened.index(docs)
        assert (report.documents, report.added) == (402, 402 - number)
