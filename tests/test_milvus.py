"""What is Milvus's own: who may write, what is told when it fails, replicas that share a library, what is kept."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from embeddings.encoding import Encoding
from eval.faulty import WordEncoder, barrel
from eval.gold import GoldSet
from eval.kept import open_gold_library
from rag import Library, Settings
from rag.address import MilvusAddress
from rag.cli import main
from rag.errors import LibraryBusy, LibraryDamaged, LibraryError, LibraryMismatch, LibraryNotFound
from rag.filters import check_filters
from rag.folder.lexical import LexicalIndex, LexicalPassage
from rag.milvus import lease
from rag.milvus.client import Milvus, chunked, explained
from rag.milvus.facets import condition, day, facets
from rag.milvus.lease import Lease
from rag.milvus.schema import MANIFEST, make_collection
from rag.milvus.terms import document_weights, number, rarity, score
from rag.schema import Document
from rag.web.api import create_api
from rag.web.collections import Collections
from tests.api_server import error_of, served
from tests.conftest import HARBOUR, LIGHTHOUSE
from tests.test_filters import FILTERS, documents, passes

pytest.importorskip("pymilvus", reason="needs the extra milvus")
pytest.importorskip("milvus_lite", reason="needs the extra milvus")
ROOT = Path(__file__).resolve().parent.parent
SMALL = Settings(indexing_threads=1)


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_STATE", str(tmp_path / "state"))
    monkeypatch.setattr("embeddings.encoder.load_encoder", lambda *_, **__: WordEncoder())


@pytest.fixture
def place(tmp_path: Path) -> MilvusAddress:
    return MilvusAddress(str(tmp_path / "all.db"), "town")


@pytest.fixture
def library(place: MilvusAddress) -> Iterator[Library]:
    with Library.open(str(place), settings=SMALL) as opened:
        yield opened


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Milvus Lite as a server of its own, as several processes share it."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "milvus_lite",
        "server",
        "--data-dir",
        str(tmp_path / "served.db"),
        "--port",
        str(port),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"milvus+http://127.0.0.1:{port}/town", running
        running.kill()


def one_line(error: pytest.ExceptionInfo[BaseException], *words: str) -> None:
    said = str(error.value)
    assert "\n" not in said
    assert all(word in said for word in words), said


def test_scores_of_terms_are_those_of_the_lexical_index_in_a_folder(tmp_path: Path) -> None:
    import random

    chance = random.Random(2)
    terms = [f"t{n}" for n in range(120)]
    held = {
        n: chance.choices(terms, weights=range(1, 121), k=chance.choice([1, 9, 41, 77, 300])) for n in range(1, 200)
    }
    index = LexicalIndex.build(tmp_path / "lexical", (LexicalPassage(key, own) for key, own in held.items()))
    holding = Counter(term for own in held.values() for term in set(own))
    rarities = {term: rarity(holding[term], len(held)) for term in terms}
    mean = sum(map(len, held.values())) / len(held)
    for _ in range(20):
        asked = list({tuple(chance.sample(terms, 2)), (" ".join(chance.sample(terms, 2)),), (chance.choice(terms),)})
        own = {key: score(asked, Counter(found), rarities, mean) for key, found in held.items()}
        assert {k: s for k, s in own.items() if s} == pytest.approx(index.search(asked, len(held)), rel=1e-5)


def test_a_passage_without_terms_has_a_vector_that_milvus_takes() -> None:
    assert len(document_weights({})) == 1
    assert all(0 <= dimension < 2**32 - 1 for dimension in document_weights(Counter(["a", "b", "面包"])))


def test_equal_values_are_filtered_alike_and_others_are_not() -> None:
    own = facets(Document(id="a/b/c.md", text="", metadata={"n": 1.0, "t": ["x", None, {"k": 1}], "s": "1"}))
    wanted = {"n": [1, True, 1.0], "t": ["x"], "s": ["1"]}
    for name, values in wanted.items():
        for value in values:
            (clause,) = [condition({name: value})]
            assert clause is not None
            assert set(json.loads(clause[clause.index("[") : -1])) & set(own)
    for name, value in {"n": "1", "s": 1, "t": "k", "folder": "a/b/c.md"}.items():
        clause = condition({name: value})
        assert clause is not None
        assert not set(json.loads(clause[clause.index("[") : -1])) & set(own)
    assert condition({"n": []}) is None


@given(given_documents=documents(), filters=FILTERS)
def test_what_passes_a_condition_is_what_a_plain_loop_lets_through(
    given_documents: list[Document], filters: dict[str, Any]
) -> None:
    check_filters(filters)
    wanted = condition(filters)
    for document in given_documents:
        # What Milvus is asked is Python too.
        row = {"facets": facets(document), "day": day(document.date)}
        known = {"array_contains_any": lambda held, allowed: not set(held).isdisjoint(allowed)}
        found = wanted is not None and bool(eval(wanted or "True", known, row))
        assert found == all(passes(document, name, value) for name, value in filters.items())


@pytest.mark.parametrize("text", ["", "x", "面" * 50_000, "a𝛽" * 16_000])
def test_text_of_any_length_is_cut_into_parts_that_milvus_takes(text: str) -> None:
    parts = chunked(text)
    assert "".join(parts) == text
    assert parts
    assert all(len(part.encode()) <= 65_535 for part in parts)


def test_numbers_of_texts_are_never_negative_and_differ() -> None:
    numbers = [number(str(n)) for n in range(1_000)]
    assert len(set(numbers)) == 1_000
    assert all(0 <= n < 2**63 for n in numbers)


def test_there_is_one_writer_and_others_are_told_who_it_is(library: Library) -> None:
    library.add([HARBOUR])
    with closing(Library.open(library.address, settings=SMALL)) as other, library._engine.writing():
        with pytest.raises(LibraryBusy) as caught:
            other.add([LIGHTHOUSE])
        one_line(caught, f"process {os.getpid()} on {socket.gethostname()}", library.address, "90 s after it went")
        assert other.search("pilots")
    assert library.add([LIGHTHOUSE]).documents == 2


def test_a_writer_waits_as_long_as_it_is_told_to(library: Library) -> None:
    with closing(Library.open(library.address, settings=Settings(indexing_threads=1, writing_wait_s=20))) as other:
        with library._engine.writing():
            waiting = threading.Thread(target=other.add, args=([HARBOUR],))
            waiting.start()
            time.sleep(0.5)
            assert waiting.is_alive()
        waiting.join(20)
    assert [s.id for s in library.documents()] == ["harbour.md"]


def test_the_lease_of_a_writer_that_is_gone_is_taken_over(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    milvus = library._engine._milvus
    gone = Lease(milvus)
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    monkeypatch.setattr(lease.os, "getpid", lambda: ended.pid)
    held = gone.held(wait_s=0)
    held.__enter__()
    monkeypatch.undo()
    monkeypatch.setattr("embeddings.encoder.load_encoder", lambda *_, **__: WordEncoder())
    assert library.add([HARBOUR]).documents == 1
    # It may come back, as from a sleep, and must not publish over what others have written since.
    with pytest.raises(LibraryBusy, match="took over"):
        gone.check()
    held.__exit__(None, None, None)
    assert library.add([LIGHTHOUSE]).documents == 2


def test_what_a_writer_that_was_killed_while_it_waited_left_is_dropped(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    milvus = library._engine._milvus
    long_ago = lease.now_ms() - lease.LEFT_MS - 1
    with monkeypatch.context() as patch:
        patch.setattr(lease, "now_ms", lambda: long_ago)
        make_collection(milvus, "town_writer_gone", MANIFEST)
        Lease(milvus)._note("town_writer_gone")
    make_collection(milvus, "town_writer_waits", MANIFEST)
    Lease(milvus)._note("town_writer_waits")
    library.add([HARBOUR])
    assert [n for n in milvus.call("list_collections") if n.startswith("town_writer")] == ["town_writer_waits"]


def test_old_versions_are_dropped_and_rows_of_removed_documents_with_them(library: Library) -> None:
    library.add([barrel(n) for n in range(4)])
    for n in range(3):
        library.remove([f"barrel-{n}.md"])
    library.add([barrel(9)])
    milvus = library._engine._milvus
    names = {name.removeprefix("town_") for name in milvus.call("list_collections")}
    assert {name for name in names if name.startswith("v") or name.startswith("writer")} == {"v4", "v5"}
    assert milvus.aliased("town") == "town_v5"
    assert len(list(milvus.rows("passages", "key > 0", ["key"]))) == 2
    assert len(list(milvus.rows("contents", "key > 0", ["key"]))) == 2


def test_a_commit_that_ends_before_its_switch_is_made_good_by_the_next_one(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add([barrel(n) for n in range(3)])
    with monkeypatch.context() as patch:
        patch.setattr("rag.milvus.publish.make_collection", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            library.remove(["barrel-0.md"])
    assert len(library.documents()) == 3
    assert len(library.search("barrel", 9)) == 3
    library.add([barrel(7)])
    assert [s.id for s in library.documents()] == ["barrel-1.md", "barrel-2.md", "barrel-7.md"]
    snapshot = library.pipeline().snapshot
    assert snapshot.published.passages == len(library.search("barrel", 9)) == 3
    assert not snapshot.holds(("number0",))
    assert snapshot.holds(("number7",))


def test_all_words_of_a_phrase_are_found_where_each_is_in_more_passages_than_are_looked_at(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.milvus.snapshot.MOST_CANDIDATES", 3)
    apart = [Document(id=f"{word}-{n}", text=f"The {word}.") for n in range(8) for word in ("harbour", "pilot")]
    both = Document(id="both", text="On board of every larger ship that enters the harbour stands a pilot of the town.")
    library.add([*apart, both])
    snapshot = library.pipeline().snapshot
    (key,) = snapshot.lexical([("harbour",), ("pilot",)], 9, allowed=None, every=True)
    assert snapshot.passages([key])[key].passage.document_id == "both"


def test_a_file_that_another_process_has_open_is_told_with_what_lifts_it(tmp_path: Path) -> None:
    held = "from pymilvus import MilvusClient; c = MilvusClient(r'{}'); print('open', flush=True); input()"
    path = tmp_path / "held.db"
    with subprocess.Popen(
        [sys.executable, "-c", held.format(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(LibraryError) as caught:
            Library.open(f"milvus+file://{path}#town", settings=SMALL)
        one_line(caught, "is open in another process", "milvus-lite server --data-dir", "milvus+http://")
        other.communicate("\n")


def test_grpc_does_not_stand_in_the_way_of_a_program_that_is_started_by_a_fork(place: MilvusAddress) -> None:
    # As Ray starts its own; gRPC's handlers say on standard error that they are there, and may wait for ever.
    program = (
        "import subprocess; from rag import Library\n"
        f"Library.open({str(place)!r}).close()\n"
        f"with Library.open({str(place)!r}):\n"
        "    for _ in range(9):\n"
        "        assert subprocess.Popen(['true'], preexec_fn=lambda: None).wait(30) == 0\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_server_that_is_away_is_told_and_never_taken_for_an_empty_library() -> None:
    with pytest.raises(LibraryError) as caught:
        Library.open(f"milvus+http://127.0.0.1:{free_port()}/town", create=False)
    one_line(caught, "milvus+http://127.0.0.1:", "does not answer", "start the server")
    assert not isinstance(caught.value, LibraryNotFound)


def test_a_refused_token_is_told_with_where_it_is_set() -> None:
    import grpc

    class Refuses(grpc.GenericRpcHandler):  # type: ignore[misc]
        def service(self, _details: Any) -> Any:
            def refuse(_request: bytes, context: Any) -> bytes:
                context.abort(grpc.StatusCode.UNAUTHENTICATED, "auth check failure, please check api key is correct")
                return b""

            return grpc.unary_unary_rpc_method_handler(refuse)

    running = grpc.server(ThreadPoolExecutor(2), handlers=[Refuses()])
    port = running.add_insecure_port("127.0.0.1:0")
    running.start()
    try:
        with pytest.raises(LibraryError) as caught:
            Library.open(f"milvus+http://127.0.0.1:{port}/town", create=False)
        one_line(caught, "refuses the token", "RAG_MILVUS_TOKEN")
    finally:
        running.stop(None)


def test_a_server_that_was_started_anew_has_its_collections_loaded_again(library: Library) -> None:
    library.add([HARBOUR])
    milvus = library._engine._milvus
    for name in milvus.call("list_collections"):
        milvus.call("release_collection", name)
    assert library.search("pilots")[0].passage.document_id == HARBOUR.id
    assert [s.id for s in library.documents()] == [HARBOUR.id]
    assert library.add([LIGHTHOUSE]).documents == 2


def test_collections_of_another_program_are_left_alone(library: Library, place: MilvusAddress) -> None:
    milvus = Milvus(place, None)
    with closing(milvus):
        milvus.call("create_collection", "theirs", dimension=4)
        milvus.call("create_collection", "also_settings", dimension=4)
    for name in ("theirs", "also"):
        with pytest.raises(LibraryMismatch) as caught:
            Library.open(f"milvus+file://{place.uri}#{name}", settings=SMALL)
        one_line(caught, "another program's", "name the library otherwise")


def test_a_library_of_another_encoder_is_refused(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    library.add([HARBOUR])
    with pytest.raises(LibraryMismatch, match="was built with encoder"):
        Library.open(library.address, settings=Settings(encoder="other/model"))

    class Wider(WordEncoder):
        dim, digest = 64, "1" * 64

    monkeypatch.setattr("embeddings.encoder.load_encoder", lambda *_, **__: Wider())
    with closing(Library.open(library.address, settings=SMALL)) as other, pytest.raises(LibraryMismatch) as caught:
        other.search("pilots")
    one_line(caught, "the weights of", library.address)


def test_a_text_that_is_not_what_was_written_is_damage_and_no_answer(library: Library) -> None:
    library.add([HARBOUR])
    milvus = library._engine._milvus
    (row,) = milvus.rows("texts", "key > 0", ["key", "text", "nothing"])
    milvus.put("texts", [{**row, "text": row["text"].replace("41", "42")}])
    with pytest.raises(LibraryDamaged, match="is not what was written"):
        library.document("harbour.md")


def test_two_replicas_see_a_commit_at_their_next_question_and_a_lost_server_is_an_error(
    server: tuple[str, subprocess.Popen[bytes]],
) -> None:
    address, running = server
    with closing(Library.open(address, settings=SMALL)) as writer:
        writer.add([HARBOUR])
        with (
            closing(Library.open(address, create=False, settings=SMALL)) as one,
            closing(Library.open(address, create=False, settings=SMALL)) as other,
        ):
            assert not one.search("lighthouse lamp")[0].passage.document_id.startswith("old/")
            writer.add([LIGHTHOUSE])
            for replica in (one, other):
                assert replica.search("lighthouse lamp")[0].passage.document_id == LIGHTHOUSE.id
            with ThreadsBeside(one, other) as seen:
                for n in range(3):
                    writer.add([barrel(n)])
            assert not seen.failed
            assert seen.counts <= {2, 3, 4, 5}
            running.kill()
            running.wait()
            with pytest.raises(LibraryError) as caught:
                one.ask("Who built the lighthouse of Norrwick?")
            one_line(caught, address, "does not answer")


class ThreadsBeside:
    """Asks libraries all the while, and notes how many documents each question sees, all of them at once."""

    def __init__(self, *libraries: Library) -> None:
        self.counts: set[int] = set()
        self.failed: list[Exception] = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(library,)) for library in libraries]

    def _ask(self, library: Library) -> None:
        while not self._ended.is_set():
            try:
                snapshot = library.pipeline().snapshot
                vector = WordEncoder().encode(["Norrwick"], kind="query")[0].vector
                found = snapshot.dense(vector, 99, allowed=None)
                assert len(found) == snapshot.published.passages == len(snapshot.passages(list(found)))
                self.counts.add(len(found))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told in the test's own thread
                self.failed.append(error)
                return

    def __enter__(self) -> ThreadsBeside:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()


def test_without_the_packages_one_line_says_what_to_install() -> None:
    code = """
import sys
sys.modules["pymilvus"] = None
from rag import Library
from rag.errors import LibraryError
try:
    Library.open("milvus+http://127.0.0.1:1/town")
except LibraryError as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert 'run: pip install "leadgoose[milvus]"' in said.stdout


def test_nothing_of_milvus_is_loaded_for_a_library_in_a_folder(tmp_path: Path) -> None:
    code = f"""
import sys
from rag import Library
Library.open({str(tmp_path / "library")!r}).close()
print([name for name in sys.modules if name.split(".")[0] in ("pymilvus", "milvus_lite", "grpc")])
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert said.stdout == "[]\n"


@pytest.mark.parametrize(
    ("said", "kind", "next_step"),
    [
        ("deadline exceeded", LibraryError, "does not answer"),
        ("DNS resolution failed: domain name not found", LibraryError, "does not answer"),
        ("channel not found[channel=by-dev_1]", LibraryError, "see the log of Milvus"),
        ("privilege check failed", LibraryError, "RAG_MILVUS_TOKEN"),
        ("vector dimension mismatch\nexpected 3", LibraryError, "see the log of Milvus"),
    ],
)
def test_a_failure_of_milvus_is_one_line_with_its_address(said: str, kind: type, next_step: str) -> None:
    error = explained(Exception(said), MilvusAddress("http://host:19530", "town"))
    assert isinstance(error, kind)
    assert str(error).startswith("milvus+http://host:19530/town ")
    assert next_step in str(error)
    assert "\n" not in str(error)


def test_what_is_missing_on_a_server_is_a_library_to_be_made() -> None:
    for said in ("can't find collection[database=default][collection=town_v3]", "alias not found[alias=town]"):
        error = explained(Exception(said), MilvusAddress("http://host:19530", "town"))
        assert isinstance(error, LibraryNotFound)


@pytest.mark.parametrize("value", [10**400, -(10**400), 2**63, 1e300])
def test_numbers_beyond_all_integers_of_a_database_are_filtered_too(value: float) -> None:
    own = facets(Document(id="a", text="", metadata={"n": value}))
    clause = condition({"n": value})
    assert clause is not None
    assert set(json.loads(clause[clause.index("[") : -1])) & set(own)


def test_a_library_that_is_closed_twice_leaves_others_their_file(place: MilvusAddress) -> None:
    with Library.open(str(place), settings=SMALL) as library:
        library.add([Document(id="a", title="A", text="Fourteen pilots.")])
        with Library.open(str(place), settings=SMALL) as other:
            other.close()
        assert [d.id for d in library.documents()] == ["a"]
        assert library.document("a").text == "Fourteen pilots."


def test_a_first_run_that_was_cut_short_does_not_bind_the_library_to_its_encoder(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Wider(WordEncoder):
        dim, digest = 64, "1" * 64

        def _encode(self, text: str) -> Any:
            narrow = super()._encode(text)
            double = [
                np.concatenate([part, part], axis=-1) / np.sqrt(2) for part in (narrow.vector, narrow.token_vectors)
            ]
            return Encoding(*double, narrow.token_spans)

    with monkeypatch.context() as patch:
        patch.setattr("rag.milvus.engine.MilvusEngine.publish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            library.add([HARBOUR])
    monkeypatch.setattr("embeddings.encoder.load_encoder", lambda *_, **__: Wider())
    with closing(Library.open(library.address, settings=SMALL)) as other:
        assert other.add([LIGHTHOUSE]).documents == 1
        assert [s.id for s in other.documents()] == ["old/lighthouse.md"]


def test_several_may_open_a_new_library_at_once(place: MilvusAddress) -> None:
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _: Library.open(str(place), settings=SMALL), range(4)))
    assert opened[0].add([HARBOUR]).documents == 1
    assert all(one.search("pilots") for one in opened)
    for one in opened:
        one.close()
    with pytest.raises(LibraryError, match="was closed"):
        opened[0].search("pilots")


def test_replicas_answer_over_http_and_one_is_given_files_that_all_can_be_asked_about(
    server: tuple[str, subprocess.Popen[bytes]],
) -> None:
    address, running = server
    with ExitStack() as opened:
        clients = []
        for _ in range(2):
            library = opened.enter_context(closing(Library.open(address, settings=SMALL)))
            collections = opened.enter_context(Collections(library))
            clients.append(opened.enter_context(served(create_api(collections))))
        files = {"files": ("lamp.md", b"# The lamp\n\nThe lamp of Norrwick was lit by Ada Lindqvist in 1874.")}
        given = clients[0].post("/v1/documents", files=files)
        assert given.status_code == 200, given.text
        for client in clients:
            found = client.post("/v1/search", json={"query": "lamp lit 1874"}).json()["hits"]
            assert found[0]["document_id"] == "uploads/lamp.md"
        # Whoever indexes a folder on another machine leaves alone what was uploaded to this one.
        with closing(Library.open(address, settings=SMALL)) as other:
            assert other._engine.is_upload("uploads/lamp.md")
        running.kill()
        running.wait()
        assert "does not answer" in error_of(clients[1].post("/v1/ask", json={"question": "Who lit the lamp?"}), 503)


def test_the_commands_take_an_address_and_name_it(
    place: MilvusAddress, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = str(place)
    (tmp_path / "lamp.md").write_text("# The lamp\n\nThe lamp of Norrwick was lit by Ada Lindqvist in 1874.")
    assert main(["--library", address, "search", "lamp"]) == 1
    assert f"there is no library at {address}" in capsys.readouterr().err
    assert main(["--library", address, "index", str(tmp_path / "lamp.md")]) == 0
    assert f"1 documents, 1 passages in {address}" in capsys.readouterr().out
    assert main(["--library", address, "--json", "search", "who lit the lamp"]) == 0
    assert json.loads(capsys.readouterr().out)["hits"][0]["document_id"] == "lamp.md"
    assert main(["--library", address, "--json", "doctor"]) == 0
    findings = {f["subject"]: f["message"] for f in json.loads(capsys.readouterr().out)["findings"]}
    assert "1 documents, 1 passages" in findings["library"]
    assert main(["--library", address, "token", "add", "phone"]) == 0
    assert capsys.readouterr().out.startswith("lg_")
    assert [path.name for path in place.state.iterdir() if path.suffix == ".json"] == ["tokens.json"]
    assert main(["--library", address, "backup", str(tmp_path / "kept")]) == 1
    assert "Milvus keeps its own files" in capsys.readouterr().err
    assert main(["--library", address, "restore", str(tmp_path)]) == 1
    assert "Milvus has its own tools" in capsys.readouterr().err
    assert main(["--library", "milvus+file:///x.db", "list"]) == 1
    assert "names the library ''" in capsys.readouterr().err


def test_a_gold_set_that_brings_its_documents_is_kept_in_the_same_milvus(place: MilvusAddress) -> None:
    gold = GoldSet("town", "0123456789abcdef" * 4, (), documents=(HARBOUR, LIGHTHOUSE))
    names = []
    for _ in range(2):
        with open_gold_library(gold, settings=SMALL, root=place) as library:
            assert len(library.documents()) == 2
            assert library.statistics()["generation"] == 1
            names.append(library.address)
    assert names[0] == names[1]
    assert names[0].startswith(f"{place}_0123456789ab_")
