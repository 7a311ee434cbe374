"""The HTTP API sent what its own description allows, and what it does not: no request may break it.

Knows the description and the statuses, not what any endpoint does. Needs the package schemathesis.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rag import Document, Library

# What is asked for by name: nothing but 404 would come of names that chance makes up.
NAMES = {
    "library": ("default", "work", "empty", "default", "nowhere"),
    "document_id": ("harbour.md", "uploads/a.md", "harbour.md", "none"),
    "evaluation_id": ("none",),
    "start_char": ("0", "43", "5"),
    "end_char": ("42", "90", "5"),
    "model": ("leadgoose", "leadgoose/work", "none"),
    "name": ("work2", "none"),
}
FILES = (b"The mill of Norrwick grinds barley.", b"MZ", b"%PDF-1.7", b"")
GOLD = b'{"id": "a", "question": "Who?", "answers": ["41"], "answerable": true, "evidence": [], "tags": []}\n'
HARBOUR = "The harbour of Norrwick employs 41 pilots. They brought 6,200 ships into the port in 2022."


@dataclass
class Found:
    """What came of one endpoint.

    Attributes:
        endpoint: Method and path.
        statuses: How often each status came.
        faults: What is wrong with a response, in a line, with the request that it came to.
        seconds: Wall time.
    """

    endpoint: str
    statuses: Counter[int] = field(default_factory=Counter)
    faults: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


def exercise(address: str, *, examples: int) -> list[Found]:
    """Send requests to every endpoint that a service describes.

    Args:
        address: The service, without a slash at its end.
        examples: Requests to each endpoint, at most; the same ones every time.

    Returns:
        What came of each: every response has to be one that is described, and none a failure of the service.
    """
    import schemathesis
    from schemathesis.core.result import Ok

    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    return [_exercise(result.ok(), examples) for result in schema.get_all_operations() if isinstance(result, Ok)]


def api_report(*, examples: int) -> Iterator[str]:
    """Yield a table of what came of each endpoint, on a service over a few small libraries.

    Args:
        examples: Requests to each endpoint, at most.

    Yields:
        Markdown.
    """
    with _service() as address:
        found = exercise(address, examples=examples)
    rows = [
        f"| {one.endpoint} | {one.statuses.total():,} | {_statuses(one)} | {len(one.faults)} | {one.seconds:.1f} |"
        for one in found
    ]
    yield "\n".join(["| endpoint | requests | statuses | faults | seconds |", "|---|--:|---|--:|--:|", *rows, ""])
    faults = [f"- {one.endpoint}: {said}: `{asked}`" for one in found for said, asked in one.faults.items()]
    yield "\n".join(faults or ["No response was a failure of the service, and each is one that is described."]) + "\n"


def _statuses(found: Found) -> str:
    return ", ".join(f"{status}: {count:,}" for status, count in sorted(found.statuses.items()))


@contextmanager
def _service() -> Iterator[str]:
    """Serve a small library as a user would, in a process of its own, and give its address."""
    with TemporaryDirectory() as folder:
        with Library.open(Path(folder) / "library") as library:
            library.add([Document(id="harbour.md", title="Pilots", text=HARBOUR)])
        with Library.open(Path(folder) / "more" / "work") as library:
            library.add([Document(id="harbour.md", title="Pilots", text=HARBOUR)])
        named = ["--library", f"{folder}/library", "serve", "--collections", f"{folder}/more"]
        command = [sys.executable, "-m", "rag", *named, "--port", str(_free_port())]
        environment = os.environ | {"RAG_SERVE_RATE_PER_MINUTE": "1000000"}
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)  # noqa: S603 (ourselves)
        try:
            yield _address(process)
        finally:
            process.terminate()
            process.communicate()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _address(process: subprocess.Popen[str]) -> str:
    """Return where a service says that it is."""
    for line in process.stderr or ():
        if found := re.search(r"http://127\.0\.0\.1:\d+", line):
            return found[0]
    raise ChildProcessError("the service ended before it was ready")


def _exercise(operation: Any, examples: int) -> Found:
    from hypothesis import HealthCheck, Phase, given, settings

    found = Found(operation.label)
    names = {name: cycle(values) for name, values in NAMES.items()}
    files = cycle(FILES)
    start_s = time.perf_counter()

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )
    @given(operation.as_strategy())
    def send(case: Any) -> None:
        _name(case.query, names)
        _name(case.path_parameters, names)
        if case.method == "DELETE" and "document_id" in case.path_parameters:
            case.path_parameters["document_id"] = "none"  # what is removed is asked for no more
        if isinstance(case.body, dict):
            _fill(case.body, files)
        response = case.call()
        found.statuses[response.status_code] += 1
        for fault in _faults(case, response):
            found.faults.setdefault(fault, case.as_curl_command()[:300])

    send()
    found.seconds = time.perf_counter() - start_s
    return found


def _name(values: Any, names: Mapping[str, Iterator[str]]) -> None:
    """Put names of what there is in the place of most that were made up."""
    for name in values if isinstance(values, dict) else ():
        if name in names:
            values[name] = next(names[name])


def _fill(body: dict[str, Any], files: Iterator[bytes]) -> None:
    """Put files and models that can be used in the place of some that were made up."""
    if isinstance(body.get("files"), list):
        body["files"] = [next(files) for _ in body["files"][:3]]
    if "gold" in body:
        body["gold"] = GOLD
    if isinstance(body.get("model"), str):
        body["model"] = "leadgoose"
    if isinstance(messages := body.get("messages"), list) and messages and isinstance(messages[-1], dict):
        messages[-1]["role"] = "user"


def _faults(case: Any, response: Any) -> Sequence[str]:
    """Return what is wrong with a response, a line each."""
    from schemathesis import checks
    from schemathesis.core.failures import Failure, FailureGroup

    judged = checks.CHECKS.get_by_names(
        [
            "not_a_server_error",
            "status_code_conformance",
            "content_type_conformance",
            "response_headers_conformance",
            "response_schema_conformance",
        ]
    )
    try:
        case.validate_response(response, checks=judged)
    except FailureGroup as group:
        return [" ".join(str(failure).split())[:200] for failure in group.exceptions]
    except Failure as failure:
        return [" ".join(str(failure).split())[:200]]
    return []
