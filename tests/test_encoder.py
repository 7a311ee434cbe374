"""Encoders: the same vectors as the reference, whatever runs the model, whoever else is in the batch."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tiny_models import DIM, MAX_SEQ_LENGTH, make_tiny_model

from embeddings.encoder import DEFAULT_MODEL, Encoder, load_encoder
from embeddings.errors import UnusableModel
from embeddings.onnx_encoder import OnnxEncoder
from embeddings.quiet import quiet_transformers
from embeddings.sentence_transformer import SentenceTransformerEncoder
from embeddings.weights import PACKAGED_SHA256, find_model

ROOT = Path(__file__).resolve().parent.parent
TEXTS = [
    "Who built the lighthouse at the harbour mouth, and when?",
    "",
    " \n\t ",
    "x",
    "The quick brown fox. " * 100,
    "北京是中华人民共和国的首都。它有三千年的历史。",
    "Launch 🚀🚀 day 👩‍👩‍👧 in Zürich — naïve café, ﬁne!",
    "Une phrase en français, avec l’apostrophe typographique.",
    "word " * 254,
    "word " * 255,
    "A [SEP] b [CLS] c [PAD] d",
]


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exported graphs of this module's models."""
    return tmp_path_factory.mktemp("onnx")


@pytest.fixture(scope="module")
def encoder(cache_dir: Path) -> Encoder:
    """The default model through ONNX Runtime."""
    return load_encoder(cache_dir=cache_dir)


@pytest.fixture(scope="module")
def prompted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model whose queries and passages have prompts."""
    return make_tiny_model(tmp_path_factory.mktemp("models") / "p", prompts={"query": "ask: ", "passage": "tell: "})


def reference(path: Path) -> Any:
    """Return sentence-transformers' own model."""
    with quiet_transformers():
        from sentence_transformers import SentenceTransformer

        return SentenceTransformer(str(path), device="cpu")


def vectors(encoder: Encoder, texts: Sequence[str], *, kind: Any = "document", threads: int = 1) -> NDArray[Any]:
    """Return the texts' vectors as rows."""
    return np.array([encoding.vector for encoding in encoder.encode(texts, kind=kind, threads=threads)])


def test_the_default_model_gives_the_vectors_of_sentence_transformers(encoder: Encoder) -> None:
    expected = reference(find_model(DEFAULT_MODEL).path).encode(TEXTS, normalize_embeddings=True)
    cosines = (vectors(encoder, TEXTS, threads=2) * expected).sum(axis=1)
    assert cosines.min() >= 0.9999


def test_the_default_model_gives_the_same_through_either_class(encoder: Encoder) -> None:
    other = SentenceTransformerEncoder(find_model(DEFAULT_MODEL), name="other")
    assert (other.digest, other.dim, other.max_tokens) == (encoder.digest, encoder.dim, encoder.max_tokens)
    assert other.count_tokens(TEXTS) == encoder.count_tokens(TEXTS)
    ours, theirs = encoder.encode(TEXTS, kind="document"), other.encode(TEXTS, kind="document")
    for one, two in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one.vector, two.vector, atol=1e-5)
        np.testing.assert_array_equal(one.token_spans, two.token_spans)
        np.testing.assert_allclose(one.token_vectors, two.token_vectors, atol=1e-4)


def test_the_default_model_states_what_it_is(encoder: Encoder) -> None:
    assert isinstance(encoder, OnnxEncoder)
    assert (encoder.id, encoder.digest) == (DEFAULT_MODEL, PACKAGED_SHA256)
    assert (encoder.dim, encoder.max_tokens) == (384, 254)


def test_texts_at_eight_bits_are_near_those_in_single_precision_and_do_not_depend_on_each_other(
    encoder: Encoder, cache_dir: Path
) -> None:
    quantised = load_encoder(cache_dir=cache_dir, precision="int8")
    cosines = (vectors(quantised, TEXTS) * vectors(encoder, TEXTS)).sum(axis=1)
    assert 0.98 < cosines.min() < 0.9999
    # Whatever else is encoded in the same call.
    together = vectors(quantised, TEXTS, threads=2)
    for i, text in enumerate(TEXTS):
        np.testing.assert_allclose(together[i : i + 1], vectors(quantised, [text]), atol=1e-5)
    files = sorted(path.name for path in cache_dir.rglob("int8/*"))
    assert files == ["export.lock", "manifest.json", "model.onnx"]


def test_the_packaged_model_at_eight_bits_keeps_the_token_vectors_of_prose(encoder: Encoder, cache_dir: Path) -> None:
    quantised = load_encoder(cache_dir=cache_dir, precision="int8")
    prose = [path.read_text(encoding="utf-8")[:900] for path in sorted((ROOT / "seeds").glob("*.txt"))]
    whole, coarse = (e.encode(prose, kind="document") for e in (encoder, quantised))
    cosines = [(w.token_vectors * c.token_vectors).sum(axis=1) for w, c in zip(whole, coarse, strict=True)]
    assert np.concatenate(cosines).mean() > 0.995


def test_token_spans_are_the_words_of_the_given_text(encoder: Encoder) -> None:
    text = "😀 Zürich: 北京, Unbelievably"
    (encoding,) = encoder.encode([text], kind="query")
    parts = [text[start:end] for start, end in encoding.token_spans]
    assert parts == ["😀", "Zürich", ":", "北", "京", ",", "Un", "bel", "ie", "va", "bly"]
    assert encoding.token_spans.dtype == np.int32


@pytest.mark.parametrize("text", TEXTS)
def test_vectors_have_unit_length_and_fit_their_spans(encoder: Encoder, text: str) -> None:
    (encoding,) = encoder.encode([text], kind="document")
    tokens = min(encoder.count_tokens([text])[0], encoder.max_tokens)
    assert encoding.token_vectors.shape == (tokens, 384)
    assert encoding.token_spans.shape == (tokens, 2)
    assert (encoding.vector.dtype, encoding.token_vectors.dtype) == (np.float32, np.float32)
    np.testing.assert_allclose(np.linalg.norm(encoding.vector), 1, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(encoding.token_vectors, axis=1), 1, atol=1e-5)


def test_tokens_are_counted_without_special_ones_and_without_cutting(encoder: Encoder) -> None:
    assert encoder.count_tokens(["", "word", "word " * 1000, "unbelievably"]) == [0, 1, 1000, 5]
    assert encoder.count_tokens([]) == []


def test_what_lies_beyond_max_tokens_is_not_read(encoder: Encoder) -> None:
    read = "word " * encoder.max_tokens
    whole, longer, shorter = vectors(encoder, [read, read + "lighthouse", read[:-5]])
    np.testing.assert_allclose(whole, longer, atol=1e-6)
    assert np.abs(whole - shorter).max() > 1e-4


def test_no_texts_give_no_vectors(encoder: Encoder) -> None:
    assert encoder.encode([], kind="query") == []


@settings(max_examples=15, deadline=None)
@given(texts=st.lists(st.text(max_size=60), min_size=1, max_size=12), threads=st.integers(1, 3))
def test_a_vector_does_not_depend_on_the_batch_its_order_or_the_threads(
    encoder: Encoder, texts: list[str], threads: int
) -> None:
    texts = [*texts, TEXTS[4]]
    together = encoder.encode(texts, kind="document", threads=threads)
    for text, encoding in zip(texts, together, strict=True):
        (alone,) = encoder.encode([text], kind="document")
        np.testing.assert_allclose(encoding.vector, alone.vector, atol=1e-5)
        np.testing.assert_allclose(encoding.token_vectors, alone.token_vectors, atol=1e-4)
        np.testing.assert_array_equal(encoding.token_spans, alone.token_spans)


def test_many_askers_at_once_get_what_one_gets(encoder: Encoder) -> None:
    questions = [f"What happened in {year}?" for year in range(1990, 2022)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda text: encoder.encode([text], kind="query")[0].vector, questions))
    np.testing.assert_allclose(found, vectors(encoder, questions), atol=1e-5)


@pytest.mark.parametrize(
    ("texts", "options", "message"),
    [
        ("one text", {"kind": "query"}, "texts is one string of 8 characters"),
        (["fine", 3], {"kind": "query"}, r"texts\[1\] is a int, not a string"),
        (["fine", "ab\ud800"], {"kind": "query"}, r"texts\[1\] holds a lone surrogate at character 2"),
        (["fine"], {"kind": "passage"}, "kind is 'passage'; it must be one of 'query', 'document'"),
        (["fine"], {"kind": "query", "threads": 0}, "threads is 0; it must be at least 1"),
    ],
)
def test_encode_refuses_what_it_cannot_serve(encoder: Encoder, texts: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encoder.encode(texts, **options)


def test_once_exported_the_default_model_needs_no_torch(encoder: Encoder, cache_dir: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from embeddings.encoder import load_encoder\n"
        "load_encoder(cache_dir=Path(sys.argv[1])).encode(['a'], kind='query')\n"
        "print([m for m in ('torch', 'transformers', 'sentence_transformers', 'onnx', 'faiss') if m in sys.modules])"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "error", "-c", code, str(cache_dir)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_a_plain_model_of_ones_own_runs_without_torch_and_equals_the_reference(tmp_path: Path) -> None:
    path = make_tiny_model(tmp_path / "own")
    own = load_encoder(str(path), cache_dir=tmp_path)
    assert isinstance(own, OnnxEncoder)
    assert (own.id, own.dim, own.max_tokens) == (str(path), DIM, MAX_SEQ_LENGTH - 2)
    cosines = (vectors(own, TEXTS) * reference(path).encode(TEXTS, normalize_embeddings=True)).sum(axis=1)
    assert cosines.min() >= 0.9999


def test_a_model_with_prompts_reads_them_before_queries_and_documents(prompted: Path) -> None:
    encoder, expected = load_encoder(str(prompted)), reference(prompted)
    assert isinstance(encoder, SentenceTransformerEncoder)
    texts = ["the cat", "a much longer text that has to be cut somewhere"]
    for kind, prompt in (("query", "ask: "), ("document", "tell: ")):
        rows = expected.encode([prompt + text for text in texts])
        np.testing.assert_allclose(vectors(encoder, texts, kind=kind), rows, atol=1e-5)


def test_prompt_tokens_are_cut_off_and_spans_count_from_the_text(prompted: Path) -> None:
    encoder = load_encoder(str(prompted))
    text = "ab 北c"
    (query,) = encoder.encode([text], kind="query")
    assert [text[start:end] for start, end in query.token_spans] == ["a", "b", "北", "c"]
    assert query.token_vectors.shape == (4, DIM)
    (empty,) = encoder.encode([""], kind="document")
    assert (empty.token_vectors.shape, empty.token_spans.shape) == ((0, DIM), (0, 2))


def test_max_tokens_of_a_model_with_prompts_is_what_it_reads_of_a_document(prompted: Path) -> None:
    encoder = load_encoder(str(prompted))
    text = "abcdefghijklmnopqrstuvwxyz"
    (encoding,) = encoder.encode([text], kind="document")
    assert encoder.max_tokens == len(encoding.token_spans) == MAX_SEQ_LENGTH - 2 - len("tell:")
    assert encoder.count_tokens([text, ""]) == [26, 0]


def test_eight_bits_are_refused_for_a_model_that_cannot_run_at_them(prompted: Path) -> None:
    with pytest.raises(UnusableModel, match="float32 only, not in int8"):
        load_encoder(str(prompted), precision="int8")


def test_a_model_that_pools_otherwise_is_run_as_it_says(tmp_path: Path) -> None:
    path = make_tiny_model(tmp_path / "cls", pooling="cls")
    encoder = load_encoder(str(path))
    assert isinstance(encoder, SentenceTransformerEncoder)
    np.testing.assert_allclose(vectors(encoder, TEXTS), reference(path).encode(TEXTS), atol=1e-5)


def test_threads_may_share_a_model_with_prompts(prompted: Path) -> None:
    encoder = load_encoder(str(prompted))
    texts = [f"{number} apples" for number in range(24)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda text: encoder.encode([text], kind="query", threads=2)[0].vector, texts))
    np.testing.assert_allclose(found, vectors(encoder, texts, kind="query"), atol=1e-5)


def test_a_model_that_cannot_be_loaded_is_named_in_one_line(tmp_path: Path) -> None:
    for name, content in (("config.json", '{"model_type": "no-such-thing"}'), ("tokenizer.json", "{}")):
        path = make_tiny_model(tmp_path / name, prompts={"query": "ask: "})
        (path / name).write_text(content)
        with pytest.raises(UnusableModel, match="cannot load") as caught:
            load_encoder(str(path))
        assert "\n" not in str(caught.value)


def test_a_tokenizer_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = make_tiny_model(tmp_path / "broken")
    (path / "tokenizer.json").write_text('{"version": "1.0"}')
    with pytest.raises(UnusableModel, match=r"tokenizer\.json cannot be read"):
        load_encoder(str(path), cache_dir=tmp_path)
