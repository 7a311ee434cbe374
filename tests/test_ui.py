"""The chat page in a real browser over a real server, and what that server refuses."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page

from rag import Answer, Citation, Document, Library, RagError
from rag.web.chat_events import show_sources
from rag.web.serve import Site, serve
from rag.web.words import WORDS
from tests.served import Served, contrast, end, failures_of, start

SERVER = """
import sys
from rag import Library
from rag.web.serve import Site, serve
with Library.open(sys.argv[1], create=False) as library:
    serve(library, site=Site(port=0), examples=["Who built the lighthouse of Norrwick?"])
"""
FAULTY_SERVER = """
import sys, time
from rag import Library, RagError
from rag.web.serve import Site, serve
class FaultyLibrary(Library):
    def stream(self, question, **options):
        if question == "Be away!":
            raise RagError("the model is away;\\n<b>start</b> it")
        for answer in super().stream("Who built the lighthouse of Norrwick?"):
            yield answer
            if question == "Break!":
                raise ZeroDivisionError("a secret of the inside")
            if question == "Be slow!":
                time.sleep(2)
with FaultyLibrary.open(sys.argv[1], create=False) as library:
    serve(library, site=Site(port=0), examples=[])
"""

HOSTILE = (
    "<img src=x onerror=\"document.title='pwned'\"> ![i](http://evil.example/i.png) [l](javascript:alert(1)) ${1+1}"
)
ROPES = f"The ropes of Norrwick are twisted from hemp {HOSTILE} by the brothers Holm {{{{constructor}}}} & sons."
DOCUMENTS = [
    Document(
        id="harbour/pilots.md",
        title="Pilots of Norrwick harbour",
        date="2023-05-02",
        language="en",
        text="The harbour of Norrwick employs 41 pilots, who are trained at sea for three years.\n\n"
        + "".join(f"Boat {n} enters without a pilot and moors at berth {n * 7 % 100}.\n\n" for n in range(100, 160))
        + "In 2022 the pilots of Norrwick brought 6,200 ships into the port, as the harbour master reported.",
    ),
    Document(
        id="harbour/lighthouse.md",
        title="The lighthouse",
        language="en",
        text="The lighthouse of Norrwick was built in 1874 by Ada Lindqvist. Its lamp can be seen from 31 kilometres.",
    ),
    Document(id="<b>ropes</b>.md", title=f"Ropes {HOSTILE}", text=ROPES, language="en"),
]
ANSWERABLE = "How many ships did the pilots of Norrwick bring into the port in 2022?"
UNRELATED = "Which enzyme unwinds the double helix during replication?"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("ui") / "library") as library:
        library.add(DOCUMENTS)
        yield library


def test_a_document_that_was_removed_is_said_to_be(library: Library) -> None:
    gone = Citation(1, "gone.md", "Gone", 0, 4, "Gone", None, None, 1.0)
    assert "no longer in the library" in show_sources(library, Answer("q", "t", citations=(gone,)), WORDS["en"], turn=1)


# --- the process that serves it


@pytest.fixture(scope="module")
def server(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("started-here")
    (folder / "secret.txt").write_text("not to be served")
    served = start(library.path, folder, script=SERVER)
    yield served
    end(served)


@pytest.fixture
def faulty_page(browser: Browser, library: Library, tmp_path: Path) -> Iterator[Page]:
    """The page over a library that fails and dawdles when it is asked to."""
    served = start(library.path, tmp_path, script=FAULTY_SERVER)
    page = browser.new_page()
    page.goto(served.address)
    page.locator(".lg-welcome").wait_for()
    yield page
    page.close()
    end(served)


@pytest.mark.parametrize(
    "path", ["{folder}/secret.txt", "secret.txt", "{library}/library.sqlite3", "http://127.0.0.1:9/"]
)
def test_no_file_and_no_address_is_fetched_for_anyone(server: Served, library: Library, path: str) -> None:
    wanted = path.format(folder=server.folder, library=library.path)
    for route in ("file=", "file/", "proxy="):
        response = httpx.get(f"{server.address}gradio_api/{route}{wanted}", trust_env=False)
        assert response.status_code in {403, 404}
        assert "not to be served" not in response.text


def test_nothing_can_be_uploaded(server: Served) -> None:
    files = {"files": ("a.txt", b"x")}
    assert httpx.post(f"{server.address}gradio_api/upload", files=files, trust_env=False).status_code == 404


def test_a_web_site_that_points_its_name_at_this_machine_reads_nothing(server: Served) -> None:
    for path in ("", "health", "v1/documents"):
        response = httpx.get(server.address + path, headers={"host": "evil.example"}, trust_env=False)
        assert response.status_code == 400
        assert "Norrwick" not in response.text


def test_the_page_and_the_api_share_one_address(server: Served) -> None:
    assert httpx.get(f"{server.address}health", trust_env=False).json()["status"] == "ok"
    page = httpx.get(server.address, trust_env=False)
    loaded = re.findall(r"<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=[\"']?([^\"'\s>]+)", page.text)
    assert loaded
    assert {urlsplit(url).netloc for url in loaded} == {""}


def test_ctrl_c_ends_it_quietly(library: Library, tmp_path: Path) -> None:
    served = start(library.path, tmp_path, script=SERVER)
    served.process.send_signal(signal.SIGINT)
    _, errors = served.process.communicate(timeout=30)
    assert served.process.returncode == 0
    assert errors == ""


def test_a_port_in_use_is_one_clear_line(library: Library) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RagError, match=f"127.0.0.1:{port}.*in use.*--port") as caught:
            serve(library, site=Site(port=port))
    assert "\n" not in str(caught.value)


def test_a_port_that_does_not_exist_is_one_clear_line(library: Library) -> None:
    with pytest.raises(RagError, match="65536"):
        serve(library, site=Site(port=65536))


# --- in a browser


@pytest.fixture
def page(browser: Browser, server: Served) -> Iterator[Page]:
    """The page, opened; afterwards: nothing was asked of another host, nothing failed in the browser."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    hosts, failures = set[str | None](), failures_of(page)
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    page.goto(server.address)
    page.locator(".lg-welcome").wait_for()
    yield page
    assert hosts <= {"127.0.0.1", None}  # None: data and blob addresses
    assert failures == []
    assert page.title() == "leadgoose"
    context.close()


def ask(page: Page, question: str) -> Locator:
    """Ask with the Enter key and return the turn once it is answered and the next question can be sent."""
    turns = page.locator(".lg-turn").count()
    box = page.get_by_role("textbox", name="Question", exact=True)
    box.fill(question)
    box.press("Enter")
    turn = page.locator(".lg-turn").nth(turns)
    turn.locator(".lg-confidence, .lg-error").wait_for()
    page.locator("button.primary:enabled", has_text="Send").wait_for()
    # A turn that was drawn anew has no text for a frame: what is out of sight is not laid out.
    turn.scroll_into_view_if_needed()
    return turn


def answer_of(server: Served, question: str) -> Answer:
    body = httpx.post(f"{server.address}v1/ask", json={"question": question}, trust_env=False, timeout=60).json()
    return Answer.from_dict(body)


def chosen_text(page: Page, quote: str) -> str:
    """Wait until the chosen mark holds ``quote``, and return its exact text."""
    page.wait_for_function(
        "quote => document.querySelector('#lg-panel').querySelector('mark.lg-chosen')?.textContent === quote",
        arg=quote,
    )
    text = page.locator("mark.lg-chosen").text_content()
    assert text is not None
    return text


IN_VIEW = """mark => {
  const box = mark.closest('.lg-text').getBoundingClientRect(), at = mark.getBoundingClientRect();
  return at.top >= box.top && at.bottom <= box.bottom && at.top >= 0 && at.bottom <= window.innerHeight;
}"""


def in_view(mark: Locator) -> bool:
    """Whether the mark lies inside both the scrolled text and the window."""
    return bool(mark.evaluate(IN_VIEW))


def test_the_page_says_what_the_library_holds(page: Page, library: Library) -> None:
    held = page.locator(".lg-header").inner_text()
    assert "3 documents" in held
    assert "Pilots of Norrwick harbour 2023-05-02" in page.locator(".lg-shelf").inner_text()
    assert f"{library.statistics()['passages']} passages" in held


def test_an_answer_is_shown_with_its_citation_marks_and_its_confidence(page: Page, server: Served) -> None:
    expected = answer_of(server, ANSWERABLE)
    shown = ask(page, ANSWERABLE).inner_text()
    assert "6,200" in shown
    assert "[1]" in shown
    assert f"confidence {expected.confidence:.2f}" in shown
    assert all(sentence.text in shown for sentence in expected.sentences)


def test_choosing_a_citation_shows_its_exact_span_in_view(page: Page, server: Served) -> None:
    turn = ask(page, ANSWERABLE)
    for citation in reversed(answer_of(server, ANSWERABLE).citations):
        turn.get_by_role("button", name=f"Citation {citation.number}:").click()
        assert chosen_text(page, citation.quote) == citation.quote
        assert in_view(page.locator("mark.lg-chosen"))
        assert citation.document_id in page.locator(".lg-facts").inner_text()


def test_choosing_the_same_citation_again_scrolls_back_to_it(page: Page, server: Served) -> None:
    turn = ask(page, ANSWERABLE)
    cited = answer_of(server, ANSWERABLE).citations
    deep = next(c for c in cited if c.document_id == "harbour/pilots.md" and "6,200" in c.quote)
    mark = turn.get_by_role("button", name=f"Citation {deep.number}:")
    mark.click()
    chosen_text(page, deep.quote)
    page.locator(".lg-text").evaluate("text => { text.scrollTop = 0; }")
    assert not in_view(page.locator("mark.lg-chosen"))
    mark.click()
    # Scrolling may take several frames: what counts is where it ends.
    page.wait_for_function(f"() => ({IN_VIEW})(document.querySelector('mark.lg-chosen'))")
    assert page.locator(".lg-text").evaluate("text => text.scrollTop") > 100


def test_the_keyboard_alone_reaches_a_citation_and_comes_back(page: Page, server: Served) -> None:
    ask(page, ANSWERABLE)
    first = answer_of(server, ANSWERABLE).citations[0]
    mark = page.get_by_role("button", name=f"Citation {first.number}:")
    mark.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.activeElement.matches('mark.lg-chosen')")
    page.get_by_role("button", name="Back to the answer").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.activeElement.matches('.lg-cite')")


def test_citations_of_earlier_answers_stay_choosable(page: Page, server: Served) -> None:
    question = "Who built the lighthouse of Norrwick?"
    earlier = ask(page, question)
    ask(page, ANSWERABLE)
    page.get_by_text("Sources of answer 2").wait_for()
    assert page.locator(".lg-turn").last.locator(".lg-cite[aria-current]").count() == 1
    earlier.get_by_role("button", name="Citation 1:").click()
    page.get_by_text("Sources of answer 1").wait_for()
    assert page.locator(".lg-cite[aria-current]").count() == 1
    assert earlier.locator(".lg-cite[aria-current]").count() == 1
    quote = answer_of(server, question).citations[0].quote
    assert chosen_text(page, quote) == quote


def test_an_unanswerable_question_is_said_to_be_and_its_nearest_passages_are_labelled(page: Page) -> None:
    turn = ask(page, UNRELATED)
    assert turn.inner_text().count("Not in these documents") == 1
    assert turn.locator(".lg-abstained p").nth(1).inner_text()
    assert turn.locator(".lg-cite").count() == 0
    panel = page.locator("#lg-panel")
    panel.get_by_role("heading", name="Nearest passages, not an answer").wait_for()
    assert panel.locator("mark").count() == 0


def test_markup_in_documents_and_questions_is_inert(page: Page) -> None:
    question = f"What are the ropes of Norrwick twisted from? {HOSTILE}"
    turn = ask(page, question)
    assert HOSTILE in turn.locator(".lg-question").inner_text()
    source = page.locator("#lg-panel")
    source.get_by_text("by the brothers Holm").first.wait_for()
    assert HOSTILE in source.locator(".lg-text").inner_text()
    for place in ("#lg-conversation", "#lg-panel"):
        assert page.locator(f"{place} :is(img, a, script, iframe, b[onclick])").count() == 0
    assert page.title() == "leadgoose"


def test_an_empty_question_gets_a_gentle_line(page: Page) -> None:
    page.get_by_role("button", name="Send").click()
    page.get_by_text("Type a question first.").wait_for()
    assert page.locator(".lg-turn").count() == 0


def test_an_endless_question_gets_one_plain_line_and_the_next_one_is_answered(page: Page) -> None:
    turn = ask(page, "why " * 25_000)
    message = turn.locator(".lg-error").inner_text()
    assert "\n" not in message
    assert "Traceback" not in message
    assert "6,200" in ask(page, ANSWERABLE).inner_text()


def test_trouble_and_bugs_are_one_plain_line_and_the_next_question_is_answered(faulty_page: Page) -> None:
    trouble = ask(faulty_page, "Be away!").locator(".lg-error").inner_text()
    assert trouble == "Error. the model is away; <b>start</b> it"
    bug = ask(faulty_page, "Break!").inner_text()
    assert "inside leadgoose" in bug
    assert "secret" not in bug
    assert "Not in these documents" not in bug
    assert "Ada Lindqvist" in ask(faulty_page, "Be good!").inner_text()


def test_a_new_conversation_stops_the_answer_that_is_being_written(faulty_page: Page) -> None:
    failures: list[str] = []
    faulty_page.on("console", lambda message: failures.append(message.text) if message.type == "error" else None)
    box = faulty_page.get_by_role("textbox", name="Question", exact=True)
    box.fill("Be slow!")
    box.press("Enter")
    faulty_page.locator(".lg-turn").wait_for()
    box.fill("the next one, half typed")
    faulty_page.get_by_role("button", name="New conversation").click()
    faulty_page.locator(".lg-welcome").wait_for()
    faulty_page.wait_for_timeout(2500)  # longer than the next snapshot would take
    assert faulty_page.locator(".lg-turn").count() == 0
    assert failures == []
    assert "Ada Lindqvist" in ask(faulty_page, "Be good!").inner_text()


def test_an_example_asks_itself_and_a_new_conversation_forgets(page: Page) -> None:
    page.get_by_role("button", name="Who built the lighthouse of Norrwick?").click()
    page.locator(".lg-confidence").wait_for()
    assert "Ada Lindqvist" in page.locator(".lg-turn").inner_text()
    page.get_by_role("button", name="New conversation").click()
    page.locator(".lg-welcome").wait_for()
    assert page.locator(".lg-turn").count() == 0
    assert page.locator("#lg-panel mark").count() == 0


def test_a_follow_up_is_understood_in_its_conversation_and_in_no_other(page: Page) -> None:
    ask(page, "Who built the lighthouse of Norrwick?")
    turn = ask(page, "How far can its lamp be seen?")
    searched = "Searched for: How far can the lighthouse of Norrwick’s lamp be seen?"
    assert turn.locator(".lg-searched").inner_text() == searched
    assert "31 kilometres" in turn.inner_text()
    assert page.locator(".lg-searched").count() == 1
    page.get_by_role("button", name="New conversation").click()
    page.locator(".lg-welcome").wait_for()
    assert ask(page, "How far can its lamp be seen?").locator(".lg-searched").count() == 0


def test_two_sessions_do_not_see_each_other(browser: Browser, page: Page, server: Served) -> None:
    ask(page, ANSWERABLE)
    context = browser.new_context()
    other = context.new_page()
    other.goto(server.address)
    other.locator(".lg-welcome").wait_for()
    ask(other, "Who built the lighthouse of Norrwick?")
    assert other.locator(".lg-turn").count() == page.locator(".lg-turn").count() == 1
    assert "6,200" not in other.locator("#lg-conversation").inner_text()
    context.close()


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("question", [ANSWERABLE, UNRELATED])
def test_nothing_reaches_past_the_side_of_the_window(page: Page, width: int, question: str) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    ask(page, question)
    page.locator(".lg-chosen").wait_for()
    for part in ("#lg-header", ".lg-log", ".lg-turn", "#lg-composer", ".lg-sources", ".lg-chips", ".lg-text"):
        box = page.locator(part).bounding_box()
        assert box is not None
        assert box["x"] >= 0, part
        assert box["x"] + box["width"] <= width, part


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_in_both_schemes(browser: Browser, server: Served, scheme: str) -> None:
    """Text on page, mark and button reaches a contrast of 4.5 to 1 (WCAG 2.2, 1.4.3)."""
    context = browser.new_context(color_scheme="dark" if scheme == "dark" else "light")
    page = context.new_page()
    page.goto(server.address)
    page.locator(".lg-welcome").wait_for()
    ask(page, ANSWERABLE)
    page.locator("mark.lg-chosen").wait_for()
    ask(page, UNRELATED)
    page.get_by_role("button", name="Citation 1:").first.click()
    page.locator("mark.lg-chosen").wait_for()
    seen = ".lg-question", ".lg-answer p", ".lg-cite", ".lg-confidence", ".lg-abstained strong", "mark.lg-chosen"
    ratios = {selector: contrast(page.locator(selector).first) for selector in (*seen, ".lg-facts", "button.primary")}
    assert {selector: ratio for selector, ratio in ratios.items() if ratio < 4.5} == {}
    context.close()


# --- from page to page


@pytest.mark.parametrize("name", ["documents", "quality"])
def test_the_links_lead_to_each_page_and_say_where_the_reader_is(page: Page, name: str) -> None:
    links = page.get_by_role("navigation", name="Pages")
    assert links.locator("[aria-current=page]").inner_text() == "Chat"
    links.get_by_role("link", name=name.title()).click()
    page.wait_for_url(f"**/{name}")
    page.locator(f"nav [aria-current=page]:text-is('{name.title()}')").wait_for()
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Chat").click()
    page.locator(".lg-welcome").wait_for()


def test_the_links_are_in_the_language_of_the_browser(browser: Browser, server: Served) -> None:
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(f"{server.address}documents")
    page.get_by_role("navigation", name="页面").get_by_role("link", name="问答").wait_for()
    context.close()


COUNTED = """
import sys
from rag import Library
from rag.web.collections import Collections
from rag.web.quick_start import quick_gradio
with quick_gradio():
    from rag.web import ui
application, made = ui.gr.routes.App, []
make = application.create_app
application.create_app = staticmethod(lambda *given, **named: made.append(given) or make(*given, **named))
with Library.open(sys.argv[1], create=False) as library:
    page = ui.create_page(Collections(library), examples=[])
print(len(made), isinstance(page.app, application))
"""


def test_for_all_pages_together_one_application_is_made(library: Library) -> None:
    command = [sys.executable, "-c", COUNTED, str(library.path)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() == ["1", "True"]
