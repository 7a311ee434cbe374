"""The ``rag eval`` command: evaluates a gold set and prints the metrics; knows arguments and terminals, no metric."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.gold import GoldSet, read_gold
from rag.errors import ConfigurationError

if TYPE_CHECKING:
    from eval.evaluate import Report
    from eval.kept import Progress
    from rag import Library, Settings

SECTIONS = ("retrieval", "answers", "citations", "abstention", "latency_ms", "index")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes beside the options of every command (``--library``, ``--json``)."""
    parser.add_argument(
        "gold",
        type=Path,
        metavar="GOLD",
        help="a JSON Lines file of questions on the library, or a folder with corpus.jsonl and questions.jsonl, "
        "which is indexed into a library of its own",
    )
    parser.add_argument("--limit", type=_count, metavar="N", help="ask N questions spread evenly over the set")
    parser.add_argument(
        "--threshold", type=_share, metavar="T", help="abstain below this confidence; 0 never (default: the setting's)"
    )
    parser.add_argument("--details", type=Path, metavar="FILE", help="write one JSON line a question to FILE")


def run(arguments: argparse.Namespace, *, settings: Settings | None = None) -> int:
    """Evaluate and print.

    Args:
        arguments: ``gold``, ``library``, ``json``, ``limit``, ``threshold`` and ``details``.
        settings: Those of the library opened; those of the environment when ``None``.

    Returns:
        The exit code.

    Raises:
        GoldError: The gold set cannot be used.
        LibraryError: The library cannot be opened.
        ConfigurationError: The details file cannot be written.
    """
    from eval.evaluate import evaluate

    if arguments.details and not arguments.details.parent.is_dir():
        raise ConfigurationError(f"--details {arguments.details}: there is no folder {arguments.details.parent}")
    gold = read_gold(arguments.gold)
    with _bars() as progress, _open(gold, arguments.library, settings, progress) as library:
        report = evaluate(gold, library, threshold=arguments.threshold, limit=arguments.limit, progress=progress)
    if arguments.details:
        _write_details(report, arguments.details)
    sys.stdout.write((json.dumps(report.to_dict(), indent=2) if arguments.json else _page(report)) + "\n")
    return 0


def _open(gold: GoldSet, path: str | None, settings: Settings | None, progress: Progress) -> Library:
    from eval.kept import open_gold_library
    from rag import Library

    if gold.documents is None:
        return Library.open(path, create=False, settings=settings)
    return open_gold_library(gold, settings=settings, progress=progress)


def _write_details(report: Report, path: Path) -> None:
    try:
        with path.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row.to_dict(), ensure_ascii=False) + "\n" for row in report.rows)
    except OSError as error:
        raise ConfigurationError(f"--details {path} cannot be written: {error.strerror}") from error


def _page(report: Report) -> str:
    """Return the metrics as text: one block a section, then a table by tag."""
    values = report.to_dict()
    lines = [f"{values['gold']['name']}: {values['questions']} questions, {values['answerable']} answerable"]
    for section in SECTIONS:
        named = "  ".join(f"{name} {_figure(value)}" for name, value in values[section].items())
        lines.append(f"{section.removesuffix('_ms'):<12}{named}{' ms' if section.endswith('_ms') else ''}")
    by_tag = report.by_tag()
    if by_tag:
        lines += ["", *_table("tag", by_tag)]
    return "\n".join(lines)


def _table(heading: str, rows: Mapping[str, Mapping[str, Any]]) -> Sequence[str]:
    width = max(len(heading), *map(len, rows))
    columns = list(next(iter(rows.values())))
    lines = [heading.ljust(width) + "".join(column.rjust(11) for column in columns)]
    for name, row in rows.items():
        lines.append(name.ljust(width) + "".join(_figure(row[column]).rjust(11) for column in columns))
    return lines


def _figure(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


@contextmanager
def _bars() -> Iterator[Progress]:
    """Give a progress callback that draws one bar a stage on standard error, when that is a terminal."""
    from tqdm import tqdm

    bars: dict[str, Any] = {}

    def progress(stage: str, done: int, total: int) -> None:
        if stage not in bars:
            bars[stage] = tqdm(total=total, desc=stage, unit_scale=True, file=sys.stderr, disable=None)
        bars[stage].update(done - bars[stage].n)

    try:
        yield progress
    finally:
        for bar in bars.values():
            bar.close()


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return value
