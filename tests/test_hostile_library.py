"""A library from somebody else can lie, link and nest as it likes: it is refused, or mended, in one line."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import pickle
import shutil
import sqlite3
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest

from embeddings.errors import UnreadableIndex
from embeddings.index import VectorIndex
from eval.bench_fuzz import fuzz
from eval.faulty import grown, open_small, state, with_words
from rag.errors import LibraryDamaged
from rag.files import MOST_BYTES, read_json, replace_file
from rag.folder.manifest import MANIFEST, read_current, read_manifest

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _words() -> Iterator[None]:
    with with_words():
        yield


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A closed library and what it says."""
    path = tmp_path_factory.mktemp("hostile") / "library"
    with with_words():
        with open_small(path) as library:
            grown(library)
        return path, state(path)


@pytest.fixture
def path(sound: tuple[Path, str], tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(sound[0], tmp_path / "library"))


def generation(path: Path) -> Path:
    return max((path / "generations").iterdir())


def rewrite(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the manifest as somebody would who knows how it is vouched for."""
    manifest = generation(path) / MANIFEST
    said = json.loads(manifest.read_text())
    change(said)
    vouch(path, json.dumps(said).encode())


def vouch(path: Path, manifest: bytes) -> None:
    (generation(path) / MANIFEST).write_bytes(manifest)
    current = f"{int(generation(path).name)} {hashlib.sha256(manifest).hexdigest()}\n"
    (path / "CURRENT").write_text(current)


def vouched_file(path: Path, name: str, content: bytes) -> None:
    """Put a file of one's own in a generation, under a digest that is right."""
    (generation(path) / name).unlink()
    (generation(path) / name).write_bytes(content)
    found = {"size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    rewrite(path, lambda said: said["files"].update({name: found}))


def link_away(path: Path, target: Path) -> None:
    """Put a link in place of a file or folder, to the same content elsewhere."""
    shutil.move(path, target)
    path.symlink_to(target)


def newest_vectors(path: Path) -> str:
    return sorted(p.name for p in generation(path).glob("*.faiss"))[-1]


@pytest.mark.parametrize("name", ["CURRENT", "generations", "generation", "manifest.json", "lexical", "vectors"])
def test_a_link_in_place_of_a_derived_file_is_not_followed(name: str, path: Path, sound: Any, tmp_path: Path) -> None:
    places = {
        "CURRENT": path / "CURRENT",
        "generations": path / "generations",
        "generation": generation(path),
        "manifest.json": generation(path) / MANIFEST,
        "lexical": generation(path) / "lexical",
        "vectors": generation(path) / newest_vectors(path),
    }
    link_away(places[name], tmp_path / "elsewhere")
    kept = sorted((p.name, p.stat().st_size) for p in tmp_path.rglob("elsewhere/**/*"))
    with open_small(path) as library, pytest.raises(LibraryDamaged, match="is a link and not followed"):
        library.verify()
    assert state(path) == sound[1]
    assert not places[name].is_symlink()
    assert sorted((p.name, p.stat().st_size) for p in tmp_path.rglob("elsewhere/**/*")) == kept


@pytest.mark.parametrize("name", ["library.sqlite3", "library.sqlite3-wal", "writer.lock"])
def test_a_link_in_place_of_the_database_or_the_lock_is_refused(name: str, path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes((path / name).read_bytes() if (path / name).exists() else b"precious")
    before = (tmp_path / "elsewhere").read_bytes()
    (path / name).unlink(missing_ok=True)
    (path / name).symlink_to(tmp_path / "elsewhere")

    def remove() -> None:
        with open_small(path) as library:
            library.remove(["barrel-1.md"])

    with pytest.raises(LibraryDamaged, match=f"{name} is a link and not followed"):
        remove()
    assert (tmp_path / "elsewhere").read_bytes() == before


@pytest.mark.parametrize("name", ["CURRENT.new", "writer.json", "writer.json.new"])
def test_what_a_link_leads_to_is_never_written(name: str, path: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (path / name).symlink_to(tmp_path / "precious")
    with open_small(path) as library:
        assert library.remove(["barrel-1.md"]) == 1
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.mark.parametrize(
    "change",
    [
        lambda said: said["files"].update({"/etc/passwd": next(iter(said["files"].values()))}),
        lambda said: said["files"].update({"../../library.sqlite3": next(iter(said["files"].values()))}),
        lambda said: said["files"].update({"lexical/../../x": next(iter(said["files"].values()))}),
        lambda said: said["files"].update({"a\\..\\b": next(iter(said["files"].values()))}),
        lambda said: said["segments"][0].update(file="../vectors.faiss"),
        lambda said: said["files"][next(iter(said["files"]))].update(size_bytes=10**30),
        lambda said: said["files"][next(iter(said["files"]))].update(size_bytes=-1),
        lambda said: said["files"][next(iter(said["files"]))].update(size_bytes=True),
        lambda said: said.update(passages=10**18),
        lambda said: said.update(build={"dim": 10**9}),
        lambda said: said.update(segments=[]),
        lambda said: said.update(languages=3),
        lambda said: said.update(files=[]),
        lambda said: said.update(surprise=1),
        lambda said: said.update(format_version=[[]]),
        lambda said: said.pop("format_version"),
    ],
)
def test_a_manifest_that_lies_is_mended_and_named(
    change: Callable[[dict[str, Any]], None], path: Path, sound: Any, caplog: pytest.LogCaptureFixture
) -> None:
    rewrite(path, change)
    assert state(path) == sound[1]
    assert "rebuilding from the database" in caplog.text


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"a":' * 100_000, b"null", b"\xff\xfe", b"1" * 5_000, b""])
def test_a_manifest_that_is_none_is_mended(content: bytes, path: Path, sound: Any) -> None:
    vouch(path, content)
    assert state(path) == sound[1]


def test_a_gigabyte_of_json_is_not_read(path: Path, sound: Any) -> None:
    with (generation(path) / MANIFEST).open("r+b") as file:
        file.truncate(1_000_000_000)
    with pytest.raises(LibraryDamaged, match=f"larger than {MOST_BYTES:,} bytes"):
        read_manifest(generation(path), sha256="0" * 64)
    with (path / "CURRENT").open("r+b") as file:
        file.truncate(1_000_000_000)
    with pytest.raises(LibraryDamaged, match="larger than 200 bytes"):
        read_current(path)
    assert state(path) == sound[1]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_that_nobody_writes_to_is_not_waited_for(path: Path, sound: Any) -> None:
    for place in (path / "CURRENT", generation(path) / MANIFEST):
        place.unlink()
        os.mkfifo(place)
    with pytest.raises(LibraryDamaged, match="is no file"):
        read_json(path / "CURRENT")
    assert state(path) == sound[1]


def test_a_vector_index_that_is_something_else_is_mended(path: Path, sound: Any) -> None:
    name = newest_vectors(path)
    vectors = (generation(path) / name).read_bytes()
    huge = struct.pack("<q", 2**60)
    for content in (
        pickle.dumps(os.getcwd),
        b"",
        vectors[:50],
        vectors[:8] + huge + vectors[16:],
        vectors.replace(struct.pack("<q", 12), huge),
        b"IxMp" + b"\xff" * 200,
        b"IwSq" * 60,
    ):
        vouched_file(path, name, content)
        assert state(path) == sound[1]
        name = newest_vectors(path)


def test_a_lexical_index_that_is_something_else_is_mended(path: Path, sound: Any) -> None:
    for content in (b"{", b'{"segments": [{"segment_id": "../../x", "max_doc": 9}]}', b"[" * 100_000, b""):
        vouched_file(path, "lexical/meta.json", content)
        assert state(path) == sound[1]


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TRIGGER t AFTER UPDATE ON settings BEGIN DELETE FROM documents; END",
        "CREATE VIEW v AS SELECT * FROM documents",
        "CREATE VIRTUAL TABLE f USING fts5(x)",
        "CREATE TABLE g (a, b GENERATED ALWAYS AS (abs(a)))",
        "CREATE INDEX i ON documents (id) WHERE id COLLATE nocase = 'x'",
    ],
)
def test_a_database_that_would_run_something_is_refused(sql: str, path: Path) -> None:
    with sqlite3.connect(path / "library.sqlite3") as database:
        database.execute(sql)
    database.close()
    said = state(path)
    assert said.startswith("refused: ")
    assert "which no library does" in said


def refusal(read: Callable[[], object]) -> str:
    """Return why something is refused, nothing if it is read."""
    try:
        read()
    except (LibraryDamaged, UnreadableIndex, OSError) as error:
        return str(error)
    return ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)


@hypothesis.settings(max_examples=40)
@hypothesis.given(data=st.data())
def test_whatever_a_manifest_says_it_is_read_or_refused(sound: tuple[Path, str], data: st.DataObject) -> None:
    folder = sound[0].with_name("fuzzed")
    folder.mkdir(exist_ok=True)
    said = json.loads((generation(sound[0]) / MANIFEST).read_text())
    for _ in range(data.draw(st.integers(1, 3))):
        place: Any = said
        while isinstance(place, dict | list) and place:
            key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
            if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
                place[key] = data.draw(JSON)
                break
            place = place[key]
    content = json.dumps(said).encode()
    replace_file(folder / MANIFEST, content, durable=False)
    assert "\n" not in refusal(lambda: read_manifest(folder, sha256=hashlib.sha256(content).hexdigest()))


@hypothesis.settings(max_examples=40)
@hypothesis.given(content=st.binary(max_size=250) | st.from_regex(rb"\A\d{1,25} [0-9a-f]{64}\n?\Z"))
def test_whatever_current_says_it_is_read_or_refused(sound: tuple[Path, str], content: bytes) -> None:
    folder = sound[0].with_name("fuzzed")
    folder.mkdir(exist_ok=True)
    replace_file(folder / "CURRENT", content, durable=False)
    assert "\n" not in refusal(lambda: read_current(folder))


@hypothesis.settings(max_examples=40)
@hypothesis.given(data=st.data())
def test_whatever_a_vector_index_holds_it_is_read_or_refused(sound: tuple[Path, str], data: st.DataObject) -> None:
    changed = bytearray((generation(sound[0]) / newest_vectors(sound[0])).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, min(len(changed) - 8, 120)))
        changed[at : at + 8] = data.draw(st.binary(min_size=8, max_size=8))
    file = sound[0].with_name("fuzzed.faiss")
    file.write_bytes(changed[: data.draw(st.integers(1, len(changed)))])
    assert "\n" not in refusal(lambda: VectorIndex.read(file))


def test_libraries_changed_at_random_are_read_refused_or_mended(tmp_path: Path) -> None:
    outcomes, wrong = fuzz(tmp_path, seconds=5.0, seed=3)
    assert wrong == []
    assert sum(outcomes.values()) > 0


# -- no pickle anywhere -----------------------------------------------------------------------------------------------

RUNS_CODE = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle"}


def modules() -> list[Path]:
    return sorted(p for folder in ("rag", "embeddings", "eval") for p in (ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("module", modules(), ids=lambda p: f"{p.parent.name}.{p.stem}")
def test_no_module_unpickles_or_trusts_the_code_of_a_model(module: Path) -> None:
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert not RUNS_CODE & {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert (node.module or "").split(".")[0] not in RUNS_CODE
        if isinstance(node, ast.keyword) and node.arg in {"allow_pickle", "trust_remote_code", "weights_only"}:
            safe = node.arg == "weights_only"
            assert isinstance(node.value, ast.Constant)
            assert node.value.value is safe
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "load":
            # numpy's has to be told to unpickle, torch's not to.
            named = getattr(node.func.value, "id", "")
            given = {keyword.arg for keyword in node.keywords}
            assert named != "torch" or "weights_only" in given
