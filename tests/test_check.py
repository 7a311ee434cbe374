"""Checking a gold set: every bad row is named by file, row and field, and what is hardly meant is warned of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eval.check import Findings, check
from eval.gold import read_gold
from eval.resolve import Corpus, resolve
from rag import Document, Library, Settings
from rag.errors import GoldError

SEEDS_GOLD = Path(__file__).parents[1] / "eval" / "gold.jsonl"
BRIDGE = "The Elm Bridge was opened in 1932 by Mary Stone. It is 410 metres long and carries two tram lines."
TEXTS = {
    "bridge.txt": BRIDGE,
    "north/museum.txt": "The Clock Museum in Harlow shows 2,300 clocks.",
    "south/museum.txt": "The Glass Museum stands in Dunmore.",
}
ROW: dict[str, Any] = {
    "id": "q1",
    "question": "When was the Elm Bridge opened?",
    "answers": ["1932"],
    "answerable": True,
    "evidence": [{"document_id": "bridge.txt", "quote": "opened  in 1932"}],
    "tags": ["date"],
}
UNANSWERABLE: dict[str, Any] = {"id": "q0", "question": "Who dug the Elm Tunnel?", "answers": [], "answerable": False}
FOLDER_ROW: dict[str, Any] = {
    "id": "q1",
    "question": "When was the Elm Bridge opened?",
    "answers": ["1932"],
    "answerable": True,
    "doc_ids": ["bridge.txt"],
    "evidence": ["opened  in 1932"],
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("library") / "places") as opened:
        opened.add(Document(id=name, text=text) for name, text in TEXTS.items())
        yield opened


def write(path: Path, *rows: Mapping[str, Any] | str) -> Path:
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def folder(path: Path, *questions: Mapping[str, Any] | str) -> Path:
    write(path / "corpus.jsonl", *({"id": name, "title": "", "text": text} for name, text in TEXTS.items()))
    write(path / "questions.jsonl", *questions)
    return path


def evidence(**values: Any) -> dict[str, Any]:
    return {"evidence": [{"document_id": "bridge.txt"} | values]}


def one_line_each(findings: Findings) -> bool:
    return not any(char in line for line in (*findings.problems, *findings.warnings) for char in "\r\n\u2028")


def test_the_gold_set_on_the_seeds_has_no_problem(seeds_library: Library) -> None:
    findings = check(SEEDS_GOLD, seeds_library)
    assert findings.questions == len(SEEDS_GOLD.read_text(encoding="utf-8").splitlines())
    assert findings.problems == ()


def test_sound_questions_have_neither_problems_nor_warnings(library: Library, tmp_path: Path) -> None:
    assert check(write(tmp_path / "g.jsonl", ROW, UNANSWERABLE), library) == Findings(2, (), ())
    assert check(folder(tmp_path, FOLDER_ROW, UNANSWERABLE), None) == Findings(2, (), ())


@pytest.mark.parametrize(
    ("change", "field", "told"),
    [
        ({"id": 7}, "id", "got 7"),
        ({"id": ""}, "id", 'got ""'),
        ({"id": "q0"}, "id", "'q0' is the id of row 1 too"),
        ({"question": None}, "question", "got null"),
        ({"question": " "}, "question", 'got " "'),
        ({"question": "half \ud800"}, "question", "character 5"),
        ({"answers": "1932"}, "answers", 'got "1932"'),
        ({"answers": [1932]}, "answers", "got [1932]"),
        ({"answerable": None}, "answerable", "got null"),
        ({"answerable": "true"}, "answerable", 'got "true"'),
        ({"answerable": False}, "answerable", "is false, but answers or evidence are given"),
        ({"answerable": False, "answers": []}, "answerable", "is false, but answers or evidence are given"),
        ({"answers": [], "evidence": []}, "answers", "is empty for an answerable question without evidence"),
        ({"tags": "date"}, "tags", 'got "date"'),
        ({"evidence": "opened"}, "evidence", 'got "opened"'),
        ({"evidence": [{"quote": "opened"}]}, "document_id", "got null"),
        (evidence(quote=["opened"]), "quote", 'got ["opened"]'),
        (evidence(quote=" "), "quote", "has to hold letters or digits"),
        (evidence(start_char=8, end_char=8), "start_char", "[8, 8) is no span"),
        (evidence(start_char="8", end_char=9), "start_char", '["8", 9) is no span'),
        (evidence(start_char=90, end_char=900), "end_char", "900 is beyond 'bridge.txt' of 98 characters"),
        (evidence(quote="opened in 1933"), "quote", "'opened in 1933' is not in 'bridge.txt'"),
        (evidence(document_id="tunnel.txt"), "document_id", "'tunnel.txt' is not in the library"),
        (evidence(document_id="museum"), "document_id", "any of 'north/museum.txt', 'south/museum.txt'"),
    ],
)
def test_each_kind_of_problem_in_a_file_is_one_line_with_file_row_and_field(
    library: Library, tmp_path: Path, change: dict[str, Any], field: str, told: str
) -> None:
    path = write(tmp_path / "g.jsonl", UNANSWERABLE, "", ROW | change, ROW | {"id": "q3", "question": "Since when?"})
    findings = check(path, library)
    (problem,) = findings.problems
    assert problem.startswith(f"{path}: row 3")
    assert f"field '{field}'" in problem
    assert told in problem
    assert one_line_each(findings)
    assert findings.questions == 3


@pytest.mark.parametrize(
    ("change", "field", "told"),
    [
        ({"id": "q0"}, "id", "'q0' is the id of row 1 too"),
        ({"question": 7}, "question", "got 7"),
        ({"answerable": None}, "answerable", "got null"),
        ({"answerable": False}, "answerable", "is false, but answers or evidence are given"),
        ({"answers": [], "doc_ids": [], "evidence": []}, "answers", "is empty for an answerable question"),
        ({"doc_ids": ["bridge.txt", "a", "b"]}, "doc_ids", "names 'a', 'b', which corpus.jsonl does not hold"),
        ({"evidence": ["opened in 1933"]}, "evidence", "'opened in 1933' is in none of its documents (bridge.txt)"),
        ({"evidence": "opened"}, "evidence", 'got "opened"'),
        ({"spans": [{"doc_id": "bridge.txt", "start": 0, "end": 900}]}, "start", "[0, 900) is no span of document"),
        ({"spans": [{"doc_id": "bridge.txt", "start": 9, "end": 3}]}, "start", "[9, 3) is no span"),
        ({"spans": [{"doc_id": "bridge.txt"}]}, "start", "is missing"),
        ({"spans": [{"doc_id": "tunnel.txt", "start": 0, "end": 9}]}, "doc_id", "names 'tunnel.txt'"),
        ({"spans": [{"start": 0, "end": 9}]}, "doc_id", "got null"),
    ],
)
def test_each_kind_of_problem_in_a_folder_is_one_line_with_file_row_and_field(
    tmp_path: Path, change: dict[str, Any], field: str, told: str
) -> None:
    findings = check(folder(tmp_path, UNANSWERABLE, FOLDER_ROW | change), None)
    (problem,) = findings.problems
    assert problem.startswith(f"{tmp_path / 'questions.jsonl'}: row 2")
    assert f"field '{field}'" in problem
    assert told in problem
    assert one_line_each(findings)


def test_every_bad_row_of_a_file_is_named_and_several_fields_of_one(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "g.jsonl"
    rows = [
        b'{"id": ',
        b"[1, 2]",
        '{"id": "é"}'.encode("latin-1"),
        json.dumps(ROW | {"id": "q4", "tags": 1, "question": ""} | evidence(quote="closed")).encode(),
        b"[" * 100_000,
        b'{"id": ' + b"9" * 5000 + b"}",
        json.dumps(ROW).encode(),
        json.dumps(ROW).encode(),
    ]
    path.write_bytes(b"\n".join(rows))
    told = [
        "row 1: not JSON",
        "row 2: expected a JSON object, got [1, 2]",
        "row 3: not UTF-8",
        "row 5: not JSON",
        "row 6: not JSON",
    ]
    findings = check(path, library)
    assert [line for part in told for line in findings.problems if part in line] == [
        line for line in findings.problems if "field" not in line
    ]
    assert len(findings.problems) == len(told) + 4
    assert sum("row 4" in line for line in findings.problems) == 3
    assert "row 8, field 'id': 'q1' is the id of row 7 too" in findings.problems[-2]
    assert findings.questions == 3


def test_bad_rows_of_all_files_of_a_folder_are_named(tmp_path: Path) -> None:
    documents = [{"_id": "d1", "text": "Ada."}, {"_id": "d1", "text": "Bob."}, {"_id": "d2", "text": 7}]
    write(tmp_path / "corpus.jsonl", *documents)
    write(tmp_path / "queries.jsonl", {"_id": "q1", "text": "Who?"}, {"_id": "q2", "text": ["Who?"]})
    judgements = ("query-id\tcorpus-id\tscore", "q1\td1\t1", "q1 d1 1", "q1\td9\t1", "q1\td1\thigh", "q2\td1\t1")
    write(tmp_path / "qrels.tsv", *judgements, "q9\td1\t1")
    findings = check(tmp_path, None)
    told = [
        "corpus.jsonl: row 2, field 'id': 'd1' is the id of row 1 too",
        "corpus.jsonl: row 3, field 'text': has to be a text",
        "queries.jsonl: row 2, field 'text': has to be a text",
        "qrels.tsv: row 3: 'q1 d1 1' is not query, document and score",
        "qrels.tsv: row 4: names 'd9', which corpus.jsonl does not hold",
        "qrels.tsv: row 5: 'q1\\td1\\thigh' is not query, document and score",
    ]
    assert len(findings.problems) == len(told)
    assert all(part in line for part, line in zip(told, findings.problems, strict=True))
    assert any("qrels.tsv: row 7: names 'q9', which queries.jsonl does not hold" in line for line in findings.warnings)


def test_what_is_no_gold_set_is_a_problem_too(tmp_path: Path) -> None:
    (problem,) = check(tmp_path / "missing.jsonl", None).problems
    assert "no gold set at" in problem
    broken = check(write(tmp_path / "broken.jsonl", "{"), None)
    assert ["not JSON" in broken.problems[0], "holds no row" in broken.problems[1]] == [True, True]


def test_without_the_library_of_a_file_its_evidence_is_said_to_be_unchecked(tmp_path: Path) -> None:
    findings = check(write(tmp_path / "g.jsonl", ROW | evidence(document_id="nowhere", quote="in 1932")), None)
    assert findings.problems == ()
    assert ["evidence was not checked" in line for line in findings.warnings] == [True]


@pytest.mark.parametrize(
    ("change", "field", "told"),
    [
        ({"question": "Who dug  the elm tunnel?"}, "question", "is what 'q0' asks too"),
        ({"answers": ["1933", "thirty-three"]}, "answers", "none of them ('1933', 'thirty-three') stands in"),
        (evidence(start_char=4, end_char=7), "answers", "stands in the question's evidence"),
        (evidence() | {"answers": ["1933"]}, "answers", "stands in the question's documents"),
        (evidence(start_char=0, end_char=4, quote="in 1932"), "start_char", "stands at [26, 33); that is used"),
        ({"tag": ["date"], "tags": None}, "tag", "did you mean 'tags'?"),
        (evidence(start=4, quote="1932"), "start", "did you mean 'start_char'?"),
    ],
)
def test_what_is_hardly_meant_in_a_file_is_warned_of(
    library: Library, tmp_path: Path, change: dict[str, Any], field: str, told: str
) -> None:
    row = {name: value for name, value in (ROW | change).items() if value is not None}
    findings = check(write(tmp_path / "g.jsonl", UNANSWERABLE, row), library)
    assert findings.problems == ()
    (warning,) = findings.warnings
    assert "row 2" in warning
    assert f"field '{field}'" in warning
    assert told in warning
    assert one_line_each(findings)


@pytest.mark.parametrize(
    "change",
    [
        {"answers": ["no"]},
        {"answers": [], "evidence": [{"document_id": "bridge.txt"}]},
        {"answers": ["1933"], "evidence": []},
        {"answers_zh": ["一九三二"], "source": "by hand", "a": 1, "_id": "q1"},
        evidence(start_char=26, end_char=33, quote="in 1932"),
        evidence(document_id="bridge", quote="opened in\u00a01932"),
    ],
)
def test_what_may_well_be_meant_is_not_warned_of(library: Library, tmp_path: Path, change: dict[str, Any]) -> None:
    assert check(write(tmp_path / "g.jsonl", ROW | change), library) == Findings(1, (), ())


def test_a_slip_in_every_row_is_told_once(tmp_path: Path) -> None:
    rows = [{"answer" if name == "answers" else name: value for name, value in FOLDER_ROW.items()}] * 3
    findings = check(folder(tmp_path, *({**row, "id": f"q{i}"} for i, row in enumerate(rows))), None)
    told = [line for line in findings.warnings if "did you mean 'answers'? (3 rows have it)" in line]
    assert len(told) == 1
    assert "row 1, field 'answer'" in told[0]


def test_rows_of_a_folder_that_ask_nothing_are_warned_of(tmp_path: Path) -> None:
    findings = check(folder(tmp_path, FOLDER_ROW, FOLDER_ROW | {"id": "q2", "question": ""}), None)
    assert (findings.questions, findings.problems) == (1, ())
    assert ["row 2, field 'question': is empty" in line for line in findings.warnings] == [True]


def too_long(name: str) -> dict[str, Any]:
    return {"id": name, "question": f"{'very ' * 800}long?", "answers": [], "answerable": False}


def test_questions_that_the_library_would_refuse_are_problems(library: Library, tmp_path: Path) -> None:
    path = write(tmp_path / "g.jsonl", ROW, too_long("q2"), too_long("q3"))
    for named, configured in ((library, None), (None, None), (None, Settings(question_chars=4_000))):
        findings = check(path, named, settings=configured)
        assert len(findings.problems) == 2
        assert (
            f"{path}: row 2 (question 'q2'), field 'question': has 4,005 characters, more than 4,000"
            in (findings.problems[0])
        )
    assert check(path, None, settings=Settings(question_chars=4_005)).problems == ()
    gold = read_gold(path)
    with pytest.raises(GoldError, match=r"row 2 \(question 'q2'\), field 'question': has 4,005"):
        resolve(gold, gold.questions, Corpus(library))


def test_questions_of_a_folder_that_a_library_would_refuse_are_problems(tmp_path: Path) -> None:
    (problem,) = check(folder(tmp_path, FOLDER_ROW, too_long("q2")), None).problems
    assert "questions.jsonl: row 2 (question 'q2'), field 'question': has 4,005 characters" in problem


def test_documents_without_text_that_a_question_names_are_warned_of(tmp_path: Path) -> None:
    documents = {"d1": "Ada.", "d2": "", "d3": " \u200b\n", "d4": ""}
    write(tmp_path / "corpus.jsonl", *({"_id": name, "title": "T", "text": text} for name, text in documents.items()))
    write(tmp_path / "queries.jsonl", *({"_id": f"q{i}", "text": f"Who is {i}?"} for i in range(3)))
    write(tmp_path / "qrels.tsv", "q0\td1\t1", "q0\td2\t1", "q1\td2\t1", "q2\td3\t1")
    findings = check(tmp_path, None)
    assert findings.problems == ()
    assert len(findings.warnings) == 2
    for warning, row, named in zip(findings.warnings, ("row 2", "row 3"), ("'q0' and 1 more", "'q2'"), strict=True):
        assert f"corpus.jsonl: {row}, field 'text': holds nothing that can be indexed" in warning
        assert warning.endswith(f"lost evidence of question {named}")


def test_a_folder_of_which_nothing_can_be_indexed_is_a_problem(tmp_path: Path) -> None:
    write(tmp_path / "corpus.jsonl", {"id": "d1", "title": "T", "text": ""})
    write(tmp_path / "questions.jsonl", UNANSWERABLE)
    (problem,) = check(tmp_path, None).problems
    assert "none of its documents holds text" in problem


# Values of each kind in each field, so that rows go wrong in any way and several at once.
JSON = st.sampled_from([None, True, False, 0, 3, 1.5, "", " ", "q0", "1932", "Elm", [], [""], ["1932"], {}, [{}], [3]])
ITEM = st.fixed_dictionaries(
    {},
    optional={
        "document_id": st.sampled_from(["bridge.txt", "bridge", "museum", "tunnel", "", 3]),
        "start_char": st.sampled_from([0, 26, 97, 98, 900, -1, True, None, "0"]),
        "end_char": st.sampled_from([1, 33, 98, 900, None, 26.0]),
        "quote": st.sampled_from(["in 1932", "in  1932", "1933", "", " ", None, 3]),
    },
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.one_of(st.sampled_from(["q1", "q2", "q3", "q4"]), JSON),
            "question": st.one_of(st.just("Who?"), JSON),
            "answers": st.one_of(st.just(["1932"]), JSON),
            "answerable": st.one_of(st.booleans(), JSON),
            "evidence": st.one_of(st.just([]), st.lists(ITEM, max_size=2), JSON),
        }
    ),
    min_size=1,
    max_size=3,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=ROWS)
def test_a_check_finds_problems_exactly_where_an_evaluation_would_stop(
    library: Library, tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    path = write(tmp_path / "g.jsonl", *rows)
    problems = check(path, library).problems
    stopped = ""
    try:
        gold = read_gold(path)
        resolve(gold, gold.questions, Corpus(library))
    except GoldError as error:
        stopped = str(error)
    assert stopped == (f"{problems[0]}; `rag eval check` lists all problems" if problems else "")
