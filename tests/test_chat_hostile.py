"""Markup from everywhere on the chat page: no script of it runs, and no request of it leaves.

Texts of documents, their names and titles, questions, what a chat model says, feedback, and what a browser kept. A
canary listens on loopback, and every request of the page is looked at.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from rag import Answer, Citation, Document, Library
from rag.location import FEEDBACK
from rag.schema import AnswerSentence, Disagreement, Hit, Passage, Reading
from rag.web import feedback
from rag.web.history import Turn, kept_turn
from tests import chat_server as model
from tests.payloads import payloads
from tests.served import Served, end, start

SERVER = """
import sys
from rag import Library
from rag.web.serve import Site, serve
with Library.open(sys.argv[1], create=False) as library:
    serve(library, site=Site(port=0), examples=sys.argv[2:])
"""
AT_ONCE = 45  # turns of one conversation
TEXT = "The harbour of Norrwick employs 41 pilots."
QUESTION = "How many pilots does the harbour of Norrwick employ?"


@dataclass
class Canary:
    """Notes everyone who connects."""

    listener: socket.socket
    visitors: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}/c"

    def listen(self) -> None:
        while True:
            try:
                visitor, _ = self.listener.accept()
            except OSError:
                return
            with visitor:
                self.visitors.append(visitor.recv(200))


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        canary = Canary(listener)
        thread = threading.Thread(target=canary.listen, daemon=True)
        thread.start()
        yield canary
        # It is alive, so its silence so far said something.
        heard = len(canary.visitors)
        with socket.create_connection(listener.getsockname()) as visitor:
            visitor.sendall(b"GET /c HTTP/1.1\r\n\r\n")
            visitor.recv(1)
        assert (heard, len(canary.visitors)) == (0, 1)
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=2.0)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, canary: Canary) -> Iterator[Library]:
    """One document for every eight payloads: in its name, its title, its headings and its text."""
    table = payloads(canary.url)
    documents = [
        Document(
            id=f"{n}/{' '.join(some)[:150]}.md",
            title=" ".join(some),
            text="\n\n".join(f"# {p}\n\n{TEXT.replace('41', str(n))} {p} pilots" for p in some),
            language="en",
        )
        for n, some in enumerate(table[i : i + 8] for i in range(0, len(table), 8))
    ]
    documents.append(Document(id="harbour.md", title="Harbour", text=TEXT, language="en"))
    with Library.open(tmp_path_factory.mktemp("hostile") / "library") as library:
        library.add(documents)
        yield library


@pytest.fixture(scope="module")
def served(library: Library, canary: Canary, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    table = payloads(canary.url)
    said = f"{TEXT} [1] [2] [3] [4]\n\n" + "\n\n".join(table)
    with model.serving(model.says(said)) as server:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {"CHAT_MODEL": "fake", "CHAT_BASE_URL": server.url, "CHAT_UNSUPPORTED": "mark"}.items():
                patch.setenv(f"RAG_{name}", value)
            patch.setenv("RAG_THRESHOLD", "0")
            found = start(library.path, tmp_path_factory.mktemp("here"), *table[:40], script=SERVER)
        yield found
        end(found)


@pytest.fixture
def opened(browser: Browser, served: Served) -> Iterator[Page]:
    """A page yet to be loaded; afterwards no script has run and only its own server was asked."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    asked, failures = set[str](), list[str]()
    page.on("request", lambda request: asked.add(request.url) if request.url.startswith("http") else None)
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("dialog", lambda dialog: failures.append(dialog.message))
    yield page
    page.wait_for_timeout(200)  # what loads or begins by itself has begun
    assert page.evaluate("window.pwned") is None
    assert {urlsplit(url).netloc for url in asked} == {urlsplit(served.address).netloc}
    assert failures == []
    assert page.title() == "leadgoose"
    inert(page)
    context.close()


def inert(page: Page) -> None:
    """See that no element of a payload, and no attribute that acts, is on the page."""
    tags = (
        "script, img, iframe, object, embed, link, meta, base, style, video, audio, a, marquee, details, math, portal"
    )
    for place in ("#lg-conversation", "#lg-panel", "#lg-header"):
        found = page.locator(f"{place} :is({tags})")
        assert found.count() == 0
        acting = "nodes => nodes.flatMap(n => [...n.attributes]).filter(a => a.name.startsWith('on')).length"
        assert page.locator(f"{place} *").evaluate_all(acting) == 0


def hostile_turn(text: str) -> Turn:
    """Return a turn that says a text wherever it says anything."""
    cited = Citation(1, text, text, 0, len(text), text, 1, text, 0.5, also_in=(text,))
    readings = (Reading(text, 1, text, True), Reading(text, 1, None, False))
    sentences = (AnswerSentence(text, (1,), 1.0), AnswerSentence(text, (), 0.0))
    answer = Answer(
        text,
        text,
        sentences,
        (cited,),
        confidence=0.5,
        query=text,
        notice=text,
        disagreements=(Disagreement(readings),),
    )
    return Turn(text, answer, done=True)


def refused_turn(text: str) -> Turn:
    hit = Hit(Passage(text, 0, len(text), text, text), text, 1, 0.5)
    return Turn(text, Answer(text, text, abstained=True, reason=text, hits=(hit,)), done=True)


def remember(page: Page, conversations: Any) -> None:
    page.add_init_script(
        f"localStorage.setItem('leadgoose-conversations', JSON.stringify({json.dumps(conversations)}));"
        "sessionStorage.setItem('leadgoose-open', '1');"
    )


def test_there_are_enough_of_them(canary: Canary) -> None:
    assert len(set(payloads(canary.url))) >= 60


@pytest.mark.parametrize("part", [0, 1])
def test_what_a_browser_kept_is_inert(opened: Page, served: Served, canary: Canary, part: int) -> None:
    some = payloads(canary.url)[part * AT_ONCE : (part + 1) * AT_ONCE]
    assert some
    turns = [hostile_turn(text) for text in some]
    turns += [refused_turn(text) for text in some[:10]] + [Turn("q", error=text) for text in some[10:14]]
    kept = {"library": "default", "at": 1, "turns": [kept_turn(turn) for turn in turns]}
    others = [{**kept, "id": f"{n}", "title": text, "library": text, "turns": [{"question": text}]}
              for n, text in enumerate(some[:16], start=2)]  # fmt: skip
    remember(opened, [{**kept, "id": "1", "title": some[0], "verdicts": {"1": some[1], some[2]: some[3]}}, *others])
    opened.goto(served.address)
    opened.locator(".lg-turn").nth(len(turns) - 1).wait_for(state="attached")
    shown = opened.locator(".lg-log").evaluate("log => log.textContent")
    assert all(text in shown for text in some)
    for number in (1, len(some) + 1):
        opened.locator(f'[data-number][data-turn="{number}"]').first.click()
        opened.locator(f'.lg-sources[data-turn="{number}"]').wait_for()
    opened.locator("[data-do=past]").click()
    listed = opened.locator("dialog").evaluate("dialog => dialog.textContent")
    assert all(text in listed for text in some[:16])


def test_documents_questions_and_what_a_model_says_are_inert(
    opened: Page, served: Served, canary: Canary, library: Library
) -> None:
    opened.goto(served.address)
    opened.locator(".lg-welcome li").last.wait_for()
    assert payloads(canary.url)[39] in opened.locator(".lg-welcome").inner_text()
    opened.locator("#lg-composer textarea").fill(QUESTION)
    opened.locator("#lg-composer textarea").press("Enter")
    turn = opened.locator(".lg-turn")
    turn.locator(".lg-confidence, .lg-error").wait_for()
    assert turn.locator(".lg-confidence").count() == 1
    assert "onerror=window.pwned=1" in turn.locator(".lg-answer").inner_text()
    for name in [summary.id for summary in library.documents()][:-1]:
        show_document(opened, library, name)


def show_document(page: Page, library: Library, name: str) -> None:
    """Show a document of the library in the panel, as an answer that cites its first words would."""
    document = library.document(name)
    cited = Citation(1, name, document.title, 0, 5, document.text[:5], None, document.title, 0.5)
    turn = kept_turn(Turn("q", Answer("q", "t", (AnswerSentence("t", (1,), 1.0),), (cited,)), done=True))
    page.evaluate(
        "turn => { const it = JSON.parse(localStorage.getItem('leadgoose-conversations')) ?? [];"
        "localStorage.setItem('leadgoose-conversations', JSON.stringify([{id: turn.answer.citations[0].document_id,"
        "title: 'document', library: 'default', at: 1, turns: [turn]}, ...it])); }",
        turn,
    )
    page.locator("[data-do=past]").click()
    page.locator("dialog .lg-open", has_text="document").first.click()
    page.wait_for_function("name => document.querySelector('.lg-text')?.dataset.document === name", arg=name)
    assert page.locator(".lg-text").evaluate("text => text.textContent") == document.text


def test_feedback_and_comments_are_kept_as_they_are_and_run_nowhere(
    opened: Page, served: Served, canary: Canary, library: Library
) -> None:
    table = payloads(canary.url)
    asked = [f"{n} {text}" for n, text in enumerate(table[:40])]
    turns = [kept_turn(Turn(text, Answer(text, text, abstained=True, reason="r"), done=True)) for text in asked]
    remember(opened, [{"id": "1", "title": "kept", "library": "default", "turns": turns}])
    opened.goto(served.address)
    opened.locator(".lg-turn").last.wait_for(state="attached")
    for number in range(1, 7):
        some = " ".join(table[number * 12 - 12 : number * 12])[:1900]
        opened.locator(f'[data-judge=wrong][data-turn="{number}"]').click()
        opened.locator(".lg-form [name=answer]").fill(some)
        opened.locator(".lg-form [name=comment]").fill(some)
        opened.locator(".lg-form [type=submit]").click()
        opened.locator(".lg-form").wait_for(state="detached")
    path: Path = library.path / FEEDBACK / feedback.GOLD
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [row["comment"] for row in rows] == [" ".join(table[n * 12 : n * 12 + 12])[:1900].strip() for n in range(6)]
    assert [row["answers"] for row in rows] == [[row["comment"]] for row in rows]
