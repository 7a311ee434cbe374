"""An encoder that takes a fraction of the default one's time and gives vectors of its size: its first layers alone.

For measurements of what moves vectors about; what it finds is of no account.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from safetensors.numpy import load_file, save_file

from embeddings.encoder import DEFAULT_MODEL
from embeddings.weights import find_model


def write_first_layers(path: Path, *, layers: int = 1) -> Path:
    """Write the default encoder cut off after some of its six layers, as a sentence-transformers folder.

    Args:
        path: A folder that is not there yet.
        layers: How many layers stay.

    Returns:
        The folder.
    """
    whole = find_model(DEFAULT_MODEL).path
    shutil.copytree(whole, path)
    weights = load_file(str(whole / "model.safetensors"))
    marks = [f"layer.{number}." for number in range(layers, 6)]
    kept = {name: array for name, array in weights.items() if not any(mark in name for mark in marks)}
    save_file(kept, str(path / "model.safetensors"), metadata={"format": "pt"})
    facts = json.loads((path / "config.json").read_text(encoding="utf-8"))
    (path / "config.json").write_text(json.dumps(facts | {"num_hidden_layers": layers}), encoding="utf-8")
    return path
