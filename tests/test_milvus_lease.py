"""The lease of the one writer of a library in Milvus: who loses it, who does not, and what one that lost it writes."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from eval.faulty import WordEncoder
from rag import Document, Library, Settings
from rag.address import MilvusAddress
from rag.errors import LibraryBusy
from rag.milvus import lease, publish
from rag.milvus.client import Milvus
from rag.milvus.lease import Lease
from tests.conftest import BAKERY, HARBOUR, LIGHTHOUSE

pytest.importorskip("pymilvus", reason="needs the extra milvus")
pytest.importorskip("milvus_lite", reason="needs the extra milvus")


@pytest.fixture
def milvus(tmp_path: Path) -> Iterator[Milvus]:
    connection = Milvus(MilvusAddress(str(tmp_path / "all.db"), "town"), None)
    yield connection
    connection.close()


def test_who_waits_takes_nothing_away_from_another_one_who_took_over_meanwhile(
    milvus: Milvus, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead, first, second = Lease(milvus), Lease(milvus), Lease(milvus)
    dead._take("town_writer_dead", time.monotonic())
    is_dead = [True]
    monkeypatch.setattr(lease, "_has_ended", lambda *_: is_dead[0])
    take_away = Lease._break
    with ExitStack() as stack:

        def late(self: Lease, *judged: str) -> None:
            if self is second and is_dead[0]:
                stack.enter_context(first.held(wait_s=5))
                is_dead[0] = False
            take_away(self, *judged)

        monkeypatch.setattr(Lease, "_break", late)
        with pytest.raises(LibraryBusy), second.held(wait_s=0):
            pass
        first.check()


def test_a_holder_whose_clock_is_wrong_keeps_its_lease_as_long_as_it_renews_it(
    milvus: Milvus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "RENEWED_S", 0.05)
    now = lease.now_ms
    here = threading.current_thread()
    # The thread that renews has the clock of the holder's machine, an hour late.
    monkeypatch.setattr(lease, "now_ms", lambda: now() - 3_600_000 * (threading.current_thread() is not here))
    holder, other = Lease(milvus), Lease(milvus)
    with holder.held(wait_s=0):
        time.sleep(0.3)
        with pytest.raises(LibraryBusy), other.held(wait_s=0):
            pass
        holder.check()


@pytest.mark.parametrize("hours_late", [-5, 0, 5])
def test_a_holder_that_says_nothing_new_is_gone_whatever_its_clock(
    milvus: Milvus, monkeypatch: pytest.MonkeyPatch, hours_late: int
) -> None:
    now = lease.now_ms
    with monkeypatch.context() as patch:
        patch.setattr(lease, "now_ms", lambda: now() - 3_600_000 * hours_late)
        Lease(milvus)._take("town_writer_dead", time.monotonic())
    monkeypatch.setattr(lease, "ENDS_MS", 500)
    began = time.monotonic()
    with Lease(milvus).held(wait_s=20):
        assert time.monotonic() - began > 0.5


def test_the_number_of_a_process_counts_only_where_it_means_the_same() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    holder = {**lease._where(), "pid": ended.pid, "at_ms": 0}
    if "pids" in holder:
        assert lease._has_ended(holder)
    for name in ("host", "boot", "pids"):
        assert not lease._has_ended({**holder, name: "another"})
        assert not lease._has_ended({key: said for key, said in holder.items() if key != name})


def test_what_a_waiting_one_takes_is_as_new_as_if_it_had_not_waited(
    milvus: Milvus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "RENEWED_S", 60.0)
    holder, waiting = Lease(milvus), Lease(milvus)
    with ThreadPoolExecutor(1) as pool:
        with holder.held(wait_s=0):
            taken = pool.submit(lambda: _age_ms_of(waiting))
            time.sleep(1.2)
        assert taken.result() < 1_000


def _age_ms_of(taken: Lease) -> int:
    """Return how long ago a lease was noted when it is taken, after some waiting."""
    with taken.held(wait_s=20):
        _, said = taken._holder()
        assert said
        return int(lease.now_ms() - said["at_ms"])


def test_a_waiting_one_says_so_again_and_again_also_where_it_was_swept_away(
    milvus: Milvus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "RENEWED_S", 0.2)
    holder, waiting = Lease(milvus), Lease(milvus)
    with ThreadPoolExecutor(1) as pool:
        with holder.held(wait_s=0):
            taken = pool.submit(lambda: _age_ms_of(waiting))
            time.sleep(0.8)
            (swept,) = {n for n in milvus.call("list_collections") if n != milvus.aliased("town_writer")}
            first = waiting._told(swept)
            time.sleep(0.8)
            assert waiting._told(swept) != first
            # So that it writes nothing just now.
            monkeypatch.setattr(lease, "RENEWED_S", 60.0)
            time.sleep(0.5)
            milvus.call("drop_collection", swept)
        assert taken.result() < 1_000


@pytest.fixture
def libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Library, Library]]:
    """One library, opened by two."""
    monkeypatch.setenv("RAG_STATE", str(tmp_path / "state"))
    monkeypatch.setattr("embeddings.encoder.load_encoder", lambda *_, **__: WordEncoder())
    settings, place = Settings(indexing_threads=1), str(MilvusAddress(str(tmp_path / "all.db"), "town"))
    with Library.open(place, settings=settings) as one, Library.open(place, settings=settings) as other:
        one.add([BAKERY])
        yield one, other


def take_over(other: Library, *documents: Document) -> None:
    """Let another writer take the lease of one that said nothing for long, and write."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lease, "_has_ended", lambda *_: True)
        other.add(documents)


def slept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the time of day be two minutes later, as after the machine slept."""
    now = lease.now_ms
    monkeypatch.setattr(lease, "now_ms", lambda: now() + 120_000)


@pytest.mark.parametrize("at", ["rag.writer.Writer._write", "rag.milvus.store.MilvusStore._write"])
def test_a_writer_that_lost_its_lease_in_its_sleep_writes_nothing_more(
    libraries: tuple[Library, Library], monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    asleep, other = libraries
    theirs = Document(id="harbour.md", title="Harbour", text="The harbour employs fourteen pilots.")
    place, _, name = at.rpartition(".")
    write = getattr(pkgutil.resolve_name(place), name)

    def stalled(self: Any, *arguments: Any) -> None:
        monkeypatch.setattr(at, write)
        take_over(other, theirs)
        slept(monkeypatch)
        write(self, *arguments)

    monkeypatch.setattr(at, stalled)
    with pytest.raises(LibraryBusy, match="took over"):
        asleep.add([HARBOUR])
    assert other.document("harbour.md").text == theirs.text
    assert [s.id for s in other.documents()] == ["bakery.md", "harbour.md"]
    assert not other._store.has_staged(revision=3)
    assert asleep.add([LIGHTHOUSE]).documents == 3


def test_a_writer_that_loses_its_lease_while_it_counts_does_not_switch_the_readers(
    libraries: tuple[Library, Library], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, other = libraries
    verify = publish._verify

    def stalled(*arguments: Any) -> None:
        monkeypatch.setattr(publish, "_verify", verify)
        verify(*arguments)
        take_over(other, LIGHTHOUSE)

    monkeypatch.setattr(publish, "_verify", stalled)
    with pytest.raises(LibraryBusy, match="took over"):
        slow.add([HARBOUR])
    # What was not published is taken back by the one that took over.
    assert [s.id for s in other.documents()] == ["bakery.md", "old/lighthouse.md"]
    assert slow.add([HARBOUR]).documents == 3


def test_the_thread_that_renews_tells_the_writer_that_the_lease_is_lost(
    milvus: Milvus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "RENEWED_S", 0.1)
    lost, other = Lease(milvus), Lease(milvus)
    with lost.held(wait_s=0):
        lost.look()
        collection, _ = lost._holder()
        assert collection
        other._break(collection)
        time.sleep(1)
        monkeypatch.setattr(lease, "RENEWED_S", 60.0)
        with pytest.raises(LibraryBusy, match="took over"):
            lost.look()
    lost.look()


def test_a_writer_whose_server_was_away_goes_on_if_nobody_took_over(
    milvus: Milvus, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Lease(milvus)
    with own.held(wait_s=0):
        slept(monkeypatch)
        own.look()
        own.check()
