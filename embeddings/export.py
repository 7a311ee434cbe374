"""A BERT's weights written as an ONNX graph; one of the homes of torch, and knows no tokens and no texts."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embeddings.errors import UnusableModel
from embeddings.quiet import quiet_transformers

if TYPE_CHECKING:
    import torch

_INPUTS = ("input_ids", "attention_mask")
_OUTPUT = "last_hidden_state"
_PAIR_INPUTS = (*_INPUTS, "token_type_ids")
_PAIR_OUTPUT = "logits"


def export_bert(path: Path) -> bytes:
    """Return a BERT model as an ONNX graph.

    Args:
        path: Folder with its configuration and weights.

    Returns:
        A graph with the inputs ``input_ids`` and ``attention_mask``, ``(batch, tokens) int64``, and the output
        ``last_hidden_state``, ``(batch, tokens, dim) float32``.

    Raises:
        UnusableModel: If the weights cannot be read as a BERT model.
    """
    with quiet_transformers():
        from transformers import BertModel

        return _export(_load(BertModel, path, add_pooling_layer=False), _INPUTS, _OUTPUT)


def export_bert_cross_encoder(path: Path) -> bytes:
    """Return a BERT model that scores pairs of texts as an ONNX graph.

    Args:
        path: Folder with its configuration and weights.

    Returns:
        A graph with the inputs ``input_ids``, ``attention_mask`` and ``token_type_ids``, ``(batch, tokens) int64``, and
        the output ``logits``, ``(batch, labels) float32``.

    Raises:
        UnusableModel: If the weights cannot be read as such a model.
    """
    with quiet_transformers():
        from transformers import BertForSequenceClassification

        return _export(_load(BertForSequenceClassification, path), _PAIR_INPUTS, _PAIR_OUTPUT)


def _load(kind: Any, path: Path, **options: Any) -> Any:
    """Return the model in a folder, or raise UnusableModel."""
    import torch
    from safetensors import SafetensorError

    try:
        model: Any = kind.from_pretrained(
            path,
            attn_implementation="eager",  # 10-20 % faster than SDPA once in ONNX Runtime
            dtype=torch.float32,
            local_files_only=True,
            use_safetensors=True,
            **options,
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise UnusableModel(f"the weights in {path} are no BERT model ({error}); fetch the model again") from error
    return model.eval()


def _export(model: Any, inputs: tuple[str, ...], output: str) -> bytes:
    """Return a model as a graph with the named inputs, in the order of its own, and one output."""
    import torch

    class OneOutput(torch.nn.Module):
        """The model with positional inputs and one plain output, as tracing wants it."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *values: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = self.model(**dict(zip(inputs, values, strict=True)))[output]
            return result

    # torch's newer exporter (dynamo=True) takes 10 s instead of 2, and its graph runs 10 % slower.
    # Two rows of different length, so that the trace holds the mask; any shape may follow.
    mask = torch.tensor([[1, 1, 1], [1, 1, 0]])
    examples = {name: torch.zeros_like(mask) for name in inputs} | {"attention_mask": mask}
    shapes = {name: {0: "batch", 1: "tokens"} for name in (*inputs, _OUTPUT)} | {_PAIR_OUTPUT: {0: "batch"}}
    buffer = io.BytesIO()
    torch.onnx.export(
        OneOutput(),
        tuple(examples.values()),
        buffer,  # type: ignore[arg-type]  # the stub forgets it; the TorchScript exporter takes a buffer
        dynamo=False,
        opset_version=18,
        input_names=list(inputs),
        output_names=[output],
        dynamic_axes={name: shapes[name] for name in (*inputs, output)},
    )
    return buffer.getvalue()
