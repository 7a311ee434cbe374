"""Chat models: replies as sentences, their citations, the breaker, streaming, and what each surface shows."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from dataclasses import replace

import chat_server as model
import pytest
from conftest import TOWN, MakeLibrary

from rag.chain import answer_chain
from rag.commands import _answer_lines
from rag.doctor import examine
from rag.errors import ConfigurationError
from rag.phrasing.breaker import Breaker
from rag.phrasing.chat import Chat
from rag.phrasing.chat_model import ChatFailure, Message, load_chat_model
from rag.phrasing.reply import Said, plain, says_no_answer, sentences
from rag.phrasing.reply_limits import fault_of, goes_round
from rag.schema import Answer
from rag.settings import Settings
from rag.web.history import Turn
from rag.web.turn_html import turn_html
from rag.web.words import WORDS

QUESTION = "How many pilots does the harbour of Norrwick employ?"


def timeless(answer: Answer) -> Answer:
    return replace(answer, timings_s={})


# -- replies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("It has 41 pilots [1]. Ships came [2][1].", [("It has 41 pilots.", (1,)), ("Ships came.", (2, 1))]),
        ("It has 41 pilots. [1] Ships came. [2]", [("It has 41 pilots.", (1,)), ("Ships came.", (2,))]),
        ("[1] It has 41 pilots.\n[2] Ships came.", [("It has 41 pilots.", (1,)), ("Ships came.", (2,))]),
        ("- **It** has `41` pilots [passage 1]\n- Ships [1, 3]", [("It has 41 pilots", (1,)), ("Ships", (1, 3))]),
        ("Dr. Ada built it in 1.5 years [1].", [("Dr. Ada built it in 1.5 years.", (1,))]),
        ("它有41名引航员。[1]船来了【2】。", [("它有41名引航员。", (1,)), ("船来了。", (2,))]),
        ("Answer: yes [1]", [("yes", (1,))]),
        ("According to passage 2, the harbour has 41.", [("The harbour has 41.", (2,))]),
        ("In passages 1 and 3, it has 41 [2].", [("It has 41.", (1, 3, 2))]),
        ("<think>They want 48.</think>It has 41 [1].", [("It has 41.", (1,))]),
        ("<think>It goes on and on", []),
        ("Same. Same. Same.", [("Same.", ())]),
        ("... \n\n --- \n", []),
        ("It has 41.\nQuestion: How many ships?\nAnswer: 48.", [("It has 41.", ())]),
        ("How many has it? It has 41.", [("It has 41.", ())]),
        ("It has 41 pilots. They brought six", [("It has 41 pilots.", ())]),
        ("It has 41 pilots. They brought six [1]", [("It has 41 pilots.", ()), ("They brought six", (1,))]),
    ],
)
def test_a_reply_becomes_sentences_with_the_numbers_they_cite(reply: str, said: list[tuple[str, tuple[int]]]) -> None:
    assert sentences(reply, finished=True) == [Said(*s) for s in said]


def test_a_sentence_that_may_go_on_is_not_said_yet() -> None:
    assert sentences("It has 41 pilots [1]. It has 6", finished=False) == [Said("It has 41 pilots.", (1,))]


@pytest.mark.parametrize(
    "markup",
    [
        "![x](http://e.vil/x.png)", "[click](http://e.vil)", "<img src=http://e.vil/x>", "<script>alert(1)</script>",
        "<a href='http://e.vil'>", "<http://e.vil>", "![a][b]", "<!-- http://e.vil -->", "<style>@import 'http://e.vil'",
    ],
)  # fmt: skip
def test_no_markup_and_no_address_of_a_link_is_left_of_a_reply(markup: str) -> None:
    left = plain(f"It has {markup} 41 pilots")
    assert "e.vil" not in left
    assert not set("<>![") & set(left)


@pytest.mark.parametrize("row", ["1" * 60, "1 " * 60, "1, " * 60, "12345" * 12])
def test_a_bracket_that_is_never_closed_holds_nobody_up(row: str) -> None:
    # A pattern that reads digits in several ways would not come back within a lifetime, deadline or not.
    start_s = time.process_time()
    (said,) = sentences(f"It has [{row} pilots.", finished=True)
    assert "pilots" in said.text
    assert time.process_time() - start_s < 1.0


@pytest.mark.parametrize("reply", ["NO ANSWER", "No answer.", "**NO ANSWER**", "NO ANSWER [1]."])
def test_the_sign_that_there_is_no_answer_is_understood(reply: str) -> None:
    assert says_no_answer(reply)
    assert not says_no_answer("The answer is 41 [1].")


def test_going_round_is_seen_soon_and_lists_are_none() -> None:
    assert goes_round("It is a harbour. " * 12)
    assert goes_round("x" * 200)
    assert not goes_round(" ".join(f"Ship {i} came in {1900 + i} with {i * 7} men." for i in range(200)))
    assert fault_of("word " * 2000) is not None
    assert fault_of("Ordinary text, 41 pilots.\nA second line.\t面包店") is None


# -- the breaker ------------------------------------------------------------------------------------------------------


def test_a_breaker_opens_after_failures_in_a_row_and_lets_one_try_after_its_rest() -> None:
    now = [0.0]
    breaker = Breaker(failures=2, rest_s=10.0, clock=lambda: now[0])
    breaker.failed()
    breaker.succeeded()
    breaker.failed()
    assert breaker.admit()
    breaker.failed()
    assert not breaker.admit()
    assert breaker.rest_s() == 10.0
    now[0] = 10.0
    assert breaker.admit()
    assert not breaker.admit()
    breaker.failed()
    assert not breaker.admit()
    now[0] = 20.0
    assert breaker.admit()
    breaker.undecided()
    assert breaker.admit()
    breaker.succeeded()
    assert breaker.admit()
    assert breaker.admit()


def test_a_half_open_breaker_lets_exactly_one_of_many_threads_try() -> None:
    breaker = Breaker(failures=1, rest_s=0.0)
    breaker.failed()
    admitted: list[bool] = []
    threads = [threading.Thread(target=lambda: admitted.append(breaker.admit())) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(admitted) == 1


# -- answers ----------------------------------------------------------------------------------------------------------


def test_an_answer_in_the_models_words_cites_exact_sentences(make_library: MakeLibrary) -> None:
    with model.serving(model.says("Norrwick's harbour employs 41 pilots [1].")) as server:
        library = make_library(*TOWN, **server.settings)
        answer = library.ask(QUESTION)
    assert answer.text == "Norrwick's harbour employs 41 pilots."
    assert answer.models["answerer"] == "fake"
    assert answer.notice == ""
    (citation,) = answer.citations
    assert citation.quote == "The harbour of Norrwick employs 41 pilots."
    text = library.document(citation.document_id).text
    assert text[citation.start_char : citation.end_char] == citation.quote
    assert 0.5 <= answer.sentences[0].support <= 1.0


@pytest.mark.parametrize("mark", ["", " [7]", " [2]"])
def test_a_sentence_with_a_wrong_or_missing_citation_is_cited_anew(make_library: MakeLibrary, mark: str) -> None:
    with model.serving(model.says(f"The harbour of Norrwick employs 41 pilots{mark}.")) as server:
        answer = make_library(*TOWN, **server.settings).ask(QUESTION)
    assert answer.models["answerer"] == "fake"
    assert answer.citations[0].document_id == "harbour.md"


@pytest.mark.parametrize("setting", ["drop", "mark"])
def test_an_unsupported_sentence_is_left_out_or_marked_as_set(make_library: MakeLibrary, setting: str) -> None:
    reply = "The harbour of Norrwick employs 41 pilots [1]. It owns 77 boats [1]."
    with model.serving(model.says(reply)) as server:
        library = make_library(*TOWN, **server.settings, chat_unsupported=setting)
        answer = library.ask(QUESTION)
    assert ("77" in answer.text) == (setting == "mark")
    assert "not supported by the passages" in answer.notice
    printed, page = (
        "\n".join(_answer_lines(answer, bold=False)),
        turn_html(1, Turn("?", answer, done=True), WORDS["en"]),
    )
    assert answer.notice in page
    assert "Note: One sentence of the chat model" in printed
    if setting == "mark":
        unsupported = answer.sentences[1]
        assert unsupported.support < 0.5
        assert unsupported.citations == ()
        assert "It owns 77 boats. [not supported]" in printed.replace("\n", " ")
        assert '<span class="lg-unsupported"' in page


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("No, the lighthouse of Norrwick was built in 1874 [1].", "The lighthouse of Norrwick was built in 1874."),
        ("Yes, the lighthouse of Norrwick was built in 1874.", "Yes, the lighthouse of Norrwick was built in 1874."),
    ],
)
def test_a_yes_or_no_in_front_of_a_sentence_is_said_only_where_the_documents_words_say_it(
    make_library: MakeLibrary, said: str, text: str
) -> None:
    with model.serving(model.says(said)) as server:
        answer = make_library(*TOWN, **server.settings).ask("Was the lighthouse of Norrwick built in 1874?")
    assert answer.models["answerer"] == "fake"
    assert answer.text == text


def test_a_reply_without_the_number_asked_for_is_not_taken(make_library: MakeLibrary) -> None:
    with model.serving(model.says("The harbour of Norrwick employs pilots [1].")) as server:
        answer = make_library(*TOWN, **server.settings).ask(QUESTION)
    assert "41" in answer.text
    assert "does not say what is asked for" in answer.notice


def test_where_the_documents_do_not_answer_the_model_is_not_asked(make_library: MakeLibrary) -> None:
    with model.serving(model.says("It is helicase [1].")) as server:
        library = make_library(*TOWN, **server.settings)
        answer = library.ask("Which enzyme unwinds the double helix during replication?", threshold=0.5)
        assert answer.abstained
        assert not server.requests


def test_the_prompt_has_no_more_tokens_than_set(make_library: MakeLibrary) -> None:
    with model.serving(model.says(model.HARBOUR_REPLY)) as server:
        library = make_library(*TOWN, **server.settings, chat_tokens=220)
        library.ask(QUESTION)
        (request,) = server.requests
        assert sum(library.pipeline().encoder.count_tokens([request.prompt])) <= 220
        assert request.body["temperature"] == 0.0
        assert "41 pilots" in request.prompt


def test_the_chain_answers_as_the_library_does(make_library: MakeLibrary) -> None:
    with model.serving(model.says(model.HARBOUR_REPLY)) as server:
        library = make_library(*TOWN, **server.settings)
        answer = answer_chain(library).invoke(QUESTION)
        assert timeless(answer) == timeless(library.ask(QUESTION))
        assert list(answer.timings_s) == ["understand", "retrieve", "rerank", "answer", "cite", "phrase"]
        assert list(answer_chain(library).stream(QUESTION))[-1].text == answer.text


def test_a_quick_model_streams_sentence_by_sentence_and_ends_with_what_ask_returns(make_library: MakeLibrary) -> None:
    with model.serving(model.says(model.HARBOUR_REPLY, piece_chars=4)) as server:
        library = make_library(*TOWN, **server.settings)
        asked = library.ask(QUESTION)
        snapshots = list(library.stream(QUESTION))
    assert timeless(snapshots[-1]) == timeless(asked)
    assert snapshots[0].text == ""
    assert snapshots[0].hits
    texts = [s.text for s in snapshots if s.models.get("answerer") == "fake"]
    assert len(texts[0]) < len(texts[-1])
    assert texts[-1].startswith(texts[0])


def test_a_slow_model_lets_the_extractive_answer_be_seen_first(make_library: MakeLibrary) -> None:
    def late(handler: model.Handler, request: model.Request) -> None:
        handler.wait(2.5)
        model.says(model.HARBOUR_REPLY)(handler, request)

    with model.serving(late) as server:
        library = make_library(*TOWN, **server.settings)
        snapshots = list(library.stream(QUESTION))
    assert snapshots[1].models["answerer"] == "extractive"
    assert "is still writing" in snapshots[1].notice
    assert "41 pilots" in snapshots[1].text
    assert snapshots[-1].models["answerer"] == "fake"
    assert snapshots[-1].notice == ""


def test_a_stream_that_nobody_reads_to_its_end_lets_go_of_the_model(make_library: MakeLibrary) -> None:
    with model.serving(model.trickles) as server:
        library = make_library(*TOWN, **server.settings)
        stream = library.stream(QUESTION)
        assert next(stream).hits
        assert next(stream).text
        stream.close()
        # Given up is neither success nor failure.
        assert library.pipeline().chat is not None
        assert library.pipeline().chat.breaker.admit()


def test_a_model_that_is_still_loading_does_not_hold_up_the_end_of_the_program(make_library: MakeLibrary) -> None:
    library = make_library(*TOWN)
    script = f"""
import time
from rag import Library, Settings
from rag.phrasing import chat
chat.load_chat_model = lambda *_, **__: time.sleep(120)
settings = Settings(chat_model="fake", chat_base_url="http://127.0.0.1:9/v1", chat_timeout_s=0.5)
with Library.open({str(library.path)!r}, create=False, settings=settings) as library:
    print(library.ask({QUESTION!r}).notice)
"""
    library.close()
    start_s = time.monotonic()
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=110)
    assert "did not finish its reply within 0.5 s" in said.stdout
    assert time.monotonic() - start_s < 100


def test_who_waits_for_a_model_that_is_let_go_of_is_told_at_once(make_library: MakeLibrary) -> None:
    with model.serving(model.hangs) as server:
        library = make_library(*TOWN, **server.settings)
        chat = library.pipeline().chat
        assert chat is not None
        chat.load()
        threading.Timer(1.0, chat.close).start()
        start_s = time.monotonic()
        with pytest.raises(ChatFailure, match="was closed meanwhile"):
            list(chat.reply([Message("user", "Say ready")]))
        assert time.monotonic() - start_s < 60


def test_two_askers_do_not_wait_for_each_others_model(make_library: MakeLibrary) -> None:
    def late(handler: model.Handler, request: model.Request) -> None:
        handler.wait(2.0)
        model.says(model.HARBOUR_REPLY)(handler, request)

    with model.serving(late) as server:
        library = make_library(*TOWN, **server.settings)
        library.warm_up()
        answers: list[Answer] = []
        threads = [threading.Thread(target=lambda: answers.append(library.ask(QUESTION))) for _ in range(4)]
        start_s = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [a.models["answerer"] for a in answers] == ["fake"] * 4
        assert model.elapsed(start_s) < 4 * 2.0


# -- models and settings ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("gguf:/nowhere/model.gguf", "there is no file"),
        ("nonsense", "provider:model"),
        ("anthropic:claude", "pip install 'langchain-anthropic'"),
    ],
)
def test_a_model_that_cannot_be_had_says_what_to_do(name: str, why: str) -> None:
    with pytest.raises(ChatFailure, match=why):
        load_chat_model(name, base_url=None, timeout_s=1.0, reply_tokens=8)


def test_a_missing_extra_names_the_command_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "langchain_openai", None)
    from langchain.chat_models import base

    base._get_chat_model_creator.cache_clear()
    with pytest.raises(ChatFailure, match=r"pip install 'leadgoose\[openai\]'"):
        load_chat_model("openai:gpt-4o-mini", base_url=None, timeout_s=1.0, reply_tokens=8)
    base._get_chat_model_creator.cache_clear()


def test_a_missing_key_is_said_and_the_answer_comes_without_the_model(
    make_library: MakeLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    answer = make_library(*TOWN, chat_model="openai:gpt-4o-mini").ask(QUESTION)
    assert "41 pilots" in answer.text
    assert "OPENAI_API_KEY" in answer.notice


def test_ollama_is_asked_by_its_own_protocol() -> None:
    def behave(handler: model.Handler, request: model.Request) -> None:
        handler.start(kind="application/x-ndjson")
        handler.wfile.write(b'{"model":"m","message":{"role":"assistant","content":"ready"},"done":false}\n')
        handler.wfile.write(b'{"model":"m","message":{"role":"assistant","content":""},"done":true}\n')

    with model.serving(behave) as server:
        chat = Chat("ollama:m", base_url=server.url.removesuffix("/v1"), timeout_s=20.0, reply_tokens=8)
        assert "".join(chat.reply([Message("user", "Say ready")])) == "ready"
        chat.close()
        assert server.requests[0].path == "/api/chat"
        assert server.requests[0].body["options"]["num_predict"] == 8


@pytest.mark.parametrize("url", ["http://user:secret@localhost/v1", "http://h/v1?key=secret", "nonsense", "ftp://h"])
def test_a_base_url_that_is_none_or_holds_a_key_is_refused_without_repeating_the_key(url: str) -> None:
    with pytest.raises(ConfigurationError, match="chat_base_url") as refused:
        Settings(chat_base_url=url)
    assert "secret" not in str(refused.value)


def test_the_doctor_says_whether_the_model_answers(make_library: MakeLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    library = make_library(*TOWN)
    library.close()
    monkeypatch.setenv("RAG_CHAT_MODEL", "fake")
    with model.serving(model.says("ready")) as server:
        monkeypatch.setenv("RAG_CHAT_BASE_URL", server.url)
        finding = next(f for f in examine(library.path) if f.subject == "chat model")
    assert finding.healthy
    assert "fake answers" in finding.message
