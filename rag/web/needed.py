"""Which paths of a service are needed, for what, and by whom; all others are refused. Knows paths, not what is behind.

Gradio brings some sixty routes: files, uploads, a proxy, records of past calls. Its page asks for a dozen.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from rag.web.roles import Role

LOGIN, LOGOUT, HEALTH, READY = "/login", "/logout", "/health", "/ready"
PAGE_PATHS = frozenset({"/", "/config", "/theme.css", "/manifest.json", "/favicon.ico", "/robots.txt"})
PAGE_CALLS = frozenset(f"/gradio_api/{name}" for name in ("queue/join", "queue/data", "run/predict", "cancel", "reset"))
PAGE_FOLDERS = ("/assets/", "/static/")
HEARTBEAT = "/gradio_api/heartbeat/"
# Questions: they wait for their turn. The page's wait in its own events.
ASKING = frozenset({"/v1/ask", "/v1/search", "/v1/chat/completions"})
# What is sent with POST and changes nothing of a library by itself: pages and the tools of MCP check each event.
READING = ASKING | PAGE_CALLS | {LOGIN, LOGOUT, "/mcp", "/mcp/"}
# How long they take to come and to be indexed is a matter of their size.
UPLOADS = frozenset({"/v1/documents"})
# Endpoints of one library, which the query names.
OF_LIBRARY = re.compile(r"/v1/(ask|search|documents(/.*)?)")
# Neither counted nor logged as requests of somebody: there are dozens to a page, and one a second to a health check.
UNCOUNTED = frozenset({"/config", "/theme.css", "/manifest.json", "/favicon.ico", "/robots.txt", HEALTH, READY})
STREAMS = ("/gradio_api/queue/data", HEARTBEAT)


@dataclass(frozen=True)
class Needed:
    """The paths of one service.

    Attributes:
        routes: The endpoints of its HTTP API.
        pages: The addresses of its pages.
    """

    routes: Sequence[BaseRoute]
    pages: Collection[str] = ("/",)

    def route(self, scope: Scope) -> str:
        """Return what a needed path is called, without what callers name in it; empty for all other paths."""
        path: str = scope["path"]
        if path in PAGE_PATHS or path in PAGE_CALLS or path in self.pages:
            return path
        for folder in (*PAGE_FOLDERS, HEARTBEAT):
            if path.startswith(folder):
                return folder
        for route in self.routes:
            match, found = route.matches(scope)
            if match == Match.FULL:  # else it would fall through to a route of Gradio's
                return str(getattr(found.get("route", route), "path", "") or "/".join(path.split("/")[:3]))
        return ""


def least_role(method: str, path: str) -> Role:
    """Return what a caller has to be with some library at least; the endpoint says with which, and may want more."""
    return Role.READ if method in ("GET", "HEAD", "OPTIONS") or path in READING else Role.WRITE


def libraries(scope: Scope) -> list[str]:
    """Return the libraries that a request names; none where its endpoint is of none, or of several."""
    if not OF_LIBRARY.fullmatch(scope["path"]):
        return []
    return parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True).get("library", ["default"])


def is_counted(path: str) -> bool:
    """Return whether a request counts among those of its caller."""
    return path not in UNCOUNTED and not path.startswith((*PAGE_FOLDERS, *STREAMS))


def is_timed(method: str, path: str) -> bool:
    """Return whether an answer has to begin within the time limit."""
    return not path.startswith(STREAMS) and not (method == "POST" and path in UPLOADS)


def may_be_kept(path: str) -> bool:
    """Return whether browsers may keep a response: what every installation serves alike, and nothing of a library."""
    return path.startswith(PAGE_FOLDERS) or path in ("/theme.css", "/favicon.ico")
