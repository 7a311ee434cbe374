"""Entries to passages with vectors, on a Ray cluster: what the head of it does."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from rag.cluster.joining import import_ray
from rag.cluster.ledger import Ledger
from rag.cluster.rows import chunks_in, sources_table
from rag.cluster.waiting import until_lost
from rag.cluster.worker import EmbedChunks, Job, code_here, fault_here, read_and_split
from rag.embed import EmbedHere
from rag.entries import Batch, Entry, Failed
from rag.errors import ClusterError
from rag.printable import one_line
from rag.sources import SourceFile

# Files that one task reads: enough of them to make a batch of passages, so that a lost one costs seconds.
GROUP_BYTES, GROUP_FILES = 100_000, 128
# Rows travel in blocks of about so many bytes; a long document in several, so that several actors embed it.
BLOCK_BYTES = 1 << 20
# Shares of a processor by which Ray spreads the work; there are no more actors than processors. An actor whose machine
# is lost has to find room beside the others, or what it had is waited for: so two fit beside who reads. With 0.75 a run
# that lost one of two machines half way stood still.
READ_CPUS, EMBED_CPUS = 0.2, 0.4
PROBE_S = 180.0


@dataclass(frozen=True)
class EmbedOnRay:
    """Reads, splits and embeds files on the cluster that this process is connected to.

    Attributes:
        here: Embeds what the cluster is not needed for: documents given as text, and what was embedded before.
    """

    here: EmbedHere

    def __call__(self, entries: Sequence[Entry]) -> Generator[Batch | Failed, None, None]:
        """Yield what comes of the entries.

        Args:
            entries: What to embed.

        Yields:
            Batches of pieces with their vectors, and what cannot be read.

        Raises:
            ClusterError: The cluster, or a worker of it, cannot do that.
        """
        far = [entry for entry in entries if self._is_for_workers(entry)]
        numbers = {id(entry) for entry in far}
        if far:
            yield from self._far(far)
        yield from self.here([entry for entry in entries if id(entry) not in numbers])

    def _is_for_workers(self, entry: Entry) -> bool:
        return isinstance(entry.source, SourceFile) and not self.here.store.made_from(entry.origin.digest)

    def _far(self, entries: Sequence[Entry]) -> Generator[Batch | Failed, None, None]:
        ray = import_ray()
        job = Job(self.here.settings, self.here.encoder.digest, code_here())
        _check_workers(ray, job)
        ids = [entry.id for entry in entries]
        ledger = Ledger(entries)
        failed: list[Entry] = []
        with _as_one_line(ray):
            for table in until_lost(_blocks(ray, entries, job), processors=partial(_processors, ray)):
                for outcome in ledger.take(chunks_in(table, ids)):
                    if isinstance(outcome, Failed):
                        failed.append(outcome.entry)
                    else:
                        yield outcome
        if ledger.missing():
            raise ClusterError(f"{ledger.missing()} documents did not come back; run the command again")
        # Tried where they were found: what a worker cannot open, for want of a shared folder or of credentials, would
        # count as a file that holds nothing any more.
        yield from self.here(failed)


def _blocks(ray: Any, entries: Sequence[Entry], job: Job) -> Iterator[Any]:
    """Yield what the workers make of the entries, in their order, a few blocks ahead of who writes them."""
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.target_max_block_size = BLOCK_BYTES
    # So that documents are numbered as one process would number them.
    context.execution_options.preserve_order = True
    groups = [sources_table(group) for group in _groups(entries)]
    most = min(len(groups), max(1, int(_processors(ray))))
    dataset = (
        ray.data.from_arrow(groups)
        .map_batches(
            read_and_split,
            fn_kwargs={"job": job},
            batch_format="pyarrow",
            batch_size=None,
            num_cpus=READ_CPUS,
            compute=ray.data.TaskPoolStrategy(size=most),
        )
        .map_batches(
            EmbedChunks,
            fn_constructor_kwargs={"job": job},
            batch_format="pyarrow",
            batch_size=None,
            num_cpus=EMBED_CPUS,
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=most),
        )
    )
    yield from dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=2)


def _processors(ray: Any) -> float:
    return float(ray.cluster_resources().get("CPU", 1))


def _groups(entries: Sequence[Entry]) -> Iterator[list[tuple[int, SourceFile]]]:
    """Yield files that one task reads, with the numbers of their entries."""
    group: list[tuple[int, SourceFile]] = []
    size_bytes = 0
    for number, entry in enumerate(entries):
        if not isinstance(entry.source, SourceFile):
            raise ValueError(f"entry {entry.id!r} is no file; workers read files alone")
        if group and (size_bytes + entry.size_bytes > GROUP_BYTES or len(group) == GROUP_FILES):
            yield group
            group, size_bytes = [], 0
        group.append((number, entry.source))
        size_bytes += entry.size_bytes
    if group:
        yield group


def _check_workers(ray: Any, job: Job) -> None:
    """Refuse a cluster with a machine that cannot do the job, before anything is written."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    if not nodes:
        raise ClusterError("no machine of the Ray cluster has processors to work with; add workers: ray start")
    probe = ray.remote(num_cpus=0, max_retries=0)(fault_here)
    at = [NodeAffinitySchedulingStrategy(node["NodeID"], soft=False) for node in nodes]
    asked = [probe.options(scheduling_strategy=strategy).remote(job) for strategy in at]
    for node, answer in zip(nodes, asked, strict=True):
        address = node["NodeManagerAddress"]
        try:
            fault = ray.get(answer, timeout=PROBE_S)
        except ray.exceptions.GetTimeoutError as error:
            raise ClusterError(f"the worker {address} did not answer in {PROBE_S:.0f} s; see: ray status") from error
        except (ray.exceptions.RayError, ImportError) as error:
            raise ClusterError(
                f"the worker {address} cannot run leadgoose ({_cause(error)}); install it there: "
                'pip install "leadgoose[ray]"'
            ) from error
        if fault:
            raise ClusterError(f"the worker {address} {fault}")


@contextmanager
def _as_one_line(ray: Any) -> Iterator[None]:
    try:
        yield
    except ray.exceptions.RayError as error:
        # Ctrl-C in a terminal comes to the workers of this machine as well, whose word of it may be here first.
        if isinstance(error, ray.exceptions.TaskCancelledError) or "KeyboardInterrupt" in str(error):
            raise KeyboardInterrupt from error
        raise ClusterError(
            f"the Ray cluster failed ({_cause(error)}); what was embedded so far is kept, run the command again"
        ) from error


def _cause(error: Exception) -> str:
    """Return the last line of what a worker said, which is the cause where the others are a traceback."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return one_line(Exception(lines[-1] if lines else type(error).__name__))[:300]
