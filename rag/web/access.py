"""Who asks, for endpoints and pages to look at; knows no tokens as they are kept, no pages and no libraries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import HTTPException, Request

from rag.errors import AccessError
from rag.web.roles import EVERY_LIBRARY, LOCAL, Caller, Role

__all__ = [
    "EVERY_LIBRARY",
    "LOCAL",
    "Caller",
    "Role",
    "allowed",
    "caller_of",
    "check_page",
    "page_caller",
    "refusal",
]


def caller_of(request: Request) -> Caller:
    """Return who asks: what checked the token has noted it with the request."""
    found: Caller = getattr(request.state, "caller", LOCAL)
    return found


def page_caller(request: Any) -> Caller:
    """Return who asks through a page.

    Args:
        request: The ``gr.Request`` that Gradio hands to a function with a parameter of that type.

    Returns:
        Whom the request behind it was let in as.

    Raises:
        AccessError: There is no request behind it, so nobody was let in.
    """
    behind = getattr(request, "request", None)
    if behind is None:
        raise AccessError("this page was not asked for by anybody; load it again")
    return caller_of(behind)


def refusal(caller: Caller, role: Role, library: str) -> str:
    """Return why a caller may not do with a library what a role may; empty where they may."""
    if caller.may(role, library):
        return ""
    return f"this token may not {role.name.lower()} the library {library!r}"


def check_page(request: Any, role: Role, library: str = "default") -> Caller:
    """Return who asks through a page, if they may do with a library what a role may.

    Args:
        request: As for `page_caller`.
        role: What is to be done.
        library: With which library.

    Returns:
        The caller.

    Raises:
        AccessError: They may not; the message can be shown.
    """
    caller = page_caller(request)
    if message := refusal(caller, role, library):
        raise AccessError(message)
    return caller


def allowed(role: Role) -> Callable[..., Caller]:
    """Return a dependency that refuses callers without a role for the library that the query names."""

    def check(request: Request, library: str = "default") -> Caller:
        caller = caller_of(request)
        if message := refusal(caller, role, library):
            raise HTTPException(403, message)
        return caller

    return check
