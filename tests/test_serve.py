"""The process that serves: how it begins, what it logs, how it ends; and logging in, in a browser."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from chat_server import Handler, Request, says, serving
from conftest import TOWN
from served import ROOT, chromium

from rag import Library
from rag.web import tokens

PILOTS = "How many pilots does the harbour of Norrwick employ?"
LIGHTHOUSE = "Who built the lighthouse of Norrwick?"


@dataclass
class Process:
    """``rag serve``, and what it has said."""

    process: subprocess.Popen[str]
    address: str = ""
    lines: list[str] = field(default_factory=list)

    def listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def start(library: Path, *arguments: str, **settings: str) -> Process:
    command = ["--library", str(library), "serve", "--port", str(free_port()), "--example", PILOTS, *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | settings
    process = subprocess.Popen(
        [sys.executable, "-m", "rag", *command], env=environment, cwd=library, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    found = re.search(r"(http://127\.0\.0\.1:\d+)/", line)
    assert found, line
    served = Process(process, found[1])
    threading.Thread(target=served.listen, daemon=True).start()
    return served


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("serve") / "library"
    with Library.open(path) as library:
        library.add(TOWN)
    return path


@pytest.fixture(scope="module")
def secret(library: Path) -> str:
    return tokens.add(library / tokens.FILE, "phone", "read")


@pytest.fixture(scope="module")
def served(library: Path, secret: str) -> Iterator[Process]:
    served = start(library, "--log-format", "json")
    yield served
    served.process.kill()
    served.process.communicate()


def logged(served: Process, request_id: str) -> dict[str, object]:
    for _ in range(500):
        for line in served.lines:
            if request_id in line:
                return dict(json.loads(line))
        time.sleep(0.01)
    raise AssertionError(f"{request_id} is not in the log: {served.lines}")


def test_a_request_is_one_line_of_json_without_question_or_token(served: Process, secret: str) -> None:
    headers = {"authorization": f"Bearer {secret}", "x-request-id": "mine-0001"}
    asked = {"question": "Who built the lighthouse of Norrwick in xyzzy?"}
    response = httpx.post(f"{served.address}/v1/ask", json=asked, headers=headers, timeout=60, trust_env=False)
    assert response.headers["x-request-id"] == "mine-0001"
    line = logged(served, "mine-0001")
    assert (line["event"], line["method"], line["route"], line["status"]) == ("request", "POST", "/v1/ask", 200)
    assert line["caller"] == "phone"
    assert isinstance(line["duration_ms"], float)
    httpx.get(f"{served.address}/v1/documents/harbour.md?x=plugh", headers=headers, trust_env=False)
    refused = httpx.get(f"{served.address}/secret/{secret}", headers={"authorization": "Bearer wrong"}, trust_env=False)
    assert refused.status_code == 401
    assert logged(served, refused.headers["x-request-id"])["route"] == "(unknown)"
    everything = "\n".join(served.lines)
    for word in ("xyzzy", "plugh", secret, "wrong", "harbour.md"):
        assert word not in everything


def test_logging_in_and_out_in_a_browser(served: Process, secret: str) -> None:
    with chromium() as browser:
        page = browser.new_page()
        failures: list[str] = []
        page.on("console", lambda message: failures.append(message.text) if message.type == "error" else None)
        page.goto(served.address)
        page.get_by_label("Token").fill("lg_wrong")
        page.keyboard.press("Enter")
        page.get_by_role("alert").wait_for()
        page.get_by_label("Token").fill(secret)
        page.keyboard.press("Enter")
        page.get_by_role("textbox", name="Question", exact=True).wait_for()
        assert [f for f in failures if "401" not in f] == []
        cookie = page.context.cookies()[0]
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
        ask = "async () => (await fetch('/v1/ask', {method: 'POST', headers: {'content-type': 'application/json'},"
        ask += f" body: JSON.stringify({{question: '{LIGHTHOUSE}'}})}})).status"
        assert page.evaluate(ask) == 200
        page.get_by_role("button", name="Log out").click()
        page.wait_for_url("**/login")
        page.goto(served.address)
        page.get_by_label("Token").wait_for()
        cookies = {"cookie": f"{cookie['name']}={cookie['value']}"}
        assert httpx.get(f"{served.address}/v1/documents", headers=cookies, trust_env=False).status_code == 401


def test_told_to_end_it_lets_answers_end_and_cancels_those_that_take_too_long(library: Path, secret: str) -> None:
    asked = threading.Semaphore(0)

    def behave(handler: Handler, request: Request) -> None:
        asked.release()
        handler.wait(1.5 if "pilots" in request.prompt.splitlines()[-1] else 60)
        says("The harbour of Norrwick employs 41 pilots [1].")(handler, request)

    with serving(behave) as model, ThreadPoolExecutor(2) as pool:
        settings = {"RAG_CHAT_MODEL": "openai:fake", "RAG_CHAT_BASE_URL": model.url, "OPENAI_API_KEY": "none"}
        served = start(library, **settings, RAG_CHAT_TIMEOUT_S="60", RAG_SERVE_GRACE_S="4")

        def ask(question: str) -> httpx.Response | httpx.HTTPError:
            headers = {"authorization": f"Bearer {secret}"}
            sent = {"question": question}
            try:
                return httpx.post(f"{served.address}/v1/ask", json=sent, headers=headers, timeout=60, trust_env=False)
            except httpx.HTTPError as error:
                return error

        answers = [pool.submit(ask, question) for question in (PILOTS, LIGHTHOUSE)]
        for _ in answers:
            assert asked.acquire(timeout=60)
        assert served.process.stderr is not None
        served.process.send_signal(signal.SIGTERM)
        told = time.monotonic()
        ended, cancelled = (answer.result() for answer in answers)
        assert isinstance(ended, httpx.Response)
        assert ended.json()["text"].startswith("The harbour of Norrwick employs 41 pilots")
        assert isinstance(cancelled, httpx.HTTPError) or cancelled.status_code >= 400
        assert served.process.wait(30) == 0
        assert time.monotonic() - told < 15
        assert [line for line in served.lines if line] == []
        with pytest.raises(httpx.ConnectError):
            httpx.get(served.address, trust_env=False)
        served.process.stderr.close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--host", "0.0.0.0"], "library token add"), (["--allowed-host", "rag.example"], "library token add")],
)
def test_in_view_of_others_without_a_token_is_one_line(tmp_path: Path, arguments: list[str], said: str, capsys) -> None:
    from rag.cli import main

    with Library.open(tmp_path / "library") as library:
        library.add(TOWN[:1])
    assert main(["--library", str(tmp_path / "library"), "serve", "--port", str(free_port()), *arguments]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
