"""A cluster of three nodes stores what one process stores, also when a node of it is lost in the middle of a run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_ray_index import assert_same, stored, write_docs
from tiny_models import make_tiny_model

from rag import Library, Settings

pytest.importorskip("ray", reason='needs Ray; run: pip install "leadgoose[ray]"')
from rag.cluster.joining import import_ray

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@pytest.fixture
def nodes() -> Iterator[tuple[Any, list[Any]]]:
    """A head that works on nothing, and two workers of one processor each."""
    ray = import_ray()
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    workers = [cluster.add_node(num_cpus=1) for _ in range(2)]
    ray.init(address=cluster.address, log_to_driver=False, logging_level="error")
    try:
        yield cluster, workers
    finally:
        ray.shutdown()
        cluster.shutdown()
        os.environ.pop("RAY_ADDRESS", None)


def test_a_node_lost_in_the_middle_of_a_run_loses_and_doubles_nothing(
    tmp_path: Path, nodes: tuple[Any, list[Any]]
) -> None:
    cluster, workers = nodes
    settings = Settings(encoder=str(make_tiny_model(tmp_path / "tiny")), passage_chars=200)
    docs = write_docs(tmp_path / "docs", files=200)
    lost: list[Any] = []

    def lose(stage: str, done: int, total: int) -> None:
        if stage == "embed" and not lost and done < total:
            lost.append(workers.pop())
            cluster.remove_node(lost[0], allow_graceful=False)

    with Library.open(tmp_path / "here", settings=settings) as here:
        here.index(docs)
        with Library.open(tmp_path / "there", settings=settings) as there:
            report = there.index(docs, ray="auto", progress=lose)
            assert lost
            assert (report.added, list(report.failed)) == (202, ["bad.pdf"])
            assert_same(stored(here), stored(there))
