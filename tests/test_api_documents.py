"""Documents over HTTP: listed, read in part, uploaded, removed; libraries side by side; nothing lost to bad input."""

from __future__ import annotations

import io
import os
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_server import error_of, served
from conftest import TOWN
from filelock import FileLock

from rag import Library
from rag.errors import SourceError
from rag.location import LOCK
from rag.web.api import create_api
from rag.web.collections import Collections
from rag.web.uploads import file_name

MILL = "The mill of Norrwick grinds barley. It was built in 1790 by Olof Brandt."
FERRY = "The ferry of Norrwick leaves at nine. It carries 120 passengers and 18 cars."


@pytest.fixture
def collections(tmp_path: Path) -> Iterator[Collections]:
    with Library.open(tmp_path / "first") as first, Collections(first, root=tmp_path / "more") as found:
        yield found


@pytest.fixture
def client(collections: Collections) -> Iterator[httpx.Client]:
    with served(create_api(collections)) as client:
        yield client


@pytest.fixture(scope="module")
def town(town_library: Library) -> Iterator[httpx.Client]:
    with served(create_api(Collections(town_library))) as client:
        yield client


def upload(client: httpx.Client, *files: tuple[str, bytes | str], library: str = "default") -> httpx.Response:
    parts = [("files", (name, content if isinstance(content, bytes) else content.encode())) for name, content in files]
    return client.post(f"/v1/documents?library={library}", files=parts)


def results(response: httpx.Response) -> dict[str, str]:
    assert response.status_code == 200, response.text
    return {file["name"]: file["status"] for file in response.json()["files"]}


def packed(**files: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("_", "."), text)
    return target.getvalue()


def text_of(client: httpx.Client, document_id: str) -> str:
    return client.get(f"/v1/documents/{document_id}/text").text


# -- reading ----------------------------------------------------------------------------------------------------------


def test_documents_are_listed_in_pages_and_by_what_their_names_hold(town: httpx.Client) -> None:
    everything = town.get("/v1/documents").json()
    assert everything["total"] == len(everything["documents"]) == len(TOWN)
    page = town.get("/v1/documents?offset=1&limit=1").json()
    assert page == {"documents": everything["documents"][1:2], "total": len(TOWN)}
    for query, found in (("LIGHT", "old/lighthouse.md"), ("面包", "bakery.md"), ("harbour.md", "harbour.md")):
        assert [d["id"] for d in town.get("/v1/documents", params={"query": query}).json()["documents"]] == [found]


def test_a_citation_leads_to_its_span_with_what_stands_around_it(town: httpx.Client) -> None:
    asked = {"question": "Who built the lighthouse of Norrwick?", "threshold": 0.0}
    citation = town.post("/v1/ask", json=asked).json()["citations"][0]
    place = {"start_char": citation["start_char"], "end_char": citation["end_char"], "context": 20}
    span = town.get(f"/v1/documents/{citation['document_id']}/span", params=place).json()
    text = text_of(town, citation["document_id"])
    assert span["text"] == citation["quote"]
    assert span["before"] + span["text"] + span["after"] == text[: citation["end_char"] + 20]
    assert (span["page"], span["heading"], span["title"]) == (
        citation["page"],
        citation["heading"],
        citation["title"],
    )


@pytest.mark.parametrize("place", ["start_char=5&end_char=5", "start_char=0&end_char=100000", "start_char=3", ""])
def test_a_span_that_a_document_does_not_have_is_refused(town: httpx.Client, place: str) -> None:
    assert "end_char" in error_of(town.get(f"/v1/documents/harbour.md/span?{place}"), 422)


def test_a_document_may_be_called_as_a_part_of_another_is(collections: Collections, client: httpx.Client) -> None:
    from rag import Document

    collections.first.add([Document(id="notes", text=MILL), Document(id="notes/text", text=FERRY)])
    assert client.get("/v1/documents/notes/text").json()["text"] == FERRY
    assert client.get("/v1/documents/notes/text/text").text == FERRY
    assert client.get("/v1/documents/notes").json()["text"] == MILL


# -- uploads ----------------------------------------------------------------------------------------------------------


def test_an_uploaded_file_is_answered_from_and_kept_as_it_came(client: httpx.Client, collections: Collections) -> None:
    assert results(upload(client, ("mill.md", MILL), ("ferry.txt", FERRY))) == {
        "mill.md": "added",
        "ferry.txt": "added",
    }
    answer = client.post("/v1/ask", json={"question": "Who built the mill of Norrwick?", "threshold": 0.0}).json()
    assert answer["citations"][0]["document_id"] == "uploads/mill.md"
    assert answer["citations"][0]["stale"] is None
    kept = collections.first.path / "uploads"
    assert sorted(p.name for p in kept.iterdir()) == ["ferry.txt", "mill.md"]
    assert (kept / "mill.md").read_text() == MILL


def test_each_file_is_taken_or_refused_by_itself_in_plain_words(client: httpx.Client) -> None:
    response = upload(client, ("mill.md", MILL), ("tool.exe", b"MZ"), ("broken.pdf", b"%PDF-1.7 no"), ("empty.md", b""))
    assert results(response) == {
        "mill.md": "added",
        "tool.exe": "failed",
        "broken.pdf": "failed",
        "empty.md": "failed",
    }
    reasons = {file["name"]: file["reason"] for file in response.json()["files"]}
    assert "unsupported suffix '.exe'" in reasons["tool.exe"]
    assert all("/" not in reasons[name].replace("and/or", "") for name in ("broken.pdf", "empty.md"))
    assert client.get("/v1/documents").json()["total"] == 1


def test_where_no_file_can_be_taken_the_status_says_why(client: httpx.Client) -> None:
    assert "tool.exe" in error_of(upload(client, ("tool.exe", b"MZ")), 415)
    assert "broken.pdf" in error_of(upload(client, ("broken.pdf", b"%PDF-1.7 no")), 422)
    error_of(client.post("/v1/documents", files=[("other", ("a.md", b"text"))]), 422)
    error_of(client.post("/v1/documents", content=b"--x", headers={"content-type": "multipart/form-data"}), 400)


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    from rag import Settings

    with Library.open(tmp_path / "small", settings=Settings(file_mb=1)) as library:
        with served(create_api(Collections(library))) as client:
            assert "larger than 1 MB" in error_of(upload(client, ("big.txt", b"word " * 300_000)), 413)
        assert not list((library.path / "uploads").iterdir())


def test_the_same_file_again_changes_nothing_and_another_one_of_its_name_replaces_it(client: httpx.Client) -> None:
    upload(client, ("mill.md", MILL))
    assert results(upload(client, ("mill.md", MILL))) == {"mill.md": "unchanged"}
    assert results(upload(client, ("mill.md", FERRY))) == {"mill.md": "updated"}
    assert text_of(client, "uploads/mill.md") == FERRY


def test_a_bad_file_loses_neither_the_good_one_before_it_nor_its_document(
    client: httpx.Client, collections: Collections
) -> None:
    upload(client, ("mill.md", MILL), ("ferry.txt", FERRY))
    assert results(upload(client, ("mill.md", b" \n"), ("ferry.txt", FERRY + " It is blue."))) == {
        "mill.md": "failed",
        "ferry.txt": "updated",
    }
    assert text_of(client, "uploads/mill.md") == MILL
    assert (collections.first.path / "uploads" / "mill.md").read_text() == MILL


def test_an_archive_is_as_many_documents_and_a_new_one_takes_the_place_of_all_of_them(client: httpx.Client) -> None:
    response = upload(client, ("town.zip", packed(mill_md=MILL, ferry_md=FERRY, tool_exe="MZ")))
    assert results(response) == {"town.zip": "added"}
    (file,) = response.json()["files"]
    assert file["documents"] == ["uploads/town.zip/ferry.md", "uploads/town.zip/mill.md"]
    assert "tool.exe" in file["reason"]
    assert results(upload(client, ("town.zip", packed(mill_md=MILL, pier_md=FERRY)))) == {"town.zip": "updated"}
    listed = [d["id"] for d in client.get("/v1/documents").json()["documents"]]
    assert listed == ["uploads/town.zip/mill.md", "uploads/town.zip/pier.md"]


def test_indexing_a_folder_leaves_uploads_and_takes_all_else(
    client: httpx.Client, collections: Collections, tmp_path: Path
) -> None:
    for name in ("docs", "others"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.md").write_text(FERRY)
    upload(client, ("mill.md", MILL), ("ferry.md", FERRY))
    collections.first.index(tmp_path / "docs")
    collections.first.index(tmp_path / "others")
    assert [d.id for d in collections.first.documents()] == ["others.md", "uploads/ferry.md", "uploads/mill.md"]
    collections.first.remove(["uploads/ferry.md"])
    collections.first.index(tmp_path / "others")
    assert [d.id for d in collections.first.documents()] == ["others.md", "uploads/mill.md"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [("../../etc/passwd.md", "passwd.md"), ("C:\\Users\\me\\a.md", "a.md"), (" b.md ", "b.md"), ("e\u0301.md", "é.md")],
)
def test_a_name_is_kept_without_its_path(given: str, kept: str) -> None:
    assert file_name(given) == kept


@pytest.mark.parametrize("given", ["", ".", "..", ".hidden.md", "a/", "a\n.md", "a\u202e.md", "a" * 300, "a\x00.md"])
def test_a_name_that_would_lead_elsewhere_is_refused(given: str) -> None:
    with pytest.raises(SourceError):
        file_name(given)


def test_a_name_with_a_path_reaches_nothing_outside(client: httpx.Client, collections: Collections) -> None:
    assert results(upload(client, ("../library.sqlite3.md", MILL))) == {"../library.sqlite3.md": "added"}
    assert [p.name for p in (collections.first.path / "uploads").iterdir()] == ["library.sqlite3.md"]


def test_what_an_upload_left_behind_that_was_cut_short_is_swept_away(
    client: httpx.Client, collections: Collections
) -> None:
    for name, hours in ((".coming-old", 30), (".coming-new", 1)):
        folder = collections.first.path / "uploads" / name
        folder.mkdir(parents=True)
        (folder / "a.md").write_text(MILL)
        os.utime(folder, (time.time() - 3600 * hours,) * 2)
    upload(client, ("mill.md", MILL))
    assert sorted(p.name for p in (collections.first.path / "uploads").iterdir()) == [".coming-new", "mill.md"]


# -- removing ---------------------------------------------------------------------------------------------------------


def test_a_removed_upload_is_gone_with_its_file_and_may_come_again(
    client: httpx.Client, collections: Collections
) -> None:
    upload(client, ("mill.md", MILL), ("town.zip", packed(a_md=MILL, b_md=FERRY)))
    kept = collections.first.path / "uploads"
    assert client.delete("/v1/documents/uploads/town.zip/a.md").json() == {"removed": 1}
    assert (kept / "town.zip").exists()
    assert client.delete("/v1/documents/uploads/town.zip/b.md").json() == {"removed": 1}
    assert [p.name for p in kept.iterdir()] == ["mill.md"]
    assert client.delete("/v1/documents/uploads/mill.md").json() == {"removed": 1}
    assert "uploads/mill.md" in error_of(client.delete("/v1/documents/uploads/mill.md"), 404)
    assert results(upload(client, ("mill.md", MILL))) == {"mill.md": "added"}


def test_removing_a_document_leaves_a_file_that_was_indexed_where_it_is(
    client: httpx.Client, collections: Collections, tmp_path: Path
) -> None:
    (tmp_path / "mill.md").write_text(MILL)
    collections.first.add_files(tmp_path / "mill.md")
    assert client.delete("/v1/documents/mill.md").json() == {"removed": 1}
    assert (tmp_path / "mill.md").read_text() == MILL


# -- writing while others write ---------------------------------------------------------------------------------------


@contextmanager
def written_to(library: Library) -> Iterator[None]:
    with FileLock(library.path / LOCK):
        yield


def test_a_library_that_is_being_written_to_says_when_to_try_again_and_keeps_nothing(
    client: httpx.Client, collections: Collections
) -> None:
    upload(client, ("ferry.md", FERRY))
    collections.create("work").add([TOWN[0]])
    with written_to(collections.first), written_to(collections.library("work")):
        attempts = [
            upload(client, ("mill.md", MILL)),
            client.delete("/v1/documents/uploads/ferry.md"),
            client.delete("/v1/libraries/work"),
        ]
    for response in attempts:
        assert "writing" in error_of(response, 409)
        assert int(response.headers["retry-after"]) > 0
    assert [p.name for p in (collections.first.path / "uploads").iterdir()] == ["ferry.md"]
    assert client.get("/v1/libraries").json()["libraries"][1] == {"name": "work", "documents": 1, "passages": 1}


# -- libraries --------------------------------------------------------------------------------------------------------


def test_libraries_are_made_filled_and_removed_side_by_side(client: httpx.Client) -> None:
    made = client.post("/v1/libraries", json={"name": "work"})
    assert (made.status_code, made.json()) == (201, {"name": "work", "documents": 0, "passages": 0})
    assert results(upload(client, ("mill.md", MILL), library="work")) == {"mill.md": "added"}
    assert client.get("/v1/documents").json()["total"] == 0
    assert client.get("/v1/libraries").json()["libraries"] == [
        {"name": "default", "documents": 0, "passages": 0},
        {"name": "work", "documents": 1, "passages": 1},
    ]
    assert client.delete("/v1/libraries/work").json() == {"deleted": "work"}
    error_of(client.get("/v1/documents?library=work"), 404)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/libraries", {"name": "../x"}, 422),
        ("POST", "/v1/libraries", {"name": "default"}, 409),
        ("DELETE", "/v1/libraries/default", None, 409),
        ("DELETE", "/v1/libraries/nothing", None, 404),
        ("GET", "/v1/documents?library=nothing", None, 404),
        ("GET", "/v1/documents?library=" + "a" * 100, None, 422),
        ("DELETE", "/v1/documents/a.md?library=nothing", None, 404),
    ],
)
def test_a_library_that_is_none_is_never_made_by_asking_for_it(
    client: httpx.Client, collections: Collections, method: str, path: str, body: Any, status: int
) -> None:
    error_of(client.request(method, path, json=body), status)
    assert collections.names() == ["default"]
