"""Questions that join two things: each half may stand in a document of its own; one that is nowhere is missed."""

from __future__ import annotations

import pytest
from conftest import MakeLibrary

from rag import Document, Library
from rag.answering.joined import supplements
from rag.answering.sentences import ranked_sentences
from rag.pipeline import Work

FERRY = Document(
    id="ferry",
    title="Notes",
    text="The ferry of Kvalby carries 120 cars. It was launched by Ada Holm in Bergen in 1998.",
)
MILL = Document(
    id="mill",
    title="More notes",
    text="The mill of Ostrand grinds barley for the island. It was restored by Nils Brekke.",
)


@pytest.fixture
def library(make_library: MakeLibrary) -> Library:
    library = make_library()
    library.add([FERRY, MILL])
    return library


def judged(library: Library, question: str) -> list[str]:
    """The documents of the sentences judged beside the best one."""
    work, pipeline = Work(question), library.pipeline()
    for name, stage in pipeline.stages():
        if name == "answer":
            break
        work = stage(work)
    assert work.query is not None
    more = supplements(work.query, ranked_sentences(work.query, work.candidates))
    return [sentence.candidate.stored.passage.document_id for sentence in more]


def test_the_other_half_is_judged_with_the_best_sentence(library: Library) -> None:
    assert judged(library, "What do the ferry of Kvalby and the mill of Ostrand do?") in (["ferry"], ["mill"])


def test_a_question_that_joins_nothing_is_judged_by_its_best_sentence(library: Library) -> None:
    # Of the two names the best sentence has one, as in the question with "and".
    assert judged(library, "What does the ferry of Kvalby do beside the mill of Ostrand?") == []
    # An "and" that does not stand between two facts joins none.
    assert judged(library, "Does the ferry carry cars and people from Kvalby to Ostrand?") == []


def test_both_halves_together_are_surer_than_either_would_leave_them(library: Library) -> None:
    both = library.ask("Who launched the ferry of Kvalby and who restored the mill of Ostrand?", threshold=0)
    half = library.ask("Who launched the ferry of Kvalby and who restored the tower of Lyngen?", threshold=0)
    assert both.confidence > half.confidence + 0.2


def test_a_half_that_is_nowhere_is_not_made_up_for(library: Library) -> None:
    assert judged(library, "What do the ferry of Kvalby and the tower of Lyngen do?") == []
