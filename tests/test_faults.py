"""Killed, out of room or refused by the disk at any point, a library is what it was before or after, and says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.bench_faults import MODES, compiler, count, trials
from eval.faulty import tried

# Some of the points of each; `make bench ONLY=faults` tries every one.
STEP = 61


@pytest.mark.skipif(compiler() is None, reason="no C compiler to make a disk fail with, or no Linux")
def test_at_any_point_a_library_is_what_it_was_before_or_after(tmp_path: Path) -> None:
    kinds, outcomes = count(trials(tmp_path, operations=("add", "delete"), step=STEP))
    assert all(k["write"] > 20 and k["fsync"] > 10 and k["rename"] > 2 for k in kinds.values())
    assert outcomes.keys() == {(operation, mode) for operation in ("add", "delete") for mode in MODES}
    assert all(o.points >= 3 and o.before + o.after == o.points for o in outcomes.values())
    assert [fault for o in outcomes.values() for fault in o.faults] == []


def test_a_run_that_was_cut_short_goes_on_where_it_was(tmp_path: Path) -> None:
    kept = tmp_path / "faults.jsonl"
    assert tried(kept) == set()
    kept.write_text(
        '{"operation": "add", "counts": {"write": 2}}\n'
        '{"operation": "add", "mode": "kill", "point": 1, "left": "before", "faults": []}\n'
    )
    assert tried(kept) == {("add", "kill", 1)}
