"""What a library of 10^5 to 10^9 passages takes, computed from what was measured and cited; opens no library.

python -m eval.capacity prints the tables of docs/scale.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

SIZES = (10**5, 10**6, 10**7, 10**8, 10**9)
DIM = 384

# -- measured, each with the section of eval/LOG.md that says how ------------------------------------------------------

# "The large library again": 103,208 passages of 393 characters in 17,951 documents, by a query on its tables and files.
FOLDER_BYTES = {
    "texts, once by document and once by passage": 787,
    "borders of sentences, and where their tokens begin": 123,
    "vectors, float32": 4 * DIM,
    "token vectors, 2 bits a component": 12_763,
    "rows, keys and pages of SQLite": 1_006,
    "vector index, 8 bits a component": 803,
    "lexical index": 161,
}
# "A hundred thousand real passages": processor time of one passage, read, split, embedded and written.
EMBEDDING_S = 0.056
# "The large library again": p95 of a question with reranking at 103,208 passages, in ms, and of the vector index
# alone at a million, of which 864 MB were in memory.
QUESTION_P95_MS, MILLION_SEARCH_P95_MS, MILLION_MEMORY_BYTES = 56.7, 61.5, 864_000_000

# -- cited --------------------------------------------------------------------------------------------------------------

# Malkov, Yashunin (2018), section 4.2.3: links of 4 bytes, 2 M of them at the lowest layer; M is 16.
HNSW_BYTES = 4 * DIM + 2 * 16 * 4
# Milvus, "On-disk Index": PQCodeBudgetGBRatio and SearchCacheBudgetGBRatio are 0.125 of the vectors each.
DISKANN_BYTES = 4 * DIM * 2 * 0.125
# Multiply-adds of all-MiniLM-L6-v2 without its table of words (10.6 million weights), twice, for the 132 tokens of a
# passage; a V100 at 15 of its 112 TFLOPS (NVIDIA, "V100 data sheet"). Its authors publish 14,200 sentences a second.
GPU_PASSAGES_A_S = 15e12 / (2 * 10.6e6 * 132)

# -- chosen -------------------------------------------------------------------------------------------------------------

NODE_BYTES, NODE_SHARE = 64 * 10**9, 0.7


@dataclass(frozen=True)
class Plan:
    """Where so many passages are kept.

    Attributes:
        passages: How many.
        engine: What keeps them.
        index: Its vector index.
        memory_bytes: What the index takes of memory, in all.
    """

    passages: int
    engine: str
    index: str
    memory_bytes: float

    @property
    def nodes(self) -> int:
        """Machines of `NODE_BYTES` that hold the index in `NODE_SHARE` of their memory, for one replica."""
        return max(1, math.ceil(self.memory_bytes / (NODE_BYTES * NODE_SHARE)))


def plan(passages: int) -> Plan:
    """Return where so many passages are kept: what needs least while one question stays within a second."""
    if passages <= 10**6:
        return Plan(passages, "folder", "IVF, 8 bits, mapped", passages * MILLION_MEMORY_BYTES / 10**6)
    if passages <= 10**7:
        return Plan(passages, "Milvus standalone", "HNSW", passages * HNSW_BYTES)
    return Plan(passages, "Milvus cluster", "DISKANN", passages * DISKANN_BYTES)


def written(amount: float, units: Sequence[str] = ("B", "kB", "MB", "GB", "TB", "PB")) -> str:
    """Return an amount of bytes with two significant digits and its unit."""
    power = min(len(units) - 1, int(math.log10(max(amount, 1)) // 3))
    return f"{float(f'{amount / 1000**power:.2g}'):,.6g} {units[power]}"


def hours(seconds: float) -> str:
    """Return seconds as hours, or as days beyond four of them, with two significant digits."""
    count, unit = (seconds / 3600, "h") if seconds < 4 * 86_400 else (seconds / 86_400, "d")
    return f"{float(f'{count:.2g}'):,.6g} {unit}"


def bytes_table() -> list[str]:
    """Return the lines of a Markdown table: bytes of a passage by part, and at each size."""
    rows = [(part, count) for part, count in FOLDER_BYTES.items()]
    rows.append(("**in all**", sum(FOLDER_BYTES.values())))
    return _table(
        ["part", "a passage", *(f"10^{round(math.log10(n))}" for n in SIZES)],
        [[part, f"{count:,} B", *(written(count * n) for n in SIZES)] for part, count in rows],
    )


def machines_table() -> list[str]:
    """Return the lines of a Markdown table: where each size is kept, in what memory, and how long it is embedded."""
    columns: dict[str, Callable[[Plan], str]] = {
        "passages": lambda p: f"10^{round(math.log10(p.passages))}",
        "kept in": lambda p: p.engine,
        "vector index": lambda p: p.index,
        "its memory": lambda p: written(p.memory_bytes),
        "machines of 64 GB for it": lambda p: str(p.nodes),
        "embedding, one core": lambda p: hours(p.passages * EMBEDDING_S),
        "64 cores": lambda p: hours(p.passages * EMBEDDING_S / 64),
        "one V100": lambda p: hours(p.passages / GPU_PASSAGES_A_S),
    }
    return _table(list(columns), [[write(plan(n)) for write in columns.values()] for n in SIZES])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def main() -> None:
    """Print the tables."""
    print("\n".join([*bytes_table(), "", *machines_table()]))  # noqa: T201 - it is what this is for


if __name__ == "__main__":
    main()
