"""One process, one address: the HTTP API and the pages over libraries, behind one guard; knows the order of it all."""

from __future__ import annotations

import logging
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rag.address import read_address
from rag.errors import AccessError
from rag.settings import Settings
from rag.web.arenas import few_arenas
from rag.web.collections import Collections
from rag.web.guard import Guard
from rag.web.house import House, Limits
from rag.web.known import Known
from rag.web.needed import Needed
from rag.web.origin import LOOPBACK_NAMES, is_loopback
from rag.web.queueing import Gate
from rag.web.quick_start import quick_gradio
from rag.web.rate import Rate
from rag.web.request_log import Requests, set_up
from rag.web.sessions import Sessions
from rag.web.tokens import FILE, Tokens
from rag.web.traces import traced

if TYPE_CHECKING:
    from fastapi import FastAPI

    from rag.library import Library

LOG = logging.getLogger(__name__)
# Threads that answer hold Python's lock for so long before the one that takes requests may go on. With Python's own
# 5 ms and eight of them, /health under 64 askers had a 99th percentile of 0.9 to 2.3 s, with this of 0.3 to 0.4 s.
SWITCH_S = 0.0005


@dataclass(frozen=True)
class Site:
    """Where a service is.

    Attributes:
        host: Address to listen on; by default this machine alone can connect.
        port: Port to listen on; 0 takes a free one.
        names: Names that it is asked under besides, as behind a proxy.
        proxies: Addresses of proxies, whose word is taken for who asks.
        log_format: ``text`` for what goes wrong, ``json`` for a line of JSON about every request.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    names: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    log_format: str = "text"


def create_app(
    collections: Collections,
    *,
    site: Site = Site(),
    examples: Sequence[str] | None = None,
    settings: Settings | None = None,
) -> FastAPI:
    """Return the API of libraries with the pages at ``/``, behind a guard.

    Args:
        collections: What is asked; who may ask stands in a file beside the first library.
        site: Where it will be served. Requests that name another host are refused, so that no web site can read the
            documents through the browser by pointing its name here.
        examples: Questions the page offers at the start.
        settings: The limits of the service; ``None`` for those of the first library.

    Returns:
        The application, ready for a server; ``state.house`` is what stands around it.

    Raises:
        AccessError: The tokens cannot be read, or there are none and other machines could ask.
    """
    settings = settings or collections.first.settings
    tokens = Tokens(collections.first.path / FILE)
    _check_exposure(site, tokens, collections.first)
    with quick_gradio():
        from rag.web.ui import create_page, mount_page
    from rag.web.api import create_api
    from rag.web.login import login_routes

    app = create_api(collections)
    known = Known(tokens, Sessions())
    app.router.routes[:0] = login_routes(known).routes
    endpoints = list(app.routes)
    page = create_page(collections, examples=examples, evaluations=app.state.evaluations, removals=app.state.removals)
    mount_page(app, page)
    pages = {f"/{address.strip('/')}" for address, *_ in page.pages}
    app.state.house = House(
        needed=Needed(endpoints, pages),
        known=known,
        gate=Gate(askers=settings.serve_askers, queue=settings.serve_queue, patience_s=settings.serve_timeout_s),
        rate=Rate(settings.serve_rate_per_minute),
        limits=Limits.of(settings),
        requests=Requests(questions=settings.serve_log_questions == "on"),
        names=LOOPBACK_NAMES | {site.host.lower()} | {name.lower() for name in site.names},
        addresses=not is_loopback(site.host),
    )
    app.add_middleware(Guard, house=app.state.house)
    return app


def serve(
    library: Library,
    *,
    site: Site = Site(),
    open_browser: bool = False,
    examples: Sequence[str] | None = None,
    root: Path | None = None,
) -> None:
    """Serve the pages and the HTTP API until interrupted.

    Args:
        library: What is asked.
        site: Where it is served.
        open_browser: Whether to open the page in the default browser once it answers.
        examples: Questions the page offers at the start; ``None`` offers some that the library is seen to answer.
        root: Folder of further libraries, each served under the name of its subfolder; ``None`` for none.

    Raises:
        RagError: The address cannot be listened on, the library cannot answer, or the tokens cannot be read or are
            missing where others could ask.
    """
    few_arenas()  # before there are threads
    from rag.web.server import Server, address_of, configuration, ending_quietly, listen

    with (
        listen(site.host, site.port) as listener,
        Collections(library, root=root) as collections,
        traced(),
        ending_quietly(),
    ):
        set_up(site.log_format)
        sys.setswitchinterval(SWITCH_S)
        library.statistics()  # what is wrong with it is said now, as far as that is seen without a model
        app = create_app(collections, site=site, examples=examples)
        app.state.readiness.begin()  # aside: the page is there at once, and the first question need not wait for long
        config = configuration(app, proxies=list(site.proxies))
        grace_s = library.settings.serve_grace_s
        address = address_of(listener)
        Server(config, app.state.house, address=address, grace_s=grace_s, browser=open_browser).run([listener])


def _check_exposure(site: Site, tokens: Tokens, library: Library) -> None:
    exposed = not is_loopback(site.host) or any(not is_loopback(name) for name in site.names)
    if exposed and not tokens.needed:
        reached = site.names[0] if is_loopback(site.host) else site.host
        raise AccessError(
            f"serving at {reached} lets other machines ask, and nobody needs a token yet; make one first: "
            f"rag {_named(library)}token add NAME --role read"
        )


def _named(library: Library) -> str:
    """Return the option that names a library, nothing for the default one."""
    return "" if library.address == str(read_address(None)) else f"--library {shlex.quote(library.address)} "
