"""Any cross-encoder of sentence-transformers, where ONNX Runtime cannot run it; knows no ranking."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings.encoding import check_texts
from embeddings.errors import UnusableModel
from embeddings.model_folder import ModelFolder
from embeddings.quiet import quiet_transformers

_BATCH = 8  # pairs that go through the model together


class SentenceCrossEncoder:
    """A ``CrossEncoder`` over that of sentence-transformers on the processor; one caller at a time, others wait."""

    def __init__(self, folder: ModelFolder, *, name: str) -> None:
        """Load the model from its folder, running no code of it and reaching no network.

        Args:
            folder: The model.
            name: What it was asked for by.

        Raises:
            UnusableModel: If the library cannot load it.
        """
        self.id = name
        self.digest = folder.digest
        self._lock = threading.Lock()  # a fast tokenizer and torch's thread count cannot be shared
        self._model: Any = _load(folder)

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return how well each text answers the query, ``(texts,) float32``, on one thread."""
        check_texts([query])
        check_texts(texts)
        return self._predict([(query, text) for text in texts])

    def logits(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Return what the model gives for pairs of texts, ``(pairs, labels) float32``, on one thread."""
        import torch

        return self._predict(pairs, activation_fn=torch.nn.Identity()).reshape(len(pairs), self._model.num_labels)

    def _predict(self, pairs: Sequence[tuple[str, str]], **options: Any) -> NDArray[np.float32]:
        import torch

        check_texts([text for pair in pairs for text in pair])
        if not pairs:
            return np.empty(0, np.float32)
        with self._lock:
            torch.set_num_threads(1)
            found = self._model.predict(list(pairs), batch_size=_BATCH, show_progress_bar=False, **options)
        return np.asarray(found, np.float32)


def _load(folder: ModelFolder) -> Any:
    """Return the model in the folder, or raise UnusableModel."""
    with quiet_transformers():
        from safetensors import SafetensorError
        from sentence_transformers import CrossEncoder

        try:
            return CrossEncoder(
                str(folder.path), device="cpu", local_files_only=True, model_kwargs={"use_safetensors": True}
            )
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, ImportError, SafetensorError) as error:
            cause = str(error).strip().partition("\n")[0]
            raise UnusableModel(f"sentence-transformers cannot load {folder.path} ({cause}); use another") from error
