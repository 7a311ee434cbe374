"""The whole evaluation on real libraries: resolving, asking, summing up, keeping, printing."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import rag
from eval.command import add_arguments, run
from eval.evaluate import Report, evaluate, open_gold_library
from eval.gold import read_gold
from eval.kept import ASKING_MODULES, RECORD, build_seconds
from eval.resolve import Corpus, resolve, sample
from rag import Document, Library
from rag.errors import ConfigurationError, GoldError, LibraryNotFound

TEXTS = {
    "bridge.txt": "The Elm Bridge was opened in 1932 by Mary Stone. It is 410 metres long and carries two tram lines.",
    "north/museum.txt": "The Clock Museum in Harlow shows 2,300 clocks. Admission costs 9 euros for adults.",
    "south/museum.txt": "The Glass Museum stands in Dunmore. Its furnace is lit every Friday morning.",
}
QUESTIONS: list[dict[str, Any]] = [
    {
        "id": "opened",
        "question": "When was the Elm Bridge opened?",
        "answers": ["1932"],
        "answerable": True,
        "evidence": [{"document_id": "bridge", "quote": "opened  in 1932"}],
        "tags": ["date"],
    },
    {
        "id": "clocks",
        "question": "How many clocks does the Clock Museum in Harlow show?",
        "answers": ["2,300"],
        "answerable": True,
        "evidence": [{"document_id": "north/museum.txt", "start_char": 33, "end_char": 45, "quote": "2,300 clocks"}],
        "tags": ["number"],
    },
    {
        "id": "yeast",
        "question": "Which yeast makes sourdough bread rise overnight?",
        "answers": [],
        "answerable": False,
        "tags": ["other-topic"],
    },
]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("library") / "places") as opened:
        opened.add(Document(id=name, text=text) for name, text in TEXTS.items())
        yield opened


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep gold libraries in the test's folder, and the exported model where it is."""
    monkeypatch.setattr("eval.kept._cache", lambda: tmp_path / "kept")
    return tmp_path / "kept"


def gold_file(path: Path, *rows: Mapping[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def gold_folder(path: Path, texts: Mapping[str, str] = TEXTS) -> Path:
    path.mkdir(exist_ok=True)
    gold_file(path / "corpus.jsonl", *({"id": name, "title": "", "text": text} for name, text in texts.items()))
    start = texts["bridge.txt"].index("1932")
    row = {
        "id": "opened",
        "question": "When was the Elm Bridge opened?",
        "answers": ["1932"],
        "doc_ids": ["bridge.txt"],
        "evidence": [],
        "answerable": True,
        "spans": [{"doc_id": "bridge.txt", "start": start, "end": start + 4}],
    }
    gold_file(path / "questions.jsonl", row)
    return path


@pytest.fixture(scope="module")
def report(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Report:
    path = gold_file(tmp_path_factory.mktemp("gold") / "places.jsonl", *QUESTIONS)
    return evaluate(read_gold(path), library, threshold=0.0)


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--library")
    parser.add_argument("--json", action="store_true")
    add_arguments(parser)
    return parser.parse_args(words)


def test_the_report_has_the_keys_that_are_promised(report: Report) -> None:
    values = report.to_dict()
    assert values["questions"] == 3
    assert set(values["retrieval"]) == {"hit@1", "hit@5", "hit@10", "recall@5", "mrr@10", "ndcg@10"}
    assert set(values["answers"]) == {"contains", "em", "f1", "mean_chars"}
    assert set(values["citations"]) == {"exact", "precision", "recall"}
    assert set(values["abstention"]) == {"auroc", "precision", "recall", "f1", "threshold"}
    assert set(values["latency_ms"]) == {"p50", "p95"}
    assert set(values["index"]) == {"documents", "passages", "seconds"}
    assert {"versions", "encoder", "settings", "cpus", "threshold"} <= set(values["system"])
    assert json.loads(json.dumps(values)) == values


def test_plain_questions_are_found_answered_and_cited_exactly(report: Report) -> None:
    values = report.to_dict()
    assert values["retrieval"]["hit@1"] == values["retrieval"]["ndcg@10"] == 1.0
    assert values["answers"]["contains"] == 1.0
    assert values["citations"]["exact"] == 1.0
    assert values["citations"]["recall"] == 1.0
    assert values["latency_ms"]["p95"] >= values["latency_ms"]["p50"] > 0
    assert values["index"] == {"documents": 3, "passages": values["index"]["passages"], "seconds": None}


def test_a_threshold_of_0_never_abstains_and_one_of_1_always_does(report: Report, library: Library) -> None:
    assert not any(row.abstained for row in report.rows)
    assert report.to_dict()["abstention"]["threshold"] == 0.0
    path = gold_file(library.path.parent / "always.jsonl", *QUESTIONS)
    always = evaluate(read_gold(path), library, threshold=1.0).to_dict()
    assert always["abstention"] == {
        "auroc": report.to_dict()["abstention"]["auroc"],
        "precision": 1 / 3,
        "recall": 1.0,
        "f1": 2 * (1 / 3) / (1 + 1 / 3),
        "threshold": 1.0,
    }
    assert always["answers"] == {"contains": 0.0, "em": 0.0, "f1": 0.0, "mean_chars": None}
    assert always["retrieval"] == report.to_dict()["retrieval"]


def test_without_a_threshold_the_library_s_own_is_used(library: Library, tmp_path: Path) -> None:
    report = evaluate(read_gold(gold_file(tmp_path / "g.jsonl", *QUESTIONS)), library)
    assert report.to_dict()["abstention"]["threshold"] == library.settings.threshold
    assert [row.abstained for row in report.rows] == [
        row.confidence < library.settings.threshold for row in report.rows
    ]


def test_tags_are_summed_up_each_for_itself(report: Report) -> None:
    by_tag = report.by_tag()
    assert list(by_tag) == ["date", "number", "other-topic"]
    assert by_tag["date"] == {"questions": 1, "contains": 1.0, "hit@5": 1.0, "abstained": 0.0}
    assert by_tag["other-topic"] == {"questions": 1, "contains": None, "hit@5": None, "abstained": 0.0}


def test_a_document_is_named_by_id_file_name_or_stem_when_only_one_has_it(library: Library) -> None:
    corpus = Corpus(library)
    assert corpus.resolve("north/museum.txt") == "north/museum.txt"
    assert corpus.resolve("bridge.txt") == corpus.resolve("bridge") == "bridge.txt"
    assert corpus.resolve("museum.txt") is None
    assert corpus.resolve("museum") is None


@pytest.mark.parametrize(
    ("evidence", "parts"),
    [
        ({"document_id": "museum", "quote": "x"}, ("'opened'", "'museum'")),
        ({"document_id": "nowhere.txt", "quote": "x"}, ("'opened'", "'nowhere.txt'")),
        ({"document_id": "bridge", "quote": "opened in 1933"}, ("'opened'", "evidence[0]", "'opened in 1933'")),
        ({"document_id": "bridge", "start_char": 0, "end_char": 9_999}, ("'opened'", "'end_char'", "9999")),
    ],
)
def test_evidence_that_the_library_does_not_hold_is_refused_by_question(
    library: Library, tmp_path: Path, evidence: Mapping[str, Any], parts: tuple[str, ...]
) -> None:
    gold = read_gold(gold_file(tmp_path / "g.jsonl", QUESTIONS[0] | {"evidence": [evidence]}))
    with pytest.raises(GoldError) as refused:
        evaluate(gold, library)
    assert "\n" not in str(refused.value)
    assert all(part in str(refused.value) for part in parts)


def test_offsets_are_used_where_the_quote_stands_there_and_the_quote_is_located_elsewhere(
    library: Library, tmp_path: Path
) -> None:
    text = TEXTS["bridge.txt"]
    second = text.index("t", 5)
    spans = [
        {"document_id": "bridge", "start_char": second, "end_char": second + 1, "quote": "t"},
        {"document_id": "bridge", "start_char": 0, "end_char": 4, "quote": "1932"},
        {"document_id": "bridge", "start_char": 4, "end_char": 14},
    ]
    gold = read_gold(gold_file(tmp_path / "g.jsonl", QUESTIONS[0] | {"evidence": spans}))
    (question,) = resolve(gold, gold.questions, Corpus(library))
    assert [item.start_char for item in question.evidence] == [second, text.index("1932"), 4]
    assert question.evidence[2].quote == "Elm Bridge"


def test_a_sample_is_spread_evenly_and_keeps_the_order(report: Report) -> None:
    questions = [row.question for row in report.rows] * 4
    assert sample(questions, 4) == [questions[0], questions[3], questions[6], questions[9]]
    assert sample(questions, None) == sample(questions, 99) == questions


def test_a_limit_below_1_is_a_programmer_s_mistake(library: Library, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="limit = 0"):
        evaluate(read_gold(gold_file(tmp_path / "g.jsonl", *QUESTIONS)), library, limit=0)


def test_a_folder_is_indexed_once_and_its_spans_are_carried_into_the_cleaned_texts(tmp_path: Path) -> None:
    messy = TEXTS | {"bridge.txt": "The  Elm\u00a0Bridge was opened  in 1932\r\nby Mary Stone.\u200b It is long.  "}
    gold = read_gold(gold_folder(tmp_path / "set", messy))
    stages: list[str] = []
    with open_gold_library(gold, progress=lambda stage, done, total: stages.append(stage)) as built:
        assert stages
        seconds = build_seconds(built)
        assert seconds
        text = built.document("bridge.txt").text
        assert text != messy["bridge.txt"]
        (question,) = resolve(gold, gold.questions, Corpus(built))
        assert question.evidence[0].start_char == text.index("1932")
        values = evaluate(gold, built, threshold=0.0).to_dict()
    assert values["retrieval"]["hit@1"] == values["answers"]["contains"] == values["citations"]["exact"] == 1.0
    assert values["abstention"] == {"auroc": None, "precision": None, "recall": None, "f1": None, "threshold": 0.0}
    stages.clear()
    with open_gold_library(gold, progress=lambda stage, done, total: stages.append(stage)) as again:
        assert again.path == built.path
        assert build_seconds(again) == seconds
        assert evaluate(gold, again).to_dict()["index"]["seconds"] == seconds
    assert stages == []


def test_a_kept_library_is_built_anew_after_a_change_of_code_content_or_damage(tmp_path: Path) -> None:
    gold = read_gold(gold_folder(tmp_path / "set"))
    stages: list[str] = []

    def rebuilt() -> bool:
        stages.clear()
        with open_gold_library(gold, root=tmp_path / "root", progress=lambda stage, *_: stages.append(stage)) as opened:
            assert opened.statistics()["documents"] == 3
            record.append(opened.path.parent / RECORD)
        return bool(stages)

    record: list[Path] = []
    assert rebuilt()
    assert not rebuilt()
    record[0].write_text(json.dumps({"code": "of another day", "seconds": 1.0}), encoding="utf-8")
    assert rebuilt()
    record[0].write_text("{", encoding="utf-8")
    assert rebuilt()
    (record[0].parent / "library" / "library.sqlite3").unlink()
    assert rebuilt()
    gold = read_gold(gold_folder(tmp_path / "set", TEXTS | {"south/museum.txt": "The Glass Museum moved to Yew."}))
    assert rebuilt()
    assert record[-1] != record[0]


def test_a_file_of_questions_brings_no_library(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="brings no documents"):
        open_gold_library(read_gold(gold_file(tmp_path / "g.jsonl", *QUESTIONS)))


def test_the_modules_left_out_of_the_code_digest_exist() -> None:
    (package,) = rag.__path__
    assert [name for name in ASKING_MODULES if not (Path(package) / name).is_file()] == []


def test_the_command_prints_one_json_document_and_writes_a_line_a_question(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, details = gold_file(tmp_path / "places.jsonl", *QUESTIONS), tmp_path / "details.jsonl"
    words = (str(path), "--library", str(library.path), "--json", "--threshold", "0", "--details", str(details))
    assert run(arguments(*words)) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["questions"] == 3
    assert values["gold"]["name"] == "places"
    rows = [json.loads(line) for line in details.read_text(encoding="utf-8").splitlines()]
    assert [row["id"] for row in rows] == ["opened", "clocks", "yeast"]
    assert [row["rank"] for row in rows] == [1, 1, None]
    assert (rows[0]["contains"], rows[0]["abstained"]) == (True, False)
    assert "1932" in rows[0]["answer"]


def test_the_command_prints_a_readable_page_with_a_table_by_tag(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = gold_file(tmp_path / "places.jsonl", *QUESTIONS)
    assert run(arguments(str(path), "--library", str(library.path), "--limit", "2")) == 0
    page = capsys.readouterr().out
    assert page.startswith("places: 2 questions, 2 answerable\n")
    assert "hit@1 1.000" in page
    assert "auroc -" in page
    assert any(line.split()[:2] == ["number", "1"] for line in page.splitlines())


def test_the_command_indexes_a_folder_without_touching_the_user_s_library(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments(str(gold_folder(tmp_path / "set")), "--library", str(tmp_path / "mine"), "--json")) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["index"]["documents"] == 3
    assert values["index"]["seconds"] > 0
    assert not (tmp_path / "mine").exists()
    assert cache.is_dir()


def test_the_command_never_creates_a_library_for_a_file_of_questions(tmp_path: Path) -> None:
    path = gold_file(tmp_path / "g.jsonl", *QUESTIONS)
    with pytest.raises(LibraryNotFound):
        run(arguments(str(path), "--library", str(tmp_path / "missing")))
    assert not (tmp_path / "missing").exists()


def test_a_details_file_that_cannot_be_written_is_refused(library: Library, tmp_path: Path) -> None:
    path = gold_file(tmp_path / "g.jsonl", *QUESTIONS)
    words = (str(path), "--library", str(library.path), "--details")
    with pytest.raises(ConfigurationError, match="there is no folder"):
        run(arguments(*words, str(tmp_path / "no" / "details.jsonl")))
    with pytest.raises(ConfigurationError, match="cannot be written"):
        run(arguments(*words, str(tmp_path)))


@pytest.mark.parametrize("words", [("--limit", "0"), ("--limit", "x"), ("--threshold", "1.5"), ("--threshold", "nan")])
def test_arguments_out_of_their_range_are_wrong_usage(words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as refused:
        arguments("gold.jsonl", *words)
    assert refused.value.code == 2
