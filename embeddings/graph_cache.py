"""The ONNX graph of a model, exported once and kept by the digest of its weights; knows no tokens and no texts."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_dir

from embeddings.encoding import Precision
from embeddings.errors import UnusableModel
from embeddings.files import write_whole
from embeddings.model_folder import Kind, ModelFolder

# Part of a cached graph's identity: raise the number whenever the exporter gives another graph.
_EXPORTERS: Mapping[Kind, str] = {
    "encoder": "torchscript, opset 18, eager attention, 1",
    "cross-encoder": "torchscript, opset 18, eager attention, scores of pairs, 1",
}


# Appended to it: raise the number whenever quantisation gives another graph.
_QUANTISED = ", int8 a column and a row, 7 bits, 2"


def default_cache_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where graphs are kept: below ``RAG_CACHE`` when that is set, else in the user's cache folder."""
    return Path(environ.get("RAG_CACHE") or user_cache_dir("leadgoose", appauthor=False)) / "onnx"


def read_graph(
    folder: ModelFolder, *, cache_dir: Path, kind: Kind = "encoder", precision: Precision = "float32"
) -> bytes:
    """Return the model's ONNX graph from the cache, exporting it when it is missing or damaged.

    Args:
        folder: The model, plain BERT.
        cache_dir: Where graphs are kept, one folder for each digest of weights.
        kind: Whether its output is hidden states or the scores of a pair.
        precision: Of its weights and of what is multiplied with them.

    Returns:
        The graph, whose bytes match its manifest.

    Raises:
        UnusableModel: If the model cannot be exported, or the cache cannot be written.
    """
    int8 = precision == "int8"
    home = cache_dir / folder.digest / "int8" if int8 else cache_dir / folder.digest
    exporter = _EXPORTERS[kind] + _QUANTISED * int8
    graph = _cached(home, folder.digest, exporter)
    if graph is not None:
        return graph
    try:
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / "export.lock"):
            # Another process may have been first.
            graph = _cached(home, folder.digest, exporter)
            if graph is not None:
                return graph
            made = _quantised(folder, cache_dir, kind) if int8 else _exported(folder, kind)
            return _kept(home, made, folder.digest, exporter)
    except OSError as error:
        raise UnusableModel(
            f"the ONNX graph cannot be kept in {home} ({error}); set RAG_CACHE to a folder that can be written"
        ) from error


def _cached(home: Path, digest: str, exporter: str) -> bytes | None:
    """Return the graph kept in ``home``, or None when there is none that its manifest vouches for."""
    try:
        manifest = json.loads((home / "manifest.json").read_bytes())
        graph = (home / "model.onnx").read_bytes()
    except (OSError, ValueError):
        return None
    return graph if manifest == _manifest(graph, digest, exporter) else None


def _exported(folder: ModelFolder, kind: Kind) -> bytes:
    from embeddings.export import export_bert, export_bert_cross_encoder  # loads torch

    return export_bert(folder.path) if kind == "encoder" else export_bert_cross_encoder(folder.path)


def _quantised(folder: ModelFolder, cache_dir: Path, kind: Kind) -> bytes:
    from embeddings.quantize import quantize

    return quantize(read_graph(folder, cache_dir=cache_dir, kind=kind))


def _kept(home: Path, graph: bytes, digest: str, exporter: str) -> bytes:
    """Return the graph, kept in ``home``; the manifest last, as it vouches for the rest."""
    write_whole(home / "model.onnx", graph)
    write_whole(home / "manifest.json", json.dumps(_manifest(graph, digest, exporter), indent=1).encode())
    return graph


def _manifest(graph: bytes, digest: str, exporter: str) -> dict[str, str]:
    """Return what has to stand beside a graph for it to be used."""
    return {"weights_sha256": digest, "graph_sha256": hashlib.sha256(graph).hexdigest(), "exporter": exporter}
