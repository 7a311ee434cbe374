"""The ``rag eval`` command: evaluates a gold set, compares, gates, writes reports; knows arguments, no metric."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.gold import GoldSet, read_gold
from eval.outputs import check_outputs
from rag.arguments import count, path, share
from rag.printable import shown

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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes beside the options of every command (``--library``, ``--json``)."""
    parser.usage = USAGE
    parser.add_argument(
        "words",
        nargs="+",
        metavar="GOLD",
        type=path,
        help="a JSON Lines file of questions on the library, or of conversations, or a folder with corpus.jsonl and "
        "questions.jsonl, which is indexed into a library of its own; or: check GOLD, which names every row that "
        "cannot be used; or: import FORMAT IN OUT, which converts from squad, beir or ragas (OUT.jsonl on the "
        "library, else a new folder)",
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
    parser.set_defaults(usage_error=parser.error)


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
    from eval.dialogues import holds_dialogues

    _check_words(arguments)
    if len(arguments.words) == 1 and holds_dialogues(Path(arguments.words[0])):
        return _converse(Path(arguments.words[0]), arguments, settings)
    match arguments.words:
        case ["check", gold]:
            return _check(Path(gold), arguments, settings)
        case ["import", source_format, source, target]:
            return _import(source_format, Path(source), Path(target), arguments, settings)
        case words:
            return _evaluate(Path(words[0]), arguments, settings)


def _check_words(arguments: argparse.Namespace) -> None:
    """Exit with what the command takes, where the words are none of its three forms."""
    words = arguments.words
    if len(words) != FORMS.get(words[0], 1):
        arguments.usage_error(f"{' '.join(words)!r} is neither GOLD nor: check GOLD, nor: import FORMAT IN OUT")
    if words[0] == "import":
        from eval.formats import FORMATS

        if words[1] not in FORMATS:
            arguments.usage_error(f"import {words[1]!r}: FORMAT has to be one of {', '.join(FORMATS)}")


def _check(gold: Path, arguments: argparse.Namespace, settings: Settings | None) -> int:
    from eval.gold_command import run_check

    with ExitStack() as opened:
        library = None
        if gold.is_dir():
            _note_unused_library(arguments.library, "a gold set that is a folder brings its documents")
        else:
            library = _library_at_hand(arguments.library, settings, opened)
        return run_check(gold, library=library, settings=settings, json_document=arguments.json)


def _import(
    source_format: str, source: Path, target: Path, arguments: argparse.Namespace, settings: Settings | None
) -> int:
    from eval.gold_command import run_import

    with ExitStack() as opened:
        library = None
        if target.suffix == ".jsonl":
            library = _open_library(arguments.library, settings, opened)
        else:
            _note_unused_library(arguments.library, "the new folder brings its documents")
        return run_import(source_format, source, target, library=library, json_document=arguments.json)


def _open_library(path: str | None, settings: Settings | None, opened: ExitStack) -> Library:
    from rag import Library

    return opened.enter_context(Library.open(path, create=False, settings=settings))


def _library_at_hand(path: str | None, settings: Settings | None, opened: ExitStack) -> Library | None:
    """Return the library; ``None`` where none was named and the default one is missing or empty: rows stand alone."""
    from rag.errors import LibraryEmpty, LibraryNotFound

    try:
        library = _open_library(path, settings, opened)
        library.statistics()
    except (LibraryEmpty, LibraryNotFound):
        if path is not None:
            raise
        return None
    return library


def _note_unused_library(path: str | None, reason: str) -> None:
    if path is not None:
        sys.stderr.write(f"rag: --library is not used: {reason}\n")


def _converse(path: Path, arguments: argparse.Namespace, settings: Settings | None) -> int:
    """Evaluate conversations, to which no option but the threshold applies."""
    from eval.dialogues import read_dialogues
    from eval.document import to_json
    from eval.progress import bars
    from eval.talk import converse, document, lines

    for option in ("limit", "systems", "systems_file", "baseline", "report", "csv", "details"):
        if getattr(arguments, option) is not None:
            arguments.usage_error(f"--{option.replace('_', '-')} does not go with conversations, which {path} holds")
    dialogues = read_dialogues(path)
    with ExitStack() as opened, bars() as progress:
        library = _open_library(arguments.library, settings, opened)
        library.warm_up()
        values = document(dialogues, converse(dialogues, library, threshold=arguments.threshold, progress=progress))
    sys.stdout.write((to_json(values) if arguments.json else "\n".join(map(shown, lines(values)))) + "\n")
    return PASSED


def _evaluate(path: Path, arguments: argparse.Namespace, settings: Settings | None) -> int:
    from eval.document import document, to_json
    from eval.gate import failures, read_baseline
    from eval.progress import bars
    from eval.terminal import failure_line, lines, wrong_lines

    check_outputs(path, arguments)
    baseline = read_baseline(arguments.baseline) if arguments.baseline else None
    gold = read_gold(path)
    with ExitStack() as opened:
        # Bars are closed before anything is printed, which they would stand in.
        with bars() as progress:
            library = _open_gold(gold, arguments.library, settings, opened, progress)
        for line in _notes(gold, library, arguments):
            sys.stderr.write(f"rag: {shown(line)}\n")
        with bars() as progress:
            reports = _reports(gold, library, arguments, progress, opened)
        first = next(iter(reports.values()))
        fallen = failures(first.rows, baseline, max_drop=arguments.max_drop) if baseline else []
        values = document(reports)
        if baseline:
            values["gate"] = _gate(fallen, baseline, gold, arguments.max_drop)
        _write(values, reports, library, arguments)
        # Within the block, since what was found is kept for another run until it ends without an error.
        told = [*lines(values), *([] if arguments.report or arguments.details else wrong_lines(values))]
        sys.stdout.write((to_json(values) if arguments.json else "\n".join(told)) + "\n")
        sys.stdout.flush()
    if baseline and not fallen:
        sys.stderr.write(f"rag: no metric has fallen since {shown(str(baseline.path))}\n")
    for failure in fallen:
        sys.stderr.write(f"rag: {failure_line(failure)}\n")
    return FAILED if fallen else PASSED


def _open_gold(
    gold: GoldSet, path: str | None, settings: Settings | None, opened: ExitStack, progress: Progress
) -> Library:
    """Open the library that is measured, ready to be asked."""
    from eval.kept import open_gold_library
    from rag.address import MilvusAddress, read_address

    if gold.documents is None:
        library = _open_library(path, settings, opened)
        # Otherwise the first answer would wait for the encoder, and its latency would be another.
        library.warm_up()
        return library
    place = read_address(path)
    root = place if isinstance(place, MilvusAddress) else None
    if root is None:
        _note_unused_library(path, "a gold set that is a folder is indexed into a library of its own")
    return opened.enter_context(open_gold_library(gold, settings=settings, root=root, progress=progress))


def _notes(gold: GoldSet, library: Library, arguments: argparse.Namespace) -> Iterator[str]:
    """Yield what of a library changes the figures: documents that it lacks, and its calibration."""
    from eval.kept import left_out
    from eval.terminal import counted

    missing = set(left_out(gold, library))
    lost = {question.id: missing.intersection(question.document_ids) for question in gold.questions}
    if named := sorted(set().union(*lost.values())):
        yield (
            f"{counted(len(named), 'document')} could not be indexed, {named[0]!r} for one: lost evidence of "
            f"{counted(sum(map(bool, lost.values())), 'question')}"
        )
    calibration = library.calibration
    if calibration:
        from eval.calibrate import staleness

        threshold = f": threshold {library.threshold:.3f}"
        if arguments.threshold is not None:
            threshold = f", with --threshold {arguments.threshold:g} instead of {library.threshold:.3f}"
        yield f"calibrated on {calibration.gold_name}, {calibration.made}{threshold}"
        if warning := staleness(calibration, gold, path=Path(arguments.words[0])):
            yield warning


def _reports(
    gold: GoldSet, library: Library, arguments: argparse.Namespace, progress: Progress, opened: ExitStack
) -> dict[str, Report]:
    """Return the report of every system asked for, by name."""
    from eval.compare import at_threshold, compare
    from eval.evaluate import evaluate
    from eval.systems import read_systems

    asked = {"limit": arguments.limit, "progress": progress, "journals": opened}
    if not arguments.systems and not arguments.systems_file:
        return {"default": evaluate(gold, library, threshold=arguments.threshold, **asked)}
    systems = read_systems(arguments.systems, arguments.systems_file)
    return compare(gold, library, at_threshold(systems, arguments.threshold), **asked)


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
        from eval.report import write_details

        write_details(first.rows, arguments.details)
