"""The reference of all settings, made from the dataclass that holds them; knows none of them by what it does.

python -m rag.configuration > docs/configuration.md
"""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from dataclasses import MISSING, fields
from typing import Any

from rag.settings import CHOICES, ENVIRONMENT_PREFIX, NEW_LIBRARY, Settings

HEAD = """# Configuration

Every setting, made from the source by `python -m rag.configuration > docs/configuration.md`.

A setting is taken from a flag, where there is one, else from its environment variable, else from the TOML file that
`RAG_CONFIG` names (`candidates_k = 30`, one a line), else it has its default. Names that are not known, and values out
of range, are refused in one line. In Python: `Library.open(path, settings=Settings(candidates_k=30))`.

Variables say where things are: `RAG_LIBRARY` (the default library), `RAG_CACHE` (models made once, libraries of gold
sets, evaluations under way), `RAG_CONFIG`, and, for [libraries in Milvus](milvus.md), `RAG_STATE` (what stands beside
them on this machine) and `RAG_MILVUS_TOKEN`.
"""
# Defaults that follow from something else.
FOLLOWING = {"indexing_threads": "the number of processors", "precision": "by the encoder (`int8` or `float32`)"}
GROUPS = (
    ("A library, when it is made", tuple(NEW_LIBRARY)),
    ("Finding and answering", ("leg_k", "source_check", "question_chars")),
    ("A chat model", ("chat_",)),
    ("Reading files and indexing", ("file_mb", "ocr", "parse_", "archive_", "indexing_", "writing_")),
    ("A service", ("serve_",)),
)


def reference() -> str:
    """Return the reference.

    Returns:
        Markdown: a table of each kind of settings.
    """
    texts = _texts()
    parts = [HEAD]
    grouped: dict[str, list[str]] = {title: [] for title, _ in GROUPS}
    for field in fields(Settings):
        grouped[_group(field.name)].append(field.name)
    for title, names in grouped.items():
        rows = ["| setting | environment variable | default | what it does |", "|---|---|---|---|"]
        rows += [_row(name, texts[name]) for name in names]
        parts.append(f"## {title}\n\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _group(name: str) -> str:
    for title, known in GROUPS:
        if any(name == one or (one.endswith("_") and name.startswith(one)) for one in known):
            return title
    return "Finding and answering"


def _row(name: str, text: str) -> str:
    return f"| `{name}` | `{ENVIRONMENT_PREFIX}{name.upper()}` | {_default(name)} | {text} |"


def _default(name: str) -> str:
    if name in FOLLOWING:
        return FOLLOWING[name]
    field = next(field for field in fields(Settings) if field.name == name)
    value: Any = None if field.default is MISSING else field.default
    if value is None:
        value = NEW_LIBRARY.get(name)
    shown = "none" if value is None else f"`{value}`"
    others = [choice for choice in CHOICES.get(name, ()) if choice != value]
    also = f" (or {', '.join(f'`{o}`' for o in others)})" if others else ""
    return shown + also


def _texts() -> dict[str, str]:
    """Return what the docstring says of each setting, in one line of Markdown."""
    doc = inspect.cleandoc(Settings.__doc__ or "")
    listed = textwrap.dedent(doc.partition("Attributes:\n")[2])
    entries = re.split(r"^(?=\w+: )", listed, flags=re.MULTILINE)
    found = {}
    for entry in filter(str.strip, entries):
        name, _, text = entry.partition(": ")
        line = " ".join(text.split()).replace("``", "`").replace("|", "\\|")
        found[name] = line
    return found


if __name__ == "__main__":
    sys.stdout.write(reference())
