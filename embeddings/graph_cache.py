"""The ONNX graph of a model, exported once and kept by the digest of its weights; knows no tokens and no texts."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_dir

from embeddings.errors import UnusableModel
from embeddings.files import write_whole
from embeddings.model_folder import ModelFolder

# Part of a cached graph's identity: raise the number whenever the exporter gives another graph.
_EXPORTER = "torchscript, opset 18, eager attention, 1"


def default_cache_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where graphs are kept: below ``RAG_CACHE`` when that is set, else in the user's cache folder."""
    return Path(environ.get("RAG_CACHE") or user_cache_dir("leadgoose", appauthor=False)) / "onnx"


def read_graph(folder: ModelFolder, *, cache_dir: Path) -> bytes:
    """Return the model's ONNX graph from the cache, exporting it when it is missing or damaged.

    Args:
        folder: The model, plain BERT.
        cache_dir: Where graphs are kept, one folder for each digest of weights.

    Returns:
        The graph, whose bytes match its manifest.

    Raises:
        UnusableModel: If the model cannot be exported, or the cache cannot be written.
    """
    home = cache_dir / folder.digest
    graph = _cached(home, folder.digest)
    if graph is not None:
        return graph
    try:
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / "export.lock"):
            return _cached(home, folder.digest) or _exported(home, folder)  # another process may have been first
    except OSError as error:
        raise UnusableModel(
            f"the ONNX graph cannot be kept in {home} ({error}); set RAG_CACHE to a folder that can be written"
        ) from error


def _cached(home: Path, digest: str) -> bytes | None:
    """Return the graph kept in ``home``, or None when there is none that its manifest vouches for."""
    try:
        manifest = json.loads((home / "manifest.json").read_bytes())
        graph = (home / "model.onnx").read_bytes()
    except (OSError, ValueError):
        return None
    return graph if manifest == _manifest(graph, digest) else None


def _exported(home: Path, folder: ModelFolder) -> bytes:
    """Return the graph, freshly exported and kept in ``home``; the manifest last, as it vouches for the rest."""
    from embeddings.export import export_bert  # loads torch

    graph = export_bert(folder.path)
    write_whole(home / "model.onnx", graph)
    write_whole(home / "manifest.json", json.dumps(_manifest(graph, folder.digest), indent=1).encode())
    return graph


def _manifest(graph: bytes, digest: str) -> dict[str, str]:
    """Return what has to stand beside a graph for it to be used."""
    return {"weights_sha256": digest, "graph_sha256": hashlib.sha256(graph).hexdigest(), "exporter": _EXPORTER}
