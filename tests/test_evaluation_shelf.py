"""What came of evaluations outlives the service: kept with the library, bounded, and never trusted."""

from __future__ import annotations

import io
import json
import os
import shutil
import time
from pathlib import Path

import pytest
from api_server import error_of, served

from rag import Document, Library
from rag.web import evaluation_shelf as shelf
from rag.web.api import create_api
from rag.web.collections import Collections
from rag.web.evaluation_jobs import Evaluations

FERRY = Document(id="ferry.md", title="Ferry", language="en", text="The ferry of Norrwick leaves at nine.")
ROWS = [
    {"id": "a", "question": "When does the ferry of Norrwick leave?", "answers": ["nine"], "answerable": True},
    {"id": "b", "question": "Who painted the ferry of Norrwick?", "answers": [], "answerable": False},
]


def name(number: int) -> str:
    return f"{number:012x}"


def put(library: Path, number: int) -> None:
    assert shelf.put(library, name(number), {"gold": f"g{number}", "result": {}}, f"<p>report {number}")
    at = 1_700_000_000 + number
    os.utime(library / shelf.FOLDER / f"{name(number)}.json", (at, at))


def test_the_last_ten_of_a_library_are_kept_and_the_others_deleted(tmp_path: Path) -> None:
    for number in range(13):
        put(tmp_path, number)
    assert list(shelf.kept(tmp_path)) == [name(number) for number in range(3, 13)]
    assert shelf.report(tmp_path, name(12)) == "<p>report 12"
    assert shelf.report(tmp_path, name(2)) is None
    assert len(list((tmp_path / shelf.FOLDER).iterdir())) == 20


def test_what_is_no_evaluation_is_passed_over(tmp_path: Path) -> None:
    put(tmp_path, 1)
    folder = tmp_path / shelf.FOLDER
    (folder / f"{name(2)}.json").write_text("[1]")
    (folder / f"{name(3)}.json").symlink_to(folder / f"{name(1)}.json")
    (folder / "notes.json").write_text("{}")
    (folder / f"{name(4)}.json").write_text(json.dumps({"result": {"answers": 7}, "total": -1, "begun_s": "x"}))
    (folder / f"{name(4)}.html").symlink_to("/etc/hostname")
    found = {one.id: one for one in Evaluations(lambda: {"default": tmp_path}).all()}
    assert found.keys() == {name(1), name(4)}
    assert (found[name(4)].result, found[name(4)].total, found[name(4)].report()) == ({}, 0, None)


def test_where_nothing_can_be_written_the_report_is_kept_in_memory(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / shelf.FOLDER).symlink_to(tmp_path / "elsewhere")
    assert not shelf.put(tmp_path, name(1), {}, "report")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_evaluations_of_a_library_that_is_gone_are_forgotten(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    put(tmp_path / "b", 1)
    folders = {"b": tmp_path / "b"}
    evaluations = Evaluations(lambda: folders)
    assert [one.gold for one in evaluations.all()] == ["g1"]
    shutil.rmtree(folders.pop("b"))
    assert evaluations.all() == []
    assert evaluations.get(name(1)) is None


def test_a_service_that_was_started_again_lists_it_and_shows_its_report(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library") as library:
        library.add([FERRY])
        gold = io.BytesIO("".join(json.dumps(row) + "\n" for row in ROWS).encode())
        with served(create_api(Collections(library))) as client:
            begun = client.post("/v1/evaluations", files={"gold": ("ferries.jsonl", gold)}).json()
            address = f"/v1/evaluations/{begun['id']}"
            ends_s = time.monotonic() + 60
            while client.get(address).json()["status"] == "running" and time.monotonic() < ends_s:
                time.sleep(0.05)
            first, report = client.get(address).json(), client.get(f"{address}/report").text
        assert (first["status"], first["total"]) == ("done", 2)
        with served(create_api(Collections(library))) as client:
            again = client.get(address).json()
            assert client.get(f"{address}/report").text == report
            (listed,) = client.get("/v1/evaluations").json()["evaluations"]
            assert listed == first | {"result": None, "stage": listed["stage"], "seconds": listed["seconds"]}
            assert again["result"] == first["result"]
            (library.path / shelf.FOLDER / f"{begun['id']}.html").unlink()
            assert error_of(client.get(f"{address}/report"), 409)


@pytest.mark.parametrize("text", ["half \ud83d", "全部"])
def test_a_report_of_any_characters_is_kept(text: str, tmp_path: Path) -> None:
    assert shelf.put(tmp_path, name(1), {}, text)
    assert shelf.report(tmp_path, name(1)) == text.encode("utf-8", "replace").decode()
