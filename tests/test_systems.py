"""Naming systems and opening them over real libraries."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import BAKERY, HARBOUR, TOWN, MakeLibrary

from eval.gold import read_gold
from eval.kept import open_gold_library
from eval.questions import GoldSet
from eval.systems import BUILT_IN, Asker, SystemSpec, open_system, read_systems
from rag import Library
from rag.errors import ConfigurationError, LibraryMismatch

QUERY = "pilots of the harbour"
FILE = """
[systems.short]
answer_sentences = 1
threshold = 0

[systems.deep]
candidates_k = 50

[systems.peer]
adapter = "peer:build"
"""


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> GoldSet:
    """A gold set on the user's own library."""
    path = tmp_path_factory.mktemp("gold") / "gold.jsonl"
    path.write_text('{"id": "q", "question": "How many pilots?", "answers": ["41"], "answerable": true}')
    return read_gold(path)


def written(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "systems.toml"
    path.write_text(content, encoding="utf-8")
    return path


def test_systems_come_in_the_order_they_are_named() -> None:
    assert [spec.name for spec in read_systems("lexical, default,rrf")] == ["lexical", "default", "rrf"]


def test_every_built_in_system_says_what_it_is() -> None:
    assert list(BUILT_IN) == ["default", "dense", "lexical", "rrf", "no-rerank", "langchain"]
    assert len({spec.summary for spec in BUILT_IN.values()} - {""}) == len(BUILT_IN)


def test_a_file_alone_is_compared_with_the_default(tmp_path: Path) -> None:
    file = written(tmp_path, FILE)
    assert [spec.name for spec in read_systems(None, file)] == ["default", "short", "deep", "peer"]
    assert read_systems("", file) == read_systems(None, file)


def test_of_a_file_only_the_named_systems_are_taken(tmp_path: Path) -> None:
    short, dense, peer = read_systems("short,dense,peer", written(tmp_path, FILE))
    assert short == SystemSpec("short", {"answer_sentences": 1, "threshold": 0})
    assert dense == BUILT_IN["dense"]
    assert peer == SystemSpec("peer", adapter="peer:build")


def test_an_adapter_may_be_named_without_a_file() -> None:
    assert read_systems("default,my.peers:make")[1] == SystemSpec("my.peers:make", adapter="my.peers:make")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("", "no system is named; known are default, dense"),
        ("default,desne", "unknown system 'desne'; known are default, dense"),
        ("default,", "unknown system ''"),
        ("dense,rrf,dense", "system 'dense' is named twice"),
        ("my-peers:make", "unknown system 'my-peers:make'"),
        ("systems.toml", "unknown system 'systems.toml'"),
    ],
)
def test_names_that_cannot_be_used_give_one_line(names: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_systems(names)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[systems.a]\nrerankers = 'none'", "systems.a: unknown setting 'rerankers'; did you mean rerank?"),
        ("[systems.a]\nrerank = 'nine'", "systems.a: setting rerank = 'nine'; it has to be one of"),
        ("[systems.a]\ndense_weight = 'much'", "systems.a: setting dense_weight = 'much'; it has to be a number"),
        ("[systems.dense]\nrerank = 'late'", "systems.dense: 'dense' is built in; choose another name"),
        ("[systems.'a,b']\nrerank = 'none'", "systems.a,b: 'a,b' is no name"),
        ("[systems]\na = 1", "systems.a = 1; it has to be a table"),
        ("[systems.a]\nadapter = 'peer'", "systems.a: adapter = 'peer'; it has to be 'MODULE:FACTORY'"),
        ("[systems.a]\nadapter = 3", "systems.a: adapter = 3; it has to be 'MODULE:FACTORY'"),
        ("[systems.a]\nadapter = 'p:b'\nhits_k = 3", "systems.a: hits_k stands beside adapter"),
        ("[system.a]\nhits_k = 3", "holds system; it has to hold tables [systems.NAME]"),
        ("[systems]", "names no system; it has to hold tables [systems.NAME]"),
        ("systems = 3", "names no system"),
        ("", "names no system"),
        ("[systems.a\n", "cannot read the systems file"),
        ("[systems.a]\n[systems.a]", "cannot read the systems file"),
    ],
)
def test_a_file_that_cannot_be_used_gives_one_line_that_names_it(content: str, message: str, tmp_path: Path) -> None:
    file = written(tmp_path, content)
    with pytest.raises(ConfigurationError) as caught:
        read_systems("default", file)
    assert message in str(caught.value)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_missing_or_not_utf_8_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot read the systems file .*missing\.toml"):
        read_systems("default", tmp_path / "missing.toml")
    (tmp_path / "latin.toml").write_bytes(b"[systems.caf\xe9]")
    with pytest.raises(ConfigurationError, match=r"cannot read the systems file .*latin\.toml"):
        read_systems("default", tmp_path / "latin.toml")


def test_the_default_system_is_the_library_itself(town_library: Library, questions: GoldSet) -> None:
    with open_system(BUILT_IN["default"], gold=questions, library=town_library) as opened:
        assert opened.system is opened.library is town_library
    assert town_library.search(QUERY)


def test_a_library_is_a_system_that_answers(town_library: Library) -> None:
    assert isinstance(town_library, Asker)


@pytest.mark.parametrize(
    ("name", "legs", "fusion", "reranker"),
    [
        ("default", {"dense", "lexical"}, "convex", "late"),
        ("dense", {"dense"}, "convex", "none"),
        ("lexical", {"lexical"}, "convex", "none"),
        ("rrf", {"dense", "lexical"}, "rrf", "none"),
        ("no-rerank", {"dense", "lexical"}, "convex", "none"),
    ],
)
def test_each_built_in_system_asks_the_legs_and_uses_the_reranker_it_is_named_for(
    name: str, legs: set[str], fusion: str, reranker: str, *, town_library: Library, questions: GoldSet
) -> None:
    with open_system(BUILT_IN[name], gold=questions, library=town_library) as opened:
        hits = opened.system.search(QUERY, 3)
        assert (opened.library.settings.fusion, opened.library.settings.rerank) == (fusion, reranker)
    assert hits[0].passage.document_id == HARBOUR.id
    assert set(hits[0].signals) & {"dense", "lexical"} == legs


@pytest.mark.parametrize("leg", ["dense", "lexical"])
def test_a_system_of_one_leg_ranks_as_that_leg_does(leg: str, town_library: Library, questions: GoldSet) -> None:
    with open_system(BUILT_IN[leg], gold=questions, library=town_library) as opened:
        hits = opened.system.search("the lighthouse and harbour of Norrwick", 3)
    assert len(hits) >= 2
    assert list(hits) == sorted(hits, key=lambda hit: -hit.signals[leg])


def test_settings_of_the_library_that_a_system_does_not_name_stay(
    make_library: MakeLibrary, questions: GoldSet
) -> None:
    library = make_library(*TOWN, hits_k=1, dense_weight=0.9)
    with open_system(BUILT_IN["lexical"], gold=questions, library=library) as opened:
        assert opened.library is not library
        assert opened.library.path == library.path
        assert (opened.library.settings.hits_k, opened.library.settings.dense_weight) == (1, 0.0)
        assert isinstance(opened.system, Asker)
        assert len(opened.system.ask(QUERY).hits) == 1
    assert library.settings.dense_weight == 0.9
    assert len(library.ask(QUERY).hits) == 1


def test_whole_numbers_of_a_file_become_the_setting_s_type(town_library: Library, questions: GoldSet) -> None:
    with open_system(SystemSpec("a", {"dense_weight": 1}), gold=questions, library=town_library) as opened:
        weight = opened.library.settings.dense_weight
    assert (weight, type(weight)) == (1.0, float)


def test_the_user_s_own_library_is_not_built_anew(make_library: MakeLibrary, questions: GoldSet) -> None:
    library = make_library(HARBOUR)
    files = sorted(library.path.parent.rglob("*"))
    spec = SystemSpec("small", {"passage_chars": 64})
    with (
        pytest.raises(
            LibraryMismatch, match=r"system 'small': the library .* was built with passage_chars 900, not 64"
        ),
        open_system(spec, gold=questions, library=library),
    ):
        pass
    assert sorted(library.path.parent.rglob("*")) == files


def test_a_gold_folder_is_indexed_anew_for_other_passages_and_only_then(tmp_path: Path) -> None:
    gold = GoldSet("town", "0" * 64, (), (HARBOUR, BAKERY))
    stages: list[Any] = []

    def progress(*report: Any) -> None:
        stages.append(report)

    small = SystemSpec("small", {"passage_chars": 100, "rerank": "none"})
    with open_gold_library(gold, root=tmp_path) as library:
        with open_system(SystemSpec("same", {"passage_chars": 900}), gold=gold, library=library) as opened:
            assert opened.library.path == library.path
        with open_system(small, gold=gold, library=library, progress=progress) as opened:
            assert stages
            assert opened.library.path.parent.parent == tmp_path
            assert opened.library.path != library.path
            assert max(len(passage.text) for passage in opened.library.passages()) <= 100
            assert opened.library.settings.rerank == "none"
        stages.clear()
        with open_system(small, gold=gold, library=library, progress=progress) as opened:
            assert stages == []
        assert max(len(passage.text) for passage in library.passages()) > 100


PEER = """
class Peer:
    def __init__(self, documents):
        self.documents = documents

    def search(self, query, k):
        from {name}_ranks import ranked
        return ranked(self.documents, query, k)

build = Peer
"""
RANKS = """
from eval.systems import passage_at
from rag import Hit

def ranked(documents, query, k):
    chosen = [document for document in documents if query in document.text][:k]
    return [Hit(passage_at(d, query), d.title, rank, 1.0) for rank, d in enumerate(chosen, start=1)]
"""


def test_an_adapter_in_the_current_folder_may_import_from_it_when_it_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, town_library: Library, questions: GoldSet
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.chdir(tmp_path)
    # Not the tests' own folder, nor one that is named "".
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    (tmp_path / "lazy_peer.py").write_text(PEER.format(name="lazy_peer"))
    (tmp_path / "lazy_peer_ranks.py").write_text(RANKS)
    before = list(sys.path)
    with open_system(SystemSpec("peer", adapter="lazy_peer:build"), gold=questions, library=town_library) as opened:
        assert sys.path == [*before, os.getcwd()]
        assert [hit.passage.document_id for hit in opened.system.search("41 pilots", 3)] == [HARBOUR.id]
    assert sys.path == before


def test_no_file_of_the_current_folder_takes_the_place_of_an_installed_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, town_library: Library, questions: GoldSet
) -> None:
    monkeypatch.setenv("RAG_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "langchain_text_splitters"]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("langchain_text_splitters", "jinja2"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('this must not run')")
    before = list(sys.path)
    with open_system(BUILT_IN["langchain"], gold=questions, library=town_library) as opened:
        assert sys.path == before
        assert opened.system.search(QUERY, 1)[0].passage.document_id == HARBOUR.id
    monkeypatch.delitem(sys.modules, "jinja2", raising=False)
    (tmp_path / "own_peer.py").write_text("import jinja2\n" + PEER.format(name="own_peer"))
    with open_system(SystemSpec("peer", adapter="own_peer:build"), gold=questions, library=town_library):
        assert Path(sys.modules["jinja2"].__file__ or "").parent != tmp_path
