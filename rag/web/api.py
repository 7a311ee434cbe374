"""The HTTP API over libraries, put together of its endpoints; knows what there is, not what any of it does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import APIRouter, FastAPI, HTTPException, Request
from starlette.routing import Match, Route

from rag.web import (
    documents,
    evaluations,
    libraries,
    mcp_server,
    openai_api,
    questions,
    service_state,
    upload_endpoint,
)
from rag.web.error_responses import add_error_handlers
from rag.web.evaluation_jobs import Evaluations
from rag.web.figures import Figures
from rag.web.mcp_tools import Tools
from rag.web.metrics import CountRequests, Metrics
from rag.web.removals import Removals
from rag.web.running import Runner

if TYPE_CHECKING:
    from rag.web.collections import Collections

ROUTERS = (
    questions.router,
    upload_endpoint.router,
    documents.router,
    libraries.router,
    evaluations.router,
    openai_api.router,
    service_state.router,
)
DESCRIPTION = """Answers from your own documents, with citations to the exact source passage.

Every endpoint that concerns one library takes its name as the query parameter `library`; without one it is `default`.
Every error is `{"error": "one line"}`. Offsets count Unicode code points of a document's text."""


def create_api(collections: Collections) -> FastAPI:
    """Return the application that serves libraries; every error is ``{"error": "one line"}``.

    Endpoints that wait for nothing but the library are synchronous on purpose: they run in the thread pool, so none
    delays another; questions have threads of their own.

    Args:
        collections: The libraries.

    Returns:
        The application.
    """
    # The interactive pages load their scripts from a public network; the schema itself stays at /openapi.json.
    app = FastAPI(
        title="leadgoose", version="1", description=DESCRIPTION, docs_url=None, redoc_url=None, lifespan=_lifespan
    )
    app.state.collections = collections
    app.state.runner = Runner()
    app.state.figures = Figures(collections)
    app.state.metrics = Metrics(app.state.figures)
    app.state.readiness = service_state.Readiness(collections.first)
    app.state.evaluations = Evaluations(collections.folders)
    app.state.removals = Removals()
    add_error_handlers(app)
    for router in ROUTERS:
        app.include_router(router)
    app.include_router(_unknown())
    if mcp_server.is_installed():
        app.state.mcp = mcp_server.McpEndpoint(Tools(collections, app.state.runner))
        app.router.routes.append(Route(mcp_server.PATH, app.state.mcp, include_in_schema=False))
    app.add_middleware(CountRequests, metrics=app.state.metrics)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        stack.callback(app.state.figures.close)
        stack.callback(app.state.evaluations.close)
        # Nothing can be undone by a service that is started anew.
        stack.callback(app.state.removals.close)
        if mcp_server.is_installed():
            await stack.enter_async_context(app.state.mcp.running())
        yield


def _unknown() -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.api_route("/v1/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def unknown(request: Request) -> None:
        if allowed := _allowed(request):
            raise HTTPException(405, f"{request.url.path} takes {allowed} alone", headers={"Allow": allowed})
        raise HTTPException(404, f"no endpoint {request.method} {request.url.path}; GET /openapi.json lists them")

    return router


def _allowed(request: Request) -> str:
    """Return the methods that an address takes, where it takes others than the one it was asked with."""
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, Route)]
    partly = [route for route in routes if route.matches(request.scope)[0] is Match.PARTIAL]
    return ", ".join(sorted({method for route in partly for method in route.methods or ()}))
