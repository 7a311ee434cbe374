"""Tiny BERT models with seeded random weights, saved as sentence-transformers folders."""

from __future__ import annotations

import json
import string
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

DIM = 32
MAX_SEQ_LENGTH = 20
_LETTERS = string.ascii_lowercase + string.digits + string.punctuation + "äöü北京"
_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_VOCABULARY = [*_SPECIAL, *_LETTERS, *(f"##{letter}" for letter in _LETTERS)]


def make_tiny_model(
    path: Path, *, prompts: Mapping[str, str] | None = None, pooling: Literal["mean", "cls"] = "mean", seed: int = 0
) -> Path:
    """Save a model of two layers that reads letters as tokens, and return its folder."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.base.modules import Transformer
        from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

        transformer = Transformer(str(_save_bert(path.with_name(f"{path.name}-bert"), seed=seed)))
        modules = [transformer, Pooling(DIM, pooling), Normalize()]
        SentenceTransformer(modules=modules, prompts=dict(prompts or {}), device="cpu").save(str(path))
    return path


def make_tiny_multilingual_model(path: Path, *, pairs: Mapping[str, str], characters: str, seed: int = 0) -> Path:
    """Save a model that reads English words and Chinese characters, with e5's prompts, and return its folder.

    Each Chinese character of ``pairs`` means the same to it as its English word: they share one embedding, which is
    what training on parallel texts would give. ``characters`` it knows besides.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.base.modules import Transformer
        from sentence_transformers.sentence_transformer.modules import Normalize, Pooling
        from transformers import BertModel

        words = [*pairs, *pairs.values(), *(c for c in characters if c.strip())]
        vocabulary = list(dict.fromkeys([*_VOCABULARY, *words, "query", "passage"]))
        bare = _save_bert(path.with_name(f"{path.name}-bert"), seed=seed, vocabulary=vocabulary)
        model = BertModel.from_pretrained(bare)
        with torch.no_grad():
            table = model.embeddings.word_embeddings.weight
            # Layers that were never trained would only blur what the words say.
            for name, weights in model.named_parameters():
                if weights is not table and "LayerNorm" not in name:
                    weights.mul_(0.02)
            for english, chinese in pairs.items():
                table[vocabulary.index(chinese)] = table[vocabulary.index(english)]
        model.save_pretrained(bare)
        modules = [Transformer(str(bare)), Pooling(DIM, "mean"), Normalize()]
        prompts = {"query": "query: ", "passage": "passage: "}
        SentenceTransformer(modules=modules, prompts=prompts, device="cpu").save(str(path))
    return path


def make_tiny_cross_encoder(path: Path, *, activation: str | None = None, labels: int = 1, seed: int = 0) -> Path:
    """Save a cross-encoder of two layers as transformers does, with an activation as sentence-transformers does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
        from sentence_transformers import CrossEncoder
        from sentence_transformers.util import import_from_string
        from transformers import BertConfig, BertForSequenceClassification

        _save_bert(path, seed=seed)
        stated = json.loads((path / "tokenizer_config.json").read_text())
        inputs = ["input_ids", "token_type_ids", "attention_mask"]
        (path / "tokenizer_config.json").write_text(json.dumps(stated | {"model_input_names": inputs}))
        config: Any = BertConfig.from_pretrained(path)
        config.num_labels = labels
        torch.manual_seed(seed)
        BertForSequenceClassification(config).save_pretrained(path)
        if activation:
            CrossEncoder(str(path), device="cpu", activation_fn=import_from_string(activation)()).save(str(path))
    return path


def _save_bert(path: Path, *, seed: int, vocabulary: Sequence[str] = _VOCABULARY) -> Path:
    """Save the bare transformer and its tokenizer."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    ids = {token: number for number, token in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = [(token, ids[token]) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=special
    )
    names = {f"{name}_token": f"[{name.upper()}]" for name in ("unk", "pad", "cls", "sep", "mask")}
    fast: Any = PreTrainedTokenizerFast  # its constructor has no annotations
    fast(tokenizer_object=tokenizer, model_max_length=MAX_SEQ_LENGTH, **names).save_pretrained(path)
    shape: dict[str, Any] = {"hidden_size": DIM, "num_hidden_layers": 2, "num_attention_heads": 2}
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(ids), max_position_embeddings=40, intermediate_size=64, initializer_range=0.5, **shape
    )
    BertModel(config).save_pretrained(path)
    return path
