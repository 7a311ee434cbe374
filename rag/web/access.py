"""Who asks, and what they may do; knows no tokens as they are kept, no pages and no libraries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from fastapi import HTTPException, Request

EVERY_LIBRARY = "*"


class Role(IntEnum):
    """What a caller may do with a library; each may do what those before it may."""

    READ = 1
    WRITE = 2
    ADMIN = 3


@dataclass(frozen=True)
class Caller:
    """Who asks.

    Attributes:
        name: What logs and limits call them; never a token.
        roles: Role by the name of a library; ``*`` is every library.
    """

    name: str
    roles: Mapping[str, Role]

    def may(self, role: Role, library: str) -> bool:
        """Return whether they may do with a library what a role may."""
        held = max(self.roles.get(EVERY_LIBRARY, 0), self.roles.get(library, 0))
        return held >= role


# Where no token was ever made, whoever reaches the service on this machine may do everything.
LOCAL = Caller("local", {EVERY_LIBRARY: Role.ADMIN})


def caller_of(request: Request) -> Caller:
    """Return who asks: what checked the token has noted it with the request."""
    found: Caller = getattr(request.state, "caller", LOCAL)
    return found


def allowed(role: Role) -> Callable[..., Caller]:
    """Return a dependency that refuses callers without a role for the library that the query names."""

    def check(request: Request, library: str = "default") -> Caller:
        caller = caller_of(request)
        if not caller.may(role, library):
            raise HTTPException(403, f"this token may not {role.name.lower()} the library {library!r}")
        return caller

    return check
