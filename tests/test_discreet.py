"""Readers are shown the libraries that they may read, and of files on the server's machine the names alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import TOWN

from rag import Library
from rag.web.access import Caller, Role
from rag.web.chat_events import Chat, Place
from rag.web.chat_page import _Events
from rag.web.collections import Collections
from rag.web.discreet import shown_source, told, without_folders
from rag.web.listing import View, discreet_row, keep_failures, list_documents

READER = Caller("reader", {"default": Role.READ})
ELSEWHERE = Caller("elsewhere", {"work": Role.ADMIN})
OWNER = Caller("owner", {"*": Role.ADMIN})


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("discreet") / "library") as library:
        library.add(TOWN)
        yield library


def asked_by(caller: Caller) -> Any:
    return SimpleNamespace(request=SimpleNamespace(state=SimpleNamespace(caller=caller)), headers={})


def test_a_chat_shows_nothing_of_a_library_that_its_reader_may_not_read(library: Library) -> None:
    events = _Events(Chat(Collections(library), ["Who built the lighthouse of Norrwick?"]))
    wish: Any = SimpleNamespace(_data={"library": "default", "language": "en"})
    entered = events.enter(wish, asked_by(ELSEWHERE))
    # As whoever calls the events without ever having entered.
    started = events.restart(Place(), asked_by(ELSEWHERE))
    for shown in (entered, started):
        assert not any(word in str(shown) for word in ("lighthouse", "Norrwick", "3 documents"))
    assert "this token may not read the library" in str(entered)
    allowed = (events.enter(wish, asked_by(READER)), events.restart(Place(), asked_by(READER)))
    assert all("The lighthouse" in str(shown) for shown in allowed)


def test_a_message_names_files_without_their_folders_but_to_those_who_run_the_service() -> None:
    message = "cannot read /srv/data/a/b.pdf:\n it is damaged; GET /v1/documents lists the others"
    assert told(READER, message) == "cannot read b.pdf: it is damaged; GET /v1/documents lists the others"
    assert told(OWNER, message) == " ".join(message.split())
    assert without_folders("see https://example.org/a/b and a/b") == "see https://example.org/a/b and a/b"


def test_a_source_is_a_path_to_those_who_administer_its_library_alone() -> None:
    path = str(Path("/srv/my data, old/a.pdf"))
    assert shown_source(READER, "default", path) == "a.pdf"
    assert shown_source(ELSEWHERE, "work", path) == path
    assert shown_source(READER, "default", "https://example.org/a/b") == "https://example.org/a/b"


def test_files_that_could_not_be_read_are_listed_for_readers_by_name(library: Library, tmp_path: Path) -> None:
    keep_failures(library, tmp_path, {f"{tmp_path}/bad.pdf": f"{tmp_path}/bad.pdf is damaged"})
    (row,) = list_documents(library, View(status="failures")).rows
    shown = discreet_row(row, READER, "default")
    assert (shown.id, shown.title, shown.detail) == ("bad.pdf", "bad.pdf", "bad.pdf is damaged")
    assert discreet_row(row, OWNER, "default") == row
