"""The whole evaluation on real libraries: resolving, asking, judging, summing up, keeping."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import rag
from eval.document import document, to_json
from eval.evaluate import Report, evaluate, evaluate_subject, open_gold_library
from eval.gold import read_gold
from eval.kept import ASKING_MODULES, RECORD, build_seconds
from eval.resolve import Corpus, resolve, sample
from eval.subject import library_subject, peer_subject
from rag import Document, Hit, Library
from rag.errors import GoldError

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


def values_of(report: Report) -> dict[str, Any]:
    return document({"default": report})


def test_the_report_has_the_keys_that_are_promised(report: Report) -> None:
    values = values_of(report)
    assert values["questions"] == 3
    for section, names in {
        "retrieval": {"hit@1", "hit@5", "hit@10", "recall@5", "recall@10", "mrr@10", "ndcg@10"},
        "answers": {"contains", "em", "f1", "mean_chars"},
        "citations": {"exact", "precision", "recall", "sentence_recall", "iou"},
        "abstention": {"auroc", "precision", "recall", "f1", "coverage", "risk", "aurc", "threshold"},
        "latency_ms": {"p50", "p95", "p99"},
    }.items():
        assert set(values[section]) == names
        assert set(values["intervals"][section]) == names - {"threshold"}
    assert set(values["index"]) == {"documents", "passages", "seconds"}
    assert {"name", "versions", "encoder", "settings", "cpus", "threshold", "calibration"} <= set(values["system"])
    assert json.loads(to_json(values)) == json.loads(json.dumps(values))


def test_plain_questions_are_found_answered_and_cited_exactly(report: Report) -> None:
    values = values_of(report)
    assert values["retrieval"]["hit@1"] == values["retrieval"]["ndcg@10"] == 1.0
    assert values["answers"]["contains"] == 1.0
    assert values["citations"]["exact"] == 1.0
    assert values["citations"]["recall"] == 1.0
    assert values["latency_ms"]["p95"] >= values["latency_ms"]["p50"] > 0
    assert values["index"] == {"documents": 3, "passages": values["index"]["passages"], "seconds": None}


def test_a_threshold_of_0_never_abstains_and_one_of_1_always_does(report: Report, library: Library) -> None:
    assert not any(row.abstained for row in report.rows)
    assert values_of(report)["abstention"]["threshold"] == 0.0
    path = gold_file(library.path.parent / "always.jsonl", *QUESTIONS)
    always = values_of(evaluate(read_gold(path), library, threshold=1.0))
    assert always["abstention"] == values_of(report)["abstention"] | {
        "precision": 1 / 3,
        "recall": 1.0,
        "f1": pytest.approx(2 * (1 / 3) / (1 + 1 / 3)),
        "threshold": 1.0,
        "coverage": 0.0,
        "risk": None,
    }
    assert [row.stage for row in evaluate(read_gold(path), library, threshold=1.0).rows] == ["refused", "refused", ""]
    assert always["answers"] == {"contains": 0.0, "em": 0.0, "f1": 0.0, "mean_chars": None}
    assert always["retrieval"] == values_of(report)["retrieval"]


def test_without_a_threshold_the_library_s_own_is_used(library: Library, tmp_path: Path) -> None:
    report = evaluate(read_gold(gold_file(tmp_path / "g.jsonl", *QUESTIONS)), library)
    assert values_of(report)["abstention"]["threshold"] == library.threshold
    assert [row.abstained for row in report.rows] == [row.confidence < library.threshold for row in report.rows]


def test_tags_are_summed_up_each_for_itself(report: Report) -> None:
    by_tag = values_of(report)["tags"]
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
        values = values_of(evaluate(gold, built, threshold=0.0))
    assert values["retrieval"]["hit@1"] == values["answers"]["contains"] == values["citations"]["exact"] == 1.0
    assert values["abstention"]["auroc"] is values["abstention"]["recall"] is None
    assert values["abstention"]["threshold"] == 0.0
    stages.clear()
    with open_gold_library(gold, progress=lambda stage, done, total: stages.append(stage)) as again:
        assert again.path == built.path
        assert build_seconds(again) == seconds
        assert evaluate(gold, again).index["seconds"] == seconds
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
    assert [name for name in ASKING_MODULES if not (Path(package) / name).exists()] == []


def test_what_a_refusal_held_back_is_judged_as_if_it_had_been_said(library: Library, tmp_path: Path) -> None:
    gold = read_gold(gold_file(tmp_path / "g.jsonl", *QUESTIONS))
    given, refused = (evaluate(gold, library, threshold=threshold).rows for threshold in (0.0, 1.0))
    for one, other in zip(given, refused, strict=True):
        assert other.abstained
        assert not one.abstained
        assert (other.proposed, other.right, other.cited) == (one.answer, one.right, one.cited)
        assert other.answer != one.answer
        assert other.confidence == one.confidence


def test_an_interrupted_run_goes_on_where_it_was_and_leaves_nothing(
    library: Library, tmp_path: Path, cache: Path
) -> None:
    gold = read_gold(gold_file(tmp_path / "g.jsonl", *QUESTIONS))
    asked: list[str] = []

    def run(*, until: int) -> Report:
        subject = library_subject("default", library)
        return evaluate_subject(gold, replace(subject, ask=lambda question: ask(subject, question, until)), library)

    def ask(subject: Any, question: str, until: int) -> Any:
        if len(asked) == until:
            raise KeyboardInterrupt
        asked.append(question)
        return subject.ask(question)

    with pytest.raises(KeyboardInterrupt):
        run(until=2)
    report = run(until=99)
    assert asked == [row["question"] for row in QUESTIONS]
    assert [row.question.id for row in report.rows] == [row["id"] for row in QUESTIONS]
    plain = evaluate(gold, library)
    assert [replace(row, seconds=0) for row in report.rows] == [replace(row, seconds=0) for row in plain.rows]
    assert not list((cache / "runs").iterdir())


def test_a_system_that_only_searches_is_measured_on_its_search(library: Library, tmp_path: Path) -> None:
    class Searcher:
        def search(self, query: str, k: int) -> list[Hit]:
            return library.search(query, k)

    gold = read_gold(gold_file(tmp_path / "g.jsonl", *QUESTIONS))
    report = evaluate_subject(gold, peer_subject("peer", Searcher(), adapter="tests:Searcher"), library)
    values = document({"default": evaluate(gold, library), "peer": report})
    peer = values["systems"]["peer"]
    assert peer["retrieval"] == values["retrieval"]
    assert (
        set(peer["answers"].values()) == set(peer["citations"].values()) == set(peer["abstention"].values()) == {None}
    )
    assert {found["metric"].split(".")[0] for found in values["comparisons"]} == {"retrieval", "latency_ms"}
    assert all(found["p_value"] == 1 for found in values["comparisons"] if found["metric"].startswith("retrieval"))
    assert "outcomes" not in peer


def test_metrics_at_ten_do_not_depend_on_how_many_passages_an_answer_brings(library: Library, tmp_path: Path) -> None:
    gold = read_gold(gold_file(tmp_path / "g.jsonl", *QUESTIONS))
    plain = evaluate(gold, library)
    settings = replace(library.settings, hits_k=1)
    with Library.open(library.path, create=False, settings=settings) as other:
        bare = evaluate(gold, other)
    assert [row.ranked for row in bare.rows] == [row.ranked for row in plain.rows]
    assert [row.hits for row in bare.rows] == [row.hits for row in plain.rows]


def test_a_system_whose_answers_bring_no_passages_is_ranked_by_its_search(library: Library, tmp_path: Path) -> None:
    class Peer:
        def search(self, query: str, k: int) -> list[Hit]:
            return library.search(query, k)

        def ask(self, question: str) -> Any:
            return replace(library.ask(question, threshold=1.0), hits=())

    gold = read_gold(gold_file(tmp_path / "g.jsonl", *QUESTIONS))
    report = evaluate_subject(gold, peer_subject("peer", Peer(), adapter="tests:Peer"), library)
    own = evaluate(gold, library, threshold=1.0)
    assert [row.ranked for row in report.rows] == [row.ranked for row in own.rows]
    # What it held back is not known: the refusals are named as such, and nothing is said of what they would have been.
    assert [row.stage for row in report.rows] == [row.stage for row in own.rows] == ["refused", "refused", ""]
    assert [row.right for row in report.rows] == [None, None, False]
    values = values_of(report)
    assert values["abstention"]["aurc"] is None
    assert values["abstention"]["auroc"] is not None
    assert values["curves"]["risk_coverage"] == values["curves"]["reliability"] == []


def test_a_system_that_only_searches_is_not_praised_for_unanswerable_questions(
    library: Library, tmp_path: Path
) -> None:
    class Searcher:
        def search(self, query: str, k: int) -> list[Hit]:
            return library.search(query, k)

    gold = read_gold(gold_file(tmp_path / "g.jsonl", *QUESTIONS))
    report = evaluate_subject(gold, peer_subject("peer", Searcher(), adapter="tests:Searcher"), library)
    assert values_of(report)["diagnosis"]["right"] == {"questions": 2, "share": 1.0}
