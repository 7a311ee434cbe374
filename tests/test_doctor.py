"""The doctor finds what is wrong, mends what can be mended, and says how to mend the rest."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from conftest import TOWN
from test_calibration import calibration_of
from tiny_models import make_tiny_cross_encoder

from rag import Library
from rag.calibration import CALIBRATION
from rag.doctor import Finding, examine
from rag.errors import LibraryDamaged
from rag.formats.parser import PARSER


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of a closed library."""
    path = tmp_path_factory.mktemp("doctor") / "library"
    with Library.open(path) as library:
        library.add(TOWN)
    return path


@pytest.fixture
def own(built: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    return Path(shutil.copytree(built, tmp_path / "library"))


def findings(path: Path, *, encoder: str | None = None) -> dict[str, Finding]:
    return {f.subject: f for f in examine(path, encoder=encoder)}


def test_a_parser_that_does_not_start_is_found(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert findings(own)["parser"].healthy
    monkeypatch.setattr("rag.formats.parser.sys.executable", "/bin/false")
    PARSER.close()
    found = findings(own)["parser"]
    assert not found.healthy
    assert "does not start (exit code 1); the installation is broken" in found.message


def test_a_sound_library_is_found_healthy(built: Path) -> None:
    found = findings(built)
    assert all(f.healthy for f in found.values())
    assert "3 documents, 3 passages" in found["indexes"].message
    assert "all-MiniLM-L6-v2, 384 dimensions" in found["encoder"].message
    assert {"python", "faiss-cpu", "tantivy", "onnxruntime", "database"} <= found.keys()


def test_a_cross_encoder_is_tried_where_one_is_set(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "cross-encoder" not in findings(built)
    model = make_tiny_cross_encoder(tmp_path / "model")
    monkeypatch.setenv("RAG_RERANK", "cross")
    monkeypatch.setenv("RAG_CROSS_ENCODER", str(model))
    assert findings(built)["cross-encoder"].message.startswith(f"{model}, weights ")
    (model / "config.json").unlink()
    found = findings(built)["cross-encoder"]
    assert not found.healthy
    assert "config.json" in found.message


def test_a_calibration_is_found_healthy_void_or_missing(own: Path) -> None:
    assert "none, threshold 0.390; to fit one: rag calibrate GOLD" in findings(own)["calibration"].message
    with Library.open(own, create=False) as library:
        library.calibrate(calibration_of(library))
        found = findings(own)["calibration"]
        assert found == Finding(
            "calibration", True, "of 2026-01-31 on gold, 100 questions: threshold 0.600 for at most 0.1 wrong answers"
        )
        library._store.put_settings({CALIBRATION: calibration_of(library, encoder="other/model").to_dict()})
    found = findings(own)["calibration"]
    assert not found.healthy
    assert "other/model" in found.message
    assert "not applied; run: rag calibrate GOLD" in found.message


def test_a_gold_set_that_changed_is_told_as_those_who_can_read_it_say(own: Path) -> None:
    with Library.open(own, create=False) as library:
        library.calibrate(calibration_of(library))
    found = {f.subject: f for f in examine(own, changed_gold=lambda c: f"{c.gold_name} has changed")}
    assert found["calibration"] == Finding("calibration", False, "gold has changed")


def test_a_threshold_that_is_set_is_told_beside_the_calibrated_one(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Library.open(own, create=False) as library:
        library.calibrate(calibration_of(library))
    monkeypatch.setenv("RAG_THRESHOLD", "0.2")
    assert findings(own)["calibration"].message.endswith(
        "threshold 0.600 for at most 0.1 wrong answers; set instead: 0.2"
    )


@pytest.mark.parametrize(
    "name", ["CURRENT", "generations/00000001/vectors-00000001.faiss", "generations/00000001/manifest.json"]
)
def test_a_damaged_index_is_mended_and_named(name: str, own: Path) -> None:
    (own / name).write_bytes(b"damaged")
    found = findings(own)["indexes"]
    assert found.healthy
    assert Path(name).name in found.message
    assert "rebuilt from the database, nothing embedded again; generation 1: 3 documents" in found.message
    assert "rebuilt" not in findings(own)["indexes"].message


def test_an_index_that_cannot_be_mended_is_told(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    (own / "CURRENT").unlink()
    monkeypatch.setattr("rag.folder.generations.build_anew", fail)
    found = findings(own)["indexes"]
    assert not found.healthy
    assert "CURRENT is missing" in found.message
    assert "No space left" in found.message


def test_pages_of_the_database_that_are_gone_are_told(own: Path) -> None:
    database = own / "library.sqlite3"
    data = bytearray(database.read_bytes())
    for start in range(2 * 4096, len(data) - 4096, 4096):
        data[start : start + 64] = b"\xff" * 64
    database.write_bytes(data)
    found = findings(own)
    assert not found["database"].healthy
    assert "restore it from a copy" in found["database"].message
    assert all(len(f.message.splitlines()) == 1 for f in found.values())


def test_vectors_of_the_database_that_are_damaged_are_told(own: Path) -> None:
    with sqlite3.connect(own / "library.sqlite3") as database:
        database.execute("UPDATE vectors SET vector = zeroblob(length(vector))")
    database.close()
    (own / "CURRENT").unlink()
    found = findings(own)
    assert not found["indexes"].healthy
    assert "library.sqlite3 is not what was written there" in found["indexes"].message
    assert not found["rows"].healthy
    assert all(repr(document.id) in found["rows"].message for document in TOWN)
    assert all(len(f.message.splitlines()) == 1 for f in found.values())


@pytest.mark.parametrize(
    ("table", "column"), [("passages", "text"), ("documents", "title"), ("documents", "text"), ("vectors", "tokens")]
)
def test_a_damaged_document_is_named_and_indexing_it_again_embeds_only_that(table: str, column: str, own: Path) -> None:
    with sqlite3.connect(own / "library.sqlite3") as database:
        lower = "x'00' || substr({0}, 2)" if column == "tokens" else "upper({0})"
        database.execute(f"UPDATE {table} SET {column} = {lower.format(column)} WHERE rowid = 1")
    database.close()
    found = findings(own)["rows"]
    assert not found.healthy
    assert "'harbour.md'" in found.message
    assert "lighthouse" not in found.message
    with Library.open(own) as library:
        report = library.add(TOWN)
        assert (report.updated, report.unchanged) == (1, 2)
        library.ask("How many pilots does the harbour employ?")
    assert findings(own)["rows"].message == "every row is what was written"


def test_what_follows_the_end_of_the_database_is_told(own: Path) -> None:
    with (own / "library.sqlite3").open("ab") as file:
        file.write(b"more")
    found = findings(own)["database"]
    assert not found.healthy
    assert "4 bytes follow its end" in found.message


def test_a_damaged_setting_is_named(own: Path) -> None:
    with sqlite3.connect(own / "library.sqlite3") as database:
        database.execute("UPDATE settings SET value = 'null' WHERE name = 'abbreviations'")
    database.close()
    found = findings(own)["database"]
    assert not found.healthy
    assert "its setting 'abbreviations'" in found.message
    assert "restore a backup: rag restore BACKUP" in found.message


def test_a_missing_library_is_told_and_not_made(tmp_path: Path) -> None:
    found = findings(tmp_path / "typo")
    assert not found["library"].healthy
    assert "make one" in found["library"].message
    assert found["encoder"].healthy
    assert not (tmp_path / "typo").exists()


def test_a_library_that_holds_nothing_is_told(tmp_path: Path) -> None:
    Library.open(tmp_path / "new").close()
    found = findings(tmp_path / "new")["indexes"]
    assert not found.healthy
    assert "rag index PATH" in found.message


def test_a_model_that_cannot_be_loaded_is_told(built: Path) -> None:
    found = findings(built, encoder="nobody/no-such-model")["encoder"]
    assert not found.healthy
    assert "nobody/no-such-model" in found.message


def test_a_package_that_is_not_installed_is_told(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.doctor.PACKAGES", ("no-such-package",))
    found = findings(built)["no-such-package"]
    assert (found.healthy, found.message) == (False, "is not installed; run: pip install no-such-package")


def test_indexes_of_the_database_that_do_not_match_its_rows_are_refused_and_made_anew(own: Path) -> None:
    with sqlite3.connect(own / "library.sqlite3") as database:
        page, size = (
            database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'documents_by_revision'").fetchone()[0],
            database.execute("PRAGMA page_size").fetchone()[0],
        )
    database.close()
    data = bytearray((own / "library.sqlite3").read_bytes())
    start = (page - 1) * size
    at = data.rindex(b"zh", start, start + size)
    # More than one bit, which would be put back.
    data[at : at + 2] = b"qq"
    (own / "library.sqlite3").write_bytes(data)
    with Library.open(own) as library, pytest.raises(LibraryDamaged, match="documents_by_revision"):
        library.documents()
    found = findings(own)
    assert found["database"].healthy
    assert "its own indexes were made anew from its rows" in found["database"].message
    with Library.open(own) as library:
        assert {d.language for d in library.documents()} == {"en", "zh"}
