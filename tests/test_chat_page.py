"""The chat page's citations, corrections, conversations, exports, languages and libraries, in a real browser."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page

from rag import Answer, Citation, Document, Library
from rag.location import FEEDBACK
from rag.schema import AnswerSentence
from rag.web import feedback
from rag.web.history import Turn, kept_turn
from tests.served import Served, end, serious, start

SERVER = """
import sys
from pathlib import Path
from rag import Library
from rag.web.serve import Site, serve
with Library.open(sys.argv[1], create=False) as library:
    serve(library, site=Site(port=0), examples=["Who built the lighthouse of Norrwick?"], root=Path(sys.argv[2]))
"""
ECHO = "Nobody may smoke on the pier."
RULES = range(80)
SHIPS = "🚢🚢 The ferry of Ryd is blue. It has two funnels. "
FERRY = "The ferry to Holm carries 120 passengers on each crossing. It was built in the yard of Ryd."
DOCUMENTS = [
    Document(
        id="lighthouse.md",
        title="The lighthouse",
        language="en",
        text="The lighthouse of Norrwick was built in 1874 by Ada Lindqvist. Its lamp can be seen from 31 kilometres.",
    ),
    Document(id="old.md", title="The ferry to Holm", date="2019-04-01", language="en", text=FERRY),
    Document(
        id="new.md", title="The ferry to Holm", date="2023-06-30", language="en", text=FERRY.replace("120", "180")
    ),
    Document(
        id="rules.md",
        title="Rules of the pier " + "verylongword" * 30,
        language="en",
        text=SHIPS
        + "".join(f"{ECHO} Rule {n} is about boats of kind {n}, which moor at berth {n}.\n\n" for n in range(80)),
    ),
    Document(id="arabic.md", title="الميناء", language="ar", text="يعمل في ميناء نورفيك 41 مرشدا بحريا منذ عام 2023."),
]
CONFLICT = "How many passengers does the ferry to Holm carry?"
LIGHTHOUSE = "Who built the lighthouse of Norrwick?"
UNRELATED = "Which enzyme unwinds the double helix during replication?"
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    folder = tmp_path_factory.mktemp("chat")
    with Library.open(folder / "root/bakery") as bakery:
        bakery.add([Document(id="bakery.md", title="The bakery", text="The bakery of Mill Street opens at six.")])
    with Library.open(folder / "library") as library:
        library.add(DOCUMENTS)
        yield library


@pytest.fixture(scope="module")
def server(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = library.path.parent / "root"
    served = start(library.path, tmp_path_factory.mktemp("here"), str(root), script=SERVER)
    yield served
    end(served)


@pytest.fixture
def open_page(browser: Browser, server: Served) -> Iterator[Open]:
    """Opens the page as a reader of some kind; afterwards nothing has failed in the browser."""
    contexts: list[BrowserContext] = []
    failures: list[str] = []

    def open_it(*, turns: list[Turn] | None = None, script: str = "", width: int = 1280, **options: Any) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 800}, accept_downloads=True, **options)
        contexts.append(context)
        if turns is not None:
            script += remembered([kept_turn(turn) for turn in turns])
        if script:
            context.add_init_script(script)
        page = context.new_page()
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.on("console", lambda message: failures.append(message.text) if message.type == "error" else None)
        page.goto(server.address)
        page.locator(".lg-welcome, .lg-turn").first.wait_for()
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert failures == []


def remembered(*conversations: Any) -> str:
    """Return a script after which the browser remembers conversations, and the first of them as open."""
    kept = [
        {"id": str(n), "title": f"kept {n}", "library": "default", "at": 1, "turns": turns, "verdicts": {}}
        for n, turns in enumerate(conversations)
    ]
    # Only once: what the page keeps afterwards stays.
    return (
        "if (!sessionStorage.getItem('leadgoose-open')) {"
        f"localStorage.setItem('leadgoose-conversations', JSON.stringify({json.dumps(kept)}));"
        "sessionStorage.setItem('leadgoose-open', '0'); }"
    )


def ask(page: Page, question: str) -> Locator:
    turns = page.locator(".lg-turn").count()
    box = page.locator("#lg-composer textarea")
    box.fill(question)
    box.press("Enter")
    turn = page.locator(".lg-turn").nth(turns)
    turn.locator(".lg-confidence, .lg-error").wait_for()
    page.locator("#lg-composer button.primary:enabled").wait_for()
    return turn


def cited_turn(library: Library, document_id: str, *spans: tuple[int, int]) -> Turn:
    """Return a turn whose answer cites spans of a document."""
    text = library.document(document_id).text
    cited = tuple(
        Citation(n, document_id, document_id, a, b, text[a:b], None, None, 1.0) for n, (a, b) in enumerate(spans, 1)
    )
    sentences = tuple(AnswerSentence(c.quote, (c.number,), 1.0) for c in cited)
    return Turn("What?", Answer("What?", " ".join(c.quote for c in cited), sentences, cited, confidence=0.9), done=True)


def chosen_place(page: Page, number: int) -> tuple[int, int]:
    """Wait until a citation is shown and return where its mark stands in the text, in characters."""
    page.locator(f'#lg-panel .lg-sources[data-number="{number}"]').wait_for()
    start, end = page.evaluate(
        """() => {
          const mark = document.querySelector('mark.lg-chosen'), range = document.createRange();
          range.selectNodeContents(mark.closest('.lg-text'));
          range.setEndBefore(mark);
          const start = [...range.toString()].length;
          return [start, start + [...mark.textContent].length];
        }"""
    )
    return start, end


# --- citations


def test_keys_and_buttons_step_through_the_citations_and_come_back(open_page: Open) -> None:
    page = open_page()
    ask(page, CONFLICT)
    panel = page.locator("#lg-panel .lg-sources")
    assert panel.get_attribute("data-number") == "1"
    assert "1 of 2" in panel.inner_text()
    page.locator(".lg-log").focus()
    page.keyboard.press("]")
    page.locator('.lg-sources[data-number="2"]').wait_for()
    page.wait_for_function("document.activeElement.matches('mark.lg-chosen')")
    page.keyboard.press("]")  # there is no third
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.matches('.lg-cite[data-number=\"2\"]')")
    page.keyboard.press("/")
    page.keyboard.type("a/[b]")
    assert page.locator("#lg-composer textarea").input_value() == "a/[b]"
    page.keyboard.press("Alt+ArrowUp")
    page.locator('.lg-sources[data-number="1"]').wait_for()
    page.get_by_role("button", name="Next citation").click()
    page.locator('.lg-sources[data-number="2"]').wait_for()
    # At the end the button has nowhere to go, and the passage is what is read next.
    page.wait_for_function("document.activeElement.matches('mark.lg-chosen')")
    assert page.locator("#lg-status").inner_text().startswith("2 of 2")


def test_the_keys_are_shown_and_those_of_single_letters_can_be_switched_off(open_page: Open) -> None:
    page = open_page()
    page.locator(".lg-log").focus()
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    assert "previous and next citation" in keys.inner_text()
    keys.get_by_label("Use keys of single letters").uncheck()
    page.keyboard.press("Escape")
    keys.wait_for(state="detached")
    page.locator(".lg-log").focus()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.matches('.lg-log')")


# Looked at in one go: the panel may be drawn again between two questions to the page.
IN_VIEW = """() => {
  const [text, mark] = ['.lg-text', 'mark.lg-chosen'].map((s) => document.querySelector(s)?.getBoundingClientRect());
  return text && mark && mark.height > 0 && text.top <= mark.top && mark.top <= text.bottom;
}"""


def test_a_repeated_sentence_and_a_span_across_passages_are_marked_where_they_stand(
    open_page: Open, library: Library
) -> None:
    text = library.document("rules.md").text
    third = text.index(ECHO, text.index(ECHO, text.index(ECHO) + 1) + 1)
    one, two = next(pair for pair in pairwise(library.passages("rules.md")) if pair[0].end_char < pair[1].end_char)
    spans = [(third, third + len(ECHO)), (one.end_char - 12, two.start_char + 12)]
    page = open_page(turns=[cited_turn(library, "rules.md", *spans)])
    for number, span in enumerate(spans, start=1):
        page.locator(f'.lg-cite[data-number="{number}"]').click()
        assert chosen_place(page, number) == span
        page.wait_for_function(IN_VIEW)


def test_sources_that_disagree_stand_side_by_side_and_on_a_small_screen_one_above_the_other(open_page: Open) -> None:
    page = open_page()
    turn = ask(page, CONFLICT)
    readings = turn.locator(".lg-readings li")
    first, second = readings.nth(0), readings.nth(1)
    assert first.inner_text().split("\n")[0] == "180"
    assert "2023-06-30 newest" in first.inner_text()
    assert "120" in second.inner_text()
    assert "2019-04-01" in second.inner_text()
    assert turn.locator(".lg-newest").count() == 1
    tops = "readings => readings.map(reading => reading.getBoundingClientRect().top)"
    one, other = readings.evaluate_all(tops)
    assert one == other
    page.set_viewport_size({"width": 375, "height": 800})
    one, other = readings.evaluate_all(tops)
    assert one < other
    second.locator(".lg-cite").click()
    number = second.locator(".lg-cite").get_attribute("data-number")
    page.locator(f'.lg-sources[data-number="{number}"]').wait_for()
    assert "old.md" in page.locator("#lg-panel .lg-facts").inner_text()


def test_what_is_whole_is_said_once_to_those_who_hear_the_page(open_page: Open) -> None:
    page = open_page()
    ask(page, LIGHTHOUSE)
    said = page.locator("#lg-status")
    assert said.get_attribute("aria-live") == "polite"
    assert page.locator(".lg-log").get_attribute("aria-live") == "off"
    assert said.inner_text().startswith("Answer: The lighthouse of Norrwick was built in 1874 by Ada Lindqvist.")
    ask(page, UNRELATED)
    assert said.inner_text().startswith("Not in these documents.")


# --- feedback


def kept_rows(library: Library) -> list[dict[str, Any]]:
    path = library.path / FEEDBACK / feedback.GOLD
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


@pytest.fixture
def rows(library: Library) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    yield lambda: kept_rows(library)
    for path in (library.path / FEEDBACK).glob("*.jsonl"):
        path.unlink()


def test_right_and_wrong_become_rows_and_can_be_taken_back(
    open_page: Open, rows: Callable[[], list[dict[str, Any]]]
) -> None:
    page = open_page()
    turn = ask(page, LIGHTHOUSE)
    right = turn.get_by_role("button", name="Right")
    right.click()
    page.get_by_text("Thank you. Kept as a question").wait_for()
    assert right.get_attribute("aria-pressed") == "true"
    assert [row["evidence"][0]["document_id"] for row in rows()] == ["lighthouse.md"]
    page.reload()
    right.wait_for()
    page.wait_for_function("document.querySelector('[data-judge=right]').getAttribute('aria-pressed') === 'true'")
    right.click()
    page.get_by_text("Taken back.").wait_for()
    assert rows() == []
    ask(page, UNRELATED).get_by_role("button", name="Right").click()
    page.get_by_text("Thank you. Kept as a question").wait_for()
    assert [row["answerable"] for row in rows()] == [False]


def test_a_passage_that_is_selected_is_kept_with_its_exact_place(
    open_page: Open, library: Library, rows: Callable[[], list[dict[str, Any]]]
) -> None:
    page = open_page(turns=[cited_turn(library, "rules.md", (3, 12))])
    page.locator(".lg-turn").get_by_role("button", name="Wrong").click()
    page.locator(".lg-form").wait_for()
    # Behind characters that are two units to the browser and one to the library, and across the mark's end.
    page.evaluate(
        """quote => {
          const text = document.querySelector('.lg-text'), range = document.createRange();
          const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
          for (let node; (node = walker.nextNode());) {
            const at = node.data.indexOf(quote);
            if (at < 0) continue;
            range.setStart(node, at);
            range.setEnd(node, at + quote.length);
            break;
          }
          getSelection().removeAllRanges();
          getSelection().addRange(range);
        }""",
        " It has two funnels.",
    )
    page.get_by_role("button", name="This is the right passage").click()
    form = page.locator(".lg-form")
    assert form.locator("q").inner_text().strip() == "It has two funnels."
    form.get_by_label("The right answer").fill("two <b>funnels</b>")
    form.get_by_label("Comment (optional)").fill("a comment")
    form.get_by_role("button", name="Save").click()
    form.wait_for(state="detached")
    (row,) = rows()
    (span,) = row["evidence"]
    at = SHIPS.index("It has")
    assert (span["start_char"], span["end_char"]) == (at, at + len("It has two funnels."))
    assert (row["answers"], row["comment"]) == (["two <b>funnels</b>"], "a comment")
    assert page.evaluate("document.activeElement.dataset.judge") == "wrong"


def test_with_the_keyboard_alone_the_marked_passage_is_the_right_one(
    open_page: Open, rows: Callable[[], list[dict[str, Any]]]
) -> None:
    page = open_page()
    ask(page, UNRELATED)
    page.get_by_role("button", name="This is the right passage").focus()
    page.keyboard.press("Enter")
    page.locator(".lg-form q").wait_for()
    page.keyboard.press("Enter")  # on "Save", where the focus is
    panel = page.locator("#lg-panel")
    panel.get_by_role("button", name="Next citation").click()
    panel.locator('.lg-sources[data-number="2"]').wait_for()
    panel.locator("mark, .lg-chosen").focus()
    page.keyboard.press("Escape")  # the answer names the first of the nearest passages alone
    assert page.evaluate("document.activeElement.closest('.lg-turn')?.dataset.at") == "1"
    page.locator(".lg-form").wait_for(state="detached")
    (row,) = rows()
    assert row["answerable"] is True
    assert len(row["evidence"]) == 1


def test_a_place_that_the_library_does_not_hold_is_not_kept(
    open_page: Open, library: Library, rows: Callable[[], list[dict[str, Any]]]
) -> None:
    page = open_page(turns=[replace_quote(cited_turn(library, "rules.md", (3, 12)), "forged by someone")])
    assert "has changed since" in page.locator("#lg-panel").inner_text()
    page.get_by_role("button", name="Right").click()
    page.get_by_text("Not kept:").wait_for()
    assert page.get_by_role("button", name="Right").get_attribute("aria-pressed") == "false"
    assert rows() == []


def replace_quote(turn: Turn, quote: str) -> Turn:
    assert turn.answer is not None
    return replace(turn, answer=replace(turn.answer, citations=(replace(turn.answer.citations[0], quote=quote),)))


# --- conversations in the browser


def test_conversations_are_kept_in_the_browser_listed_renamed_reopened_and_deleted(open_page: Open) -> None:
    page = open_page()
    ask(page, LIGHTHOUSE)
    page.get_by_role("button", name="New conversation").click()
    page.locator(".lg-welcome").wait_for()
    ask(page, CONFLICT)
    page.reload()
    page.locator(".lg-turn").wait_for()
    assert CONFLICT in page.locator(".lg-log").inner_text()
    past = page.get_by_role("dialog", name="Past conversations")
    page.get_by_role("button", name="Past conversations").click()
    assert past.locator("li").count() == 2
    past.get_by_role("button", name=f"Rename: {LIGHTHOUSE}").click()
    past.get_by_label("Rename", exact=True).fill("<img src=x> tower")
    page.keyboard.press("Enter")
    past.get_by_role("button", name="<img src=x> tower", exact=True).click()
    page.get_by_text("Ada Lindqvist").first.wait_for()
    assert CONFLICT not in page.locator(".lg-log").inner_text()
    # What was restored can be gone on with.
    turn = ask(page, "How far can its lamp be seen?")
    assert "lighthouse" in turn.locator(".lg-searched").inner_text()
    page.get_by_role("button", name="Past conversations").click()
    past.get_by_role("button", name=f"Delete: {CONFLICT}").click()
    assert past.locator("li").count() == 1
    past.get_by_role("button", name="Delete all").click()
    assert "There are none yet." in past.inner_text()
    past.get_by_role("button", name="Close").click()
    page.locator(".lg-welcome").wait_for()
    assert page.evaluate("localStorage.getItem('leadgoose-conversations')") is None


def test_without_storage_the_page_works_and_says_that_it_keeps_nothing(open_page: Open) -> None:
    refuse = (
        "for (const n of ['localStorage', 'sessionStorage']) Object.defineProperty(window, n, {get() { throw 1; }});"
    )
    page = open_page(script=refuse)
    ask(page, LIGHTHOUSE)
    page.get_by_role("button", name="Past conversations").click()
    assert "keeps nothing" in page.get_by_role("dialog").inner_text()


def test_what_is_no_conversation_is_not_restored_and_the_page_works(open_page: Open) -> None:
    broken = [[{"question": 1}], [{"question": "q", "answer": {"text": 1}}], ["x"], [None]]
    page = open_page(script=remembered(broken[0], *broken[1:]))
    page.get_by_text("could not be restored").wait_for()
    for number in range(1, len(broken)):
        page.locator("#lg-note").evaluate("note => { note.textContent = ''; }")
        page.get_by_role("button", name="Past conversations").click()
        page.locator("dialog .lg-open").nth(number).click()
        page.get_by_text("could not be restored").wait_for()
    page.locator(".lg-welcome").wait_for()
    assert "Ada Lindqvist" in ask(page, LIGHTHOUSE).inner_text()


def test_a_long_conversation_stays_quick_and_its_events_small(open_page: Open, library: Library) -> None:
    turn = cited_turn(library, "rules.md", *((n, n + 90) for n in range(0, 900, 100)))
    assert turn.answer is not None
    long = replace(turn, answer=replace(turn.answer, text=turn.answer.text * 10))
    page = open_page(turns=[long] * 60)
    assert page.locator(".lg-turn").count() == 60
    sizes: list[int] = []
    page.on("response", lambda response: sizes.append(len(response.body())) if "queue/data" in response.url else None)
    shown = ask(page, LIGHTHOUSE)
    assert "Ada Lindqvist" in shown.inner_text()
    page.wait_for_timeout(100)
    assert sum(sizes) < 60_000
    assert page.evaluate("JSON.parse(localStorage.getItem('leadgoose-conversations'))[0].turns.length") == 60


def test_the_last_answer_is_in_view_from_its_question_on_unless_its_reader_goes_elsewhere(
    open_page: Open, library: Library
) -> None:
    turn = cited_turn(library, "rules.md", *((n, n + 90) for n in range(0, 400, 100)))
    page = open_page(turns=[turn] * 8)
    place = """() => {
      const log = document.querySelector('.lg-log'), turn = log.lastElementChild;
      const seen = log.getBoundingClientRect(), {top, bottom} = turn.getBoundingClientRect();
      return [top - seen.top, seen.bottom - bottom];
    }"""
    for _ in range(2):
        ask(page, LIGHTHOUSE)
        page.wait_for_timeout(100)
        above, below = page.evaluate(place)
        assert above >= 0
        assert below >= 0
    page.locator(".lg-log").evaluate(
        "log => { log.scrollTop = 0; log.dispatchEvent(new Event('wheel', {bubbles: true})); }"
    )
    page.locator(".lg-turn").last.get_by_role("button", name="Right", exact=False).first.dispatch_event("click")
    page.wait_for_timeout(200)
    assert page.locator(".lg-log").evaluate("log => log.scrollTop") == 0


# --- to take away


def test_an_answer_and_a_conversation_can_be_saved_and_copied(open_page: Open, server: Served) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    turn = ask(page, LIGHTHOUSE)
    with page.expect_download() as markdown:
        turn.get_by_role("button", name="Markdown").click()
    text = Path(markdown.value.path()).read_text("utf-8")
    assert markdown.value.suggested_filename == "answer-1.md"
    assert text.startswith(f"## {LIGHTHOUSE}\n\nThe lighthouse of Norrwick was built in 1874 by Ada Lindqvist.[^1]")
    with page.expect_download() as whole:
        turn.get_by_role("button", name="JSON").click()
    answer = json.loads(Path(whole.value.path()).read_text("utf-8"))
    api = httpx.post(f"{server.address}v1/ask", json={"question": LIGHTHOUSE}, trust_env=False, timeout=60).json()
    assert {**answer, "timings_s": 0} == {**api, "timings_s": 0}
    turn.get_by_role("button", name="Copy").click()
    page.get_by_text("Copied, with its citations.").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "Ada Lindqvist. [1]" in copied
    assert "[1] “The lighthouse of Norrwick" in copied
    page.get_by_role("button", name="Past conversations").click()
    with page.expect_download() as conversation:
        page.get_by_role("dialog").get_by_role("button", name="Markdown").click()
    assert "[^1-1]" in Path(conversation.value.path()).read_text("utf-8")


# --- languages and libraries


def test_the_page_speaks_the_browsers_language_and_remembers_another(open_page: Open) -> None:
    page = open_page(locale="zh-CN")
    assert page.get_by_role("heading", name="向您的文档提问").is_visible()
    assert page.locator("html").get_attribute("lang") == "zh-Hans"
    assert page.locator("#lg-composer textarea").get_attribute("placeholder") == "就您的文档提问"
    turn = ask(page, LIGHTHOUSE)
    assert "置信度" in turn.inner_text()
    assert turn.locator(".lg-answer p").first.get_attribute("lang") == "en"
    page.get_by_label("语言").select_option("en")
    page.get_by_text("Past conversations").wait_for()
    assert "confidence" in page.locator(".lg-turn").inner_text()
    assert page.locator("html").get_attribute("lang") == "en"
    page.reload()
    page.get_by_text("Past conversations").wait_for()


def test_another_library_is_chosen_remembered_and_asked(open_page: Open) -> None:
    page = open_page()
    page.get_by_label("Library", exact=True).select_option("bakery")
    page.get_by_text("The bakery").wait_for()
    assert "1 document ·" in page.locator(".lg-header").inner_text()
    assert "six" in ask(page, "When does the bakery of Mill Street open?").inner_text()
    page.get_by_role("button", name="New conversation").click()
    page.locator(".lg-welcome").wait_for()
    page.reload()
    page.get_by_text("The bakery").wait_for()
    assert page.get_by_label("Library", exact=True).input_value() == "bakery"


# --- all sizes and all readers


def test_long_words_and_texts_from_right_to_left_stay_on_a_small_screen(open_page: Open, library: Library) -> None:
    width = 320  # that of a window of 1,280 pixels at four times the size (WCAG 2.2, 1.4.10)
    turns = [cited_turn(library, "arabic.md", (0, 20)), cited_turn(library, "rules.md", (3, 12))]
    page = open_page(turns=turns, width=width, reduced_motion="reduce")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator('.lg-cite[data-turn="1"]').first.click()
    page.locator('.lg-sources[data-turn="1"]').wait_for()
    assert page.locator(".lg-text").evaluate("text => getComputedStyle(text).direction") == "rtl"
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_nothing_keeps_readers_out(open_page: Open) -> None:
    page = open_page(locale="zh")
    turn = ask(page, CONFLICT)
    turn.locator("[data-judge=wrong]").click()
    page.locator(".lg-form").wait_for()
    ask(page, UNRELATED)
    found = {"light": serious(page)}
    page.evaluate("document.body.classList.add('dark')")
    found["dark"] = serious(page)
    page.locator("[data-do=past]").click()
    page.set_viewport_size({"width": 375, "height": 800})
    found["small, with past conversations"] = serious(page)
    page.keyboard.press("Escape")
    page.locator("[data-do=new]").click()
    page.locator(".lg-welcome").wait_for()
    page.evaluate("document.body.classList.remove('dark')")
    found["small, at the start"] = serious(page)
    assert {state: findings for state, findings in found.items() if findings} == {}
