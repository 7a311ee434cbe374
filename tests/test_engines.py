"""One library in a folder and one in Milvus: the same is done to both, and the same comes of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eval.faulty import WordEncoder, barrel
from rag import Document, Library, Settings
from rag.errors import FilterError, LibraryChanged, LibraryEmpty, LibraryError, LibraryNotFound
from rag.folder.snapshot import FolderSnapshot
from rag.library_store import LibraryStore
from rag.recent import Recent
from rag.schema import Answer
from rag.writer import Writer
from tests.conftest import BAKERY, HARBOUR, LIGHTHOUSE, TOWN

pytest.importorskip("pymilvus", reason="needs the extra milvus")
pytest.importorskip("milvus_lite", reason="needs the extra milvus")
ENGINES = ("folder", "milvus")
QUESTION = "How many pilots does the harbour of Norrwick employ?"


def address(engine: str, folder: Path, name: str = "library") -> str:
    return str(folder / name) if engine == "folder" else f"milvus+file://{folder}/all.db#{name}"


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("RAG_STATE", str(tmp_path / "state"))
    return str(request.param)


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let libraries be encoded by words alone, at once."""
    monkeypatch.setattr("embeddings.encoder.load_encoder", lambda *_, **__: WordEncoder())


@pytest.fixture
def library(engine: str, words: None, tmp_path: Path) -> Iterator[Library]:
    with Library.open(address(engine, tmp_path), settings=Settings(indexing_threads=1)) as opened:
        yield opened


def again(library: Library) -> Library:
    """Open a library a second time, as another process would."""
    return Library.open(library.address, create=False, settings=Settings(indexing_threads=1))


def ids(library: Library) -> list[str]:
    return [summary.id for summary in library.documents()]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Library]]:
    """The town in both, with the real encoder; shared, so only to be read."""
    folder = tmp_path_factory.mktemp("both")
    opened = {engine: Library.open(address(engine, folder)) for engine in ENGINES}
    for library in opened.values():
        library.add(TOWN)
        library.add([barrel(n) for n in range(8)])
    yield opened
    for library in opened.values():
        library.close()


ASKED = (
    QUESTION,
    "Who built the lighthouse of Norrwick?",
    "When was the pilott staton moved?",
    '"northern pier"',
    "面包店几点开门？",
    "How many litres does the barrel number5 hold?",
    "What does the moon weigh?",
)


def told(answer: Answer) -> Any:
    cited = [(c.document_id, c.start_char, c.end_char, c.quote) for c in answer.citations]
    hits = [(h.passage.document_id, h.passage.start_char) for h in answer.hits]
    return answer.text, answer.abstained, cited, hits, round(answer.confidence, 5)


@pytest.mark.parametrize("question", ASKED)
def test_the_same_question_has_the_same_answer_with_the_same_citations(question: str, both: dict[str, Library]) -> None:
    here, there = (library.ask(question) for library in both.values())
    assert told(here) == told(there)
    for citation in there.citations:
        text = both["milvus"].document(citation.document_id).text
        assert text[citation.start_char : citation.end_char] == citation.quote


def test_an_answer_grows_to_what_it_is_when_asked_for_whole(both: dict[str, Library]) -> None:
    *_, last = both["milvus"].stream(QUESTION)
    assert told(last) == told(both["milvus"].ask(QUESTION))
    first = both["milvus"].ask(QUESTION)
    followed = [library.ask("And when was it moved?", history=[first]) for library in both.values()]
    assert told(followed[0]) == told(followed[1])


@pytest.mark.parametrize(
    "filters",
    [
        {"kind": "report"},
        {"year": [2021, 2022]},
        {"folder": "old"},
        {"folder": "ol"},
        {"date_from": "2021-11-30"},
        {"date_to": "2021-11-30", "language": "en"},
        {"title": "The lighthouse"},
        {"document_id": ["bakery.md", "harbour.md"]},
        {"kind": []},
        {"year": True},
    ],
    ids=str,
)
def test_the_same_passages_pass_a_filter(filters: dict[str, Any], both: dict[str, Library]) -> None:
    found = [library.search("Norrwick 面包店", 9, filters=filters) for library in both.values()]
    places = [{(h.passage.document_id, h.passage.start_char) for h in hits} for hits in found]
    assert places[0] == places[1]


def test_an_unknown_filter_is_told_with_those_that_are_known(both: dict[str, Library]) -> None:
    said = []
    for library in both.values():
        with pytest.raises(FilterError) as caught:
            library.search("pilots", filters={"fleet": "north"})
        said.append(str(caught.value))
    assert said[0] == said[1]
    assert "kind, year" in said[0]


def test_terms_are_scored_alike_in_both(both: dict[str, Library]) -> None:
    here, there = (library.pipeline().snapshot for library in both.values())
    chance = random.Random(4)
    terms = ["norrwick", "harbour", "pilot", "barrel", "number3", "面包", "lamp", "pier", "absent", "of norrwick"]
    place = [{s.key: (s.passage.document_id, s.passage.start_char) for s in _stored(x)} for x in (here, there)]
    for _ in range(25):
        asked = [tuple(chance.sample(terms, chance.randint(1, 2))) for _ in range(chance.randint(1, 4))]
        every = chance.random() < 0.3
        scores = [s.lexical(asked, 50, allowed=None, every=every) for s in (here, there)]
        named = [{place[n][key]: score for key, score in scores[n].items()} for n in (0, 1)]
        assert named[0] == pytest.approx(named[1], rel=1e-5)
        weights = [1.0] * len(asked)
        shares = [s.coverage(asked, weights, list(place[n])) for n, s in enumerate((here, there))]
        assert {place[0][k]: v for k, v in shares[0].items()} == pytest.approx(
            {place[1][k]: v for k, v in shares[1].items()}, rel=1e-5
        )
        for variants in asked:
            assert here.rarity(variants) == pytest.approx(there.rarity(variants))
            assert here.holds(variants) == there.holds(variants)
    for word in ("harbor", "lighthose", "pilott", "zzzz"):
        assert here.near(word) == there.near(word)


def _stored(snapshot: Any) -> Any:
    return list(snapshot.store.passages_of(revision=snapshot.revision))


def test_what_is_added_updated_and_removed_is_seen_by_the_next_question(library: Library) -> None:
    report = library.add([HARBOUR, LIGHTHOUSE])
    assert (report.added, report.documents, report.passages) == (2, 2, 2)
    assert library.add([HARBOUR]).unchanged == 1
    assert library.add([replace(HARBOUR, text="The harbour of Norrwick employs 57 pilots.")]).updated == 1
    assert library.remove(["old/lighthouse.md", "never-there.md"]) == 1
    assert ids(library) == ["harbour.md"]
    assert "57 pilots" in library.search("pilots")[0].passage.text
    assert library.search("lighthouse lamp kilometres")[0].passage.document_id == "harbour.md"
    with pytest.raises(KeyError):
        library.document("old/lighthouse.md")
    assert library.remove(["harbour.md"]) == 1
    assert library.documents() == []


def test_a_file_keeps_its_vectors_when_it_is_renamed_and_copies_are_told(library: Library, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "ropes.md").write_text("# Ropes\n\nThe ropes of Norrwick are twisted from hemp by nine men.")
    (docs / "sails.md").write_text("# Sails\n\nThe sails of Norrwick are sewn from flax in the old loft.")
    assert library.index(docs).embedded == 2
    assert library.index(docs).unchanged == 2
    (docs / "ropes.md").rename(docs / "cordage.md")
    (docs / "sails-copy.md").write_bytes((docs / "sails.md").read_bytes())
    report = library.index(docs)
    assert (report.renamed, report.added, report.removed, report.embedded, report.copies) == (1, 1, 0, 0, 1)
    assert [s.same_text_as for s in library.documents()] == [None, None, "sails-copy.md"]
    (docs / "cordage.md").unlink()
    assert library.index(docs).removed == 1
    assert library.search("hemp", filters={"title": "Sails"})[0].also_in == ("sails.md",)


def test_a_long_document_comes_back_to_the_character(library: Library) -> None:
    chance = random.Random(1)
    letters = "abcdefghäöü面包店𝛽"
    words = ["".join(chance.choices(letters, k=chance.randint(2, 9))) for _ in range(300)]
    text = " ".join([*words, "Norrwick."] * 25)
    metadata = {"note": "x" * 70_000, "tags": ["a", "ä", 'quo"te\\']}
    given = Document(id="long 'quoted\".md", title='A "long" one', text=text, language="en", metadata=metadata)
    report = library.add([given])
    found = library.document(given.id)
    assert (found.text, found.title, dict(found.metadata)) == (text, given.title, metadata)
    passages = list(library.passages(given.id))
    assert len(passages) == report.passages
    assert all(text[p.start_char : p.end_char] == p.text for p in passages)
    assert library.search("Norrwick", filters={"tag": 'quo"te\\'})


def test_a_reader_sees_a_revision_whole_while_the_next_one_is_written(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add([HARBOUR, *map(barrel, range(3))])
    with closing(again(library)) as reader:
        before = reader.pipeline().snapshot
        seen: list[Any] = []

        def look(store: LibraryStore) -> None:
            seen.append((ids(reader), len(reader.search("barrel Norrwick", 50)), reader.statistics()["generation"]))

        drop = Writer.drop

        def watched(self: Writer, *arguments: Any) -> None:
            drop(self, *arguments)
            look(self.store)

        monkeypatch.setattr(Writer, "drop", watched)
        library.remove(["harbour.md", "barrel-0.md"])
        assert seen == [(["barrel-0.md", "barrel-1.md", "barrel-2.md", "harbour.md"], 4, 1)]
        assert ids(reader) == ["barrel-1.md", "barrel-2.md"]
        assert len(reader.search("barrel Norrwick", 50)) == 2
        # A question under way goes on with the revision that it began with, for one commit.
        keys = list(before.dense(WordEncoder().encode(["pilots"], kind="query")[0].vector, 9, allowed=None))
        assert len(before.passages(keys)) == 4
        library.add([barrel(7)])
        library.add([barrel(8)])
        _forget(before)
        with pytest.raises(LibraryChanged):
            before.passages(keys)


def _forget(snapshot: Any) -> None:
    """Let nothing be read from memory."""
    if isinstance(snapshot, FolderSnapshot):
        snapshot.store._recent = Recent(1)
    else:
        snapshot.store._passages = Recent(1)


def test_a_run_that_fails_leaves_nothing_to_be_seen_and_the_next_one_goes_on(
    library: Library, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for n in range(6):
        (docs / f"{n}.md").write_text(f"# Mill {n}\n\nThe mill number{n} of Norrwick grinds {n + 40} sacks of rye.")
    library.index(docs / "0.md")
    monkeypatch.setattr("rag.embed.BATCH_PASSAGES", 2)
    seal, sealed = type(library._store).seal, []

    def fail(self: Any, *arguments: Any) -> None:
        if len(sealed) == 3:
            raise KeyboardInterrupt
        sealed.append(arguments)
        seal(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(type(library._store), "seal", fail)
        with pytest.raises(KeyboardInterrupt):
            library.index(docs)
    assert ids(library) == ["0.md"]
    assert {h.passage.document_id for h in library.search("mill rye", 50)} == {"0.md"}
    assert library.unpublished() == 2
    report = library.index(docs)
    assert (report.documents, report.passages, report.embedded) == (6, 6, 3)
    assert {h.passage.document_id for h in library.search("mill rye", 50)} == {f"{n}.md" for n in range(6)}
    assert library.statistics()["generation"] == 2


def test_what_was_to_be_replaced_by_a_document_that_was_cut_short_stands_again(
    library: Library, tmp_path: Path
) -> None:
    upload = Document(id="uploads/plan.md", title="Plan", text="The harbour is to have nine berths.")
    library.add([upload, HARBOUR])
    revision = library.statistics()["generation"]
    store = library._store
    with store.transaction():
        # As a run leaves it that is killed after the first passages of a long document.
        store.add_document(replace(upload, text="Ten berths. " * 2_000), revision=revision + 1)
    assert store.document(upload.id) is None or store.has_staged(revision=revision + 1)
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "bakery.md").write_text("The bakery of Norrwick opens at five.")
    library._engine.is_upload = lambda document_id: document_id == upload.id  # type: ignore[method-assign]
    library.index(docs)
    assert ids(library) == ["bakery.md", upload.id]
    assert library.document(upload.id).text == upload.text
    assert library.search("berths", k=1)[0].passage.document_id == upload.id


def test_documents_that_are_taken_out_can_be_put_back_as_they_were(library: Library) -> None:
    library.add([HARBOUR, LIGHTHOUSE])
    before = library.document(HARBOUR.id), list(library.passages(HARBOUR.id)), library.origins([HARBOUR.id])
    kept = library.take([HARBOUR.id])
    library.remove([HARBOUR.id])
    report = library.put_back(kept)
    assert (report.added, report.embedded) == (1, 0)
    assert (library.document(HARBOUR.id), list(library.passages(HARBOUR.id)), library.origins([HARBOUR.id])) == before


def test_short_forms_find_long_ones_as_documents_introduce_them(library: Library) -> None:
    library.add([replace(BAKERY, id=f"{n}.md", language="en", text=f"Text {n} of mills.") for n in range(3)])
    assert library.pipeline().snapshot.abbreviations(["who"]) == []
    text = "The World Health Organization (WHO) inspected the pilot station of Norrwick in March 2019."
    library.add([replace(HARBOUR, text=text)])
    ((abbreviation, count),) = library.pipeline().snapshot.abbreviations(["who"])
    assert (abbreviation.short, abbreviation.long, count) == ("WHO", "World Health Organization", 1)
    library.remove([HARBOUR.id])
    assert library.pipeline().snapshot.abbreviations(["who"]) == []


def test_a_library_without_documents_says_so_and_one_that_is_missing_is_not_made(
    engine: str, library: Library, tmp_path: Path
) -> None:
    with pytest.raises(LibraryEmpty, match="holds no documents"):
        library.ask(QUESTION)
    with pytest.raises(LibraryNotFound, match="index PATH"):
        Library.open(address(engine, tmp_path, "other"), create=False)
    library.add([HARBOUR])
    if engine == "milvus":
        with pytest.raises(LibraryError, match="cannot be verified: Milvus keeps its own files"):
            library.verify()
