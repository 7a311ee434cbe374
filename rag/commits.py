"""Commits to a library, by one writer at a time: what changes is written, and then seen as one revision.

Knows the order of that, not where the library is kept, what is in it and how it is asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from rag.engine import Engine
from rag.writer import IndexReport, Progress, Tally, Writer

Work = Callable[[Writer, Tally], None]


def commit(
    engine: Engine, work: Work, *, left_out: Mapping[str, str] | None = None, progress: Progress | None = None
) -> IndexReport:
    """Write one revision and let readers see it.

    Args:
        engine: What keeps the library.
        work: Stages what changes, and counts it.
        left_out: Reason in one line by source, for what was not even tried.
        progress: Called with a stage's name, how much is done and how much there is to do: bytes of files, characters
            of texts that were given, or 0 and 1 for the indexes.

    Returns:
        What was done.

    Raises:
        SourceError: As `work` raises it.
        LibraryBusy: Another process is writing to the library.
        LibraryMismatch: It was built with another encoder meanwhile.
        LibraryError: What is written cannot be kept; readers see what they saw.
        ModelError: The encoder cannot be loaded.
    """
    start = time.perf_counter()
    tally = Tally(failed=dict(left_out or {}))
    with engine.writing(wait_s=engine.build.settings.writing_wait_s):
        _write(engine, work, tally, progress or _silent)
    published = engine.newest().published
    return IndexReport(
        added=tally.added,
        updated=tally.updated,
        removed=tally.removed,
        unchanged=tally.unchanged,
        failed=tally.failed,
        documents=published.documents,
        passages=published.passages,
        embedded=tally.embedded,
        seconds=time.perf_counter() - start,
        renamed=tally.renamed,
        copies=engine.store.count_copies(revision=published.revision),
    )


def _write(engine: Engine, work: Work, tally: Tally, progress: Progress) -> None:
    store, build = engine.store, engine.build
    build.catch_up()
    store.check_all()
    encoder = build.encoder()
    values = build.values or build.begin(encoder)
    revision = build.revision() + 1
    writer = Writer(store, encoder, build.settings, revision, progress)
    writer.introduce()
    work(writer, tally)
    if store.has_staged(revision=revision) or not engine.is_published(revision - 1):
        progress("index", 0, 1)
        engine.publish(revision, values)
        # A question under way may still read the revision before this one.
        store.purge(before=revision - 1)
        progress("index", 1, 1)


def _silent(_stage: str, _done: int, _total: int) -> None:
    """Ignore progress."""
