"""Sees before a run that what it writes takes the place of nothing it reads; knows file names, no content."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from rag.errors import ConfigurationError

# What of a gold set that is a folder is read.
FOLDER_FILES = ("corpus.jsonl", "questions.jsonl", "queries.jsonl", "qrels.tsv")
OUTPUTS = ("report", "csv", "details")


def check_outputs(gold: Path, arguments: argparse.Namespace) -> None:
    """Refuse files that cannot be written, or that something else is read from or written to.

    Args:
        gold: The gold set.
        arguments: With ``report``, ``csv`` and ``details``, and with ``baseline`` and ``systems_file``; all may be
            ``None``.

    Raises:
        ConfigurationError: One of the first three is such a file.
    """
    taken = {os.path.realpath(path): f"the gold set {gold} is read from it" for path in _gold_files(gold)}
    for option in ("baseline", "systems_file"):
        if path := getattr(arguments, option):
            taken[os.path.realpath(path)] = f"--{option.replace('_', '-')} is read from it"
    for option in OUTPUTS:
        if path := getattr(arguments, option):
            _check_parent(option, path)
            if reason := taken.get(os.path.realpath(path)):
                raise ConfigurationError(f"--{option} {path}: {reason}; name another file")
            taken[os.path.realpath(path)] = f"--{option} is written to it"


def _gold_files(gold: Path) -> list[Path]:
    """Return the files that a gold set is read from, and in a folder those that would become part of it."""
    if not gold.is_dir():
        return [gold]
    return [*(gold / name for name in FOLDER_FILES), *(gold / "qrels").glob("*.tsv")]


def _check_parent(option: str, path: Path) -> None:
    if path.is_dir():
        raise ConfigurationError(f"--{option} {path}: that is a folder; name a file")
    if not path.parent.is_dir():
        raise ConfigurationError(f"--{option} {path}: there is no folder {path.parent}")
