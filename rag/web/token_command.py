"""What ``rag token`` does: makes, lists and takes back the tokens of a library's service."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from rag.address import MilvusAddress, read_address
from rag.errors import RagError
from rag.location import DATABASE
from rag.printable import shown
from rag.web import tokens
from rag.web.roles import Role


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command.

    Args:
        parser: Its parser.
    """
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="make a token and print it, this once")
    add.add_argument("name", metavar="NAME", help="what it is called, in the list and in logs")
    roles = [role.name.lower() for role in Role]
    add.add_argument("--role", choices=roles, default="read", help="what it allows (default: read)")
    add.add_argument(
        "--only", nargs="+", default=[], metavar="LIBRARY", type=_library, help="libraries it is for (default: all)"
    )
    actions.add_parser("list", help="list the tokens by name; what was printed is kept nowhere")
    actions.add_parser("remove", help="take a token back, at once").add_argument("name", metavar="NAME")


def run(options: argparse.Namespace) -> int:
    """Make, list or take back tokens.

    Args:
        options: Of the command line.

    Returns:
        0.
    """
    path = _file(options)
    if options.action == "add":
        secret = tokens.add(path, options.name, options.role, only=options.only)
        made = {"name": options.name, "role": options.role, "only": options.only, "token": secret}
        _print(options, made, [secret])
    elif options.action == "remove":
        tokens.remove(path, options.name)
        _print(options, {"removed": options.name}, [f"{options.name} removed"])
    else:
        found = tokens.read(path)
        lines = [f"{t.name}\t{t.role}\t{shown(', '.join(t.only)) or 'all libraries'}\t{t.created}" for t in found]
        _print(options, [{k: v for k, v in asdict(t).items() if k != "sha256"} for t in found], lines)
    return 0


def _file(options: argparse.Namespace) -> Path:
    folder = read_address(options.library)
    if isinstance(folder, MilvusAddress):
        # A service on this machine looks for them there; whether Milvus answers makes no difference to that.
        folder.state.mkdir(parents=True, exist_ok=True)
        return folder.state / tokens.FILE
    if not (folder / DATABASE).is_file():
        raise RagError(
            f"there is no library at {folder}; tokens are kept beside one: rag --library {folder} index PATH"
        )
    return folder / tokens.FILE


def _library(name: str) -> str:
    from rag.web.collections import NAME  # which knows libraries, and so all that they are made with

    if not NAME.fullmatch(name):
        raise argparse.ArgumentTypeError(f"{name!r} is no name of a library")
    return name


def _print(options: argparse.Namespace, document: object, lines: list[str]) -> None:
    text = json.dumps(document, ensure_ascii=False, indent=2) if options.json else "\n".join(lines)
    if text:
        print(text)
