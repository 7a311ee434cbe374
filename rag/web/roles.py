"""What callers of a service may do with its libraries; knows neither requests nor tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

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

    def may_anywhere(self, role: Role) -> bool:
        """Return whether they may do what a role may with any library at all."""
        return max(self.roles.values(), default=0) >= role


# Where no token was ever made, whoever reaches the service on this machine may do everything.
LOCAL = Caller("local", {EVERY_LIBRARY: Role.ADMIN})
