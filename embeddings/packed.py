"""Late interaction with many packed texts at once: one look-up and one call for all products; knows no texts.

What `embeddings.late.max_similarities` says of unpacked texts one by one. A search has twenty texts, and each step that
lets other threads run and then waits for its turn again costs those who ask at the same time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from embeddings.late import byte_levels, count_tokens

# Texts begin at multiples of this many rows, and every product is of so many rows. In one for all, even with texts at
# multiples of 16 rows, the same text comes out differently by where it stands, if by 1e-7 only, and passages that say
# the same would be ordered by chance.
BLOCK = 64


def segment_similarities(
    query: NDArray[np.float32], packed: Sequence[bytes], starts: Sequence[NDArray[np.int64]], *, bits: int
) -> list[NDArray[np.float32]]:
    """Return for every segment of some texts the best similarity within it of each query token.

    Args:
        query: (q, dim) float32, unit rows.
        packed: What `embeddings.late.pack` made of each text's token vectors.
        starts: For each text (segments,) int64, ascending from 0: at which of its tokens each segment begins; it ends
            where the next begins.
        bits: Bits a component of what is packed.

    Returns:
        For each text (segments, q) float32 in about [-1, 1]; zeros for a segment without tokens.

    Raises:
        ValueError: A number of bytes does not fit the dimension of the query.
    """
    if not packed:
        return []
    dim = query.shape[1]
    counts = [count_tokens(text, dim, bits) for text in packed]
    # At least one row between texts, for a last segment to end at.
    rooms = [(count // BLOCK + 1) * BLOCK for count in counts]
    begins = np.cumsum([0, *rooms[:-1]])
    similarities = _products(query, packed, list(zip(counts, rooms, strict=True)), bits=bits)
    # The end of each text is taken for one more segment, which is left out again.
    edges = np.concatenate([np.append(own, n) + b for own, n, b in zip(starts, counts, begins, strict=True)])
    best: NDArray[np.float32] = np.maximum.reduceat(similarities, edges, axis=0)
    best[:-1][edges[1:] <= edges[:-1]] = 0.0
    stops = np.cumsum([len(own) + 1 for own in starts])
    return [best[stop - len(own) - 1 : stop - 1] for own, stop in zip(starts, stops.tolist(), strict=True)]


def _products(
    query: NDArray[np.float32], packed: Sequence[bytes], sizes: Sequence[tuple[int, int]], *, bits: int
) -> NDArray[np.float32]:
    """Return similarities of all texts' tokens, (rows, q) float32; `sizes` has tokens and rows of each text."""
    dim = query.shape[1]
    row_bytes = dim * bits // 8
    parts: list[bytes | memoryview] = []
    scales: list[bytes | memoryview] = []
    for text, (count, room) in zip(packed, sizes, strict=True):
        parts += [memoryview(text)[2 * count :], bytes((room - count) * row_bytes)]
        scales += [memoryview(text)[: 2 * count], bytes(2 * (room - count))]
    levels = np.take(byte_levels(bits), np.frombuffer(b"".join(parts), np.uint8), axis=0).reshape(-1, dim)
    blocks = query @ levels.reshape(-1, BLOCK, dim).transpose(0, 2, 1)
    similarities: NDArray[np.float32] = blocks.transpose(0, 2, 1).reshape(-1, len(query))
    # Not the levels: there are thirty times as many.
    similarities *= np.frombuffer(b"".join(scales), np.float16).astype(np.float32)[:, None]
    return similarities
