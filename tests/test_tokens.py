"""Tokens as they are kept, sessions that stand for them, and how often each may ask."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from rag.cli import main
from rag.errors import AccessError
from rag.web import tokens
from rag.web.rate import Rate
from rag.web.sessions import Sessions
from rag.web.tokens import Tokens, digest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.json"


def test_what_is_kept_of_a_token_is_not_the_token(path: Path) -> None:
    secret = tokens.add(path, "phone", "read", only=["letters"])
    kept = path.read_text()
    assert secret not in kept
    assert secret.removeprefix(tokens.PREFIX) not in kept
    assert json.loads(kept)["tokens"][0]["sha256"] == digest(secret)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(secret) >= 43
    assert sorted(p.name for p in path.parent.iterdir()) == ["tokens.json", "tokens.json.lock"]


def test_a_token_is_found_by_its_digest_and_no_other_is(path: Path) -> None:
    secret, other = tokens.add(path, "phone", "write", only=["a", "b"]), tokens.add(path, "desk", "admin")
    kept = Tokens(path)
    found = kept.find(digest(secret))
    assert found is not None
    assert (found.name, found.caller.roles) == ("phone", {"a": 2, "b": 2})
    assert kept.find(digest(other)).caller.roles == {"*": 3}  # type: ignore[union-attr]
    assert kept.find(digest(secret[:-1])) is None
    assert kept.find("") is None


def test_changes_of_the_file_are_seen_at_once(path: Path) -> None:
    kept = Tokens(path)
    assert not kept.needed
    secret = tokens.add(path, "phone", "read")
    assert kept.needed
    assert kept.find(digest(secret))
    tokens.remove(path, "phone")
    assert kept.find(digest(secret)) is None


def test_a_service_that_has_seen_a_token_stays_closed_whatever_becomes_of_the_file(path: Path) -> None:
    secret = tokens.add(path, "phone", "read")
    kept = Tokens(path)
    tokens.remove(path, "phone")
    assert kept.needed
    path.unlink()
    assert kept.needed
    path.write_text("{")
    with pytest.raises(AccessError, match="restore it"):
        kept.find(digest(secret))
    with pytest.raises(AccessError):
        _ = kept.needed


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"format": 2, "tokens": []}', '{"format": 1}', '{"format": 1, "tokens": [{"name": "x"}]}', "\x00",
     '{"format": 1, "tokens": [{"name": "x", "sha256": "", "role": "read", "only": [], "created": ""}]}',
     json.dumps({"format": 1, "tokens": [{"name": "x", "sha256": "a" * 64, "role": "root", "only": []}]})],
)  # fmt: skip
def test_a_damaged_file_lets_nobody_in(path: Path, content: str) -> None:
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(AccessError, match=str(path)) as caught:
        Tokens(path)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")
def test_a_file_that_others_may_write_is_not_trusted(path: Path) -> None:
    tokens.add(path, "phone", "read")
    path.chmod(0o622)
    with pytest.raises(AccessError, match="chmod 600"):
        Tokens(path)


@pytest.mark.parametrize("name", ["", "a b", "../x", "x" * 65, "-x", "a\n", "é"])
def test_a_name_that_would_be_hard_to_read_in_a_log_is_refused(path: Path, name: str) -> None:
    with pytest.raises(AccessError, match="no name for a token"):
        tokens.add(path, name, "read")
    assert not path.exists()


def test_names_are_given_once_and_only_what_is_there_is_removed(path: Path) -> None:
    tokens.add(path, "phone", "read")
    with pytest.raises(AccessError, match="already"):
        tokens.add(path, "phone", "admin")
    with pytest.raises(AccessError, match="there are phone"):
        tokens.remove(path, "desk")


def test_several_who_make_tokens_at_once_lose_none(path: Path) -> None:
    threads = [threading.Thread(target=tokens.add, args=(path, f"t{n}", "read")) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [t.name for t in tokens.read(path)] == [f"t{n}" for n in range(8)]


def test_sessions_end_by_themselves_and_the_oldest_goes_for_a_new_one() -> None:
    sessions = Sessions(lasts_s=60, most=2)
    secrets = [sessions.begin(f"token {n}") for n in range(3)]
    assert [sessions.token(secret) for secret in secrets] == [None, "token 1", "token 2"]
    sessions.end(secrets[1])
    assert sessions.token(secrets[1]) is None
    brief = Sessions(lasts_s=-1)
    assert brief.token(brief.begin("token")) is None
    assert sessions.token("") is None


@given(st.lists(st.floats(0, 30), max_size=60), st.integers(1, 20))
def test_in_no_stretch_of_time_are_more_requests_let_through_than_may_be(gaps: list[float], per_minute: int) -> None:
    now, passed = 0.0, list[float]()
    rate = Rate(per_minute, clock=lambda: now)
    for gap in gaps:
        now += gap
        if not (wait := rate.take("somebody")):
            passed.append(now)
        else:
            assert 0 < wait <= 60 / per_minute + 1e-6
    for first, start in enumerate(passed):
        for last in range(first, len(passed)):
            assert last - first + 1 <= per_minute + (passed[last] - start) * per_minute / 60 + 1e-6


def test_who_waits_as_long_as_they_are_told_is_let_through_and_others_are_not_held_up() -> None:
    now = [0.0]
    rate = Rate(2, clock=lambda: now[0])
    assert [rate.take("a"), rate.take("a")] == [0, 0]
    wait = rate.take("a")
    assert rate.take("b") == 0
    now[0] += wait + 1e-9
    assert rate.take("a") == 0
    assert rate.take("a") > 0


def test_only_so_many_are_remembered() -> None:
    rate = Rate(1, clock=lambda: 0.0, most=3)
    assert [rate.take(str(n)) for n in range(5)] == [0] * 5
    assert len(rate._buckets) == 3


# -- the command


def test_the_command_makes_lists_and_takes_back_tokens(town_library, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["--library", str(town_library.path), *arguments])
        return (code, *capsys.readouterr())

    code, secret, _ = run("token", "add", "phone", "--role", "write", "--only", "default", "letters")
    assert code == 0
    assert secret.startswith(tokens.PREFIX)
    assert run("token", "add", "phone")[0] == 1
    listed = run("token", "list")[1]
    assert listed.split("\t")[:3] == ["phone", "write", "default, letters"]
    assert secret.strip() not in listed
    assert digest(secret.strip()) not in run("--json", "token", "list")[1]
    assert run("token", "remove", "phone")[:2] == (0, "phone removed\n")
    code, _, error = run("token", "remove", "phone")
    assert (code, "no token 'phone'" in error) == (1, True)
    (town_library.path / tokens.FILE).unlink()


def test_tokens_are_made_beside_a_library_and_nowhere_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--library", str(tmp_path / "none"), "token", "add", "phone"]) == 1
    assert "no library" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_a_file_that_somebody_keeps_writing_to_is_one_clear_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "LOCK_S", 0.05)
    with FileLock(f"{path}.lock"), pytest.raises(AccessError, match="another process keeps writing to"):
        tokens.add(path, "late", "read")
    assert tokens.read(path) == []
