"""Filters: exactly the documents that a plain loop would let through, and a clear refusal of what cannot be meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import BAKERY, HARBOUR, LIGHTHOUSE, MakeLibrary
from hypothesis import given
from hypothesis import strategies as st

from rag import Document, Library, RagError
from rag.filters import NAMES, check_filters, from_typed, in_words
from rag.folder.store import Store
from rag.schema import Passage
from rag.stored import Origin, PassageVectors

# Few of each, so that filters often pass; some differ in case, in type, or by what sorts next to "/".
IDS = ["a", "a/b", "a/b/c", "a0", "a.md", "a/", "A/b", "ab/c", "ä/b", "b", "b/\x00", "b/c d"]
DAYS = ["0999-12-31", "2021-12-31", "2022-01-01", "2022-01-02", "2024-02-29"]
TEXTS = ["", "x", "X", "x y", "5", "true", "ä", "a'b", '"', "\x00x"]
KEYS = ["kind", "tags", "folder", "a.b", "$", "", "größe"]
SCALARS = st.sampled_from([*TEXTS, 5, 5.0, 5.5, 1 / 3, -1, 0, 1, True, False, 2**53])
VALUES = st.one_of(SCALARS, st.none(), st.lists(st.one_of(SCALARS, st.none()), max_size=3), st.just({"x": "x"}))
FOLDERS = ["a", "a/", "a/b", "A", "ä", "b", "c", "x/"]


@st.composite
def documents(draw: st.DrawFn) -> list[Document]:
    return [
        Document(
            id=identifier,
            text="x",
            title=draw(st.sampled_from(TEXTS)),
            date=draw(st.sampled_from([None, *DAYS])),
            language=draw(st.sampled_from(["en", "zh"])),
            source=draw(st.sampled_from(TEXTS)),
            metadata=draw(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3)),
        )
        for identifier in draw(st.lists(st.sampled_from(IDS), unique=True, max_size=8))
    ]


def one_or_more(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(values, st.lists(values, max_size=3))


FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "document_id": one_or_more(st.sampled_from(IDS)),
        "folder": one_or_more(st.sampled_from(FOLDERS)),
        "title": one_or_more(st.sampled_from(TEXTS)),
        "language": one_or_more(st.sampled_from(["en", "zh", "fr"])),
        "source": one_or_more(st.sampled_from(TEXTS)),
        "date": one_or_more(st.sampled_from(DAYS)),
        "date_from": st.sampled_from(DAYS),
        "date_to": st.sampled_from(DAYS),
        "tag": one_or_more(SCALARS),
        "kind": one_or_more(SCALARS),
        "": one_or_more(SCALARS),
        "a.b": SCALARS,
    },
)


def equal(one: Any, other: Any) -> bool:
    """Equal as JSON values; a truth value is the number it is in Python and in SQLite."""
    return isinstance(one, str) == isinstance(other, str) and one is not None and bool(one == other)


def passes(document: Document, name: str, wanted: Any) -> bool:
    """What one filter means, said plainly."""
    allowed = wanted if isinstance(wanted, list) else [wanted]
    if name == "folder":
        return any(document.id.startswith(folder.rstrip("/") + "/") for folder in allowed)
    if name == "date_from":
        return document.date is not None and document.date >= wanted
    if name == "date_to":
        return document.date is not None and document.date <= wanted
    if name == "document_id":
        return document.id in allowed
    if name in ("title", "language", "source", "date"):
        return getattr(document, name) in allowed
    held = document.metadata.get("tags" if name == "tag" else name)
    return any(equal(one, other) for one in (held if isinstance(held, list) else [held]) for other in allowed)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """An empty store; every example fills and empties it."""
    opened = Store(tmp_path_factory.mktemp("filters") / "library.sqlite3")
    yield opened
    opened.close()


@given(given_documents=documents(), filters=FILTERS)
def test_what_passes_is_what_a_plain_loop_lets_through(
    given_documents: list[Document], filters: Mapping[str, Any], store: Store
) -> None:
    check_filters(filters)
    vectors = PassageVectors(np.ones(1, np.float32), b"", np.zeros(1, np.int64))
    owners: dict[int, Document] = {}
    try:
        with store.transaction():
            for document in given_documents:
                key = store.add_document(document, revision=1)
                # Two passages each: a document passes with all of them.
                owners |= {store.add_passage(key, Passage(document.id, 0, 1, "x"), vectors): document for _ in "ab"}
                store.seal(key, Origin("digest"))
        expected = [key for key, d in owners.items() if all(passes(d, n, w) for n, w in filters.items())]
        assert store.select(filters, revision=1).tolist() == sorted(expected)
        names = {name for d in given_documents for name in d.metadata}
        assert store.metadata_names(revision=1) == sorted(names)
        assert [store.has_metadata(name, revision=1) for name in KEYS] == [name in names for name in KEYS]
    finally:
        with store.transaction():
            store.remove_documents([d.id for d in given_documents], revision=1)


def test_only_documents_of_the_revision_pass(make_library: MakeLibrary) -> None:
    library = make_library(HARBOUR, LIGHTHOUSE)
    old = library.pipeline().snapshot
    library.remove(["harbour.md"])
    assert len(old.select({"kind": "report"}) or ()) == 1
    with pytest.raises(ValueError, match="'fleet'"):
        library.search("pilots", filters={"fleet": "north"})
    library.add([replace(BAKERY, metadata={"fleet": "north"})])
    assert library.search("pilots", filters={"fleet": "north"})
    assert library.search("pilots", filters={"kind": "report"}) == []


@pytest.mark.parametrize("number", [1 / 3, 0.1 + 0.2, 1e300 / 3, 2**53 + 1, 2**63 - 1, 12345678901234567890123, -0.0])
def test_a_number_of_any_length_is_equal_to_itself(number: float, make_library: MakeLibrary) -> None:
    library = make_library(replace(HARBOUR, metadata={"share": number}), replace(LIGHTHOUSE, metadata={"share": 0.3}))
    hits = library.search("Norrwick", filters={"share": number})
    assert {hit.passage.document_id for hit in hits} == {HARBOUR.id}


TAGGED = (
    replace(HARBOUR, metadata={"tags": ["port", "ships"], "year": 2023}),
    replace(LIGHTHOUSE, metadata={"tags": ["ships"], "open": True}),
    replace(BAKERY, date=None, text="The baker sells 41 kinds of rye bread to the pilots. He opens at six."),
)


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """Documents with tags, one of them without a date; shared, so only to be read."""
    with Library.open(tmp_path_factory.mktemp("tagged") / "library") as library:
        library.add(TAGGED)
        yield library


QUESTION = "How many pilots does the harbour of Norrwick employ?"


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"tag": "ships"}, {"harbour.md", "old/lighthouse.md"}),
        ({"tag": ["port", "none"]}, {"harbour.md"}),
        ({"tags": "port"}, {"harbour.md"}),
        ({"open": True}, {"old/lighthouse.md"}),
        ({"folder": "old/"}, {"old/lighthouse.md"}),
        ({"date_from": "2000-01-01"}, {"harbour.md", "old/lighthouse.md"}),
        ({"date_to": "2021-11-30"}, {"old/lighthouse.md"}),
    ],
)
def test_search_ask_and_stream_see_only_what_passes(
    filters: dict[str, Any], expected: set[str], tagged: Library
) -> None:
    assert {h.passage.document_id for h in tagged.search(QUESTION, filters=filters)} == expected
    answer = tagged.ask(QUESTION, threshold=0.0, filters=filters)
    assert {h.passage.document_id for h in answer.hits} == expected
    assert {c.document_id for c in answer.citations} <= expected
    *_, last = tagged.stream(QUESTION, threshold=0.0, filters=filters)
    assert replace(last, timings_s={}) == replace(answer, timings_s={})


def test_a_question_is_answered_from_the_filtered_documents(tagged: Library) -> None:
    assert "41 pilots" in tagged.ask(QUESTION).text
    assert "41 kinds" in tagged.ask(QUESTION, threshold=0.0, filters={"document_id": "bakery.md"}).text


@pytest.mark.parametrize("threshold", [0.0, None])
def test_where_no_document_passes_the_answer_abstains_and_names_the_filter(
    threshold: float | None, tagged: Library
) -> None:
    filters = {"folder": "new", "tag": ["port", "ships"]}
    answer = tagged.ask(QUESTION, threshold=threshold, filters=filters)
    assert answer.abstained
    assert answer.text == "Not in these documents: no document passes the filter folder=new, tag=port or ships."
    assert (answer.hits, answer.citations, answer.confidence) == ((), (), 0.0)
    assert "folder=new" in tagged.ask("港口有多少领航员？", filters={"folder": "new"}).text
    assert tagged.search(QUESTION, filters=filters) == []


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"kid": "report"}, ["'kid'", "known are document_id", "date_from", "tag", "kind", "year"]),
        ({"date_from": "2024-13-01"}, ["'date_from'", "'2024-13-01'", "YYYY-MM-DD"]),
        ({"date_to": "20240101"}, ["'date_to'", "YYYY-MM-DD"]),
        ({"date_to": ["2024-01-01"]}, ["'date_to'", "YYYY-MM-DD"]),
        ({"date": ["2024-01-01", "2024"]}, ["'date'", "YYYY-MM-DD"]),
        ({"date_from": 2024}, ["'date_from'", "2024", "YYYY-MM-DD"]),
        ({"title": 5}, ["'title'", "5", "a string"]),
        ({"folder": "/"}, ["'folder'", "'/'", "beginning of ids"]),
        ({"folder": 3}, ["'folder'", "3"]),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(filters: dict[str, Any], said: list[str], tagged: Library) -> None:
    for asked in (tagged.search, tagged.ask, lambda q, filters: list(tagged.stream(q, filters=filters))):
        with pytest.raises(ValueError) as caught:
            asked(QUESTION, filters=filters)
        assert isinstance(caught.value, RagError)
        assert "\n" not in str(caught.value)
        assert all(word in str(caught.value) for word in said), caught.value


def test_a_tag_is_unknown_where_no_document_has_tags(town_library: Library) -> None:
    with pytest.raises(ValueError, match=r"'tag'.*known are") as caught:
        town_library.search(QUESTION, filters={"tag": "port"})
    assert "tag," not in str(caught.value)


def test_an_error_does_not_name_hundreds_of_names(make_library: MakeLibrary) -> None:
    library = make_library(replace(HARBOUR, metadata={f"name {n:03}": n for n in range(100)}))
    with pytest.raises(ValueError, match=r"name 029 and 70 more$"):
        library.search(QUESTION, filters={"nam": 1})


@pytest.mark.parametrize(
    ("typed", "filters"),
    [
        ([], {}),
        ([("kind", "report")], {"kind": "report"}),
        ([("kind", "a"), ("kind", "b"), ("folder", "x")], {"kind": ["a", "b"], "folder": "x"}),
        ([("year", "2023")], {"year": ["2023", 2023]}),
        ([("open", "true")], {"open": ["true", True]}),
        ([("a", "NaN"), ("b", "1e999")], {"a": "NaN", "b": "1e999"}),
        ([("a", "[1]"), ("b", "null")], {"a": "[1]", "b": "null"}),
        ([("title", "5"), ("document_id", "7")], {"title": "5", "document_id": "7"}),
        ([("kind", "")], {"kind": ""}),
    ],
)  # fmt: skip
def test_what_is_typed_may_be_a_text_or_a_number(typed: list[tuple[str, str]], filters: dict[str, Any]) -> None:
    assert from_typed(typed) == filters
    check_filters(from_typed(typed))


def test_filters_are_said_as_they_are_typed() -> None:
    said = in_words({"folder": "a b", "year": ["2023", 2023, 2024], "open": ["true", True], "kind": []})
    assert said == "folder=a b, year=2023 or 2024, open=true, kind=nothing"
    assert "\n" not in in_words({"title": "a\nb"})


def test_the_documentation_names_every_filter() -> None:
    readme = (Path(__file__).parents[1] / "docs" / "filters.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in readme for name in (*NAMES, "tag"))
