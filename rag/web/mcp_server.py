"""The tools served over the Model Context Protocol: on standard input and output, and over HTTP; knows no library.

The package `mcp` is the extra of that name; it is imported when something is served.

Reference: https://modelcontextprotocol.io/specification
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from anyio import to_thread
from starlette.responses import JSONResponse

from rag.errors import ModelError
from rag.installed import installed_version
from rag.web.mcp_tools import TOOLS, ToolError, Tools

if TYPE_CHECKING:
    from mcp.server import Server
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
    from starlette.types import Receive, Scope, Send

    from rag.web.collections import Collections

PATH = "/mcp"
INSTRUCTIONS = (
    "Answers from the user's own documents. Every citation is an exact span of a document: quote it as it is and name "
    "the document. Where an answer abstains, the documents do not say it; tell apart whatever comes from elsewhere."
)


def is_installed() -> bool:
    """Tell whether the protocol's package is there."""
    return find_spec("mcp") is not None


def create_server(tools: Tools) -> Server[Any]:
    """Return a server of the tools, which no transport is connected to yet.

    Args:
        tools: What they do.

    Returns:
        The server.
    """
    from mcp import types
    from mcp.server import Server

    listed = [
        types.Tool(
            name=name,
            description=" ".join((arguments.__doc__ or "").split()),
            input_schema=arguments.model_json_schema(),
            output_schema=result.model_json_schema(),
            annotations=types.ToolAnnotations(read_only_hint=True, open_world_hint=False),
        )
        for name, (arguments, _, result) in TOOLS.items()
    ]

    async def list_tools(_context: Any, _params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=listed)

    async def call_tool(context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        try:
            text, values = await tools.call(params.name, params.arguments or {}, context.request)
        except ToolError as error:
            return types.CallToolResult(content=[types.TextContent(text=str(error))], is_error=True)
        return types.CallToolResult(content=[types.TextContent(text=text)], structured_content=values)

    return Server(
        "leadgoose",
        version=installed_version(),
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def serve_stdio(collections: Collections) -> None:
    """Serve the tools on standard input and output until that ends; nothing else is written to standard output.

    Args:
        collections: The libraries.

    Raises:
        ModelError: The protocol's package is not installed.
    """
    if not is_installed():
        raise ModelError("this needs the package mcp; run: pip install 'leadgoose[mcp]'")
    import anyio
    from mcp.server.stdio import stdio_server

    server = create_server(Tools(collections))

    async def run() -> None:
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())

    anyio.run(run)


class McpEndpoint:
    """ASGI application: the tools over HTTP, each request by itself, for as long as it is `running`."""

    def __init__(self, tools: Tools) -> None:
        """Take the tools."""
        self._tools = tools
        self._ending: asyncio.Event | None = None
        self._serving: asyncio.Task[None] | None = None
        self._sessions: asyncio.Future[StreamableHTTPSessionManager] | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve, until the block ends; the protocol's package is imported when the first request comes."""
        self._ending = asyncio.Event()
        try:
            yield
        finally:
            self._ending.set()
            if self._serving is not None:
                await asyncio.wait([self._serving])
            self._ending = self._serving = self._sessions = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if not _is_own(scope):
            await JSONResponse({"error": "this origin may not call the tools"}, 403)(scope, receive, send)
        elif scope["method"] != "POST":
            # Without sessions there is nothing to listen to and nothing to end.
            answer = JSONResponse({"error": "the tools are called with POST"}, 405, headers={"Allow": "POST"})
            await answer(scope, receive, send)
        elif self._ending is None or self._ending.is_set():
            await JSONResponse({"error": "the service is starting or ending"}, 503)(scope, receive, send)
        else:
            await (await self._begun(self._ending)).handle_request(scope, receive, send)

    async def _begun(self, ending: asyncio.Event) -> StreamableHTTPSessionManager:
        if self._sessions is None:
            self._sessions = asyncio.get_running_loop().create_future()
            self._serving = asyncio.create_task(self._serve(self._sessions, ending))
        return await asyncio.shield(self._sessions)

    async def _serve(self, begun: asyncio.Future[StreamableHTTPSessionManager], ending: asyncio.Event) -> None:
        """Serve from the first request to the end, in a task of its own: requests come and go."""
        try:
            sessions = await to_thread.run_sync(self._made)
            async with sessions.run():
                begun.set_result(sessions)
                await ending.wait()
        except Exception as error:
            if begun.done():
                raise
            # Whoever asked is told, and the next request tries again.
            begun.set_exception(error)
            self._sessions = None

    def _made(self) -> StreamableHTTPSessionManager:
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

        # Nothing of a session is kept: any request can be answered by itself, and nothing is left of clients that go.
        return StreamableHTTPSessionManager(create_server(self._tools), json_response=True, stateless=True)


def _is_own(scope: Scope) -> bool:
    """Tell whether a request comes from no page of another host, as the protocol demands to be checked."""
    headers = dict(scope["headers"])
    origin, host = headers.get(b"origin"), headers.get(b"host", b"")
    return origin is None or urlsplit(origin.decode("latin-1")).netloc == host.decode("latin-1")
