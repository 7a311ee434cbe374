"""A model that says whether a text entails a claim; knows strings and probabilities only.

Reference:
    Bowman et al. (2015), "A large annotated corpus for learning natural language inference": entailment, neutral and
    contradiction. Cross-encoders trained for it name these labels in their configuration, in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embeddings.cross_encoder import find_cross_encoder, load_pairs
from embeddings.encoding import check_texts
from embeddings.errors import UnusableModel

LABEL = "entailment"


class Entailment:
    """A cross-encoder with a label for entailment; safe to share between threads."""

    def __init__(self, model: str, *, cache_dir: Path | None = None) -> None:
        """Load the model, running no code of it.

        Args:
            model: The path of a folder, or a hub id, which is downloaded when needed.
            cache_dir: Where exported graphs are kept; by default below ``RAG_CACHE`` or in the user's cache folder.

        Raises:
            EncoderError: If it is unknown or cannot be reached, trusted or read, or names no label "entailment".
        """
        folder = find_cross_encoder(model)
        named = [label.casefold() for label in folder.labels]
        if LABEL not in named:
            raise UnusableModel(
                f"model {model!r} has the labels {', '.join(folder.labels)}; one that judges claims has to name one of "
                f"them {LABEL!r} (id2label in config.json)"
            )
        self.id = model
        self.digest = folder.digest
        self._label = named.index(LABEL)
        self._model = load_pairs(folder, name=model, cache_dir=cache_dir)

    def probabilities(self, texts: Sequence[str], claim: str) -> NDArray[np.float32]:
        """Return how likely each text entails the claim, in the thread that asks.

        Args:
            texts: The texts; of a pair that is too long the longer of the two is cut.
            claim: The claim.

        Returns:
            ``(texts,) float32`` in [0, 1].

        Raises:
            ValueError: If a text is no valid Unicode string.
        """
        check_texts([claim])
        check_texts(texts)
        logits = self._model.logits([(text, claim) for text in texts])
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        found: NDArray[np.float32] = powers[:, self._label] / powers.sum(axis=1)
        return found
