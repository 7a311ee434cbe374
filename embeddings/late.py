"""Late interaction: similarity of two texts by their tokens' vectors, and a compact form of those; knows no texts.

Token vectors are kept projected on fewer dimensions, at four bits a component with one half-precision scale:
dims / 2 + 2 bytes a token. A passage of 150 tokens takes 9.9 KB at 128 dimensions, where 384 take 29.1 KB and single
precision 230 KB.

Reference:
    Khattab, Zaharia (2020), "ColBERT: Efficient and Effective Passage Search via Contextualized Late Interaction over
    BERT", equation 3 (MaxSim). Random projections keep inner products: Johnson, Lindenstrauss (1984), "Extensions of
    Lipschitz mappings into a Hilbert space", and Achlioptas (2003), "Database-friendly random projections".
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from embeddings.encoding import unit

# Four-bit integers from -7 to 7, kept with 8 added so that they are never negative.
LEVELS, ZERO = 7, 8
# Part of what a library is built with: another number makes other projections, which do not go together.
PROJECTION_SEED = 0


# The two components in each byte, looked up as one number of eight bytes.
_PAIRS = (np.stack([np.arange(256) & 15, np.arange(256) >> 4], axis=1).astype(np.float32) - ZERO).view(np.complex64)[
    :, 0
]


def reduce(vectors: NDArray[np.float32], dims: int) -> NDArray[np.float32]:
    """Return vectors projected on fewer dimensions, and scaled to unit length again.

    The projection is the same for all vectors of one dimension, whatever was encoded, so that a library that grew
    equals one built at once. Principal components, which need a sample of texts, keep more of each vector, but raise
    the similarities they leave: eval/LOG.md has the comparison.

    Args:
        vectors: (n, dim) float32, unit rows.
        dims: Dimensions to keep, from 1; `dim` or more leave the vectors as they are.

    Returns:
        (n, min(dims, dim)) float32, unit rows.
    """
    return unit(vectors @ _projection(vectors.shape[1], dims)) if dims < vectors.shape[1] else vectors


@cache
def _projection(dim: int, dims: int) -> NDArray[np.float32]:
    """Return `dims` random orthonormal directions, (dim, dims) float32, the same on every machine.

    Reference:
        Mezzadri (2007), "How to generate random matrices from the classical compact groups", section 5: QR of a
        Gaussian matrix, made unique by a positive diagonal of R.
    """
    gaussian = np.random.default_rng(PROJECTION_SEED).standard_normal((dim, dims))
    directions, triangle = np.linalg.qr(gaussian)
    projection: NDArray[np.float32] = (directions * np.sign(np.diag(triangle))).astype(np.float32)
    return projection


def pack(vectors: NDArray[np.float32]) -> bytes:
    """Return the vectors at four bits a component.

    Args:
        vectors: (tokens, dim) float32, dim even.

    Returns:
        Scales of all rows, then their components, two in a byte.

    Raises:
        ValueError: `vectors` is not a matrix with an even number of columns.
    """
    if vectors.ndim != 2 or vectors.shape[1] % 2:
        raise ValueError(f"token vectors of shape {vectors.shape}; they have to be (tokens, dim) with dim even")
    scales = (np.abs(vectors).max(axis=1, initial=0.0) / LEVELS).astype(np.float16)
    divisors = np.where(scales > 0, scales, 1.0).astype(np.float32)[:, None]
    nibbles = (np.rint(vectors / divisors).clip(-LEVELS, LEVELS) + ZERO).astype(np.uint8)
    pairs: NDArray[np.uint8] = nibbles[:, 0::2] | nibbles[:, 1::2] << 4
    packed: bytes = scales.tobytes() + pairs.tobytes()
    return packed


def unpack(packed: Sequence[bytes], dim: int) -> list[NDArray[np.float32]]:
    """Return what `pack` kept, each as (tokens, dim) float32, rows of about unit length.

    Args:
        packed: What `pack` returned, of any number of texts.
        dim: Number of components of a row.

    Returns:
        The vectors of each text, each component off by at most half a step; views of one array.

    Raises:
        ValueError: A number of bytes does not fit `dim`.
    """
    counts = [_count(text, dim) for text in packed]
    scales = [np.frombuffer(text, np.float16, count=n) for text, n in zip(packed, counts, strict=True)]
    pairs = [np.frombuffer(text, np.uint8, offset=2 * n) for text, n in zip(packed, counts, strict=True)]
    if not packed:
        return []
    # Two components at a time by table, and all texts at once: five times as fast as nibble by nibble and text by text.
    vectors = _PAIRS[np.concatenate(pairs)].view(np.float32).reshape(-1, dim)
    vectors *= np.concatenate(scales).astype(np.float32)[:, None]
    return np.split(vectors, np.cumsum(counts[:-1]))


def _count(packed: bytes, dim: int) -> int:
    """Return of how many tokens the vectors are."""
    tokens, rest = divmod(len(packed), dim // 2 + 2)
    if rest:
        raise ValueError(f"{len(packed)} bytes do not hold token vectors of dimension {dim}")
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
