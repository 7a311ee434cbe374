"""The documents page in a real browser over a real server, and who may do what on it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from rag import Document, Library
from rag.web.access import Caller, Role
from rag.web.collections import Collections
from rag.web.documents_page import _Documents
from rag.web.folder_reading import FolderReadings
from rag.web.listing import View
from rag.web.removals import Removals
from tests.conftest import HARBOUR, LIGHTHOUSE
from tests.served import Served, contrast, end, failures_of, serious, start

SERVER = """
import sys
from pathlib import Path
from rag import Library, Settings
from rag.web.serve import Site, serve
with Library.open(sys.argv[1], create=False, settings=Settings(sync_folders=sys.argv[2])) as library:
    serve(library, site=Site(port=0), examples=[], root=Path(sys.argv[3]))
"""
REST = "removed, 0 unchanged"
HOSTILE = "<img src=x onerror=\"document.title='pwned'\"> ${1+1} {{constructor}}"
ROPES = Document(
    id="<b>ropes</b>.md", title=f"Ropes \u202e{HOSTILE}", text=f"Ropes are of hemp. {HOSTILE}", date="2020-01-01"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder on the server's machine that may be read from the page."""
    folder = tmp_path_factory.mktemp("may-be-read") / "reports"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[Served]:
    place = tmp_path_factory.mktemp("documents")
    with Library.open(place / "library") as library:
        library.add([HARBOUR, LIGHTHOUSE, ROPES])
    served = start(place / "library", place, str(folder.parent), str(place / "others"), script=SERVER)
    yield served
    end(served)


@pytest.fixture
def page(browser: Browser, server: Served) -> Iterator[Page]:
    """The page, opened; afterwards: nothing failed in the browser, and no script of a document ran."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    failures = failures_of(page)
    page.goto(f"{server.address}documents")
    page.locator(".lg-list").wait_for()
    yield page
    assert failures == []
    assert page.title() == "leadgoose"
    context.close()


def upload(page: Page, *files: Path) -> Locator:
    """Choose files and wait until each of them is done."""
    page.locator(".lg-drop input").set_input_files([str(file) for file in files])
    expect(page.locator(".lg-file")).to_have_count(len(files))
    expect(page.locator(".lg-file progress")).to_have_count(0, timeout=30_000)
    return page.locator(".lg-files")


def listed(page: Page, title: str) -> Locator:
    return page.locator("tbody tr", has=page.get_by_role("button", name=title, exact=True))


def test_each_file_is_added_or_refused_by_itself_with_its_reason(page: Page, tmp_path: Path) -> None:
    (tmp_path / "boats one.md").write_text("# Boats\n\nThe boats of Norrwick are built of oak.")
    (tmp_path / "empty.txt").write_text("  ")
    (tmp_path / "run.exe").write_bytes(b"MZ")
    (tmp_path / "torn.pdf").write_bytes(b"%PDF-1.4 nonsense")
    files = upload(page, *sorted(tmp_path.iterdir()))
    said = dict(zip(("boats", "empty", "run", "torn"), files.locator(".lg-file-state").all_inner_texts(), strict=True))
    assert said["boats"] == "added"
    assert "empty.txt is empty" in said["empty"]
    assert "unsupported suffix '.exe'" in said["run"]
    assert "torn.pdf is damaged" in said["torn"]
    assert str(tmp_path) not in files.inner_text()
    expect(listed(page, "Boats")).to_be_visible()
    assert upload(page, tmp_path / "boats one.md").inner_text().endswith("already there")


def test_files_can_be_dropped(page: Page) -> None:
    page.locator(".lg-zone").evaluate(
        """zone => {
          const data = new DataTransfer();
          data.items.add(new File(['# Nets\\n\\nThe nets are mended in May.'], 'nets.md'));
          zone.dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}));
        }"""
    )
    expect(page.locator(".lg-file-state")).to_have_text("added", timeout=30_000)
    expect(listed(page, "Nets")).to_be_visible()


def test_a_document_is_opened_read_and_closed_by_the_keyboard_and_its_markup_is_inert(page: Page) -> None:
    opener = page.locator(".lg-open", has_text="Ropes")
    opener.focus()
    page.keyboard.press("Enter")
    drawer = page.get_by_role("dialog")
    expect(drawer).to_be_focused()
    assert HOSTILE in drawer.locator(".lg-text").inner_text()
    assert serious(page) == []
    assert page.locator("#lg-doc-text img, #lg-doc-list img, #lg-doc-list b").count() == 0
    assert "\u202e" not in page.locator("#lg-doc-list").inner_text()
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
    expect(opener).to_be_focused()


def test_what_was_deleted_comes_back_by_undo_with_its_file(page: Page, tmp_path: Path, server: Served) -> None:
    (tmp_path / "anchor.md").write_text("# Anchors\n\nAnchors are forged on the quay.")
    upload(page, tmp_path / "anchor.md")
    original = server.folder / "library" / "uploads" / "anchor.md"
    assert original.is_file()
    listed(page, "Anchors").get_by_role("checkbox").check()
    listed(page, "The lighthouse").get_by_role("checkbox").check()
    page.get_by_role("button", name="Delete selected").click()
    expect(page.locator(".lg-notice-bar")).to_contain_text("2 deleted.")
    expect(listed(page, "Anchors")).to_have_count(0)
    assert not original.exists()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".lg-notice-bar")).to_contain_text("2 restored.")
    expect(listed(page, "Anchors")).to_contain_text("indexed")
    expect(listed(page, "The lighthouse")).to_be_visible()
    assert original.is_file()


def test_deleting_nothing_is_answered_gently(page: Page) -> None:
    page.get_by_role("button", name="Delete selected").click()
    expect(page.locator(".lg-notice-bar")).to_have_text("Select documents first.")


def test_the_list_is_searched_filtered_and_sorted(page: Page) -> None:
    page.get_by_role("searchbox").fill("LIGHTH")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.get_by_role("searchbox").fill("")
    expect(listed(page, "The lighthouse")).to_be_visible()
    page.get_by_label("Status").select_option("gone")
    expect(page.locator("#lg-doc-list")).to_contain_text("No document matches.")
    page.get_by_label("Status").select_option("")
    for direction in ("ascending", "descending"):
        page.locator("th button", has_text="Date").click()
        expect(page.locator(f"th[aria-sort={direction}]")).to_contain_text("Date")
    dates = page.locator("tbody .lg-date").all_inner_texts()
    assert dates == sorted(dates, reverse=True)


def test_a_folder_is_read_and_read_again(page: Page, folder: Path) -> None:
    (folder / "tides.md").write_text("# Tides\n\nThe tide turns at noon.")
    (folder / "torn.pdf").write_bytes(b"%PDF-1.4 nonsense")
    page.get_by_label("Folder on the machine").fill(str(folder))
    page.get_by_role("button", name="Read it now").click()
    expect(page.locator(".lg-job")).to_contain_text(
        "1 added, 0 replaced, 0 removed, 0 unchanged, 1 failed", timeout=20_000
    )
    expect(page.locator(".lg-job li")).to_contain_text("torn.pdf")
    expect(listed(page, "Tides")).to_be_visible()
    expect(page.locator("tbody .lg-failures")).to_contain_text("damaged")
    (folder / "torn.pdf").unlink()
    (folder / "tides.md").unlink()
    (folder / "winds.md").write_text("# Winds\n\nThe wind is from the west.")
    page.get_by_role("searchbox").fill("tides")
    expect(listed(page, "Tides")).to_contain_text("source missing")
    page.get_by_role("button", name="Read it now").click()
    expect(page.locator(".lg-job")).to_contain_text(
        "1 added, 0 replaced, 1 removed, 0 unchanged, 0 failed", timeout=20_000
    )
    page.get_by_role("searchbox").fill("")
    expect(listed(page, "Winds")).to_be_visible()
    expect(listed(page, "The lighthouse")).to_be_visible()


def test_no_other_folder_is_read_and_nothing_is_said_of_what_is_there(page: Page, server: Served) -> None:
    said = set()
    for place in (str(server.folder), "/etc", "/no/such/place", "relative", ""):
        page.get_by_label("Folder on the machine").evaluate(
            "(box, text) => { box.required = false; box.value = text; }", place
        )
        page.get_by_role("button", name="Read it now").click()
        expect(page.locator(".lg-notice-bar.lg-error")).to_contain_text("may not be read from here")
        said.add(page.locator(".lg-notice-bar").inner_text())
    assert len(said) == 1


def test_libraries_stand_side_by_side_and_are_deleted_when_their_name_is_typed(page: Page, tmp_path: Path) -> None:
    page.get_by_text("New library", exact=True).click()
    page.get_by_label("Name of the new library").fill("harbour")
    page.get_by_role("button", name="Create").click()
    expect(page.locator(".lg-notice-bar")).to_contain_text("harbour is there")
    expect(page.get_by_label("Library", exact=True)).to_have_value("harbour")
    expect(page.locator("tbody tr")).to_have_count(0)
    (tmp_path / "crane.md").write_text("# Cranes\n\nThe cranes lift forty tonnes.")
    upload(page, tmp_path / "crane.md")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_label("Library", exact=True).select_option("default")
    expect(listed(page, "The lighthouse")).to_be_visible()
    expect(listed(page, "Cranes")).to_have_count(0)
    page.get_by_label("Library", exact=True).select_option("harbour")
    page.get_by_text("Delete this library").click()
    page.get_by_label("Type harbour").fill("harbor")
    page.get_by_role("button", name="Delete the library").click()
    expect(page.locator(".lg-notice-bar")).to_contain_text("Nothing was deleted")
    page.get_by_label("Type harbour").fill("harbour")
    page.get_by_role("button", name="Delete the library").click()
    expect(page.locator(".lg-notice-bar")).to_contain_text("harbour is deleted")
    expect(listed(page, "The lighthouse")).to_be_visible()
    expect(page.get_by_label("Library", exact=True)).to_have_count(0)


def test_it_reads_well_on_a_phone_in_the_dark_and_in_the_language_that_was_chosen(
    browser: Browser, server: Served
) -> None:
    context = browser.new_context(viewport={"width": 375, "height": 800}, color_scheme="dark", locale="en-GB")
    page = context.new_page()
    page.add_init_script("localStorage.setItem('leadgoose-choices', '{\"language\": \"zh\"}')")
    page.goto(f"{server.address}documents")
    page.get_by_role("heading", name="文档", exact=True).wait_for()
    page.locator(".lg-list").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    for seen in (".lg-id", ".lg-open", ".lg-state", ".lg-danger", ".lg-facts", ".lg-nav a"):
        assert contrast(page.locator(seen).first) >= 4.5, seen
    assert serious(page) == []
    context.close()


# --- who may do what, without a browser


class Wish(SimpleNamespace):
    """What a browser sends with an event."""


def asked_by(caller: Caller) -> Any:
    return SimpleNamespace(request=SimpleNamespace(state=SimpleNamespace(caller=caller)), headers={})


ACTS: dict[str, tuple[Role, dict[str, Any]]] = {
    "look": (Role.READ, {"query": "x"}),
    "refresh": (Role.READ, {}),
    "open": (Role.READ, {"id": HARBOUR.id}),
    "remove": (Role.WRITE, {"ids": ["none.md"]}),
    "finally": (Role.WRITE, {"ids": ["none.md"]}),
    "undo": (Role.WRITE, {"ids": ["token"]}),
    "sync": (Role.ADMIN, {"folder": "/nowhere"}),
    "cancel": (Role.ADMIN, {}),
    "create": (Role.ADMIN, {"name": "new"}),
    "destroy": (Role.ADMIN, {"name": "default"}),
}


@pytest.mark.parametrize("act", ACTS)
def test_every_act_is_refused_to_whom_it_is_not_allowed(act: str, town_library: Library) -> None:
    needed, sent = ACTS[act]
    with Collections(town_library) as collections:
        documents = _Documents(collections, FolderReadings(), Removals())
        for role in (None, *Role):
            caller = Caller("someone", {"default": role, "new": role} if role else {"other": Role.ADMIN})
            shown = documents.act(View(), asked_by(caller), Wish(act=act, **sent))
            notice = str(shown[_Documents.parts.index("notice")])
            refused = "this token may not" in notice
            assert refused == (role is None or role < needed), (act, role)
            if refused:
                others = (part for name, part in zip(_Documents.parts, shown, strict=True) if name != "notice")
                assert all(isinstance(part, dict) for part in others)


def test_all_that_can_be_asked_for_is_in_the_table_of_who_may(town_library: Library) -> None:
    asked = {name.removeprefix("_do_") for name in dir(_Documents) if name.startswith("_do_")}
    assert asked == set(ACTS) | {"library", "close"}  # the first shows what may be read, the second shows nothing


@pytest.mark.parametrize("wish", [{}, {"act": "fly"}, {"act": "_whole"}, {"act": "open"}, {"act": "remove", "ids": 7}])
def test_what_no_page_of_ours_sends_does_nothing(wish: dict[str, Any], town_library: Library) -> None:
    with Collections(town_library) as collections:
        documents = _Documents(collections, FolderReadings(), Removals())
        shown = documents.act(View(), asked_by(Caller("someone", {"*": Role.ADMIN})), Wish(**wish))
    assert "Traceback" not in json.dumps([str(part) for part in shown])
    assert len(town_library.documents()) == 3
