"""A sentence-transformers model as a folder of files: what it states about itself; runs nothing of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from embeddings.errors import UnknownModel, UntrustedWeights, UnusableModel

# What a model does: texts to vectors, or pairs of texts to scores.
Kind = Literal["encoder", "cross-encoder"]
_PLAIN_BERT = (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"])


@dataclass(frozen=True)
class ModelFolder:
    """A model on disk.

    Attributes:
        path: The folder.
        digest: SHA-256 of its weights, in hexadecimal.
    """

    path: Path
    digest: str

    @classmethod
    def read(cls, path: Path, *, listed_in: str = "modules.json") -> ModelFolder:
        """Return the model in a folder, its weights hashed.

        Args:
            path: The folder, in the layout of sentence-transformers.
            listed_in: The file that makes the folder a model of the kind that is wanted.

        Returns:
            The model, none of it loaded.

        Raises:
            UnknownModel: If there is no sentence-transformers model in the folder.
            UntrustedWeights: If a part of the weights comes as a pickle.
            UnusableModel: If a file of it cannot be read.
        """
        if not (path / listed_in).is_file():
            raise UnknownModel(f"{path} holds no {listed_in}; name the folder of a sentence-transformers model")
        for part in {path, *(path / module.get("path", "") for module in _modules(path))}:
            _refuse_pickle(part)
        return cls(path, _digest(path))

    @property
    def max_seq_length(self) -> int:
        """Tokens that the model reads, special ones counted.

        Raises:
            UnusableModel: If no file states it.
        """
        stated = (
            self._settings("sentence_bert_config.json").get("max_seq_length"),
            self._settings("tokenizer_config.json").get("model_max_length"),
            self._settings("config.json").get("max_position_embeddings"),
        )
        lengths = [int(length) for length in stated if length]
        if not lengths:
            raise UnusableModel(f"{self.path} states no max_seq_length; add it to sentence_bert_config.json")
        return min(lengths)

    @property
    def is_plain_bert(self) -> bool:
        """Whether it is BERT, mean pooling and nothing else, without prompts: what ``OnnxEncoder`` can run."""
        types = [module.get("type", "") for module in _modules(self.path)]
        return (
            all(name.startswith("sentence_transformers.") for name in types)  # others bring code of their own
            and [name.rpartition(".")[2] for name in types] in _PLAIN_BERT
            and self._settings("config.json").get("model_type") == "bert"
            and _pools_by_mean(self._settings("1_Pooling/config.json"))
            and not any(self._settings("config_sentence_transformers.json").get("prompts", {}).values())
            and not self._settings("sentence_bert_config.json").get("do_lower_case")
            and (self.path / "tokenizer.json").is_file()
        )

    @property
    def is_cross_encoder(self) -> bool:
        """Whether it was made to score pairs of texts; loaded as such, any other would get random weights for that."""
        kinds = self._settings("config.json").get("architectures") or []
        stated = self._settings("config_sentence_transformers.json").get("model_type")
        return stated == "CrossEncoder" or any(str(kind).endswith("ForSequenceClassification") for kind in kinds)

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of what a cross-encoder gives for a pair, in its order; two where it names none, as in transformers.

        Raises:
            UnusableModel: If they are not listed by number.
        """
        named = self._settings("config.json").get("id2label") or {"0": "LABEL_0", "1": "LABEL_1"}
        if not isinstance(named, dict) or not all(str(number).isdecimal() for number in named):
            raise UnusableModel(f"{self.path / 'config.json'} lists no labels by number in id2label")
        return tuple(str(named[number]) for number in sorted(named, key=int))

    @property
    def activation(self) -> str:
        """Name of what makes scores of a cross-encoder's logits, ``Sigmoid`` where nothing is stated.

        Those of torch lose their module; any other, which would be code of the model's own, keeps its own.
        """
        config = self._settings("config.json")
        stated = (
            self._settings("config_sentence_transformers.json").get("activation_fn")
            or (config.get("sentence_transformers") or {}).get("activation_fn")
            or config.get("sbert_ce_default_activation_function")
            or "torch.nn.Sigmoid"
        )
        return str(stated).rpartition(".")[2] if str(stated).startswith("torch.") else str(stated)

    @property
    def is_plain_bert_cross_encoder(self) -> bool:
        """Whether it is BERT with scores for a pair and no prompts: what ``OnnxCrossEncoder`` can run."""
        config = self._settings("config.json")
        types = [module.get("type", "") for module in _modules(self.path)]
        return (
            config.get("architectures") == ["BertForSequenceClassification"]
            and (not types or [name.rpartition(".")[2] for name in types] == ["Transformer"])
            and all(name.startswith("sentence_transformers.") for name in types)
            and self.activation in ("Sigmoid", "Identity")
            and not any(self._settings("config_sentence_transformers.json").get("prompts", {}).values())
            and not self._settings("sentence_bert_config.json").get("do_lower_case")
            and not self._settings("sentence_bert_config.json").get("processing_kwargs")
            and self._tells_texts_of_a_pair_apart
            and (self.path / "tokenizer.json").is_file()
        )

    @property
    def _tells_texts_of_a_pair_apart(self) -> bool:
        """Whether transformers' tokenizer gives ``token_type_ids``, which one that says nothing of BERT leaves out."""
        tokenizer = self._settings("tokenizer_config.json")
        stated = tokenizer.get("model_input_names")
        if stated is not None:
            return "token_type_ids" in stated
        return tokenizer.get("tokenizer_class", "BertTokenizer") in ("BertTokenizer", "BertTokenizerFast")

    def _settings(self, name: str) -> Mapping[str, Any]:
        """Return what the JSON file states; nothing when there is no such file."""
        path = self.path / name
        settings = _read_json(path) if path.is_file() else {}
        if not isinstance(settings, dict):
            raise UnusableModel(f"{path} holds a {type(settings).__name__}, not an object; fetch the model again")
        return settings


def _modules(path: Path) -> list[dict[str, str]]:
    """Return the model's layers as its modules.json lists them, if it has one, or raise UnusableModel."""
    if not (path / "modules.json").is_file():
        return []
    modules = _read_json(path / "modules.json")
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise UnusableModel(f"{path / 'modules.json'} is not a list of modules; fetch the model again")
    return modules


def _pools_by_mean(settings: Mapping[str, Any]) -> bool:
    """Return whether the pooling layer is a plain mean, in the words of sentence-transformers 6 or earlier."""
    if "pooling_mode" in settings:
        return bool(settings["pooling_mode"] == "mean")
    modes = {name for name, on in settings.items() if name.startswith("pooling_mode_") and on}
    return modes == {"pooling_mode_mean_tokens"}


def _read_json(path: Path) -> Any:
    """Return the values in a JSON file, or raise UnusableModel."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnusableModel(f"{path} cannot be read ({error}); fetch the model again") from error


def _refuse_pickle(part: Path) -> None:
    """Raise UntrustedWeights when a part of a model has weights in a pickle alone."""
    pickles = sorted(part.glob("*.bin"))
    if pickles and not any(part.glob("*.safetensors")):
        raise UntrustedWeights(f"{pickles[0]} is a pickle, which can run code; save the model as safetensors instead")


def _digest(path: Path) -> str:
    """Return the SHA-256 of the weights: of the file when there is one, of names and digests when there are more."""
    files = sorted(path.rglob("*.safetensors"))
    if not files:
        raise UnknownModel(f"{path} holds no .safetensors weights; fetch the model again, or save it as safetensors")
    try:
        digests = [_file_digest(file) for file in files]
    except OSError as error:
        raise UnusableModel(f"the weights in {path} cannot be read ({error}); fetch the model again") from error
    if len(digests) == 1:
        return digests[0]
    lines = (f"{file.relative_to(path).as_posix()} {digest}\n" for file, digest in zip(files, digests, strict=True))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
