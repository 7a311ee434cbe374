"""What comes back from workers is put in order, once, however often and in whatever order it comes."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.cli import main
from rag.entries import Entry, Failed
from rag.errors import ClusterError
from rag.schema import Document, Passage, Span
from rag.sources import SourceFile
from rag.stored import Origin, PassageVectors

pytest.importorskip("pyarrow", reason='needs Ray Data; run: pip install "leadgoose[ray]"')
from rag.cluster.ledger import Ledger
from rag.cluster.rows import Chunk, chunks_in, chunks_table, sources_in, sources_table

IDS = ("a.txt", "b.txt", "c.txt")


def chunks_of(entry: int, sizes: list[int]) -> list[Chunk]:
    text = "Ein Satz. 北京。" * sum(sizes)
    document = Document(IDS[entry], text, "Titel", "2024-01-02", "de", "/x", {"n": 1}, page_starts=(0, 3))
    chunks, start = [], 0
    for size in sizes:
        numbers = range(start, start + size)
        passages = [Passage(IDS[entry], n, n + 1, text[n : n + 1], None, (Span(n, n + 1),), n) for n in numbers]
        vectors = [PassageVectors(np.full(4, n, np.float32), bytes([n % 256]) * 3, np.array([0])) for n in numbers]
        first = None if start else document
        chunks.append(Chunk(entry, start, sum(sizes), "Titel", first, tuple(passages), tuple(vectors)))
        start += size
    return chunks


def entries() -> list[Entry]:
    return [Entry(i, 1_000, Origin(i), SourceFile(i, Path("/d") / i, 1_000, 1)) for i in IDS]


@given(
    sizes=st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=4), min_size=3, max_size=3),
    seed=st.integers(0, 1_000),
    again=st.integers(0, 6),
)
def test_every_passage_comes_out_once_and_in_its_place(sizes: list[list[int]], seed: int, again: int) -> None:
    chunks = [chunk for entry, parts in enumerate(sizes) for chunk in chunks_of(entry, parts)]
    random_ = random.Random(seed)
    given_ = chunks + random_.choices(chunks, k=again)
    random_.shuffle(given_)
    ledger = Ledger(entries())
    pieces = []
    for start in range(0, len(given_), 2):
        # As they come: by way of a table.
        table = chunks_table(given_[start : start + 2])
        for outcome in ledger.take(chunks_in(table, IDS)):
            assert not isinstance(outcome, Failed)
            pieces += outcome
    assert ledger.missing() == 0
    for entry, parts in enumerate(sizes):
        own = [(piece, vectors) for piece, vectors in pieces if piece.entry.id == IDS[entry]]
        assert [piece.passage.start_char for piece, _ in own] == list(range(sum(parts)))
        assert [vectors.vector[0] for _, vectors in own] == list(range(sum(parts)))
        assert [piece.first for piece, _ in own] == [n == 0 for n in range(sum(parts))]
        assert [piece.last for piece, _ in own] == [n == sum(parts) - 1 for n in range(sum(parts))]
        assert sum(piece.size_bytes for piece, _ in own) == 1_000
        assert own[0][0].document == chunks_of(entry, parts)[0].document


def test_what_failed_comes_out_once_and_what_has_not_come_back_is_missing() -> None:
    ledger = Ledger(entries())
    failed = [Chunk(1, failed="is damaged")]
    outcomes = [*ledger.take(failed), *ledger.take(failed)]
    assert [(outcome.entry.id, outcome.reason) for outcome in outcomes if isinstance(outcome, Failed)] == [
        ("b.txt", "is damaged")
    ]
    assert list(ledger.take(chunks_of(0, [2, 2])[1:])) == []
    assert ledger.missing() == 2
    with pytest.raises(ClusterError, match="no encoder"):
        list(ledger.take([Chunk(0, fault="the worker x has no encoder")]))


def test_a_file_travels_as_it_is(tmp_path: Path) -> None:
    plain = SourceFile("a/ä.md", tmp_path / "ä.md", 12, 34)
    member = SourceFile("z.zip/a", tmp_path / "z.zip/a", 1, 2, None, tmp_path / "z.zip", ("a", "b"))
    remote = SourceFile("k", Path("b/k"), 1, 2, address="s3://b/k")
    link = SourceFile("l", tmp_path / "l", 1, 2, target=tmp_path / "t")
    given_ = list(enumerate([plain, member, remote, link]))
    assert sources_in(sources_table(given_)) == given_


def test_without_ray_one_line_names_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.txt").write_text("A sentence.")
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    assert main(["--library", str(tmp_path / "library"), "index", str(tmp_path / "a.txt"), "--ray", "local"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert 'pip install "leadgoose[ray]"' in line
    assert not (tmp_path / "library").exists()


@pytest.mark.parametrize(
    ("where", "said"),
    [("127.0.0.1:9", "no Ray cluster at 127.0.0.1:9"), ("ray://h:1", "Ray Client"), ("x", "HOST:PORT")],
)
def test_a_cluster_that_cannot_be_joined_is_named_at_once(
    where: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ray", reason='needs Ray; run: pip install "leadgoose[ray]"')
    (tmp_path / "a.txt").write_text("A sentence.")
    assert main(["--library", str(tmp_path / "library"), "index", str(tmp_path / "a.txt"), "--ray", where]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not (tmp_path / "library").exists()
