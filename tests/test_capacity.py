"""The cost model: its tables are those of the documentation, and its numbers follow from what was measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.capacity import TABLES, Index, hours, index_table, written

SCALE = Path(__file__).parent.parent / "docs" / "scale.md"


@pytest.mark.parametrize("name", TABLES)
def test_the_documentation_has_the_table_as_it_is_computed(name: str) -> None:
    assert "\n".join(TABLES[name]()) in SCALE.read_text("utf-8")


def test_machines_hold_the_index_in_seven_tenths_of_their_memory() -> None:
    # 448 bytes of a hundred million passages are 44.8 GB, seven tenths of 64 GB.
    assert Index("whole", 448).machines(10**8) == 1
    assert Index("a little more", 449).machines(10**8) == 2


def test_a_folder_is_not_spread_over_machines() -> None:
    folder = next(line for line in index_table() if line.startswith("| folder"))
    assert folder.endswith("| too much for one | too much for one |")


@pytest.mark.parametrize(("amount", "text"), [(999, "1,000 B"), (1_536, "1.5 kB"), (17_179 * 10**9, "17 TB")])
def test_bytes_are_written_with_two_digits(amount: int, text: str) -> None:
    assert written(amount) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(60, "1 min"), (3_600, "60 min"), (400_000, "4.6 days"), (40_000, "11 h")],
)
def test_a_time_is_written_in_the_unit_that_fits(seconds: float, text: str) -> None:
    assert hours(seconds) == text
