"""The second step: documents that the question or the best passage names come right behind it; nothing else moves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_models import make_tiny_cross_encoder

from rag import Document, Library, Settings
from rag.answering.choice import partners
from rag.answering.sentences import Scored, ranked_sentences
from rag.answering.signs import read_signs
from rag.confidence import confidence
from rag.evidence import Candidate, Query
from rag.pipeline import Work
from rag.schema import Passage
from rag.second_step import MOST_LINKS, POOL_K, links, moved_up, names
from rag.stored import StoredPassage


def candidate(number: int, text: str, *, title: str = "", document: int | None = None) -> Candidate:
    passage = Passage(f"{document or number}", 0, len(text), text)
    stored = StoredPassage(number, document or number, passage, title, None, "en", {})
    return Candidate(stored, 1.0 - number / 10)


def rare(_: object) -> float:
    return 9.0


@pytest.mark.parametrize(
    ("text", "title", "named"),
    [
        ("Shot in Leland was Maximum Overdrive.", "Maximum Overdrive", True),
        ("Mark King or Nick Hexum?", "Mark King (musician)", True),
        ("It was shot in Leland.", "Leland", True),
        ("They met “Kaleidoscope” there", "Kaleidoscope", True),
        ("Pressure is high. Pressure falls.\n\nPressure", "Pressure", False),
        ("Its filter is cleaned", "filter", False),
        ("The Kingston pier", "Kings", False),
        ("the lighthouse", "Lighthouse", False),
        ("An Ox", "Ox", False),
        ("他游览了万里长城的一段", "万里长城", True),
        ("万里长城很长", "万里长城", True),
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
    linked = links("Which of the Harbour Pilots knew Ada Lindqvist?", found, rarity=rare)
    assert [c.stored.key for c in linked] == [4, 6]
    assert len(linked) == MOST_LINKS
    assert links("Who?", [], rarity=rare) == []


def test_documents_of_the_same_name_do_not_lead_to_each_other() -> None:
    first = "# Meeting minutes\n\nThe roof leaks."
    found = [
        candidate(1, first, title="Meeting minutes"),
        candidate(2, "The roof is dry.", title="Roof report"),
        candidate(3, "Bread.", title="Meeting minutes"),
        candidate(4, "Rolls.", title="Meeting minutes (2021)"),
    ]
    assert links("Where does it leak?", found, rarity=rare) == []
    # Nor do two of them both come up from another, or any whose name is but part of the best one's.
    named = [candidate(0, "See the Meeting minutes.", title="Roof"), *found]
    assert [c.stored.key for c in links("Where does it leak?", named, rarity=rare)] == [1]
    longer = [candidate(0, "Meeting minutes of May. The roof leaks.", title="Meeting minutes of May"), *found]
    assert links("Where does it leak?", longer, rarity=rare) == []


def test_a_title_of_one_word_is_a_name_where_the_word_is_rare() -> None:
    found = [candidate(1, "Read the Report, and the Old Report."), candidate(2, "x", title="Report (2021)")]
    assert len(links("Why?", found, rarity=lambda _: 2.5)) == 1
    assert links("Why?", found, rarity=lambda _: 2.0) == []
    assert len(links("Why?", [found[0], candidate(3, "x", title="Old Report")], rarity=lambda _: 0.0)) == 1


def test_named_documents_are_looked_for_among_as_many_passages_however_many_are_asked_for() -> None:
    found = [candidate(n, "It tells of the Norrwick Lighthouse.") for n in range(2 * POOL_K)]
    lamp = candidate(999, "A lamp.", title="Norrwick Lighthouse")
    assert POOL_K == 50
    assert links("Who?", [*found[: POOL_K - 1], lamp, *found[POOL_K:]], rarity=rare) == [lamp]
    assert links("Who?", [*found[:POOL_K], lamp, *found[POOL_K:]], rarity=rare) == []


def test_linked_passages_come_behind_the_best_and_scores_fall() -> None:
    found = [candidate(n, "text") for n in range(1, 6)]
    moved = moved_up(found, [found[3], found[4]])
    assert [c.stored.key for c in moved] == [1, 4, 5, 2, 3]
    scores = [c.score for c in moved]
    assert scores == sorted(scores, reverse=True)
    assert scores[1] == scores[2] == pytest.approx((found[0].score + found[1].score) / 2)
    assert [c.signals.get("linked") for c in moved] == [None, 1.0, 1.0, None, None]
    assert [c.linked_from for c in moved] == [None, found[0].stored, found[0].stored, None, None]


def test_a_linked_passage_less_like_the_question_than_all_others_stays_where_it_is() -> None:
    found = [replace(candidate(n, "text"), signals={"late": 1.0 - n / 10}) for n in range(1, 4)]
    far = [candidate(n, "text") for n in (4, 5)]
    noted = [replace(c, signals={"late": late}) for c, late in zip(far, (0.69, 0.71), strict=True)]
    assert [c.stored.key for c in moved_up([*found, *far], noted)] == [1, 5, 2, 3, 4]


@pytest.fixture(scope="module")
def film_library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """A town that names a film, the film, which says nothing of the town, and many other towns and films."""
    texts = {f"Norrwick {n}": f"Norrwick {n} is a town whose film festival began in {1950 + n}." for n in range(30)}
    texts["Leland"] = "Leland is a town near the coast. The horror film Maximum Overdrive was shot there in 1986."
    texts["Maximum Overdrive"] = "Maximum Overdrive is a horror film about trucks, directed by Stephen King."
    texts["Film news"] = "A horror film shot in the town of Leland was in the news of 2023."
    with Library.open(tmp_path_factory.mktemp("films") / "library") as library:
        kinds = {"Maximum Overdrive": "film", "Film news": "news"}
        library.add(
            Document(
                id=title,
                title=title,
                text=text,
                language="en",
                date="2024-01-01" if title == "Film news" else "1990-01-01",
                metadata={"kind": kinds.get(title, "town")},
            )
            for title, text in texts.items()
        )
        yield library


def test_the_document_that_the_first_one_names_is_the_second_hit(film_library: Library) -> None:
    answer = film_library.ask("Who directed the horror film that was shot in Leland in 1986?")
    assert [hit.passage.document_id for hit in answer.hits[:2]] == ["Leland", "Maximum Overdrive"]
    assert answer.hits[1].signals["linked"] == 1.0
    assert "linked" not in answer.hits[0].signals


TRUCKS = "Who directed the horror film about trucks that was shot in Leland?"
FIRST, SECOND = "Leland", "Maximum Overdrive"


def test_an_answer_cites_the_best_document_and_the_one_that_it_names(film_library: Library) -> None:
    answer = film_library.ask(TRUCKS)
    assert not answer.abstained
    assert [s.text for s in answer.sentences] == [
        "Maximum Overdrive is a horror film about trucks, directed by Stephen King.",
        "The horror film Maximum Overdrive was shot there in 1986.",
    ]
    assert [c.document_id for c in answer.citations] == [SECOND, FIRST]


def test_search_and_answers_agree_on_what_is_linked(film_library: Library) -> None:
    few, many = (film_library.search(TRUCKS, k) for k in (10, 32))
    assert few == many[:10]
    assert [hit.passage.document_id for hit in few[:2]] == [FIRST, SECOND]


@pytest.mark.parametrize("rerank", ["none", "cross"])
def test_without_late_interaction_nothing_is_moved_up(film_library: Library, tmp_path: Path, rerank: str) -> None:
    model = str(make_tiny_cross_encoder(tmp_path / "model")) if rerank == "cross" else None
    settings = Settings(rerank=rerank, cross_encoder=model)
    with Library.open(film_library.path, settings=settings) as library:
        hits = library.search("Which is the horror film Maximum Overdrive that was shot in Leland?", 20)
        assert FIRST in [hit.passage.document_id for hit in hits]
        assert not any("linked" in hit.signals for hit in hits)
        scores = [hit.signals["cross"] for hit in hits] if model else [hit.score for hit in hits]
        assert scores == sorted(scores, reverse=True)


def test_only_what_passes_the_filters_is_moved_up(film_library: Library) -> None:
    for kinds, linked in (["town", "film"], [SECOND]), (["town"], []):
        hits = film_library.search(TRUCKS, 10, filters={"kind": kinds})
        assert hits[0].passage.document_id == FIRST
        assert [hit.passage.document_id for hit in hits if "linked" in hit.signals] == linked


def test_a_linked_passage_is_read_with_the_one_that_named_it_whatever_is_first_by_age(film_library: Library) -> None:
    with Library.open(film_library.path, settings=Settings(recency_days=10)) as library:
        pipeline = library.pipeline()
        work = pipeline.rerank(pipeline.retrieve(pipeline.understand(Work(TRUCKS))))
        assert work.candidates[0].stored.title == "Film news"
        linked = {c.stored.title: c.linked_from.title for c in work.candidates if c.linked_from}
        assert linked == {SECOND: FIRST}


def test_what_named_a_passage_says_what_its_sentences_are_about_though_it_is_not_among_the_candidates(
    film_library: Library,
) -> None:
    pipeline = film_library.pipeline()
    work = pipeline.rerank(pipeline.retrieve(pipeline.understand(Work("What was shot in Leland in 1986?"))))
    query = work.query
    assert query is not None
    found = {c.stored.title: c for c in work.candidates}
    film, town, other = (found[title] for title in (SECOND, FIRST, "Norrwick 3"))
    scores = [
        next(
            s.score
            for s in ranked_sentences(query, [other, replace(film, linked_from=origin)])
            if s.candidate.stored.title == SECOND
        )
        for origin in (town.stored, other.stored, None)
    ]
    assert scores[0] > scores[1] >= scores[2]


def scored_for(library: Library, question: str) -> tuple[Query, list[Scored]]:
    pipeline = library.pipeline()
    work = pipeline.rerank(pipeline.retrieve(pipeline.understand(Work(question))))
    assert work.query is not None
    return work.query, ranked_sentences(work.query, work.candidates[: pipeline.settings.context_k])


def test_what_the_sentence_of_a_linked_document_says_counts_for_the_answer(film_library: Library) -> None:
    query, scored = scored_for(
        film_library, "Who directed the horror film about trucks that was shot in Leland in 1986?"
    )
    first, others = scored[:1], partners(scored)
    assert [s.candidate.stored.title for s in (*first, *others)] == [FIRST, SECOND]
    nothing: frozenset[str] = frozenset()
    alone, both = (read_signs(query, first, p, here=nothing, anywhere=nothing) for p in ((), others))
    assert alone.tokens < both.tokens
    assert alone.unmet >= both.unmet
    assert confidence(alone) < confidence(both)
    # The year stands in the other one.
    alone, both = (read_signs(query, others, p, here=nothing, anywhere=nothing) for p in ((), first))
    assert (alone.number_not_near, both.number_not_near) == (True, False)


def test_sentences_of_documents_that_are_not_linked_are_judged_alone(film_library: Library) -> None:
    _, scored = scored_for(film_library, "When did the film festival of Norrwick 3 begin?")
    assert len({s.candidate.stored.title for s in scored}) > 1
    assert partners(scored) == []
