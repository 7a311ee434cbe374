"""The chat's events without a browser: what anybody may send, and what a reader may not read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from rag import Document, Library
from rag.web.chat_events import Chat, Place
from rag.web.collections import Collections
from tests.conftest import HARBOUR, MakeLibrary

ASKED = "How many pilots does the harbour of Norrwick employ?"
STRANGE: list[Any] = [None, [], "x", 7, {}, {"turn": "1", "number": "x"}, {"turn": 10**30}, {"turn": -1, "number": 1}]
STRANGE += [{"turn": True}, {"turn": "²"}, {"turn": 1.0}, {"turn": [1]}, {"index": -1}, {"index": "0" * 400}]


@pytest.fixture
def chat(make_library: MakeLibrary) -> Iterator[Chat]:
    library = make_library(HARBOUR)
    with Library.open(library.path.parent / "root/secret") as secret:
        secret.add([Document(id="s.md", title="A secret", text="The vault opens at noon.")])
    with Collections(library, root=library.path.parent / "root") as collections:
        yield Chat(collections, [ASKED])


def test_a_session_begins_in_a_library_that_its_reader_may_read(chat: Chat) -> None:
    place, shown, around = chat.enter({"library": "secret", "language": "zh-CN"}, ["default"])
    assert place == Place("default", "zh")
    assert "secret" not in around["header"]
    assert shown.panel is not None
    assert "A secret" not in shown.panel["html"]
    place, _, around = chat.enter({"library": "secret"}, ["default", "secret"])
    assert place.library == "secret"
    assert "secret" in around["header"]


def test_a_conversation_of_another_library_is_not_restored_in_this_one(chat: Chat) -> None:
    turns = [{"question": "q", "answer": None, "error": "away"}]
    assert chat.enter({"library": "secret", "turns": turns}, ["default"])[1].turns == ()
    assert len(chat.enter({"library": "default", "turns": turns}, ["default"])[1].turns) == 1


@pytest.mark.parametrize("data", STRANGE)
def test_whatever_is_sent_is_answered_or_passed_over(chat: Chat, data: Any) -> None:
    place, _, _ = chat.enter(data, ["default"])
    *_, shown = chat.ask(ASKED, (), place)
    assert chat.choose(shown.turns, place, data) is None
    assert chat.example(place, data) in {"", ASKED}
    assert chat.judge(shown.turns, place, data)["note"].startswith("Not kept")
    chat.export(shown.turns, place, data)


@pytest.mark.parametrize(
    "said",
    [
        {"passages": "x"},
        {"passages": ["x"]},
        {"passages": [{"document_id": 1, "quote": "x"}]},
        {"passages": [{"document_id": HARBOUR.id, "quote": "The", "start_char": 1, "end_char": 4}]},
        {"answer": 7},
        {"comment": ["x"]},
        {"answer": "x" * 3_000},
    ],
)
def test_feedback_in_no_form_of_feedback_is_not_kept(chat: Chat, said: dict[str, Any]) -> None:
    place, _, _ = chat.enter({}, ["default"])
    *_, shown = chat.ask(ASKED, (), place)
    told = chat.judge(shown.turns, place, {"turn": 1, "verdict": "wrong", **said})
    assert told["kept"] is False
    assert told["note"].startswith("Not kept: ")


def test_a_turn_is_sent_once_and_what_it_takes_does_not_grow(chat: Chat) -> None:
    place, _, _ = chat.enter({}, ["default"])
    turns: Any = ()
    sizes = []
    for _ in range(8):
        *_, shown = chat.ask(ASKED, turns, place)
        turns = shown.turns
        sizes.append(len(str(shown.talk)))
    assert max(sizes) - min(sizes) < 200
