"""BERT with mean pooling through ONNX Runtime and tokenizers, without torch; knows no documents and no downloads."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import numpy as np

from embeddings.encoding import Encoding, Kind, check_request, check_texts, unit
from embeddings.errors import UnusableModel
from embeddings.model_folder import ModelFolder

# Tokenising is a hundredth of the work, and a process that forks after parallel tokenising is warned on stderr.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
import onnxruntime
import tokenizers

# Padded tokens in a batch. Two threads, passages of 149 tokens: 34 texts/s with 512, 30 with 768, 28 with 1024 (its
# activations no longer fit the processor's cache); texts of 20 words: 165 with 300, 180 with 512, 151 with 1024.
_BATCH_TOKENS = 512


class OnnxEncoder:
    """An ``Encoder`` for plain BERT models: one ONNX session, which any number of threads may share."""

    def __init__(self, folder: ModelFolder, graph: bytes, *, name: str) -> None:
        """Load the tokenizer from the model's folder and a session for its graph.

        Args:
            folder: The model.
            graph: Its ONNX graph.
            name: What it was asked for by.

        Raises:
            UnusableModel: If the tokenizer cannot be read.
        """
        self.id = name
        self.digest = folder.digest
        self._tokenizer = read_tokenizer(folder)
        self._session = open_session(graph)
        self.dim = int(self._session.get_outputs()[0].shape[2])
        self.max_tokens = folder.max_seq_length - self._tokenizer.num_special_tokens_to_add(is_pair=False)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text has, special tokens not counted, nothing cut."""
        check_texts(texts)
        return [len(tokens.ids) for tokens in self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    def encode(self, texts: Sequence[str], *, kind: Kind, threads: int = 1) -> list[Encoding]:
        """Return the texts as vectors, in their order; such models make no difference between the kinds."""
        check_request(texts, kind=kind, threads=threads)
        tokens = self._tokenize(texts)
        groups = batches([len(text.ids) for text in tokens])
        encoded = _run_all(self._run, [[tokens[i] for i in group] for group in groups], threads=threads)
        by_position = dict(zip(chain(*groups), chain(*encoded), strict=True))
        return [by_position[i] for i in range(len(tokens))]

    def _tokenize(self, texts: Sequence[str]) -> list[tokenizers.Encoding]:
        """Return the texts as tokens, cut to what the model reads, special tokens added."""
        tokens = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        for text in tokens:
            text.truncate(self.max_tokens)
        return [self._tokenizer.post_process(text) for text in tokens]

    def _run(self, batch: Sequence[tokenizers.Encoding]) -> list[Encoding]:
        """Return one batch of tokenised texts as vectors."""
        width = max(len(text.ids) for text in batch)
        ids = np.zeros((len(batch), width), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, text in enumerate(batch):
            ids[row, : len(text.ids)] = text.ids
            mask[row, : len(text.ids)] = 1
        (hidden,) = self._session.run(None, {"input_ids": ids, "attention_mask": mask})
        return [_pooled(hidden[row, : len(text.ids)], text) for row, text in enumerate(batch)]


def _run_all(
    run: Callable[[Sequence[tokenizers.Encoding]], list[Encoding]],
    groups: Sequence[Sequence[tokenizers.Encoding]],
    *,
    threads: int,
) -> list[list[Encoding]]:
    """Return batches of tokenised texts as vectors."""
    if min(threads, len(groups)) <= 1:
        # Starting a thread costs a question, which is one text, a fifth of its time.
        return [run(group) for group in groups]
    # A batch per thread: as fast as two threads inside a batch, and concurrent callers do not disturb each other.
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, groups))


def _pooled(hidden: np.ndarray[tuple[int, int], np.dtype[np.float32]], text: tokenizers.Encoding) -> Encoding:
    """Return a text's hidden states, ``(tokens, dim)``, as its encoding; the mean is over special tokens too."""
    own = np.array(text.special_tokens_mask) == 0
    spans = np.array(text.offsets, dtype=np.int32)[own]
    return Encoding(vector=unit(hidden.mean(axis=0)), token_vectors=unit(hidden[own]), token_spans=spans)


def batches(lengths: Sequence[int]) -> list[list[int]]:
    """Return positions grouped so that each group has similar lengths and about ``_BATCH_TOKENS`` after padding."""
    groups: list[list[int]] = []
    width = 0
    for position in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if not groups or (len(groups[-1]) + 1) * width > _BATCH_TOKENS:
            groups.append([])
            width = lengths[position]  # the longest of its batch, as lengths descend
        groups[-1].append(position)
    return groups


def read_tokenizer(folder: ModelFolder) -> tokenizers.Tokenizer:
    """Return the model's tokenizer, without the cutting and padding that its file may prescribe.

    Args:
        folder: The model.

    Returns:
        The tokenizer.

    Raises:
        UnusableModel: If its file cannot be read.
    """
    path = folder.path / "tokenizer.json"
    try:
        tokenizer = tokenizers.Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except Exception as error:  # tokenizers raises nothing narrower
        raise UnusableModel(f"{path} cannot be read ({error}); fetch the model again") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def open_session(graph: bytes) -> onnxruntime.InferenceSession:
    """Return a session that runs the graph in the thread that calls it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
