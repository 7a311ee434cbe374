"""The quality page in a real browser over a real server, what thresholds do, and who may do what."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from rag import Document, Library
from rag.errors import GoldError
from rag.web.access import Caller, Role
from rag.web.collections import Collections
from rag.web.evaluation_jobs import Evaluations
from rag.web.gold_at_hand import gold_at_hand
from rag.web.quality_html import Choice, threshold_html
from rag.web.quality_page import _Quality
from rag.web.quality_words import WORDS
from rag.web.thresholds import UNCHANGED, Judged, at_threshold, curve, keep_threshold
from tests.served import Served, contrast, end, serious, start

SERVER = """
import sys
from rag import Library
from rag.web.serve import Site, serve
with Library.open(sys.argv[1], create=False) as library:
    serve(library, site=Site(port=0), examples=[])
"""
TOWNS = (
    "Norrwick",
    "Aldermoor",
    "Brindlow",
    "Caskeld",
    "Dunmere",
    "Eastholm",
    "Farleigh",
    "Gransby",
    "Hethway",
    "Ivelay",
)
YEARS = range(1874, 1884)
HOSTILE = "<script>parent.document.title='pwned'</script><img src=x onerror=\"parent.document.title='pwned'\">"


def documents() -> list[Document]:
    text = "The lighthouse of {0} was built in {1}. The bakery of {0} opens at six. The ferry of {0} leaves at noon."
    return [
        Document(id=f"{town}.md", title=town, language="en", text=text.format(town, year))
        for town, year in zip(TOWNS, YEARS, strict=True)
    ]


def gold() -> list[dict[str, Any]]:
    """Forty questions: thirty that the documents answer, and ten that look like them and are answered nowhere."""
    asked = []
    for town, year in zip(TOWNS, YEARS, strict=True):
        for question, answer in (
            (f"In which year was the lighthouse of {town} built?", str(year)),
            (f"When does the bakery of {town} open?", "six"),
            (f"When does the ferry of {town} leave?", "noon"),
            (f"Who painted the lighthouse of {town}? {HOSTILE if town == 'Norrwick' else ''}", ""),
        ):
            row = {"id": f"q{len(asked)}", "question": question, "answers": [answer] if answer else []}
            asked.append(row | {"answerable": bool(answer), "tags": []})
    return asked


def write(rows: list[dict[str, Any]], path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("quality") / "library") as library:
        library.add(documents())
        write(gold()[:4], library.path / "feedback" / "feedback.jsonl")
        yield library


@pytest.fixture(scope="module")
def server(library: Library) -> Iterator[Served]:
    served = start(library.path, library.path.parent, script=SERVER)
    yield served
    end(served)


@pytest.fixture
def page(browser: Browser, server: Served) -> Iterator[Page]:
    """The page, opened; afterwards: nothing failed in the browser, and no script of a question ran."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.goto(f"{server.address}quality")
    page.locator("#lg-run").wait_for()
    yield page
    assert failures == []
    assert page.title() == "leadgoose"
    page.close()


def test_a_gold_file_that_cannot_be_used_is_refused_in_one_line(page: Page, tmp_path: Path) -> None:
    form = page.locator("form[data-url]")
    form.locator("[name=gold]").set_input_files(write([{"id": "a"}], tmp_path / "torn.jsonl"))
    form.get_by_role("button", name="Evaluate").click()
    expect(form.get_by_role("alert")).to_contain_text("torn.jsonl")
    said = form.get_by_role("alert").inner_text()
    assert "\n" not in said
    assert "/tmp" not in said


def test_a_gold_set_is_evaluated_its_report_read_and_a_threshold_kept(
    page: Page, tmp_path: Path, library: Library
) -> None:
    shipped = library.threshold
    form = page.locator("form[data-url]")
    form.locator("[name=gold]").set_input_files(write(gold(), tmp_path / "towns.jsonl"))
    form.get_by_role("button", name="Evaluate").click()
    row = page.locator("tbody tr", has_text="towns").first
    expect(row.locator(".lg-done")).to_be_visible(timeout=60_000)
    expect(page.locator(".lg-job")).to_have_count(0)

    row.get_by_role("button", name="Show the report of towns").click()
    report = page.frame_locator("iframe.lg-report")
    expect(report.get_by_role("heading", name="towns")).to_be_visible()
    assert page.locator("iframe.lg-report").get_attribute("sandbox") == "allow-scripts"
    assert "40 questions" in report.locator("body").inner_text()
    # Its own script runs, and has neither the cookies nor the pages of the service.
    expect(report.locator("#filter")).to_be_visible()
    assert report.locator("body").evaluate("() => origin") == "null"
    page.get_by_role("button", name="Close").click()

    assert serious(page) == []
    slider = page.get_by_role("slider", name="Threshold")
    slider.focus()
    page.keyboard.press("Home")
    figures = {key: page.locator(f"[data-figure={key}]") for key in ("coverage", "risk", "wrong", "refused")}
    expect(figures["coverage"]).to_have_text("100.0 %")
    expect(figures["refused"]).to_have_text("0")
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    page.get_by_text("As a table").click()
    expect(page.locator("th", has_text="0.30")).to_be_visible()
    cells = page.locator("tr", has=page.locator("th", has_text="0.30")).locator("td").all_inner_texts()
    assert [figures[key].inner_text() for key in ("risk", "coverage", "wrong", "refused")] == cells[:4]

    page.get_by_role("button", name="Keep this threshold").click()
    expect(page.locator(".lg-notice-bar")).to_contain_text("Kept: threshold", timeout=30_000)
    kept = library.calibration
    assert kept is not None
    assert (kept.gold_name, kept.questions) == ("towns", 40)
    expect(page.locator("#lg-qual-threshold")).to_contain_text(f"in use now: {library.threshold:.2f}")
    page.get_by_role("button", name="Back to the threshold").click()
    expect(page.locator(".lg-notice-bar")).to_contain_text("again")
    assert library.calibration is None
    assert library.threshold == shipped


def test_what_readers_said_is_a_gold_set_at_hand_and_only_some_of_it_can_be_asked(page: Page) -> None:
    form = page.locator("form[data-act=evaluate]")
    form.get_by_label("Gold set").select_option("feedback")
    form.get_by_label("Questions at most").fill("2")
    form.get_by_role("button", name="Evaluate").click()
    row = page.locator("tbody tr", has_text="feedback").first
    expect(row.locator(".lg-done")).to_be_visible(timeout=60_000)
    assert row.locator(".lg-number").first.inner_text() == "2"


def test_an_evaluation_is_stopped_and_another_one_can_be_begun(page: Page, tmp_path: Path) -> None:
    many = [row | {"id": f"{row['id']}-{turn}"} for turn in range(50) for row in gold()]
    form = page.locator("form[data-url]")
    form.locator("[name=gold]").set_input_files(write(many, tmp_path / "many.jsonl"))
    form.get_by_role("button", name="Evaluate").click()
    job = page.locator(".lg-job")
    expect(job).to_contain_text("Asking the questions of many")
    expect(job).to_contain_text(" of 2000", timeout=30_000)
    # While it runs no other one is begun.
    form.get_by_role("button", name="Evaluate").click()
    expect(form.get_by_role("alert")).to_contain_text("there is one at a time")
    job.get_by_role("button", name="Stop").click()
    row = page.locator("tbody tr", has_text="many").first
    expect(row.locator(".lg-cancelled")).to_have_text("stopped", timeout=30_000)
    expect(job).to_have_count(0)
    expect(row.get_by_role("button")).to_have_count(0)

    form.locator("[name=gold]").set_input_files(write(gold()[:2], tmp_path / "few.jsonl"))
    form.get_by_role("button", name="Evaluate").click()
    expect(page.locator("tbody tr", has_text="few").first.locator(".lg-done")).to_be_visible(timeout=60_000)


def test_it_reads_well_on_a_phone_in_the_dark_and_in_the_language_that_was_chosen(
    browser: Browser, server: Served
) -> None:
    context = browser.new_context(viewport={"width": 375, "height": 800}, color_scheme="dark", locale="en-GB")
    page = context.new_page()
    page.add_init_script("localStorage.setItem('leadgoose-choices', '{\"language\": \"zh\"}')")
    page.goto(f"{server.address}quality")
    page.get_by_role("heading", name="质量", exact=True).wait_for()
    page.locator("#lg-threshold").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    for seen in (".lg-facts", "h2", ".lg-add button", ".lg-nav a"):
        assert contrast(page.locator(seen).first) >= 4.5, seen
    assert serious(page) == []
    context.close()


# Every text that a reader sees, hears or is offered, with what names documents and files left out.
TEXTS = """() => {
  const given = 'script, style, noscript, iframe, [lang=en], .lg-name, .lg-id, .lg-shelf, .lg-text, .lg-question';
  const found = [], hidden = (node) => node.closest(given) || !node.checkVisibility({visibilityProperty: true});
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    if (!hidden(walker.currentNode.parentElement)) found.push(walker.currentNode.textContent);
  }
  for (const node of document.querySelectorAll('[aria-label], [placeholder], [title], [alt], option')) {
    if (node.matches('option') ? hidden(node.closest('select')) : hidden(node)) continue;
    found.push(...['aria-label', 'placeholder', 'title', 'alt'].map((name) => node.getAttribute(name) ?? ''));
    if (node.matches('option')) found.push(node.textContent);
  }
  return [...new Set(found.map((text) => text.trim()).filter((text) => /[A-Za-z]{3,}/.test(text)))];
}"""
# Names: of the program, its commands and settings, formats, a library, a language in itself, and files.
NAMES = ("leadgoose", "rag index", "sync_folders", "JSON Lines", "Office", "PDF", "zip", "default", "English")
FILES = r"[A-Za-z]+\.(?:md|pdf)|towns|few|many|feedback"


def in_english(page: Page) -> list[str]:
    """What a page says in English."""
    names = "|".join([FILES, *map(re.escape, NAMES)])
    return [text for text in page.evaluate(TEXTS) if re.search(r"[A-Za-z]{3,}", re.sub(rf"({names})", "", text))]


def test_on_a_chinese_page_nothing_is_said_in_english(browser: Browser, server: Served, tmp_path: Path) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="zh-CN")
    page = context.new_page()
    said = {}
    page.goto(server.address)
    page.locator(".lg-welcome").wait_for()
    said["chat"] = in_english(page)
    page.goto(f"{server.address}documents")
    page.locator(".lg-list").wait_for()
    (tmp_path / "torn.pdf").write_bytes(b"%PDF-1.7 torn")
    page.locator(".lg-drop input[type=file]").set_input_files(tmp_path / "torn.pdf")
    expect(page.locator(".lg-drop")).to_contain_text("已损坏", timeout=60_000)
    said["documents, with a file that cannot be read"] = in_english(page)
    page.goto(f"{server.address}quality")
    page.locator("#lg-run").wait_for()
    form = page.locator("form[data-url]")
    form.locator("[name=gold]").set_input_files(write([{"id": "a"}], tmp_path / "torn.jsonl"))
    form.get_by_role("button", name="开始评估").click()
    expect(form.get_by_role("alert")).to_contain_text("出错（原文）")
    form.locator("[name=gold]").set_input_files(write(gold()[:2], tmp_path / "few.jsonl"))
    form.get_by_role("button", name="开始评估").click()
    expect(page.locator("tbody tr", has_text="few").first.locator(".lg-done")).to_be_visible(timeout=60_000)
    said["quality, with a threshold to choose"] = in_english(page)
    context.close()
    assert said == {state: [] for state in said}


# --- thresholds


JUDGED = [Judged(0.9, True, True), Judged(0.8, False, True), Judged(0.6, True, True), Judged(0.3, False, False)]


def test_a_threshold_counts_what_it_lets_through_and_what_it_costs() -> None:
    found = at_threshold(JUDGED, 0.7)
    assert (found.answered, found.wrong, found.refused, found.lost) == (2, 1, 1, 1)
    assert (found.coverage, found.risk) == (0.5, 0.5)
    # The confidence of an answer that is the threshold itself is enough, as when questions are answered.
    assert at_threshold(JUDGED, 0.8).answered == 2
    assert at_threshold(JUDGED, 0.95).risk is None
    points = curve(JUDGED)
    assert (len(points), points[0].coverage, points[0].risk, points[-1].answered) == (101, 1.0, 0.5, 0)
    assert all(a.answered >= b.answered for a, b in pairwise(points))


def test_the_curve_is_drawn_also_where_nothing_is_answered() -> None:
    evaluation = SimpleNamespace(gold=HOSTILE, id="x")
    for in_use in (0.0, 0.5, 1.0):
        shown = threshold_html(Choice(evaluation, curve(JUDGED), in_use), WORDS["en"], admin=True)
        assert "<script" not in shown
        assert shown.count("<svg") == 1
        assert shown.count('<tr><th scope="row"') == 21


def test_a_gold_set_that_tells_nothing_keeps_no_threshold(library: Library) -> None:
    with pytest.raises(GoldError, match="answered at this threshold"):
        keep_threshold(library, (), then=UNCHANGED, threshold=0.5, gold={"name": "g", "digest": "d"})
    assert library.calibration is None


def test_gold_sets_at_hand_are_those_whose_documents_are(library: Library, seeds_library: Library) -> None:
    assert list(gold_at_hand(library)) == ["feedback"]
    assert list(gold_at_hand(seeds_library)) == ["seeds"]


# --- who may do what, without a browser

ACTS: dict[str, tuple[Role, dict[str, Any]]] = {
    "refresh": (Role.READ, {}),
    "report": (Role.READ, {"id": "none"}),
    "evaluate": (Role.WRITE, {"gold": "none"}),
    "cancel": (Role.WRITE, {}),
    "keep": (Role.ADMIN, {"id": "none", "threshold": "50"}),
    "reset": (Role.ADMIN, {}),
}


@pytest.mark.parametrize("act", ACTS)
def test_every_act_is_refused_to_whom_it_is_not_allowed(act: str, library: Library) -> None:
    needed, sent = ACTS[act]
    with Collections(library) as collections:
        quality = _Quality(collections, Evaluations())
        for role in (None, *Role):
            caller = Caller("someone", {"default": role} if role else {"other": Role.ADMIN})
            request = SimpleNamespace(request=SimpleNamespace(state=SimpleNamespace(caller=caller)), headers={})
            shown = quality.act("default", request, SimpleNamespace(act=act, **sent))
            refused = "this token may not" in str(shown[_Quality.parts.index("notice")])
            assert refused == (role is None or role < needed), (act, role)


def test_all_that_can_be_asked_for_is_in_the_table_of_who_may() -> None:
    asked = {name.removeprefix("_do_") for name in dir(_Quality) if name.startswith("_do_")}
    assert asked == set(ACTS) | {"library", "close"}  # the first shows what may be read, the second shows nothing
