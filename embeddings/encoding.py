"""What every encoder gives and takes: the contract between models and whoever uses their vectors; knows no model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

Kind = Literal["query", "document"]
Precision = Literal["float32", "int8"]


@dataclass(frozen=True)
class Encoding:
    """One text as vectors.

    Attributes:
        vector: ``(dim,) float32``, unit length.
        token_vectors: ``(tokens, dim) float32``, unit rows; special tokens and prompt tokens are left out.
            They take 1.5 KB a token at 384 dimensions, so encode many texts in slices and keep what is needed.
        token_spans: ``(tokens, 2) int32``, start and end of each token in characters (code points) of the given text.
    """

    vector: NDArray[np.float32]
    token_vectors: NDArray[np.float32]
    token_spans: NDArray[np.int32]


class Encoder(Protocol):
    """A model that turns texts into unit vectors; safe to share between threads."""

    @property
    def id(self) -> str:
        """Name it was asked for by."""

    @property
    def digest(self) -> str:
        """SHA-256 of its weights, in hexadecimal."""

    @property
    def dim(self) -> int:
        """Dimension of its vectors."""

    @property
    def max_tokens(self) -> int:
        """Tokens of a text that it reads, special and prompt tokens not counted; the rest of a longer text is cut."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text has, special tokens not counted, nothing cut.

        Args:
            texts: What to count.

        Returns:
            A number for each text, in their order.

        Raises:
            ValueError: If ``texts`` is not a sequence of valid Unicode strings.
        """

    def count_unknown(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens of each text are not in the model's vocabulary, so that it cannot read them.

        Args:
            texts: What to count.

        Returns:
            A number for each text, in their order.

        Raises:
            ValueError: If ``texts`` is not a sequence of valid Unicode strings.
        """

    def encode(self, texts: Sequence[str], *, kind: Kind, threads: int = 1) -> list[Encoding]:
        """Return the texts as vectors.

        Args:
            texts: What to encode; a text beyond ``max_tokens`` is cut.
            kind: Whether they are questions or parts of documents; models with prompts treat the two differently.
            threads: Processor threads to use, from 1.

        Returns:
            An encoding for each text, in their order; it depends on the other texts by less than 1e-5.

        Raises:
            ValueError: If ``texts`` is not a sequence of valid Unicode strings, or another argument out of range.
        """


def check_texts(texts: Sequence[str]) -> None:
    """Refuse what a tokenizer cannot read.

    Args:
        texts: What was given.

    Raises:
        ValueError: If ``texts`` is not a sequence of valid Unicode strings.
    """
    if isinstance(texts, str):
        raise ValueError(f"texts is one string of {len(texts)} characters; give a sequence of strings, as in [text]")
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f"texts[{position}] is a {type(text).__name__}, not a string")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"texts[{position}] holds a lone surrogate at character {error.start}") from error


def check_request(texts: Sequence[str], *, kind: Kind, threads: int) -> None:
    """Refuse the arguments of ``Encoder.encode`` that no model can serve.

    Args:
        texts: What was given.
        kind: What was given.
        threads: What was given.

    Raises:
        ValueError: If ``texts`` is not a sequence of valid Unicode strings, or another argument out of range.
    """
    check_texts(texts)
    if kind not in get_args(Kind):
        raise ValueError(f"kind is {kind!r}; it must be one of {', '.join(map(repr, get_args(Kind)))}")
    if threads < 1:
        raise ValueError(f"threads is {threads}; it must be at least 1")


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the vectors along the last axis scaled to length 1, in the same shape; a zero vector stays zero."""
    norms = np.linalg.norm(rows, axis=-1, keepdims=True)
    scaled: NDArray[np.float32] = (rows / np.maximum(norms, 1e-12)).astype(np.float32, copy=False)
    return scaled
