"""What a library of 10^5 to 10^9 passages takes, computed from what was measured and cited; opens no library.

python -m eval.capacity prints the tables of docs/scale.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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
    "vector index, half precision": 803,
    "lexical index": 161,
}
# "A library in Milvus": 3,990 passages of 613 characters, by a query on its rows.
MILVUS_BYTES = {
    "vectors, float32": 4 * DIM,
    "weights of terms, 75 pairs of 8 bytes": 600,
    "terms": 622,
    "token vectors, 2 bits a component, as base64": 19_087,
    "texts and borders of sentences": 907,
    "words as they are spelt": 492,
}
# "Fifty thousand passages on a Ray cluster": processor time of one passage, read, split, embedded and written.
EMBEDDING_S = 0.040
# "Indexing on a Ray cluster against one process": what the head of a cluster writes into a folder.
HEAD_PASSAGES_A_S = 3_266
# "The large library again": p95 of a question with reranking at 103,208 passages, in ms, and of the vector index
# alone at a million, of which 864 MB were in memory.
QUESTION_P95_MS, MILLION_SEARCH_P95_MS, MILLION_MEMORY_BYTES = 56.7, 61.5, 864_000_000

# -- cited -------------------------------------------------------------------------------------------------------------

# Malkov, Yashunin (2018), section 4.2.3: links of 4 bytes, 2 M of them at the lowest layer; M is 16.
HNSW_BYTES = 4 * DIM + 2 * 16 * 4
# Milvus, "On-disk Index": PQCodeBudgetGBRatio and SearchCacheBudgetGBRatio are 0.125 of the vectors each.
DISKANN_BYTES = 4 * DIM * 2 * 0.125
# Subramanya and others (2019), section 3: a node is its vector and up to 64 links, in blocks of 4 KiB on the disk.
DISKANN_DISK_BYTES = 4096 / (4096 // (4 * DIM + 4 * 65))
# Multiply-adds of all-MiniLM-L6-v2 without its table of words (10.6 million weights), twice, for the 132 tokens of a
# passage; a V100 at 15 of its 112 TFLOPS (NVIDIA, "V100 data sheet"). Its authors publish 14,200 sentences a second.
GPU_PASSAGES_A_S = 15e12 / (2 * 10.6e6 * 132)

# -- chosen ------------------------------------------------------------------------------------------------------------

NODE_BYTES, NODE_SHARE = 64 * 10**9, 0.7


@dataclass(frozen=True)
class Index:
    """A vector index.

    Attributes:
        name: Its name.
        memory_bytes: What it takes of memory for a passage.
        disk_bytes: What it takes of a fast disk for a passage; 0 where it is in memory alone.
        most_machines: Over how many machines it can be spread.
    """

    name: str
    memory_bytes: float
    disk_bytes: float = 0.0
    most_machines: float = math.inf

    def machines(self, passages: int) -> int:
        """Return how many machines of `NODE_BYTES` hold it in `NODE_SHARE` of their memory, once."""
        return max(1, math.ceil(passages * self.memory_bytes / (NODE_BYTES * NODE_SHARE)))


INDEXES = (
    Index(
        "folder (IVF, half precision, mapped)",
        MILLION_MEMORY_BYTES / 10**6,
        FOLDER_BYTES["vector index, half precision"],
        1,
    ),
    Index("Milvus, HNSW", HNSW_BYTES),
    Index("Milvus, DISKANN", DISKANN_BYTES, DISKANN_DISK_BYTES),
)


def written(amount: float, units: Sequence[str] = ("B", "kB", "MB", "GB", "TB", "PB")) -> str:
    """Return an amount of bytes with two significant digits and its unit."""
    power = min(len(units) - 1, int(math.log10(max(amount, 1)) // 3))
    return f"{float(f'{amount / 1000**power:.2g}'):,.6g} {units[power]}"


def hours(seconds: float) -> str:
    """Return seconds as minutes, hours or days, whichever is between one and about a hundred, with two digits."""
    unit_s, unit = next(((s, u) for s, u in ((60, "min"), (3600, "h")) if seconds < 99 * s), (86_400, "days"))
    return f"{float(f'{seconds / unit_s:.2g}'):,.6g} {unit}"


def bytes_table(parts: Mapping[str, int]) -> list[str]:
    """Return the lines of a Markdown table: bytes of a passage by part, and at each size."""
    rows = [*parts.items(), ("**in all**", sum(parts.values()))]
    return _table(
        ["part", "a passage", *map(_power, SIZES)],
        [[part, f"{count:,} B", *(written(count * n) for n in SIZES)] for part, count in rows],
    )


def index_table() -> list[str]:
    """Return the lines of a Markdown table: memory, and machines for it, of each vector index at each size."""
    return _table(
        ["vector index", "memory a passage", "disk a passage", *map(_power, SIZES)],
        [
            [
                index.name,
                f"{index.memory_bytes:,.0f} B",
                f"{index.disk_bytes:,.0f} B" if index.disk_bytes else "",
                *(_held(index, n) for n in SIZES),
            ]
            for index in INDEXES
        ],
    )


def embedding_table() -> list[str]:
    """Return the lines of a Markdown table: how long each size is embedded."""
    rows = {
        "one core": EMBEDDING_S,
        "64 cores": EMBEDDING_S / 64,
        "1,024 cores": EMBEDDING_S / 1024,
        "one V100": 1 / GPU_PASSAGES_A_S,
        "written by the head": 1 / HEAD_PASSAGES_A_S,
    }
    return _table(
        ["embedding with", "passages a second", *map(_power, SIZES)],
        [[name, f"{1 / each:,.0f}", *(hours(each * n) for n in SIZES)] for name, each in rows.items()],
    )


def _held(index: Index, passages: int) -> str:
    machines = index.machines(passages)
    if machines > index.most_machines:
        return "too much for one"
    return f"{written(passages * index.memory_bytes)}, {machines} machine{'s' if machines > 1 else ''}"


def _power(passages: int) -> str:
    return f"10^{round(math.log10(passages))}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


TABLES = {
    "folder": lambda: bytes_table(FOLDER_BYTES),
    "milvus": lambda: bytes_table(MILVUS_BYTES),
    "index": index_table,
    "embedding": embedding_table,
}


def main() -> None:
    """Print the tables."""
    print("\n\n".join("\n".join(make()) for make in TABLES.values()))  # noqa: T201 - it is what this is for


if __name__ == "__main__":
    main()
