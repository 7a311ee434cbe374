"""Gradio imported without what only its developers need of an import; knows nothing of what is built with it.

For every component Gradio renders, when it is imported, its documentation and a stub file for editors that it writes
beside its own source; that is two fifths of the time of the import, and fails where the installation cannot be
written. It also imports the MCP library, whether or not its own MCP server is wanted, which here is never.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def quick_gradio() -> Iterator[None]:
    """Let Gradio be imported quickly inside the context, and without reporting its use to its makers ever after."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the modules in question as ever, and changes them once they have run."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return how a module is found; ``None`` for all others."""
        if name == "mcp" and _within("gradio.mcp"):
            raise ModuleNotFoundError("left out: Gradio's own MCP server is not used", name=name)
        change = _CHANGES.get(name)
        found = change and importlib.machinery.PathFinder.find_spec(name, path, target)
        if not found or not found.loader or not change:
            return None
        found.loader = _Loader(found.loader, change)
        return found


class _Loader(importlib.abc.Loader):
    def __init__(self, loader: importlib.abc.Loader, change: tuple[str, str]) -> None:
        self.loader = loader
        self.change = change

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self.loader.exec_module(module)
        holder, name = self.change
        owner = getattr(module, holder) if holder else module
        # Where another version has no such function, there is nothing to leave out.
        if hasattr(owner, name):
            setattr(owner, name, _nothing)


def _nothing(*_: object, **__: object) -> None:
    """Do nothing."""


def _within(name: str) -> bool:
    """Return whether a module is being imported by this thread; what it imports stands above it."""
    frame = sys._getframe()
    while frame is not None:
        if frame.f_globals.get("__name__") == name:
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


# Function by module, in one of its classes or alone.
_CHANGES = {"gradio.component_meta": ("", "create_or_modify_pyi"), "gradio.events": ("EventListener", "set_doc")}
