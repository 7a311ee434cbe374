"""An ONNX graph with its weights at eight bits; knows no tokens and no texts."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


def quantize(graph: bytes) -> bytes:
    """Return a graph whose products of matrices take 8-bit weights and activations.

    A scale for each column of weights, and 7 of the 8 bits used: processors with AVX2 and no VNNI add up pairs of
    products in 16 bits, which 8 bits overflow. Embeddings and normalisation stay in single precision.

    Args:
        graph: A graph in single precision.

    Returns:
        The graph with the same inputs and outputs. Activations are scaled by the largest of all texts in a batch, so
        that a text's vectors depend on the others.

    Reference:
        Zafrir et al. (2019), "Q8BERT: Quantized 8Bit BERT"; scales found while it runs, as in
        https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html, which also tells of the 7 bits.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with TemporaryDirectory() as folder:
        source, target = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        source.write_bytes(graph)
        with _silent_root_logger():
            quantize_dynamic(
                source,
                target,
                op_types_to_quantize=["MatMul"],
                per_channel=True,
                reduce_range=True,
                weight_type=QuantType.QInt8,
            )
        return target.read_bytes()


@contextmanager
def _silent_root_logger() -> Iterator[None]:
    """Swallow advice on preparing the graph, which is given there and changes nothing for ours."""
    root, swallow = logging.getLogger(), logging.NullHandler()
    disabled = root.disabled
    # Without any handler, the first warning would install one that stays.
    root.addHandler(swallow)
    root.disabled = True
    try:
        yield
    finally:
        root.disabled = disabled
        root.removeHandler(swallow)
