"""A report as lines for a terminal: what is escaped, and what is compared."""

from __future__ import annotations

from typing import Any

from eval.gate import Failure
from eval.terminal import HEADLINE, SECTIONS, failure_line, lines

ANSWERS, SEARCHES = {"abstention": {"coverage": 0.0}}, {"abstention": {"coverage": None}}


def part(kind: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of a system, all 0.5."""
    values: dict[str, Any] = {section: {} for section in SECTIONS}
    for key in HEADLINE:
        section, name = key.split(".")
        values[section][name] = 0.5
    return values | {"abstention": values["abstention"] | kind["abstention"]}


def document(**systems: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON document of systems, the first being the reference, each differing with p = 0.25."""
    first, *others = systems
    return part(systems[first]) | {
        "gold": {"name": "places"},
        "questions": 4,
        "answerable": 3,
        "intervals": {section: {} for section in SECTIONS},
        "diagnosis": {"right": {"questions": 4, "share": 1.0}},
        "tags": {},
        "index": {"documents": 1, "passages": 2},
        "systems": {name: part(kind) for name, kind in systems.items()},
        "comparisons": [{"system": name, "metric": key, "p_value": 0.25} for name in others for key in HEADLINE],
    }


def row(values: dict[str, Any], system: str) -> str:
    return next(line for line in lines(values) if line.startswith(f"{system} "))


def test_names_from_a_gold_set_are_printed_escaped() -> None:
    values = document(default=ANSWERS)
    values["gold"]["name"] = "red\x1b[31m"
    values["tags"] = {"a\n\u202e": {"questions": 4}, "b": {"questions": 4}}
    page = list(lines(values))
    assert all(line.isprintable() for line in page)
    assert page[0].startswith("red\\x1b[31m: ")
    assert any(line.startswith("a\\n\\u202e ") for line in page)
    failure = Failure("answers.contains", 0.5, 1.0, 0.01, (("q\x1b[2J", "answer"),))
    assert failure_line(failure).isprintable()


def test_questions_that_no_stage_lost_are_said_not_to_be_lost() -> None:
    failure = Failure("citations.iou", 0.5, 1.0, 0.01, (("a", ""), ("b", "rerank"), ("c", "")))
    line = failure_line(failure)
    assert "3 questions flipped, 2 not lost, 1 lost at rerank: a (not lost), b (rerank), c (not lost)" in line
    assert "right" not in line


def test_latencies_of_systems_that_only_search_are_marked_and_not_compared_with_those_that_answer() -> None:
    values = document(default=ANSWERS, quick=SEARCHES, dense=ANSWERS)
    assert row(values, "dense").count("p=0.2500") == len(HEADLINE)
    assert row(values, "quick").count("p=0.2500") == len(HEADLINE) - 1
    assert row(values, "quick").endswith(" 0.500*")
    assert any(line.startswith("* only searches") for line in lines(values))
    both = document(first=SEARCHES, second=SEARCHES)
    assert row(both, "second").endswith(" 0.500* p=0.2500")
    assert not any("only searches" in line for line in lines(document(default=ANSWERS, dense=ANSWERS)))
