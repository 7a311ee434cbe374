"""What users see, and after how long, when a chat model misbehaves: always an answer, always within the deadline.

``python tests/test_chat_faults.py`` prints the table of docs/chat-models.md.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import chat_server as model
import pytest
from conftest import TOWN, MakeLibrary

from rag import Answer, Library
from rag.commands import _answer_lines
from rag.doctor import examine
from rag.phrasing.chat import Chat

QUESTION = "How many pilots does the harbour of Norrwick employ?"
KEY = "sk-nobody-may-see-this-key"
# Long for those that end by themselves on a busy machine, short for those that last as long as they may.
ENDS_S, LASTS_S = 20.0, 2.0
BIG = "The harbour of Norrwick employs pilots and pays them. " * 20_000


@dataclass(frozen=True)
class Fault:
    """One way to misbehave."""

    says: str
    behaviour: model.Behaviour
    why: str
    lasts: bool = False

    @property
    def timeout_s(self) -> float:
        """The deadline it is tried with."""
        return LASTS_S if self.lasts else ENDS_S


LATE = "did not finish its reply within"
NO_REPLY = "sent what is no reply of a chat model"
UNSUPPORTED = "said nothing that the passages support"
FAULTS = [
    Fault("accepts and says nothing", model.hangs, LATE, lasts=True),
    Fault("stops in the middle of a sentence", model.falls_silent, LATE, lasts=True),
    Fault("trickles a letter at a time", model.trickles, LATE, lasts=True),
    Fault("keeps the connection alive with comments", model.comments, LATE, lasts=True),
    Fault("sends one line without end", model.never_ends_a_line, LATE, lasts=True),
    Fault("cuts the connection in the middle", model.breaks_off, "broke off in the middle of its reply"),
    Fault(
        "HTTP 429, Retry-After 600 s", model.refuses(429, retry_after="600"), "no more requests at present (HTTP 429)"
    ),
    Fault("HTTP 429, three times", model.refuses(429), "takes no more requests at present (HTTP 429)"),
    Fault("HTTP 500, three times", model.refuses(500), "has a fault (HTTP 500)"),
    Fault("HTTP 401", model.refuses(401), "does not accept the key (HTTP 401)"),
    Fault("HTTP 404", model.refuses(404), "is not known at its address (HTTP 404)"),
    Fault("empty text", model.says(""), "sent an empty reply"),
    Fault("white space", model.says(" \n \n"), "sent an empty reply"),
    Fault("an empty body", model.sends(b""), "sent"),
    Fault("bytes that are no text", model.sends(b"data: \xff\xfe\x00\x01garbage\n\n" * 9), NO_REPLY),
    Fault("unreadable characters", model.says("\x00\x01\ufffd\ufffd\ue000" * 40), "sent what is not text"),
    Fault("broken JSON", model.sends(b'data: {"choices": [{"del\n\n'), NO_REPLY),
    Fault("JSON of another kind", model.sends(b'data: {"answer": 41}\n\n'), "sent"),
    Fault("a web page", model.sends(b"<html><h1>It works!</h1></html>", "text/html"), NO_REPLY),
    Fault("a megabyte at once", model.says(BIG, piece_chars=len(BIG)), "sent more than 8,000 characters"),
    Fault("a stream without end", model.never_ends, "sent more than 8,000 characters"),
    Fault("the same sentence for ever", model.goes_round, "repeats itself without end"),
    Fault("a made-up number and citation", model.says("The harbour has 907 pilots [17]."), UNSUPPORTED),
    Fault("a changed number", model.says("The harbour of Norrwick employs 48 pilots [1]."), UNSUPPORTED),
    Fault("no answer though there is one", model.says("NO ANSWER"), "finds no answer in the passages"),
]


def answered(library: Library, behaviour: model.Behaviour, timeout_s: float) -> Answer:
    """The library's answer with a model that behaves so."""
    with model.serving(behaviour) as server:
        chat = Chat("X", base_url=server.url, timeout_s=timeout_s, reply_tokens=300)
        # LangChain's import and the first use of the encoder are not what is timed here.
        chat.load()
        answer = replace(library.pipeline(), chat=chat).run(QUESTION)
        chat.close()
    return answer


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("faults") / "town") as library:
        library.add(TOWN)
        yield library


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.says)
def test_a_model_that_misbehaves_leaves_the_extractive_answer_and_a_line_that_says_why(
    fault: Fault, town: Library
) -> None:
    answer = answered(town, fault.behaviour, fault.timeout_s)
    assert "41 pilots" in answer.text
    assert answer.sentences[0].support == 1.0
    assert answer.models["answerer"] == "extractive"
    assert fault.why in answer.notice
    assert "\n" not in answer.notice
    assert answer.timings_s["phrase"] <= fault.timeout_s


def test_a_model_that_is_not_there_is_tried_again_and_then_done_without(make_library: MakeLibrary) -> None:
    with model.serving(model.hangs) as server:
        gone = server.url
    answer = make_library(*TOWN, chat_model="fake", chat_base_url=gone, chat_timeout_s=ENDS_S).ask(QUESTION)
    assert "41 pilots" in answer.text
    assert "cannot be reached" in answer.notice


def test_a_refusal_that_passes_is_not_seen(town: Library) -> None:
    passing = model.in_turn(model.refuses(429, retry_after="1"), model.refuses(503), model.says(model.HARBOUR_REPLY))
    answer = answered(town, passing, ENDS_S)
    assert answer.models["answerer"] == "X"
    assert answer.notice == ""
    assert answer.timings_s["phrase"] >= 1.0


def test_after_three_failures_in_a_row_the_model_is_left_alone(make_library: MakeLibrary) -> None:
    with model.serving(model.refuses(401)) as server:
        library = make_library(*TOWN, **server.settings)
        for _ in range(3):
            assert "HTTP 401" in library.ask(QUESTION).notice
        answer = library.ask(QUESTION)
        assert "left alone for" in answer.notice
        assert "41 pilots" in answer.text
        assert len(server.requests) == 3


def test_bad_replies_do_not_keep_others_from_being_asked_for(make_library: MakeLibrary) -> None:
    with model.serving(model.in_turn(*[model.says("")] * 4, model.says(model.HARBOUR_REPLY))) as server:
        library = make_library(*TOWN, **server.settings)
        answers = [library.ask(QUESTION) for _ in range(5)]
        assert answers[3].models["answerer"] == "extractive"
        assert answers[4].models["answerer"] == "fake"


def test_the_key_is_sent_and_shown_nowhere(
    make_library: MakeLibrary, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    with model.serving(model.refuses(401)) as server:
        library = make_library(*TOWN, **server.settings)
        answer = library.ask(QUESTION)
        assert server.requests[0].authorization == f"Bearer {KEY}"
        library.close()
        monkeypatch.setenv("RAG_CHAT_MODEL", "fake")
        monkeypatch.setenv("RAG_CHAT_BASE_URL", server.url)
        findings = examine(library.path)
    assert "HTTP 401" in answer.notice
    assert not next(f for f in findings if f.subject == "chat model").healthy
    printed = _answer_lines(answer, bold=False)
    shown = [answer.to_json(), *printed, *map(repr, findings), repr(library.settings), caplog.text]
    assert not any(KEY in text for text in shown)


def _rows() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder, Library.open(Path(folder)) as library:
        library.add(TOWN)
        answered(library, model.says(model.HARBOUR_REPLY), ENDS_S)
        for fault in FAULTS:
            answer = answered(library, fault.behaviour, fault.timeout_s)
            seconds = answer.timings_s["phrase"]
            kept = "the extractive answer" if "41 pilots" in answer.text and not answer.abstained else answer.text
            why = answer.notice.partition(";")[0]
            share = f"{seconds / fault.timeout_s:.0%} of {fault.timeout_s:g} s"
            yield f"| {fault.says} | {kept}; “{why}” | {seconds:.1f} s | {share} |"


if __name__ == "__main__":
    print("| the model | what the reader gets | after | of the deadline |\n|---|---|---|---|")
    for row in _rows():
        print(row, flush=True)
