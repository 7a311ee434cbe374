"""Loading the model that reads a query and a text together and scores the pair; knows strings and scores only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from embeddings.errors import UnusableModel
from embeddings.graph_cache import default_cache_dir, read_graph
from embeddings.model_folder import ModelFolder
from embeddings.weights import find_model

if TYPE_CHECKING:
    from embeddings.onnx_cross_encoder import OnnxCrossEncoder
    from embeddings.sentence_cross_encoder import SentenceCrossEncoder


class CrossEncoder(Protocol):
    """A model that says how well a text answers a query; safe to share between threads.

    Reference:
        Nogueira, Cho (2019), "Passage Re-ranking with BERT", section 3.
    """

    @property
    def id(self) -> str:
        """Name it was asked for by."""

    @property
    def digest(self) -> str:
        """SHA-256 of its weights, in hexadecimal."""

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return how well each text answers the query, in the thread that asks.

        Args:
            query: The query.
            texts: The texts; of a pair that is too long the longer of the two is cut.

        Returns:
            ``(texts,) float32``, higher is better, in the range of the model: what ``CrossEncoder.predict`` of
            sentence-transformers gives, within 1e-4.

        Raises:
            ValueError: If ``texts`` is not a sequence of valid Unicode strings.
        """


def load_cross_encoder(model: str, *, cache_dir: Path | None = None) -> CrossEncoder:
    """Return a cross-encoder that is ready to use.

    BERT models with one score run through ONNX Runtime and need torch only once, to export their graph; all others run
    through sentence-transformers.

    Args:
        model: The path of a folder, or a hub id, which is downloaded when needed.
        cache_dir: Where exported graphs are kept; by default below ``RAG_CACHE`` or in the user's cache folder.

    Returns:
        The cross-encoder; its ``id`` is ``model``.

    Raises:
        EncoderError: If the model is unknown or cannot be reached, trusted, read or run, or is no cross-encoder.
    """
    folder = find_cross_encoder(model)
    if len(folder.labels) != 1:
        raise UnusableModel(f"the model in {folder.path} gives {len(folder.labels)} scores a pair, not one")
    return load_pairs(folder, name=model, cache_dir=cache_dir)


def find_cross_encoder(model: str) -> ModelFolder:
    """Return the folder of a model that scores pairs of texts.

    Args:
        model: The path of a folder, or a hub id, which is downloaded when needed.

    Returns:
        The folder.

    Raises:
        EncoderError: If the model is unknown or cannot be reached or trusted, or scores no pairs.
    """
    folder = find_model(model, kind="cross-encoder")
    if not folder.is_cross_encoder:
        raise UnusableModel(
            f"model {model!r} scores no pairs; give a cross-encoder, such as cross-encoder/ms-marco-MiniLM-L6-v2"
        )
    return folder


def load_pairs(
    folder: ModelFolder, *, name: str, cache_dir: Path | None = None
) -> OnnxCrossEncoder | SentenceCrossEncoder:
    """Return a model of pairs of texts, through ONNX Runtime where that can run it.

    Args:
        folder: The model.
        name: What it was asked for by.
        cache_dir: Where exported graphs are kept; by default below ``RAG_CACHE`` or in the user's cache folder.

    Returns:
        The model, whatever it is for.
    """
    if folder.is_plain_bert_cross_encoder:
        from embeddings.onnx_cross_encoder import OnnxCrossEncoder

        home = default_cache_dir() if cache_dir is None else cache_dir
        return OnnxCrossEncoder(folder, name=name, graph=read_graph(folder, cache_dir=home, kind="cross-encoder"))

    from embeddings.sentence_cross_encoder import SentenceCrossEncoder  # takes seconds to import

    return SentenceCrossEncoder(folder, name=name)
