"""BERT with scores for a pair of texts through ONNX Runtime, without torch; knows no downloads and no ranking."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
import tokenizers
from numpy.typing import NDArray

from embeddings.encoding import check_texts
from embeddings.model_folder import ModelFolder
from embeddings.onnx_encoder import batches, open_session, read_tokenizer

_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


class OnnxCrossEncoder:
    """A ``CrossEncoder`` for BERT models: one ONNX session, which any number of threads may share."""

    def __init__(self, folder: ModelFolder, *, name: str, graph: bytes) -> None:
        """Load the tokenizer from the model's folder and a session for its graph.

        Args:
            folder: The model.
            name: What it was asked for by.
            graph: Its ONNX graph.

        Raises:
            UnusableModel: If the tokenizer cannot be read.
        """
        self.id = name
        self.digest = folder.digest
        self._tokenizer = read_tokenizer(folder)
        # Set once, before threads share it: of a pair that is too long, the longer text is cut.
        self._tokenizer.enable_truncation(folder.max_seq_length, strategy="longest_first")
        self._session = open_session(graph)
        self._labels = len(folder.labels)
        self._sigmoid = folder.activation == "Sigmoid"

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return how well each text answers the query, ``(texts,) float32``, batch after batch in this thread."""
        check_texts([query])
        check_texts(texts)
        logits = self.logits([(query, text) for text in texts])[:, 0]
        return np.asarray(1.0 / (1.0 + np.exp(-logits)) if self._sigmoid else logits, np.float32)

    def logits(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Return what the model gives for pairs of texts, ``(pairs, labels) float32``, in this thread."""
        check_texts([text for pair in pairs for text in pair])
        encoded = self._tokenizer.encode_batch(list(pairs))
        groups = batches([len(pair.ids) for pair in encoded])
        if not groups:
            return np.empty((0, self._labels), np.float32)
        found = np.empty((len(encoded), self._labels), np.float32)
        found[list(chain(*groups))] = np.concatenate([self._run([encoded[i] for i in group]) for group in groups])
        return found

    def _run(self, batch: Sequence[tokenizers.Encoding]) -> NDArray[np.float32]:
        """Return the logits of one batch of tokenised pairs."""
        inputs = {name: np.zeros((len(batch), max(len(pair.ids) for pair in batch)), np.int64) for name in _INPUTS}
        for row, pair in enumerate(batch):
            for values, own in zip(inputs.values(), (pair.ids, pair.attention_mask, pair.type_ids), strict=True):
                values[row, : len(own)] = own
        (logits,) = self._session.run(None, inputs)
        found: NDArray[np.float32] = logits
        return found
