"""The command line: parses arguments, calls the library, prints; where the world is wrong, one line and exit code 1."""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from rag.errors import RagError
from rag.settings import Settings

if TYPE_CHECKING:
    from rag.library import Library
    from rag.schema import Answer, Hit
    from rag.writer import IndexReport, Progress

# Control characters, line separators, and signs that change the direction of writing.
STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
DONE, WRONG_WORLD, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 the world is wrong, 2 wrong usage, 130 interrupted."""
    options = _parser().parse_args(arguments)
    _make_printable(json_document=options.json)
    try:
        return int(options.run(options) or DONE)
    except RagError as error:
        print(f"rag: {_one_line(error)}", file=sys.stderr)
        return WRONG_WORLD
    except KeyboardInterrupt:
        print("rag: interrupted; what was committed is kept, run the command again to go on", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; nothing more can be said to them.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return WRONG_WORLD
    except OSError as error:
        print(f"rag: {_one_line(error)}; check space and permissions, then try again", file=sys.stderr)
        return WRONG_WORLD


def _make_printable(*, json_document: bool) -> None:
    """Let any text be printed, whatever the terminal's encoding; JSON is always UTF-8."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            utf_8 = json_document and stream is sys.stdout
            stream.reconfigure(encoding="utf-8" if utf_8 else None, errors="backslashreplace")


def _one_line(error: Exception) -> str:
    return _shown(" ".join(str(error).split()))


def _shown(text: str) -> str:
    """Return a text with what would steer the terminal escaped: a file may have any name."""
    return STEERING.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


# -- arguments --------------------------------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """A parser, and through it those of the commands, that reports wrong usage in one line."""

    def error(self, message: str) -> NoReturn:
        """Exit with what is wrong and where to read on."""
        self.exit(WRONG_USAGE, f"rag: {_shown(' '.join(message.split()))}; see: {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="rag",
        description="Answers from your own documents, with citations to the exact source passage.",
        epilog="Start with: rag index PATH, then: rag ask QUESTION",
    )
    parser.add_argument("--version", action="version", version=f"leadgoose {_version()}")
    common = _common(argparse.SUPPRESS)
    _add_common(parser, None)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, add in COMMANDS.items():
        add(commands.add_parser(name, parents=[common], **HELP[name]))
    return parser


def _common(default: Any) -> _Parser:
    parser = _Parser(add_help=False)
    _add_common(parser, default)
    return parser


def _add_common(parser: argparse.ArgumentParser, default: Any) -> None:
    """Add the options that stand before or after the command's name; after it they leave what stands before alone."""
    parser.add_argument(
        "--library",
        metavar="DIR",
        type=_folder,
        default=default,
        help="folder of the library (default: RAG_LIBRARY, else the per-user data folder)",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        default=default if default == argparse.SUPPRESS else False,
        help="print one JSON document on stdout",
    )
    parser.add_argument(
        "--encoder",
        metavar="MODEL",
        default=default,
        help="sentence-transformers model for a new library, a hub id or a local path (default: the packaged "
        "all-MiniLM-L6-v2, which needs no network)",
    )


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("leadgoose")
    except PackageNotFoundError:
        return "(not installed)"


HELP: dict[str, dict[str, Any]] = {
    "index": {
        "help": "make the library hold exactly what is under PATH",
        "description": "Make the library hold exactly the documents under the given files and folders: new ones are "
        "added, changed ones updated, others removed. Unchanged files are not read again.",
    },
    "add": {"help": "add files or folders, leaving other documents alone"},
    "remove": {"help": "remove documents by id"},
    "list": {"help": "list the documents"},
    "ask": {
        "help": "answer a question with numbered citations",
        "description": "Print the answer with numbered citations, then the quoted sources. When the documents do not "
        "answer the question, say so and show the nearest passages.",
    },
    "search": {"help": "print the best passages for a query"},
    "serve": {"help": "serve the chat page and the HTTP API"},
    "eval": {
        "help": "evaluate on a gold set",
        "description": "Evaluate on a gold set: a JSONL file of questions about this library's documents, or a folder "
        "with corpus.jsonl and questions.jsonl, which is indexed into a library of its own.",
    },
    "doctor": {"help": "check library, models and versions; mend what can be mended"},
}


def _add_index(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PATH", help="file or folder")
    parser.set_defaults(run=_index)


def _add_add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PATH", help="file or folder")
    parser.set_defaults(run=_add)


def _add_remove(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", nargs="+", metavar="ID", help="document id, as rag list prints it")
    parser.set_defaults(run=_remove)


def _add_list(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_list)


def _add_ask(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("question", metavar="QUESTION")
    parser.add_argument("--threshold", type=_share, help="confidence from 0 to 1 below which it abstains")
    parser.set_defaults(run=_ask)


def _add_search(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("query", metavar="QUERY")
    parser.add_argument("-k", type=_count, default=10, metavar="N", help="number of passages (default: 10)")
    parser.set_defaults(run=_search)


def _add_serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=_port, default=7860, help="port on 127.0.0.1 (default: 7860)")
    parser.add_argument(
        "--example",
        action="append",
        metavar="QUESTION",
        help="question offered on the page; may be given several times",
    )
    parser.set_defaults(run=_serve)


def _add_eval(parser: argparse.ArgumentParser) -> None:
    from eval.command import add_arguments

    add_arguments(parser)
    parser.set_defaults(run=_eval)


def _add_doctor(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_doctor)


COMMANDS = {
    "index": _add_index,
    "add": _add_add,
    "remove": _add_remove,
    "list": _add_list,
    "ask": _add_ask,
    "search": _add_search,
    "serve": _add_serve,
    "eval": _add_eval,
    "doctor": _add_doctor,
}


def _folder(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("'' names no folder; leave the option out for the default library")
    return text


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 1 to 65535")
    return int(text)


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from error
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to 1")
    return value


# -- commands ---------------------------------------------------------------------------------------------------------


def _open(options: argparse.Namespace, *, create: bool) -> Library:
    from rag.library import Library

    return Library.open(options.library, create=create, settings=_settings(options))


def _settings(options: argparse.Namespace) -> Settings:
    toml = os.environ.get("RAG_CONFIG")
    return Settings.read(Path(toml) if toml else None, environ=os.environ, overrides={"encoder": options.encoder})


def _index(options: argparse.Namespace) -> int:
    from rag.load import find_files

    # A mistyped path must not leave an empty library behind.
    find_files([Path(p) for p in options.paths])
    with _open(options, create=True) as library, _progress() as progress:
        return _report(options, library, library.index(options.paths, progress=progress))


def _add(options: argparse.Namespace) -> int:
    from rag.load import find_files

    find_files([Path(p) for p in options.paths])
    with _open(options, create=True) as library, _progress() as progress:
        return _report(options, library, library.add_files(options.paths, progress=progress))


def _report(options: argparse.Namespace, library: Library, report: IndexReport) -> int:
    if options.json:
        _print_json(asdict(report) | {"library": str(library.path)})
    else:
        print(
            f"{report.documents} documents, {report.passages} passages in {_shown(str(library.path))}: "
            f"{report.added} added, {report.updated} updated, {report.removed} removed, {report.unchanged} unchanged, "
            f"{len(report.failed)} failed; {report.embedded} passages embedded in {report.seconds:.1f} s"
        )
    for source, reason in report.failed.items():
        print(f"rag: left out {source!r}: {_one_line(Exception(reason))}", file=sys.stderr)
    if not report.documents:
        print("rag: the library holds no documents now", file=sys.stderr)
        return WRONG_WORLD
    return DONE


def _remove(options: argparse.Namespace) -> int:
    with _open(options, create=False) as library:
        known = {d.id for d in library.documents()}
        missing = [i for i in options.ids if i not in known]
        if missing:
            raise RagError(
                f"no document {missing[0]!r} in {library.path}; rag list prints the ids; nothing was removed"
            )
        count = library.remove(options.ids)
    _print_json({"removed": count}) if options.json else print(f"{count} removed")
    return DONE


def _list(options: argparse.Namespace) -> int:
    with _open(options, create=False) as library:
        documents = library.documents()
    if options.json:
        _print_json([asdict(d) for d in documents])
        return DONE
    for document in documents:
        day = document.date or "-"
        print(f"{_shown(document.id)}\t{_shown(day)}\t{document.passages} passages\t{_shown(document.title)}")
    return DONE


def _ask(options: argparse.Namespace) -> int:
    with _open(options, create=False) as library:
        answer = library.ask(options.question, threshold=options.threshold)
    if options.json:
        print(answer.to_json(indent=2))
    else:
        print("\n".join(_answer_lines(answer)))
    return DONE


def _answer_lines(answer: Answer) -> Iterator[str]:
    if answer.abstained:
        yield from textwrap.wrap(answer.text, 100)
        if answer.hits:
            yield ""
            yield "Nearest passages (they do not answer the question):"
            yield from (line for hit in answer.hits[:3] for line in _hit_lines(hit))
        return
    marks = ("".join(f" [{n}]" for n in s.citations) for s in answer.sentences)
    yield from textwrap.wrap(" ".join(s.text + mark for s, mark in zip(answer.sentences, marks, strict=True)), 100)
    yield ""
    yield f"Sources (confidence {answer.confidence:.2f}):"
    for citation in answer.citations:
        page = f", page {citation.page}" if citation.page else ""
        place = f"{_shown(citation.document_id)}:{citation.start_char}-{citation.end_char}{page}"
        yield f"[{citation.number}] {place} {_shown(citation.title)}"
        yield from textwrap.wrap(f'"{citation.quote}"', 96, initial_indent="    ", subsequent_indent="    ")


def _hit_lines(hit: Hit) -> Iterator[str]:
    p = hit.passage
    place = f"{_shown(p.document_id)}:{p.start_char}-{p.end_char}"
    yield f"{hit.rank}. {place} (score {hit.score:.2f}) {_shown(hit.title)}"
    yield from textwrap.wrap(p.text, 96, initial_indent="    ", subsequent_indent="    ")


def _search(options: argparse.Namespace) -> int:
    with _open(options, create=False) as library:
        hits = library.search(options.query, options.k)
    if options.json:
        _print_json({"query": options.query, "hits": [hit.to_dict() for hit in hits]})
    else:
        print("\n".join(line for hit in hits for line in _hit_lines(hit)))
    return DONE


def _serve(options: argparse.Namespace) -> int:
    from rag.serve import serve

    with _open(options, create=False) as library:
        serve(library, port=options.port, examples=options.example)
    return DONE


def _eval(options: argparse.Namespace) -> int:
    from eval.command import run

    return run(options, settings=_settings(options))


def _doctor(options: argparse.Namespace) -> int:
    from rag.doctor import examine

    findings = examine(options.library, encoder=options.encoder)
    if options.json:
        _print_json({"healthy": all(f.healthy for f in findings), "findings": [asdict(f) for f in findings]})
    else:
        for finding in findings:
            print(f"{'ok  ' if finding.healthy else 'BAD '} {finding.subject}: {_shown(finding.message)}")
    return DONE if all(f.healthy for f in findings) else WRONG_WORLD


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))


@contextmanager
def _progress() -> Iterator[Progress]:
    """Show a bar on stderr, in bytes of the files read; nothing where stderr is no terminal."""
    from tqdm import tqdm

    with tqdm(unit="B", unit_scale=True, unit_divisor=1024, disable=None, leave=False) as bar:

        def show(stage: str, done: int, total: int) -> None:
            bar.set_description("embedding" if stage == "embed" else "building the indexes")
            if stage == "embed":
                bar.total = total
                bar.update(done - bar.n)

        yield show
