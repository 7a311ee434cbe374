"""The report and the CSV of real runs: what they say, that texts stay texts, and how the page does in a browser."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from eval.curves import plots
from eval.diagnose import STAGES
from eval.document import document
from eval.evaluate import Report, Subject, evaluate_subject, library_subject
from eval.examples import Example, Excerpt, Piece, examples
from eval.excerpts import EXCERPT_CHARS
from eval.glossary import MEANINGS, SECTIONS, figures, why_undefined, written
from eval.gold import read_gold
from eval.report import FORMULA_STARTS, render, write_csv, write_report
from eval.resolve import Corpus
from eval.sections import TAGS_SHOWN, comparison, diagnosis, facts, notes, summary, tags
from eval.summary import METRICS
from rag import Document, Library
from rag.errors import ConfigurationError

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update"]

HOSTILE = "</script><script>document.title='pwned'</script><img src=x onerror=\"document.title='pwned'\">'{{7*7}}&amp;"
NAME = f"</title>{HOSTILE}"
TEXTS = {
    "bridge.txt": "The Elm Bridge was opened in 1932 by Mary Stone. It is 410 metres long and carries two tram lines.",
    "museum.txt": "The Clock Museum in Harlow shows 2,300 clocks. Admission costs 9 euros for adults.",
    f"<b>{HOSTILE.replace('/', '')}.txt": f"The ropes of Norrwick are twisted from hemp {HOSTILE} by the brothers.",
    "long.txt": f"The longest word of Norrwick is {'w' * 400} and nobody says it.",
}
ROPES = list(TEXTS)[2]


def row(name: str, question: str, *answers: str, document_id: str = "", quote: str = "", tag: str) -> dict[str, Any]:
    evidence = [{"document_id": document_id, "quote": quote}] if quote else []
    wanted = {"answers": list(answers), "answerable": bool(answers or evidence), "evidence": evidence}
    return {"id": name, "question": question, "tags": [tag], **wanted}


ROWS = [
    row("opened", "When was the Elm Bridge opened?", "1932", document_id="bridge", quote="opened in 1932", tag="date"),
    row("metres", "How long is the Elm Bridge?", "411", document_id="bridge", quote="two tram lines", tag="number"),
    row("clocks", "How many clocks does the Clock Museum show?", "2,300", tag="number"),
    row(
        HOSTILE,
        f"Who twists the ropes of Norrwick? {HOSTILE}",
        f"sisters {HOSTILE}",
        document_id=ROPES,
        quote=f"hemp {HOSTILE}",
        tag=HOSTILE,
    ),
    row("word", "What is the longest word of Norrwick?", "short", document_id="long", quote="w" * 400, tag="w" * 300),
    row("yeast", "Which yeast makes sourdough bread rise overnight?", tag="other-topic"),
    row("mayor", "Who was the mayor of Harlow when the Elm Bridge was opened in 1932?", tag="near-miss"),
]


@dataclass(frozen=True)
class Ran:
    """What came of a run: each system's report, the values, and the examples of the first system."""

    reports: Mapping[str, Report]
    values: Mapping[str, Any]
    examples: Sequence[Example]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    folder = tmp_path_factory.mktemp("ran")
    (folder / "gold.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    gold = replace(read_gold(folder / "gold.jsonl"), name=NAME)
    with pytest.MonkeyPatch.context() as patch, Library.open(folder / "library") as library:
        patch.setattr("eval.kept._cache", lambda: folder / "kept")
        library.add(Document(name, text, title=f"On {name}") for name, text in TEXTS.items())
        subjects = [
            library_subject("never-refuses", library, threshold=0.0),
            library_subject("refuses-all", library, threshold=1.0),
            Subject("searches", library.search, None, None, 5, 20, {"adapter": "a:b"}),
        ]
        reports = {subject.name: evaluate_subject(gold, subject, library) for subject in subjects}
        titles = {found.id: found.title for found in library.documents()}
        shown = examples(reports["never-refuses"].rows, Corpus(library), titles=titles)
        yield Ran(reports, document(reports), shown)


def alone(ran: Ran, name: str) -> dict[str, Any]:
    return document({name: ran.reports[name]})


def changed(values: Mapping[str, Any], **parts: Any) -> dict[str, Any]:
    return {**deepcopy(dict(values)), **parts}


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


# --- what it says


def test_the_page_names_gold_set_date_and_questions_and_sums_up_in_words(ran: Ran) -> None:
    page = text_of(render(ran.values, ran.examples, day=date(2026, 5, 4)))
    assert "7 questions · system never-refuses · 2026-05-04" in page
    assert "Of 5 answerable questions, 2 are answered right, 3 wrong, and 0 are refused." in page
    assert "Of 2 questions that the documents do not answer, 0 are refused and 2 are answered all the same." in page


def test_the_summary_counts_refusals_and_what_they_held_back() -> None:
    rows = [
        {"answerable": True, "right": right, "abstained": abstained, "stage": stage}
        for right, abstained, stage in [
            (True, False, ""),
            (False, False, "answer"),
            (True, True, "refused"),
            (False, True, "split"),
            (False, True, "split"),
        ]
    ]
    rows.append({"answerable": False, "right": False, "abstained": True, "stage": ""})
    values = {"questions": 6, "answerable": 5, "abstention": {"coverage": 0.5}, "outcomes": rows}
    assert summary(values) == [
        "Of 5 answerable questions, 1 is answered right, 1 wrong, and 3 are refused "
        "(1 of those answers would have been right).",
        "Of 1 question that the documents do not answer, 1 is refused and 0 are answered all the same.",
        "The stages that lost most questions: split (2), answer (1), refused (1).",
    ]


def test_every_metric_is_shown_with_its_interval_and_explained(ran: Ran) -> None:
    html = render(ran.values, ran.examples)
    for metric in METRICS:
        assert MEANINGS[metric.key].replace("'", "&#39;") in html
    for section in SECTIONS:
        for figure in figures(ran.values, section):
            assert figure.text in html
            assert figure.range in html
    hit = next(figure for figure in figures(ran.values, "retrieval") if figure.name == "hit@1")
    assert hit.value == ran.values["retrieval"]["hit@1"]
    low, high = ran.values["intervals"]["retrieval"]["hit@1"]
    assert hit.range == f"{low:.3f} – {high:.3f}"


@pytest.mark.parametrize(
    ("key", "value", "signed", "text"),
    [
        ("retrieval.hit@1", 0.5, False, "0.500"),
        ("retrieval.hit@1", -0.5, True, "−0.500"),
        ("answers.mean_chars", 212.6, False, "213"),
        ("latency_ms.p50", 12.34, False, "12.3 ms"),
        ("latency_ms.p50", 12345.6, True, "+12,346 ms"),
        ("abstention.auroc", None, False, "–"),
    ],
)
def test_figures_are_written_with_their_unit(key: str, value: float | None, signed: bool, text: str) -> None:
    assert written(key, value, signed=signed) == text


def test_what_is_undefined_is_a_dash_with_its_reason(ran: Ran) -> None:
    values = alone(ran, "searches")
    reasons = {figure.key: figure.why for section in SECTIONS for figure in figures(values, section)}
    assert reasons["retrieval.hit@1"] == ""
    assert reasons["answers.contains"] == reasons["citations.exact"] == "the system only searches"
    assert reasons["abstention.auroc"] == "the system only searches"
    html = render(values, [])
    assert "the system only searches" in html
    assert "it gives no answers to judge" in html
    assert html.count("<figure>") == 2  # recall and latency
    assert "None" not in text_of(html)


@pytest.mark.parametrize(
    ("key", "answerable", "why"),
    [
        ("abstention.auroc", 9, "every question is answerable"),
        ("abstention.auroc", 0, "no question is answerable"),
        ("abstention.precision", 5, "nothing was refused"),
        ("abstention.risk", 5, "nothing was answered"),
        ("answers.em", 0, "no question has a gold answer"),
        ("citations.iou", 9, "nothing was cited, or no question has gold evidence"),
        ("retrieval.hit@1", 0, "no question says which passages are relevant"),
    ],
)
def test_every_reason_fits_its_metric(key: str, answerable: int, why: str) -> None:
    assert why_undefined({"questions": 9, "answerable": answerable, "abstention": {"coverage": 0.0}}, key) == why


def test_a_system_that_refuses_all_has_nothing_that_could_be_wrong(ran: Ran) -> None:
    values = alone(ran, "refuses-all")
    assert "and 5 are refused" in " ".join(summary(values))
    html = render(values, [])
    assert "nothing was answered" in html
    assert len(plots(values)) == 4


def test_systems_are_compared_with_the_first_and_verdicts_need_significance(ran: Ran) -> None:
    keys, rows = comparison(ran.values)
    assert list(rows) == ["never-refuses", "refuses-all", "searches"]
    assert {len(cells) for cells in rows.values()} == {len(keys)}
    reference, refusing, searching = (dict(zip(keys, cells, strict=True)) for cells in rows.values())
    assert {cell.difference for cell in reference.values()} == {""}
    found = next(
        c for c in ran.values["comparisons"] if (c["system"], c["metric"]) == ("refuses-all", "answers.contains")
    )
    assert refusing["answers.contains"].difference == written("answers.contains", found["difference"], signed=True)
    assert searching["answers.contains"].value == "–"
    assert comparison(alone(ran, "searches")) == ([], {})


@pytest.mark.parametrize(
    ("metric", "difference", "p_value", "verdict"),
    [
        ("retrieval.hit@1", -0.2, 0.001, "worse"),
        ("retrieval.hit@1", 0.2, 0.001, "better"),
        ("retrieval.hit@1", 0.2, 0.05, ""),
        ("abstention.aurc", -0.2, 0.001, "better"),
        ("abstention.aurc", 0.2, 0.049, "worse"),
        ("latency_ms.p50", 0.2, 0.001, "differs"),
    ],
)
def test_a_verdict_knows_which_way_is_better(
    ran: Ran, metric: str, difference: float, p_value: float, verdict: str
) -> None:
    found = {"system": "refuses-all", "metric": metric, "difference": difference, "interval": None, "p_value": p_value}
    keys, rows = comparison(changed(ran.values, comparisons=[found]))
    cells = dict(zip(keys, rows["refuses-all"], strict=True))
    assert cells[metric].verdict == verdict
    html = render(changed(ran.values, comparisons=[found]), [])
    assert (f'<strong class="{verdict}">' in html) == bool(verdict)


def test_the_diagnosis_has_every_stage_with_its_meaning_questions_and_share(ran: Ran) -> None:
    rows = diagnosis(ran.values)
    assert [stage for stage, *_ in rows] == ["right", *STAGES]
    assert sum(number for _, _, number, _ in rows) == 7
    html = render(ran.values, [])
    for stage, meaning, number, share in rows:
        assert f'<th scope="row">{stage}<small>{meaning}</small></th><td class="number">{number}</td>' in html
        assert f"{100 * share:.1f} %" in html
        assert f'aria-label="{stage}: {share:.3f}"' in html


def test_hundreds_of_tags_are_capped_and_the_page_says_so(ran: Ran) -> None:
    many = {
        f"tag {n}": {"questions": n, "contains": 1 / (n + 1), "hit@5": None, "abstained": 0.0} for n in range(1, 301)
    }
    many["unanswerable"] = {"questions": 999, "contains": None, "hit@5": None, "abstained": 0.5}
    values = changed(ran.values, tags=many)
    shown = [tag for tag, _ in tags(values)]
    assert shown == [f"tag {n}" for n in range(300, 300 - TAGS_SHOWN + 1, -1)] + ["unanswerable"]
    assert "the 30 with most questions, of 301" in render(values, [])
    assert 'id="tags"' not in render(changed(ran.values, tags={}), [])


def test_a_failed_gate_names_metric_questions_and_stages(ran: Ran) -> None:
    failure = {
        "metric": "retrieval.hit@1", "value": 0.5, "baseline_value": 0.75, "difference": -0.25, "p_value": 0.0005,
        "stages": {"rerank": 2, "right": 1},
        "flipped": [{"id": name, "stage": "rerank"} for name in (HOSTILE, *map(str, range(40)))],
    }  # fmt: skip
    gate = {"passed": False, "baseline": "<old>.json", "max_drop": 0.01, "failures": [failure]}
    html = render(changed(ran.values, gate=gate), ran.examples)
    page = text_of(html)
    assert "Gate: ✗ failed" in page
    assert "&lt;old&gt;.json" in html
    assert "retrieval.hit@1 0.500 0.750 ▼ 0.250 &lt; 0.001 rerank 2, right 1" in page
    place = [example.id for example in ran.examples].index(HOSTILE) + 1
    assert f'href="#q{place}"' in html
    assert "41 questions became worse on retrieval.hit@1" in page
    assert "and 11 more" in page
    passed = {"passed": True, "baseline": "old.json", "max_drop": 0.01, "failures": []}
    assert "Gate: ✓ passed" in text_of(render(changed(ran.values, gate=passed), ran.examples))
    assert 'id="gate"' not in render(ran.values, ran.examples)


def test_a_calibration_on_the_same_gold_set_is_said_to_be_in_sample(ran: Ran) -> None:
    held_out = {"risk": 0.125, "risk_interval": [0.0625, 0.25], "coverage": 0.75, "log_loss": 0.5}
    calibration = {"gold_digest": ran.values["gold"]["digest"], "threshold": 0.4, "held_out": held_out}
    values = changed(ran.values)
    assert notes(values) == []
    values["system"]["calibration"] = calibration
    (note,) = notes(values)
    assert note.endswith(
        "in-sample: on new questions expect the cross-validated risk, 0.125 (0.062 – 0.250) at a coverage of 0.750."
    )
    assert ("cross-validated: risk interval", "0.0625, 0.25") in facts(values)["Calibration"]
    assert "cross-validated: log loss" in text_of(render(values, []))
    values["system"]["calibration"] = calibration | {"held_out": held_out | {"risk": None}}
    assert notes(values)[0].endswith("are in-sample.")
    values["system"]["calibration"] = calibration | {"gold_digest": "of another"}
    assert notes(values) == []


def test_evidence_and_rows_that_were_lost_are_pointed_out(ran: Ran) -> None:
    gold = {**ran.values["gold"], "evidence": 9, "evidence_lost_in_cleaning": 2, "rows_without_question": 1}
    lost, left_out = notes(changed(ran.values, gold=gold))
    assert lost.startswith("2 of 9 pieces of gold evidence are not in the library's texts")
    assert left_out == "1 row of the gold set without a question is left out."


def test_settings_and_versions_are_listed(ran: Ran) -> None:
    found = facts(ran.values)
    assert ("leadgoose", "0.1.0") in found["Versions"]
    assert ("rerank", "late") in found["Settings"]
    assert ("documents", "4") in found["Library"]


def test_values_that_a_report_may_lack_leave_out_their_part(ran: Ran) -> None:
    bare = {name: ran.values[name] for name in ("questions", "answerable", "gold", "retrieval")}
    html = render(bare, [])
    assert "None are listed" not in html
    assert re.findall(r'<section id="(\w+)"', html) == ["metrics", "questions", "measured"]
    empty = changed(
        ran.values, curves={"recall": [], "risk_coverage": [], "reliability": [], "latency_ms": []}, intervals={}
    )
    empty.pop("systems")
    empty.pop("comparisons")
    assert plots(empty) == []
    assert re.findall(r'<section id="(\w+)"', render(empty, [])) == [
        "metrics", "diagnosis", "tags", "questions", "measured",
    ]  # fmt: skip


def test_one_question_and_one_bin_are_enough_to_draw(ran: Ran) -> None:
    curves = {
        "recall": [[1, 1.0]],
        "risk_coverage": [[1.0, 0.0]],
        "reliability": [[0.5, 1.0, 1]],
        "latency_ms": [[0.0, 5.0, 1]],
    }
    values = changed(alone(ran, "never-refuses"), curves=curves)
    assert len(plots(values)) == 4
    flat = changed(values, curves=curves | {"latency_ms": [[0.0, 0.0, 1]]})
    assert len(plots(flat)) == 3


# --- the file


def test_the_file_is_self_contained(ran: Ran, tmp_path: Path) -> None:
    write_report(ran.values, ran.examples, tmp_path / "r.html")
    html = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert not re.search(r"https?://|@import|url\(", html)
    assert not re.search(r"<(?:link|img|iframe|object|embed|base|form)\b", html)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', html)
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy.split("; ")[:4] == [
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        f"script-src 'sha256-{digest}'",
        "img-src data:",
    ]
    assert [found.name for found in tmp_path.iterdir()] == ["r.html"]


def test_two_hundred_long_examples_stay_below_two_megabytes(ran: Ran, tmp_path: Path) -> None:
    excerpt = Excerpt("doc-12", "标题" * 10, 1_000, 2_000, 1, (Piece("段" * EXCERPT_CHARS),))
    bulky = replace(ran.examples[0], question="问" * 60, answer="答" * 300, proposed="答" * 300, answers=("金" * 20,))
    bulky = replace(bulky, id="q-12", tags=(), retrieved=(excerpt,) * 3, expected=(excerpt,), cited=(excerpt,))
    write_report(ran.values, [bulky] * 200, tmp_path / "r.html")
    assert (tmp_path / "r.html").stat().st_size < 2_000_000


def test_writing_again_replaces_and_a_failure_leaves_what_was_there(ran: Ran, tmp_path: Path) -> None:
    path = tmp_path / "r.html"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(KeyError):
        write_report({}, [], path)
    assert path.read_text(encoding="utf-8") == "old"
    link = tmp_path / "link.html"
    link.symlink_to(path)
    write_report(ran.values, [], link)
    assert link.is_symlink()
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("place", ["no/such/r.html", "folder", "file/r.html", "n" * 300])
def test_a_place_that_cannot_be_written_is_one_clear_line(ran: Ran, tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("kept", encoding="utf-8")
    for write in (lambda path: write_report(ran.values, [], path), lambda path: write_csv({}, path)):
        with pytest.raises(ConfigurationError, match="cannot be written") as refused:
            write(tmp_path / place)
        assert str(tmp_path / place) in str(refused.value)
        assert "\n" not in str(refused.value)
    assert sorted(found.name for found in tmp_path.iterdir()) == ["file", "folder"]
    assert (tmp_path / "file").read_text(encoding="utf-8") == "kept"


def test_a_device_is_not_replaced_by_a_file(ran: Ran) -> None:
    with pytest.raises(ConfigurationError, match="it is no file"):
        write_csv({}, Path("/dev/null"))
    assert Path("/dev/null").is_char_device()


def test_no_text_of_a_question_or_document_becomes_markup(ran: Ran) -> None:
    html = render(ran.values, ran.examples)
    assert HOSTILE in html.replace("&lt;", "<").replace("&gt;", ">").replace("&#34;", '"').replace(
        "&#39;", "'"
    ).replace("&amp;", "&")
    assert html.count("<script") == 1
    assert "<img" not in html
    assert "onerror=&#34;" in html
    assert "49" not in re.findall(r"\{\{.*?\}\}|<h1>.*?</h1>", html)[0]


def test_text_that_is_no_text_is_written_all_the_same(ran: Ran, tmp_path: Path) -> None:
    odd = replace(ran.examples[0], question="half a pair \ud800 and \x00", id="\udfff")
    write_report(ran.values, [odd], tmp_path / "r.html")
    assert "half a pair ? and" in (tmp_path / "r.html").read_text(encoding="utf-8")


# --- the CSV


def read_csv(path: Path) -> list[dict[str, str]]:
    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_the_csv_has_a_row_a_question_and_system_with_the_outcome_s_columns(ran: Ran, tmp_path: Path) -> None:
    reports = {name: report.rows for name, report in ran.reports.items()}
    write_csv(reports, tmp_path / "o.csv")
    rows = read_csv(tmp_path / "o.csv")
    assert len(rows) == 3 * len(ROWS)
    assert list(rows[0]) == ["system", *reports["searches"][0].to_dict()]
    assert [found["system"] for found in rows[:: len(ROWS)]] == ["never-refuses", "refuses-all", "searches"]
    assert rows[0]["question"] == "When was the Elm Bridge opened?"
    assert rows[3]["question"] == ROWS[3]["question"]
    assert (rows[0]["right"], rows[0]["answerable"]) == ("True", "True")
    assert float(rows[0]["confidence"]) == reports["never-refuses"][0].confidence
    assert rows[-1]["right"] == rows[-1]["confidence"] == ""


@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_no_text_of_the_csv_is_taken_for_a_formula(ran: Ran, tmp_path: Path, start: str) -> None:
    outcome = ran.reports["never-refuses"].rows[0]
    asked = replace(outcome.question, question=f"{start}HYPERLINK(1)", answers=(f"{start}1", "2"), tags=("a", "b"))
    write_csv({f"{start}system": [replace(outcome, question=asked, answer="plain = text")]}, tmp_path / "o.csv")
    (found,) = read_csv(tmp_path / "o.csv")
    assert found["system"] == f"'{start}system"
    assert found["question"] == f"'{start}HYPERLINK(1)"
    assert found["answers"] == f"'{start}1 | 2"
    assert (found["tags"], found["answer"]) == ("a | b", "plain = text")


@pytest.mark.parametrize("before", ["x;", "x\t", "x\n", "x\r\n", 'x;"', 'x";""', "x;y;", ";"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_no_part_of_a_text_is_a_formula_where_other_marks_part_cells(
    before: str, delimiter: str, ran: Ran, tmp_path: Path
) -> None:
    outcome = ran.reports["never-refuses"].rows[0]
    asked = replace(outcome.question, question=f"{before}=HYPERLINK(1)")
    write_csv({f"{before}=1": [replace(outcome, question=asked, answer="plain; text\n\nwith - marks")]}, tmp_path / "o")
    text = (tmp_path / "o").read_bytes().decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) for cell in row]
    assert not [cell for cell in cells if cell.lstrip('"').startswith(FORMULA_STARTS)]
    (found,) = read_csv(tmp_path / "o")
    assert found["question"] == f"{before}'=HYPERLINK(1)"
    assert found["answer"] == "plain; text\n\nwith - marks"


def test_every_cell_of_the_csv_stands_in_quotation_marks(ran: Ran, tmp_path: Path) -> None:
    write_csv({"a": ran.reports["searches"].rows[:1]}, tmp_path / "o.csv")
    for line in (tmp_path / "o.csv").read_text(encoding="utf-8-sig").splitlines():
        assert re.fullmatch(r'"[^"]*"(,"[^"]*")*', line)


def test_a_csv_without_outcomes_has_a_heading_only(tmp_path: Path) -> None:
    write_csv({}, tmp_path / "o.csv")
    assert (tmp_path / "o.csv").read_text(encoding="utf-8-sig").split() == ['"system"']


# --- in a browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}: install Debian's chromium to test the page")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(ran: Ran, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("written") / "report.html"
    failure = {
        "metric": "answers.contains", "value": 0.5, "baseline_value": 0.75, "difference": -0.25, "p_value": 0.01,
        "stages": {"answer": 1}, "flipped": [{"id": example.id, "stage": example.stage} for example in ran.examples],
    }  # fmt: skip
    gate = {"passed": False, "baseline": "b" * 300, "max_drop": 0.01, "failures": [failure]}
    write_report(changed(ran.values, gate=gate), ran.examples, path)
    return path.as_uri()


def opened(browser: Browser, address: str, *, width: int = 1280, **options: Any) -> Iterator[Page]:
    """Open the report; afterwards: nothing was fetched, nothing failed, nothing of a document was run."""
    context = browser.new_context(viewport={"width": width, "height": 800}, **options)
    page = context.new_page()
    asked, failures = list[str](), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("console", lambda message: failures.append(message.text))
    page.goto(address)
    yield page
    assert [url.partition("#")[0] for url in asked] == [address.partition("#")[0]]
    assert failures == []
    assert "evaluation of" in page.title()
    context.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    yield from opened(browser, address)


@pytest.fixture
def phone(browser: Browser, address: str) -> Iterator[Page]:
    yield from opened(browser, address, width=360)


@pytest.fixture
def dark(browser: Browser, address: str) -> Iterator[Page]:
    yield from opened(browser, address, color_scheme="dark")


@pytest.fixture
def scriptless(browser: Browser, address: str) -> Iterator[Page]:
    yield from opened(browser, address, java_script_enabled=False)


def listed(page: Page) -> list[str]:
    return [found.split("\n")[0] for found in page.locator(".example:visible .stage").all_inner_texts()]


def test_hostile_texts_are_shown_as_they_are(page: Page) -> None:
    assert page.locator("h1").inner_text() == NAME
    question = page.locator(".example", has_text="Who twists the ropes").first
    assert HOSTILE in question.locator(".question").inner_text()
    question.locator("summary").click()
    assert f"hemp {HOSTILE}" in question.locator("mark").all_inner_texts()
    assert page.locator("img, h1 script, .example script").count() == 0


def test_a_question_opens_to_what_was_expected_said_cited_and_retrieved(page: Page) -> None:
    question = page.locator(".example", has_text="How long is the Elm Bridge?")
    assert not question.locator(".body").is_visible()
    question.locator("summary").focus()
    page.keyboard.press("Enter")
    text = question.locator(".body").inner_text()
    for part in ("Expected", "411", "Said", "It is 410 metres long", "Cited", "[1]", "Retrieved", "bridge.txt:"):
        assert part in text
    assert "two tram lines" in question.locator("section", has_text="Expected").locator("mark").all_inner_texts()


def test_questions_are_filtered_by_stage_tag_and_words(page: Page, ran: Ran) -> None:
    stages = [example.stage for example in ran.examples]
    assert listed(page) == stages
    assert page.locator("#shown").inner_text() == f"{len(stages)} of {len(stages)} shown"
    page.locator("#by-stage").select_option("answered")
    assert listed(page) == ["answered"] * stages.count("answered")
    page.locator("#by-tag").select_option("near-miss")
    assert page.locator("#shown").inner_text() == f"1 of {len(stages)} shown"
    page.locator("#by-stage").select_option("")
    page.locator("#by-tag").select_option(HOSTILE)
    assert len(listed(page)) == 1
    page.locator("#by-tag").select_option("")
    page.locator("#by-text").fill("BRIDGE long")
    assert "How long is the Elm Bridge?" in page.locator("#examples").inner_text()
    page.locator("#by-text").fill("nothing of the kind")
    assert listed(page) == []


def test_all_that_are_shown_are_opened_and_closed_at_once(page: Page) -> None:
    page.locator("#by-tag").select_option("near-miss")
    page.get_by_role("button", name="Open all").click()
    assert page.locator(".example[open]").count() == 1
    page.get_by_role("button", name="Close all").click()
    assert page.locator(".example[open]").count() == 0


def test_a_link_of_the_gate_opens_its_question_even_when_it_is_filtered_out(page: Page) -> None:
    page.locator("#by-text").fill("nothing of the kind")
    page.locator("#gate summary").click()
    page.locator(".flipped a").first.click()
    page.locator("#q1[open]").wait_for()
    assert page.locator("#q1 .body").is_visible()


def test_without_scripts_every_question_is_listed_and_opens(scriptless: Page, ran: Ran) -> None:
    assert len(listed(scriptless)) == len(ran.examples)
    assert not scriptless.locator("#filter").is_visible()
    scriptless.locator(".example summary").first.click()
    assert scriptless.locator(".example .body").first.is_visible()
    assert scriptless.locator(".plot").first.is_visible()


def test_a_phone_scrolls_no_page_sideways(phone: Page) -> None:
    phone.get_by_role("button", name="Open all").click()
    for details in ("#gate summary", ".glossary summary"):
        phone.locator(details).first.click()
    assert phone.evaluate("document.documentElement.scrollWidth") == 360
    beyond = phone.evaluate(
        """() => [...document.body.querySelectorAll('*')].filter((element) => !element.closest('.scroll, .skip, svg')
             && element.getBoundingClientRect().right > 361).map((element) => element.className || element.tagName)"""
    )
    assert beyond == []
    assert phone.locator(".compared").evaluate("table => table.parentElement.scrollWidth > 360")


def test_paper_is_white_and_wide_enough_for_every_table(dark: Page) -> None:
    dark.set_viewport_size({"width": 700, "height": 1000})  # A4 between its margins
    dark.emulate_media(media="print")
    assert dark.evaluate("document.documentElement.scrollWidth") == 700
    assert dark.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not dark.locator("#filter").is_visible()


def test_dark_mode_has_a_dark_page(page: Page, dark: Page) -> None:
    colours = [
        shown.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
        for shown in (page, dark)
    ]
    assert min(colours[0]) > 240
    assert max(colours[1]) < 60


CONTRAST = """() => {
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const linear = (c) => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
  const light = (rgb) => [.2126, .7152, .0722].reduce((sum, weight, i) => sum + weight * linear(rgb[i] / 255), 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
  };
  const found = [];
  for (const element of document.body.querySelectorAll('*')) {
    const said = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!said || element.closest('script, style, .skip') || !element.getClientRects().length) continue;
    const style = getComputedStyle(element), svg = element.closest('svg');
    const [one, other] = [light(parse(svg ? style.fill : style.color)), light(behind(element))];
    const ratio = (Math.max(one, other) + .05) / (Math.min(one, other) + .05);
    found.push([ratio, `${element.tagName} ${element.getAttribute('class')}: ${element.textContent.slice(0, 30)}`]);
  }
  return found;
}"""


@pytest.mark.parametrize("scheme", ["page", "dark"])
def test_every_text_has_the_contrast_that_reading_takes(scheme: str, request: pytest.FixtureRequest) -> None:
    shown: Page = request.getfixturevalue(scheme)
    shown.get_by_role("button", name="Open all").click()
    ratios = shown.evaluate(CONTRAST)
    assert len(ratios) > 200
    assert [found for found in ratios if found[0] < 4.5] == []


def test_every_control_and_plot_has_a_name(page: Page) -> None:
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll('svg, select, input, button, [role=region]')].filter((element) =>
             !(element.getAttribute('aria-label') || element.closest('label') || element.textContent.trim())).length"""
    )
    assert unnamed == 0
    assert page.locator("svg[role=img]").count() == page.locator("svg").count() > 10
