"""What can go wrong in the world of models and index files, as a small tree of exceptions.

    EncoderError
    ├── UnknownModel        no such model here, or it cannot be fetched
    ├── UntrustedWeights    the weights are not those expected, or come as a pickle
    ├── UnusableModel       the model is there and cannot be read or run
    └── UnreadableIndex     the bytes of an index file are not what was written

A programmer's mistake is a ``ValueError``.
"""

from __future__ import annotations


class EncoderError(Exception):
    """The world is not as the embeddings need it; the message says what is wrong and what to do next."""


class UnknownModel(EncoderError):
    """There is no such model here, or it cannot be fetched."""


class UntrustedWeights(EncoderError):
    """The weights are not those expected, or come in a format that can run code."""


class UnusableModel(EncoderError):
    """The model is there, but cannot be read or run."""


class UnreadableIndex(EncoderError):
    """The bytes of an index file are not what was written."""
