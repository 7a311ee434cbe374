"""The benchmarks: their figures against values worked out by hand, and each part end to end on something tiny."""

from __future__ import annotations

import io
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import HARBOUR, TOWN

from eval import bench, bench_scale, bench_speed, bench_vectors
from eval.bench_child import Child, environment, serve
from eval.bench_corpus import MadeQuestion, batch, make_questions, read_corpus
from eval.bench_figures import disk, megabytes, milliseconds, peak_bytes, percentile, slices, spread, table, turns
from eval.bench_large import LargeLibrary
from eval.bench_library import ServedLibrary, token_line
from eval.bench_quality import HEADING, below, quality
from eval.bench_quickstart import STORES, QuickStart
from eval.bench_synthetic import Mixture, exact_ids, recall
from eval.gold import Evidence, GoldSet, Question
from rag import Document, Library


def written(path: Path, documents: list[Document]) -> Path:
    rows = [{"id": d.id, "title": d.title, "text": d.text} for d in documents]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def town_gold(questions: int = 6) -> GoldSet:
    asked = [Question(f"q{n}", f"How many pilots brought ship {n}?", (), False, (), (), ()) for n in range(questions)]
    return GoldSet("town", "0" * 64, tuple(asked), TOWN)


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Put measured systems into this process, for starting one takes seconds; return what was started."""
    started: list[str] = []

    class Near:
        def __init__(self, system: str, *arguments: str) -> None:
            started.append(system)
            module, _, name = system.partition(":")
            self._system = getattr(sys.modules[module], name)(*arguments)

        def __enter__(self) -> Near:
            return self

        def __exit__(self, *_: object) -> None:
            self._system.close()

        def call(self, method: str, **arguments: Any) -> Any:
            results = io.StringIO()
            serve(self._system, io.StringIO(json.dumps([method, arguments]) + "\n"), results)
            return json.loads(results.getvalue())

    for module in (bench_speed, bench_scale, bench_vectors):
        monkeypatch.setattr(module, "Child", Near)
    return started


# -- figures ----------------------------------------------------------------------------------------------------------


def test_percentiles_lie_between_neighbours() -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], 0.5) == pytest.approx(2.5)
    assert percentile([10.0 * n for n in range(21)], 0.95) == pytest.approx(190.0)
    assert percentile([7.0], 0.95) == pytest.approx(7.0)


def test_spread_is_median_least_and_greatest() -> None:
    assert spread([3.0, 1.0, 2.5]) == "2.50 [1.00, 3.00]"
    assert milliseconds(0.01234) == "12.3"
    assert megabytes(1_234_567_890) == "1,234.6 MB"


def test_a_table_is_markdown() -> None:
    assert table(["a", "b"], [1, "x"]) == "| a | b |\n| --- | --- |\n| 1 | x |"


def test_every_name_has_its_turn_in_every_place() -> None:
    orders = list(turns(["a", "b", "c"], 6))
    for place in range(3):
        assert sorted(order[place] for order in orders) == ["a", "a", "b", "b", "c", "c"]
    assert slices([1, 2, 3, 4, 5], 2) == [[1, 2], [3, 4], [5]]


def test_a_file_with_two_names_takes_its_bytes_once(tmp_path: Path) -> None:
    for name, size in (
        ("library.sqlite3", 100),
        ("library.sqlite3-wal", 20),
        ("generations/00000001/vectors-00000001.faiss", 30),
        ("generations/00000001/lexical/meta.json", 4),
        ("CURRENT", 1),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * size)
    linked = tmp_path / "generations" / "00000002"
    linked.mkdir()
    os.link(tmp_path / "generations/00000001/vectors-00000001.faiss", linked / "vectors-00000001.faiss")
    assert disk(tmp_path) == {"database": 120, "vectors": 30, "lexical": 4, "other": 1}


def test_the_peak_of_memory_is_what_was_held_at_once() -> None:
    before = peak_bytes()
    held = np.ones(max(before, 30_000_000), dtype=np.uint8)
    assert peak_bytes() >= min(before + 20_000_000, len(held))


def test_ours_is_below_only_where_a_leg_is_significantly_ahead_on_a_ranking() -> None:
    def found(system: str, metric: str, difference: float, p_value: float) -> dict[str, Any]:
        return {"system": system, "metric": metric, "difference": difference, "p_value": p_value}

    harmless = [
        found("dense", "retrieval.hit@5", 0.01, 0.06),
        found("lexical", "retrieval.hit@1", -0.2, 0.001),
        found("langchain", "retrieval.hit@1", 0.2, 0.001),
        found("dense", "answers.contains", 0.2, 0.001),
    ]
    assert below({"comparisons": harmless}).startswith("default is nowhere significantly below dense or lexical")
    ahead = found("dense", "retrieval.hit@5", 0.005, 0.01)
    assert below({"comparisons": [*harmless, ahead]}) == "default is BELOW dense on hit@5 (-0.005, p = 0.010)"


# -- children ---------------------------------------------------------------------------------------------------------


COUNTER = """
import os

class Counter:
    def __init__(self, start):
        self.count = int(start)

    def add(self, number):
        print("no result")
        self.count += number
        return {"count": self.count, "threads": os.environ.get("OMP_NUM_THREADS")}

    def close(self):
        open("closed", "w").close()
"""


def test_a_child_holds_one_object_and_no_threads_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "closed"
    (tmp_path / "counter.py").write_text(COUNTER.replace('"closed"', repr(str(closed))), encoding="utf-8")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert "OMP_NUM_THREADS" not in environment()
    with Child("counter:Counter", "0"):
        pass
    assert closed.exists()
    with Child("counter:Counter", "40") as child:
        assert child.call("add", number=1) == {"count": 41, "threads": None}
        assert child.call("add", number=1)["count"] == 42
        with pytest.raises(ChildProcessError, match="called to subtract, ended with code 1"):
            child.call("subtract")


# -- corpora ----------------------------------------------------------------------------------------------------------


def entries() -> list[Document]:
    words = "Keepers trimmed the enormous lanterns before every westerly thunderstorm reached harbour."
    return [
        *(Document(f"dict/{n}", f"small. {words} Number {n}.", f"Head{n}") for n in range(5)),
        Document("kernel/net/driver-api.rst", "no sentence here", "driver-api.rst.gz"),
    ]


def test_questions_are_by_title_and_by_words_of_a_sentence_and_from_every_group() -> None:
    made = make_questions(entries(), 4)
    assert made == make_questions(entries(), 4)
    assert len({question.document_id for question in made}) == 4
    assert made[0].text == f"What is Head{made[0].document_id[-1]}?"
    assert made[1] == MadeQuestion("What is driver api?", "kernel/net/driver-api.rst")
    assert made[2].text == "Keepers trimmed enormous lanterns westerly thunderstorm"
    assert make_questions(entries(), 4, seed=1) != made
    assert len(make_questions(entries(), 50)) == 6


def test_batches_go_on_where_others_ended(tmp_path: Path) -> None:
    corpus = written(tmp_path / "corpus.jsonl", [Document(str(n), "x" * 10, "t") for n in range(7)])
    documents = read_corpus(corpus, skip=2)
    assert [d.id for d in batch(documents, chars=21)] == ["2", "3", "4"]
    assert [d.id for d in batch(documents, chars=1)] == ["5"]
    assert [d.id for d in batch(documents, chars=100)] == ["6"]
    assert batch(documents, chars=100) == []


# -- vectors ----------------------------------------------------------------------------------------------------------


def test_synthetic_vectors_are_the_same_for_the_same_seed_and_have_neighbours() -> None:
    mixture = Mixture(clusters=20)
    vectors = mixture.vectors(400)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    np.testing.assert_array_equal(vectors, mixture.vectors(400))
    assert not np.array_equal(vectors, Mixture(clusters=20, seed=1).vectors(400))
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1.0)
    assert np.median(cosines.max(axis=1)) > np.median(cosines) + 0.3
    queries = mixture.queries(vectors, 5)
    assert queries.shape == (5, 384)
    assert (queries @ vectors.T).max(axis=1).min() > np.median(cosines) + 0.2


def test_exact_neighbours_are_those_of_a_full_sort_whatever_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.bench_synthetic.BLOCK_ROWS", 30)
    draw = np.random.default_rng(0)
    vectors, queries = draw.standard_normal((100, 8), dtype=np.float32), draw.standard_normal((4, 8), dtype=np.float32)
    expected = np.argsort(-(queries @ vectors.T), axis=1)[:, :7]
    np.testing.assert_array_equal(np.sort(exact_ids(vectors, queries, 7)), np.sort(expected))


def test_recall_is_the_share_of_exact_neighbours() -> None:
    exact = np.array([[1, 2, 3, 4], [5, 6, 7, 8]])
    assert recall(np.array([[4, 3, 9, 1], [8, 7, 6, 5]]), exact) == pytest.approx(7 / 8)
    assert recall(np.array([[4, -1, -1, -1], [-1, -1, -1, -1]]), exact) == pytest.approx(1 / 8)


def test_the_vector_part_reports_full_recall_of_an_exact_index(in_process: list[str]) -> None:
    report = bench_vectors.vectors_report(600, queries=10)
    assert report.startswith("600 synthetic vectors of 384 dimensions, 10 queries")
    assert "| recall@10 against exact | 1.0000 |" in report
    assert len(in_process) == 3


# -- parts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("store", STORES)
def test_the_quick_start_finds_in_either_store(store: str, tmp_path: Path) -> None:
    for document in TOWN:
        (tmp_path / f"{Path(document.id).stem}.txt").write_text(document.text, encoding="utf-8")
    system = QuickStart(store)
    assert system.index(str(tmp_path))["passages"] == 3
    assert len(system.search(["Who built the lighthouse?", "pilots"], 2)) == 2
    assert system._store is not None
    (found, _) = system._store.similarity_search("Who built the lighthouse?", k=2)
    assert found.metadata["source"].endswith("lighthouse.txt")


def test_our_library_is_made_anew_and_searched_by_threads(tmp_path: Path) -> None:
    (tmp_path / "harbour.txt").write_text(HARBOUR.text, encoding="utf-8")
    served = ServedLibrary()
    for _ in range(2):
        assert served.index(str(tmp_path))["passages"] == 1
    assert all(seconds > 0 for seconds in served.search(["pilots", "ships"], 10))
    assert served.together(["pilots", "ships", "the pier"], 10, 2) > 0
    served.close()
    assert not served._folder.exists()


def test_speed_askers_and_indexing_report_every_system(in_process: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_speed, "WARM_UP_QUESTIONS", 2)
    found = bench_speed.search_table(town_gold(8), questions=6)
    for name in bench_speed.SYSTEMS:
        assert f"| {name} |" in found
    assert "questions of town" in found
    assert "of 2 askers" in bench_speed.askers_line(town_gold(8), questions=6)
    assert "3 text files" in bench_speed.indexing_table(town_gold(), rounds=1)
    assert len(in_process) == 4 + 1 + 2


def test_warm_up_questions_are_not_measured() -> None:
    warm_up, asked = bench_speed._questions(town_gold(500), 100)
    assert len(warm_up) >= 40
    assert len(asked) >= 90
    assert not set(warm_up) & set(asked)


def test_a_large_library_goes_on_where_it_was_interrupted(tmp_path: Path) -> None:
    entries = [Document(f"d/{n}", f"Entry {n}. {HARBOUR.text}", "E") for n in range(8)]
    corpus = written(tmp_path / "corpus.jsonl", entries)
    first = LargeLibrary(str(tmp_path))
    half = first.build(str(corpus), passages=3, batch_passages=2)
    first.close()
    second = LargeLibrary(str(tmp_path))
    whole = second.build(str(corpus), passages=6, batch_passages=2)
    assert whole["batches"][: len(half["batches"])] == half["batches"]
    assert sum(done["documents"] for done in whole["batches"]) == second.statistics()["documents"] >= 6
    assert second.build(str(corpus), passages=6) == whole
    with pytest.raises(ValueError, match="fewer than 1,000"):
        second.build(str(corpus), passages=1_000)
    second.close()
    other = written(tmp_path / "other.jsonl", [HARBOUR])
    with pytest.raises(ValueError, match="another corpus"):
        LargeLibrary(str(tmp_path)).build(str(other), passages=1)


def test_the_scale_part_builds_asks_and_changes(
    in_process: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(bench_scale, "command_seconds", lambda arguments: commands.append(list(arguments)) or 1.0)
    monkeypatch.setattr(bench_scale, "cold_start_line", lambda library, question: f"rag ask {question}")
    corpus = written(tmp_path / "corpus.jsonl", [*entries(), *TOWN])
    parts = bench_scale.scale_report(corpus, tmp_path / "work", passages=9, gold=town_gold(), questions=3, rounds=1)
    report = "\n".join(parts)
    assert "built: 9 documents, 9 passages" in report
    for kind in ("database", "vectors", "lexical", "add a document", "replace a document", "remove a document"):
        assert f"| {kind} |" in report
    assert "town's, which it does not answer" in report
    assert [command[2] for command in commands] == ["add", "remove"]
    with Library.open(tmp_path / "work" / "library") as library:
        assert len(library.documents()) == 9


def test_token_vectors_take_what_the_store_keeps(town_library: Library) -> None:
    line = token_line(town_library)
    assert "(mean of 3 passages)" in line


def test_parts_without_data_are_left_out_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--only", "speed,scale", "--data", str(tmp_path)]) == 0
    machine, *others = [line for line in capsys.readouterr().out.splitlines() if line]
    assert "processors" in machine
    assert [line.partition(":")[0] for line in others] == ["## speed", "left out", "## scale", "left out"]
    assert "make bench DATA=FOLDER" in others[1]
    assert "make bench CORPUS=FILE" in others[3]


def test_an_unknown_part_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(["--only", "speed,sped"])
    assert (
        "unknown part 'sped'; known are quality, dialogues, weights, choices, claims, start, speed"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rounds", "x"], "argument --rounds: 'x' is not a whole number"),
        (["--limit", "0"], "argument --limit: 0 is below 1"),
        (["--corpus", "missing.jsonl"], "argument --corpus: there is no file missing.jsonl"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_measured(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        bench.main(arguments)
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert message in said.err


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_hands_on_folders_with_spaces_in_their_names() -> None:
    given = ["DATA=/gold sets", "CORPUS=/a corpus.jsonl", "WORK=/large ones", "ONLY=weights"]
    # Run by a make itself, make would add lines on the folders it enters and leaves.
    command = ["make", "--no-print-directory", "--dry-run", "--always-make", "bench", *given]
    lines = subprocess.run(command, cwd=bench.ROOT, capture_output=True, text=True, check=True).stdout
    _, _, arguments = lines.replace("\\\n", " ").rpartition("-m eval.bench ")
    assert shlex.split(arguments) == [
        *("--only", "weights", "--data", "/gold sets"),
        *("--corpus", "/a corpus.jsonl", "--work", "/large ones"),
    ]


def test_quality_has_a_row_for_each_system_and_a_line_on_ours(town_library: Library) -> None:
    quotes = {"How many pilots does the harbour employ?": (HARBOUR, "41"), "Who built it?": (TOWN[1], "Ada Lindqvist")}
    asked = []
    for text, (document, answer) in quotes.items():
        start = document.text.index(answer)
        evidence = (Evidence(document.id, start, start + len(answer), answer),)
        asked.append(Question(answer, text, (answer,), True, evidence, (document.id,), ()))
    asked.append(Question("none", "Who rang the bell of the abbey?", (), False, (), (), ()))
    rows, line = quality(GoldSet("town", "0" * 64, tuple(asked), TOWN), town_library, None)
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows.splitlines()]
    assert [row[:3] for row in cells] == [["town", "3", name] for name in ("default", "dense", "lexical", "langchain")]
    assert {len(row) for row in cells} == {len(HEADING.splitlines()[0].strip("|").split("|"))}
    assert cells[0][4] == "1.000 [1.000, 1.000]"
    chars = sum(len(document.text) for document in TOWN)
    assert line.startswith("town: default is nowhere significantly below dense or lexical")
    assert line.endswith(f"{chars:,} at most")
