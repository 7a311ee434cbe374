"""Loading the model that turns texts into vectors; knows which class runs which model, and nothing of documents."""

from __future__ import annotations

from pathlib import Path

from embeddings.encoding import Encoder, Encoding, Precision
from embeddings.errors import UnusableModel
from embeddings.graph_cache import default_cache_dir, read_graph
from embeddings.weights import DEFAULT_MODEL, find_model

__all__ = ["DEFAULT_MODEL", "Encoder", "Encoding", "Precision", "load_encoder"]


def load_encoder(
    model: str = DEFAULT_MODEL, *, cache_dir: Path | None = None, precision: Precision = "float32"
) -> Encoder:
    """Return an encoder that is ready to use.

    Plain BERT models with mean pooling, the default among them, run through ONNX Runtime and need torch only once, to
    export their graph; all others run through sentence-transformers.

    Args:
        model: The default, the path of a sentence-transformers folder, or a hub id, which is downloaded when needed.
        cache_dir: Where exported graphs are kept; by default below ``RAG_CACHE`` or in the user's cache folder.
        precision: ``int8`` encodes half as fast again, questions twice as fast, with token vectors at a mean cosine of
            0.996 to those of ``float32``; only where ONNX Runtime runs the model.

    Returns:
        The encoder; its ``id`` is ``model``.

    Raises:
        EncoderError: If the model is unknown or cannot be reached, trusted, read or run.
    """
    folder = find_model(model)
    if folder.is_plain_bert:
        from embeddings.onnx_encoder import OnnxEncoder

        home = default_cache_dir() if cache_dir is None else cache_dir
        return OnnxEncoder(folder, read_graph(folder, cache_dir=home, precision=precision), name=model)
    if precision != "float32":
        raise UnusableModel(f"{model} is no plain BERT and runs in float32 only, not in {precision}; leave that out")

    from embeddings.sentence_transformer import SentenceTransformerEncoder  # takes seconds to import

    return SentenceTransformerEncoder(folder, name=model)
