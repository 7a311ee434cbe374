"""Importing published sets: what is read of each format, where it goes, and what is said of the rest."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eval.check import check
from eval.formats import FORMATS, Conversion, convert
from eval.gold import GoldSet, read_gold
from eval.resolve import Corpus, resolve
from rag import Document, Library
from rag.errors import GoldError

BRIDGE = "The Elm Bridge was opened in 1932 by Mary Stone. It was rebuilt by Mary Stone's son in 1951."
TRAMS = "Two tram lines cross the bridge. The fare is “9 euros”."
MUSEUM = "The Clock Museum in Harlow shows 2,300 clocks."


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """Holds the bridge with other white space and quotation marks, and not the museum."""
    bridge = f"Bridges of Harlow\n\n{BRIDGE.replace(' by ', chr(10) + 'by ')}\n\n{TRAMS}\n\nWritten by hand."
    with Library.open(tmp_path_factory.mktemp("library") / "places") as opened:
        opened.add([Document(id="other.txt", text="Nothing of it."), Document(id="harlow/bridge.txt", text=bridge)])
        yield opened


def qa(name: object, question: str, *answers: tuple[str, object], **values: Any) -> dict[str, Any]:
    told = [{"text": text, "answer_start": start} for text, start in answers]
    return {"id": name, "question": question, "answers": told, **values}


def squad(path: Path, *articles: Mapping[str, Any], **values: Any) -> Path:
    path.write_text(json.dumps({"version": "v2.0", "data": list(articles), **values}), encoding="utf-8")
    return path


def article(title: str | None, *paragraphs: tuple[str, list[dict[str, Any]]]) -> dict[str, Any]:
    return {"title": title, "paragraphs": [{"context": context, "qas": qas} for context, qas in paragraphs]}


def lines(path: Path, *rows: Mapping[str, Any] | str) -> Path:
    text = "".join((row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)) + "\n" for row in rows)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def read_soundly(target: Path, library: Library | None = None) -> GoldSet:
    """Read what was written, which has no problem; on a library its evidence is resolved too."""
    assert check(target, library).problems == ()
    return read_gold(target)


def texts(gold: GoldSet) -> dict[str, list[str]]:
    return {question.id: [item.quote for item in question.evidence] for question in gold.questions}


SQUAD = (
    article(
        "Elm_Bridge",
        (
            BRIDGE,
            [
                qa("opened", "When was it opened?", ("1932", 29), ("in 1932", 26), ("1932", 29), is_impossible=False),
                qa("tunnel", "Who dug the tunnel?", is_impossible=True, plausible_answers=[{"text": "Mary Stone"}]),
            ],
        ),
        (TRAMS, [qa(7, "What crosses it?", ("Two tram lines", 0))]),
    ),
    article("Clock_Museum", (MUSEUM, [qa("clocks", "How many clocks?", ("2,300 clocks", 33))])),
)


def test_squad_articles_become_documents_and_answers_spans_of_them(tmp_path: Path) -> None:
    target = tmp_path / "set"
    conversion = convert("squad", squad(tmp_path / "dev.json", *SQUAD), target, library=None)
    assert conversion == Conversion(4, 2, 1, (), (), (), (), target)
    gold = read_soundly(target)
    assert gold.documents is not None
    assert [(item.id, item.title) for item in gold.documents] == [
        ("Elm_Bridge", "Elm Bridge"),
        ("Clock_Museum", "Clock Museum"),
    ]
    assert gold.documents[0].text == f"{BRIDGE}\n\n{TRAMS}"
    assert texts(gold) == {
        "opened": ["1932", "in 1932"],
        "tunnel": [],
        "7": ["Two tram lines"],
        "clocks": ["2,300 clocks"],
    }
    assert gold.questions[0].answers == ("1932", "in 1932")
    assert [question.answerable for question in gold.questions] == [True, False, True, True]
    assert gold.questions[2].evidence[0].start_char == len(BRIDGE) + 2


def test_an_answer_of_squad_that_is_not_where_it_says_is_moved_to_the_nearest_place_or_reported(tmp_path: Path) -> None:
    second = BRIDGE.rindex("Mary Stone")
    questions = [
        qa("late", "Who?", ("Mary Stone", second + 3)),
        qa("early", "Who?", ("Mary  Stone", BRIDGE.index("Mary Stone") - 9)),
        qa("nowhere", "Who?", ("Mary Stone", None)),
        qa("fare", "How much?", ("Eve", 3), ("Eve", 3)),
        qa("one", "Who?", ("Eve", 3), ("Mary Stone", 37)),
    ]
    path = squad(tmp_path / "dev.json", article("T", ("First.", []), (BRIDGE, questions)))
    conversion = convert("squad", path, tmp_path / "set", library=None)
    assert (conversion.questions, conversion.left_out) == (5, ())
    first, fields = BRIDGE.index("Mary Stone"), f"{path}, data[0], paragraphs[1]"
    assert conversion.moved == (
        f"{fields}, qas[0], answers[0], field 'answer_start': 'Mary Stone' does not stand at {second + 3}; moved to "
        f"{second}",
        f"{fields}, qas[1], answers[0], field 'answer_start': 'Mary  Stone' does not stand at {first - 9}; moved to "
        f"{first}",
        f"{fields}, qas[2], answers[0], field 'answer_start': 'Mary Stone' stands where nothing says; moved to {first}",
    )
    place = f"{fields}, qas[3], answers[0], field 'text'"
    assert conversion.not_located == (
        f"{place}: 'Eve' is not in its paragraph",
        f"{place.replace('qas[3]', 'qas[4]')}: 'Eve' is not in its paragraph",
    )
    gold = read_soundly(tmp_path / "set")
    starts = {q.id: [item.start_char - 8 for item in q.evidence if item.start_char] for q in gold.questions}
    assert starts == {"late": [second], "early": [first], "nowhere": [first], "fare": [], "one": [first]}
    assert gold.questions[3].document_ids == ("T",)


def test_questions_of_squad_that_contradict_themselves_are_left_out_and_reported(tmp_path: Path) -> None:
    questions = [
        qa("good", "Who?", ("Mary Stone", 37)),
        qa("good", "Who again?", ("Mary Stone", 37)),
        qa("both", "Who?", ("Mary Stone", 37), is_impossible=True),
        qa("neither", "Who?"),
        qa("blank", " ", ("Mary Stone", 37)),
        qa(None, "Who?", ("Mary Stone", 37)),
        qa("number", "How many?", (2300, 3)),  # type: ignore[arg-type]
        qa("flag", "Who?", ("Mary Stone", 37), is_impossible="no"),
    ]
    path = squad(tmp_path / "dev.json", article("T", (BRIDGE, questions)))
    conversion = convert("squad", path, tmp_path / "set", library=None)
    fields = ("'id'", "'is_impossible'", "'answers'", "'question'", "'id'", "'text'", "'is_impossible'")
    assert len(conversion.left_out) == len(fields)
    for number, (field, line) in enumerate(zip(fields, conversion.left_out, strict=True), start=1):
        assert f"qas[{number}]" in line
        assert f"field {field}" in line
    assert [question.id for question in read_soundly(tmp_path / "set").questions] == ["good"]
    assert (conversion.moved, conversion.not_located) == ((), ())


def test_a_set_whose_documents_hold_no_text_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    empty = article("T", ("", [qa("a", "Who?", is_impossible=True)]))
    with pytest.raises(GoldError, match="none of its documents holds text"):
        convert("squad", squad(tmp_path / "dev.json", empty), tmp_path / "set", library=None)
    assert [path.name for path in tmp_path.iterdir()] == ["dev.json"]


def test_articles_without_a_title_or_with_one_title_stay_apart(tmp_path: Path) -> None:
    articles = [
        article(title, (f"{name} did it.", [qa(name, "Who?", (name, 0))]))
        for title, name in (("T", "Ada"), ("T", "Bob"), (None, "Eve"))
    ]
    convert("squad", squad(tmp_path / "dev.json", *articles), tmp_path / "set", library=None)
    gold = read_soundly(tmp_path / "set")
    assert [question.document_ids for question in gold.questions] == [("T",), ("T-2",), ("article-3",)]
    assert texts(gold) == {"Ada": ["Ada"], "Bob": ["Bob"], "Eve": ["Eve"]}


def test_squad_on_a_library_is_found_by_its_paragraphs(library: Library, tmp_path: Path) -> None:
    target = tmp_path / "gold.jsonl"
    again = qa("fare", "What is the fare?", ('"9 euros"', 45))
    altered = article("Elm_Bridge", (TRAMS.replace("“", '"').replace("”", '"'), [again]))
    path = squad(tmp_path / "dev.json", *SQUAD, altered)
    conversion = convert("squad", path, target, library=library)
    assert conversion.not_located == (
        f"{path}, data[1], paragraphs[0], qas[0], answers[0], field 'text': {MUSEUM[:60]!r} is in no document of the "
        "library",
    )
    assert (conversion.questions, conversion.documents, conversion.unanswerable, conversion.moved) == (5, None, 1, ())
    gold = read_soundly(target, library)
    resolved = resolve(gold, gold.questions, Corpus(library))
    assert [item.quote for item in resolved[0].evidence] == ["1932", "in 1932"]
    assert [item.quote for item in resolved[4].evidence] == ["“9 euros”"]
    assert [question.document_ids for question in resolved[:3]] == [("harlow/bridge.txt",), (), ("harlow/bridge.txt",)]
    assert gold.questions[3].evidence == ()
    assert gold.questions[3].answers == ("2,300 clocks",)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "expected a JSON object with a list 'data', got []"),
        ("{}", "field 'data': holds no article"),
        ('{"data": {}}', "field 'data': has to be a list of objects, got {}"),
        ('{"data": [{"paragraphs": [{"context": 7}]}]}', "data[0], paragraphs[0], field 'context': has to be a text"),
        ('{"data": [{"paragraphs": 7}]}', "data[0], field 'paragraphs'"),
        ('{"data": [{"paragraphs": [{"context": "A", "qas": []}]}]}', "no question of it can be used: it holds none"),
    ],
)
def test_what_is_not_squad_is_refused_in_one_line_and_nothing_is_written(
    tmp_path: Path, content: str, told: str
) -> None:
    (tmp_path / "dev.json").write_text(content, encoding="utf-8")
    with pytest.raises(GoldError) as refused:
        convert("squad", tmp_path / "dev.json", tmp_path / "set", library=None)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["dev.json"]


PIECES = st.lists(
    st.sampled_from(["Ada", "Bob", "é", "1932", " ", "\n", "\n\n", "\u2028", "“", '"', "\u00ad", "年", "\x85"]),
    max_size=12,
)
ANSWER = st.tuples(st.integers(-3, 30), st.integers(0, 30), st.integers(0, 12))
QUESTION = st.tuples(st.lists(ANSWER, max_size=3), st.booleans())
PARAGRAPH = st.tuples(PIECES.map("".join), st.lists(QUESTION, max_size=2))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(paragraphs=st.lists(st.lists(PARAGRAPH, max_size=2), min_size=1, max_size=3), titled=st.booleans())
def test_whatever_squad_holds_what_is_written_is_sound_and_every_row_is_accounted_for(
    tmp_path: Path, paragraphs: list[list[tuple[str, list[tuple[list[tuple[int, int, int]], bool]]]]], titled: bool
) -> None:
    questions = 0
    articles = []
    for number, group in enumerate(paragraphs):
        parts = []
        for context, asked in group:
            qas = []
            for answers, impossible in asked:
                questions += 1
                # Slices of the paragraph, told to stand where they do or elsewhere; some are blank.
                told = [(context[first : first + size], start) for start, first, size in answers]
                qas.append(qa(f"q{questions}", "Who?", *told, is_impossible=impossible))
            parts.append((context, qas))
        articles.append(article("Title" if titled else f"T{number}", *parts))
    shutil.rmtree(tmp_path / "set", ignore_errors=True)
    try:
        conversion = convert("squad", squad(tmp_path / "dev.json", *articles), tmp_path / "set", library=None)
    except GoldError:
        assert not (tmp_path / "set").exists()
        return
    gold = read_soundly(tmp_path / "set")
    assert len(gold.questions) == conversion.questions == questions - len(conversion.left_out)
    assert sum(not question.answerable for question in gold.questions) == conversion.unanswerable
    for question in gold.questions:
        for item in question.evidence:
            assert any(plain(item.quote) == plain(answer) for answer in question.answers)


def plain(text: str) -> str:
    return "".join(char for char in text.replace("“", '"') if not char.isspace() and char != "\u00ad")


def beir(path: Path, *judgements: str, name: str = "qrels/test.tsv") -> Path:
    path.mkdir(exist_ok=True)
    lines(path / "corpus.jsonl", *({"_id": f"d{i}", "title": f"T{i}", "text": f"Text {i}."} for i in (1, 2, 3)))
    lines(path / "queries.jsonl", *({"_id": f"q{i}", "text": f"Who {i}?", "metadata": {}} for i in (1, 2, 3)))
    lines(path / name, "query-id\tcorpus-id\tscore", *judgements)
    return path


def test_a_beir_folder_becomes_questions_on_whole_documents_of_its_test_part(tmp_path: Path) -> None:
    source = beir(tmp_path / "beir", "q1\td2\t2", "q1\td1\t1", "q2\td1\t0", "q2\td3\t1")
    lines(source / "qrels" / "dev.tsv", "q3\td3\t1")
    target = tmp_path / "set"
    conversion = convert("beir", source, target, library=None)
    assert (conversion.questions, conversion.documents, conversion.left_out) == (2, 3, ())
    assert ["test.tsv is the part that was read; there is also dev.tsv" in conversion.notes[0]] == [True]
    assert "1 queries have no relevant document" in conversion.notes[1]
    gold = read_soundly(target)
    assert gold.documents is not None
    assert (gold.documents[0].id, gold.documents[0].title, gold.documents[0].text) == ("d1", "T1", "Text 1.")
    assert [(q.id, q.question, q.document_ids) for q in gold.questions] == [
        ("q1", "Who 1?", ("d2", "d1")),
        ("q2", "Who 2?", ("d3",)),
    ]
    direct = read_gold(source)
    assert [(q.id, q.question, q.document_ids) for q in direct.questions] == [
        (q.id, q.question, q.document_ids) for q in gold.questions
    ]


def test_rows_of_a_beir_folder_that_fit_nothing_are_reported(tmp_path: Path) -> None:
    judged = ("q1\td1\t1", "q1\td9\t1", "q2\td8\t1", "q9\td1\t1", "q3 d1 1", "q4\td1\t1")
    source = beir(tmp_path / "beir", *judged, name="qrels.tsv")
    lines(
        source / "queries.jsonl", *({"_id": f"q{i}", "text": f"Who {i}?" if i < 4 else ""} for i in (1, 2, 3, 4)), "{"
    )
    conversion = convert("beir", source, tmp_path / "set", library=None)
    assert ["qrels.tsv: row 3: names 'd9'" in conversion.not_located[0], len(conversion.not_located)] == [True, 2]
    told = [
        "qrels.tsv: row 6: 'q3 d1 1' is not query",
        "queries.jsonl: row 2, field 'id': none of the relevant documents of 'q2'",
        "queries.jsonl: row 4, field 'text'",
        "queries.jsonl: row 5: not JSON",
        "qrels.tsv: row 5: names query 'q9'",
    ]
    assert [part in line for part, line in zip(told, conversion.left_out, strict=True)] == [True] * len(told)
    assert [question.id for question in read_soundly(tmp_path / "set").questions] == ["q1"]


def test_beir_on_a_library_names_its_documents_or_finds_their_texts_in_them(library: Library, tmp_path: Path) -> None:
    source = tmp_path / "beir"
    documents = {"bridge": f"Bridges of  Harlow\n{BRIDGE}", "d2": TRAMS.replace(" ", "  "), "d3": MUSEUM}
    lines(source / "corpus.jsonl", *({"_id": name, "text": text} for name, text in documents.items()))
    lines(source / "queries.jsonl", *({"_id": f"q{name}", "text": "What?"} for name in documents))
    lines(source / "qrels.tsv", *(f"q{name}\t{name}\t1" for name in documents))
    conversion = convert("beir", source, tmp_path / "gold.jsonl", library=library)
    assert [f"{source / 'qrels.tsv'}: row 3: {MUSEUM!r} is in no document of the library"] == [*conversion.not_located]
    assert ["queries.jsonl: row 3: nothing that answers" in line for line in conversion.left_out] == [True]
    gold = read_soundly(tmp_path / "gold.jsonl", library)
    resolved = resolve(gold, gold.questions, Corpus(library))
    assert [question.document_ids for question in resolved] == [("harlow/bridge.txt",)] * 2
    assert [[item.quote for item in question.evidence] for question in resolved] == [[], [TRAMS]]


def test_a_document_of_the_library_with_the_name_of_another_text_is_not_taken_for_it(
    library: Library, tmp_path: Path
) -> None:
    source = tmp_path / "beir"
    documents = {"bridge": "A card game for four players.", "other": "", "tunnel": ""}
    lines(source / "corpus.jsonl", *({"_id": name, "title": "T", "text": text} for name, text in documents.items()))
    lines(source / "queries.jsonl", *({"_id": f"q{name}", "text": "What?"} for name in documents))
    lines(source / "qrels.tsv", *(f"q{name}\t{name}\t1" for name in documents))
    conversion = convert("beir", source, tmp_path / "gold.jsonl", library=library)
    assert conversion.not_located == (
        f"{source / 'qrels.tsv'}: row 1: {documents['bridge']!r} is in no document of the library; 'harlow/bridge.txt' "
        "has its name, but another text",
        f"{source / 'qrels.tsv'}: row 3: 'tunnel' brings no text, and no document of the library has its name",
    )
    # Nothing contradicts the name of a document without text.
    gold = read_soundly(tmp_path / "gold.jsonl", library)
    assert [(question.id, question.document_ids) for question in gold.questions] == [("qother", ("other.txt",))]
    assert "'other' brings no text: 'other.txt' of the library is taken for it by its name alone" in conversion.notes


def test_what_cleaning_drops_of_a_document_makes_it_no_other(tmp_path: Path) -> None:
    source, text = tmp_path / "beir", f"---\ntitle: Bridges\n---\n{BRIDGE}\n\nPowered by Mill Press ©"
    lines(source / "corpus.jsonl", {"_id": "bridge", "text": text})
    lines(source / "queries.jsonl", {"_id": "q", "text": "What?"})
    lines(source / "qrels.tsv", "q\tbridge\t1")
    with Library.open(tmp_path / "library") as own:
        own.add([Document(id="bridge.txt", text=text)])
        assert own.document("bridge.txt").text == BRIDGE
        conversion = convert("beir", source, tmp_path / "gold.jsonl", library=own)
    assert conversion.not_located == ()
    assert read_gold(tmp_path / "gold.jsonl").questions[0].document_ids == ("bridge.txt",)


def test_a_beir_folder_without_judgements_is_refused(tmp_path: Path) -> None:
    shutil.rmtree(beir(tmp_path / "beir", "q1\td1\t1") / "qrels")
    with pytest.raises(GoldError, match=r"qrels\.tsv is missing"):
        convert("beir", tmp_path / "beir", tmp_path / "set", library=None)


SAMPLES: list[dict[str, Any]] = [
    {
        "user_input": "When was the bridge opened?",
        "reference": "It was opened in 1932.",
        "reference_contexts": [BRIDGE, TRAMS],
        "retrieved_contexts": ["Something else."],
        "synthesizer_name": "single_hop_specific_query_synthesizer",
    },
    {"user_input": "Who rebuilt it?", "reference": "The son of Mary Stone.", "reference_contexts": [BRIDGE]},
    {"user_input": "How many clocks are there?", "reference": None, "reference_contexts": [MUSEUM]},
    {"user_input": "What is the fare?", "reference": "Nine euros.", "reference_contexts": None},
    {"user_input": "What else?", "reference": " ", "reference_contexts": []},
    {"user_input": [{"type": "human", "content": "Hello"}], "reference": "Hello to you."},
]


@pytest.mark.parametrize("as_lines", [False, True])
def test_each_reference_context_of_ragas_becomes_a_document_and_its_reference_the_answer(
    tmp_path: Path, as_lines: bool
) -> None:
    source = tmp_path / "samples.json"
    if as_lines:
        lines(source, *SAMPLES)
    else:
        source.write_text(json.dumps(SAMPLES, indent=2), encoding="utf-8")
    conversion = convert("ragas", source, tmp_path / "set", library=None)
    assert (conversion.questions, conversion.documents, conversion.unanswerable) == (4, 3, 0)
    place = f"{source}: {'row' if as_lines else 'sample'}"
    assert f"{place} 5, field 'reference': and 'reference_contexts' are missing" in conversion.left_out[0]
    assert f"{place} 6, field 'user_input'" in conversion.left_out[1]
    gold = read_soundly(tmp_path / "set")
    assert gold.documents is not None
    assert [item.text for item in gold.documents] == [BRIDGE, TRAMS, MUSEUM]
    assert texts(gold) == {"sample-1": [BRIDGE, TRAMS], "sample-2": [BRIDGE], "sample-3": [MUSEUM], "sample-4": []}
    assert [question.answers for question in gold.questions] == [
        ("It was opened in 1932.",),
        ("The son of Mary Stone.",),
        (),
        ("Nine euros.",),
    ]
    assert gold.questions[0].tags == ("single_hop_specific_query_synthesizer",)


def test_ragas_on_a_library_keeps_what_is_located_or_has_an_answer(library: Library, tmp_path: Path) -> None:
    source = lines(tmp_path / "samples.jsonl", *SAMPLES)
    conversion = convert("ragas", source, tmp_path / "gold.jsonl", library=library)
    assert (conversion.questions, conversion.documents, len(conversion.left_out)) == (3, None, 3)
    assert conversion.not_located == (
        f"{source}: row 3, field 'reference_contexts': {MUSEUM[:60]!r} is in no document of the library",
    )
    assert f"{source}: row 3: nothing that answers" in conversion.left_out[2]
    gold = read_soundly(tmp_path / "gold.jsonl", library)
    resolved = {question.id: question for question in resolve(gold, gold.questions, Corpus(library))}
    assert [" ".join(item.quote.split()) for item in resolved["sample-1"].evidence] == [BRIDGE, TRAMS]
    assert resolved["sample-4"].evidence == ()


def test_older_names_of_ragas_are_read_and_said_to_be(tmp_path: Path) -> None:
    sample = {"question": "When?", "ground_truth": "In 1932.", "contexts": [BRIDGE], "answer": "Yesterday."}
    conversion = convert("ragas", lines(tmp_path / "s.jsonl", sample), tmp_path / "set", library=None)
    assert ["'contexts' is taken for 'reference_contexts' (in 1 samples)" in note for note in conversion.notes] == [
        True
    ]
    (question,) = read_soundly(tmp_path / "set").questions
    assert (question.question, question.answers) == ("When?", ("In 1932.",))
    assert [item.quote for item in question.evidence] == [BRIDGE]


def test_ragas_without_contexts_needs_a_library(library: Library, tmp_path: Path) -> None:
    source = lines(tmp_path / "s.jsonl", {"user_input": "When?", "reference": "In 1932."})
    with pytest.raises(GoldError, match="brings no documents"):
        convert("ragas", source, tmp_path / "set", library=None)
    assert convert("ragas", source, tmp_path / "gold.jsonl", library=library).questions == 1
    assert read_soundly(tmp_path / "gold.jsonl", library).questions[0].answers == ("In 1932.",)


def test_nothing_is_written_over(library: Library, tmp_path: Path) -> None:
    source = squad(tmp_path / "dev.json", *SQUAD)
    kept = lines(tmp_path / "kept.jsonl", {"mine": True})
    lines(tmp_path / "full" / "mine.txt", "mine")
    for target in (kept, tmp_path / "full", source.with_suffix(".json")):
        before = sorted((path, path.read_bytes()) for path in tmp_path.rglob("*") if path.is_file())
        with pytest.raises(GoldError, match=r"exists and is not written over|neither a file"):
            convert("squad", source, target, library=library)
        assert sorted((path, path.read_bytes()) for path in tmp_path.rglob("*") if path.is_file()) == before
    (tmp_path / "empty").mkdir()
    convert("squad", source, tmp_path / "empty", library=None)
    assert sorted(path.name for path in (tmp_path / "empty").iterdir()) == ["corpus.jsonl", "questions.jsonl"]


def test_a_target_that_cannot_be_is_refused_before_the_source_is_read(tmp_path: Path) -> None:
    missing = tmp_path / "missing.json"
    for target, told in [("gold.jsonl", "--library"), ("gold.json", "neither"), ("no/set", "no folder")]:
        with pytest.raises(GoldError, match=told):
            convert("squad", missing, tmp_path / target, library=None)
    for name in FORMATS:
        with pytest.raises(GoldError, match="cannot be read"):
            convert(name, missing, tmp_path / "set", library=None)
    with pytest.raises(ValueError, match="squad, beir, ragas"):
        convert("trec", missing, tmp_path / "set", library=None)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_while_writing_leaves_nothing_behind(tmp_path: Path) -> None:
    source = squad(tmp_path / "dev.json", *SQUAD)
    folder = tmp_path / "folder"
    folder.mkdir()
    name = "n" * 250
    with pytest.raises(GoldError, match="cannot be written"):
        convert("squad", source, folder / name, library=None)
    assert list(folder.iterdir()) == []
