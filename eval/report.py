"""Writes what an evaluation found as one self-contained HTML file, and its outcomes as CSV; computes no figure."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from eval import curves, sections
from eval.diagnose import STAGES
from eval.examples import Example
from eval.glossary import MEANINGS, SECTIONS, figures
from eval.plots import bar, whisker
from rag.errors import ConfigurationError

if TYPE_CHECKING:
    from eval.judge import Outcome

KEY_FIGURES = {
    "retrieval.hit@5": "Evidence found",
    "answers.contains": "Answered right",
    "citations.exact": "Exact citations",
    "abstention.auroc": "Knows when not to answer",
    "latency_ms.p50": "Median time",
}
FLIPPED_SHOWN = 30
# A spreadsheet takes a text that begins so for a formula; the wide ones in Chinese and Japanese settings.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# Where semicolons or tabs part cells, as in many countries' settings, a text is cut at them and its quotation marks are
# passed over: what comes next begins a cell as well. White space there begins no formula, and is left alone.
LATER_START = re.compile(r'([;\t\r\n]"*)(?=[-=+@＝＋－＠])')


def write_report(values: Mapping[str, Any], examples: Sequence[Example], path: Path) -> None:
    """Write a report as one HTML file that needs no network and no other file.

    Args:
        values: As ``eval.document.document`` makes them, with ``gate`` when there was one.
        examples: The questions to read, of the system at the top of ``values``.
        path: Where to; what is there is replaced once the whole file is written.

    Raises:
        ConfigurationError: The file cannot be written.
    """
    _replace(path, render(values, examples).encode("utf-8", "replace"))


def write_csv(outcomes: Mapping[str, Sequence[Outcome]], path: Path) -> None:
    """Write one row a question and system, as spreadsheets read it: UTF-8 with a mark, no text taken for a formula.

    Args:
        outcomes: By name of the system.
        path: Where to; what is there is replaced once the whole file is written.

    Raises:
        ConfigurationError: The file cannot be written.
    """
    rows = [{"system": name, **outcome.to_dict()} for name, those in outcomes.items() for outcome in those]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["system"], quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    _replace(path, text.getvalue().encode("utf-8-sig", "replace"))


def write_details(outcomes: Sequence[Outcome], path: Path) -> None:
    """Write one JSON line a question.

    Args:
        outcomes: Of one system.
        path: Where to; what is there is replaced once the whole file is written.

    Raises:
        ConfigurationError: The file cannot be written.
    """
    lines = (json.dumps(outcome.to_dict(), ensure_ascii=False) + "\n" for outcome in outcomes)
    _replace(path, "".join(lines).encode("utf-8", "replace"))


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        value = " | ".join(str(item) for item in value)
    if not isinstance(value, str):
        return value
    guarded = LATER_START.sub(r"\1'", value)
    return f"'{guarded}" if guarded.startswith(FORMULA_STARTS) else guarded


def _replace(path: Path, content: bytes) -> None:
    """Write a file beside its place and put it there, so that a failure leaves what was there."""
    target = Path(os.path.realpath(path))
    draft = target.with_name(f".leadgoose-{os.getpid()}.draft")
    try:
        if target.exists() and not target.is_file():
            raise ConfigurationError(f"{path} cannot be written: it is no file; name a file, which may be a new one")
        try:
            draft.write_bytes(content)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        rule = "name a file in a folder that exists and can be written to"
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}; {rule}") from error


def render(values: Mapping[str, Any], examples: Sequence[Example], *, day: date | None = None) -> str:
    """Return the report as HTML.

    Args:
        values: As for `write_report`.
        examples: As for `write_report`.
        day: The report's date; today when ``None``.

    Returns:
        A whole page, in which no text of a question or document is markup.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["whisker"] = _whisker
    environment.filters["bar"] = lambda share, name: bar(share, label=f"{name}: {share:.3f}")
    style, script = _part("report.css"), _part("report.js")
    return environment.from_string(_part("report.html")).render(
        # They are our own files: nothing of a question or document is in them.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        day=(day or date.today()).isoformat(),
        examples=examples,
        **_view(values, examples),
    )


def _part(name: str) -> str:
    return files("eval").joinpath(name).read_text("utf-8").strip()


def _view(values: Mapping[str, Any], examples: Sequence[Example]) -> dict[str, Any]:
    """Return what the template shows, in the order it shows it."""
    known = {section: figures(values, section) for section in SECTIONS}
    by_key = {figure.key: figure for section in known.values() for figure in section}
    compared, systems = sections.comparison(values)
    return {
        "gold": values["gold"],
        "questions": values["questions"],
        "system": (values.get("system") or {}).get("name") or "",
        "summary": sections.summary(values),
        "notes": sections.notes(values),
        "key_figures": [(label, by_key[key]) for key, label in KEY_FIGURES.items() if key in by_key],
        "sections": {SECTIONS[section]: found for section, found in known.items() if found},
        "glossary": {key: meaning for key, meaning in MEANINGS.items() if key in by_key},
        "compared": compared,
        "systems": systems,
        "gate": values.get("gate"),
        "plots": curves.plots(values),
        "diagnosis": sections.diagnosis(values),
        "stages": STAGES,
        "tags": sections.tags(values),
        "tags_total": len(values.get("tags") or {}),
        "example_stages": Counter(example.stage for example in examples),
        "example_tags": Counter(tag for example in examples for tag in example.tags),
        "places": {example.id: number for number, example in enumerate(examples, start=1)},
        "lost": sum(number for stage, _, number, _ in sections.diagnosis(values) if stage != "right"),
        "facts": sections.facts(values),
        "flipped_shown": FLIPPED_SHOWN,
    }


def _whisker(figure: Any) -> Markup:
    return whisker(figure.value, figure.interval, label=f"{figure.name} {figure.text}, 95 % interval {figure.range}")
