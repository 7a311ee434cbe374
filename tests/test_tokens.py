"""Token vectors of a library: at few bits, at more, or none, by a setting that each library keeps."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from conftest import MakeLibrary

from rag import Document, Library, Settings
from rag.errors import LibraryMismatch
from rag.library import DATABASE

PILOTS = Document("pilots.md", "The harbour has four pilots. They board ships at the outer buoy, in any weather.")
BAKERY = Document("bakery.md", "The bakery opens at six. Its bread is made of rye, and sold by weight.")
LIGHT = Document("light.md", "The lighthouse was built in 1887. Its lamp is seen twenty miles away.")
QUESTIONS = ("Who boards ships at the buoy?", "When was the lighthouse built?", "What is the bread made of?")


def signals(library: Library) -> list[tuple[str, float, float]]:
    """Return document, passage and best sentence similarity of every hit, in order."""
    return [
        (hit.passage.document_id, hit.signals["late"], hit.signals["sentence"])
        for question in QUESTIONS
        for hit in library.search(question)
    ]


def packed_bytes(library: Library) -> dict[str, int]:
    """Return the bytes of token vectors by document."""
    with sqlite3.connect(library.path / DATABASE) as database:
        sql = """SELECT id, sum(length(tokens)) FROM vectors JOIN passages ON passages.key = passage_key
            JOIN documents ON documents.key = document_key GROUP BY id"""
        return dict(database.execute(sql).fetchall())


def test_a_new_library_keeps_98_bytes_a_token(make_library: MakeLibrary) -> None:
    library = make_library(PILOTS)
    # 19 tokens, full stops and the comma counted.
    assert packed_bytes(library) == {"pilots.md": 19 * 98}


def test_more_bits_take_more_bytes_and_rank_alike(make_library: MakeLibrary) -> None:
    few = make_library(PILOTS, BAKERY, LIGHT, name="few")
    whole = make_library(PILOTS, BAKERY, LIGHT, name="whole", token_bits=4)
    assert packed_bytes(whole)["pilots.md"] == 19 * 194
    for library in (few, whole):
        assert [library.search(q)[0].passage.document_id for q in QUESTIONS] == ["pilots.md", "light.md", "bakery.md"]
    for (_, late, sentence), (_, whole_late, whole_sentence) in zip(
        sorted(signals(few)), sorted(signals(whole)), strict=True
    ):
        assert late == pytest.approx(whole_late, abs=0.06)
        assert sentence == pytest.approx(whole_sentence, abs=0.06)


def test_without_kept_vectors_candidates_are_encoded_anew_with_the_same_numbers(make_library: MakeLibrary) -> None:
    none = make_library(PILOTS, BAKERY, LIGHT, name="none", token_bits=0)
    whole = make_library(PILOTS, BAKERY, LIGHT, name="whole", token_bits=4)
    assert set(packed_bytes(none).values()) == {0}
    for (document, late, sentence), expected in zip(signals(none), signals(whole), strict=True):
        # Four bits a component is all that differs.
        assert (document, late, sentence) == (expected[0], *(pytest.approx(v, abs=0.02) for v in expected[1:]))
    assert none.ask(QUESTIONS[1]).citations[0].document_id == "light.md"


def test_a_library_goes_on_with_the_bits_it_was_built_with(make_library: MakeLibrary, tmp_path: Path) -> None:
    make_library(PILOTS, token_bits=1).close()
    with Library.open(tmp_path / "library") as library:
        assert library.settings.token_bits == 1
        library.add([LIGHT])
        assert packed_bytes(library)["pilots.md"] == 19 * 50
        assert library.search(QUESTIONS[1])[0].passage.document_id == "light.md"
    with pytest.raises(LibraryMismatch, match="built with token_bits 1, not 2"):
        Library.open(tmp_path / "library", settings=Settings(token_bits=2))


def test_a_library_from_before_there_was_a_choice_keeps_four_bits_and_single_precision(
    make_library: MakeLibrary, tmp_path: Path
) -> None:
    as_then = {"token_bits": 4, "precision": "float32"}
    make_library(PILOTS, **as_then).close()
    with sqlite3.connect(tmp_path / "library" / DATABASE) as database:
        # As it was written then.
        without = "json_remove(value, '$.token_bits', '$.precision'), crc = NULL"
        database.execute(f"UPDATE settings SET value = {without} WHERE name = 'build'")
        database.execute("DELETE FROM settings WHERE name = 'checked'")
    with Library.open(tmp_path / "library") as library:
        library.add([LIGHT, BAKERY])
        assert (library.settings.token_bits, library.settings.precision) == (4, "float32")
        assert packed_bytes(library)["pilots.md"] == 19 * 194
        fresh = make_library(PILOTS, LIGHT, BAKERY, name="fresh", **as_then)
        assert signals(library) == signals(fresh)


def test_vectors_do_not_depend_on_the_order_of_adding(make_library: MakeLibrary) -> None:
    together = make_library(PILOTS, BAKERY, LIGHT, name="together")
    apart = make_library(name="apart")
    for document in (LIGHT, PILOTS, BAKERY):
        apart.add([document])
    for one, other in zip(sorted(signals(together)), sorted(signals(apart)), strict=True):
        assert one == (other[0], *(pytest.approx(value, abs=0.02) for value in other[1:]))
