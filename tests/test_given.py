"""What a program gives wrongly is refused in one line before any work; what HTTP takes of a conversation is taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import HARBOUR, LIGHTHOUSE, MakeLibrary

from rag import Answer, Document, Library
from rag.chain import answer_chain
from rag.given import earlier_answers
from rag.web.asked import AskRequest

QUESTION = "Who built the lighthouse of Norrwick?"
# Typed as a user may, whom no type checker helps.
Use = Callable[[Any], object]


@pytest.mark.parametrize(
    ("use", "said"),
    [
        (lambda library: library.ask(None), "question is None"),
        (lambda library: library.search(None), "question is None"),
        (lambda library: list(library.stream(5)), "question is 5"),
        (lambda library: library.ask(QUESTION, history=["x"]), "a rag.Answer, or a mapping"),
        (lambda library: library.ask(QUESTION, history=None), "history is None"),
        (lambda library: library.ask(QUESTION, history=[{"text": "x"}]), "question in history is None"),
        (lambda library: library.ask(QUESTION, history=[{"question": "x", "citations": ["y"]}]), "has a quote"),
        (lambda library: library.ask(QUESTION, threshold="0.3"), "threshold is '0.3'"),
        (lambda library: library.ask(QUESTION, threshold=True), "threshold is True"),
        (lambda library: library.search(QUESTION, k="5"), "k is '5'"),
        (lambda library: library.search(QUESTION, k=2.5), "k is 2.5"),
        (lambda library: library.add(HARBOUR), r"a list of rag.Document, .* \[document\]"),
        (lambda library: library.add([{"id": "a", "text": "b"}]), "a document is {'id'.*; it has to be a rag.Document"),
        (lambda library: library.add([Document(id="a", text=None)]), "text of document 'a' is None"),  # type: ignore[arg-type]
        (lambda library: library.add([Document(id=5, text="b")]), "id of document 5 is 5"),  # type: ignore[arg-type]
        (lambda library: library.index(None), "path is None"),
        (lambda library: library.add_files(["docs", 5]), "path is 5"),
        (lambda library: Library.open(library.path, settings={"hits_k": 5}), "settings is {'hits_k': 5}"),
        (lambda library: answer_chain(library).invoke({"question": QUESTION}), "question is {'question'"),
    ],
)
def test_a_value_of_another_type_is_refused_in_one_line(use: Use, said: str, town_library: Library) -> None:
    with pytest.raises(TypeError, match=said) as caught:
        use(town_library)
    assert "; it has to be" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(town_library.documents()) == 3


@pytest.mark.parametrize("text", ["{}", "[]", "5", "null", "{", '{"question": "x", "text": "y", "sentences": 5}'])
def test_what_is_no_answer_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        Answer.from_json(text)


def test_numbers_and_paths_of_other_libraries_are_taken(town_library: Library, make_library: MakeLibrary) -> None:
    assert len(town_library.search(QUESTION, k=np.int64(2))) == 2  # type: ignore[arg-type]
    assert not town_library.ask(QUESTION, threshold=np.float32(0.0)).abstained  # type: ignore[arg-type]
    assert make_library().index([Path(__file__).parents[1] / "seeds" / "SOURCES.md"]).added == 1


def test_an_earlier_answer_may_be_given_as_it_is_over_http(town_library: Library) -> None:
    follow_up, told = "How far can its lamp be seen?", town_library.ask(QUESTION)
    values = {"question": QUESTION, "text": "Ada Lindqvist."}
    for history in ([told], [told.to_dict()], [values], [{"question": QUESTION}]):
        assert "lighthouse" in town_library.ask(follow_up, history=history).query
    for earlier in (told.to_dict(), values):
        request = AskRequest.model_validate({"question": follow_up, "history": [earlier]})
        assert request.answers() == earlier_answers([earlier], most=4)
    assert LIGHTHOUSE.text.startswith(earlier_answers([told.to_dict()], most=4)[0].citations[0].quote)
