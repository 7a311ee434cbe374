"""Systems of others: found, built, and held to exact spans."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from conftest import HARBOUR, LIGHTHOUSE, TOWN

from eval.adapters import load_adapter
from eval.gold import GoldSet
from eval.systems import Asker, Searcher, SystemSpec, open_system, passage_at
from rag import Answer, Citation, Document, Hit, Library, Passage
from rag.errors import ConfigurationError

Adapter = Callable[[str], str]
NUMBERS = count()

FIRST_SENTENCES = """
from eval.systems import passage_at
from rag import Answer, Hit

def build(documents):
    return Peer(documents)

class Peer:
    def __init__(self, documents):
        self.documents = documents

    def search(self, query, k):
        chosen = [d for d in self.documents if query in d.text][:k]
        return [
            Hit(passage_at(d, d.text.split(".")[0]), d.title, rank, 1 / rank) for rank, d in enumerate(chosen, start=1)
        ]
"""


@pytest.fixture
def adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Adapter:
    """Write a module that can be imported and return the reference of its `build`."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(code: str) -> str:
        name = f"peer_{next(NUMBERS)}"
        (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")
        return f"{name}:build"

    return write


def returning(expression: str) -> str:
    """Return the code of an adapter whose every method gives the same."""
    return f"""
from sys import exit

from eval.adapters import *
from rag import *
from rag.schema import AnswerSentence

class Peer:
    def __init__(self, documents):
        self.documents = documents

    def search(self, query, k):
        document, other = self.documents[:2]
        return {expression}

    ask = lambda self, question: self.search(question, 9)

build = Peer
"""


def refusal(system: Callable[[], object]) -> str:
    """Return the one line that a system is refused with."""
    with pytest.raises(ConfigurationError) as caught:
        system()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_system_of_others_is_searched(adapter: Adapter) -> None:
    system = load_adapter(adapter(FIRST_SENTENCES), TOWN)
    hits = system.search("Norrwick", 5)
    assert [(hit.rank, hit.passage.document_id) for hit in hits] == [(1, HARBOUR.id), (2, LIGHTHOUSE.id)]
    assert hits[0].passage.text == "The harbour of Norrwick employs 41 pilots"
    assert [hit.rank for hit in system.search("Norrwick", 1)] == [1]


def test_a_factory_gets_the_canonical_texts_of_the_library_it_is_compared_on(
    adapter: Adapter, town_library: Library
) -> None:
    spec = SystemSpec("peer", adapter=adapter(FIRST_SENTENCES))
    with open_system(spec, gold=GoldSet("g", "0", (), None), library=town_library) as opened:
        (hit,) = opened.system.search("pilot station", 5)
        assert opened.library is town_library
    text = town_library.document(HARBOUR.id).text
    assert text[hit.passage.start_char : hit.passage.end_char] == hit.passage.text


def test_a_system_answers_when_its_adapter_does(adapter: Adapter) -> None:
    searching = load_adapter(adapter(FIRST_SENTENCES), TOWN)
    answer = """
    def ask(self, question):
        return Answer(question, "41", hits=tuple(self.search("Norrwick", 1)), confidence=0.5)
"""
    answering = load_adapter(adapter(FIRST_SENTENCES + answer), TOWN)
    assert isinstance(searching, Searcher)
    assert not isinstance(searching, Asker)
    assert isinstance(answering, Asker)
    assert answering.ask("How many?").text == "41"


@pytest.mark.parametrize(
    ("parameters", "offered"),
    [
        ("documents", {}),
        ("documents, **rest", {}),
        ("documents, encoder='mine'", {"encoder": "a/model"}),
        ("documents, *, progress, encoder", {"encoder": "a/model", "progress": "a callback"}),
    ],
)
def test_a_factory_is_given_by_name_what_it_has_parameters_for(
    parameters: str, offered: dict[str, str], adapter: Adapter
) -> None:
    code = f"""
def build({parameters}):
    given = dict(locals())
    class Peer:
        def search(self, query, k):
            raise RuntimeError(sorted(f"{{n}}={{v}}" for n, v in given.items() if n not in ("documents", "rest")))
    return Peer()
"""
    system = load_adapter(adapter(code), TOWN, encoder="a/model", progress="a callback")
    line = refusal(lambda: system.search("q", 1))
    assert str(sorted(f"{name}={value}" for name, value in offered.items())) in line


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("no_such_peer:build", "adapter 'no_such_peer:build': ModuleNotFoundError: No module named 'no_such_peer'"),
        ("json:buidl", "adapter 'json:buidl': AttributeError: module 'json' has no attribute 'buidl'"),
        ("json:__name__", "adapter 'json:__name__': TypeError: __name__ is a str; it has to be a function"),
        ("builtins:list", "adapter 'builtins:list' gave a list; it has to be an object with a method search(query, k)"),
    ],
)
def test_a_reference_that_leads_to_no_system_gives_one_line(reference: str, message: str) -> None:
    assert message in refusal(lambda: load_adapter(reference, TOWN))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def build(documents): raise OSError('no server\\non port 1')", "OSError: no server on port 1"),
        ("def build(documents, model): ...", "missing 1 required positional argument: 'model'"),
        ("def build(", "SyntaxError"),
    ],
)
def test_whatever_a_module_or_factory_raises_names_the_adapter(code: str, message: str, adapter: Adapter) -> None:
    reference = adapter(code)
    line = refusal(lambda: load_adapter(reference, TOWN))
    assert message in line
    assert line.startswith(f"adapter {reference!r}: ")


def test_errors_of_this_project_name_the_adapter_too(adapter: Adapter) -> None:
    code = "from rag.errors import LibraryNotFound\ndef build(documents): raise LibraryNotFound('there is none')"
    reference = adapter(code)
    assert refusal(lambda: load_adapter(reference, TOWN)) == f"adapter {reference!r}: there is none"
    searching = adapter(returning("Library.open('/nowhere/at/all', create=False)"))
    line = refusal(lambda: load_adapter(searching, TOWN).search("pilots", 2))
    assert line.startswith(f"adapter {searching!r}, search('pilots', 2): there is no library at /nowhere/at/all")


def test_an_adapter_that_would_end_the_program_is_an_error(adapter: Adapter) -> None:
    leaving = adapter("import sys\ndef build(documents): sys.exit(0)")
    assert refusal(lambda: load_adapter(leaving, TOWN)) == f"adapter {leaving!r}: SystemExit: 0"
    asked = adapter(returning("exit('bye')"))
    system: Any = load_adapter(asked, TOWN)
    assert refusal(lambda: system.search("q", 1)) == f"adapter {asked!r}, search('q', 1): SystemExit: bye"
    assert refusal(lambda: system.ask("Q?")) == f"adapter {asked!r}, ask('Q?'): SystemExit: bye"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("{}['a']", "search('pilots', 2): KeyError: 'a'"),
        ("None", "it gave a NoneType; it has to be a sequence of rag.Hit"),
        ("['text']", "hit 1: it is a str; it has to be a rag.Hit"),
        ("[Hit(passage_at(document, 'The'), '', 0, 1.0)]", "hit 1: its rank is 0; ranks count from 1"),
        ("[Hit(passage_at(document, 'The'), '', 1, 1.0)] * 2", "hit 2: its rank is 1; ranks count from 1"),
        ("[Hit(passage_at(document, 'The'), '', n, 1.0) for n in (1, 2, 3)]", "3 hits are more than the 2 asked for"),
        ("[Hit(passage_at(document, 'The'), None, 1, 1.0)]", "hit 1: title = None; it has to be a str"),
        ("[Hit(passage_at(document, 'The'), '', 1, None)]", "hit 1: score = None; it has to be a number"),
        ("[Hit('The', '', 1, 1.0)]", "hit 1: passage = 'The'; it has to be a rag.Passage"),
        ("[Hit(Passage(document.id, '0', 3, 'The'), '', 1, 1.0)]", "hit 1: start_char = '0'; it has to be a whole"),
        ("[Hit(Passage('x.md', 0, 3, 'The'), '', 1, 1.0)]", "hit 1: document 'x.md' is none of those"),
        ("[Hit(Passage(document.id, 0, 0, ''), '', 1, 1.0)]", "hit 1: [0, 0) of document 'harbour.md' is no span"),
        ("[Hit(Passage(document.id, -3, 2, 'T'), '', 1, 1.0)]", "hit 1: [-3, 2) of document 'harbour.md' is no span"),
        ("[Hit(Passage(document.id, 0, 9999, 'T'), '', 1, 1.0)]", "[0, 9999) of document 'harbour.md' is no span"),
        ("[Hit(Passage(document.id, 4, 11, 'Harbour'), '', 1, 1.0)]", "holds 'harbour', not 'Harbour'; give the docu"),
        (
            "[Hit(passage_at(document, 'No such'), '', 1, 1.0)]",
            "document 'harbour.md' does not hold the text 'No such'",
        ),
    ],
)
def test_hits_that_are_no_exact_spans_are_refused(expression: str, message: str, adapter: Adapter) -> None:
    reference = adapter(returning(expression))
    system = load_adapter(reference, TOWN)
    line = refusal(lambda: system.search("pilots", 2))
    assert message in line
    assert line.startswith(f"adapter {reference!r}, search('pilots', 2): ")


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("'41'", "it gave a str; it has to be a rag.Answer"),
        ("Answer(query, '41', confidence=1.5)", "confidence = 1.5; it has to be from 0 to 1"),
        ("Answer(query, '41', hits=(Hit(Passage('x', 0, 1, 'T'), '', 1, 1.0),))", "hit 1: document 'x' is none of"),
        (
            "Answer(query, '41', citations=(Citation(1, 'x', '', 0, 1, 'T', None, None, 1.0),))",
            "citation 1: document 'x' is none of those the factory got",
        ),
        ("Answer(query, None)", "text = None; it has to be a str"),
        ("Answer(query, '\\ud800')", "UnicodeEncodeError"),
        ("Answer(None, '41')", "question = None; it has to be a str"),
        ("Answer(query, '41', reason=1)", "reason = 1; it has to be a str"),
        ("Answer(query, '41', confidence='0.5')", "confidence = '0.5'; it has to be a number"),
        ("Answer(query, '41', confidence=None)", "confidence = None; it has to be a number"),
        ("Answer(query, '41', confidence=float('nan'))", "confidence = nan; it has to be from 0 to 1"),
        ("Answer(query, '41', abstained='False')", "abstained = 'False'; it has to be True or False"),
        ("Answer(query, '41', abstained=None)", "abstained = None; it has to be True or False"),
        ("Answer(query, '41', hits=None)", "hits = None; it has to be a sequence of rag.Hit"),
        ("Answer(query, '41', sentences=None)", "sentences = None; it has to be a sequence of rag.AnswerSentence"),
        ("Answer(query, '41', sentences=['41'])", "sentences hold a str; each has to be a rag.AnswerSentence"),
        ("Answer(query, '4', sentences=[AnswerSentence('4', None, 1)])", "sentence 1: citations = None; it has to be"),
        ("Answer(query, '4', sentences=[AnswerSentence('4', ['1'], 1)])", "sentence 1: citations = '1'; it has to be"),
        ("Answer(query, '4', sentences=[AnswerSentence(4, (), 1)])", "sentence 1: text = 4; it has to be a str"),
        ("Answer(query, '41', citations=None)", "citations = None; it has to be a sequence of rag.Citation"),
        (
            "Answer(query, '41', citations=[Citation(1, document.id, '', '0', 3, 'The', None, None, 1.0)])",
            "citation 1: start_char = '0'; it has to be a whole number",
        ),
        (
            "Answer(query, '41', citations=[Citation(1, document.id, '', 0, 3.0, 'The', None, None, 1.0)])",
            "citation 1: end_char = 3.0; it has to be a whole number",
        ),
        (
            "Answer(query, '41', citations=[Citation(1, document.id, '', 0, 3, None, None, None, 1.0)])",
            "citation 1: quote = None; it has to be a str",
        ),
    ],
)
def test_answers_that_cannot_be_judged_are_refused(expression: str, message: str, adapter: Adapter) -> None:
    reference = adapter(returning(expression))
    system: Any = load_adapter(reference, TOWN)
    line = refusal(lambda: system.ask("How many?"))
    assert line.startswith(f"adapter {reference!r}, ask('How many?'): ")
    assert message in line


def test_numbers_of_numpy_become_plain_ones(adapter: Adapter) -> None:
    code = """
import numpy as np
from rag import *
from rag.schema import AnswerSentence

def build(documents):
    return Peer(documents[0])

class Peer:
    def __init__(self, document):
        self.document = document

    def search(self, query, k):
        start, end = np.int64(0), np.int32(3)
        return [Hit(Passage(self.document.id, start, end, "The"), "", np.int64(1), np.float32(0.5))]

    def ask(self, question):
        cited = Citation(np.int64(1), self.document.id, "", np.int64(0), np.int64(3), "The", None, None, np.float32(1))
        said = AnswerSentence("The", np.arange(1, 2).tolist() + [np.int64(2)], np.float32(1))
        return Answer(
            question, "The", sentences=[said], citations=[cited], abstained=np.bool_(False),
            confidence=np.float32(0.25), hits=self.search(question, 1),
        )
"""
    system: Any = load_adapter(adapter(code), TOWN)
    answer = system.ask("Q?")
    assert Answer.from_json(answer.to_json()) == answer
    assert answer.sentences[0].citations == (1, 2)
    assert (answer.confidence, type(answer.confidence)) == (0.25, float)
    assert answer.abstained is False
    (hit,) = system.search("q", 1)
    assert json.dumps(hit.to_dict())
    assert answer.hits == (hit,)


def test_an_inexact_citation_is_left_to_be_measured(adapter: Adapter) -> None:
    citation = Citation(1, HARBOUR.id, "", 0, 3, "not the text", None, None, 1.0)
    system: Any = load_adapter(adapter(returning(f"Answer(query, '41', citations=({citation!r},))")), TOWN)
    assert system.ask("How many?") == Answer("How many?", "41", citations=(citation,))


def test_a_text_is_found_with_the_document_s_own_characters() -> None:
    text = "A first line.\nShe said “no – never”  twice. She said “no – never” again."
    document = Document("d", text)
    passage = passage_at(document, 'said "no - never" twice.')
    assert passage == Passage("d", 18, 43, "said “no – never”  twice.")
    assert passage_at(document, "She said").start_char == text.index("She")
    assert passage_at(replace(document, id="e"), text).text == text
    for missing in ("nevermore", "", " \n"):
        with pytest.raises(ValueError, match="document 'd' does not hold the text"):
            passage_at(document, missing)


def test_hits_are_given_on_as_they_are(adapter: Adapter) -> None:
    hit = Hit(passage_at(HARBOUR, "41 pilots"), "Title", 1, 7.5, {"mine": 2.0})
    assert load_adapter(adapter(returning(f"[{hit!r}]")), TOWN).search("q", 1) == (hit,)
