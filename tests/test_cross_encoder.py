"""Cross-encoders: the scores of sentence-transformers, whatever runs the model, and honest refusals."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tiny_models import make_tiny_cross_encoder, make_tiny_model

from embeddings.cross_encoder import CrossEncoder, load_cross_encoder
from embeddings.errors import UnknownModel, UntrustedWeights, UnusableModel
from embeddings.model_folder import ModelFolder
from embeddings.onnx_cross_encoder import OnnxCrossEncoder
from embeddings.quiet import quiet_transformers
from embeddings.sentence_cross_encoder import SentenceCrossEncoder

QUERY = "who built it?"
TEXTS = ["ada did", "", " \n", "x", "the quick brown fox. " * 20, "北京", "🚀 ä", "a [SEP] b", "in 1874", "by ada"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same weights under three configurations."""
    root = tmp_path_factory.mktemp("cross")
    activations = {"bare": None, "sigmoid": "torch.nn.Sigmoid", "logits": "torch.nn.Identity"}
    return {name: make_tiny_cross_encoder(root / name, activation=a) for name, a in activations.items()}


@pytest.fixture(scope="module")
def tiny(folders: dict[str, Path]) -> CrossEncoder:
    return load_cross_encoder(str(folders["logits"]))


def reference(path: Path, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
    with quiet_transformers():
        from sentence_transformers import CrossEncoder as Reference

        model = Reference(str(path), device="cpu", local_files_only=True)
    scores: NDArray[np.float32] = model.predict([(query, text) for text in texts], show_progress_bar=False)
    return scores


@pytest.mark.parametrize("query", [QUERY, "", "a much longer question than the model reads, " * 3])
@pytest.mark.parametrize("name", ["bare", "sigmoid", "logits"])
def test_scores_equal_those_of_sentence_transformers(name: str, query: str, folders: dict[str, Path]) -> None:
    encoder = load_cross_encoder(str(folders[name]))
    assert isinstance(encoder, OnnxCrossEncoder)
    expected = reference(folders[name], query, TEXTS)
    scores = encoder.score(query, TEXTS)
    assert (scores.dtype, scores.shape) == (np.float32, (len(TEXTS),))
    np.testing.assert_allclose(scores, expected, atol=1e-4)
    assert np.ptp(expected) > 0.01
    other = SentenceCrossEncoder(ModelFolder.read(folders[name], listed_in="config.json"), name="other")
    np.testing.assert_allclose(other.score(query, TEXTS), expected, atol=1e-4)


@settings(max_examples=25)
@given(st.text(max_size=40), st.lists(st.text(max_size=60), max_size=12))
def test_a_score_does_not_depend_on_the_other_texts(tiny: CrossEncoder, query: str, texts: list[str]) -> None:
    query, *texts = (text.encode(errors="ignore").decode() for text in (query, *texts))
    together = tiny.score(query, texts)
    alone = [float(tiny.score(query, [text])[0]) for text in texts]
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_threads_that_score_at_once_get_what_each_would_alone(tiny: CrossEncoder) -> None:
    queries = [f"question {n}?" for n in range(16)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda query: tiny.score(query, TEXTS), queries))
    np.testing.assert_allclose(together, [tiny.score(query, TEXTS) for query in queries], atol=1e-6)


def test_its_graph_is_kept_by_digest_and_scoring_needs_no_torch(folders: dict[str, Path], tmp_path: Path) -> None:
    path = folders["bare"]
    first = load_cross_encoder(str(path), cache_dir=tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [first.digest]
    code = f"""
import sys
from pathlib import Path
from embeddings.cross_encoder import load_cross_encoder
print(float(load_cross_encoder({str(path)!r}, cache_dir=Path({str(tmp_path)!r})).score("a", ["b"])[0]))
assert not {{"torch", "transformers", "sentence_transformers"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert float(done.stdout) == pytest.approx(float(first.score("a", ["b"])[0]))


def test_a_model_that_onnx_does_not_cover_runs_through_sentence_transformers(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    path = Path(shutil.copytree(folders["logits"], tmp_path / "copy"))
    stated = json.loads((path / "config_sentence_transformers.json").read_text())
    (path / "config_sentence_transformers.json").write_text(json.dumps(stated | {"activation_fn": "torch.nn.Tanh"}))
    encoder = load_cross_encoder(str(path))
    assert isinstance(encoder, SentenceCrossEncoder)
    np.testing.assert_allclose(encoder.score(QUERY, TEXTS), reference(path, QUERY, TEXTS), atol=1e-4)
    assert encoder.score(QUERY, []).shape == (0,)


def test_a_tokenizer_that_does_not_tell_the_texts_apart_is_left_to_sentence_transformers(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    path = Path(shutil.copytree(folders["bare"], tmp_path / "copy"))
    stated = json.loads((path / "tokenizer_config.json").read_text())
    del stated["model_input_names"]
    (path / "tokenizer_config.json").write_text(json.dumps(stated))
    scores = load_cross_encoder(str(path)).score(QUERY, TEXTS)
    np.testing.assert_allclose(scores, reference(path, QUERY, TEXTS), atol=1e-4)
    assert np.abs(scores - load_cross_encoder(str(folders["bare"])).score(QUERY, TEXTS)).max() > 0.01


def test_what_scores_no_pairs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableModel, match="scores no pairs"):
        load_cross_encoder(str(make_tiny_model(tmp_path / "encoder")))
    with pytest.raises(UnusableModel, match="3 scores a pair"):
        load_cross_encoder(str(make_tiny_cross_encoder(tmp_path / "three", labels=3)))
    with pytest.raises(UnknownModel, match=r"config\.json"):
        load_cross_encoder(str(tmp_path))
    with pytest.raises(UnknownModel, match=r"no hub id .*give a local path, or a hub id") as caught:
        load_cross_encoder("no such model")
    assert "\n" not in str(caught.value)


def test_a_pickle_is_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    path = Path(shutil.copytree(folders["bare"], tmp_path / "copy"))
    (path / "model.safetensors").rename(path / "pytorch_model.bin")
    with pytest.raises(UntrustedWeights, match="pickle"):
        load_cross_encoder(str(path))


def test_texts_that_are_none_are_refused(tiny: CrossEncoder) -> None:
    with pytest.raises(ValueError, match="one string"):
        tiny.score(QUERY, "text")
    with pytest.raises(ValueError, match="surrogate"):
        tiny.score("\ud800", ["text"])
    assert tiny.score(QUERY, []).shape == (0,)
