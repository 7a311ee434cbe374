"""The library that a request names, opened for callers who may read, write or administer it; knows no endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, HTTPException, Query, Request

from rag.library import Library
from rag.web.access import Caller, Role, allowed, caller_of, refusal

if TYPE_CHECKING:
    from rag.web.collections import Collections

Name = Annotated[
    str, Query(description="Name of the library; GET /v1/libraries lists them", examples=["default"], max_length=64)
]


def collections_of(request: Request) -> Collections:
    """Return the libraries of the service that a request came to."""
    collections: Collections = request.app.state.collections
    return collections


def check_role(request: Request, role: Role, library: str) -> Caller:
    """Return who asks, if they may do with a library what a role may.

    Args:
        request: The request.
        role: What is to be done.
        library: The library's name; ``*`` for all of them.

    Returns:
        The caller.

    Raises:
        HTTPException: They may not.
    """
    caller = caller_of(request)
    if message := refusal(caller, role, library):
        raise HTTPException(403, message)
    return caller


def _readable(
    request: Request, _: Annotated[Caller, Depends(allowed(Role.READ))], library: Name = "default"
) -> Library:
    return collections_of(request).library(library)


def _writable(
    request: Request, _: Annotated[Caller, Depends(allowed(Role.WRITE))], library: Name = "default"
) -> Library:
    return collections_of(request).library(library)


Readable = Annotated[Library, Depends(_readable)]
Writable = Annotated[Library, Depends(_writable)]
