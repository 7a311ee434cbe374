"""What is loaded when: importing and asking for help cost nothing, answering needs no torch and no chat page."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import HARBOUR

import rag
from rag import Library

HEAVY = {
    "ray", "pyarrow", "fsspec",
    "torch", "transformers", "sentence_transformers", "gradio", "faiss", "langchain", "langchain_core", "fastapi",
    "numpy", "onnxruntime", "tokenizers", "tantivy", "sklearn", "pandas", "huggingface_hub", "tqdm",
}  # fmt: skip
SERVING_ONLY = {"torch", "transformers", "sentence_transformers", "gradio", "fastapi", "langchain", "sklearn", "pandas"}
LOADED = "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"


def loaded_by(code: str, *arguments: str) -> set[str]:
    """Return the top-level modules that a fresh process has loaded after running `code`."""
    command = [sys.executable, "-c", f"{code}\n{LOADED}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return set(done.stderr.splitlines()[-1].split())


MAIN = """
import sys
from rag.cli import main
try:
    code = main(sys.argv[1:])
except SystemExit as end:
    code = end.code
assert not code, code
"""


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not loaded_by("import rag; rag.Answer; rag.Settings; rag.RagError; rag.Document") & HEAVY


@pytest.mark.parametrize("arguments", [["--help"], ["ask", "--help"], ["eval", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    assert not loaded_by(MAIN, *arguments) & HEAVY


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of a closed library."""
    path = tmp_path_factory.mktemp("imports") / "library"
    with Library.open(path) as opened:
        opened.add([HARBOUR])
    return str(path)


@pytest.mark.parametrize("command", [["ask", "How many pilots are there?"], ["search", "pilots"], ["list"]])
def test_reading_a_library_loads_neither_torch_nor_the_chat_page(command: list[str], library: str) -> None:
    loaded = loaded_by(MAIN, "--library", library, *command)
    assert "tantivy" in loaded
    assert not loaded & SERVING_ONLY


def test_indexing_loads_neither_torch_nor_the_chat_page(library: str, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(HARBOUR.text)
    assert not loaded_by(MAIN, "--library", library, "add", str(tmp_path / "a.md")) & SERVING_ONLY


@pytest.mark.parametrize("module", ["rag.library", "embeddings.late", "rag.cli, eval.command, eval.summary"])
def test_numpy_has_one_thread_so_that_askers_do_not_wait_for_each_other(module: str) -> None:
    code = f"import {module}; import numpy, threadpoolctl as t; print([p['num_threads'] for p in t.threadpool_info()])"
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=120)
    assert set(json.loads(done.stdout)) == {1}


def test_the_package_exports_at_most_ten_names_and_each_is_there() -> None:
    assert 1 <= len(rag.__all__) <= 10
    for name in rag.__all__:
        assert getattr(rag, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Frobnicator'"):
        rag.Frobnicator  # noqa: B018


def test_the_default_library_is_asked_by_the_shortest_way(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_LIBRARY", library)
    assert "41 pilots" in rag.ask("How many pilots does the harbour of Norrwick employ?").text
    monkeypatch.setenv("RAG_LIBRARY", library + "-typo")
    with pytest.raises(rag.RagError, match="there is no library"):
        rag.ask("How many pilots?")
    assert not Path(library + "-typo").exists()
