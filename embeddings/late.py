"""Late interaction: similarity of two texts by their tokens' vectors, and a compact form of those; knows no texts.

Token vectors are kept at one, two or four bits a component with one half-precision scale: bits * dim / 8 + 2 bytes a
token. At 384 dimensions and two bits that is 98 bytes, 14.7 KB for a passage of 150 tokens, where single precision
takes 230 KB.

Reference:
    Khattab, Zaharia (2020), "ColBERT: Efficient and Effective Passage Search via Contextualized Late Interaction over
    BERT", equation 3 (MaxSim). Few bits of every component keep similarities better than more bits of fewer components:
    Santhanam et al. (2022), "ColBERTv2", section 3.3, keeps one or two bits of each as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Levels of a component, in units of its row's root mean square: those that lose least of a Gaussian.
# Reference: Max (1960), "Quantizing for Minimum Distortion", table I, for two and four levels.
ONE_BIT, TWO_BITS, BORDER = 0.7979, (-1.510, -0.4528, 0.4528, 1.510), 0.9816
# Four-bit integers from -7 to 7, kept with 8 added so that they are never negative.
LEVELS, ZERO = 7, 8
BITS = (1, 2, 4)


class _Form(NamedTuple):
    """How components are kept: the level that each number stands for, and all those in a byte, looked up at once."""

    levels: NDArray[np.float32]
    bytes: NDArray[np.float32]


def _form(bits: int, levels: Sequence[float]) -> _Form:
    kept = np.array(levels, np.float32)
    numbers = np.arange(256)[:, None] >> np.arange(0, 8, bits) & (1 << bits) - 1
    return _Form(kept, kept[numbers])


_FORMS = {
    1: _form(1, (-ONE_BIT, ONE_BIT)),
    2: _form(2, TWO_BITS),
    4: _form(4, [n - ZERO for n in range(16)]),
}


def pack(vectors: NDArray[np.float32], bits: int) -> bytes:
    """Return the vectors at some bits a component.

    Args:
        vectors: (tokens, dim) float32, dim a multiple of 8.
        bits: 1, 2 or 4.

    Returns:
        Scales of all rows, then their components, several in a byte.

    Raises:
        ValueError: `vectors` is no such matrix, or `bits` another number.
    """
    if vectors.ndim != 2 or vectors.shape[1] % 8:
        raise ValueError(f"token vectors of shape {vectors.shape}; they have to be (tokens, dim), dim a multiple of 8")
    if bits not in BITS:
        raise ValueError(f"bits is {bits}; it must be one of {', '.join(map(str, BITS))}")
    numbers, scales = _quantised(vectors, bits)
    count, dim = vectors.shape
    parts = numbers.reshape(count, dim * bits // 8, 8 // bits) << np.arange(0, 8, bits, dtype=np.uint8)
    packed: bytes = scales.astype(np.float16).tobytes() + np.bitwise_or.reduce(parts, axis=2).tobytes()
    return packed


def _quantised(vectors: NDArray[np.float32], bits: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return the number of each component's level, and the scale of each row."""
    if bits == 4:
        scales = np.abs(vectors).max(axis=1, initial=0.0) / LEVELS
        # What is kept of the scale is what the levels are multiplied with.
        divisors = scales.astype(np.float16).astype(np.float32)[:, None]
        steps = np.rint(vectors / np.where(divisors > 0, divisors, 1.0)).clip(-LEVELS, LEVELS)
        return (steps + ZERO).astype(np.uint8), scales
    if bits == 1:
        numbers = (vectors >= 0).astype(np.uint8)
    else:
        borders = BORDER * np.sqrt(np.square(vectors).mean(axis=1, keepdims=True))
        numbers = (vectors >= -borders).astype(np.uint8) + (vectors >= 0) + (vectors >= borders)
    levels = _FORMS[bits].levels[numbers]
    # A row's product with what is kept of it is that with itself, so that similarities come out as they are on average.
    # Reference: Gao, Long (2024), "RaBitQ", equation 12.
    products = (levels * vectors).sum(axis=1)
    return numbers, np.square(vectors).sum(axis=1) / np.where(products > 0, products, 1.0)


def unpack(packed: Sequence[bytes], dim: int, bits: int) -> list[NDArray[np.float32]]:
    """Return what `pack` kept, each as (tokens, dim) float32.

    Args:
        packed: What `pack` returned, of any number of texts.
        dim: Number of components of a row.
        bits: Bits a component.

    Returns:
        The vectors of each text, rows of about unit length, longer where bits are few; views of one array.

    Raises:
        ValueError: A number of bytes does not fit `dim`.
    """
    counts = [count_tokens(text, dim, bits) for text in packed]
    if not packed:
        return []
    scales = [np.frombuffer(text, np.float16, count=n) for text, n in zip(packed, counts, strict=True)]
    parts = [np.frombuffer(text, np.uint8, offset=2 * n) for text, n in zip(packed, counts, strict=True)]
    # A byte's components at a time by table, and all texts at once: five times as fast as one by one and text by text.
    vectors = np.take(_FORMS[bits].bytes, np.concatenate(parts), axis=0).reshape(-1, dim)
    vectors *= np.concatenate(scales).astype(np.float32)[:, None]
    ends = np.cumsum(counts).tolist()
    return [vectors[end - count : end] for count, end in zip(counts, ends, strict=True)]


def byte_levels(bits: int) -> NDArray[np.float32]:
    """Return the levels of the components in a byte, for each of its values: (256, 8 / bits) float32."""
    return _FORMS[bits].bytes


def count_tokens(packed: bytes, dim: int, bits: int) -> int:
    """Return of how many tokens the vectors are that `pack` kept.

    Args:
        packed: What `pack` returned.
        dim: Number of components of a row.
        bits: Bits a component.

    Returns:
        The number of rows.

    Raises:
        ValueError: The number of bytes does not fit `dim`.
    """
    tokens, rest = divmod(len(packed), dim * bits // 8 + 2)
    if rest:
        raise ValueError(f"{len(packed)} bytes do not hold token vectors of dimension {dim} at {bits} bits")
    return tokens


def max_similarities(
    query: NDArray[np.float32], texts: Sequence[NDArray[np.float32]], starts: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return for every query token its best similarity within each segment of some texts.

    Args:
        query: (q, dim) float32, unit rows.
        texts: Each (tokens, dim) float32, about unit rows: a text's tokens in order.
        starts: (s,) int64, ascending: at which of all tokens each segment begins; it ends where the next begins.

    Returns:
        (q, s) float32 in about [-1, 1].
    """
    # A product for each text: in one for all, the same text comes out differently by where it stands, if by 1e-7 only,
    # and passages that say the same would be ordered by chance.
    similarities = np.concatenate([query @ tokens.T for tokens in texts], axis=1)
    best: NDArray[np.float32] = np.maximum.reduceat(similarities, starts, axis=1)
    return best
