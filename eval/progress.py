"""Bars on a terminal for work that reports a stage, what is done and what there is to do; knows no work."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Progress = Callable[[str, int, int], None]


@contextmanager
def bars() -> Iterator[Progress]:
    """Give a progress callback that draws one bar a stage on standard error, when that is a terminal.

    Yields:
        The callback.
    """
    from tqdm import tqdm

    drawn: dict[str, Any] = {}

    def progress(stage: str, done: int, total: int) -> None:
        if stage not in drawn:
            drawn[stage] = tqdm(total=total, desc=stage, unit_scale=True, file=sys.stderr, disable=None)
        drawn[stage].update(done - drawn[stage].n)

    try:
        yield progress
    finally:
        for bar in drawn.values():
            bar.close()
