"""What is left of an evaluation that was interrupted."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from eval.journal import Journal, open_journal


def records(journal: Journal | None) -> list[str]:
    assert journal is not None
    return list(journal.records)


def interrupted(path: Path, *found: dict[str, str]) -> list[str]:
    """Keep records in a journal, then be interrupted; return what was in it before."""
    before: list[str] = []

    def work() -> None:
        with open_journal(path) as journal:
            before.extend(records(journal))
            assert journal is not None
            for record in found:
                journal.append(record)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    return before


def test_what_was_found_before_an_interruption_is_there_afterwards_and_gone_after_the_end(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "one.jsonl"
    odd = {"id": "a\u2028b", "text": "北京 \ud800"}
    assert interrupted(path, odd, {"id": "c"}) == []
    with open_journal(path) as journal:
        assert records(journal) == ["a\u2028b", "c"]
        assert journal is not None
        assert journal.records["a\u2028b"] == odd
    assert not path.exists()
    with open_journal(path) as journal:
        assert records(journal) == []


def test_half_a_record_is_cut_off_and_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text('{"id": "a"}\n{"id": "b', encoding="utf-8")
    assert interrupted(path, {"id": "b"}) == ["a"]
    assert interrupted(path) == ["a", "b"]


def test_of_two_equal_evaluations_at_once_only_the_first_keeps_a_journal(tmp_path: Path) -> None:
    with open_journal(tmp_path / "one.jsonl") as first, open_journal(tmp_path / "one.jsonl") as second:
        assert first is not None
        assert second is None


def test_journals_that_nobody_went_on_with_are_forgotten_after_a_week(tmp_path: Path) -> None:
    old, recent = tmp_path / "old.jsonl", tmp_path / "recent.jsonl"
    for path, days in ((old, 8), (recent, 6)):
        interrupted(path, {"id": "a"})
        then = time.time() - days * 24 * 3600
        os.utime(path, (then, then))
    with open_journal(tmp_path / "new.jsonl"):
        assert not old.exists()
        assert recent.exists()
