"""The ``rag eval`` command: evaluates a gold set, compares, gates, writes reports; knows arguments, no metric."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.gold import GoldSet, read_gold
from rag.arguments import count, share
from rag.errors import ConfigurationError

if TYPE_CHECKING:
    from eval.evaluate import Report
    from eval.gate import Baseline, Failure
    from eval.progress import Progress
    from rag import Library, Settings

USAGE = """rag eval GOLD [options]
       rag eval check GOLD [--library DIR] [--json]
       rag eval import FORMAT IN OUT [--library DIR] [--json]"""
PASSED, FAILED = 0, 1
# How many words each form of the command takes, itself included.
FORMS = {"check": 2, "import": 4}


class _Words(argparse.Action):
    """Takes GOLD alone, or ``check`` and ``import`` with what belongs to them."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        """Keep the words, or exit with what the command takes."""
        if len(values) != FORMS.get(values[0], 1):
            parser.error(f"{' '.join(values)!r} is neither GOLD nor: check GOLD, nor: import FORMAT IN OUT")
        namespace.words = values


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes beside the options of every command (``--library``, ``--json``)."""
    parser.usage = USAGE
    parser.add_argument(
        "words",
        nargs="+",
        action=_Words,
        metavar="GOLD",
        help="a JSON Lines file of questions on the library, or a folder with corpus.jsonl and questions.jsonl, which "
        "is indexed into a library of its own; or: check GOLD, which names every row that cannot be used; or: import "
        "FORMAT IN OUT, which converts from squad, beir or ragas (OUT.jsonl on the library, else a new folder)",
    )
    parser.add_argument("--limit", type=count, metavar="N", help="ask N questions spread evenly over the set")
    parser.add_argument(
        "--threshold", type=share, metavar="T", help="abstain below this confidence; 0 never (default: the library's)"
    )
    parser.add_argument(
        "--systems",
        metavar="NAMES",
        help="compare systems, the first being the reference: default, dense, lexical, rrf, no-rerank, langchain, "
        "module:factory, or names of the systems file, with commas between them",
    )
    parser.add_argument(
        "--systems-file", type=Path, metavar="FILE", help="TOML file of systems: a table [systems.NAME] each"
    )
    parser.add_argument(
        "--baseline",
        type=Path,
        metavar="FILE",
        help="compare with an earlier `rag eval GOLD --json > FILE`; exit 1 when a metric has fallen",
    )
    parser.add_argument(
        "--max-drop",
        type=share,
        default=0.01,
        metavar="D",
        help="greatest fall of a metric that --baseline accepts; a greater one fails if it is significant, p < 0.05 "
        "(default: 0.01)",
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the report as one HTML file")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write one row a question and system")
    parser.add_argument("--details", type=Path, metavar="FILE", help="write one JSON line a question")


def run(arguments: argparse.Namespace, *, settings: Settings | None = None) -> int:
    """Evaluate, check or convert, and print.

    Args:
        arguments: Those of `add_arguments`, with ``library`` and ``json``.
        settings: Those of the library opened; those of the environment when ``None``.

    Returns:
        The exit code: 1 when a metric has fallen, or a gold set that is checked has a bad row.

    Raises:
        GoldError: The gold set or the baseline cannot be used.
        LibraryError: The library cannot be opened.
        ConfigurationError: A file cannot be written, or a system is not known.
    """
    match arguments.words:
        case ["check", gold]:
            return _check(Path(gold), arguments, settings)
        case ["import", source_format, source, target]:
            return _import(source_format, Path(source), Path(target), arguments, settings)
        case words:
            return _evaluate(Path(words[0]), arguments, settings)


def _check(gold: Path, arguments: argparse.Namespace, settings: Settings | None) -> int:
    from eval.gold_command import run_check

    with ExitStack() as opened:
        library = None if gold.is_dir() else _library_at_hand(arguments.library, settings, opened)
        return run_check(gold, library=library, json_document=arguments.json)


def _import(
    source_format: str, source: Path, target: Path, arguments: argparse.Namespace, settings: Settings | None
) -> int:
    from eval.gold_command import run_import

    with ExitStack() as opened:
        library = _open_library(arguments.library, settings, opened) if target.suffix == ".jsonl" else None
        return run_import(source_format, source, target, library=library, json_document=arguments.json)


def _open_library(path: str | None, settings: Settings | None, opened: ExitStack) -> Library:
    from rag import Library

    return opened.enter_context(Library.open(path, create=False, settings=settings))


def _library_at_hand(path: str | None, settings: Settings | None, opened: ExitStack) -> Library | None:
    """Return the library, or ``None`` where none was named and there is no default one: rows can be checked alone."""
    from rag.errors import LibraryNotFound

    try:
        return _open_library(path, settings, opened)
    except LibraryNotFound:
        if path is not None:
            raise
        return None


def _evaluate(path: Path, arguments: argparse.Namespace, settings: Settings | None) -> int:
    from eval.document import document, to_json
    from eval.gate import failures, read_baseline
    from eval.progress import bars
    from eval.terminal import failure_line, lines

    for option in ("report", "csv", "details"):
        _check_parent(option, getattr(arguments, option))
    baseline = read_baseline(arguments.baseline) if arguments.baseline else None
    gold = read_gold(path)
    with ExitStack() as opened:
        progress = opened.enter_context(bars())
        library = _open_gold(gold, arguments.library, settings, opened, progress)
        reports = _reports(gold, library, arguments, progress)
        first = next(iter(reports.values()))
        fallen = failures(first.rows, baseline, max_drop=arguments.max_drop) if baseline else []
        values = document(reports)
        if baseline:
            values["gate"] = _gate(fallen, baseline, gold, arguments.max_drop)
        _write(values, reports, library, arguments)
    sys.stdout.write((to_json(values) if arguments.json else "\n".join(lines(values))) + "\n")
    for failure in fallen:
        sys.stderr.write(f"rag: {failure_line(failure)}\n")
    return FAILED if fallen else PASSED


def _open_gold(
    gold: GoldSet, path: str | None, settings: Settings | None, opened: ExitStack, progress: Progress
) -> Library:
    from eval.kept import open_gold_library

    if gold.documents is None:
        library = _open_library(path, settings, opened)
    else:
        library = opened.enter_context(open_gold_library(gold, settings=settings, progress=progress))
    if library.calibration:
        from eval.calibrate import staleness

        if warning := staleness(library.calibration, gold):
            sys.stderr.write(f"rag: {warning}\n")
    return library


def _reports(gold: GoldSet, library: Library, arguments: argparse.Namespace, progress: Progress) -> dict[str, Report]:
    """Return the report of every system asked for, by name."""
    from eval.compare import compare
    from eval.evaluate import evaluate
    from eval.systems import read_systems

    asked = {"threshold": arguments.threshold, "limit": arguments.limit, "progress": progress}
    if not arguments.systems and not arguments.systems_file:
        return {"default": evaluate(gold, library, **asked)}
    return compare(gold, library, read_systems(arguments.systems, arguments.systems_file), **asked)


def _gate(fallen: list[Failure], baseline: Baseline, gold: GoldSet, max_drop: float) -> dict[str, Any]:
    if baseline.digest != gold.digest:
        sys.stderr.write(
            f"rag: the gold set has changed since {baseline.path}; only the questions of both are compared\n"
        )
    return {
        "passed": not fallen,
        "baseline": str(baseline.path),
        "max_drop": max_drop,
        "failures": [failure.to_dict() for failure in fallen],
    }


def _write(values: dict[str, Any], reports: dict[str, Report], library: Library, arguments: argparse.Namespace) -> None:
    first = next(iter(reports.values()))
    if arguments.report:
        from eval.examples import examples
        from eval.report import write_report
        from eval.resolve import Corpus

        titles = {document.id: document.title for document in library.documents()}
        write_report(values, examples(first.rows, Corpus(library), titles=titles), arguments.report)
    if arguments.csv:
        from eval.report import write_csv

        write_csv({name: report.rows for name, report in reports.items()}, arguments.csv)
    if arguments.details:
        _write_details(first, arguments.details)


def _check_parent(option: str, path: Path | None) -> None:
    """Refuse a file that cannot be written before anything is asked."""
    if path and path.is_dir():
        raise ConfigurationError(f"--{option} {path}: that is a folder; name a file")
    if path and not path.parent.is_dir():
        raise ConfigurationError(f"--{option} {path}: there is no folder {path.parent}")


def _write_details(report: Report, path: Path) -> None:
    try:
        with path.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row.to_dict(), ensure_ascii=False) + "\n" for row in report.rows)
    except OSError as error:
        raise ConfigurationError(f"--details {path} cannot be written: {error.strerror}") from error
