"""Addresses of libraries: what is a folder, what is a place in Milvus, and what is refused in one clear line."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.address import MilvusAddress, read_address
from rag.errors import ConfigurationError


@pytest.mark.parametrize("given", ["docs", "/srv/docs", Path("docs"), "milvus/docs", "http://host/x"])
def test_what_does_not_begin_as_an_address_in_milvus_is_a_folder(given: str | Path) -> None:
    assert read_address(given) == Path(given).absolute()


@pytest.mark.parametrize(
    ("given", "uri", "name"),
    [
        ("milvus+file:///srv/x.db#manual", "/srv/x.db", "manual"),
        ("milvus+file:///srv/a%20b.db#_m1", "/srv/a b.db", "_m1"),
        ("milvus+http://host:19530/manual", "http://host:19530", "manual"),
        ("milvus+https://host/manual", "https://host", "manual"),
        ("milvus+http://[::1]:19530/manual/", "http://[::1]:19530", "manual"),
    ],
)
def test_an_address_in_milvus_says_what_to_connect_to_and_the_name_there(given: str, uri: str, name: str) -> None:
    assert read_address(given) == MilvusAddress(uri, name)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("milvus+file:///srv/x.db", "names the library ''"),
        ("milvus+file:///srv/x.sqlite#n", "does not name a file that ends in .db"),
        ("milvus+file://host/x.db#n", "does not name a file"),
        ("milvus+http://host:19530", "names the library ''"),
        ("milvus+http://host:19530/a/b", "names the library 'a/b'"),
        ("milvus+http://host:19530/a-b", "names the library 'a-b'"),
        ("milvus+http:///n", "does not name a server"),
        ("milvus+http://host:port/n", "is no address of a library"),
        ("milvus+ftp://host/n", "is no address of a library"),
        ("milvus:host/n", "is no address of a library"),
        ("milvus+http://[/n", "is no address of a library"),
    ],
)
def test_an_address_that_is_none_is_refused_in_one_line_that_says_how_one_looks(given: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_address(given)
    assert said in str(caught.value)
    assert "write milvus+file:///folder/x.db#NAME" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_address_is_refused_and_not_the_current_folder() -> None:
    with pytest.raises(ConfigurationError, match="names no library"):
        read_address("")


@pytest.mark.parametrize(
    "given",
    [
        "milvus+http://root:secret@host:19530/n",
        "milvus:http://root:secret@host/n",
        "milvus+http:root:secret@host/n",
        "milvus+http:///root:secret@host/n",
        "milvus+http://host/n?token=secret",
    ],
)
def test_a_password_in_an_address_is_refused_and_not_repeated(given: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_address(given)
    assert "secret" not in str(caught.value)


def test_a_file_in_a_folder_with_an_at_sign_is_no_password() -> None:
    assert read_address("milvus+file:///srv/a@b/x.db#n") == MilvusAddress("/srv/a@b/x.db", "n")


def test_an_address_is_shown_as_it_was_given_and_keeps_its_state_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAG_STATE", str(tmp_path))
    shown = ["milvus+file:///srv/x.db#manual", "milvus+http://host:19530/manual"]
    read = [read_address(given) for given in shown]
    assert [str(one) for one in read] == shown
    states = {one.state for one in read if isinstance(one, MilvusAddress)}
    assert len(states) == 2
    assert {state.relative_to(tmp_path).as_posix() for state in states} == {"srv-x.db-manual", "http-host-19530-manual"}
    long = MilvusAddress(f"/{'x' * 300}.db", "manual").state, MilvusAddress(f"/y{'x' * 300}.db", "manual").state
    assert long[0] != long[1]
    assert all(len(state.name) < 200 for state in long)


def test_the_address_of_the_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_LIBRARY", "milvus+http://host:19530/manual")
    assert str(read_address(None)) == "milvus+http://host:19530/manual"
