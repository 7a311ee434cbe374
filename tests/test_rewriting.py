"""Follow-ups made to stand alone by a chat model, over real HTTP; where it fails, the rules' own form is searched."""

from __future__ import annotations

import chat_server as model
from conftest import TOWN, MakeLibrary

FIRST = "Who built the lighthouse of Norrwick?"
FOLLOW_UP = "When did she build it?"
BY_MODEL = "In which year did Ada Lindqvist build the Norrwick lighthouse?"


def rewriting(said: str) -> model.Behaviour:
    """A model that rewrites so and answers as the documents do."""

    def behave(handler: model.Handler, request: model.Request) -> None:
        text = said if "rewrite the last question" in request.prompt else "It was built in 1874 by Ada Lindqvist [1]."
        model.says(text)(handler, request)

    return behave


def test_the_models_form_of_a_follow_up_is_searched_and_shown(make_library: MakeLibrary) -> None:
    with model.serving(rewriting(BY_MODEL)) as server:
        library = make_library(*TOWN, **server.settings)
        first = library.ask(FIRST)
        answer = library.ask(FOLLOW_UP, history=[first])
        asked = [r.prompt for r in server.requests if "rewrite the last question" in r.prompt]
    assert (first.query, answer.query) == ("", BY_MODEL)
    assert "1874" in answer.text
    (prompt,) = asked
    assert FIRST in prompt
    assert prompt.endswith(f"Last question: {FOLLOW_UP}")
    # What phrases the answer is asked what was searched.
    assert BY_MODEL in server.requests[-1].prompt


def test_a_model_that_fails_or_answers_instead_leaves_the_follow_up_to_the_rules(make_library: MakeLibrary) -> None:
    for said in ("", "She built it in 1874.\nThat is all.", "x" * 5_000):
        with model.serving(rewriting(said)) as server:
            library = make_library(*TOWN, name=f"town-{len(said)}", **server.settings)
            answer = library.ask(FOLLOW_UP, history=[library.ask(FIRST)])
        assert "Lindqvist" in answer.query
        assert answer.query != said
        assert not answer.abstained


def test_a_question_that_stands_alone_is_not_given_to_the_model_to_rewrite(make_library: MakeLibrary) -> None:
    with model.serving(rewriting("Something else?")) as server:
        library = make_library(*TOWN, **server.settings)
        answer = library.ask("How many pilots does the harbour employ?", history=[library.ask(FIRST)])
        assert not any("rewrite the last question" in r.prompt for r in server.requests)
    assert answer.query == ""


def test_making_a_follow_up_stand_alone_takes_from_the_deadline_of_the_whole(make_library: MakeLibrary) -> None:
    with model.serving(rewriting(BY_MODEL)) as server:
        library = make_library(*TOWN, **server.settings | {"chat_timeout_s": 4.0})
        library.warm_up()
        first = library.ask(FIRST)
        server.behaviour = model.hangs
        answer = library.ask(FOLLOW_UP, history=[first])
    assert "did not finish its reply within 4 s" in answer.notice
    assert answer.timings_s["understand"] >= 0.7
    assert answer.timings_s["understand"] + answer.timings_s["phrase"] <= 4.0
