"""A measured system in a process of its own: threads as its users have them, memory that is its own; knows no system.

The parent names a class and calls its methods; commands and results are lines of JSON. Times are taken in the child,
so that nothing of this is in them.

python -m eval.bench_child MODULE:CLASS [ARGUMENT...]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Self, TextIO

ROOT = Path(__file__).resolve().parent.parent


class Child:
    """A process that holds one object; a context manager that ends it."""

    def __init__(self, system: str, *arguments: str) -> None:
        """Start the process.

        Args:
            system: ``module:class`` of the object.
            *arguments: What the class is called with.
        """
        self._name = system
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "eval.bench_child", system, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            cwd=ROOT,
            env=environment(),
        )

    def __enter__(self) -> Self:
        """Return the child."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        # Its commands end; it removes what it made and leaves.
        self._process.communicate()

    def call(self, method: str, **arguments: Any) -> Any:
        """Call a method of the object.

        Args:
            method: Its name.
            **arguments: Values that JSON can hold.

        Returns:
            What it returned, through JSON.

        Raises:
            ChildProcessError: The process has ended; what it said is on standard error.
        """
        commands, results = self._process.stdin, self._process.stdout
        if commands is None or results is None:
            raise ValueError("a child is started with pipes")
        try:
            commands.write(json.dumps([method, arguments]) + "\n")
            commands.flush()
            line = results.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise ChildProcessError(f"{self._name}, called to {method}, ended with code {self._process.wait()}")
        return json.loads(line)


def environment() -> dict[str, str]:
    """Return the environment without what this process or its caller set about threads."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.endswith("_NUM_THREADS") and name != "TOKENIZERS_PARALLELISM"
    }


def serve(system: Any, commands: TextIO, results: TextIO) -> None:
    """Call methods of an object, one a line, until there are no more lines.

    Args:
        system: The object.
        commands: Lines ``[method, {argument: value}]``.
        results: Takes a line with the value of each.
    """
    for line in commands:
        method, arguments = json.loads(line)
        results.write(json.dumps(getattr(system, method)(**arguments)) + "\n")
        results.flush()


def main(arguments: list[str]) -> int:
    """Hold the object that the first argument names, and serve it on the standard streams."""
    module, _, name = arguments[0].partition(":")
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What libraries print is no result.
    os.dup2(2, 1)
    system = getattr(import_module(module), name)(*arguments[1:])
    serve(system, sys.stdin, results)
    system.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
