"""A BERT's weights written as an ONNX graph; one of the two homes of torch, and knows no tokens and no texts."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from embeddings.errors import UnusableModel
from embeddings.quiet import quiet_transformers

_INPUTS = ("input_ids", "attention_mask")
_OUTPUT = "last_hidden_state"


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
        import torch
        from safetensors import SafetensorError
        from transformers import BertModel

        class HiddenStates(torch.nn.Module):
            """The model with positional inputs and one plain output, as tracing wants it."""

            def __init__(self, model: torch.nn.Module) -> None:
                super().__init__()
                self.model = model

            def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
                output: torch.Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
                return output

        try:
            model: Any = BertModel.from_pretrained(
                path,
                add_pooling_layer=False,
                attn_implementation="eager",  # 10-20 % faster than SDPA once in ONNX Runtime
                dtype=torch.float32,
                local_files_only=True,
                use_safetensors=True,
            )
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise UnusableModel(f"the weights in {path} are no BERT model ({error}); fetch the model again") from error
        # torch's newer exporter (dynamo=True) takes 10 s instead of 2, and its graph runs 10 % slower.
        # Two rows of different length, so that the trace holds the mask; any shape may follow.
        mask = torch.tensor([[1, 1, 1], [1, 1, 0]])
        buffer = io.BytesIO()
        torch.onnx.export(
            HiddenStates(model.eval()),
            (torch.zeros_like(mask), mask),
            buffer,  # type: ignore[arg-type]  # the stub forgets it; the TorchScript exporter takes a buffer
            dynamo=False,
            opset_version=18,
            input_names=list(_INPUTS),
            output_names=[_OUTPUT],
            dynamic_axes={name: {0: "batch", 1: "tokens"} for name in (*_INPUTS, _OUTPUT)},
        )
        return buffer.getvalue()
