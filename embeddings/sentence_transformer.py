"""Any sentence-transformers model, with its prompts; the one home of that library, and knows no documents."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from embeddings.encoding import Encoding, Kind, check_request, check_texts, unit
from embeddings.errors import UnusableModel
from embeddings.model_folder import ModelFolder
from embeddings.quiet import quiet_transformers

_SLICE = 32  # texts whose padded token vectors are in memory at once
_BATCH = 8  # texts that go through the model together
_PROMPT_NAMES: dict[Kind, tuple[str, ...]] = {"query": ("query",), "document": ("document", "passage", "corpus")}


class SentenceTransformerEncoder:
    """An ``Encoder`` over ``SentenceTransformer`` on the processor; one caller at a time, others wait."""

    def __init__(self, folder: ModelFolder, *, name: str) -> None:
        """Load the model from its folder, running no code of it and reaching no network.

        Args:
            folder: The model.
            name: What it was asked for by.

        Raises:
            UnusableModel: If the library cannot load it, or it does not give token vectors of known length.
        """
        self.id = name
        self.digest = folder.digest
        self._lock = threading.Lock()  # a fast tokenizer and torch's thread count cannot be shared
        self._model: Any = _load(folder)
        self._prompts = {kind: _prompt(self._model.prompts, names) for kind, names in _PROMPT_NAMES.items()}
        self._max_seq_length: int = self._model.max_seq_length or folder.max_seq_length
        prompt_tokens = max(len(ids) for ids in self._token_ids(list(self._prompts.values())))
        self.max_tokens = self._max_seq_length - self._model.tokenizer.num_special_tokens_to_add() - prompt_tokens
        self.dim = len(self.encode(["dimension"], kind="document")[0].vector)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text has, special and prompt tokens not counted, nothing cut."""
        check_texts(texts)
        with self._lock:
            return [len(ids) for ids in self._token_ids(list(texts))]

    def count_unknown(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens of each text are not in the model's vocabulary."""
        check_texts(texts)
        with self._lock:
            return [ids.count(self._model.tokenizer.unk_token_id) for ids in self._token_ids(list(texts))]

    def encode(self, texts: Sequence[str], *, kind: Kind, threads: int = 1) -> list[Encoding]:
        """Return the texts as vectors, in their order, each read behind the model's prompt for its kind."""
        check_request(texts, kind=kind, threads=threads)
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        by_position: dict[int, Encoding] = {}
        for start in range(0, len(order), _SLICE):
            positions = order[start : start + _SLICE]
            encoded = self._encode_slice([texts[i] for i in positions], kind=kind, threads=threads)
            by_position.update(zip(positions, encoded, strict=True))
        return [by_position[i] for i in range(len(texts))]

    def _encode_slice(self, texts: list[str], *, kind: Kind, threads: int) -> list[Encoding]:
        """Return texts of similar length as vectors."""
        import torch

        prompt = self._prompts[kind]
        encode = self._model.encode_query if kind == "query" else self._model.encode_document
        with self._lock:
            torch.set_num_threads(threads)
            outputs = encode(texts, prompt=prompt, output_value=None, batch_size=_BATCH, show_progress_bar=False)
            tokens = self._model.tokenizer(
                [prompt + text for text in texts],
                truncation=True,
                max_length=self._max_seq_length,
                return_offsets_mapping=True,
                return_special_tokens_mask=True,
            )
        return [
            self._encoding(output, _Tokens(*token_lists), prompt_chars=len(prompt))
            for output, *token_lists in zip(
                outputs, tokens["input_ids"], tokens["special_tokens_mask"], tokens["offset_mapping"], strict=True
            )
        ]

    def _encoding(self, output: Mapping[str, Any], tokens: _Tokens, *, prompt_chars: int) -> Encoding:
        """Return the model's output for one text as its encoding, prompt and special tokens cut off."""
        read = output["attention_mask"] == 1  # some models pad on the left
        if output["input_ids"][read].tolist() != tokens.ids:
            raise UnusableModel(f"model {self.id!r} reads other tokens than its tokenizer gives; use another model")
        spans = np.array(tokens.offsets, dtype=np.int32).reshape(-1, 2) - prompt_chars
        own = (np.array(tokens.special) == 0) & (spans[:, 1] > np.maximum(spans[:, 0], 0))
        vectors = output["token_embeddings"][read].float().numpy()
        return Encoding(
            vector=unit(output["sentence_embedding"].float().numpy()),
            token_vectors=unit(vectors[own]),
            token_spans=np.maximum(spans[own], 0),  # a token may begin with the space that ends the prompt
        )

    def _token_ids(self, texts: list[str]) -> list[list[int]]:
        """Return the tokens of each text, without special ones, nothing cut."""
        if not texts:
            return []  # which the tokenizer refuses
        ids: list[list[int]] = self._model.tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
        return ids


class _Tokens(NamedTuple):
    """A text as its tokenizer reads it, prompt and special tokens included."""

    ids: list[int]
    special: list[int]
    offsets: list[tuple[int, int]]


def _load(folder: ModelFolder) -> Any:
    """Return the model in the folder, or raise UnusableModel."""
    with quiet_transformers():
        from safetensors import SafetensorError
        from sentence_transformers import SentenceTransformer

        try:
            model = SentenceTransformer(
                str(folder.path), device="cpu", local_files_only=True, model_kwargs={"use_safetensors": True}
            )
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, ImportError, SafetensorError) as error:
            cause = str(error).strip().partition("\n")[0]
            raise UnusableModel(f"sentence-transformers cannot load {folder.path} ({cause}); use another") from error
    if not getattr(getattr(model, "tokenizer", None), "is_fast", False):
        raise UnusableModel(f"the model in {folder.path} has no fast tokenizer, which tells offsets; use another")
    return model


def _prompt(prompts: Mapping[str, str], names: Sequence[str]) -> str:
    """Return the first prompt that is not empty.

    ``encode_document`` of sentence-transformers 6.2 takes the empty one it adds itself under "document" before a
    model's own "passage" prompt.
    """
    return next((prompts[name] for name in names if prompts.get(name)), "")
