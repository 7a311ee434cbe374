"""Every route of the service, Gradio's included, for every kind of caller; and what stands before all of them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import TOWN
from fastapi import FastAPI
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Mount

from rag import Library, Settings
from rag.errors import AccessError
from rag.sources import find_files
from rag.web import tokens
from rag.web.access import LOCAL, Caller, Role, check_page, page_caller
from rag.web.collections import Collections
from rag.web.guard import Guard
from rag.web.headers import page_policy
from rag.web.house import Limits
from rag.web.queueing import Gate
from rag.web.rate import Rate
from rag.web.serve import Site, create_app
from rag.web.tokens import FILE

OPEN, READ, WRITE, ADMIN, CLOSED = "open", "read", "write", "admin", "closed"
# What each route wants of a caller. A route that is not here is a mistake: say who may use it, and check it there.
ROUTES = {
    "GET /login": OPEN,
    "POST /login": OPEN,
    "GET /health": OPEN,
    "POST /logout": READ,
    "GET /openapi.json": READ,
    "GET /ready": READ,
    "GET /metrics": READ,
    "POST /v1/ask": READ,
    "POST /v1/search": READ,
    "POST /v1/chat/completions": READ,
    "GET /v1/models": READ,
    "GET /v1/models/{model}": READ,
    "GET /v1/documents": READ,
    "POST /v1/documents": WRITE,
    "GET /v1/documents/{document_id}": READ,
    "GET /v1/documents/{document_id}/text": READ,
    "GET /v1/documents/{document_id}/span": READ,
    "DELETE /v1/documents/{document_id}": WRITE,
    "GET /v1/libraries": READ,
    "POST /v1/libraries": ADMIN,
    "DELETE /v1/libraries/{name}": ADMIN,
    "GET /v1/evaluations": READ,
    "POST /v1/evaluations": WRITE,
    "GET /v1/evaluations/{evaluation_id}": READ,
    "DELETE /v1/evaluations/{evaluation_id}": WRITE,
    "GET /v1/evaluations/{evaluation_id}/report": READ,
    "GET /mcp": READ,
    "POST /mcp": READ,
    "DELETE /mcp": READ,
    "GET /v1/{path}": READ,
    "POST /v1/{path}": WRITE,
    "PUT /v1/{path}": WRITE,
    "PATCH /v1/{path}": WRITE,
    "DELETE /v1/{path}": WRITE,
    # The pages.
    "GET /": READ,
    "GET /documents": READ,
    "GET /quality": READ,
    "GET /config": READ,
    "GET /theme.css": READ,
    "GET /manifest.json": READ,
    "GET /favicon.ico": READ,
    "GET /robots.txt": READ,
    "GET /assets/{path}": READ,
    "GET /static/{path}": READ,
    "GET /gradio_api/heartbeat/{session_hash}": READ,
    "GET /gradio_api/queue/data": READ,
    "POST /gradio_api/queue/join": READ,
    "POST /gradio_api/cancel": READ,
    "POST /gradio_api/reset": READ,
    "POST /gradio_api/run/{api_name}": CLOSED,  # but for predict, below
}
# Without these they would be refused for what they lack.
BODIES = {"POST /v1/libraries": b'{"name": "x"}'}
# All other routes below these are Gradio's own, and none is needed.
GRADIO = re.compile(
    r"/(gradio_api|svelte|login_check|login/|logout|token|app_id|dev|monitoring|config/|documents/|quality/|pwa_icon)"
)
STATUS = re.compile(r"unauthorized|forbidden")


@dataclass(frozen=True)
class Reply:
    """The beginning of a response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def error(self) -> str:
        said = json.loads(self.body)
        return str(said.get("error") or said["detail"])


def asked(app: Any, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
    """What an application replies, as far as it comes in the first half second: some streams never end."""
    return asyncio.get_event_loop().run_until_complete(_asked(app, method, path, body, headers))


async def _asked(app: Any, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
    given = {"host": "127.0.0.1", "content-type": "application/json"} | headers
    messages: list[Any] = []
    begun = asyncio.Event()
    left = [{"type": "http.request", "body": body}]

    async def receive() -> Any:
        if left:
            return left.pop()
        await asyncio.wait_for(begun.wait(), 30)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        messages.append(message)
        begun.set()

    await asyncio.wait_for(app(_scope(method, path, given), receive, send), 60)
    start = next(m for m in messages if m["type"] == "http.response.start")
    names = {n.decode().lower(): v.decode("latin-1") for n, v in start["headers"]}
    return Reply(start["status"], names, b"".join(m.get("body", b"") for m in messages))


def _scope(method: str, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
    path, _, query = path.partition("?")
    given = {"host": "127.0.0.1"} | dict(headers)
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
        "headers": [(n.replace("_", "-").encode(), v.encode("latin-1")) for n, v in given.items()],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip


@dataclass(frozen=True)
class Service:
    """A service with a token for each role, and one for another library."""

    app: FastAPI
    tokens: Mapping[str, str]

    def ask(self, who: str, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
        sent = {"authorization": f"Bearer {self.tokens[who]}"} if who else {}
        return asked(self.app, method, path, body, **(sent | headers))


@pytest.fixture(scope="module", autouse=True)
def _one_loop() -> Iterator[None]:
    """Gradio keeps to the event loop that runs when a page is made, and makes one where none does."""
    with asyncio.Runner() as runner:
        asyncio.set_event_loop(runner.get_loop())
        yield


def made(collections: Collections, **options: Any) -> FastAPI:
    async def make() -> FastAPI:
        return create_app(collections, examples=["Who built the lighthouse?"], **options)

    return asyncio.get_event_loop().run_until_complete(make())


@pytest.fixture(scope="module")
def unlocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """A service without tokens."""
    with Library.open(tmp_path_factory.mktemp("unlocked") / "library") as library:
        library.add(TOWN)
        yield made(Collections(library))


def behind_guard(app: FastAPI, inner: Any, **changes: Any) -> Guard:
    """Another application behind the guard of a service, with other limits."""
    return Guard(inner, replace(app.state.house, **changes))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("access") / "library", settings=Settings(serve_body_mb=1)) as library:
        library.add(TOWN)
        yield library


@pytest.fixture(scope="module")
def service(library: Library) -> Iterator[Service]:
    path = library.path / FILE
    secrets = {role: tokens.add(path, role, role) for role in (READ, WRITE, ADMIN)}
    secrets["other"] = tokens.add(path, "other", ADMIN, only=["other"])
    secrets["bad"] = tokens.PREFIX + "A" * 43
    app = made(Collections(library))
    yield Service(app, secrets)
    path.unlink()


def routes(found: list[BaseRoute], before: str = "") -> Iterator[tuple[str, str]]:
    """Method and path of all routes below some, by which they are reached."""
    for route in found:
        if isinstance(route, Mount):
            yield from routes(list(route.routes), before + route.path)
        elif hasattr(route, "effective_route_contexts"):  # a router that is included
            for context in route.effective_route_contexts():
                for method in context.methods or ():
                    yield method, before + context.path
        else:
            for method in getattr(route, "methods", None) or ("GET",):
                yield method, before + getattr(route, "path", "")


def all_routes(app: FastAPI) -> list[tuple[str, str]]:
    return sorted(set(routes(list(app.routes))))


def wanted(method: str, path: str) -> str:
    """Who may use a route, as the table has it."""
    known = ROUTES.get(f"{'GET' if method == 'HEAD' else method} {re.sub(':path}', '}', path)}")
    return known or (CLOSED if GRADIO.match(path) else "")


def test_the_table_knows_every_route(service: Service) -> None:
    found = all_routes(service.app)
    assert len(found) > 60
    assert [f"{method} {path}" for method, path in found if not wanted(method, path)] == []


def test_no_route_is_open_to_whoever_has_no_token_or_a_bad_one(service: Service) -> None:
    for method, path in all_routes(service.app):
        for who in ("", "bad"):
            reply = service.ask(who, method, filled(path))
            if wanted(method, path) != OPEN:
                assert reply.status == 401, (method, path, who)
                assert b"Norrwick" not in reply.body
    assert service.ask("", "GET", "/health").body == b'{"status":"ok"}'


@pytest.mark.parametrize("who", [READ, WRITE, ADMIN])
def test_every_route_lets_in_those_it_is_for_and_no_others(service: Service, who: str) -> None:
    ranks = [OPEN, READ, WRITE, ADMIN]
    for method, path in all_routes(service.app):
        want = wanted(method, path)
        if method == "DELETE" and who == ADMIN and path.startswith("/v1/libraries"):
            continue  # it would
        status = service.ask(who, method, filled(path), BODIES.get(f"{method} {path}", b"")).status
        if want == CLOSED:
            assert status == 404, (method, path, who)
        elif ranks.index(want) > ranks.index(who):
            # Whoever may not read something is not told that it exists.
            assert status == 403 or (status == 404 and path.startswith("/v1/evaluations/")), (method, path, who)
        elif want != OPEN:
            assert status not in (401, 403), (method, path, who, status)


def test_what_is_nowhere_is_hidden_from_strangers_and_not_there_for_others(service: Service) -> None:
    for path in ("/nothing", "/gradio_api/nothing", "/v2/ask", "/docs", "/..", "//", "/.env", "/assets"):
        assert service.ask("", "GET", path).status == 401
        assert service.ask(ADMIN, "GET", path).status == 404


@pytest.mark.parametrize("path", ["/v1/documents", "/v1/documents/harbour.md"])
def test_a_token_for_one_library_opens_no_other(service: Service, path: str) -> None:
    reply = service.ask("other", "GET", path)
    assert (reply.status, "may not read the library 'default'" in reply.error) == (403, True)


def test_a_token_is_taken_as_such_and_in_no_other_way(service: Service) -> None:
    token = service.tokens[ADMIN]
    for wrong in (
        token,
        f"Basic {token}",
        f"Bearer {token}x",
        f"Bearer {token[:-1]}",
        "Bearer",
        "Bearer  ",
        "\xff",
    ):
        assert asked(service.app, "GET", "/v1/documents", authorization=wrong).status == 401
    assert asked(service.app, "GET", f"/v1/documents?token={token}").status == 401
    assert asked(service.app, "GET", "/v1/documents", authorization=f"bearer  {token} ").status == 200


def test_a_token_that_is_taken_back_opens_nothing_any_more(service: Service, library: Library) -> None:
    secret = tokens.add(library.path / FILE, "brief", READ)
    service.tokens["brief"] = secret  # type: ignore[index]
    assert service.ask("brief", "GET", "/v1/documents").status == 200
    tokens.remove(library.path / FILE, "brief")
    assert service.ask("brief", "GET", "/v1/documents").status == 401


# -- the cookie of who has logged in


def log_in(service: Service, token: str, **headers: str) -> Reply:
    form = {"content-type": "application/x-www-form-urlencoded"}
    return asked(service.app, "POST", "/login", f"token={token}".encode(), **(form | headers))


def test_a_browser_without_a_token_is_shown_a_form_that_loads_nothing(service: Service) -> None:
    reply = service.ask("", "GET", "/", accept="text/html")
    assert reply.status == 401
    assert b'<form method="post" action="/login">' in reply.body
    assert "script-src" not in reply.headers["content-security-policy"]
    assert not re.search(rb"<script|src=|href=\"[^d]", reply.body)
    assert "登录".encode() in service.ask("", "GET", "/", accept="text/html", accept_language="zh-CN").body


def test_whoever_logs_in_is_let_in_by_a_cookie_until_they_log_out(service: Service) -> None:
    assert log_in(service, service.tokens["bad"]).status == 401
    reply = log_in(service, service.tokens[READ], origin="http://127.0.0.1")
    assert (reply.status, reply.headers["location"]) == (303, "/")
    given = reply.headers["set-cookie"]
    assert "HttpOnly" in given
    assert "SameSite=strict" in given
    assert service.tokens[READ] not in given
    cookie = given.split(";")[0]
    assert asked(service.app, "GET", "/v1/documents", cookie=cookie).status == 200
    assert asked(service.app, "DELETE", "/v1/documents/x", cookie=cookie).status == 403
    assert asked(service.app, "GET", "/v1/documents", cookie=cookie, authorization="Bearer x").status == 401
    assert asked(service.app, "POST", "/logout", cookie=cookie).status == 303
    assert asked(service.app, "GET", "/v1/documents", cookie=cookie).status == 401


@pytest.mark.parametrize("before", ['seen={"a": 1}', "list[0]=x", "bare", "theme=dark blue"])
def test_the_cookies_of_other_services_of_this_machine_shut_nobody_out(service: Service, before: str) -> None:
    cookie = log_in(service, service.tokens[READ]).headers["set-cookie"].split(";")[0]
    assert asked(service.app, "GET", "/v1/documents", cookie=f"{before}; {cookie}").status == 200


def test_whoever_has_logged_in_is_known_behind_a_proxy_that_asks_for_a_password(service: Service) -> None:
    cookie = log_in(service, service.tokens[READ]).headers["set-cookie"].split(";")[0]
    assert asked(service.app, "GET", "/v1/documents", cookie=cookie, authorization="Basic dTpw").status == 200
    assert asked(service.app, "GET", "/v1/documents", cookie=cookie, authorization="Bearer").status == 401


def test_a_session_ends_with_its_token(service: Service, library: Library) -> None:
    secret = tokens.add(library.path / FILE, "fleeting", READ)
    cookie = log_in(service, secret).headers["set-cookie"].split(";")[0]
    assert asked(service.app, "GET", "/v1/documents", cookie=cookie).status == 200
    tokens.remove(library.path / FILE, "fleeting")
    assert asked(service.app, "GET", "/v1/documents", cookie=cookie).status == 401


# -- where requests come from


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "10.0.0.7", "[::1", "localhost@evil.example"]
)
def test_under_another_name_there_is_nothing(service: Service, host: str) -> None:
    reply = service.ask(ADMIN, "GET", "/v1/documents", host=host)
    assert (reply.status, "--allowed-host" in reply.error) == (400, True)


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost:7860", "[::1]:7860", "LOCALHOST"])
def test_under_the_names_of_this_machine_it_is_there(service: Service, host: str) -> None:
    assert service.ask(READ, "GET", "/v1/documents", host=host).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8080"},
        {"origin": "file://127.0.0.1"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site", "origin": "http://127.0.0.1"},
    ],
)
def test_other_sites_change_nothing(service: Service, headers: dict[str, str]) -> None:
    for path in ("/v1/ask", "/login", "/gradio_api/queue/join", "/nothing"):
        assert service.ask(ADMIN, "POST", path, **headers).status == 403


def test_other_sites_may_link_here_and_load_nothing(service: Service) -> None:
    link = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert service.ask(READ, "GET", "/", **link).status == 200
    assert service.ask(READ, "GET", "/", **(link | {"sec_fetch_dest": "iframe"})).status == 403
    assert service.ask(READ, "GET", "/v1/documents", sec_fetch_site="cross-site", sec_fetch_mode="cors").status == 403


# -- limits


def test_what_is_too_large_is_refused_whether_it_says_so_or_not(service: Service) -> None:
    for headers in ({"content-length": "1000001"}, {}):
        for path in ("/v1/ask", "/login", "/gradio_api/queue/join"):
            reply = service.ask(READ, "POST", path, b"x" * 1_000_001, **headers)
            assert (reply.status, "1,000,000 bytes" in reply.error) == (413, True), path


def test_whoever_asks_too_often_is_told_when_to_come_back(unlocked: FastAPI) -> None:
    app = behind_guard(unlocked, JSONResponse({}), rate=Rate(3))
    assert [asked(app, "GET", "/v1/documents").status for _ in range(5)] == [200, 200, 200, 429, 429]
    reply = asked(app, "GET", "/v1/documents")
    assert 1 <= int(reply.headers["retry-after"]) <= 20
    assert asked(app, "GET", "/health").status == asked(app, "GET", "/theme.css").status == 200


def test_guessing_tokens_counts_too_and_not_against_those_who_have_one(service: Service) -> None:
    app = behind_guard(service.app, JSONResponse({}), rate=Rate(3))
    assert [asked(app, "GET", "/", authorization=f"Bearer {n}").status for n in range(4)] == [401, 401, 401, 429]
    assert asked(app, "POST", "/login").status == 429
    assert asked(app, "GET", "/", authorization=f"Bearer {service.tokens[READ]}").status == 200


def test_a_full_queue_is_answered_at_once(unlocked: FastAPI) -> None:
    gate = Gate(askers=1, queue=0)
    app = behind_guard(unlocked, unlocked.router, gate=gate)
    with gate.entered():
        reply = asked(app, "POST", "/v1/ask", b'{"question": "Who?"}')
    assert (reply.status, reply.headers["retry-after"]) == (429, "5")
    assert asked(unlocked, "POST", "/v1/ask", b'{"question": "Who built the lighthouse?"}').status == 200
    assert gate.idle
    assert unlocked.state.house.gate.idle


def test_an_answer_that_does_not_begin_in_time_is_given_up(unlocked: FastAPI) -> None:
    ended = []

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        ended.append(scope["path"])
        await JSONResponse({})(scope, receive, send)

    app = behind_guard(unlocked, slow, limits=Limits(1_000, 1_000, 0.05))
    reply = asked(app, "GET", "/v1/documents")
    assert (reply.status, reply.error) == (503, "no answer within 0.05 seconds")
    asyncio.get_event_loop().run_until_complete(asyncio.sleep(0.05))
    assert ended == ["/v1/documents"]


def test_an_upload_may_take_as_long_as_it_is_large(unlocked: FastAPI) -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.2)
        await JSONResponse({})(scope, receive, send)

    app = behind_guard(unlocked, slow, limits=Limits(1_000, 1_000, 0.05))
    assert asked(app, "POST", "/v1/documents").status == 200
    assert asked(app, "POST", "/v1/libraries").status == 503


def test_who_leaves_while_waiting_leaves_the_line(unlocked: FastAPI) -> None:
    gate, reached = Gate(askers=1, queue=5), []

    async def leave() -> None:
        async def receive() -> Any:
            return messages.pop() if messages else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            reached.append(message)

        messages = [{"type": "http.request", "body": b"{}"}]
        await behind_guard(unlocked, reached.append, gate=gate)(_scope("POST", "/v1/ask", {}), receive, send)

    with gate.entered():
        asyncio.get_event_loop().run_until_complete(asyncio.wait_for(leave(), 10))
        assert gate.waiting == 0
    assert reached == []
    assert gate.idle


# -- without tokens, and in view of others


def test_without_a_token_this_machine_may_do_everything(unlocked: FastAPI) -> None:
    assert asked(unlocked, "GET", "/v1/documents").status == 200
    assert asked(unlocked, "GET", "/").status == 200
    assert asked(unlocked, "GET", "/login").headers["location"] == "/"


@pytest.mark.parametrize("site", [Site("0.0.0.0"), Site("::"), Site("192.0.2.7"), Site(names=("rag.example",))])
def test_without_a_token_no_other_machine_is_let_in(unlocked: FastAPI, library: Library, site: Site) -> None:
    collections = unlocked.state.house.known.tokens.path.parent
    with (
        Library.open(collections) as tokenless,
        pytest.raises(AccessError, match=r"rag --library .* token add") as caught,
    ):
        create_app(Collections(tokenless), site=site, examples=[])
    assert "\n" not in str(caught.value)


def test_in_view_of_others_it_is_known_by_its_names_and_by_any_address(service: Service, library: Library) -> None:
    app = made(Collections(library), site=Site("0.0.0.0", names=("rag.example",)))
    token = {"authorization": f"Bearer {service.tokens[READ]}"}
    for host, status in (("rag.example", 200), ("192.0.2.7:7860", 200), ("evil.example", 400), ("localhost", 200)):
        assert asked(app, "GET", "/v1/documents", host=host, **token).status == status


def test_every_response_tells_browsers_what_they_may_load(service: Service) -> None:
    for who, path in ((READ, "/"), ("", "/v1/ask"), (READ, "/v1/documents"), (READ, "/nothing"), ("", "/login")):
        headers = service.ask(who, "GET", path, accept="*/*").headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
        assert headers["x-request-id"]
        assert "access-control-allow-origin" not in headers


def test_of_scripts_in_a_page_only_those_it_was_sent_with_run(service: Service) -> None:
    reply = service.ask(READ, "GET", "/")
    scripts = reply.headers["content-security-policy"].split("script-src ")[1].split(";")[0]
    assert "unsafe-inline" not in scripts
    assert scripts.count("'sha256-") == len(re.findall(rb"<script(?![^>]*src)", reply.body)) > 0
    given = page_policy(b"<script>alert(1)</script><script type=module src=x></script><script nonce>\r\n</script>")
    # As openssl has them: printf 'alert(1)' | openssl dgst -sha256 -binary | base64
    assert "'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='" in given
    assert given.count("'sha256-") == 2


# -- what pages see


def test_a_reader_is_told_names_of_files_and_not_where_they_lie(service: Service, library: Library) -> None:
    notes = library.path.parent / "notes"
    notes.mkdir(exist_ok=True)
    (notes / "quay.md").write_text("The quay of Norrwick is 300 metres long.")
    library.add_sources(find_files([notes], library.settings.parse_limits)[0])
    seen = {}
    for who in (READ, WRITE, ADMIN):
        listed = json.loads(service.ask(who, "GET", "/v1/documents?query=quay").body)["documents"]
        whole = json.loads(service.ask(who, "GET", "/v1/documents/quay.md").body)
        seen[who] = {listed[0]["source"], whole["source"]}
    assert seen == {READ: {"quay.md"}, WRITE: {"quay.md"}, ADMIN: {str(notes / "quay.md")}}


def test_a_page_knows_who_asks_and_trusts_nobody_without_a_request() -> None:
    reader = Caller("reader", {"a": Role.READ})
    request = SimpleNamespace(request=SimpleNamespace(state=SimpleNamespace(caller=reader)))
    assert page_caller(request) is reader
    assert check_page(request, Role.READ, "a") is reader
    with pytest.raises(AccessError, match="may not write the library 'a'"):
        check_page(request, Role.WRITE, "a")
    with pytest.raises(AccessError):
        page_caller(SimpleNamespace(request=None))
    assert LOCAL.may(Role.ADMIN, "anything")


def filled(path: str) -> str:
    """A path with something in the place of its parameters."""
    return re.sub(r"{[^}]*}", "x", path)


def test_only_so_many_conversations_are_held_in_memory_and_no_question_passes_by_the_line(service: Service) -> None:
    gradio = next(route.app for route in service.app.routes if isinstance(route, Mount))
    assert gradio.state_holder.capacity == 1_000
    assert not gradio.get_blocks().api_open


def test_the_settings_of_a_library_are_those_of_its_service(service: Service, library: Library) -> None:
    house = service.app.state.house
    assert (house.gate.askers, house.limits.body_bytes) == (library.settings.serve_askers, 1_000_000)
    assert Path(library.path / FILE).stat().st_mode & 0o777 == 0o600
