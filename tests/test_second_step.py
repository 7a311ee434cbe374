"""The second step: documents that the question or the best passage names come right behind it; nothing else moves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rag import Document, Library
from rag.evidence import Candidate
from rag.schema import Passage
from rag.second_step import MOST_LINKS, links, moved_up, names
from rag.store import StoredPassage


def candidate(number: int, text: str, *, title: str = "", document: int | None = None) -> Candidate:
    passage = Passage(f"{document or number}", 0, len(text), text)
    stored = StoredPassage(number, document or number, passage, title, None, "en", {})
    return Candidate(stored, 1.0 - number / 10)


@pytest.mark.parametrize(
    ("text", "title", "named"),
    [
        ("Shot in Leland was Maximum Overdrive.", "Maximum Overdrive", True),
        ("Mark King or Nick Hexum?", "Mark King (musician)", True),
        ("The Kingston pier", "Kings", False),
        ("the lighthouse", "Lighthouse", False),
        ("An Ox", "Ox", False),
        ("他游览了万里长城的一段", "万里长城", True),
        ("Nothing", "", False),
    ],
)
def test_a_title_is_named_as_it_is_written(text: str, title: str, named: bool) -> None:
    assert names(text, title) is named


def test_passages_of_named_documents_are_linked_once_a_document() -> None:
    found = [
        candidate(1, "Ada Lindqvist built the Norrwick Lighthouse and the Old Pier.", title="Ada Lindqvist"),
        candidate(2, "More of her.", title="Ada Lindqvist", document=1),
        candidate(3, "Bread.", title="The bakery"),
        candidate(4, "A lamp.", title="Norrwick Lighthouse"),
        candidate(5, "A second lamp.", title="Norrwick Lighthouse", document=4),
        candidate(6, "Pilots.", title="Harbour Pilots"),
        candidate(7, "Planks.", title="Old Pier"),
    ]
    linked = links("Which of the Harbour Pilots knew Ada Lindqvist?", found)
    assert [c.stored.key for c in linked] == [4, 6]
    assert len(linked) == MOST_LINKS
    assert links("Who?", []) == []


def test_linked_passages_come_behind_the_best_and_scores_fall() -> None:
    found = [candidate(n, "text") for n in range(1, 6)]
    moved = moved_up(found, [found[3], found[4]])
    assert [c.stored.key for c in moved] == [1, 4, 5, 2, 3]
    scores = [c.score for c in moved]
    assert scores == sorted(scores, reverse=True)
    assert [c.signals.get("linked") for c in moved] == [None, 1.0, 1.0, None, None]


@pytest.fixture(scope="module")
def film_library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """A town that names a film, the film, which says nothing of the town, and many other towns and films."""
    texts = {f"Norrwick {n}": f"Norrwick {n} is a town whose film festival began in {1950 + n}." for n in range(30)}
    texts["Leland"] = "Leland is a town near the coast. The horror film Maximum Overdrive was shot there in 1986."
    texts["Maximum Overdrive"] = "Maximum Overdrive is a horror film about trucks, directed by Stephen King."
    with Library.open(tmp_path_factory.mktemp("films") / "library") as library:
        library.add([Document(id=title, title=title, text=text, language="en") for title, text in texts.items()])
        yield library


def test_the_document_that_the_first_one_names_is_the_second_hit(film_library: Library) -> None:
    answer = film_library.ask("Who directed the horror film that was shot in Leland in 1986?")
    assert [hit.passage.document_id for hit in answer.hits[:2]] == ["Leland", "Maximum Overdrive"]
    assert answer.hits[1].signals["linked"] == 1.0
    assert "linked" not in answer.hits[0].signals
