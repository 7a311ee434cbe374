"""An encoder that remembers what it has encoded, for the while of one answer: its sentences are compared many times."""

from __future__ import annotations

from collections.abc import Sequence

from embeddings.encoding import Encoder, Encoding, Kind


class RememberingEncoder:
    """An encoder as another one, except that no text is encoded twice; for one thread."""

    def __init__(self, encoder: Encoder) -> None:
        """Remember nothing yet.

        Args:
            encoder: What encodes.
        """
        self._encoder = encoder
        self._known: dict[tuple[str, Kind], Encoding] = {}

    @property
    def id(self) -> str:
        """Name of the encoder."""
        return self._encoder.id

    @property
    def digest(self) -> str:
        """SHA-256 of its weights."""
        return self._encoder.digest

    @property
    def dim(self) -> int:
        """Dimension of its vectors."""
        return self._encoder.dim

    @property
    def max_tokens(self) -> int:
        """Tokens of a text that it reads."""
        return self._encoder.max_tokens

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text has."""
        return self._encoder.count_tokens(texts)

    def count_unknown(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens of each text the model does not know."""
        return self._encoder.count_unknown(texts)

    def encode(self, texts: Sequence[str], *, kind: Kind, threads: int = 1) -> list[Encoding]:
        """Return the texts as vectors, those that are new encoded.

        Args:
            texts: What to encode.
            kind: Whether they are questions or parts of documents.
            threads: Processor threads to use.

        Returns:
            An encoding for each text, in their order.
        """
        new = [text for text in dict.fromkeys(texts) if (text, kind) not in self._known]
        if new:
            for text, encoding in zip(new, self._encoder.encode(new, kind=kind, threads=threads), strict=True):
                self._known[text, kind] = encoding
        return [self._known[text, kind] for text in texts]
