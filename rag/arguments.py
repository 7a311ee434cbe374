"""Types of arguments on the command line; each refuses what it cannot take in one line, and knows no command."""

from __future__ import annotations

import argparse

from rag.given import NO_PATH


def folder(text: str) -> str:
    """Return the name of a folder.

    Args:
        text: As typed.

    Returns:
        The same.

    Raises:
        argparse.ArgumentTypeError: It is empty.
    """
    if not text:
        raise argparse.ArgumentTypeError("'' names no folder; leave the option out for the default library")
    return text


def path(text: str) -> str:
    """Return the path or address of what a command is to read or write.

    Args:
        text: As typed.

    Returns:
        The same.

    Raises:
        argparse.ArgumentTypeError: It is empty.
    """
    if not text:
        raise argparse.ArgumentTypeError(NO_PATH)
    return text


def count(text: str) -> int:
    """Return a whole number from 1.

    Args:
        text: As typed.

    Returns:
        The number.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def port(text: str) -> int:
    """Return a port.

    Args:
        text: As typed.

    Returns:
        From 1 to 65535.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 1 to 65535")
    return int(text)


def share(text: str) -> float:
    """Return a number from 0 to 1.

    Args:
        text: As typed.

    Returns:
        The number.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    try:
        value = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from error
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to 1")
    return value


def filter_by(text: str) -> tuple[str, str]:
    """Return a filter.

    Args:
        text: As typed: ``NAME=VALUE``.

    Returns:
        Name and value.

    Raises:
        argparse.ArgumentTypeError: There is no ``=`` in it.
    """
    name, separator, value = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is no filter; give NAME=VALUE, such as folder=reports")
    return name, value
