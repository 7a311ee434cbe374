"""The command line: parses arguments and runs a command; where the world is wrong, one line and exit code 1."""

from __future__ import annotations

import argparse
import io
import os
import shlex
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from rag import commands
from rag.arguments import count, filter_by, folder, path, port, share
from rag.errors import RagError
from rag.installed import installed_version
from rag.printable import one_line, shown

DONE, WRONG_WORLD, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 the world is wrong, 2 wrong usage, 130 interrupted."""
    options = _parser().parse_args(arguments)
    _make_printable(json_document=options.json)
    try:
        return int(options.run(options) or DONE)
    except RagError as error:
        print(f"rag: {one_line(error)}", file=sys.stderr)
        return WRONG_WORLD
    except KeyboardInterrupt as interruption:
        kept = str(interruption) or "interrupted; what was committed is kept, run the command again to go on"
        print(f"rag: {kept}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; nothing more can be said to them.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return WRONG_WORLD
    except OSError as error:
        print(f"rag: {one_line(error)}; check space and permissions, then try again", file=sys.stderr)
        return WRONG_WORLD


def _make_printable(*, json_document: bool) -> None:
    """Let any text be printed, whatever the terminal's encoding; JSON is always UTF-8."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            utf_8 = json_document and stream is sys.stdout
            stream.reconfigure(encoding="utf-8" if utf_8 else None, errors="backslashreplace")


# -- arguments --------------------------------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """A parser, and through it those of the commands, that reports wrong usage in one line."""

    def error(self, message: str) -> NoReturn:
        """Exit with what is wrong and where to read on."""
        self.exit(WRONG_USAGE, f"rag: {shown(' '.join(message.split()))}; see: {self.prog} --help\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Take the words of a command that stand behind an option along with those before it.

        Args:
            args: The arguments; those of the process when ``None``.
            namespace: Where to put what they say; a new one when ``None``.

        Returns:
            The namespace, and what was not understood.
        """
        found, rest = super().parse_known_args(args, namespace)
        # An option that is not known may have a value, which is no word.
        if "words" in found and not any(word.startswith("-") for word in rest):
            found.words += rest
            rest = []
        # What a command does not know is its own matter: rag itself would name rag --help.
        if rest and self._is_command:
            words = [getattr(found, name) for name in ("question", "query") if name in found]
            if words and not any(word.startswith("-") for word in rest):
                self.error(f"put all of it in quotes: {self.prog} {shlex.quote(' '.join([*words, *rest]))}")
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        return found, rest

    @property
    def _is_command(self) -> bool:
        return " " in self.prog


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="rag",
        description="Answers from your own documents, with citations to the exact source passage.",
        epilog="Start with: rag index PATH, then: rag ask QUESTION",
    )
    parser.add_argument("--version", action="version", version=f"leadgoose {installed_version() or '(not installed)'}")
    common = _common(argparse.SUPPRESS)
    _add_common(parser, None)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, add in COMMANDS.items():
        add(subparsers.add_parser(name, parents=[common], **HELP[name]))
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
        type=folder,
        default=default,
        help="folder of the library, or its address in Milvus: milvus+http://HOST:19530/NAME, "
        "milvus+file:///folder/x.db#NAME (default: RAG_LIBRARY, else the per-user data folder)",
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


HELP: dict[str, dict[str, Any]] = {
    "index": {
        "help": "make the library hold exactly what is under PATH",
        "description": "Make the library hold exactly the documents under the given files and folders: new ones are "
        "added, changed ones updated, others removed, but for what was uploaded. Unchanged files are not read again.",
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
    "serve": {
        "help": "serve the chat page and the HTTP API",
        "description": "Serve the pages and the HTTP API until Ctrl-C. This machine alone can connect, and needs no "
        "token as long as none was made; to let others in, make one (rag token add) and name an address (--host).",
    },
    "token": {
        "help": "make, list and take back tokens for the service",
        "description": "Make, list and take back tokens for the service of this library. Once there is one, every "
        "request needs one, also from this machine.",
    },
    "mcp": {
        "help": "serve the documents to a program as tools, over the Model Context Protocol",
        "description": "Serve tools that ask, search and open sources, over the Model Context Protocol on standard "
        "input and output: for programs that start it themselves. rag serve has the same tools at /mcp.",
    },
    "eval": {
        "help": "evaluate on a gold set",
        "description": "Evaluate on a gold set: a JSONL file of questions about this library's documents, or a folder "
        "with corpus.jsonl and questions.jsonl, which is indexed into a library of its own.",
    },
    "calibrate": {
        "help": "fit confidence and threshold to a gold set",
        "description": "Ask the questions of a gold set, fit the confidence to how often answers are right, choose the "
        "threshold at which at most the wanted share of the answers given is wrong, and keep both with the library, "
        "for every question from then on. Reports what cross-validation found.",
    },
    "doctor": {"help": "check library, models and versions; mend what can be mended"},
    "backup": {
        "help": "keep a copy of the library in a new folder",
        "description": "Keep a consistent copy of the library in a new folder, verified, while it is asked and written "
        "to, with uploaded files and feedback. Not in it are tokens, and the indexes, which rag restore makes from the "
        "copy, embedding nothing.",
    },
    "restore": {
        "help": "make a library from a backup",
        "description": "Make a library (--library, new or empty) from a folder that rag backup made, after checking "
        "that it is what was written.",
    },
}


def _add_index(parser: argparse.ArgumentParser) -> None:
    _add_paths(parser)
    parser.add_argument(
        "--watch", action="store_true", help="go on following PATH, with one commit for each burst of changes"
    )
    parser.add_argument(
        "--ray",
        metavar="WHERE",
        type=folder,
        help="read and embed on a Ray cluster: local (this machine alone), auto (the one that this machine belongs to, "
        "else local) or its address, HOST:PORT",
    )
    parser.add_argument(
        "--failed", metavar="FILE", type=folder, help="write what could not be indexed to FILE, a line of JSON for each"
    )
    parser.set_defaults(run=commands.run_index)


def _add_paths(parser: argparse.ArgumentParser) -> None:
    what = "file or folder, or an address: s3://bucket/prefix"
    parser.add_argument("paths", nargs="+", metavar="PATH", type=path, help=what)


def _add_add(parser: argparse.ArgumentParser) -> None:
    _add_paths(parser)
    parser.set_defaults(run=commands.run_add)


def _add_remove(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", nargs="+", metavar="ID", help="document id, as rag list prints it")
    parser.set_defaults(run=commands.run_remove)


def _add_list(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=commands.run_list)


def _add_ask(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("question", metavar="QUESTION")
    parser.add_argument("--threshold", type=share, help="confidence from 0 to 1 below which it abstains")
    _add_filter(parser)
    parser.set_defaults(run=commands.run_ask)


def _add_filter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--filter",
        action="append",
        default=[],
        type=filter_by,
        metavar="NAME=VALUE",
        help="only documents with this value; NAME is document_id, folder, title, language, source, date, date_from, "
        "date_to, tag or that of a metadata value; may be given several times: one name twice allows either value, "
        "of several names all have to pass",
    )


def _add_search(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("query", metavar="QUERY")
    parser.add_argument("-k", type=count, default=10, metavar="N", help="number of passages (default: 10)")
    _add_filter(parser)
    parser.set_defaults(run=commands.run_search)


def _add_serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=port, default=7860, help="port to listen on (default: 7860)")
    _add_collections(parser)
    parser.add_argument(
        "--example",
        action="append",
        metavar="QUESTION",
        help="question offered on the page; may be given several times",
    )
    parser.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME",
        help="name that the service is asked under besides, as behind a proxy; may be given several times",
    )
    parser.add_argument(
        "--trusted-proxy",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="proxy whose word is taken for who asks and whether by https; may be given several times",
    )
    parser.add_argument(
        "--log-format",
        choices=("text", "json"),
        default="text",
        help="text: what goes wrong; json: a line of JSON about every request, on stderr (default: text)",
    )
    parser.set_defaults(run=commands.run_serve)


def _add_token(parser: argparse.ArgumentParser) -> None:
    from rag.web.token_command import add_arguments

    add_arguments(parser)
    parser.set_defaults(run=commands.run_token)


def _add_collections(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--collections", metavar="FOLDER", type=folder, help="folder whose subfolders are served as further libraries"
    )


def _add_mcp(parser: argparse.ArgumentParser) -> None:
    _add_collections(parser)
    parser.set_defaults(run=commands.run_mcp)


def _add_eval(parser: argparse.ArgumentParser) -> None:
    from eval.command import add_arguments

    add_arguments(parser)
    parser.set_defaults(run=commands.run_eval)


def _add_calibrate(parser: argparse.ArgumentParser) -> None:
    from eval.calibrate_command import add_arguments

    add_arguments(parser)
    parser.set_defaults(run=commands.run_calibrate)


def _add_backup(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("destination", metavar="DEST", type=path, help="a folder that is not there yet")
    parser.set_defaults(run=commands.run_backup)


def _add_restore(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SRC", type=path, help="a folder that rag backup made")
    parser.set_defaults(run=commands.run_restore)


def _add_doctor(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=commands.run_doctor)


COMMANDS = {
    "index": _add_index,
    "add": _add_add,
    "remove": _add_remove,
    "list": _add_list,
    "ask": _add_ask,
    "search": _add_search,
    "serve": _add_serve,
    "token": _add_token,
    "mcp": _add_mcp,
    "eval": _add_eval,
    "calibrate": _add_calibrate,
    "doctor": _add_doctor,
    "backup": _add_backup,
    "restore": _add_restore,
}
