"""Where an indexing run reads and embeds: in this process, or on a Ray cluster, which is loaded only when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from rag.embed import EmbedHere
from rag.writer import Writer


@contextmanager
def embedding_at(ray: str | None) -> Iterator[Callable[[Writer], Writer]]:
    """Give what makes a writer embed somewhere, for as long as this lasts.

    Args:
        ray: A Ray cluster as `rag.cluster.joining.cluster` takes it; ``None`` for this process.

    Yields:
        A function from a writer to the same one that embeds there.

    Raises:
        ClusterError: Ray is not installed, or there is no such cluster.
    """
    if ray is None:
        yield lambda writer: writer
        return
    from rag.cluster.joining import cluster

    with cluster(ray):
        from rag.cluster.embed import EmbedOnRay

        yield lambda w: replace(w, embed=EmbedOnRay(EmbedHere(w.store, w.encoder, w.settings)))
