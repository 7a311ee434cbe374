"""A sentence is read with what announces it: the line above its list, or the question or heading that it answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rag import Document, Library
from rag.answering.announced import announcing
from rag.answering.sentences import Scored, ranked_sentences
from rag.understand import understand

MANUAL = Document(
    "kiln.md",
    "# The kiln K20\n\n## Fault codes\n\n- F1: the door is open.\n- F2: a fuse has blown. Call an electrician.\n"
    "- F3: the chimney is cold.\n\nThe kiln is made in Lund.\n\n"
    "The kit has these parts:\n\n1. a shelf of cordierite\n2. three props\n\n"
    "Q: How long does it cool?\n\nA night.\n",
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("announced") / "library") as made:
        made.add([MANUAL])
        yield made


@pytest.fixture(scope="module")
def scored(library: Library) -> dict[str, Scored]:
    pipeline = library.pipeline(threshold=0.0)
    work = pipeline.begin("What is it?")
    for _, stage in pipeline.stages()[:3]:
        work = stage(work)
    query = understand("What is it?", pipeline.encoder, pipeline.snapshot)
    return {sentence.text.strip(): sentence for sentence in ranked_sentences(query, work.candidates)}


def announced(scored: dict[str, Scored], beginning: str) -> list[str]:
    (sentence,) = (s for text, s in scored.items() if text.startswith(beginning))
    passage = sentence.candidate.stored.passage
    spans = [passage.sentences[number] for number in announcing(sentence)]
    return [MANUAL.text[s.start_char : s.end_char].strip() for s in spans]


@pytest.mark.parametrize(
    ("beginning", "by"),
    [
        ("- F1", ["## Fault codes"]),
        ("- F3", ["## Fault codes"]),
        ("Call an electrician", []),
        ("The kiln is made", []),
        ("A night", ["Q: How long does it cool?"]),
    ],
)
def test_items_have_the_line_above_their_list_and_other_sentences_what_is_right_before(
    scored: dict[str, Scored], beginning: str, by: list[str]
) -> None:
    assert announced(scored, beginning) == by


def test_an_item_is_the_answer_to_a_question_in_words_of_the_line_above_its_list(library: Library) -> None:
    answer = library.ask("What does fault code F3 mean?")
    assert not answer.abstained
    assert "F3: the chimney is cold" in answer.text


def test_an_item_that_the_list_does_not_have_is_refused(library: Library) -> None:
    assert library.ask("What does fault code F7 mean?").abstained
