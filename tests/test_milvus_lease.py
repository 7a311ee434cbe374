"""The lease of the one writer of a library in Milvus: who loses it, who does not, and what one that lost it writes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from rag import milvus_lease
from rag.address import MilvusAddress
from rag.milvus_client import Milvus
from rag.milvus_lease import Lease

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
    monkeypatch.setattr(milvus_lease, "_is_gone", lambda *_: is_dead[0])
    take_away = Lease._break
    with ExitStack() as stack:

        def late(self: Lease, *judged: str) -> None:
            if self is second and is_dead[0]:
                stack.enter_context(first.held(wait_s=5))
                is_dead[0] = False
            take_away(self, *judged)

        monkeypatch.setattr(Lease, "_break", late)
        with pytest.raises(milvus_lease.LibraryBusy), second.held(wait_s=0):
            pass
        first.check()
